#!/usr/bin/env python3
"""`sparklet run` and what looks at a job from outside, over files: output, restarts, signals, the terminal."""
import json, os, pathlib, pty, re, select, signal, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import BIN, SLOW, main, wait_for
from program import environment, folder, same, sparklet, start

SOURCE = """CREATE TABLE flight (event_time timestamp, carrier text, origin text, dep_delay integer, cancelled boolean,
  WATERMARK FOR event_time AS event_time - INTERVAL '10' MINUTE)
  WITH ('connector' = 'filesystem', 'path' = 'examples/data/flights-json/part-*.ndjson', 'format' = 'json');
"""
PRINT = "CREATE TABLE out (origin text, dep_delay integer) WITH ('connector' = 'print', 'format' = 'json');\n"
LONG = "INSERT INTO out SELECT origin, dep_delay FROM flight WHERE dep_delay > 600;\n"
# Events without end, a few thousand a second.
ENDLESS = """CREATE TABLE bid (auction bigint, price bigint, date_time timestamp) WITH ('connector' = 'nexmark', 'nexmark.table' = 'bid', 'nexmark.rate' = '2000');
CREATE TABLE out (auction bigint, n bigint) WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'debezium-json');
INSERT INTO out SELECT auction, count(*) FROM bid GROUP BY auction;
"""


def job(name, text):
    cwd = folder(name)
    (cwd / f"{name}.sql").write_text(text)
    return cwd


def prints():
    """rows on stdout and nothing else there, the summary on stderr; the job is named after the file and has its folder"""
    cwd = job("late-ones", SOURCE + PRINT + LONG)
    done = sparklet(cwd, "run", "late-ones.sql")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == 3 and all(list(r) == ["origin", "dep_delay"] and r["dep_delay"] > 600 for r in rows), rows
    found = re.fullmatch(r"sparklet: job late-ones: done, 27024 rows in, 3 out, 0 late, 20 bad, (\d+) epochs? in \d+(\.\d)? m?s\n", done.stderr)
    assert found, done.stderr
    assert (cwd / ".sparklet/late-ones/job.sql").read_text() == SOURCE + PRINT + LONG
    again = sparklet(cwd, "run", "late-ones.sql")
    assert again.stdout == "" and "goes on after epoch" in again.stderr and "done, 0 rows in, 0 out" in again.stderr, again.stderr


def options():
    """--job, --dir, --once, -s, a script from standard input"""
    cwd = job("options", SOURCE + PRINT + LONG)
    done = sparklet(cwd, "run", "-", "--once", "--job", "other", "--dir", "there", "-s", "epoch.max.rows=1000", "-s", "bad.rows=skip", input=SOURCE + PRINT + LONG)
    assert "job other: done, 27024 rows in, 3 out" in done.stderr and "28 epochs" in done.stderr, done.stderr
    assert not (cwd / ".sparklet").exists() and (cwd / "there/epochs.log").exists() and not (cwd / "there/dlq").exists()
    assert sparklet(cwd, "epochs", "other", "--dir", "there", "--last", "3").stdout.count("epoch ") >= 3
    assert sparklet(cwd, "dlq", "other", "list", "--dir", "there").stdout == "no dead letters\n"


def closed_output():
    """a reader of the rows that goes away ends the job at once with exit code 1, without a word about it"""
    cwd = job("unread", SOURCE + PRINT + "INSERT INTO out SELECT origin, dep_delay FROM flight;\n")
    p = start(cwd, "run", "-s", "epoch.max.rows=100", "-s", "epoch.interval=0", "unread.sql")
    p.stdout.readline()
    p.stdout.close()
    words = p.stderr.read()
    assert p.wait(60) == 1 and words == "", words


def bad_rows_fail():
    """bad.rows=fail: exit code 1, the row's place and what is wrong with it"""
    cwd = job("strict", SOURCE + PRINT + LONG)
    done = sparklet(cwd, "run", "-s", "bad.rows=fail", "strict.sql", expect=1)
    assert re.search(r"part-\d\.ndjson, position \d+: ", done.stderr) and "bad.rows=dlq" in done.stderr, done.stderr


def changed_plan():
    """check tells a new job, one whose state is kept, and one whose plan changed"""
    cwd = job("plan", SOURCE + "CREATE TABLE out (origin text, n bigint) WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'debezium-json');\n"
              "INSERT INTO out SELECT origin, count(*) FROM flight GROUP BY origin;\n")

    def verdict():
        text = sparklet(cwd, "check", "plan.sql").stdout
        assert text.splitlines()[-1] == "ok: 3 statements, 1 INSERT, 0 queries", text
        return next(line for line in text.splitlines() if "StreamAggregate" in line)
    assert "| the number of keys | new" in verdict()
    done = sparklet(cwd, "run", "plan.sql")
    assert "is not bounded by time: it grows with the number of keys" in done.stderr, done.stderr
    assert "kept (plan unchanged)" in verdict()
    (cwd / "plan.sql").write_text((cwd / "plan.sql").read_text().replace("count(*)", "sum(dep_delay)"))
    assert "plan changed since epoch" in verdict()


def queries_in_jobs():
    """a SELECT in a job's file is not run, and that is said"""
    cwd = job("mixed", SOURCE + PRINT + "SELECT 1;\n" + LONG)
    done = sparklet(cwd, "run", "mixed.sql")
    assert "statement 3 is a SELECT and no part of the job" in done.stderr and len(done.stdout.splitlines()) == 3, done.stderr


def running(cwd, name):
    """Once the job has written something."""
    return lambda: list((cwd / "out").glob("epoch-*"))


def signals():
    """SIGTERM and SIGINT: the epoch ends, a checkpoint, exit code 0; the next start goes on"""
    cwd = job("endless", ENDLESS)
    for number in (signal.SIGTERM, signal.SIGINT):
        before = len(running(cwd, "endless")())
        p = start(cwd, "run", "endless.sql")
        wait_for("an epoch", lambda: len(running(cwd, "endless")()) > before + 2)
        p.send_signal(number)
        out, err = p.communicate(timeout=30 * SLOW)
        assert p.returncode == 0 and out == "" and "job endless: stopped, " in err and "\r" not in err, (p.returncode, err)
        assert "checkpoint-" in "".join(os.listdir(cwd / ".sparklet/endless/checkpoints"))
    assert "goes on after epoch" in err, err
    done = sparklet(cwd, "checkpoint", "endless", "verify").stdout
    assert done and all(line.endswith(": ok") for line in done.splitlines()), done


def at_once():
    """two signals end it at once, and it goes on all the same"""
    cwd = job("hasty", ENDLESS.replace("'2000'", "'200000'"))
    p = start(cwd, "run", "hasty.sql")
    wait_for("an epoch", running(cwd, "hasty"))
    p.send_signal(signal.SIGTERM)
    p.send_signal(signal.SIGINT)
    said = p.communicate(timeout=20 * SLOW)[1]
    assert p.returncode in (0, -signal.SIGINT), (p.returncode, said)
    before = len(running(cwd, "hasty")())
    p = start(cwd, "run", "hasty.sql")
    wait_for("an epoch", lambda: len(running(cwd, "hasty")()) > before)
    p.terminate()
    assert "goes on after epoch" in p.communicate(timeout=30 * SLOW)[1] and p.returncode == 0


def one_at_a_time():
    """a second process of a running job is refused"""
    cwd = job("single", ENDLESS)
    p = start(cwd, "run", "single.sql")
    try:
        wait_for("an epoch", running(cwd, "single"))
        done = sparklet(cwd, "run", "single.sql", expect=1)
        assert str(p.pid) in done.stderr, done.stderr
        assert sparklet(cwd, "epochs", "single", "--last", "1").stdout.startswith("epoch ")
    finally:
        p.terminate()
        p.communicate(timeout=30 * SLOW)


def on_terminal(cwd, *arguments, seconds):
    """What a terminal of 120 columns gets on stderr in this time, then of a SIGTERM; and the exit code."""
    import fcntl, struct, termios
    main_end, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    import subprocess
    p = subprocess.Popen([BIN, *arguments], cwd=cwd, env=environment(), stdout=subprocess.PIPE, stderr=other)
    os.close(other)
    text, end = b"", time.monotonic() + seconds
    while True:
        if time.monotonic() > end and p.poll() is None:
            p.terminate()
            end += 30 * SLOW
        if select.select([main_end], [], [], 0.1)[0]:
            try:
                text += os.read(main_end, 65536)
                continue
            except OSError:
                break
        elif p.poll() is not None:
            break
    os.close(main_end)
    return text.decode(), p.wait()


def terminal():
    """on a terminal one line is rewritten, cut to its width, at most ten times a second; the last line is the summary"""
    cwd = job("shown", ENDLESS)
    text, code = on_terminal(cwd, "run", "shown.sql", seconds=2)
    assert code == 0, text
    drawn = re.findall(r"(?:^|\r\x1b\[K)([^\r\n]*)", text)
    live = [line for line in drawn if line.startswith("shown: epoch ")]
    assert 3 <= len(live) <= 40, text
    assert all(len(line) < 120 for line in live) and " rows/s  " in live[-1] and " out" in live[-1], live
    assert re.search(r"\r\x1b\[Ksparklet: job shown: stopped, \d+ rows in", text) and text.endswith("s\r\n"), text[-300:]


def away():
    """a broker that cannot be reached is told once, with its address; a signal ends the waiting with exit code 0"""
    cwd = job("away", "CREATE TABLE t (a text) WITH ('connector' = 'kafka', 'topic' = 't', 'properties.bootstrap.servers' = '127.0.0.1:1', 'format' = 'json');\n"
              "CREATE TABLE o (a text) WITH ('connector' = 'print');\nINSERT INTO o SELECT a FROM t;\n")
    p = start(cwd, "run", "away.sql")
    time.sleep(2)
    p.terminate()
    out, err = p.communicate(timeout=30 * SLOW)
    assert p.returncode == 0 and out == "", (p.returncode, err)
    assert err.count("still trying") == 1 and "127.0.0.1:1" in err and len(err.splitlines()) <= 3, err
    done = sparklet(cwd, "run", "-s", "kafka.retry=500ms", "away.sql", expect=3)
    assert "sparklet: error: " in done.stderr and len(done.stderr.splitlines()) <= 4, done.stderr


main(prints, options, closed_output, bad_rows_fail, changed_plan, queries_in_jobs, signals, at_once, one_at_a_time, terminal, away)
