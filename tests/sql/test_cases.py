#!/usr/bin/env python3
"""SQL against PostgreSQL 15: the answers to cases/*.sql, row for row, and its error messages. See cases.py for the cases."""
import csv, io, os, pathlib, re, sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE)]
from jobs import TMP
from program import SRC, sparklet
import cases

DDL = "".join(f"CREATE TABLE {name} ({columns}) WITH ('connector' = 'filesystem', 'path' = '{HERE}/data/{name}.csv');\n" for name, columns in cases.TABLES)
MARK = re.compile(r"^the case\n(\d+)\n", re.M)


def run(numbered):
    """Outputs by number, of one process; it ends at the first error: (outputs, error or None)."""
    script = DDL + "".join(f"SELECT {n} AS \"the case\";\n{case.sql};\n" for n, case in numbered)
    path = TMP / "case.sql"
    path.write_text(script)
    done = sparklet(SRC, "sql", "--format", "csv", path, expect=None)
    parts = MARK.split(done.stdout)
    outputs = {int(parts[i]): parts[i + 1] for i in range(1, len(parts), 2)}
    error = None
    if done.returncode:
        found = re.search(r"error: (.*)", done.stderr)
        error = (found.group(1) if found else done.stderr.strip(), done.returncode)
    return outputs, error


def run_all(numbered):
    """The same for all: those behind an error in a process of their own. A statement that cannot be bound stops the script before it begins."""
    results = {}
    while numbered:
        outputs, error = run(numbered)
        if not error:
            results.update({n: outputs.get(n, "") for n, _ in numbered})
            break
        if len(numbered) == 1:
            results[numbered[0][0]] = error
            break
        half = len(numbered) // 2
        results.update(run_all(numbered[:half]))
        numbered = numbered[half:]
    return results


def rows(text):
    return [row or [""] for row in csv.reader(io.StringIO(text))]


def differs(case, want, got):
    """What is wrong; None: nothing."""
    if case.refused:
        return None if isinstance(got, tuple) and case.refused in got[0] and got[1] == 2 else f"should be refused with {case.refused!r}, got {got!r}"
    if case.says:
        return None if isinstance(got, tuple) and case.says in got[0] else f"should say {case.says!r}, got {got!r}"
    if want.startswith("ERROR: "):
        message = want[7:].strip().splitlines()[0]
        return None if isinstance(got, tuple) and got[0] == message else f"should say {message!r}, got {got!r}"
    if isinstance(got, tuple):
        return f"failed: {got[0]}"
    a, b = rows(want), rows(got)
    if a[:1] != b[:1]:
        return f"columns {b[:1]}, should be {a[:1]}"
    if (a != b) if case.ordered() else (sorted(a[1:]) != sorted(b[1:])):
        return f"rows\n{got}should be\n{want}"
    return None


def main():
    failed = 0
    for path in sorted((HERE / "cases").glob("*.sql")):
        if len(sys.argv) > 1 and path.stem not in sys.argv[1:]:
            continue
        listed, answers = cases.read(path), cases.answers(HERE / "expected" / f"{path.stem}.txt")
        wrong = [n for n, c in enumerate(listed, 1) if c.refused or c.says or answers[n].startswith("ERROR: ")]
        numbered = [(n, c) for n, c in enumerate(listed, 1)]
        results = run_all([p for p in numbered if p[0] not in wrong])
        for p in numbered:
            if p[0] in wrong:
                results.update(run_all([p]))
        bad = [(c, d) for n, c in numbered if (d := differs(c, answers[n], results[n]))]
        for case, why in bad:
            print(f"# {path.name}:{case.line}: {case.sql}\n#   " + why.replace("\n", "\n#   "))
        print(f"{'not ok' if bad else 'ok'} - {path.stem}: {len(listed) - len(bad)} of {len(listed)} as PostgreSQL")
        failed += bool(bad)
    return failed


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
