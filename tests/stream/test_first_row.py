#!/usr/bin/env python3
"""The first row of each key, in some order, of rows that are only added: run after run, killed on the way, against DuckDB. And with state.ttl against a plain computation."""
import json, pathlib, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import duckdb
from jobs import *
from program import folder, rows_by_key, sparklet

ITEM = "CREATE TABLE item (id bigint, k bigint, v bigint, t text, a bigint[]) WITH ('connector' = 'filesystem', 'path' = 'in/*.json', 'format' = 'json');\n"
# Columns of the sink, the job's query, DuckDB's. `ties` has rows that its order does not tell apart: which one comes out is ours to say, what they are ordered by is not.
QUERIES = {
    "largest": ("k bigint, id bigint, v bigint, t text, a bigint[]", "SELECT k, id, v, t, a FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY v DESC, id) AS n FROM item) x WHERE n = 1",
                "SELECT k, id, v, t, a FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY v DESC NULLS FIRST, id) AS n FROM item) x WHERE n = 1"),
    "ranked": ("k bigint, id bigint, n bigint", "SELECT k, id, n FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY t, id DESC) AS n FROM item) x WHERE n < 2",
               "SELECT k, id, 1 FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY t COLLATE C, id DESC) AS n FROM item) x WHERE n = 1"),
    "distincts": ("k bigint, id bigint", "SELECT DISTINCT ON (k) k, id FROM item ORDER BY k, v, id", "SELECT k, id FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY v NULLS LAST, id) AS n FROM item) x WHERE n = 1"),
    "one": ("k bigint, id bigint", "SELECT 0, id FROM item ORDER BY v DESC NULLS LAST, id DESC LIMIT 1", "SELECT 0, id FROM item ORDER BY v DESC NULLS LAST, id DESC LIMIT 1"),
    "ties": ("k bigint, v bigint", "SELECT k, v FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY v) AS n FROM item) x WHERE n = 1",
             "SELECT k, min(v) FROM item GROUP BY k"),
}


def job(queries, settings=""):
    return settings + ITEM + "".join(f"CREATE TABLE {n} ({c}) WITH ('connector' = 'filesystem', 'path' = '{n}', 'format' = 'debezium-json');\nINSERT INTO {n} {q};\n" for n, (c, q, _) in queries.items())


def draw(rng, run, n):
    return [{"id": run * 100_000 + i, "k": rng.choice([None, *range(400)]) if rng.random() < 0.9 else 7, "v": rng.choice([None, *range(50)]),
             "t": rng.choice(["", "a", "ab", "b" * 40, None]), "a": rng.choice([None, [], [1, None]])} for i in range(n)]


def first_rows():
    """deduplication by several orders, over restarts and kills"""
    rng, cwd, db = seed(), folder("first"), duckdb.connect()
    (cwd / "in").mkdir()
    (cwd / "j.sql").write_text(job(QUERIES))
    db.execute("CREATE TABLE item (id bigint, k bigint, v bigint, t text, a bigint[])")
    for run in range(4):
        rows = draw(rng, run, 3000 if run < 2 else 200)
        (cwd / "in" / f"{run}.json").write_text("".join(json.dumps(r) + "\n" for r in rows))
        db.execute(f"INSERT INTO item SELECT * FROM read_json('{cwd}/in/{run}.json', format = 'newline_delimited', columns = {{id: 'bigint', k: 'bigint', v: 'bigint', t: 'text', a: 'bigint[]'}})")
        arguments = ("run", "--once", "--job", "j", "-s", "epoch.interval=0", "-s", "epoch.max.rows=170", "-s", f"parallelism={rng.randrange(1, 4)}", "-s", "checkpoint.interval=0", "j.sql")
        sparklet(cwd, *arguments, fault=f"epoch.computed:{rng.randrange(1, 4)}:kill", expect=None)
        sparklet(cwd, *arguments)
        for name, (_, _, query) in QUERIES.items():
            got, want = {k: tuple(row.values()) for k, row in rows_by_key(cwd / name).items()}, {row[0]: row for row in db.execute(query).fetchall()}
            assert {k: repr(r) for k, r in got.items()} == {k: repr(r) for k, r in want.items()}, (run, name, [(r, want.get(k)) for k, r in got.items() if want.get(k) != r][:5], len(got), len(want))


def forgotten():
    """a key's first row is forgotten when no row of it has come for state.ttl, and then the next one is its first"""
    rng, cwd = seed(), folder("forgotten")
    (cwd / "in").mkdir()
    (cwd / "j.sql").write_text(job({"largest": QUERIES["largest"]}, "SET state.ttl = '40 s';\n").replace("a bigint[]) WITH (", "a bigint[], ts timestamp, WATERMARK FOR ts AS ts) WITH ('source.monitor-interval' = '10 ms', ", 1))
    kept, due, want, lines, now, gone = {}, {}, {}, [], 0, 0
    for i in range(120):
        now += rng.choice([0, 1, 3, 9, 30])
        row = {"id": i, "k": rng.randrange(6), "v": rng.randrange(50), "t": None, "a": None, "ts": f"2024-01-01T{now // 3600:02}:{now // 60 % 60:02}:{now % 60:02}"}
        lines.append(json.dumps(row) + "\n")
        # After a key was forgotten its new first row does not take back the old one.
        k, old = row["k"], kept.get(row["k"])
        if old is None or row["v"] > old["v"]:
            want.setdefault(k, []).append(row["id"])
            if old is not None:
                want[k].remove(old["id"])
            kept[k] = row
        due[k] = now // 5 * 5 + 45
        for k in [k for k, at in due.items() if at <= now]:
            del kept[k], due[k]
            gone += 1
    for n in (0, 40, 80):
        (cwd / "in" / f"{n:03}.json").write_text("".join(lines[n:n + 40]))
        sparklet(cwd, "run", "--once", "--job", "j", "-s", "epoch.interval=0", "-s", "epoch.max.rows=1", "-s", f"parallelism={rng.randrange(1, 4)}", "j.sql")
    got = {}
    for p in sorted((cwd / "largest").glob("*.json")):
        for line in p.read_text().splitlines():
            change = json.loads(line)
            if change["before"]:
                got[change["before"]["k"]].remove(change["before"]["id"])
            if change["after"]:
                got.setdefault(change["after"]["k"], []).append(change["after"]["id"])
    assert gone > 5 and {k: sorted(v) for k, v in got.items()} == {k: sorted(v) for k, v in want.items()}, (gone, got, want)


main(first_rows, forgotten)
