#!/usr/bin/env python3
"""Random queries with correlated subqueries (random_queries.py) against DuckDB."""
import csv, io, pathlib, sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE)]
import duckdb
from jobs import LONG, main, seed
from program import folder, sparklet
import random_queries

CWD = folder("random")


def tables(rng, db):
    ddl = ""
    for t in random_queries.TABLES:
        rows = random_queries.rows(rng)
        (CWD / f"{t}.csv").write_text("a,b,c\n" + "".join(",".join("" if v is None else str(v) for v in r) + "\n" for r in rows))
        db.execute(f"CREATE OR REPLACE TABLE {t} (a INTEGER, b INTEGER, c INTEGER)")
        if rows:
            db.executemany(f"INSERT INTO {t} VALUES (?, ?, ?)", rows)
        ddl += f"CREATE TABLE {t} (a int, b int, c int) WITH ('connector' = 'filesystem', 'path' = '{t}.csv');\n"
    return ddl


def text(v):
    return "" if v is None else {True: "t", False: "f"}[v] if isinstance(v, bool) else str(v)


def check(rng, ddl, db):
    """True when both had an answer, and then the same one."""
    query = random_queries.Query(rng, depth=rng.randint(1, 3)).text
    try:
        want = sorted([text(v) for v in row] for row in db.execute(query).fetchall())
    except duckdb.Error:   # what it cannot do, or what is wrong in both
        return False
    options = ["-s", "batch.rows=2"] if rng.random() < 0.3 else []
    done = sparklet(CWD, "sql", "--format", "csv", *options, "-c", ddl + query, expect=None)
    if done.returncode and ("not supported" in done.stderr or "more than one row" in done.stderr or "aggregate functions are not allowed" in done.stderr or "ungrouped column" in done.stderr
                            or "must appear in the GROUP BY" in done.stderr):
        return False
    assert done.returncode == 0, f"{done.stderr}\n{ddl}{query}"
    got = sorted(row or [""] for row in list(csv.reader(io.StringIO(done.stdout)))[1:])
    assert got == want, f"{ddl}{query};\n  got  {got[:9]}\n  want {want[:9]}"
    return True


def same_as_duckdb():
    """subqueries of every kind give DuckDB's rows"""
    rng, db = seed(), duckdb.connect()
    rounds, compared = (4000 if LONG else 150), 0
    for n in range(rounds):
        if n % 15 == 0:
            ddl = tables(rng, db)
        compared += check(rng, ddl, db)
    assert compared > rounds * 0.5, f"only {compared} of {rounds} could be compared"


if __name__ == "__main__":
    main(same_as_duckdb)
