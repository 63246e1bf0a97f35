#!/usr/bin/env python3
"""Groups that have a row also over no rows, without GROUP BY or of an empty grouping set: before the first row comes, while there are some, after the last one went; over restarts."""
import json, pathlib, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import *
from program import folder, sparklet

rng = seed()

TABLES = """
CREATE TABLE d (id bigint, k bigint, x bigint, g text, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'filesystem', 'path' = 'd/*.json', 'format' = 'debezium-json'%s);
CREATE TABLE a (id bigint, k bigint) WITH ('connector' = 'filesystem', 'path' = 'a/*.json', 'format' = 'json'%s);
"""
WATCHED = ", 'source.monitor-interval' = '100 ms'"
QUERIES = {
    "counts": "SELECT count(*), sum(x), min(x) FROM d WHERE x < 1000",
    "distinct": "SELECT count(DISTINCT k) AS n, count(DISTINCT g) FILTER (WHERE x > 2) AS m, max(g) FROM d",
    "rows": "SELECT array_agg(x ORDER BY x, id), string_agg(DISTINCT g, ',' ORDER BY g), count(*) FROM d",
    "never": "SELECT count(*), array_agg(id ORDER BY id) FROM a WHERE id < 0",
    "rollup": "SELECT k, g, GROUPING(k, g) AS level, count(*), sum(x) FROM d GROUP BY ROLLUP (k, g)",
    "rollup_rows": "SELECT k, g, GROUPING(k, g) AS level, array_agg(x ORDER BY x, id) FROM d GROUP BY ROLLUP (k, g)",
    "sets": "SELECT k, count(DISTINCT g) AS n, string_agg(g, ',' ORDER BY g) FROM d GROUP BY GROUPING SETS ((k), (), ())",
    "only_empty": "SELECT max(x), percentile_disc(0.5) WITHIN GROUP (ORDER BY x) FROM d GROUP BY GROUPING SETS ((), ())",
    "having": "SELECT k, g, count(*) FROM d GROUP BY CUBE (k, g) HAVING k IS NOT NULL OR GROUPING(k, g) = 3",
    "not_that": "SELECT * FROM (SELECT k, count(*) FROM d GROUP BY ROLLUP (k)) AS t WHERE k IS NOT NULL",
    "subquery": "SELECT a.id, (SELECT count(*) FROM d) AS n, (SELECT count(*) FROM d WHERE d.k = a.k) AS of_key FROM a",
    "compared": "SELECT id FROM a WHERE k >= (SELECT count(*) FROM d)",
    "joined": "SELECT c.n, e.m FROM (SELECT count(*) AS n FROM d) AS c FULL JOIN (SELECT count(*) AS m FROM a WHERE id < 0) AS e ON c.n = e.m",
    "group_of_it": "SELECT n, count(*) FROM (SELECT count(*) AS n FROM d UNION ALL SELECT count(*) FROM a WHERE id < 0) AS u GROUP BY n",
}


def write(cwd, d, a):
    (cwd / "d").mkdir(exist_ok=True)
    (cwd / "a").mkdir(exist_ok=True)
    for name, lines in (("d/0.json", d), ("a/0.json", a)):
        (cwd / name).write_text("".join(json.dumps(x) + "\n" for x in lines))


def answers(cwd):
    """Of each query the rows of a batch."""
    out, rows = {}, None
    text = TABLES % ("", "") + "".join(f"SELECT '{n}' AS answer;\n{q};\n" for n, q in QUERIES.items())
    for row in map(json.loads, sparklet(cwd, "sql", "--format", "json", "-c", text).stdout.splitlines()):
        if "answer" in row:
            rows = out[row["answer"]] = Counter()
        else:
            rows[json.dumps(list(row.values()))] += 1
    return out


def folded(cwd, name):
    rows = Counter()
    for p in sorted((cwd / name).glob("epoch-*")):
        for change in map(json.loads, p.read_text().splitlines()):
            for image, weight in ((change["before"], -1), (change["after"], 1)):
                if image is not None:
                    rows[json.dumps(list(image.values()))] += weight
    assert all(n >= 0 for n in rows.values()), rows
    return +rows


def row():
    return {"k": rng.choice([None, 0, 1, 2]), "x": rng.choice([None, 1, 2, 3, 7]), "g": rng.choice([None, "p", "q"])}


def check(name, *options):
    """The log in pieces: nothing, rows, fewer, none, rows again; each is a run of its own."""
    cwd, log, there, a = folder(name), [], {}, []
    (cwd / "j.sql").write_text(TABLES % (WATCHED, WATCHED) + "".join(f"CREATE SINK s_{n} WITH ('connector' = 'filesystem', 'path' = '{n}', 'format' = 'debezium-json') AS {q};\n" for n, q in QUERIES.items()))
    write(cwd, log, a)
    for step in ("nothing", "rows", "fewer", "none", "nothing new", "rows"):
        if step == "rows":
            for id in range(6):
                there[id] = {"id": id, **row()}
                log.append({"op": "c", "before": None, "after": there[id]})
            a += [{"id": len(a), "k": rng.randrange(4)}]
        for id in list(there) if step == "none" else rng.sample(sorted(there), len(there) // 2) if step == "fewer" else []:
            log.append({"op": "d", "before": there.pop(id), "after": None})
        write(cwd, log, a)
        sparklet(cwd, "run", "--once", "--job", "j", "-s", "epoch.interval=0", "-s", f"epoch.max.rows={rng.randrange(1, 8)}", "-s", f"parallelism={rng.randrange(1, 5)}", *options, "j.sql")
        for n, want in answers(cwd).items():
            got = folded(cwd, n)
            assert got == want, f"{n}, {step}: {differ(got, want)}"


def changes():
    """every run comes to the batch answer"""
    for i in range(3):
        check(f"changes-{i}")


def forgotten():
    """such groups are not forgotten, whatever the age of their last row"""
    check("forgotten", "-s", "state.ttl=1000d")


main(changes, forgotten)
