"""The answers of PostgreSQL (PGHOST, PGUSER) to FOLDER's *.sql, one query a line, into *.out; make.sh runs it.

An answer is the query behind '> ', then its rows as CSV, sorted unless the query ends in ORDER BY something, or '!' and the error.
"""
import pathlib
import re
import subprocess
import sys


def psql(sql):
    return subprocess.run(["psql", "-X", "-q", "-v", "VERBOSITY=terse", "-c", sql], capture_output=True, text=True)


def answer(query):
    done = psql(f"COPY ({query}) TO STDOUT (FORMAT csv)")
    if done.returncode:
        return ["!" + done.stderr.split("ERROR:  ", 1)[1].splitlines()[0].split(" at character ")[0]]
    lines = done.stdout.splitlines()
    return lines if ordered(query) else sorted(lines)


def ordered(query):
    """Whether the last ORDER BY stands outside all brackets."""
    depth, outside = 0, ""
    for c in query:
        depth += (c == "(") - (c == ")")
        outside += c if depth == 0 else " "
    return re.search(r"\border\s+by\b", outside, re.I) is not None


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    for statement in (folder / "tables.ddl").read_text().split(";"):
        if statement.strip():
            assert psql(statement).returncode == 0, statement
            table = statement.split()[2]
            assert psql(f"\\copy {table} from '{folder}/{table}.csv' csv header").returncode == 0, table
    for file in sorted(folder.glob("*.sql")):
        if sys.argv[2:] and file.stem not in sys.argv[2:]:
            continue
        with open(file.with_suffix(".out"), "w") as out:
            for query in file.read_text().splitlines():
                if query and not query.startswith("--"):
                    out.write("> " + query + "\n" + "".join(line + "\n" for line in answer(query)))
