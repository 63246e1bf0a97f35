#!/usr/bin/env python3
"""hop() and cumulate() against a plain computation: in a batch, in a stream with any cut into epochs, and with rows that come late."""
import datetime, json, pathlib, re, shutil, sys
from collections import Counter

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import main, seed
from program import folder, same, sparklet

CWD = folder("windows")
DELAY = 4
EPOCH = datetime.datetime(1970, 1, 1)


def text(second):
    return str(EPOCH + datetime.timedelta(seconds=second))


def windows(kind, t, step, size, offset):
    """The (start, end) of a row's windows, the one that ends last first."""
    if kind == "hop":
        last = (t - offset) // step * step + offset
        return [(last - k * step, last - k * step + size) for k in range(size // step)]
    start = (t - offset) // size * size + offset
    return [(start, end) for end in range(start + size, start, -step) if end > t]


def draw(rng):
    step = rng.choice([1, 2, 3, 7])
    return rng.choice(["hop", "cumulate"]), step, step * rng.randint(1, 8), rng.choice([0, 0, 1, 3])


def query(kind, step, size, offset):
    shift = f", interval '{offset} seconds'" if offset else ""
    return (f"SELECT window_start, window_end, k, count(*), sum(v), max(window_time) FROM {kind}(t, ts, interval '{step} seconds', interval '{size} seconds'{shift}) "
            "GROUP BY window_start, window_end, k")


def table(rows):
    (CWD / "rows.ndjson").write_text("".join(json.dumps({"ts": text(t) if t is not None else None, "k": k, "v": v}) + "\n" for t, k, v in rows))
    return (f"CREATE TABLE t (ts timestamp, k text, v bigint, WATERMARK FOR ts AS ts - INTERVAL '{DELAY}' SECOND) "
            f"WITH ('connector' = 'filesystem', 'path' = '{CWD}/rows.ndjson', 'format' = 'json');\n")


def grouped(pairs):
    """Of ((window, key), v): the rows of the result, sorted."""
    groups = {}
    for (window, k), v in pairs:
        groups.setdefault((window, k), []).append(v)
    return sorted(f"{text(w[0])},{text(w[1])},{k},{len(v)},{sum(v)},{EPOCH + datetime.timedelta(seconds=w[1], milliseconds=-1)}"
                  .replace(".999000", ".999") for (w, k), v in groups.items())


def stream(sql, rows, each, settings="", sink="'format' = 'csv', 'csv.header' = 'false'"):
    shutil.rmtree(CWD / "out", ignore_errors=True)
    shutil.rmtree(CWD / ".sparklet", ignore_errors=True)
    (CWD / "job.sql").write_text(settings + table(rows) + "CREATE TABLE o (s timestamp, e timestamp, k text, n bigint, v bigint, w timestamp) "
                                 f"WITH ('connector' = 'filesystem', 'path' = '{CWD}/out', {sink});\nINSERT INTO o {sql};\n")
    done = sparklet(CWD, "run", "--once", "-s", f"epoch.max.rows={each}", "-s", "epoch.interval=0", "job.sql").stderr
    return sorted(line for file in sorted((CWD / "out").glob("*-*.*")) for line in file.read_text().splitlines()), done


def random_rows(rng, n, disorder):
    t, rows = 1700000000, []
    for _ in range(n):
        t += rng.choice([0, 0, 1, 1, 2, 9])
        rows.append((t - rng.randint(0, disorder), rng.choice("abc"), rng.randint(-9, 9)))
    return rows


def batch_and_stream():
    """within the watermark's bound every row is in all its windows, however the stream is cut"""
    rng = seed()
    for _ in range(8):
        kind, step, size, offset = draw(rng)
        rows = random_rows(rng, rng.choice([1, 40, 600]), DELAY)
        want = grouped(((w, k), v) for t, k, v in rows for w in windows(kind, t, step, size, offset))
        sql = query(kind, step, size, offset)
        got = sparklet(CWD, "sql", "--format", "csv", "-c", table(rows) + sql).stdout.splitlines()[1:]
        assert sorted(got) == want, (sql, sorted(got)[:5], want[:5])
        got, done = stream(sql, rows, rng.choice([1, 7, 10000]))
        assert got == want and " 0 late, 0 bad" in done, (sql, done, got[:5], want[:5])


def same_order():
    """a window's rows come out in the same order whether it begins and ends in one epoch or goes on over many; with windows of both kinds, too"""
    rng = seed()
    for size in (3, 20):
        rows = [(t, rng.choice(["", "a", "ab", "b" * 12, "b" * 12 + "c"]) + str(rng.randrange(30)), v) for t, _, v in random_rows(rng, 800, 0)]
        sql = f"SELECT window_start, window_end, k, count(*), sum(v), max(window_time) FROM tumble(t, ts, interval '{size} seconds') GROUP BY window_start, window_end, k"
        runs = {}
        for each in (100000, 150, 5):
            stream(sql, rows, each, "SET parallelism = 1;\n")
            files = sorted((CWD / "out").glob("*-*.*"), key=lambda f: [int(n) for n in re.findall(r"\d+", f.name)])
            runs[each] = [line for f in files for line in f.read_text().splitlines()]
        assert len(runs[5]) > 300 and runs[5] == runs[150] == runs[100000], [pair for pair in zip(*runs.values()) if len(set(pair)) > 1][:3]


def late_rows():
    """a row that is late for some of its windows is in the others; one that is late for all is told of, once"""
    rng = seed()
    for _ in range(6):
        kind, step, size, offset = draw(rng)
        rows = random_rows(rng, 60, 40)
        mark, late, pairs = None, 0, []
        for t, k, v in rows:
            open_ones = [w for w in windows(kind, t, step, size, offset) if mark is None or w[1] > mark]
            late += not open_ones
            pairs += [((w, k), v) for w in open_ones]
            mark = max(mark if mark is not None else t - DELAY, t - DELAY)
        sql = query(kind, step, size, offset)
        got, done = stream(sql, rows, 1)
        assert got == grouped(pairs) and f" {late} late, 0 bad" in done, (sql, done, late, got[:5], grouped(pairs)[:5])


def rows_without_a_time():
    """belong to no window: a bad row of a stream, told of once, and left out of a batch"""
    rows = [(1700000000, "a", 1), (None, "a", 2), (1700000001, "a", 3)]
    sql = query("hop", 1, 3, 0)
    want = grouped(((w, k), v) for t, k, v in rows if t is not None for w in windows("hop", t, 1, 3, 0))
    assert sorted(sparklet(CWD, "sql", "--format", "csv", "-c", table(rows) + sql).stdout.splitlines()[1:]) == want
    got, done = stream(sql, rows, 10)
    assert got == want and "1 bad" in done, (got, done)


def windows_over_windows():
    """what closes one kind of window feeds another, whose bounds go on as such"""
    rng = seed()
    tumble = "(SELECT window_time AS at, k, count(*) AS n, sum(v) AS v FROM tumble(t, ts, interval '3 seconds') GROUP BY window_start, window_end, window_time, k)"
    inner = "k, count(*) AS n, sum(v) AS v FROM hop(t, ts, interval '2 seconds', interval '6 seconds') GROUP BY window_start, window_end, window_time, k)"
    hop, again = f"(SELECT window_time AS at, {inner}", f"(SELECT window_start, window_end, k || '' AS j, {inner}"
    for source in (f"hop({tumble}, at, interval '5 seconds', interval '20 seconds')", f"cumulate({hop}, at, interval '5 seconds', interval '20 seconds')", f"tumble({hop}, at, interval '7 seconds')",
                   again):
        end = "max(window_end)" if source is again else "max(window_time)"
        sql = f"SELECT window_start, window_end, k, sum(n)::bigint, sum(v)::bigint, {end} FROM {source} GROUP BY window_start, window_end, k"
        rows = random_rows(rng, 300, DELAY)
        want = sorted(sparklet(CWD, "sql", "--format", "csv", "-c", table(rows) + sql).stdout.splitlines()[1:])
        got, done = stream(sql, rows, rng.choice([3, 40]))
        assert got == want and len(want) > 10 and " 0 late, 0 bad" in done, (sql, done, got[:5], want[:5])


def left_over(lines):
    """What debezium envelopes come to, as csv"""
    rows = {}
    for line in lines:
        m = json.loads(line)
        for image, weight in ((m["before"], -1), (m["after"], 1)):
            if image:
                row = ",".join(str(v) for v in image.values())
                rows[row] = rows.get(row, 0) + weight
    assert all(n >= 0 for n in rows.values()), rows
    return Counter({row: n for row, n in rows.items() if n})


def allowed_lateness():
    """late rows change windows that have closed, for so long; 'on-update' says it all the while"""
    rng = seed()
    for i in range(6):
        kind, step, size, offset = draw(rng)
        lateness = rng.choice([5, 30])
        rows = random_rows(rng, 60, 40)
        pairs, late = taken(rows, kind, step, size, offset, lateness)
        sql = query(kind, step, size, offset)
        settings = f"SET emit.allowed-lateness = '{lateness}s';\n" + ("SET emit = 'on-update';\n" if i % 2 else "")
        got, done = stream(sql, rows, 1, settings, "'format' = 'debezium-json'")
        assert left_over(got) == Counter(grouped(pairs)) and f" {late} late, 0 bad" in done, (sql, done, late, left_over(got), grouped(pairs)[:5])


def taken(rows, kind, step, size, offset, lateness):
    """Pairs ((window, key), v) of rows that come one an epoch, and how many are late for all their windows"""
    mark, late, pairs = None, 0, []
    for t, k, v in rows:
        open_ones = [w for w in windows(kind, t, step, size, offset) if mark is None or w[1] + lateness > mark]
        late += not open_ones
        pairs += [((w, k), v) for w in open_ones]
        mark = max(mark if mark is not None else t - DELAY, t - DELAY)
    return pairs, late


def rows_that_are_kept(by, values):
    """What aggregates over all rows of a group say, and the first rows of a window, of (window, key) and its values"""
    s, e = map(text, by[0])
    counted = Counter(values)
    middle = sorted(values)[(len(values) + 1) // 2 - 1]
    mode = min(v for v in counted if counted[v] == max(counted.values()))
    end = str(EPOCH + datetime.timedelta(seconds=by[0][1], milliseconds=-1)).replace(".999000", ".999")
    return s, e, by[1], end, {"distinct": [("", len(counted), max(values) - min(values))], "all": [(":" + ".".join(map(str, sorted(values))), len(counted), sum(values))],
                              "middle": [("", middle, mode)], "first": [("", v, i + 1) for i, v in enumerate(sorted(values)[:2])],
                              "numbered": [("", v, min(i + 1, 3)) for i, v in enumerate(sorted(values))]}


def rows_of_windows():
    """aggregates that keep rows and first rows by window: late rows change them, for as long as they may, and 'on-update' says it all the while"""
    rng = seed()
    calls = {"distinct": "k, count(DISTINCT v), max(DISTINCT v) - min(v), max(window_time)", "all": "k || ':' || string_agg(v::text, '.' ORDER BY v), count(DISTINCT v), sum(v)::bigint, max(window_time)",
             "middle": "k, percentile_disc(0.5) WITHIN GROUP (ORDER BY v), mode() WITHIN GROUP (ORDER BY v), max(window_time)"}
    numbers = {"first": "place <= 2", "numbered": "place > 0"}
    for i, what in enumerate([*calls, *numbers] * 2):
        kind, step, size, offset = draw(rng)
        lateness = rng.choice([0, 5, 30]) if i % 2 else rng.choice([5, 30])
        rows = random_rows(rng, 60, 40)
        pairs, late = taken(rows, kind, step, size, offset, lateness)
        shift = f", interval '{offset} seconds'" if offset else ""
        source = f"{kind}(t, ts, interval '{step} seconds', interval '{size} seconds'{shift})"
        if what in calls:
            sql = f"SELECT window_start, window_end, {calls[what]} FROM {source} GROUP BY window_start, window_end, k"
        else:
            sql = (f"SELECT window_start, window_end, k, v, {'place' if what == 'first' else 'least(place, 3)'}, window_time FROM "
                   f"(SELECT *, row_number() OVER (PARTITION BY window_end, k, window_start ORDER BY v) AS place FROM {source}) AS x WHERE {numbers[what]}")
        groups = {}
        for by, v in pairs:
            groups.setdefault(by, []).append(v)
        want = Counter()
        for by, values in groups.items():
            s, e, k, end, said = rows_that_are_kept(by, values)
            want.update(f"{s},{e},{k}{tail},{n},{v},{end}" for tail, n, v in said[what])
        settings = f"SET emit.allowed-lateness = '{lateness}s';\n" + ("SET emit = 'on-update';\n" if i % 2 else "")
        got, done = stream(sql, rows, 1, settings, "'format' = 'debezium-json'")
        got = left_over(got)
        assert got == want and f" {late} late, 0 bad" in done, (sql, settings, done, late, got - want, want - got)


def lateness_that_cannot_be_kept():
    """is refused, with the ways out"""
    sinks = ("CREATE TABLE o (a timestamp, b text, c bigint, PRIMARY KEY (a, b) NOT ENFORCED) WITH ('connector' = 'blackhole');\n"
             "CREATE TABLE f (a timestamp, b text, c bigint) WITH ('connector' = 'filesystem', 'path' = 'f', 'format' = 'csv');\n")
    tumble = "tumble(t, ts, interval '5 seconds')"
    for sql, message in (
            (f"INSERT INTO f SELECT window_end, k, count(*) FROM {tumble} GROUP BY window_end, k", "takes rows back"),
            (f"INSERT INTO f SELECT window_end, k, v FROM (SELECT *, row_number() OVER (PARTITION BY window_end ORDER BY v) AS n FROM {tumble}) AS x WHERE n <= 2", "takes rows back"),
            ("INSERT INTO o SELECT window_end, k, n FROM session((SELECT window_time AS at, k, count(*) AS n FROM tumble(t, ts, interval '5 seconds') GROUP BY window_start, window_end, window_time, k) "
             "PARTITION BY k, at, interval '5 seconds')", "sessions that close cannot be made of rows that may be taken back")):
        (CWD / "refused.sql").write_text("SET emit.allowed-lateness = '5s';\n" + table([]) + sinks + sql + ";\n")
        done = sparklet(CWD, "explain", "refused.sql", expect=2)
        assert message in done.stderr and "hint: " in done.stderr, (message, done.stderr)


main(batch_and_stream, same_order, windows_over_windows, late_rows, rows_without_a_time, allowed_lateness, rows_of_windows, lateness_that_cannot_be_kept)
