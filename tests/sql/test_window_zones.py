#!/usr/bin/env python3
"""Windows over timestamptz go by the clock of the session's zone, in batch and stream, with Python's zoneinfo as the other opinion."""
import datetime, json, pathlib, shutil, sys, zoneinfo

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import main, seed
from program import folder, sparklet

CWD = folder("zones")
UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1)
ZONES = ["Europe/Berlin", "America/Los_Angeles", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]   # the third puts its clocks by half an hour


def second(text):
    return datetime.timedelta(seconds=int(text))


def instant(local, zone, last):
    """The first or the last instant that has this local time; of one that is left out, the one by the offset before"""
    first, second_ = (local.replace(tzinfo=zone, fold=f).astimezone(UTC) for f in (0, 1))
    exists = second_.astimezone(zone).replace(tzinfo=None) == local
    return second_ if last and exists else first


def windows(kind, t, step, size, offset, zone):
    """(start, end) of a row's windows, computed on the zone's clock"""
    local = int((t.astimezone(zone).replace(tzinfo=None) - EPOCH).total_seconds())
    if kind == "hop":
        top = (local - offset) // step * step + offset
        bounds = [(top - k * step, top - k * step + size) for k in range(size // step)]
    else:
        start = (local - offset) // size * size + offset
        bounds = [(start, end) for end in (range(start + size, start, -step) if kind == "cumulate" else [start + size]) if end > local]
    return [(instant(EPOCH + second(s), zone, False), instant(EPOCH + second(e), zone, True)) for s, e in bounds]


def around_a_change(rng, zone):
    """Rows of two days in which clocks may have been put"""
    day = rng.choice([(2021, 3, 13), (2021, 3, 27), (2021, 4, 3), (2021, 10, 2), (2021, 10, 30), (2021, 11, 6), (2021, 7, 1)])
    base = datetime.datetime(*day, tzinfo=UTC)
    return sorted(base + datetime.timedelta(seconds=rng.randint(0, 2 * 86400)) for _ in range(200))


def in_every_zone():
    """tumble, hop and cumulate of hours and days: days of 23 and 25 hours, hours that come twice"""
    rng = seed()
    for i in range(24):
        zone_name = ZONES[i % len(ZONES)]
        zone, kind = zoneinfo.ZoneInfo(zone_name), rng.choice(["tumble", "hop", "cumulate"])
        step, size = rng.choice([(1800, 3600), (3600, 86400), (14400, 14400), (43200, 86400)])
        offset = rng.choice([0, 0, 900])
        rows = around_a_change(rng, zone)
        (CWD / "rows.ndjson").write_text("".join(json.dumps({"ts": t.strftime("%Y-%m-%dT%H:%M:%SZ")}) + "\n" for t in rows))
        table = (f"SET timezone = '{zone_name}';\nCREATE TABLE t (ts timestamptz, WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '{CWD}/rows.ndjson', 'format' = 'json');\n")
        lengths = f"interval '{size} seconds'" if kind == "tumble" else f"interval '{step} seconds', interval '{size} seconds'"
        shift = f", interval '{offset} seconds'" if offset else ""
        sql = (f"SELECT extract(epoch FROM window_start)::bigint, extract(epoch FROM window_end)::bigint, count(*) FROM {kind}(t, ts, {lengths}{shift}) GROUP BY window_start, window_end")
        count = {}
        for t in rows:
            for w in windows(kind, t, step, size, offset, zone):
                count[w] = count.get(w, 0) + 1
        want = sorted(f"{int(s.timestamp())},{int(e.timestamp())},{n}" for (s, e), n in count.items())
        got = sorted(sparklet(CWD, "sql", "--format", "csv", "-c", table + sql).stdout.splitlines()[1:])
        assert got == want, (zone_name, sql, rows[0], [x for x in got if x not in want][:4], [x for x in want if x not in got][:4])
        shutil.rmtree(CWD / "out", ignore_errors=True)
        shutil.rmtree(CWD / ".sparklet", ignore_errors=True)
        (CWD / "job.sql").write_text(table + f"CREATE TABLE o (s bigint, e bigint, n bigint) WITH ('connector' = 'filesystem', 'path' = '{CWD}/out', 'format' = 'csv', 'csv.header' = 'false');\nINSERT INTO o {sql};\n")
        done = sparklet(CWD, "run", "-s", f"epoch.max.rows={rng.choice([7, 50, 1000])}", "-s", "epoch.interval=0", "job.sql").stderr
        got = sorted(line for file in (CWD / "out").glob("*-*.*") for line in file.read_text().splitlines())
        assert got == want and " 0 late, 0 bad" in done, (zone_name, sql, done)


def other_times_do_not_ask_the_clock():
    """a timestamp without a zone has the same windows in every session; EXPLAIN names the zone of those that have one"""
    (CWD / "rows.ndjson").write_text('{"ts": "2021-03-14T10:30:00Z"}\n')
    for type, zone in (("timestamp", "America/Los_Angeles"), ("timestamptz", "UTC"), ("timestamptz", "America/Los_Angeles")):
        sql = f"SET timezone = '{zone}';\nCREATE TABLE t (ts {type}) WITH ('connector' = 'filesystem', 'path' = '{CWD}/rows.ndjson', 'format' = 'json');\n"
        query = "SELECT window_start, window_end FROM tumble(t, ts, interval '1 day')"
        plan = sparklet(CWD, "explain", "-c", sql + query).stdout
        assert ("zone America/Los_Angeles" in plan) == (type == "timestamptz" and zone != "UTC"), plan
        got = sparklet(CWD, "sql", "--format", "csv", "-c", sql + query).stdout.splitlines()[1]
        assert got == {("timestamp", "America/Los_Angeles"): "2021-03-14 00:00:00,2021-03-15 00:00:00", ("timestamptz", "UTC"): "2021-03-14 00:00:00+00,2021-03-15 00:00:00+00",
                       ("timestamptz", "America/Los_Angeles"): "2021-03-14 00:00:00-08,2021-03-15 00:00:00-07"}[type, zone], got


main(in_every_zone, other_times_do_not_ask_the_clock)
