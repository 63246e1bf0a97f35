#!/usr/bin/env python3
"""`sparklet sql --format arrow`: what pyarrow reads is what the other formats print."""
import datetime, decimal, json, os, pathlib, random, subprocess, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import pyarrow as pa
from jobs import BIN, main
from program import environment, folder, sparklet

CWD = folder("arrow")


def arrow(query):
    return subprocess.run([BIN, "sql", "--format", "arrow", "-c", query], cwd=CWD, env=environment(), capture_output=True, timeout=120)


def streams(query):
    """Every stream of the output as a table."""
    done = arrow(query)
    assert done.returncode == 0, done.stderr.decode()
    source, tables = pa.BufferReader(done.stdout), []
    while source.tell() < len(done.stdout):
        with pa.ipc.open_stream(source) as reader:
            table = reader.read_all()
        table.validate(full=True)
        tables.append(table)
    return tables


def types():
    """every type, with NULL, its extremes and empty texts"""
    ddl = ("SELECT true AS b, (-32768)::smallint AS s, 2147483647 AS i, -9223372036854775807 AS l, 1.5::real AS f, -2.25::double precision AS g, 12345.678::numeric(12, 3) AS d, "
           "'größe'::text AS t, ''::text AS e, '\\x00ff'::bytea AS z, date '1969-12-31' AS day, time '23:59:59.999999' AS clock, timestamp '2020-02-29 12:34:56.789' AS ts, "
           "timestamptz '2020-01-01 00:00:00+00' AS tz, interval '1 month 2 days 03:04:05.6' AS iv, '{\"a\": 1}'::jsonb AS j")
    nulls = "SELECT " + ", ".join(f"NULL::{t}" for t in ("boolean", "smallint", "integer", "bigint", "real", "double precision", "numeric(12, 3)", "text", "text", "bytea", "date", "time",
                                                        "timestamp", "timestamptz", "interval", "jsonb"))
    table, = streams(f"{ddl} UNION ALL {nulls}")
    assert [str(f.type) for f in table.schema] == ["bool", "int16", "int32", "int64", "float", "double", "decimal128(12, 3)", "string", "string", "binary", "date32[day]", "time64[us]",
                                                   "timestamp[us]", "timestamp[us, tz=UTC]", "month_day_nano_interval", "extension<arrow.json>"], table.schema
    rows = table.to_pylist()
    got, null = (rows[0], rows[1]) if rows[0]["b"] else (rows[1], rows[0])
    want = [True, -32768, 2147483647, -9223372036854775807, 1.5, -2.25, decimal.Decimal("12345.678"), "größe", "", b"\x00\xff", datetime.date(1969, 12, 31),
            datetime.time(23, 59, 59, 999999), datetime.datetime(2020, 2, 29, 12, 34, 56, 789000), datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)]
    assert list(got.values())[:14] == want, got
    assert got["iv"] == pa.MonthDayNano([1, 2, 11045600000000]) and json.loads(got["j"]) == {"a": 1}, got
    assert all(v is None for v in null.values()), null


def shapes():
    """no rows, many batches, several results, and columns whose names need care"""
    empty, = streams("SELECT 1 AS a, 'x' AS b WHERE false")
    assert empty.num_rows == 0 and empty.column_names == ["a", "b"]
    flights, = streams("SELECT flight, tailnum, dep_delay, time_hour FROM 'examples/data/flights.csv'")
    lines = [json.loads(line) for line in sparklet(CWD, "sql", "--format", "json", "-c", "SELECT flight, tailnum, dep_delay, time_hour::text FROM 'examples/data/flights.csv'").stdout.splitlines()]
    assert flights.num_rows == len(lines) == 27004
    assert [(r["flight"], r["tailnum"], r["dep_delay"]) for r in flights.to_pylist()] == [(r["flight"], r["tailnum"], r["dep_delay"]) for r in lines]
    one, two = streams("SELECT 1 AS \"größe\"; SET parallelism = 2; SELECT 'x' AS y UNION ALL SELECT 'z'")
    assert one.to_pydict() == {"größe": [1]} and sorted(two.to_pydict()["y"]) == ["x", "z"]


def numerics():
    """a numeric whose scale varies goes out exactly, with the largest scale there is"""
    table, = streams("SELECT 1.5 / 3 AS q UNION ALL SELECT 0.123456789012345678901 UNION ALL SELECT NULL UNION ALL SELECT 7::numeric")
    assert sorted(v for v in table.to_pydict()["q"] if v is not None) == [decimal.Decimal("0.123456789012345678901"), decimal.Decimal("0.5"), 7], table
    table, = streams("SELECT ARRAY[1.5, NULL, 0.123456789012345678901] AS a, ROW(2.25, 'x', ARRAY[1e-20]) AS r UNION ALL SELECT NULL, NULL")
    got = [r for r in table.to_pylist() if r["a"] is not None]
    assert got[0]["a"] == [decimal.Decimal("1.5"), None, decimal.Decimal("0.123456789012345678901")] and str(table.schema.field("a").type.value_type) == "decimal128(38, 21)", table
    assert got[0]["r"] == {"f1": decimal.Decimal("2.25"), "f2": "x", "f3": [decimal.Decimal("1e-20")]}, got
    done = arrow("SELECT 1e30::numeric AS a UNION ALL SELECT 1e-30")
    assert done.returncode == 1 and b"decimal128(38,30)" in done.stderr, done.stderr


def random_tables():
    """random rows of random columns, against the CSV that they came from"""
    seed = int(os.environ.get("SPARKLET_SEED") or random.randrange(1 << 32))
    print(f"# seed: {seed}")
    draw = random.Random(seed)
    makers = {"bigint": lambda: draw.randrange(-1 << 62, 1 << 62), "boolean": lambda: draw.random() < 0.5, "double precision": lambda: draw.uniform(-1e9, 1e9),
              "text": lambda: "".join(draw.choice("ab,\"é日 ") for _ in range(draw.randrange(30))), "numeric(20, 4)": lambda: decimal.Decimal(draw.randrange(-10**15, 10**15)).scaleb(-4)}
    for n in range(5):
        kinds = [draw.choice(list(makers)) for _ in range(draw.randrange(1, 8))]
        rows = [[None if draw.random() < 0.2 else makers[k]() for k in kinds] for _ in range(draw.choice((0, 1, 7, 64, 65, 4096, 9000)))]
        cell = lambda v: "" if v is None else '"%s"' % str(v).replace('"', '""')
        path = CWD / f"r{n}.csv"
        path.write_text(",".join(f"c{i}" for i in range(len(kinds))) + "\n" + "".join(",".join(map(cell, r)) + "\n" for r in rows))
        ddl = ", ".join(f"c{i} {k}" for i, k in enumerate(kinds))
        got, = streams(f"CREATE TABLE t ({ddl}) WITH ('connector' = 'filesystem', 'path' = '{path.name}', 'format' = 'csv'); SELECT * FROM t")
        assert [list(r.values()) for r in got.to_pylist()] == rows, (n, kinds)


main(types, shapes, numerics, random_tables)
