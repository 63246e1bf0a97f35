#!/usr/bin/env python3
"""Tables whose event times run at different speeds: those that one window waits for are read in step, with an alignment group the fast one waits; what comes out is the same."""
import datetime, pathlib, re, shutil, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import main
from program import folder, sparklet

CWD = folder("alignment")
ROWS, DRIFT = 4000, 30


def tables(options):
    """`fast` has a row a second, `slow` a hundred: row by row, one is soon far ahead of the other"""
    for name, per_second in (("fast", 1), ("slow", 100)):
        rows = (f'{{"ts": {1700000000 + i // per_second}, "n": {i}}}\n' for i in range(ROWS))
        (CWD / f"{name}.ndjson").write_text("".join(rows))
    return "".join(f"CREATE TABLE {name} (ts timestamp, n bigint, WATERMARK FOR ts AS ts - INTERVAL '1' SECOND) WITH ('connector' = 'filesystem', 'path' = '{CWD}/{name}.ndjson', "
                   f"'format' = 'json', 'json.timestamp-unit' = 's'{options});\n" for name in ("fast", "slow"))


GROUP = f", 'scan.watermark.alignment.group' = 'g', 'scan.watermark.alignment.max-drift' = '{DRIFT} s', 'scan.watermark.alignment.update-interval' = '1 s'"


TOGETHER = ["(SELECT * FROM fast UNION ALL SELECT * FROM slow)"]
ALONE = ["fast", "slow"]


def run(options, inputs):
    """Results of a window over each input, and the epochs' records"""
    shutil.rmtree(CWD / "out", ignore_errors=True)
    shutil.rmtree(CWD / ".sparklet", ignore_errors=True)
    (CWD / "job.sql").write_text(tables(options) + f"CREATE TABLE o (e timestamp, n bigint, s bigint) WITH ('connector' = 'filesystem', 'path' = '{CWD}/out', 'format' = 'csv', 'csv.header' = 'false');\n" +
                                 "".join(f"INSERT INTO o SELECT window_end, count(*), sum(n) FROM tumble({i}, ts, interval '10 seconds') GROUP BY window_end;\n" for i in inputs))
    done = sparklet(CWD, "run", "-s", "epoch.max.rows=100", "-s", "epoch.interval=0", "job.sql").stderr
    assert " 0 late, 0 bad" in done, done
    records = sparklet(CWD, "epochs", "job").stdout
    return sorted(line for file in (CWD / "out").glob("*-*.*") for line in file.read_text().splitlines()), records


def apart(records):
    """The largest distance of the tables' watermarks, in seconds, of the epochs that knew both"""
    marks = {name: [datetime.datetime.fromisoformat(text) for text in re.findall(rf"source {name}  watermark (\d.*)", records)] for name in ("fast", "slow")}
    return max((fast - slow).total_seconds() for fast, slow in zip(marks["fast"], marks["slow"]))


def the_fast_one_waits():
    """of tables that have nothing to do with each other the same comes out, and no more than the drift and what an epoch brings lies between them"""
    want, free = run("", ALONE)
    got, held = run(GROUP, ALONE)
    assert got == want and len(want) == ROWS // 10 + 4, (len(got), len(want))
    assert apart(free) > 20 * DRIFT and apart(held) <= DRIFT + 100, (apart(free), apart(held))


def in_step():
    """what one window waits for is read in step as soon as it is known how fast it goes, after a few epochs of 50 rows of each"""
    rows, records = run("", TOGETHER)
    counts = [tuple(map(int, line.split(",")[1:])) for line in rows]
    assert len(rows) == ROWS // 10 and sum(n for n, _ in counts) == 2 * ROWS and sum(s for _, s in counts) == ROWS * (ROWS - 1), len(rows)
    assert apart(records) <= 200, apart(records)


def wrong_options():
    """are refused, with the place and the way out"""
    for options, message in ((", 'scan.watermark.alignment.group' = 'g'", "go together"), (", 'scan.watermark.alignment.max-drift' = '5 s'", "go together"),
                             (", 'scan.watermark.alignment.group' = 'g', 'scan.watermark.alignment.max-drift' = 'soon'", "is not a time"),
                             (", 'scan.watermark.idle-timeout' = 'never'", "is not a time"), (", 'scan.watermark.alignment.grup' = 'g'", "scan.watermark.alignment.group")):
        (CWD / "wrong.sql").write_text(tables(options) + "CREATE TABLE o (n bigint) WITH ('connector' = 'blackhole');\nINSERT INTO o SELECT n FROM fast;\n")
        done = sparklet(CWD, "check", "wrong.sql", expect=2)
        assert message in done.stderr and "wrong.sql:1:" in done.stderr and "hint: " in done.stderr, (options, done.stderr)
    (CWD / "wrong.sql").write_text(f"CREATE TABLE t (n bigint) WITH ('connector' = 'filesystem', 'path' = '{CWD}/fast.ndjson', 'format' = 'json'{GROUP});\n")
    done = sparklet(CWD, "check", "wrong.sql", expect=2)
    assert "is for tables with a WATERMARK" in done.stderr, done.stderr


main(the_fast_one_waits, in_step, wrong_options)
