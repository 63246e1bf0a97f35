#!/usr/bin/env python3
"""Materialized views of a job, what INSERTs have in common, and `sparklet state`, which reads both from a checkpoint."""
import json, os, pathlib, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import *
from program import folder, sparklet, start

rng = seed()

JOB = """
CREATE TABLE t (id bigint, g bigint, x bigint, ts timestamp, WATERMARK FOR ts AS ts - INTERVAL '1' SECOND) WITH ('connector' = 'filesystem', 'path' = 'in/*.json', 'format' = 'json', 'source.monitor-interval' = '50 ms');
CREATE MATERIALIZED VIEW totals AS SELECT g, count(*) AS n, sum(x) AS s FROM t GROUP BY g;
CREATE MATERIALIZED VIEW big (k, total) AS SELECT g, s FROM totals WHERE n > 3;
CREATE MATERIALIZED VIEW seen AS SELECT g, x FROM t WHERE x < 5;
CREATE MATERIALIZED VIEW windows AS SELECT window_end AS w, count(*) AS n FROM tumble(t, ts, INTERVAL '10 seconds') GROUP BY window_start, window_end;
CREATE TABLE a (g bigint, n bigint) WITH ('connector' = 'filesystem', 'path' = 'a', 'format' = 'debezium-json');
CREATE TABLE b (n bigint, s numeric) WITH ('connector' = 'filesystem', 'path' = 'b', 'format' = 'debezium-json');
INSERT INTO a SELECT g, n FROM totals WHERE g > 1;
INSERT INTO b SELECT count(*), sum(total) FROM big;
INSERT INTO b SELECT count(*), sum(v.total + w.total) FROM big AS v JOIN big AS w USING (k);
"""


class Case:
    def __init__(self, name):
        self.cwd, self.rows = folder(name), []
        (self.cwd / "in").mkdir()
        (self.cwd / "j.sql").write_text(JOB)

    def write(self, file, count):
        with open(self.cwd / "in" / file, "a") as f:
            for _ in range(count):
                i = len(self.rows)
                self.rows.append({"id": i, "g": rng.randrange(6), "x": rng.randrange(20), "ts": f"2025-01-01 00:{i // 60 % 60:02d}:{i % 60:02d}"})
                f.write(json.dumps(self.rows[-1]) + "\n")

    def run(self):
        return sparklet(self.cwd, "run", "--once", "--job", "j", "-s", "epoch.max.rows=20", "-s", "epoch.interval=0", "j.sql")

    def ask(self, query, *options):
        out = sparklet(self.cwd, "state", "j", query, "--format", "json", *options).stdout
        return [tuple(json.loads(line).values()) for line in out.splitlines()]

    def groups(self, rows=None):
        rows = self.rows if rows is None else rows
        return {g: (sum(r["g"] == g for r in rows), sum(r["x"] for r in rows if r["g"] == g)) for g in {r["g"] for r in rows}}

    def folded(self, where):
        out = Counter()
        for p in sorted((self.cwd / where).glob("*.json")):
            for line in p.read_text().splitlines():
                change = json.loads(line)
                for side, weight in (("before", -1), ("after", 1)):
                    if change[side]:
                        out[tuple(change[side].values())] += weight
        return Counter({k: n for k, n in out.items() if n})

    def check(self):
        groups = self.groups()
        assert sorted(self.ask("SELECT * FROM totals")) == sorted((g, n, s) for g, (n, s) in groups.items())
        big = {g: s for g, (n, s) in groups.items() if n > 3}
        assert sorted(self.ask("SELECT k, total FROM big")) == sorted(big.items())
        assert Counter(self.ask("SELECT * FROM seen")) == Counter((r["g"], r["x"]) for r in self.rows if r["x"] < 5)
        closed = self.ask("SELECT w::text, n FROM windows ORDER BY w")
        assert all(n == 10 for _, n in closed) and len(closed) == (len(self.rows) - 2) // 10, closed
        got, want = self.folded("a"), Counter((g, n) for g, (n, _) in groups.items() if g > 1)
        assert got == want, differ(got, want)
        got, want = self.folded("b"), Counter([(len(big), sum(big.values()) if big else None), (len(big), 2 * sum(big.values()) if big else None)])
        assert got == want, differ(got, want)


def views_are_kept():
    """views and what reads them hold what a batch says, run after run, over kills"""
    case = Case("views")
    for round in range(4):
        case.write(f"{round % 2}.json", rng.randrange(30, 90))
        if round == 2:
            job = start(case.cwd, "run", "--once", "--job", "j", "-s", "epoch.max.rows=5", "-s", "checkpoint.interval=0", "j.sql")
            wait_for("an epoch", lambda: (case.cwd / "a").exists() and list((case.cwd / "a").glob("epoch*")))
            job.kill()
            job.wait()
        case.run()
        case.check()


def as_of_an_epoch():
    """a checkpoint that is kept can be asked, one that is not names those that are"""
    case = Case("as-of")
    case.write("0.json", 40)
    case.run()
    first, before = int(sparklet(case.cwd, "state", "j").stdout.split()[3]), case.groups()
    case.write("0.json", 40)
    case.run()
    assert sorted(case.ask("SELECT * FROM totals", "--at", str(first))) == sorted((g, n, s) for g, (n, s) in before.items())
    wrong = sparklet(case.cwd, "state", "j", "SELECT 1", "--at", "9999", expect=1).stderr
    assert "no checkpoint at the end of epoch 9999" in wrong and str(first) in wrong, wrong
    wrong = sparklet(case.cwd, "state", "j", "SELECT * FROM totls", expect=2).stderr
    assert 'relation "totls" does not exist' in wrong and "totals" in wrong, wrong
    assert not list((case.cwd / ".sparklet" / "j").glob("looked-at*")), "what was looked at was left behind"


def lists_tables():
    """without a query: every table, its entries and what is in it"""
    case = Case("lists")
    case.write("0.json", 60)
    case.run()
    lines = [[c.strip() for c in line.split("|")] for line in sparklet(case.cwd, "state", "j").stdout.splitlines() if "|" in line]
    entries = {name: int(n) for name, n, *_ in lines[1:]}
    assert entries["totals.view-1"] == len(case.groups()) == entries["totals.aggregate-1"], entries
    assert not any(name.startswith(("a.", )) for name in entries), entries    # all that a needs is the view's


def common_parts():
    """INSERTs with equal parts compute them once; what is random is computed by each"""
    cwd = folder("common")
    (cwd / "j.sql").write_text("""
CREATE TABLE t (id bigint, g bigint) WITH ('connector' = 'filesystem', 'path' = 'in', 'format' = 'json');
CREATE TABLE a (g bigint, n bigint) WITH ('connector' = 'print');
CREATE TABLE b (g bigint, n bigint) WITH ('connector' = 'print');
INSERT INTO a SELECT g, count(*) FROM t WHERE id > 3 GROUP BY g;
INSERT INTO b SELECT g, count(*) FROM t WHERE id > 3 GROUP BY g;
INSERT INTO b SELECT g, (random() * 100)::bigint FROM t;
INSERT INTO a SELECT g, (random() * 100)::bigint FROM t;
""")
    plan = sparklet(cwd, "explain", "j.sql").stdout
    assert plan.count("-> StreamAggregate") == 2 and plan.count("random()") == 2, plan
    assert len([l for l in plan.splitlines() if "-> StreamAggregate" in l and "(shared, see above)" in l]) == 1, plan


def in_a_batch():
    """in a batch a materialized view is a view; it is dropped by its name, and wrong ones are refused where they are"""
    cwd = folder("batch")
    run = lambda text, expect=0: sparklet(cwd, "sql", "-c", text, expect=expect)
    assert run("CREATE MATERIALIZED VIEW v (a) AS SELECT 1 UNION ALL SELECT 2; SELECT sum(v.a + w.a) FROM v, v AS w; DROP MATERIALIZED VIEW v; CREATE MATERIALIZED VIEW v AS SELECT 3 AS b; SELECT b FROM v").stdout.split() \
        == "sum ----- 12 (1 row) b --- 3 (1 row)".split()
    for text, message in (("CREATE MATERIALIZED VIEW v AS SELECT x", 'column "x" does not exist'), ("CREATE MATERIALIZED VIEW v (a, b) AS SELECT 1", "more column names than columns"),
                          ("CREATE MATERIALIZED VIEW v AS SELECT 1 WITH NO DATA", "WITH NO DATA"), ("CREATE MATERIALIZED VIEW v AS SELECT 1 AS a; CREATE MATERIALIZED VIEW v AS SELECT 1 AS a", "already exists")):
        wrong = run(text, 2).stderr
        assert message in wrong and "1:" in wrong, wrong


main(views_are_kept, as_of_an_epoch, lists_tables, common_parts, in_a_batch)
