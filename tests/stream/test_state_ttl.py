#!/usr/bin/env python3
"""state.ttl: keys that have not changed for some time are forgotten, when the watermark says so or the times of epochs do; against a plain computation of the rule, with restarts."""
import datetime, json, os, pathlib, sys
from collections import Counter

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import main, seed
from program import folder, sparklet

DELAY, TTL = 5, 40     # seconds; TTL is a multiple of eight
EPOCH = datetime.datetime(2024, 1, 1)

TABLE = f"""
CREATE TABLE t (id BIGINT, k BIGINT, side TEXT, v BIGINT, ts TIMESTAMP, WATERMARK FOR ts AS ts - INTERVAL '{DELAY}' SECOND)
WITH ('connector' = 'filesystem', 'path' = 'in', 'format' = 'json', 'source.monitor-interval' = '10 ms'%s);
"""


def sink(name, columns):
    return f"CREATE TABLE {name} ({columns}) WITH ('connector' = 'filesystem', 'path' = '{name}', 'format' = 'changelog-json');\n"


def draw(rng, rows=160, keys=12):
    """Rows in the order in which they come, each an epoch. Times go on, with pauses in which keys grow old."""
    now, out = 0, []
    for i in range(rows):
        now += rng.choice([0, 0, 1, 1, 2, 3, 9, 30]) if rng.random() < 0.9 else TTL
        out.append({"id": i, "k": rng.randrange(keys), "side": rng.choice("lr"), "v": rng.randrange(100), "ts": now - rng.randrange(DELAY)})
    return out


def write(cwd, name, rows):
    (cwd / "in").mkdir(exist_ok=True)
    (cwd / "in" / name).write_text("".join(json.dumps({**r, "ts": str(EPOCH + datetime.timedelta(seconds=r["ts"]))}) + "\n" for r in rows))


ARGUMENTS = ("run", "--once", "--job", "j", "-s", "epoch.max.rows=1", "-s", "epoch.interval=0")


def run(cwd, *options):
    return sparklet(cwd, *ARGUMENTS, *options, "j.sql").stderr


def written(cwd, name):
    rows = Counter()
    for p in sorted((cwd / name).glob("epoch-*.json")):
        for line in p.read_text().splitlines():
            c = json.loads(line)
            rows[tuple(c["data"].values())] += 1 if c["op"][0] == "+" else -1
    return {k: n for k, n in rows.items() if n}


class Keys:
    """What is kept by key, and when each key is due."""

    def __init__(self, ttl=TTL):
        self.kept, self.due, self.ttl, self.forgotten = {}, {}, ttl, 0

    def touch(self, k, watermark):
        apart = self.ttl / 8
        self.due[k] = watermark // apart * apart + self.ttl + apart

    def expire(self, watermark):
        for k in [k for k, due in self.due.items() if due <= watermark]:
            self.forgotten += bool(self.kept.pop(k, None))
            del self.due[k]


def epochs(rows):
    """Each row with the watermark behind its epoch."""
    latest = -10 ** 9
    for r in rows:
        latest = max(latest, r["ts"])
        yield r, latest - DELAY


def totals(rows):
    out, keys = Counter(), Keys()
    for r, watermark in epochs(rows):
        n, s = keys.kept.get(r["k"], (0, 0))
        if n:
            out[(r["k"], n, s)] -= 1
        keys.kept[r["k"]] = (n + 1, s + r["v"])
        out[(r["k"], n + 1, s + r["v"])] += 1
        keys.touch(r["k"], watermark)
        keys.expire(watermark)
    return {k: n for k, n in out.items() if n}, keys.forgotten


def join(steps, ttl="lr"):
    """A join's pairs, and what its rows have met when all is over, by id; of the sides in `ttl` keys are forgotten. steps: epochs' rows and watermarks."""
    side, met, out, again = {s: Keys() for s in "lr"}, {}, Counter(), 0
    for some, watermark in steps:
        for r in some:
            own, other = side[r["side"]], side["l" if r["side"] == "r" else "r"]
            own.kept.setdefault(r["k"], []).append(r["id"])
            met[r["id"]] = [r["side"], r["k"], len(other.kept.get(r["k"], []))]
            for o in other.kept.get(r["k"], []):
                again += met[o][2] > 0 and len(own.kept[r["k"]]) == 1
                met[o][2] += 1
                out[(r["k"], *((r["id"], o) if r["side"] == "l" else (o, r["id"])))] += 1
            if r["side"] in ttl:
                own.touch(r["k"], watermark)
        for s in side.values():
            s.expire(watermark)
    return out, met, sum(s.forgotten for s in side.values()), again


def alone(met, side, meets):
    return [(k, i) for i, (s, k, n) in met.items() if s == side and bool(n) == meets]


def pairs(rows):
    out, _, forgotten, _ = join(([r], w) for r, w in epochs(rows))
    return dict(out), forgotten


def either(rows):
    out, met, forgotten, _ = join(([r], w) for r, w in epochs(rows))
    return {**out, **{(k, i, None): 1 for k, i in alone(met, "l", False)}, **{(None, None, i): 1 for _, i in alone(met, "r", False)}}, forgotten


def without(rows):
    _, met, forgotten, _ = join(([r], w) for r, w in epochs(rows))
    return {row: 1 for row in alone(met, "l", False)}, forgotten


def exists(rows):
    _, met, forgotten, _ = join(([r], w) for r, w in epochs(rows))
    return {row: 1 for row in alone(met, "l", True)}, forgotten


def largest(rows):
    out, keys = Counter(), Keys()
    for r, watermark in epochs(rows):
        best = keys.kept.get(r["k"], [])
        after = sorted(best + [(-r["v"], r["id"])])[:2]
        out.subtract((r["k"], i, -v) for v, i in best)
        out.update((r["k"], i, -v) for v, i in after)
        keys.kept[r["k"]] = after
        keys.touch(r["k"], watermark)
        keys.expire(watermark)
    return {k: n for k, n in out.items() if n}, keys.forgotten


def lists(rows):
    out, keys = Counter(), Keys()
    for r, watermark in epochs(rows):
        old = keys.kept.get(r["k"], [])
        if old:
            out[(r["k"], "".join(f"{i}," for i in sorted(old)))] -= 1
        keys.kept[r["k"]] = old + [r["id"]]
        out[(r["k"], "".join(f"{i}," for i in sorted(old + [r["id"]])))] += 1
        keys.touch(r["k"], watermark)
        keys.expire(watermark)
    return {k: n for k, n in out.items() if n}, keys.forgotten


QUERIES = {
    "totals": ("k BIGINT, n BIGINT, s BIGINT", "SELECT k, count(*), sum(v) FROM t GROUP BY k", totals),
    "pairs": ("k BIGINT, l BIGINT, r BIGINT", "SELECT l.k, l.id, r.id FROM (SELECT * FROM t WHERE side = 'l') AS l JOIN (SELECT * FROM t WHERE side = 'r') AS r ON l.k = r.k", pairs),
    "either": ("k BIGINT, l BIGINT, r BIGINT", "SELECT l.k, l.id, r.id FROM (SELECT * FROM t WHERE side = 'l') AS l FULL JOIN (SELECT * FROM t WHERE side = 'r') AS r ON l.k = r.k", either),
    "without": ("k BIGINT, id BIGINT", "SELECT k, id FROM t WHERE side = 'l' AND NOT EXISTS (SELECT FROM t AS r WHERE r.side = 'r' AND r.k = t.k)", without),
    "exists": ("k BIGINT, id BIGINT", "SELECT k, id FROM t WHERE side = 'l' AND EXISTS (SELECT FROM t AS r WHERE r.side = 'r' AND r.k = t.k)", exists),
    "largest": ("k BIGINT, id BIGINT, v BIGINT", "SELECT k, id, v FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY v DESC, id) AS n FROM t) AS x WHERE n <= 2", largest),
    "lists": ("k BIGINT, ids TEXT", "SELECT k, string_agg(id || ',', '' ORDER BY id) FROM t GROUP BY k", lists),
}


def job(names, settings="", options=""):
    return settings + TABLE % options + "".join(sink(n, QUERIES[n][0]) for n in names) + "".join(f"INSERT INTO {n} {QUERIES[n][1]};\n" for n in names)


def forgets():
    """aggregates, joins, first rows and what keeps all rows of a key forget by the watermark, also over restarts, kills and failures"""
    rng = seed()
    seen = Counter()
    for round in range(2):
        cwd, rows = folder(f"forgets-{round}"), draw(rng)
        (cwd / "j.sql").write_text(job(QUERIES, f"SET state.ttl = '{TTL} s';"))
        cuts = sorted(rng.sample(range(len(rows)), 2))
        for part, (a, b) in enumerate(zip([0] + cuts, cuts + [len(rows)])):
            write(cwd, f"{part}.json", rows[a:b])
            # Killed once between two epochs, and once refused memory or a task, wherever that is: then it goes on.
            for fault in (f"epoch.computed:{rng.randrange(1, b - a + 2)}:kill", f"{rng.choice(['malloc', 'task.finish'])}:{rng.randrange(1, 3000)}"):
                sparklet(cwd, *ARGUMENTS, "-s", "checkpoint.interval=0", "j.sql", fault=fault, expect=None)
            run(cwd, "-s", f"parallelism={rng.randrange(1, 4)}" if part == 0 else "parallelism=2")
        for name, (_, _, model) in QUERIES.items():
            want, forgotten = model(rows)
            got = written(cwd, name)
            assert got == want, f"{name}: missing {[r for r in want.items() if got.get(r[0]) != r[1]][:5]}, other {[r for r in got.items() if want.get(r[0]) != r[1]][:5]}"
            seen[name] += forgotten
    assert all(seen[name] > 5 for name in QUERIES), seen


def stays():
    """within the time nothing is forgotten: rows that are taken back, of keys that change on both sides, are what a batch has"""
    rng = seed()
    cwd, rows = folder("stays"), draw(rng)
    (cwd / "j.sql").write_text(TABLE % "" + sink("o", "k BIGINT, l BIGINT, r BIGINT, m BIGINT") + "SET state.ttl = '1000 days';\n"
                               "CREATE VIEW v AS SELECT k, l.n AS l, r.n AS r, r.m FROM (SELECT k, count(*) % 3 AS n FROM t WHERE side = 'l' GROUP BY k) AS l\n"
                               "FULL JOIN (SELECT k, count(DISTINCT v) AS n, max(v) AS m FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY v, id) AS p FROM t WHERE side = 'r') AS x WHERE p <= 3 GROUP BY k) AS r USING (k);\n"
                               "INSERT INTO o SELECT * FROM v;\n")
    cut = rng.randrange(len(rows))
    for part, some in enumerate((rows[:cut], rows[cut:])):
        write(cwd, f"{part}.json", some)
        run(cwd)
    text = (cwd / "j.sql").read_text().replace(", 'source.monitor-interval' = '10 ms'", "").replace("INSERT INTO o SELECT * FROM v", "SELECT * FROM v")
    want = Counter(tuple(json.loads(line).values()) for line in sparklet(cwd, "sql", "--format", "json", "-c", text).stdout.splitlines())
    assert written(cwd, "o") == want, (written(cwd, "o"), want)


def by_table():
    """a table's own time counts before the job's; 0 keeps its rows for good"""
    cwd, rows = folder("by-table"), draw(seed())
    table = "CREATE TABLE {0} (id BIGINT, k BIGINT, v BIGINT, ts TIMESTAMP, WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '{0}', 'format' = 'json', 'state.ttl' = '{1}');\n"
    (cwd / "j.sql").write_text("SET state.ttl = '1 s';\n" + table.format("a", "40 s") + table.format("b", "0") + sink("o", "x BIGINT") + "INSERT INTO o SELECT a.id + b.id FROM a JOIN b ON a.k = b.k;\n")
    text = sparklet(cwd, "explain", "j.sql").stdout
    assert "forgets a key 40000 ms (left), never (right) after its last change by the watermark, so results may change" in text, text
    assert "not bounded" in text, text


ONE_SIDE = {
    "o": ("k BIGINT, a BIGINT, b BIGINT", "SELECT a.k, a.id, b.id FROM a LEFT JOIN b ON a.k = b.k"),
    "w": ("k BIGINT, id BIGINT", "SELECT k, id FROM a WHERE NOT EXISTS (SELECT FROM b WHERE b.k = a.k)"),
    "e": ("k BIGINT, id BIGINT", "SELECT k, id FROM a WHERE EXISTS (SELECT FROM b WHERE b.k = a.k)"),
    "m": ("k BIGINT, id BIGINT, met BOOLEAN", "SELECT k, id, EXISTS (SELECT FROM b WHERE b.k = a.k) FROM a"),
    "n": ("n BIGINT", "SELECT count(*) FROM a LEFT JOIN b ON a.k = b.k WHERE b.id IS NULL"),
    # Rows that are taken back; and equal ones, of which some have met what others came too late for.
    "c": ("k BIGINT, n BIGINT", "SELECT k, n FROM (SELECT k, count(*) % 2 AS n FROM a GROUP BY k) AS x WHERE NOT EXISTS (SELECT FROM b WHERE b.k = x.k)"),
    "s": ("k BIGINT, n BIGINT", "SELECT k, n FROM (SELECT k, count(*) % 2 AS n FROM a GROUP BY k, id) AS x WHERE NOT EXISTS (SELECT FROM b WHERE b.k = x.k)"),
}


def one_side():
    """rows that are kept for good have met what is forgotten: a key that comes again is not their first"""
    rng, cwd, steps = seed(), folder("one-side"), []
    table = "CREATE TABLE {0} (id BIGINT, k BIGINT, ts TIMESTAMP, WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '{0}', 'format' = 'json', 'source.monitor-interval' = '10 ms'{1});\n"
    (cwd / "j.sql").write_text(table.format("a", "") + table.format("b", f", 'state.ttl' = '{TTL} s'") + "".join(sink(n, c) for n, (c, _) in ONE_SIDE.items()) +
                               "".join(f"INSERT INTO {n} {q};\n" for n, (_, q) in ONE_SIDE.items()))
    for side in "ab":
        (cwd / side).mkdir()
    # Each run is an epoch, with a row of either side of a key that is not seen again, for the watermark.
    for now in range(0, 1000, 20):
        rows = {s: [{"id": now * 10 + i + 5 * (s == "b"), "k": rng.randrange(2), "ts": now} for i in range(rng.randrange(2) if now else 1)] for s in "ab"}
        for s in "ab":
            rows[s].append({"id": now * 10 + 4 + 5 * (s == "b"), "k": 100 + now + (s == "b"), "ts": now})
            (cwd / s / f"{now:04}.json").write_text("".join(json.dumps({**r, "ts": str(EPOCH + datetime.timedelta(seconds=r["ts"]))}) + "\n" for r in rows[s]))
        steps.append(([{**r, "side": {"a": "l", "b": "r"}[s]} for s in "ab" for r in rows[s]], now))
        sparklet(cwd, "run", "--once", "--job", "j", "-s", f"parallelism={rng.randrange(1, 4)}", "j.sql")
    out, met, forgotten, again = join(steps, "r")
    lonely, paired = alone(met, "l", False), alone(met, "l", True)
    want = {"o": {**out, **{(*row, None): 1 for row in lonely}}, "w": {row: 1 for row in lonely}, "e": {row: 1 for row in paired},
            "m": {**{(*row, False): 1 for row in lonely}, **{(*row, True): 1 for row in paired}}, "n": {(len(lonely),): 1}}
    number = Counter(k for s, k, _ in met.values() if s == "l")
    last = {k: n for s, k, n in met.values() if s == "l"}
    want |= {"c": {(k, number[k] % 2): 1 for k, n in last.items() if not n}, "s": Counter((k, 1) for k, _ in lonely)}
    assert forgotten > 5 and again > 2, (forgotten, again)
    for name, rows in want.items():
        assert written(cwd, name) == rows, (name, written(cwd, name), rows)


def goes():
    """state of keys that are never seen again does not stay in the tables"""
    cwd = folder("goes")
    rows = [{"id": i, "k": i, "side": "lr"[i % 2], "v": i, "ts": i * 10} for i in range(200)]
    (cwd / "j.sql").write_text(job(QUERIES, f"SET state.ttl = '{TTL} s';"))
    write(cwd, "0.json", rows)
    run(cwd)
    lines = [line.split("|") for line in sparklet(cwd, "state", "j").stdout.splitlines() if "-1 " in line or "-1|" in line]
    assert len(lines) >= 4, lines
    for line in lines:
        entries = next(int(f) for f in (x.strip() for x in line) if f.isdigit())
        assert 0 < entries < 30, line


def by_epochs():
    """without a watermark the times of epochs count; nothing is due at once"""
    cwd = folder("by-epochs")
    (cwd / "j.sql").write_text(job(["totals"], "SET state.ttl = '1 h';").replace(f", WATERMARK FOR ts AS ts - INTERVAL '{DELAY}' SECOND", ""))
    rows = draw(seed(), 40)
    write(cwd, "0.json", rows)
    run(cwd)
    want = {}
    for r in rows:
        n, s = want.get(r["k"], (0, 0))
        want[r["k"]] = (n + 1, s + r["v"])
    assert written(cwd, "totals") == {(k, *v): 1 for k, v in want.items()}
    text = sparklet(cwd, "explain", "j.sql").stdout
    assert "forgets a key 60 min after its last change by the times of epochs, so results may change" in text and "forgets keys that do not change (state.ttl)" in text, text
    # A second run, in which an hour is a millisecond: but state that means something else is refused.
    (cwd / "j.sql").write_text((cwd / "j.sql").read_text().replace("1 h", "1 ms"))
    text = sparklet(cwd, "run", "--once", "--job", "j", "j.sql", expect=None)
    assert text.returncode and "forgotten 3600000000" in text.stderr, text.stderr


def update_of_forgotten():
    """a row of a forgotten group that is changed nets to nothing; the group begins with the next row that comes"""
    cwd = folder("update-of-forgotten")
    (cwd / "j.sql").write_text(f"SET state.ttl = '{TTL} s';\nCREATE TABLE t (id BIGINT PRIMARY KEY, k BIGINT, v BIGINT, ts TIMESTAMP, WATERMARK FOR ts AS ts)\n"
                               "WITH ('connector' = 'filesystem', 'path' = 'in', 'format' = 'debezium-json', 'source.monitor-interval' = '10 ms');\n" + sink("o", "k BIGINT, n BIGINT, s BIGINT") +
                               "INSERT INTO o SELECT k, count(*), sum(v) FROM t GROUP BY k;\n")
    row = lambda id, k, v, ts: {"id": id, "k": k, "v": v, "ts": str(EPOCH + datetime.timedelta(seconds=ts))}
    old = row(1, 1, 10, 0)
    (cwd / "in").mkdir()
    for n, (before, after) in enumerate([(None, old), (None, row(2, 2, 0, 1000)), (old, row(1, 1, 20, 1001)), (None, row(3, 1, 5, 1002))]):
        (cwd / "in" / f"{n}.json").write_text(json.dumps({"before": before, "after": after, "op": "u" if before else "c"}) + "\n")
        run(cwd)
    assert written(cwd, "o") == {(1, 1, 10): 1, (2, 1, 0): 1, (1, 1, 5): 1}, written(cwd, "o")


def wrong():
    """what is no time is an error that says so"""
    cwd = folder("wrong")
    (cwd / "in").mkdir()
    for text, what in ((job(["totals"], options=", 'state.ttl' = 'soon'"), "'soon' is not a duration"), (job(["totals"], "SET state.ttl = 'soon';"), "'soon' is not a duration"),
                       (job(["totals"], "SET 'table.exec.state.ttl' = '1 week';"), "unknown unit 'week'")):
        (cwd / "j.sql").write_text(text)
        done = sparklet(cwd, "run", "--once", "j.sql", expect=2)
        assert what in done.stderr or "'state.ttl' = 'soon' is not a time" in done.stderr, done.stderr


main(forgets, stays, by_table, one_side, goes, by_epochs, update_of_forgotten, wrong)
