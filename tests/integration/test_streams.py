#!/usr/bin/env python3
"""Jobs as they live: idle partitions, --once that goes on next time, at-least-once, a broker that is away, a topic that is missing."""
import json, os, pathlib, signal, socket, subprocess, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import *

rng = seed()
COLUMNS = "id bigint, k text, ts timestamp"


def event(i, second, k="a"):
    return json.dumps({"id": i, "k": k, "ts": f"2025-01-01 00:{second // 60:02d}:{second % 60:02d}"}).encode()


def windows_job(name, topic, out, **options):
    return write_job(name, table("t", COLUMNS, topic, "WATERMARK FOR ts AS ts - INTERVAL '1' SECOND", **{"scan.startup.mode": "earliest-offset", **options}) +
                     table("w", "k text, window_end timestamp, n bigint", out) +
                     "INSERT INTO w SELECT k, window_end, count(*) FROM tumble(t, ts, INTERVAL '10 seconds') GROUP BY k, window_start, window_end;\n")


def idle_partition():
    """a partition without data does not hold windows for ever"""
    topic, out, job = unique("idle"), unique("idle-out"), unique("idle")
    create(topic, out)
    produce(topic, ((i % 3, event(i, i)) for i in range(100)))  # partition 3 stays empty
    p = start(windows_job(job, topic, out), job, "-s", "watermark.idle-timeout=1s")
    try:
        wait_for("windows to close", lambda: rows(out, "k", "window_end", "n").total() >= 9)
    finally:
        p.send_signal(signal.SIGTERM)
    assert p.wait(10 * SLOW) == 0, errors(job)
    got = rows(out, "window_end", "n")
    assert got == Counter({(f"2025-01-01 00:{10 * i // 60:02d}:{10 * i % 60:02d}", "10"): 1 for i in range(1, 10)}), got


def once_goes_on():
    """--once processes what is there and goes on there next time; windows stay open in between"""
    topic, out, job = unique("once"), unique("once-out"), unique("once")
    create(topic, out)
    sql = windows_job(job, topic, out)
    total = 0
    for part in range(4):
        produce(topic, ((i % 4, event(i, i)) for i in range(part * 25, part * 25 + 25)))
        run(sql, job, "--once", timeout=60)
        now = rows(out, "window_end", "n").total()
        assert now >= total
        total = now
    produce(topic, ((i, event(1000, 3000)) for i in range(4)))
    run(sql, job, "--once", timeout=60)
    got = rows(out, "window_end", "n")
    assert got == Counter({(f"2025-01-01 00:{10 * i // 60:02d}:{10 * i % 60:02d}", "10"): 1 for i in range(1, 11)}), got
    run(sql, job, "--once", timeout=60)
    assert rows(out, "window_end", "n") == got, "a run over nothing new wrote something"


def last_row_wins():
    """rows of one key in an upsert sink: the last one of the partition is what stays, one message a key and epoch"""
    topic, out, job = unique("last-in"), unique("last-out"), unique("last")
    create(topic, out, partitions=2)
    produce(topic, ((i % 20 % 2, json.dumps({"id": i % 20, "v": i}).encode()) for i in range(5000)))
    sql = write_job(job, table("t", "id bigint, v bigint", topic, scan__startup__mode="earliest-offset") + table("o", "id bigint PRIMARY KEY, v bigint", out, connector="upsert-kafka") +
                    "INSERT INTO o SELECT id, v FROM t;")
    run(sql, job, "--once", "-s", "epoch.max.rows=1000")
    assert folded(out, "id", "v") == Counter((str(i % 20), str(i)) for i in range(4980, 5000)), folded(out, "id", "v")
    assert 20 <= len(read(out)) <= 20 * 10, len(read(out))


def at_least_once():
    """delivery=at-least-once: no transaction, nothing lost"""
    topic, out, job = unique("alo"), unique("alo-out"), unique("alo")
    create(topic, out)
    produce(topic, ((i % 4, event(i, i)) for i in range(600)))
    sql = write_job(job, table("t", COLUMNS, topic, **{"scan.startup.mode": "earliest-offset", "scan.bounded.mode": "latest-offset"}) + table("o", "id bigint", out) +
                    "INSERT INTO o SELECT id FROM t;\n")
    run(sql, job, "-s", "delivery=at-least-once", timeout=60)
    got = rows(out, "id")
    assert set(got) == {(str(i),) for i in range(600)}, differ(got, Counter({(str(i),): 1 for i in range(600)}))


def on_update():
    """SET emit = 'on-update' writes a window's changes every epoch, the last one being the final answer"""
    topic, out, job = unique("upd"), unique("upd-out"), unique("upd")
    create(topic, out)
    produce(topic, ((i % 4, event(i, i)) for i in range(100)))
    sql = write_job(job, "SET emit = 'on-update';\n" +
                    table("t", COLUMNS, topic, "WATERMARK FOR ts AS ts", **{"scan.startup.mode": "earliest-offset", "scan.bounded.mode": "latest-offset"}) +
                    table("w", "window_end timestamp PRIMARY KEY, n bigint", out, connector="upsert-kafka") +
                    "INSERT INTO w SELECT window_end, count(*) FROM tumble(t, ts, INTERVAL '10 seconds') GROUP BY window_end;\n")
    run(sql, job, "-s", "epoch.max.rows=15", "-s", "epoch.interval=0", timeout=60)
    got = folded(out, "n")
    assert got == Counter({("10",): 10}), got
    assert len(read(out)) > 10, "no change was written before the end"


def broker_away():
    """a broker that is away: keeps trying and says so; with kafka.retry gives up with exit code 3"""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{s.getsockname()[1]}"
        job = unique("away")
        sql = windows_job(job, "in", "out")
        sql.write_text(sql.read_text().replace(BROKERS, address))
        p = start(sql, job)
        try:
            wait_for("the trouble to be told", lambda: "trying" in errors(job), 30)
            assert p.poll() is None, "it did not keep trying"
        finally:
            p.send_signal(signal.SIGTERM)
        assert p.wait(15 * SLOW) == 0, errors(job)
        code = run(sql, unique("away"), "-s", "kafka.retry=1s", timeout=60, expect=None)
        assert code == 3, f"exit code {code}"


def topic_missing():
    """a topic that is missing is named, with the command that makes it"""
    job = unique("missing")
    code = run(windows_job(job, "no-such-topic", "neither-this"), job, timeout=60, expect=None)
    text = errors(job)
    assert code in (1, 2) and ("no-such-topic" in text or "neither-this" in text) and "kafka-topics" in text, f"{code}: {text}"


if __name__ == "__main__":
    main(idle_partition, once_goes_on, last_row_wins, at_least_once, on_update, broker_away, topic_missing)
