#!/usr/bin/env python3
"""Exactly once under SIGKILL: three JSON topics of four partitions, several INSERTs in one job, killed at random moments and started
again; what a read_committed consumer sees must be DuckDB's answer over the same rows. Also: fencing, SIGTERM, damaged checkpoints."""
import json, os, pathlib, random, signal, subprocess, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import duckdb
from jobs import *

ROWS = 2_000_000 if LONG else 120_000
KILLS = 30 if LONG else 8
T0 = 1_735_689_600  # 2025-01-01 00:00:00 UTC

rng = seed()


def stamp(us):
    s, f = divmod(us, 1_000_000)
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(s)) + (f".{f:06d}".rstrip("0") if f else "")


class Events:
    """Rows of three topics with event times disordered by up to 5 s, one partition of `clicks` empty, about 1 % malformed."""

    def __init__(self, name, n):
        self.topics = {t: unique(f"{name}-{t}") for t in ("orders", "payments", "clicks")}
        self.bad = {t: [] for t in self.topics}
        self.good = {t: [] for t in self.topics}
        create(*self.topics.values())
        for t, topic in self.topics.items():
            produce(topic, self.make(t, n // 3))

    def make(self, t, n):
        for i in range(n):
            us = (T0 + i // 200) * 1_000_000 + rng.randrange(1_000_000) - rng.randrange(5_000_000)
            row = {"id": i, "shop": f"shop-{rng.randrange(40)}", "amount": rng.randrange(-1000, 100000), "price": f"{rng.randrange(100000) / 100:.2f}",
                   "ts": stamp(us), "note": rng.choice(["", "x", "long text " * 5, None])}
            value = json.dumps(row).encode()
            if rng.random() < 0.01:
                value = rng.choice([value[:-rng.randrange(1, 30)], value.replace(b'"amount": ', b'"amount": "x'), b"\xff\xfe" + value, b"", b"[]"])
                self.bad[t].append(value)
            else:
                self.good[t].append(row)
            yield (i % 3 if t == "clicks" else i % 4), value

    def ddl(self, bounded=True):
        options = {"scan.startup.mode": "earliest-offset"}
        if bounded:
            options["scan.bounded.mode"] = "latest-offset"
        return "".join(table(t, "id bigint, shop text, amount bigint, price decimal(10, 2), ts timestamp, note text",
                             topic, "WATERMARK FOR ts AS ts - INTERVAL '10' SECOND", **options) for t, topic in self.topics.items())

    def duck(self):
        db = duckdb.connect()
        for t, good in self.good.items():
            path = TMP / f"{t}-{os.getpid()}.ndjson"
            path.write_text("".join(json.dumps(r) + "\n" for r in good))
            db.execute(f"""CREATE OR REPLACE TABLE {t} AS SELECT * FROM read_json('{path}', format='newline_delimited', columns={{id: 'BIGINT', shop: 'VARCHAR',
                amount: 'BIGINT', price: 'DECIMAL(10,2)', ts: 'TIMESTAMP', note: 'VARCHAR'}})""")
        return db


def sinks(name):
    out = {k: unique(f"{name}-{k}") for k in ("windows", "all", "totals")}
    create(*out.values())
    return out, (table("windows", "shop text, window_end timestamp, n bigint, total bigint, low bigint, high bigint, price decimal(38, 2)", out["windows"]) +
                 table("everything", "kind text, id bigint, amount bigint, ts timestamp, note text", out["all"]) +
                 table("totals", "shop text PRIMARY KEY, n bigint, total bigint", out["totals"], connector="upsert-kafka"))


QUERIES = """
INSERT INTO windows SELECT shop, window_end, count(*), sum(amount), min(amount), max(amount), sum(price)
FROM tumble(orders, ts, INTERVAL '10 seconds') GROUP BY shop, window_start, window_end;
INSERT INTO everything SELECT 'order', id, amount, ts, note FROM orders WHERE amount > 0
UNION ALL SELECT 'payment', id, amount, ts, note FROM payments UNION ALL SELECT 'click', id, amount * 2, ts, upper(note) FROM clicks;
INSERT INTO totals SELECT shop, count(*), sum(amount) FROM payments GROUP BY shop;
"""


def check_outputs(events, out, dlq):
    db = events.duck()
    want = lambda sql: Counter(tuple(canonical(v) if not hasattr(v, "isoformat") else stamp_of(v) for v in r) for r in db.execute(sql).fetchall())
    pairs = [
        (rows(out["windows"], "shop", "window_end", "n", "total", "low", "high", "price"),
         want("""SELECT shop, make_timestamp(epoch_us(ts) // 10000000 * 10000000 + 10000000), count(*), sum(amount)::BIGINT, min(amount), max(amount), sum(price)
                 FROM orders GROUP BY ALL"""), "windows"),
        (rows(out["all"], "kind", "id", "amount", "ts", "note"),
         want("""SELECT 'order', id, amount, ts, note FROM orders WHERE amount > 0 UNION ALL SELECT 'payment', id, amount, ts, note FROM payments
                 UNION ALL SELECT 'click', id, amount * 2, ts, upper(note) FROM clicks"""), "everything"),
        (folded(out["totals"], "shop", "n", "total"), want("SELECT shop, count(*), sum(amount)::BIGINT FROM payments GROUP BY shop"), "totals"),
    ]
    for got, expected, name in pairs:
        assert got == expected, f"{name}: {differ(got, expected)}"
    bad = Counter(v for t in events.bad.values() for v in t)
    got = Counter((m.value() or b"") for m in read(dlq)) if exists(dlq) else Counter()
    assert got == bad, f"dead letters: {differ(got, bad)}"


def stamp_of(v):
    text = v.strftime("%Y-%m-%d %H:%M:%S.%f")
    return text.rstrip("0").rstrip(".")


def undisturbed():
    """a job over three topics equals DuckDB; malformed messages are in the dead-letter topic byte for byte"""
    events = Events("plain", ROWS)
    out, ddl = sinks("plain")
    job = unique("plain")
    run(write_job(job, events.ddl() + ddl + QUERIES), job)
    check_outputs(events, out, f"{job}.dlq")
    size = sum(m.value() is not None for m in read(out["all"]))
    run(write_job(job, events.ddl() + ddl + QUERIES), job)
    assert size == sum(m.value() is not None for m in read(out["all"])), "a finished job wrote again when started again"


def killed():
    """SIGKILL at random moments: no row lost, doubled or changed"""
    events = Events("killed", ROWS)
    out, ddl = sinks("killed")
    job = unique("killed")
    sql = write_job(job, events.ddl() + ddl + QUERIES)
    options = ["-s", "epoch.max.rows=4000", "-s", "epoch.interval=20ms", "-s", f"checkpoint.interval={rng.choice(['0', '50ms', '200ms', '1h'])}"]
    for i in range(KILLS):
        p = start(sql, job, *options)
        time.sleep(rng.uniform(0.05, 1.2) * SLOW)
        p.send_signal(signal.SIGKILL)
        code = p.wait()
        assert code in (0, -signal.SIGKILL), f"start {i}: exit code {code}: {errors(job)}"
    run(sql, job, *options)
    check_outputs(events, out, f"{job}.dlq")


def crash_points():
    """a crash at every step of an epoch, a commit, a checkpoint and a recovery: nothing lost, doubled or changed"""
    events = Events("points", 30_000)
    out, ddl = sinks("points")
    job = unique("points")
    sql = write_job(job, events.ddl() + ddl + QUERIES)
    options = ["-s", "epoch.max.rows=1000", "-s", "epoch.interval=0", "-s", "checkpoint.interval=0"]
    # A checkpoint waits for the commit before it: without one, an epoch is computed while the last one is committed.
    overlapping = options[:-1] + ["checkpoint.interval=1h"]
    points = ["epoch.begin", "epoch.computed", "txn.begin", "txn.produced", "txn.record", "txn.commit", "txn.committed", "checkpoint.flush", "checkpoint.copy",
              "checkpoint.manifest", "checkpoint.done", "checkpoint.truncate", "recovery.clone", "recovery.replay", "state.snapshot"]
    for point in points:
        for nth in (1, 2):
            of_checkpoints = point.startswith(("checkpoint", "state", "recovery"))
            run(sql, job, *(options if of_checkpoints or rng.random() < 0.5 else overlapping), env={"SPARKLET_FAULT": f"{point}:{nth}:kill"}, expect=None)
    run(sql, job, *options)
    check_outputs(events, out, f"{job}.dlq")


def error_points():
    """errors at every step of an epoch, and answers that are lost, are got over in one run: nothing lost, doubled or changed"""
    get_over_errors("errors", "0")


def error_points_overlapping():
    """the same where epochs are computed while the one before is being committed"""
    get_over_errors("overlapping", "1h")


def get_over_errors(name, interval):
    events = Events(name, 40_000)
    out, ddl = sinks(name)
    job = unique(name)
    sql = write_job(job, events.ddl() + ddl + QUERIES)
    # A commit passes txn.commit twice: odd passes fail before it, even ones lose its answer.
    faults = ["txn.begin:3", "txn.produced:5", "txn.record:7", "txn.commit:10", "txn.commit:15", "txn.commit:22", "txn.committed:13", "epoch.computed:15", "task.start:60",
              "shuffle.fetch:40", "shuffle.write:70", "source.read:200"] + (["checkpoint.copy:9", "checkpoint.manifest:5"] if interval == "0" else [])
    run(sql, job, "-s", "epoch.max.rows=1000", "-s", "epoch.interval=0", "-s", f"checkpoint.interval={interval}", "-s", "log.level=info", "-s", f"log.file={TMP / job}.log", env={"SPARKLET_FAULT": ",".join(faults)})
    log = (TMP / f"{job}.log").read_text() + errors(job)
    assert all(f"injected fault at {f.split(':')[0]}" in log for f in faults if not f.startswith("shuffle")), [f for f in faults if f"injected fault at {f.split(':')[0]}" not in log]
    check_outputs(events, out, f"{job}.dlq")


def fenced():
    """two instances of one job: the older one is fenced and says so; the output is right"""
    events = Events("fenced", 60_000)
    out, ddl = sinks("fenced")
    job = unique("fenced")
    sql = write_job(job, events.ddl(bounded=False) + ddl + QUERIES)
    first = start(sql, job, "-s", "epoch.max.rows=500", "-s", "epoch.interval=50ms")
    wait_for("the first instance to write", lambda: first.poll() is not None or any(True for _ in read(out["all"])))
    second = start(sql, job, "-s", "epoch.interval=50ms")
    code = first.wait(60 * SLOW)
    assert code == 1, f"exit code {code}: {errors(job)}"
    assert "taken over" in errors(job) or "fenced" in errors(job), errors(job)
    wanted = sum(len(events.good[t]) for t in ("payments", "clicks")) + sum(r["amount"] > 0 for r in events.good["orders"])
    wait_for("all rows", lambda: len(read(out["all"])) >= wanted)
    second.send_signal(signal.SIGTERM)
    assert second.wait(30 * SLOW) == 0, errors(job)
    got = rows(out["all"], "kind", "id")
    assert got.total() == wanted and max(got.values()) == 1, f"{got.total()} rows, expected {wanted}"


def terminated():
    """SIGTERM: exit code 0 within 10 s, and the job goes on where it was"""
    events = Events("term", 60_000)
    out, ddl = sinks("term")
    job = unique("term")
    sql = write_job(job, events.ddl() + ddl + QUERIES)
    for i in range(100):
        p = start(sql, job, "-s", "epoch.max.rows=2000", "-s", "epoch.interval=50ms")
        time.sleep((0.5 + 0.2 * i) * SLOW)
        p.send_signal(signal.SIGTERM)
        code = p.wait(10 * SLOW)
        assert code == 0, f"exit code {code}: {errors(job)}"
        if finished(job):
            break
    check_outputs(events, out, f"{job}.dlq")


def finished(job):
    text = subprocess.run([BIN, "epochs", job, "--dir", str(TMP / job), "--last", "1"], capture_output=True, text=True).stdout
    parts = [l for l in text.splitlines() if l.startswith("    ")]
    return parts and all("finished" in l for l in parts)


def damaged():
    """a checkpoint with one flipped byte is refused by name and the older one is used"""
    events = Events("damaged", 60_000)
    out, ddl = sinks("damaged")
    job = unique("damaged")
    sql = write_job(job, events.ddl() + ddl + QUERIES)
    p = start(sql, job, "-s", "epoch.max.rows=2000", "-s", "epoch.interval=20ms", "-s", "checkpoint.interval=50ms")
    folder = TMP / job / "checkpoints"
    wait_for("three checkpoints", lambda: p.poll() is not None or len(list(folder.glob("checkpoint-*.json"))) >= 3)
    p.kill()
    p.wait()
    manifests = sorted(folder.glob("checkpoint-*.json"))
    newest = json.loads(manifests[-1].read_text().rsplit("\n", 2)[0])
    older = {f["hash"] for m in manifests[:-1] for f in json.loads(m.read_text().rsplit("\n", 2)[0])["files"]}
    target = next(f for f in newest["files"] if f["hash"] not in older and f["size"] > 0)
    path = folder / "files" / target["hash"]
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.chmod(0o600)
    path.write_bytes(data)
    verify = subprocess.run([BIN, "checkpoint", job, "verify", "--dir", str(TMP / job)], capture_output=True, text=True)
    assert verify.returncode == 1 and str(newest["epoch"]) in verify.stdout + verify.stderr, f"{verify.returncode}: {verify.stdout}{verify.stderr}"
    run(sql, job)
    assert f"checkpoint of epoch {newest['epoch']}" in errors(job), errors(job)
    check_outputs(events, out, f"{job}.dlq")


if __name__ == "__main__":
    main(undisturbed, killed, crash_points, error_points, error_points_overlapping, fenced, terminated, damaged)
