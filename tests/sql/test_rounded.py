#!/usr/bin/env python3
"""Columns of timestamp(p), time(p), interval(p) where rows are written, in jobs, and in tables that are like others. What is read: cases/modifiers.sql."""
import json, pathlib, shutil, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import main
from program import folder, same, sparklet

CWD = folder("rounded")


def lines(sql):
    return sparklet(CWD, "sql", "--format", "json", input=sql).stdout


def written():
    """INSERT rounds literals, constants and queries"""
    ddl = "CREATE TABLE o (a int, t timestamp(1), i interval(0), d time(2)) WITH ('connector' = 'print', 'format' = 'json');\n"
    got = lines(ddl + "INSERT INTO o VALUES (1, '2024-01-01 00:00:00.55', '1.5 seconds', '10:00:00.125'), (2, timestamp '2024-01-01' + interval '50 ms', NULL, NULL);\n"
                "INSERT INTO o SELECT 3, timestamp '2024-01-01 00:00:00.66', interval '2.4 s', time '10:00:00.999';\n")
    same(got, '{"a":1,"t":"2024-01-01 00:00:00.6","i":"00:00:02","d":"10:00:00.13"}\n{"a":2,"t":"2024-01-01 00:00:00.1","i":null,"d":null}\n'
              '{"a":3,"t":"2024-01-01 00:00:00.7","i":"00:00:02","d":"10:00:01"}\n')


def like():
    """A table that is LIKE another, and a computed column, round as well"""
    (CWD / "r.csv").write_text("t\n2024-01-01 00:00:00.5\n2024-01-01 00:00:01.5\n")
    options = "WITH ('connector' = 'filesystem', 'path' = 'r.csv', 'format' = 'csv')"
    same(lines(f"CREATE TABLE a (t timestamp(0)) {options};\nCREATE TABLE b (LIKE a INCLUDING ALL);\n"
               f"CREATE TABLE c (t timestamp, u timestamp(1) GENERATED ALWAYS AS (t + interval '60 ms') STORED) {options};\n"
               "SELECT t FROM b ORDER BY t; SELECT u FROM c ORDER BY u;"),
         '{"t":"2024-01-01 00:00:01"}\n{"t":"2024-01-01 00:00:02"}\n{"u":"2024-01-01 00:00:00.6"}\n{"u":"2024-01-01 00:00:01.6"}\n')


def watermark():
    """Windows and watermarks of a job go by the rounded times: no row is late that came in order"""
    (CWD / "rows.ndjson").write_text("".join(json.dumps({"t": f"2024-01-01 00:00:{s // 10:02}.{s % 10}"}) + "\n" for s in range(0, 300, 3)))
    (CWD / "job.sql").write_text(
        "CREATE TABLE t (t timestamp(0), WATERMARK FOR t AS t) WITH ('connector' = 'filesystem', 'path' = 'rows.ndjson', 'format' = 'json');\n"
        "CREATE TABLE o (e timestamp, n bigint) WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'csv');\n"
        "INSERT INTO o SELECT window_end, count(*) FROM tumble(t, t, interval '5 seconds') GROUP BY window_start, window_end;\n")
    batch = sparklet(CWD, "sql", "--format", "csv", input=(CWD / "job.sql").read_text().rsplit("CREATE", 1)[0]
                     + "SELECT window_end, count(*) FROM tumble(t, t, interval '5 seconds') GROUP BY window_start, window_end;").stdout
    shutil.rmtree(CWD / "out", ignore_errors=True)
    sparklet(CWD, "run", "--once", "-s", "epoch.max.rows=7", "-s", "epoch.interval=0", "job.sql")
    got = sorted(line for file in (CWD / "out").glob("*-*.*") for line in file.read_text().splitlines() if not line.startswith("e,"))
    same(got, sorted(batch.splitlines()[1:]))
    assert sum(int(line.split(",")[1]) for line in got) == 100, got


if __name__ == "__main__":
    main(written, like, watermark)
