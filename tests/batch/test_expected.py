#!/usr/bin/env python3
"""Queries whose answers PostgreSQL gave (expected/*.sql, *.out; make.sh there): rows and errors are the same, whatever the layout of vectors."""
import pathlib, re, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "expected"))
from ask import ordered
from jobs import main
from program import SRC, folder, sparklet

CWD = folder("expected")
HERE = SRC / "tests/batch/expected"


def tables():
    """The tables' DDL over the CSV files."""
    ddl = ""
    for statement in (HERE / "tables.ddl").read_text().split(";"):
        if statement.strip():
            table = statement.split()[2]
            ddl += f"{statement.strip()} WITH ('connector' = 'filesystem', 'path' = '{HERE}/{table}.csv', 'format' = 'csv');\n"
    return ddl


def answers(name):
    """(query, lines) as expected, with what differs from PostgreSQL on purpose put in its place."""
    found, different = [], {}
    for file, into in (((HERE / f"{name}.out"), found), ((HERE / f"{name}.differences"), different)):
        for line in file.read_text().splitlines() if file.exists() else []:
            if line.startswith("> "):
                query, lines = line[2:], []
                if into is found:
                    found.append((query, lines))
                else:
                    different[query] = lines
            elif not line.startswith("#"):
                lines.append(line)
    return [(query, different.get(query, lines)) for query, lines in found]


def run(**env):
    """Lines of CSV without the header, or '!' and the error."""
    done = sparklet(CWD, "sql", "--format", "csv", "q.sql", expect=None, env=env)
    if done.returncode:
        line = (done.stderr.splitlines() or [f"exit code {done.returncode}"])[0]
        return ["!" + re.sub(r"^(sparklet|[^ :]*:\d+:\d+): (error|bad data|syntax error): ", "", line)]
    return done.stdout.splitlines()[1:]


MARK = "a row between two answers"


def run_all(queries, **env):
    """The answers of queries that should not fail, from one run of the program; None when one does."""
    (CWD / "q.sql").write_text(tables() + "".join(f"{query};\nSELECT 1 AS \"{MARK}\";\n" for query in queries))
    done = sparklet(CWD, "sql", "--format", "csv", "q.sql", expect=None, env=env)
    parts = done.stdout.split(f"{MARK}\n1\n")
    return None if done.returncode or len(parts) != len(queries) + 1 else [part.splitlines()[1:] for part in parts[:-1]]


def compare(name, **env):
    cases, failures = answers(name), []
    fine = [query for query, want in cases if want[:1] and want[0][:1] != "!" or not want]
    got_of = dict(zip(fine, run_all(fine, **env) or []))
    for query, want in cases:
        if query in got_of:
            got = got_of[query]
        else:
            (CWD / "q.sql").write_text(tables() + query + ";\n")
            got = run(**env)
        if not ordered(query) and not got[:1] == ["!"]:
            got = sorted(got)
        if got != want:
            failures.append(f"{query}\n    got  {got[:6]}\n    want {want[:6]}")
    assert not failures, f"{len(failures)} of {len(cases)} differ:\n  " + "\n  ".join(failures)


def checks():
    for file in sorted(HERE.glob("*.sql")):
        def plain(name=file.stem):
            compare(name)
        plain.__doc__ = f"{file.stem}: as PostgreSQL answers"
        yield plain


if __name__ == "__main__":
    main(*checks())
