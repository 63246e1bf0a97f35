#!/usr/bin/env python3
"""How queries went: EXPLAIN ANALYZE, \\profile, event logs and `sparklet history`, reports of metrics."""
import json, pathlib, re, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import main
from program import folder, same, sparklet

CWD = folder("history")
FLIGHTS = "'examples/data/flights.csv'"
COUNT = f"SELECT dest, count(*) AS n FROM {FLIGHTS} GROUP BY dest ORDER BY n"


def sql(query, *options, **how):
    return sparklet(CWD, "sql", "-c", query, "--format", "csv", *options, **how)


def analyze():
    """EXPLAIN ANALYZE: rows, expected rows, time, memory of nodes; stages with their tasks and bytes; the sums; also of an INSERT"""
    text = sql("EXPLAIN ANALYZE " + COUNT).stdout
    assert re.search(r"Scan #0 .* rows=27004 \(expected \d+\) batches=\d+ time=\d+\.\dms", text), text
    assert re.search(r"Sort #\d+ .* rows=94 .* memory=\d+KiB", text), text
    assert "expected" not in sql("EXPLAIN " + COUNT).stdout
    stages = [line for line in text.splitlines() if re.match(r'"?    \d  ', line)]
    assert len(stages) == 3 and "Scan examples/data/flights.csv, PartialAggregate" in stages[0] and "FinalAggregate" in stages[1], text
    assert re.search(r"94 rows in [\d.]+ m?s, [\d.]+ m?s of CPU; \d+ rows exchanged \([\d.]+ KiB\); memory at most [\d.]+ MiB, nothing spilled", text), text
    text = sql("CREATE TABLE t (n bigint) WITH ('connector' = 'filesystem', 'path' = 'analyzed', 'format' = 'csv'); EXPLAIN ANALYZE INSERT INTO t SELECT flight FROM " + FLIGHTS).stdout
    assert "27,004 rows in " in text, text
    same(sql("SELECT count(*) AS n FROM 'analyzed/*.csv'").stdout, "n\n27004\n")


def analyze_json():
    """explain --analyze --format json: the plan and its profile"""
    x = json.loads(sparklet(CWD, "explain", "--analyze", "--format", "json", "-c", COUNT).stdout)
    assert x["profile"]["rows"] == 94 and len(x["profile"]["stages"]) == 3 and x["profile"]["shuffle_rows"] == 188 and x["plan"][0]["kind"] == "Scan", x
    assert x["profile"]["stages"][1]["rows_in"] == 94 and x["profile"]["stages"][1]["tasks"] >= 1


def spills():
    """what was spilled is said"""
    text = sql(f"EXPLAIN ANALYZE SELECT a.*, 'a text that takes some room, number ' || n AS w FROM {FLIGHTS} AS a, generate_series(1, 8) AS g (n) ORDER BY time_hour, flight",
               "-s", "memory.limit=32MiB", "-s", "pool.size=1").stdout
    assert re.search(r"Sort #\d+ .* spilled=\d+[KM]iB", text) and re.search(r"memory at most [\d.]+ MiB, [\d.]+ [KM]iB spilled", text), text


def profile():
    """\\profile: how the last query went"""
    text = sparklet(CWD, "sql", input=f"\\profile\n{COUNT};\n\\profile\n", ).stdout
    assert text.startswith("There was no query yet.") and "94 rows in " in text.splitlines()[-1], text


def no_history():
    """without history.dir nothing is written, and history says how to have one"""
    before = sorted(p.name for p in CWD.iterdir())
    sql("SELECT 1 AS a")
    assert sorted(p.name for p in CWD.iterdir()) == before
    assert "history.dir" in sparklet(CWD, "history", expect=2).stderr
    assert "nowhere.jsonl" in sparklet(CWD, "history", "nowhere.jsonl", expect=2).stderr
    assert "0 rows" in sparklet(CWD, "history", "-s", "history.dir=not-there-yet").stdout


def timelines():
    """queries that went well, were tried again, failed: listed, and drawn with their failures"""
    dir = ("-s", "history.dir=logs")
    sql("SELECT 1 AS a; " + COUNT, *dir, "-s", "retry.backoff=20ms", fault="task.finish:3")
    sql(f"SELECT 1 / (flight - 1) AS a FROM {FLIGHTS}", *dir, expect=1)
    listed = sparklet(CWD, "history", *dir).stdout.splitlines()
    assert len(listed) == 6 and "SELECT 1 AS a;" in listed[2] and "tried again" in listed[3] and "SELECT dest, count(*)" in listed[3] and "failed" in listed[4], listed
    text = sparklet(CWD, "history", *dir, "--last", "2").stdout
    first, second = text.split("\n\nSELECT 1 /")
    assert first.startswith("SELECT dest, count(*)") and "stage 0  Scan examples/data/flig.." in first and re.search(r"\|\s*x+\s*\|", first), first
    assert "failed: injected fault at task.finish" in first and re.search(r"task \d, attempt 2 .*\|\s*#+\s*\|", first) and "rows=" in first, first
    assert "\nfailed: division by zero\n" in second and "x" in second, second
    assert max(map(len, re.findall(r"^.*\|$", text, re.M))) <= 120
    log = sorted((CWD / "logs").iterdir())[-1]
    assert log.stat().st_mode & 0o777 == 0o600
    same(sparklet(CWD, "history", log).stdout, "SELECT 1 /" + second)
    # A program that was killed leaves a log without an end, or half a line.
    whole = log.read_text().splitlines()
    (CWD / "killed.jsonl").write_text("\n".join(whole[:3]) + "\n" + whole[3][:20])
    assert "did not end" in sparklet(CWD, "history", "killed.jsonl").stdout
    (CWD / "other.jsonl").write_text('not json\n{"event":"task.end"}\n{"event":"query.end"}\n[1]\n{"event":"stage.start","stage":-5,"epoch":1}\n{"event":"stage.start","stage":99999999,"epoch":1}\n')
    assert "epoch 1" in sparklet(CWD, "history", "other.jsonl").stdout


def retained():
    """only the newest history.retain logs are kept, other files stay"""
    (CWD / "few").mkdir()
    (CWD / "few/mine.jsonl").write_text("")
    (CWD / "few/query-mine.txt").write_text("")
    sql("SELECT 1 AS a; SELECT 2 AS a; SELECT 3 AS a; SELECT 4 AS a", "-s", "history.dir=few", "-s", "history.retain=2")
    names = sorted(p.name for p in (CWD / "few").iterdir())
    assert len(names) == 4 and "mine.jsonl" in names and "query-mine.txt" in names, names
    assert "SELECT 4 AS a" in sparklet(CWD, "history", "-s", "history.dir=few", "--last", "1").stdout
    (CWD / "file").write_text("")
    done = sql("SELECT 1 AS a", "-s", "history.dir=file")   # cannot be written: the query is none the worse
    assert done.stdout == "a\n1\n" and "history.dir" in done.stderr, done.stderr


def epochs():
    """the event log of a job: a timeline for every epoch"""
    (CWD / "job.sql").write_text(f"CREATE TABLE f (dest text) WITH ('connector' = 'filesystem', 'path' = 'examples/data/flights.csv', 'format' = 'csv');\n"
                                 "CREATE TABLE o (dest text) WITH ('connector' = 'filesystem', 'path' = 'job-out', 'format' = 'csv');\nINSERT INTO o SELECT dest FROM f;\n")
    sparklet(CWD, "run", "job.sql", "-s", "epoch.max.rows=8192", "-s", "metrics.reporter=file", "-s", "metrics.file=job-metrics.jsonl", "-s", "metrics.interval=10ms")
    text = sparklet(CWD, "history", ".sparklet/job/events.jsonl").stdout
    bars = text.splitlines()[1:]
    assert len(bars) == 4 and bars[0].startswith("epoch 1  8,192 in, 8,192 out ") and bars[3].startswith("epoch 4  2,428 in") and all(re.search(r"\|\s*#+\s*\|$", b) for b in bars), text
    assert bars[0].index("#") < bars[3].index("#"), text
    last = sparklet(CWD, "history", ".sparklet/job/events.jsonl", "--last", "1").stdout
    assert last.startswith("epoch 4\n") and "2,428 rows in, 2,428 out, 0 late, 0 bad" in last, last
    lines = [json.loads(line) for line in (CWD / "job-metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["rows_in_total"] == 27004 and lines[-1]["ts"] > lines[0]["ts"] - 1, lines[-1]


def metrics():
    """metrics.reporter: Prometheus text, and lines in the log; nothing of it on stdout"""
    done = sql(COUNT, "-s", "metrics.reporter=prometheus", "-s", "metrics.file=m.prom")
    assert done.stdout.count("\n") == 95 and done.stderr == ""
    assert re.search(r"^sparklet_scheduler_tasks_total [1-9]", (CWD / "m.prom").read_text(), re.M)
    done = sql(COUNT, "-s", "metrics.reporter=console")
    assert done.stdout.count("\n") == 95 and re.search(r" info  metrics .*scheduler_tasks_total \d+ \(\d+/s\)", done.stderr), done.stderr
    assert "metrics.file" in sql(COUNT, "-s", "metrics.reporter=file", expect=2).stderr


main(analyze, analyze_json, spills, profile, no_history, timelines, retained, epochs, metrics)
