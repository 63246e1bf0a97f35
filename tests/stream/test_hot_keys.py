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
# What is kept of an item: the sum of all its values, which changes when it comes again, and may come to nothing; so of those asked for.
LATEST = """
CREATE VIEW latest AS SELECT id, k, sum(v)::bigint AS v FROM item GROUP BY id, k HAVING sum(v) % 5 <> 0;
CREATE VIEW wanted AS SELECT q, k, sum(w)::bigint AS w FROM asked GROUP BY q, k HAVING sum(w) % 7 <> 0;
"""
# Few of the pairs meet the condition. It has to be computed for every pair of a key.
CONDITION = "a.k = i.k AND abs(i.id + i.v) % MODULUS = a.w % MODULUS"


class Job:
    def __init__(self, name, sql, memory):
        self.cwd, self.memory, self.files = folder(name), memory, 0
        (self.cwd / "in").mkdir()
        (self.cwd / "j.sql").write_text(TABLES + sql)

    def write(self, table, rows):
        self.files += 1
        with open(self.cwd / "in" / f"{table}-{self.files:03d}.csv", "w") as f:
            f.writelines(",".join(map(str, r)) + "\n" for r in rows)

    def run(self, *options):
        done = sparklet(self.cwd, "run", "--once", "--job", "j", "-s", f"memory.limit={self.memory}", "-s", "epoch.interval=0", "-s", "epoch.max.rows=8192", *options, "j.sql")
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
    job = Job("adds", SINK % ("o", columns, "o") + f"INSERT INTO o SELECT a.q, a.w, i.id, i.v FROM asked a LEFT JOIN item i ON {CONDITION};\n".replace("MODULUS", "997"), "64MiB")
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
    "inner_join": ("q bigint, id bigint, v bigint", f"SELECT a.q, i.id, i.v FROM wanted a JOIN latest i ON {CONDITION}"),
    "full_join": ("q bigint, id bigint, v bigint", f"SELECT a.q, i.id, i.v FROM wanted a FULL JOIN latest i ON {CONDITION}"),
    "right_join": ("q bigint, id bigint, v bigint", "SELECT a.q, i.id, i.v FROM wanted a RIGHT JOIN latest i ON a.k = i.k"),
    "semi_join": ("id bigint, v bigint", "SELECT i.id, i.v FROM latest i WHERE EXISTS (SELECT FROM wanted a WHERE a.k = i.k)"),
    "anti_join": ("q bigint", f"SELECT a.q FROM wanted a WHERE NOT EXISTS (SELECT FROM latest i WHERE {CONDITION})"),
}


def latest(rows, divisor):
    sums = {}
    for i, k, v in rows:
        sums[(i, k)] = sums.get((i, k), 0) + v
    return [(i, k, v) for (i, k), v in sums.items() if v % divisor]


def plain(items, asked, modulus):
    items, asked = latest(items, 5), latest(asked, 7)
    by = {}
    for i, k, v in items:
        by.setdefault((k, abs(i + v) % modulus), []).append((i, v))
    pairs = [(q, i, v) for q, k, w in asked for i, v in by.get((k, w % modulus), [])]
    met, keys = {(i, v) for _, i, v in pairs}, Counter(k for _, k, _ in asked)
    alone = [(q, None, None) for q, k, w in asked if (k, w % modulus) not in by]
    return {
        "inner_join": Counter(pairs),
        "full_join": Counter(pairs + alone + [(None, i, v) for i, k, v in items if (i, v) not in met]),
        "right_join": Counter([(q, i, v) for i, k, v in items for q, l, _ in asked if k == l] + [(None, i, v) for i, k, v in items if not keys[k]]),
        "semi_join": Counter((i, v) for i, k, v in items if keys[k]),
        "anti_join": Counter((q,) for q, _, _ in alone),
    }


class Changing(Job):
    """Items and those asked for, both of which change; an item has one key, as has what is asked for."""

    def __init__(self, name, queries, modulus, key_of, *options):
        self.queries, self.modulus, self.key_of, self.options, self.items, self.asked = queries, modulus, key_of, options, [], []
        sql = LATEST + "".join(SINK % (q, QUERIES[q][0], q) + f"INSERT INTO {q} {QUERIES[q][1]};\n" for q in queries)
        super().__init__(name, sql.replace("MODULUS", str(modulus)), "64MiB")

    def come(self, items, asked):
        self.write("item", [(i, self.key_of(i), rng.randrange(1000)) for i in items])
        self.write("asked", [(q, self.key_of(q), rng.randrange(1000)) for q in asked])

    def write(self, table, rows):
        super().write(table, rows)
        (self.items if table == "item" else self.asked).extend(rows)

    def check(self):
        self.run(*self.options)
        want = plain(self.items, self.asked, self.modulus)
        for q in self.queries:
            got = self.result(q)
            assert got == want[q], f"{q}: {differ(got, want[q])}"


def many_rows_that_change():
    """keys of many rows that change, each kind of join, in 64 MiB"""
    job = Changing("changes", [q for q in QUERIES if q != "right_join"], 997, lambda i: 7 if i % 10 else i % 7)
    job.come(range(60_000), [14])
    job.check()
    for step in range(4):
        job.come([rng.randrange(60_050) for _ in range(300)], [] if step == 1 else [rng.randrange(1, 40) for _ in range(3)])
        job.check()


def small_pieces():
    """both sides of a key in many pieces, each epoch of some rows of both: by small batches, which few pages go with"""
    job = Changing("pieces", list(QUERIES), 7, lambda i: i % 50 and 1 or i % 3, "-s", "batch.rows=16", "-s", "epoch.max.rows=150")
    job.come(range(800), range(250))
    job.check()
    for step in range(4):
        job.come([rng.randrange(900) for _ in range(rng.choice((5, 200)))], [rng.randrange(300) for _ in range(rng.choice((0, 5, 60)))])
        job.check()


def long_rows():
    """a key whose rows are long: more than memory, few pieces at a time"""
    sql = TABLES.replace("v bigint", "v text") + SINK % ("o", "q bigint, id bigint, n bigint", "o")
    sql += "INSERT INTO o SELECT a.q, i.id, length(i.v) FROM asked a JOIN item i ON a.k = i.k AND i.id % 100 = a.w AND length(i.v || a.w) > 5;\n"
    job = Job("long", "", "64MiB")
    (job.cwd / "j.sql").write_text(sql)
    job.write("item", [(i, 7, f"x{i:05d}" * 3000) for i in range(4000)])
    job.write("asked", [(0, 8, 1)])
    job.run("-s", "parallelism=1", "-s", "epoch.max.bytes=4MiB")
    job.write("asked", [(1, 7, 98)])
    job.run("-s", "parallelism=1")
    want = Counter((1, i, 18000) for i in range(98, 4000, 100))
    got = job.result("o")
    assert got == want, differ(got, want)


main(many_rows_that_come, many_rows_that_change, small_pieces, long_rows)
