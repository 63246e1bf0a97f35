"""Cases of cases/*.sql: reading them, and asking PostgreSQL for the answers (called by expected/make.sh).

A file is statements that end with ";" at the end of a line. A comment before one may say what Sparklet does instead of answering:
  -- refused: TEXT    it is not supported, and the message holds TEXT
  -- says: TEXT       it is wrong in PostgreSQL too, but PostgreSQL's message is another one
An answer is the rows as COPY ... CSV HEADER writes them, or PostgreSQL's error message.
"""
import pathlib, re, subprocess, sys

HERE = pathlib.Path(__file__).resolve().parent
TABLES = [t for t in re.findall(r"CREATE TABLE (\w+) \((.*)\);", (HERE / "tables.sql").read_text())]


class Case:
    def __init__(self, sql, line, refused, says):
        self.sql, self.line, self.refused, self.says = sql, line, refused, says

    def ordered(self):
        """Whether its own ORDER BY makes the order of rows part of the answer."""
        text, depth, out = re.sub(r"'[^']*'", "''", self.sql), 0, []
        for c in text:
            depth += c == "("
            if depth == 0:
                out.append(c)
            depth -= c == ")"
        return re.search(r"\border\s+by\b", "".join(out), re.I) is not None


def read(path):
    cases, lines, refused, says, start = [], [], None, None, 0
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not lines and line.startswith("--"):
            refused = line[12:].strip() if line.startswith("-- refused: ") else refused
            says = line[9:].strip() if line.startswith("-- says: ") else says
            continue
        if not lines and not line.strip():
            continue
        start = start if lines else number
        lines.append(line)
        if line.rstrip().endswith(";"):
            cases.append(Case("\n".join(lines).rstrip()[:-1], start, refused, says))
            lines, refused, says = [], None, None
    assert not lines, f"{path}: the last statement does not end"
    return cases


def answers(path):
    """Texts by case."""
    parts = re.split(r"^-- (\d+)\n", path.read_text(), flags=re.M)
    found = {int(parts[i]): parts[i + 1] for i in range(1, len(parts), 2)}
    return {n: text[text.index("ERROR: "):] if re.search(r"^ERROR: ", text, flags=re.M) else text for n, text in found.items()}


def ask(socket, cases):
    script = ["\\set VERBOSITY terse", "SET client_min_messages = warning;"]
    for name, columns in TABLES:
        script += [f"CREATE TABLE {name} ({columns});", f"\\copy {name} FROM '{HERE}/data/{name}.csv' WITH (FORMAT csv, HEADER)"]
    for n, case in enumerate(cases, 1):
        script += [f"\\echo -- {n}", f"COPY (\n{case.sql}\n) TO STDOUT WITH (FORMAT csv, HEADER);"]
    done = subprocess.run(["psql", "-X", "-q", "-h", socket, "-U", "postgres", "-d", "answers"], input="\n".join(script) + "\n", text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return re.sub(r"^psql:.*?ERROR:  |^ERROR:  ", "ERROR: ", done.stdout, flags=re.M)


def main():
    socket, out, names = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
    for path in sorted((HERE / "cases").glob("*.sql")):
        if names and path.stem not in names:
            continue
        subprocess.run(["psql", "-X", "-q", "-h", socket, "-U", "postgres", "-c", "DROP DATABASE IF EXISTS answers", "-c", "CREATE DATABASE answers"], check=True)
        cases = read(path)
        text = ask(socket, cases)
        text = text[text.index("-- 1\n"):]
        text = re.sub(r" at character \d+$", "", text, flags=re.M)
        (out / f"{path.stem}.txt").write_text(text)
        print(f"{len(cases):4} {path.stem}, {len(re.findall(r'^ERROR: ', text, flags=re.M))} of them errors")


if __name__ == "__main__":
    main()
