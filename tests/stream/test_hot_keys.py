#!/usr/bin/env python3
"""Joins of keys with very many rows in little memory: rows that are only added, and rows that change; every kind of join, against a plain computation."""
import json, pathlib, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import *
from program import folder, sparklet

rng = seed()

TABLES = """
CREATE TABLE item (id bigint, k bigint, v bigint) WITH ('connector' = 'filesystem', 'path' = 'in/item-*.csv', 'format' = 'csv', 'csv.header' = 'false');
CREATE TABLE asked (q bigint, k bigint, w bigint) WITH ('connector' = 'filesystem', 'path' = 'in/asked-*.csv', 'format' = 'csv', 'csv.header' = 'false');
"""
SINK = "CREATE TABLE %s (%s) WITH ('connector' = 'filesystem', 'path' = '%s', 'format' = 'debezium-json');\n"
# What is kept of an item: the sum of all its values, which changes when it comes again.
LATEST = "CREATE VIEW latest AS SELECT id, k, sum(v)::bigint AS v FROM item GROUP BY id, k;\n"
# Few of the pairs meet the condition. It has to be computed for every pair of a key.
CONDITION = "a.k = i.k AND (i.id + i.v) % 997 = a.w"


class Job:
    def __init__(self, name, sql, memory):
        self.cwd, self.memory, self.files = folder(name), memory, 0
        (self.cwd / "in").mkdir()
        (self.cwd / "j.sql").write_text(TABLES + sql)

    def write(self, table, rows):
        self.files += 1
        with open(self.cwd / "in" / f"{table}-{self.files:03d}.csv", "w") as f:
            f.writelines(",".join(map(str, r)) + "\n" for r in rows)

    def run(self):
        done = sparklet(self.cwd, "run", "--once", "--job", "j", "-s", f"memory.limit={self.memory}", "-s", "epoch.interval=0", "-s", "epoch.max.rows=8192", "j.sql")
        assert "recovering" not in done.stderr, done.stderr[-1500:]

    def result(self, sink):
        out = Counter()
        for p in sorted((self.cwd / sink).glob("*.json")):
            for line in p.read_text().splitlines():
                change = json.loads(line)
                for side, weight in (("before", -1), ("after", 1)):
                    if change[side]:
                        out[tuple(change[side].values())] += weight
        return Counter({row: n for row, n in out.items() if n})


def many_rows_that_come():
    """a key of a million rows that are only added, in 64 MiB"""
    columns = "q bigint, w bigint, id bigint, v bigint"
    job = Job("adds", SINK % ("o", columns, "o") + f"INSERT INTO o SELECT a.q, a.w, i.id, i.v FROM asked a LEFT JOIN item i ON {CONDITION};\n", "64MiB")
    items = [(i, 7, i % 1000) for i in range(1_000_000)]
    asked = [(1, 8, 5)]
    job.write("item", items)
    job.write("asked", asked)
    job.run()
    for step in range(2):
        asked += [(2 + 2 * step + i, 7, rng.randrange(997)) for i in range(2)]
        job.write("asked", asked[-2:])
        items += [(len(items) + i, 7, rng.randrange(1000)) for i in range(3)]
        job.write("item", items[-3:])
        job.run()
    met = {}
    for i, k, v in items:
        met.setdefault((k, (i + v) % 997), []).append((i, v))
    want = Counter((q, w, i, v) for q, k, w in asked for i, v in met.get((k, w), [(None, None)]))
    got = job.result("o")
    assert got == want, differ(got, want)


QUERIES = {
    "inner_join": ("q bigint, id bigint, v bigint", f"SELECT a.q, i.id, i.v FROM asked a JOIN latest i ON {CONDITION}"),
    "full_join": ("q bigint, id bigint, v bigint", f"SELECT a.q, i.id, i.v FROM asked a FULL JOIN latest i ON {CONDITION}"),
    "semi_join": ("id bigint, v bigint", "SELECT i.id, i.v FROM latest i WHERE EXISTS (SELECT FROM asked a WHERE a.k = i.k)"),
    "anti_join": ("q bigint", f"SELECT a.q FROM asked a WHERE NOT EXISTS (SELECT FROM latest i WHERE {CONDITION})"),
}


def plain(items, asked):
    latest = {}
    for i, k, v in items:
        latest[(i, k)] = latest.get((i, k), 0) + v
    by = {}
    for (i, k), v in latest.items():
        by.setdefault((k, (i + v) % 997), []).append((i, v))
    pairs = [(q, i, v) for q, k, w in asked for i, v in by.get((k, w), [])]
    met, keys = {i for _, i, _ in pairs}, {k for _, k, _ in asked}
    alone = [(q, None, None) for q, k, w in asked if (k, w) not in by]
    return {
        "inner_join": Counter(pairs),
        "full_join": Counter(pairs + alone + [(None, i, v) for (i, k), v in latest.items() if i not in met]),
        "semi_join": Counter((i, v) for (i, k), v in latest.items() if k in keys),
        "anti_join": Counter((q,) for q, _, _ in alone),
    }


def many_rows_that_change():
    """keys of many rows that change, each kind of join, in 64 MiB"""
    rows = 60_000
    job = Job("changes", LATEST + "".join(SINK % (name, columns, name) + f"INSERT INTO {name} {query};\n" for name, (columns, query) in QUERIES.items()), "64MiB")
    # All of one key but for some; then items that change, and come.
    items = [(i, 7 if i % 10 else i % 7, i % 1000) for i in range(rows)]
    asked = [(0, 99, 0)]
    job.write("item", items)
    job.write("asked", asked)
    job.run()
    for step in range(4):
        again = [(i, 7 if i % 10 else i % 7, rng.randrange(-500, 500)) for i in (rng.randrange(rows + 50) for _ in range(300))]
        more = [(10 * step + i, rng.choice((7, 7, 3, 100)), rng.randrange(997)) for i in range(1, 4)]
        job.write("item", again)
        if step != 1:
            job.write("asked", more)
            asked += more
        items += again
        job.run()
        for name, want in plain(items, asked).items():
            got = job.result(name)
            assert got == want, f"{name}: {differ(got, want)}"


main(many_rows_that_come, many_rows_that_change)
