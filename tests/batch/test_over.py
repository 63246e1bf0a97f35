#!/usr/bin/env python3
"""Window functions over random rows and frames against DuckDB; what PostgreSQL refuses is refused."""
import json, os, random, sys, pathlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import duckdb
from jobs import LONG, main
from program import folder, sparklet

CWD = folder("over")
SEED = int(os.environ.get("SPARKLET_SEED") or random.SystemRandom().randrange(1 << 30))
DDL = "CREATE TABLE t (n bigint, p int, q text, k int, d double precision, m numeric(8, 2), ts timestamp, s text) WITH ('connector' = 'filesystem', 'path' = '{}', 'format' = 'csv');"


def write_rows(rng, rows):
    def null(value):
        return "" if rng.random() < 0.1 else value
    path = CWD / f"t{rows}.csv"
    with open(path, "w") as f:
        f.write("n,p,q,k,d,m,ts,s\n")
        for n in range(rows):
            f.write(f"{n},{null(rng.randrange(4))},{null(rng.choice('ab'))},{null(rng.randrange(-9, 30))},{null(rng.randrange(40) / 4)},{null(round(rng.uniform(-5, 5), 2))},"
                    f"{null(f'2020-01-{rng.randrange(1, 28):02d} {rng.randrange(24):02d}:00:00')},{null(rng.choice(['x', 'yy', 'a text that is long', 'zz']))}\n")
    return path


def frame(rng, keys):
    """A frame that PostgreSQL and DuckDB both take; `keys`: the sort keys."""
    if rng.random() < 0.25:
        return ""
    mode = rng.choice(["ROWS", "RANGE", "GROUPS"] if keys else ["ROWS", "RANGE"])
    offset = lambda: str(rng.randrange(5))
    if mode == "RANGE" and keys:
        offset = (lambda: f"INTERVAL '{rng.randrange(100)}' HOUR") if keys[0].startswith("ts") else offset
        if keys[0][0] in "qs" or len(keys) != 1:
            offset = None
    elif mode == "RANGE":
        offset = None
    bounds = ["UNBOUNDED PRECEDING", f"{offset()} PRECEDING" if offset else "CURRENT ROW", "CURRENT ROW", f"{offset()} FOLLOWING" if offset else "CURRENT ROW", "UNBOUNDED FOLLOWING"]
    a, b = sorted((rng.randrange(5), rng.randrange(5)))
    a, b = min(a, 3), max(b, 1)
    exclude = rng.choice(["", "", "", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP", " EXCLUDE TIES"])
    return f" {mode} BETWEEN {bounds[a]} AND {bounds[b]}{exclude}"


def call(rng, unique):
    """A call whose result does not depend on how ties are ordered, unless the order has none."""
    aggregates = ["count(*)", "count(k)", "sum(k)", "min(s)", "max(m)", "min(ts)", "sum(m)", "avg(k)", "count(*) FILTER (WHERE k > 3)", "sum(k) FILTER (WHERE q = 'a')"]
    ranks = ["rank()", "dense_rank()", "percent_rank()", "cume_dist()"]
    ordered = ["row_number()", "ntile(3)", "lag(k)", "lead(s, 2)", "lag(m, 3, 1.5)", "lead(k, p, -1)", "first_value(s)", "last_value(k)", "nth_value(m, 2)"]
    return rng.choice(aggregates + (ranks + ordered if unique else ranks))


def window(rng):
    partition = rng.sample(["p", "q", "k % 3"], rng.randrange(3))
    keys = rng.sample(["k", "ts", "s", "m", "q"], rng.randrange(3))
    unique = rng.random() < 0.5
    if unique:
        keys.append("n")
    order = [f"{k}{rng.choice([' ASC', ' DESC'])} NULLS {rng.choice(['FIRST', 'LAST'])}" for k in keys]
    f = call(rng, unique)
    ranking = f.split("(")[0] in ("rank", "dense_rank", "percent_rank", "cume_dist", "row_number", "ntile", "lag", "lead")
    shape = "" if ranking else frame(rng, keys)
    if shape.startswith(" ROWS") and not unique:
        shape = ""
    text = ("PARTITION BY " + ", ".join(partition) + " " if partition else "") + ("ORDER BY " + ", ".join(order) if order else "") + shape
    return f"{f} OVER ({text})"


def plain(value):
    if isinstance(value, float) or value.__class__.__name__ == "Decimal":
        return round(float(value), 9)
    return value if value is None or isinstance(value, (int, str)) else str(value)


def compare(path, query, *options, fault=None):
    done = sparklet(CWD, "sql", "--format", "json", "-c", DDL.format(path) + query, *options, fault=fault)
    got = [[plain(v) for v in json.loads(line).values()] for line in done.stdout.splitlines()]
    want = [[plain(v) for v in row] for row in duckdb.sql(f"SET threads = 1; CREATE OR REPLACE TABLE t AS FROM read_csv('{path}', columns = {{'n': 'BIGINT', 'p': 'INT', 'q': 'VARCHAR', 'k': 'INT',"
            "'d': 'DOUBLE', 'm': 'DECIMAL(8, 2)', 'ts': 'TIMESTAMP', 's': 'VARCHAR'}); " + query).fetchall()]
    for a, b in zip(got, want):
        assert a == b, f"{query}\n  got  {a}\n  want {b}"
    assert len(got) == len(want), query


def random_windows():
    """random calls, windows and frames, rows in any batches and layouts, in memory, on disk or on both: as DuckDB"""
    rng = random.Random(SEED)
    for rows in (1, 60, 700) + ((20000,) if LONG else ()):
        path = write_rows(rng, rows)
        for _ in range(40 if LONG else 14):
            calls = [window(rng) for _ in range(rng.randrange(1, 5))]
            query = "SELECT n, " + ", ".join(f"{c} AS c{i}" for i, c in enumerate(calls)) + " FROM t ORDER BY n"
            try:
                # Pages are no larger than batches; a fault has all operators spill whenever, or once, they could.
                fault = rng.choice([None, "spill.wanted:1+", f"spill.wanted:{rng.randrange(1, 9)}", f"spill.wanted:{rng.randrange(1, 30)}+"])
                compare(path, query, "-s", f"batch.rows={rng.choice([1, 7, 100, 4096])}", "-s", f"parallelism={rng.randrange(1, 5)}", fault=fault)
            except Exception:
                print(f"seed: {SEED}")
                raise


def across_batches():
    """partitions and frames that reach over many batches"""
    path = CWD / "large.csv"
    with open(path, "w") as f:
        f.write("n,p,q,k,d,m,ts,s\n")
        for n in range(30000):
            f.write(f"{n},{n // 9000},a,{n * 7 % 1000},0,1,2020-01-01 00:00:00,x\n")
    compare(path, "SELECT n, sum(k) OVER (PARTITION BY p ORDER BY n), lag(k, 5000) OVER (PARTITION BY p ORDER BY n), last_value(n) OVER (PARTITION BY p), "
            "max(k) OVER (ORDER BY n ROWS BETWEEN 20 PRECEDING AND 6000 FOLLOWING EXCLUDE TIES) FROM t WHERE n < 30000 ORDER BY n" if LONG else
            "SELECT n, sum(k) OVER (PARTITION BY p ORDER BY n), lag(k, 5000) OVER (PARTITION BY p ORDER BY n), last_value(n) OVER (PARTITION BY p) FROM t ORDER BY n")


def named_and_qualified():
    """named windows, QUALIFY with and without a WINDOW clause, aggregates of aggregates, DISTINCT ON"""
    path = write_rows(random.Random(1), 60)
    compare(path, "SELECT n, sum(k) OVER w, count(*) OVER (w ROWS 2 PRECEDING) FROM t WINDOW w AS (PARTITION BY p ORDER BY n) ORDER BY n")
    compare(path, "SELECT n FROM t QUALIFY row_number() OVER (PARTITION BY p ORDER BY n DESC) <= 2 ORDER BY n")
    compare(path, "SELECT n, rank() OVER w FROM t WINDOW w AS (ORDER BY n) QUALIFY rank() OVER w > 55 ORDER BY n LIMIT 3")
    compare(path, "SELECT p, sum(k) AS a, sum(sum(k)) OVER (ORDER BY p NULLS LAST) FROM t GROUP BY p ORDER BY p NULLS LAST")
    compare(path, "SELECT DISTINCT ON (p) p, n, k FROM t ORDER BY p NULLS LAST, n DESC")


def wrong():
    """errors that come when it runs: PostgreSQL's words"""
    path = write_rows(random.Random(2), 60)
    for query, text in (("SELECT ntile(0) OVER () FROM t", "argument of ntile must be greater than zero"),
                        ("SELECT nth_value(k, 0) OVER () FROM t", "argument of nth_value must be greater than zero"),
                        ("SELECT sum(k) OVER (ORDER BY n ROWS -1 PRECEDING) FROM t", "frame starting offset must not be negative"),
                        ("SELECT sum(k) OVER (ORDER BY n ROWS BETWEEN 1 PRECEDING AND NULL FOLLOWING) FROM t", "frame ending offset must not be null"),
                        ("SELECT sum(k) OVER (ORDER BY n RANGE -1 PRECEDING) FROM t", "invalid preceding or following size in window function")):
        assert text in sparklet(CWD, "sql", "-c", DDL.format(path) + query, expect=1).stderr, query


print(f"seed: {SEED}")
main(random_windows, across_batches, named_and_qualified, wrong)
