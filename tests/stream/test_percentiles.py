#!/usr/bin/env python3
"""Percentiles, mode, first and last of large groups whose rows come and change, run after run, against DuckDB."""
import json, pathlib, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import duckdb
from jobs import *
from program import folder, rows_by_key, sparklet

rng = seed()

ITEM = "CREATE TABLE item (id bigint, k bigint, v bigint) WITH ('connector' = 'filesystem', 'path' = 'in/*.csv', 'format' = 'csv', 'csv.header' = 'false');\n"
# Over rows that are only added, and over the sum of an id's values, which changes when it comes again.
SOURCES = {"adds": "item", "changes": "(SELECT id, k, sum(v)::bigint AS v FROM item GROUP BY id, k)"}
SINK = "CREATE TABLE %s (k bigint, c double precision, d bigint, t text, i text, m bigint, f bigint, l bigint) WITH ('connector' = 'filesystem', 'path' = '%s', 'format' = 'debezium-json');\n"
# Groups whose value keeps its digits.
NUMBERS = ("CREATE TABLE numbers (k numeric, n bigint) WITH ('connector' = 'filesystem', 'path' = 'numbers', 'format' = 'debezium-json');\n"
           f"INSERT INTO numbers SELECT v / 10.0, count(*) FROM {SOURCES['changes']} x GROUP BY v / 10.0;\n")
QUERY = """
SELECT k, percentile_cont(0.37) WITHIN GROUP (ORDER BY v), percentile_disc(0.9) WITHIN GROUP (ORDER BY v DESC), percentile_disc(0) WITHIN GROUP (ORDER BY v::text || 'x'),
       (percentile_cont(0.5) WITHIN GROUP (ORDER BY v * INTERVAL '2 seconds'))::text, mode() WITHIN GROUP (ORDER BY v), first(id ORDER BY v, id), last(v ORDER BY id) FILTER (WHERE v < 700)
FROM %s x GROUP BY k"""
DUCKDB = """
SELECT k, quantile_cont(v, 0.37), list_sort(list(v), 'DESC')[greatest(ceil(0.9 * count(*)), 1)::bigint], min(v::text || 'x'),
       quantile_cont(v, 0.5), NULL, arg_min(id, v::hugeint * 1000000000 + id), arg_max(v, id) FILTER (WHERE v < 700)
FROM %s x GROUP BY k"""


def modes(rows):
    """The smallest of the values that a key has most often."""
    counts = {}
    for k, v in rows:
        counts.setdefault(k, Counter())[v] += 1
    return {k: min(c, key=lambda v: (-c[v], v)) for k, c in counts.items()}


def clock(seconds):
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def large_groups():
    """groups of many rows that come and change, after every run"""
    cwd, db = folder("large"), duckdb.connect()
    (cwd / "in").mkdir()
    (cwd / "j.sql").write_text(ITEM + "".join(SINK % (name, name) + f"INSERT INTO {name} {QUERY % source};\n" for name, source in SOURCES.items()) + NUMBERS)
    db.execute("CREATE TABLE item (id bigint, k bigint, v bigint)")
    for run in range(4):
        rows = [(rng.randrange(20_000), 0, rng.randrange(1000)) for _ in range(8000 if run == 0 else 300)]
        rows = [(i, i % 3 if i % 100 else i % 50, v) for i, _, v in rows]
        (cwd / "in" / f"{run}.csv").write_text("".join(f"{i},{k},{v}\n" for i, k, v in rows))
        db.execute(f"INSERT INTO item SELECT * FROM read_csv('{cwd}/in/{run}.csv', header = false)")
        sparklet(cwd, "run", "--once", "--job", "j", "-s", "epoch.interval=0", "-s", "epoch.max.rows=900", "j.sql")
        got = {float(k): row["n"] for k, row in rows_by_key(cwd / "numbers").items()}
        want = {v / 10: n for v, n in db.execute(f"SELECT v, count(*) FROM {SOURCES['changes']} x GROUP BY v").fetchall()}
        assert got == want, differ(Counter(got), Counter(want))
        for name, source in SOURCES.items():
            got = rows_by_key(cwd / name)
            mode = modes(db.execute(f"SELECT k, v FROM {source} x").fetchall())
            want = db.execute(DUCKDB % source).fetchall()
            assert len(got) == len(want), (len(got), len(want))
            for k, c, d, t, median, _, f, l in want:
                row = got[k]
                exact = {"k": k, "d": d, "t": t, "i": clock(int(2 * median)), "m": mode[k], "f": f if name == "changes" else row["f"], "l": l if name == "changes" else row["l"]}
                assert {n: row[n] for n in exact} == exact and abs(row["c"] - c) < 1e-9, (run, name, row, exact, c)


main(large_groups)
