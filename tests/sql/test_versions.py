#!/usr/bin/env python3
"""FOR SYSTEM_TIME AS OF over changelogs in files: in a batch and in a stream with any cut into epochs what DuckDB's ASOF join gives over all versions; times that are missing."""
import datetime, json, pathlib, shutil, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import duckdb
from jobs import LONG, main, seed
from program import folder, sparklet

CWD = folder("versions")
START = 1700000000
EPOCH = datetime.datetime(1970, 1, 1)
METADATA = {"debezium-json": "value.source.timestamp", "maxwell-json": "value.ingestion-timestamp", "canal-json": "value.event-timestamp"}


def text(second):
    return str(EPOCH + datetime.timedelta(seconds=second))


def message(format, number, second, key, was, now):
    """What became of a row: (price, name) before and after, None for no row."""
    row = lambda r: {"id": key, "price": r[0], "name": r[1]}
    if format == "debezium-json":
        op = "d" if now is None else "c" if was is None else "u"
        return {"before": {"id": key, "price": 0, "name": None} if now is None else None, "after": now and row(now), "op": op,
                "source": {"snapshot": "false", "ts_ms": second * 1000, "sequence": f'[null,"{number}"]'}}
    kind = "delete" if now is None else "insert" if was is None else "update"
    old = {"price": was[0], "name": was[1]} if kind == "update" else None
    if format == "maxwell-json":
        return {"database": "shop", "table": "prices", "type": kind, "ts": second, "data": row(now or was), **({"old": old} if old else {})}
    return {"database": "shop", "table": "prices", "type": kind.upper(), "es": second * 1000, "ts": second * 1000 + 7, "data": [row(now or was)], "old": [old] if old else None}


def write(rng, format, changes, rows):
    """A log, and rows that ask for prices; returns the versions as (number, second, key, price, name), price None where the row is gone."""
    table, versions, second = {}, [], START
    with open(CWD / "prices.json", "w") as out:
        for number in range(1, changes + 1):
            second += rng.choice((0, 0, 1, 2))
            key, was = (k := rng.randrange(6)), table.get(k)
            now = None if was and rng.random() < 0.3 else (rng.randrange(100), rng.choice(("a", "b", "ü")))
            table[key] = now
            versions.append((number, second, key, *(now or (None, None))))
            out.write(json.dumps(message(format, number, second, key, was, now)) + "\n")
    at = START - 5
    with open(CWD / "asks.csv", "w") as out:
        out.write("n,id,ts\n")
        for n in range(rows):
            at += rng.choice((0, 1, 2))
            out.write(f"{n},{rng.randrange(8)},{text(at - rng.randrange(4))}\n")
    return versions


def declared(format, time=None):
    time = time or f"at timestamp METADATA FROM '{METADATA[format]}' VIRTUAL"
    return ("CREATE TABLE asks (n bigint, id bigint, ts timestamp, WATERMARK FOR ts AS ts - INTERVAL '4' SECOND) WITH ('connector' = 'filesystem', 'path' = 'asks.csv', 'format' = 'csv');\n"
            f"CREATE TABLE prices (id bigint, price bigint, name text, {time}, WATERMARK FOR at AS at, PRIMARY KEY (id) NOT ENFORCED)"
            f" WITH ('connector' = 'filesystem', 'path' = 'prices.json', 'format' = '{format}');\n")


def job(setup, query, each):
    for name in ("out", ".sparklet"):
        shutil.rmtree(CWD / name, ignore_errors=True)
    (CWD / "job.sql").write_text(f"{setup}CREATE TABLE o (n bigint, price bigint, name text, at timestamp) WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'csv', 'csv.header' = 'false');\n"
                                 f"INSERT INTO o {query};\n")
    done = sparklet(CWD, "run", "-s", f"epoch.max.rows={each}", "-s", "epoch.interval=0", "job.sql").stderr
    return sorted(line for file in (CWD / "out").glob("*-*.*") for line in file.read_text().splitlines()), done


def duckdb_agrees():
    """every format, both kinds of join, batch and stream"""
    rng = seed()
    for i in range(30 if LONG else 6):
        format, join = list(METADATA)[i % 3], "LEFT" if rng.random() < 0.5 else ""
        versions = write(rng, format, rng.randrange(1, 400), rng.randrange(1, 300))
        query = f"SELECT n, price, name, at FROM asks {join} JOIN prices FOR SYSTEM_TIME AS OF asks.ts AS p ON asks.id = p.id"
        # Of changes of one time the last counts; a version that says that there is no row gives none.
        con = duckdb.connect()
        con.execute("CREATE TABLE versions (number bigint, since timestamp, id bigint, price bigint, name text)")
        con.executemany("INSERT INTO versions VALUES (?, ?, ?, ?, ?)", [(v[0], text(v[1]), *v[2:]) for v in versions])
        rows = con.execute("SELECT n, p.price, p.name, CASE WHEN p.price IS NOT NULL THEN since END FROM read_csv('" + str(CWD / "asks.csv") + "', header = true) AS asks ASOF LEFT JOIN"
                           " (SELECT * FROM versions QUALIFY row_number() OVER (PARTITION BY id, since ORDER BY number DESC) = 1) AS p ON asks.id = p.id AND asks.ts >= p.since").fetchall()
        want = sorted(",".join("" if v is None else str(v) for v in row) for row in rows if join or row[1] is not None)
        got = sorted(sparklet(CWD, "sql", "--format", "csv", "-s", f"parallelism={rng.choice((1, 3))}", "-c", declared(format) + query).stdout.splitlines()[1:])
        assert got == want, f"{format}, {query}: {[x for x in zip(got, want) if x[0] != x[1]][:3]}"
        got, done = job(declared(format), query, rng.choice((1, 7, 50, 1000)))
        assert " 0 late, 0 bad" in done and got == want, f"{format}, {query} in a stream: {done} {[x for x in zip(got, want) if x[0] != x[1]][:3]}"


def beyond_memory():
    """a log that a batch does not have in memory"""
    rng = seed()
    write(rng, "debezium-json", 60_000, 2000)
    query = declared("debezium-json") + "SELECT n, price, name, at FROM asks JOIN prices FOR SYSTEM_TIME AS OF asks.ts AS p ON asks.id = p.id"
    few, much = (sorted(sparklet(CWD, "sql", "--format", "csv", "-s", f"memory.limit={limit}", "-c", query).stdout.splitlines()) for limit in ("32MiB", "1GiB"))
    assert few == much and len(few) > 1000, len(few)


def deletes_need_a_time():
    """a column of the row says nothing of when it was deleted: an error in a batch, a dead letter in a stream, and a way out"""
    (CWD / "asks.csv").write_text("n,id,ts\n" + "".join(f"{n},1,{text(START + 10 * n)}\n" for n in range(5)))
    (CWD / "prices.json").write_text("".join(json.dumps(m) + "\n" for m in (
        {"before": None, "after": {"id": 1, "price": 5, "name": "a", "at": text(START)}, "source": {"ts_ms": START * 1000}, "op": "c"},
        {"before": {"id": 1, "price": 5, "name": "a", "at": text(START)}, "after": None, "source": {"ts_ms": (START + 15) * 1000}, "op": "d"},
        {"before": None, "after": {"id": 1, "price": 7, "name": "a", "at": text(START + 35)}, "source": {"ts_ms": (START + 36) * 1000}, "op": "c"})))
    query = "SELECT n, price, name, at FROM asks LEFT JOIN prices FOR SYSTEM_TIME AS OF asks.ts AS p ON asks.id = p.id"
    plain = declared("debezium-json", "at timestamp")
    said = sparklet(CWD, "sql", "-c", plain + query, expect=1).stderr
    assert "the change has no event time" in said and "METADATA FROM 'value.source.timestamp'" in said, said
    got, done = job(plain, query, 100)
    assert " 1 bad" in done and [line.split(",")[1] for line in got] == ["5", "5", "5", "5", "7"], (done, got)
    letters = sparklet(CWD, "dlq", "job", "list").stdout
    assert "the change has no event time" in letters and "prices" in letters, letters
    own = declared("debezium-json", "own timestamp, changed timestamp METADATA FROM 'value.source.timestamp' VIRTUAL, at AS coalesce(own, changed)")
    (CWD / "prices.json").write_text((CWD / "prices.json").read_text().replace('"at"', '"own"'))
    batch = sparklet(CWD, "sql", "--format", "csv", "-c", own + query).stdout.splitlines()[1:]
    got, done = job(own, query, 100)
    assert " 0 bad" in done and got == sorted(batch) and [line.split(",")[1] for line in got] == ["5", "5", "", "", "7"], (done, got, batch)


main(duckdb_agrees, beyond_memory, deletes_need_a_time)
