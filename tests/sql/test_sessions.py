#!/usr/bin/env python3
"""session(): against a plain computation in a batch and in a stream with any cut into epochs, as rows and as aggregates, and what changes of them."""
import datetime, json, pathlib, shutil, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import main, seed
from program import folder, sparklet

CWD = folder("sessions")
DELAY = 4
EPOCH = datetime.datetime(1970, 1, 1)


def text(second):
    return str(EPOCH + datetime.timedelta(seconds=second))


def table(rows, watermark=True, name="t"):
    (CWD / f"{name}.ndjson").write_text("".join(json.dumps({"ts": text(t) if t is not None else None, "k": k, "j": j, "v": v}) + "\n" for t, k, j, v in rows))
    mark = f", WATERMARK FOR ts AS ts - INTERVAL '{DELAY}' SECOND" if watermark else ""
    return (f"CREATE TABLE {name} (ts timestamp, k text, j bigint, v bigint{mark}) "
            f"WITH ('connector' = 'filesystem', 'path' = '{CWD}/{name}.ndjson', 'format' = 'json');\n")


def random_rows(rng, n, disorder):
    t, rows = 1700000000, []
    for _ in range(n):
        t += rng.choice([0, 0, 1, 1, 2, 9])
        rows.append((t - rng.randint(0, disorder), rng.choice(["a", "b", "c", None]), rng.randint(0, 1), rng.randint(-9, 9)))
    return rows


def sessions(rows, key, gap):
    """(start, end, rows) of every session"""
    by_key = {}
    for row in sorted((r for r in rows if r[0] is not None), key=lambda r: r[0]):
        by_key.setdefault(key(row), []).append(row)
    for of_key in by_key.values():
        now = []
        for row in of_key:
            if now and row[0] > now[-1][0] + gap:
                yield now[0][0], now[-1][0] + gap, now
                now = []
            now.append(row)
        yield now[0][0], now[-1][0] + gap, now


def grouped(rows, key, group, gap):
    """Of each session's rows by group: bounds, group, count, sum"""
    out = []
    for start, end, of_session in sessions(rows, key, gap):
        groups = {}
        for row in of_session:
            groups.setdefault(group(row), []).append(row)
        out += [((start, end, g), len(r), sum(x[3] for x in r)) for g, r in groups.items()]
    merged = {}   # sessions of several keys may have the same bounds
    for at, n, v in out:
        was = merged.get(at, (0, 0))
        merged[at] = (was[0] + n, was[1] + v)
    return sorted(f"{text(s)},{text(e)},{g if g is not None else ''},{n},{v}" for (s, e, g), (n, v) in merged.items())


def stream(sql, setup, each, columns="s timestamp, e timestamp, g text, n bigint, v bigint", sink="'format' = 'csv', 'csv.header' = 'false'"):
    shutil.rmtree(CWD / "out", ignore_errors=True)
    shutil.rmtree(CWD / ".sparklet", ignore_errors=True)
    (CWD / "job.sql").write_text(setup + f"CREATE TABLE o ({columns}) WITH ('connector' = 'filesystem', 'path' = '{CWD}/out', {sink});\nINSERT INTO o {sql};\n")
    done = sparklet(CWD, "run", "--once", "-s", f"epoch.max.rows={each}", "-s", "epoch.interval=0", "job.sql").stderr
    return [line for file in sorted((CWD / "out").glob("*-*.*")) for line in file.read_text().splitlines()], done


def batch(sql, setup):
    return sorted(sparklet(CWD, "sql", "--format", "csv", "-c", setup + sql).stdout.splitlines()[1:])


# name, PARTITION BY, key of sessions, group
SHAPES = [
    ("k", lambda r: r[1], "k", lambda r: r[1]),
    ("k, j", lambda r: r[1:3], "k || j", lambda r: r[1] + str(r[2]) if r[1] else None),
    ("", lambda r: None, "coalesce(left(k, 0), '') || 'x'", lambda r: "x"),
    ("", lambda r: None, "k", lambda r: r[1]),
    ("k", lambda r: r[1], "coalesce(left(k, 0), '') || 'x'", lambda r: "x"),
]


def batch_and_stream():
    """within the watermark's bound the stream gives what the batch does, whatever the groups are to the keys"""
    rng = seed()
    for i in range(15):
        by, key, expr, group = SHAPES[i % len(SHAPES)]
        gap = rng.choice([1, 2, 5, 20])
        rows = random_rows(rng, rng.choice([1, 40, 400]), DELAY)
        want = grouped(rows, key, group, gap)
        source = f"t PARTITION BY {by}" if by else "t"
        call = rng.choice([f"session({source}, ts, interval '{gap} seconds')", f"TABLE(SESSION(TABLE {source}, DESCRIPTOR(ts), INTERVAL '{gap}' SECOND))",
                           f"TABLE(SESSION(DATA => TABLE {source}, TIMECOL => DESCRIPTOR(ts), GAP => INTERVAL '{gap}' SECOND))"])
        sql = f"SELECT window_start, window_end, {expr}, count(*), sum(v) FROM {call} GROUP BY window_start, window_end, {expr}"
        got = batch(sql, table(rows))
        assert got == want, (sql, got[:5], want[:5])
        got, done = stream(sql, table(rows), rng.choice([1 + len(rows) // 50, 7 + len(rows) // 20, 10000]))
        assert sorted(got) == want and " 0 late, 0 bad" in done, (sql, done, sorted(got)[:5], want[:5])


def rows_with_their_bounds():
    """without GROUP BY every row comes out once, when its session is over"""
    rng = seed()
    for _ in range(4):
        gap = rng.choice([1, 3, 8])
        rows = random_rows(rng, 200, DELAY)
        want = sorted(f"{text(s)},{text(e)},{r[1] or ''},{r[2]},{r[3]}" for s, e, of in sessions(rows, lambda r: r[1], gap) for r in of)
        sql = f"SELECT window_start, window_end, k, j, v FROM session(t PARTITION BY k, ts, interval '{gap} seconds') WHERE window_time < window_end"
        assert batch(sql, table(rows)) == want
        got, done = stream(sql, table(rows), rng.choice([4, 30]))
        assert sorted(got) == want and " 0 late, 0 bad" in done, done


def aggregates_that_keep_rows():
    """DISTINCT and ORDER BY in the call, conditions on the session's bounds, and windows over sessions"""
    rng = seed()
    rows = random_rows(rng, 300, DELAY)
    for sql in ("SELECT window_start, window_end, k, count(DISTINCT v), sum(v) FILTER (WHERE v > 0) FROM session(t PARTITION BY k, ts, interval '3 seconds') GROUP BY window_start, window_end, k",
                "SELECT window_start, window_end, k, count(*), max(extract(epoch FROM window_end - ts))::bigint FROM session(t PARTITION BY k, ts, interval '3 seconds') GROUP BY 1, 2, 3",
                "SELECT window_start, window_end, k, count(*), sum(v) FROM session(t PARTITION BY k, ts, interval '3 seconds') WHERE v > 0 GROUP BY 1, 2, 3",
                "SELECT window_start, window_end, '', sum(n), max(v) FROM tumble((SELECT window_time AS at, k, count(*) AS n, sum(v) AS v FROM session(t PARTITION BY k, ts, interval '3 seconds') "
                "GROUP BY window_start, window_end, window_time, k), at, interval '20 seconds') GROUP BY window_start, window_end"):
        want = batch(sql, table(rows))
        got, done = stream(sql, table(rows), 17)
        assert sorted(got) == want and " 0 late, 0 bad" in done, (sql, done, sorted(got)[:5], want[:5])


def changes(lines):
    """What is left of debezium envelopes, as csv"""
    rows = {}
    for line in lines:
        m = json.loads(line)
        for image, weight in ((m["before"], -1), (m["after"], 1)):
            if image:
                row = ",".join("" if v is None else str(v) for v in image.values())
                rows[row] = rows.get(row, 0) + weight
    assert all(n >= 0 for n in rows.values()), rows
    return sorted(row for row, n in rows.items() for _ in range(n))


def sessions_that_change():
    """on-update, over a time without a watermark, and over rows that may be taken back: what is left is the batch's answer"""
    rng = seed()
    for i in range(6):
        rows = random_rows(rng, 120, 30 if i % 3 else DELAY)
        setup = ("SET emit = 'on-update';\n" if i % 3 == 0 else "") + table(rows, watermark=i % 3 != 1)
        source = "t" if i % 3 < 2 else "(SELECT max(ts) AS ts, k, j, sum(v) AS v FROM t GROUP BY k, j, v)"
        sql = f"SELECT window_start, window_end, k, count(*), sum(v)::bigint FROM session({source} PARTITION BY k, ts, interval '5 seconds') GROUP BY window_start, window_end, k"
        got, done = stream(sql, setup, rng.choice([5, 40]), sink="'format' = 'debezium-json'")
        assert changes(got) == batch(sql, setup) and " 0 late, 0 bad" in done, (sql, done, changes(got)[:4], batch(sql, setup)[:4])


def late_rows_that_are_taken():
    """allowed lateness: what is left is the batch's answer, and what is known when a session is over comes out then"""
    rng = seed()
    for i in range(8):
        rows = random_rows(rng, 200, 30)
        setup = "SET emit.allowed-lateness = '40s';\n" + ("SET emit = 'on-update';\n" if i % 2 else "") + table(rows)
        by = rng.choice(["window_start, window_end, k", "window_start, window_end, coalesce(left(k, 0), '') || 'x'"])
        calls = "count(*), sum(v)::bigint" if i < 4 else "count(DISTINCT j), mode() WITHIN GROUP (ORDER BY v)"
        sql = f"SELECT {by}, {calls} FROM session(t PARTITION BY k, ts, interval '5 seconds') GROUP BY {by}"
        got, done = stream(sql, setup, rng.choice([5, 40]), sink="'format' = 'debezium-json'")
        assert changes(got) == batch(sql, setup) and " 0 late, 0 bad" in done, (sql, done, changes(got)[:4], batch(sql, setup)[:4])
    rows = [(100, "a", 0, 1), (130, "b", 0, 2), (108, "a", 0, 3), (160, "b", 0, 4), (101, "a", 0, 5)]
    got, done = stream("SELECT window_start, window_end, k, count(*), sum(v) FROM session(t PARTITION BY k, ts, interval '10 seconds') GROUP BY window_start, window_end, k",
                       "SET emit.allowed-lateness = '20s';\n" + table(rows), 1, sink="'format' = 'changelog-json'")
    said = [(m["op"], m["data"]["e"][14:19], m["data"]["v"]) for m in map(json.loads, got)]
    assert said == [("+I", "01:50", 1), ("-D", "01:50", 1), ("+I", "01:58", 4), ("+I", "02:20", 2), ("+I", "02:50", 4)] and " 1 late" in done, (said, done)


def late_rows():
    """one whose own time is over, and one that belongs to a session that was closed; both with their bytes"""
    rows = [(100, "a", 0, 1), (117, "b", 0, 2), (105, "a", 0, 3), (102, "a", 0, 4), (111, "a", 0, 5), (140, "a", 0, 6)]
    sql = "SELECT window_start, window_end, k, count(*), sum(v) FROM session(t PARTITION BY k, ts, interval '10 seconds') GROUP BY window_start, window_end, k"
    got, done = stream(sql, table(rows), 1)
    assert got == [f"{text(100)},{text(110)},a,1,1", f"{text(111)},{text(121)},a,1,5", f"{text(117)},{text(127)},b,1,2", f"{text(140)},{text(150)},a,1,6"], got
    assert " 2 late, 0 bad" in done, done
    letters = [json.loads(line) for file in sorted((CWD / ".sparklet").rglob("epoch-*.jsonl")) for line in file.read_text().splitlines()]
    assert [json.loads(l["raw"])["v"] for l in letters] == [3, 4], letters
    assert "its window ended at 1970-01-01 00:01:50, the watermark was 1970-01-01 00:01:53" in letters[0]["reason"], letters
    assert "its window ended at 1970-01-01 00:01:52" in letters[1]["reason"] and letters[1]["position"] > letters[0]["position"] > 0, letters


def rows_without_a_time():
    """belong to no session: a bad row of a stream, left out of a batch"""
    rows = [(100, "a", 0, 1), (None, "a", 0, 2), (103, "a", 0, 3)]
    for by, emit in (("k", ""), ("k, j", "SET emit = 'on-update';\n")):
        sql = f"SELECT window_start, window_end, k, count(*), sum(v) FROM session(t PARTITION BY {by}, ts, interval '5 seconds') GROUP BY window_start, window_end, k"
        want = [f"{text(100)},{text(108)},a,2,4"]
        assert batch(sql, table(rows)) == want
        got, done = stream(sql, emit + table(rows), 10, sink="'format' = 'debezium-json'")
        assert changes(got) == want and "1 bad" in done, (got, done)


main(batch_and_stream, rows_with_their_bounds, aggregates_that_keep_rows, sessions_that_change, late_rows_that_are_taken, late_rows, rows_without_a_time)
