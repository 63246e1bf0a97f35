#!/usr/bin/env python3
"""ASOF joins in batch against DuckDB over random tables: all four comparisons, with and without keys, inner and left, beyond memory; versions of a table."""
import pathlib, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import duckdb
from jobs import LONG, SLOW, main, seed
from program import folder, same, sparklet

CWD = folder("asof")
rng = seed()


def value(text):
    """A value of our CSV or of DuckDB's as one text."""
    return "" if text is None else str(text)


def write(name, rows, keys, times):
    """A file of rows; times are unique within it, so that what is nearest is one row. None is NULL: DuckDB pairs NULLs."""
    picked = rng.sample(range(times), rows)
    lines = ["k,s,t,v"]
    for i, t in enumerate(picked):
        lines.append(f"{rng.randrange(keys)},{rng.choice('xyz')},{t},{name}{i}")
    (CWD / f"{name}.csv").write_text("\n".join(lines) + "\n")


DECLARED = "".join(f"CREATE TABLE {name} (k bigint, s text, t bigint, v text) WITH (connector = 'filesystem', path = '{name}.csv', format = 'csv');" for name in "ab")


def both(query, *options):
    ours = sparklet(CWD, "sql", "--format", "csv", *options, "-c", DECLARED + query.replace("FILE_A", "a").replace("FILE_B", "b")).stdout.splitlines()[1:]
    read = "read_csv('{}', header = true, columns = {{'k': 'BIGINT', 's': 'VARCHAR', 't': 'BIGINT', 'v': 'VARCHAR'}})"
    theirs = duckdb.sql(query.replace("FILE_A", read.format(CWD / "a.csv")).replace("FILE_B", read.format(CWD / "b.csv"))).fetchall()
    return sorted(ours), sorted(",".join(value(v) for v in row) for row in theirs)


def compare(rows, rounds, *options):
    for _ in range(rounds):
        a, b = rng.randrange(rows), rng.randrange(rows)
        write("a", a, rng.choice((1, 4, 300)), rows * 2)
        write("b", b, rng.choice((1, 4, 300)), rows * 2)
        on = " AND ".join(rng.sample(["a.k = b.k", "a.s = b.s"], rng.randint(0, 2)) + [f"a.t {rng.choice(('>=', '>', '<=', '<'))} b.t"])
        query = f"SELECT a.k, a.s, a.t, a.v, b.t AS bt, b.v AS bv FROM FILE_A AS a ASOF {rng.choice(('JOIN', 'LEFT JOIN'))} FILE_B AS b "
        if rng.random() < 0.3:
            using = ", ".join(rng.sample(["k", "s"], rng.randint(0, 2)) + ["t"])
            query = query.replace("a.t,", rng.choice(("t,", "a.t,"))) + f"USING ({using})"
        else:
            side = rng.choice(["", " AND b.t % 3 <> 1", " AND b.s <> 'x'", " AND a.t % 3 > 0 AND b.k > 0"])
            query += f"ON {on}{side if 'LEFT' not in query or 'a.t %' not in side else ''}"
        if rng.random() < 0.5:
            query += f" WHERE a.t % 3 {rng.choice('<>')} 1"
        ours, theirs = both(query, "-s", f"parallelism={rng.choice((1, 3))}", *options)
        assert ours == theirs, f"{query}\n{len(ours)} rows, want {len(theirs)}; {[x for x in zip(ours, theirs) if x[0] != x[1]][:3]}"


def duckdb_agrees():
    """small and middling tables"""
    compare(60, 40 if LONG else 12)
    compare(6000, 10 if LONG else 3)


def beyond_memory():
    """sorted on disk"""
    compare(600_000 // SLOW, 1, "-s", "memory.limit=32MiB")


def null_meets_nothing():
    """a key or a value that is NULL has no partner, whichever way it is compared"""
    rows = "(VALUES (1, 5, 'a'), (1, NULL, 'b'), (NULL, 5, 'c'))"
    for comparison, want in ((">=", "a,a"), ("<=", "a,a"), (">", "a,"), ("<", "a,")):
        query = f"SELECT a.v, b.v FROM {rows} AS a (k, t, v) ASOF LEFT JOIN {rows} AS b (k, t, v) ON a.k = b.k AND a.t {comparison} b.t ORDER BY a.v"
        same(sparklet(CWD, "sql", "--format", "csv", "-c", query).stdout, f"v,v\n{want}\nb,\nc,\n")


def versions():
    """FOR SYSTEM_TIME AS OF over tables: the version of then; what a row looks up is all that there is"""
    write("a", 40, 4, 200)
    write("b", 60, 4, 200)
    declared = ("CREATE TABLE a (k bigint, s text, t bigint, v text, p AS PROCTIME(), at AS to_timestamp(t)) WITH (connector = 'filesystem', path = 'a.csv', format = 'csv');"
                "CREATE TABLE b (k bigint, s text, t bigint, v text, at AS to_timestamp(t), WATERMARK FOR at AS at, PRIMARY KEY (k) NOT ENFORCED)"
                " WITH (connector = 'filesystem', path = 'b.csv', format = 'csv');")
    for query, plain in (("a LEFT JOIN b FOR SYSTEM_TIME AS OF a.at AS c ON a.k = c.k", "a ASOF LEFT JOIN b AS c ON a.k = c.k AND a.at >= c.at"),
                         ("a JOIN b FOR SYSTEM_TIME AS OF a.p ON a.k = b.k", "a JOIN b ON a.k = b.k")):
        got, want = (sorted(sparklet(CWD, "sql", "--format", "csv", "-c", f"{declared} SELECT a.v, {'c' if 'AS c' in q else 'b'}.v AS other FROM {q}").stdout.splitlines()) for q in (query, plain))
        assert got == want and len(got) > 10, query


main(duckdb_agrees, beyond_memory, null_meets_nothing, versions)
