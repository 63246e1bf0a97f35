#!/usr/bin/env python3
"""emit.interval: changes of open windows come at an interval of their own, the last ones when the window closes; all of it adds up to what windows have that close."""
import datetime, json, os, pathlib, signal, sys
from collections import Counter

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import main, seed, wait_for
from program import folder, sparklet, start

EPOCH = datetime.datetime(2024, 1, 1)
JOB = """%s
CREATE TABLE t (id BIGINT, k BIGINT, v BIGINT, ts TIMESTAMP, WATERMARK FOR ts AS ts - INTERVAL '3' SECOND)
WITH ('connector' = 'filesystem', 'path' = 'in', 'format' = 'json', 'source.monitor-interval' = '10 ms');
CREATE TABLE o (s TIMESTAMP, k BIGINT, n BIGINT, v BIGINT) WITH ('connector' = 'filesystem', 'path' = 'o', 'format' = 'changelog-json');
INSERT INTO o SELECT window_start, k, count(*), sum(v) FROM %s GROUP BY window_start, window_end, k;
"""
SESSIONS = "session(t PARTITION BY k, ts, INTERVAL '4' SECOND)"
WINDOWS = ("tumble(t, ts, INTERVAL '10' SECOND)", "hop(t, ts, INTERVAL '5' SECOND, INTERVAL '10' SECOND)")


def draw(rng, rows=200):
    now, out = 0, []
    for i in range(rows):
        now += rng.choice([0, 0, 0, 1, 1, 2, 9 if rng.random() < 0.2 else 0])
        out.append({"id": i, "k": rng.randrange(6), "v": rng.randrange(100), "ts": now - rng.randrange(3)})
    return out


def write(cwd, name, rows):
    (cwd / "in").mkdir(exist_ok=True)
    (cwd / "in" / name).write_text("".join(json.dumps({**r, "ts": str(EPOCH + datetime.timedelta(seconds=r["ts"]))}) + "\n" for r in rows))


def run(cwd, *options):
    return sparklet(cwd, "run", "--once", "--job", "j", "-s", "epoch.interval=0", *options, "j.sql").stderr


def changes(cwd):
    """The changes of each epoch that has any."""
    out = {}
    for p in sorted((cwd / "o").glob("epoch-*.json")):
        out.setdefault(p.name.split("-")[1], []).extend(map(json.loads, p.read_text().splitlines()))
    return out


def total(cwd, ended):
    """What they add up to, of windows that have ended, or of the others."""
    rows = Counter()
    for some in changes(cwd).values():
        for c in some:
            rows[tuple(c["data"].values())] += 1 if c["op"][0] == "+" else -1
    assert all(n in (0, 1) for n in rows.values()), rows
    return {r for r, n in rows.items() if n and ended(r)}


def closing(rows, window, cwd):
    """What windows give that wait for their end, of one run without epochs' cuts."""
    (cwd / "j.sql").write_text(JOB % ("", window))
    write(cwd, "0.json", rows)
    run(cwd)
    return total(cwd, lambda r: True)


def adds_up():
    """an hour's interval: nothing of a window comes before its end, over restarts, kills and failures, and other numbers of tasks; of sessions what has ended is right"""
    rng = seed()
    for at, window in enumerate((*WINDOWS * 2, SESSIONS, SESSIONS)):
        rows = draw(rng)
        watermark = max(r["ts"] for r in rows) - 3
        want = closing(rows, window, folder(f"plain-{at}"))
        cwd = folder(f"late-{at}")
        (cwd / "j.sql").write_text(JOB % ("SET 'table.exec.emit.early-fire.enabled' = 'true'; SET 'table.exec.emit.early-fire.delay' = '1000 h';", window))
        cut = rng.randrange(len(rows))
        for part, some in enumerate((rows[:cut], rows[cut:])):
            write(cwd, f"{part}.json", some)
            for fault in (f"epoch.computed:{rng.randrange(1, 9)}:kill", f"{rng.choice(['malloc', 'task.finish'])}:{rng.randrange(1, 3000)}"):
                sparklet(cwd, "run", "--once", "--job", "j", "-s", "epoch.interval=0", "-s", "epoch.max.rows=5", "-s", "checkpoint.interval=0", "j.sql", fault=fault, expect=None)
            run(cwd, "-s", f"epoch.max.rows={rng.randrange(1, 9)}", "-s", f"parallelism={rng.randrange(1, 4)}")
        if window == SESSIONS:
            ended = {r[:2] for r in want}
            assert total(cwd, lambda r: r[:2] in ended) == want, (total(cwd, lambda r: True), want)
            continue
        assert total(cwd, lambda r: True) == want, (window, total(cwd, lambda r: True) ^ want)
        assert all(c["op"] == "+I" for some in changes(cwd).values() for c in some)
        assert max(datetime.datetime.fromisoformat(r[0]) for r in want) + datetime.timedelta(seconds=10) <= EPOCH + datetime.timedelta(seconds=watermark)


def comes_early():
    """a short interval: changes come before the end, and fewer of them than epochs have, of sessions, too; in the end all is there"""
    rng, shown = seed(), 0
    for at, window in enumerate((*WINDOWS, SESSIONS)):
        rows, counts = draw(rng), []
        want = closing(rows, window, folder(f"closed-{at}"))
        for name, setting in (("every", "SET emit = 'on-update';"), ("paced", "SET emit = 'on-update'; SET emit.interval = '20 ms';")):
            cwd = folder(f"{name}-{at}")
            (cwd / "j.sql").write_text(JOB % (setting, window))
            write(cwd, "0.json", rows)
            run(cwd, "-s", "epoch.max.rows=1", "-s", "parallelism=2")
            ended = {r[:2] for r in want}
            assert total(cwd, lambda r: r[:2] in ended) == want, window
            counts.append(sum(map(len, changes(cwd).values())))
        assert len(want) <= counts[1] <= counts[0], counts
    text = sparklet(cwd, "explain", "j.sql").stdout
    assert "PacedChanges" in text and "[every 20 ms]" in text and "change that is held" in text, text


def quiet():
    """what is held comes out when the interval is over, also when no rows do, of this run or the one before"""
    cwd = folder("quiet")
    (cwd / "j.sql").write_text(JOB % ("SET emit = 'on-update'; SET emit.interval = '500 ms';", WINDOWS[0]))
    write(cwd, "0.json", [{"id": 0, "k": 1, "v": 10, "ts": 0}])
    run(cwd)
    job = start(cwd, "run", "--job", "j", "-s", "epoch.interval=0", "-s", "checkpoint.interval=1h", "j.sql")
    try:
        for n in range(1, 4):
            wait_for(f"{n} rows", lambda: {r[1:] for r in total(cwd, lambda r: True)} == {(k, 1, 10) for k in range(1, n + 1)})
            write(cwd, f"{n}.json", [{"id": n, "k": n + 1, "v": 10, "ts": 0}])
    finally:
        job.kill()
        text = job.communicate()[1]
    assert job.returncode == -signal.SIGKILL, text
    # Where nothing is held nothing starts epochs: there are those of rows, one each that lets go what it left, and one that asks.
    assert sparklet(cwd, "epochs", "j").stdout.count("source t") <= 40
    # A replay, which is compared, lets go in the same epochs.
    run(cwd)
    assert {r[1:] for r in total(cwd, lambda r: True)} >= {(k, 1, 10) for k in range(1, 4)}


main(adds_up, comes_early, quiet)
