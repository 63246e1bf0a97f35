#!/usr/bin/env python3
"""Maps in the state of joins and aggregates, over restarts: what comes out adds up to what the rows so far come to, whatever is in the maps."""
import json, pathlib, sys
from collections import Counter

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import *
from program import folder, sparklet

rng = seed()

JOB = """
CREATE TABLE a (id INT, g INT, m MAP<STRING, INT>) WITH ('connector' = 'filesystem', 'path' = 'a', 'format' = 'json', 'source.monitor-interval' = '1 s');
CREATE TABLE b (g INT, k STRING) WITH ('connector' = 'filesystem', 'path' = 'b', 'format' = 'json', 'source.monitor-interval' = '1 s');
CREATE TABLE joined (id INT, m MAP<STRING, INT>, v INT, n BIGINT) WITH ('connector' = 'filesystem', 'path' = 'joined', 'format' = 'changelog-json');
CREATE TABLE newest (g INT, m MAP<STRING, INT>, `sum` BIGINT) WITH ('connector' = 'filesystem', 'path' = 'newest', 'format' = 'changelog-json');
INSERT INTO joined SELECT id, m, m[k], n FROM a LEFT JOIN (SELECT g, k, count(*) AS n FROM b GROUP BY g, k) AS b ON a.g = b.g;
INSERT INTO newest SELECT a.g, max_by(m, id), sum(e.value) FROM a LEFT JOIN LATERAL UNNEST(map_entries(m)) AS e ON true GROUP BY a.g;
"""


def random_map():
    keys = rng.sample(["", "a", "bb", "ccc", "é", 'q"', "a longer key than twelve bytes"], rng.randrange(5))
    return {k: rng.choice([None, rng.randrange(100)]) for k in keys} if rng.randrange(6) else None


def key(row):
    return json.dumps(row, sort_keys=True)


def added_up(path):
    rows = Counter()
    for file in sorted(path.glob("epoch-*.json")):
        for line in file.read_text().splitlines():
            change = json.loads(line)
            rows[key(change["data"])] += 1 if change["op"][0] == "+" else -1
    return {k: n for k, n in rows.items() if n}


def joined(a, b):
    counts = Counter((r["g"], r["k"]) for r in b)
    for r in a:
        met = [(k, n) for (g, k), n in counts.items() if g == r["g"]] or [(None, None)]
        for k, n in met:
            yield {"id": r["id"], "m": r["m"], "v": (r["m"] or {}).get(k), "n": n}


def newest(a):
    for g in {r["g"] for r in a}:
        rows = [r for r in a if r["g"] == g]
        values = [v for r in rows for v in (r["m"] or {}).values() if v is not None]
        maps = [r["m"] for r in rows if r["m"] is not None]  # max_by passes over rows whose value is NULL
        yield {"g": g, "m": maps[-1] if maps else None, "sum": sum(values) if values else None}


def restarted():
    """maps in joins and aggregates, run after run"""
    cwd = folder("maps")
    a, b = [], []
    (cwd / "job.sql").write_text(JOB)
    for name in "ab":
        (cwd / name).mkdir()
    for step in range(6):
        new_a = [{"id": len(a) + i, "g": rng.randrange(4), "m": random_map()} for i in range(rng.randrange(1, 12))]
        new_b = [{"g": rng.randrange(4), "k": rng.choice(["a", "bb", "é"])} for _ in range(rng.randrange(1, 8))]
        for name, rows in ("a", new_a), ("b", new_b):
            (cwd / name / f"{step}.json").write_text("".join(json.dumps(r) + "\n" for r in rows))
        a, b = a + new_a, b + new_b
        sparklet(cwd, "run", "--once", "-s", f"epoch.max.rows={rng.choice([1, 3, 1000])}", "-s", "epoch.interval=0", "job.sql")
        for path, want in ("joined", joined(a, b)), ("newest", newest(a)):
            got, want = added_up(cwd / path), Counter(map(key, want))
            assert got == want, f"step {step}, {path}: got {sorted((Counter(got) - want).items())[:3]}, want {sorted((want - Counter(got)).items())[:3]}"


main(restarted)
