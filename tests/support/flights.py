"""The flights of examples/data/flights-json, and what the jobs of examples/flights must make of them, by DuckDB."""
import csv, json, os, pathlib
from collections import Counter, namedtuple
from decimal import ROUND_HALF_UP, Decimal

import duckdb
import pyarrow as pa

SRC = pathlib.Path(os.environ["SPARKLET_SRC"])
EVENTS = SRC / "examples/data/flights-json"
DELAYS = ("window_start", "window_end", "origin", "flights", "cancelled", "avg_delay", "max_delay")
CARRIERS = ("carrier", "flights", "cancelled", "avg_delay", "max_delay")

Line = namedtuple("Line", "partition number position raw kind")  # number from 1; position: byte offset in its file


def lines():
    """Every line of the four files, with what truth.csv says of it."""
    with open(EVENTS / "truth.csv", newline="") as f:
        truth = {(int(r["partition"]), int(r["line"])): r["kind"] for r in csv.DictReader(f)}
    out = []
    for p in range(4):
        position = 0
        for n, raw in enumerate((EVENTS / f"part-{p}.ndjson").read_bytes().split(b"\n")[:-1], 1):
            out.append(Line(p, n, position, raw, truth[p, n]))
            position += len(raw) + 1
    return out


def duck(events):
    """A database with the flights of these lines as table `flight`."""
    rows = pa.Table.from_pylist([json.loads(e.raw) for e in events])
    db = duckdb.connect()
    db.register("rows", rows)
    db.execute("CREATE TABLE flight AS SELECT event_time::TIMESTAMP AS event_time, carrier, origin, dep_delay, cancelled FROM rows")
    return db


def mean(total, count):
    """As PostgreSQL rounds: half away from zero."""
    return (Decimal(total) / count).quantize(Decimal("0.01"), ROUND_HALF_UP) if count else None


def text(time):
    return time.strftime("%Y-%m-%d %H:%M:%S")


def want_delays(events, closed=None):
    """closed: only windows that end no later."""
    found = duck(events).execute("""
        SELECT time_bucket(INTERVAL '1 hour', event_time) AS s, s + INTERVAL '1 hour' AS e, origin, count(*), count(*) FILTER (cancelled),
               sum(dep_delay)::BIGINT, count(dep_delay), max(dep_delay)
        FROM flight GROUP BY ALL""").fetchall()
    return Counter((text(s), text(e), o, n, c, mean(t, k), m) for s, e, o, n, c, t, k, m in found if closed is None or text(e) <= closed)


def want_carriers(events):
    found = duck(events).execute("""
        SELECT carrier, count(*), count(*) FILTER (cancelled), sum(dep_delay)::BIGINT, count(dep_delay), max(dep_delay)
        FROM flight GROUP BY ALL""").fetchall()
    return Counter((o, n, c, mean(t, k), m) for o, n, c, t, k, m in found)


def row(value, columns):
    """A JSON object as a tuple; all columns must be there and no other, in this order."""
    object = json.loads(value, parse_float=Decimal) if isinstance(value, (str, bytes)) else value
    assert tuple(object) == columns, f"columns {tuple(object)}"
    return tuple(object.values())
