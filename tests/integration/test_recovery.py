#!/usr/bin/env python3
"""What can happen to a job's topics and brokers: started at the end and killed, partitions added, topics made anew, brokers that go away, two
instances in one moment, rows larger than limits, changed queries, damaged records. Results are those of the rows, or the job says why not."""
import json, os, pathlib, random, signal, subprocess, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic
from jobs import *

rng = seed()
LIVE = ("-s", "epoch.interval=20ms", "-s", "checkpoint.interval=1h")


ADMIN = AdminClient({"bootstrap.servers": BROKERS}) if BROKERS else None


def settled(futures):
    for f in futures.values():
        f.result()


def partitions_of(topic):
    known = ADMIN.list_topics(timeout=10).topics
    return len(known[topic].partitions) if topic in known else 0


def numbers(first, last, partitions):
    return [(i % partitions, json.dumps({"id": i, "g": i % 7}).encode()) for i in range(first, last)]


class Totals:
    """A job that keeps running totals by key."""

    def __init__(self, name, partitions=2, **options):
        self.topic, self.out, self.job = unique(f"{name}-in"), unique(f"{name}-out"), unique(name)
        create(self.topic, partitions=partitions)
        create(self.out, partitions=2)
        self.ddl = table("t", "id bigint, g bigint", self.topic, **options) + table("totals", "g bigint PRIMARY KEY, n bigint, s bigint", self.out, connector="upsert-kafka")
        self.sql = write_job(self.job, self.ddl + "INSERT INTO totals SELECT g, count(*), sum(id) FROM t GROUP BY g;")

    def start(self, *options):
        return start(self.sql, self.job, *LIVE, *options)

    def rows(self):
        return {int(g): (int(n), int(s)) for (g, n, s) in folded(self.out, "g", "n", "s")}

    @staticmethod
    def want(ids):
        out = {}
        for i in ids:
            n, s = out.get(i % 7, (0, 0))
            out[i % 7] = n + 1, s + i
        return out

    def wait(self, p, ids):
        want = self.want(ids)
        try:
            wait_for("all rows", lambda: p.poll() is not None or self.rows() == want, 30)
        except AssertionError as e:
            raise AssertionError(f"{e}: {self.rows()}, expected {want}: {errors(self.job)}")
        assert p.poll() is None, errors(self.job)

    def group(self):
        """What a lag tool sees."""
        c = Consumer({"bootstrap.servers": BROKERS, "group.id": f"sparklet.{self.job}"})
        found = {p.partition: p.offset for p in c.committed([TopicPartition(self.topic, i) for i in range(partitions_of(self.topic))], timeout=10)}
        c.close()
        return found


def end(p, job):
    p.send_signal(signal.SIGTERM)
    assert p.wait(10 * SLOW) == 0, errors(job)


def running(t, p):
    wait_for("the job to run", lambda: p.poll() is not None or partitions_of(f"__sparklet.{t.job}.epochs"))
    time.sleep(1.5 * SLOW)


def latest_offset():
    """a job that began at the topic's end and is killed before its first checkpoint begins there again"""
    t = Totals("latest", scan__startup__mode="latest-offset")
    produce(t.topic, numbers(0, 100, 2))
    p = t.start()
    running(t, p)
    produce(t.topic, numbers(100, 500, 2))
    t.wait(p, range(100, 500))
    p.kill()
    p.wait()
    produce(t.topic, numbers(500, 600, 2))
    p = t.start()
    t.wait(p, range(100, 600))
    wait_for("the group's offsets", lambda: t.group() == {0: 300, 1: 300})
    end(p, t.job)
    assert t.group() == {0: 300, 1: 300}, t.group()


def partitions_added():
    """partitions that are added while the job runs, or between two runs, are read from their beginning"""
    t = Totals("added", partitions=1, scan__startup__mode="latest-offset")
    p = t.start("-s", "kafka.discovery=1s")
    running(t, p)
    produce(t.topic, numbers(0, 50, 1))
    t.wait(p, range(50))
    settled(ADMIN.create_partitions([NewPartitions(t.topic, 3)]))
    wait_for("three partitions", lambda: partitions_of(t.topic) == 3)
    produce(t.topic, numbers(50, 150, 3))
    t.wait(p, range(150))
    end(p, t.job)
    settled(ADMIN.create_partitions([NewPartitions(t.topic, 4)]))
    wait_for("four partitions", lambda: partitions_of(t.topic) == 4)
    produce(t.topic, numbers(150, 250, 4))
    p = t.start()
    t.wait(p, range(250))
    p.kill()
    p.wait()
    p = t.start()
    produce(t.topic, numbers(250, 300, 4))
    t.wait(p, range(300))
    end(p, t.job)


def made_anew():
    """a topic that was deleted and made again is told from the one that was read"""
    for stateful in (True, False):
        t = Totals("anew", scan__startup__mode="earliest-offset")
        if not stateful:
            t.sql = write_job(t.job, t.ddl.replace("PRIMARY KEY", "") .replace("upsert-kafka", "kafka") + "INSERT INTO totals SELECT g, id, id FROM t;")
        produce(t.topic, numbers(0, 200, 2))
        if stateful:
            # Killed, so that there is something to be replayed.
            p = t.start()
            t.wait(p, range(200))
            p.kill()
            p.wait()
        else:
            run(t.sql, t.job, "--once")
        settled(ADMIN.delete_topics([t.topic]))
        wait_for("the topic to go", lambda: not exists(t.topic))
        time.sleep(0.5)
        create(t.topic, partitions=2)
        produce(t.topic, numbers(0, 20, 2))
        began = time.monotonic()
        run(t.sql, t.job, expect=1)
        assert time.monotonic() - began < 25 * SLOW, "took too long to be found out"
        text = errors(t.job)
        assert t.topic in text and "made a" in text, text


def same_moment():
    """two instances that start in the same moment: one runs, the other is fenced and says so; every row counts once"""
    for _ in range(3):
        t = Totals("moment", scan__startup__mode="earliest-offset")
        rows = 3000
        produce(t.topic, numbers(0, rows, 2))
        pair = [t.start("-s", "epoch.max.rows=100") for _ in range(2)]

        def one_ended():
            """Who is fenced sees it when it commits: there must be something to commit, however fast the first one was."""
            nonlocal rows
            if any(p.poll() is not None for p in pair):
                return True
            produce(t.topic, numbers(rows, rows + 10, 2))
            rows += 10

        wait_for("one to be fenced", one_ended)
        fenced = next(p for p in pair if p.poll() is not None)
        assert fenced.returncode == 1 and ("taken over" in errors(t.job) or "fenced" in errors(t.job)), errors(t.job)
        other = pair[1 - pair.index(fenced)]
        t.wait(other, range(rows))
        produce(t.topic, numbers(rows, rows + 100, 2))
        t.wait(other, range(rows + 100))
        end(other, t.job)


def large_rows():
    """rows larger than a message may be by default: good ones are read, bad ones are dead letters, cut where the topic is too small for them"""
    topic = unique("large-in")
    settled(ADMIN.create_topics([NewTopic(topic, 1, 1, config={"max.message.bytes": "8000000"})]))
    sizes = [10, 900_000, 999_900, 1_048_000, 3_000_000, 10]
    bad, good = [], []
    p = Producer({"bootstrap.servers": BROKERS, "message.max.bytes": 8_000_000})
    for i, size in enumerate(sizes):
        good.append(json.dumps({"id": i, "g": size, "pad": "x" * size}).encode())
        bad.append(b"{" + b"y" * size)
        for v in (good[-1], bad[-1]):
            p.produce(topic, v)
            p.flush()
    for small in (False, True):
        out, job = unique("large-out"), unique("large")
        create(out, *([f"{job}.dlq"] if small else []), partitions=1)
        sql = write_job(job, table("t", "id bigint, g bigint", topic, scan__startup__mode="earliest-offset") + table("o", "id bigint, g bigint", out) + "INSERT INTO o SELECT id, g FROM t;")
        run(sql, job, "--once")
        assert rows(out, "id", "g") == Counter((str(i), str(s)) for i, s in enumerate(sizes)), rows(out, "id", "g")
        letters = read(f"{job}.dlq")
        assert len(letters) == len(bad), len(letters)
        for want, m in zip(bad, letters):
            cut = dict(m.headers()).get("sparklet.truncated")
            assert (cut is not None) == (small and len(want) > 1_030_000), f"{len(want)} bytes: {m.headers()}"
            if cut:
                assert int(cut) == len(want) and want.startswith(m.value()) and len(m.value()) > 500_000, f"{cut} {len(m.value())}"
            else:
                assert m.value() == want, f"{len(m.value())} bytes of {len(want)}"


def no_values():
    """messages without a value (tombstones), or without a key, are not lost silently"""
    topic, out, job = unique("null-in"), unique("null-out"), unique("null")
    create(topic, out, partitions=1)
    p = Producer({"bootstrap.servers": BROKERS})
    p.produce(topic, None, key=b"k")
    p.produce(topic, b'{"id": 1}', key=None)
    p.produce(topic, b"", key=b"")
    p.produce(topic, b'{"id": 2}', key=b"key")
    p.flush()
    sql = write_job(job, table("t", "id bigint", topic, scan__startup__mode="earliest-offset") + table("o", "id bigint", out) + "INSERT INTO o SELECT id FROM t;")
    run(sql, job, "--once")
    assert sorted(r[0] for r in rows(out, "id")) == ["1", "2"]
    letters = read(f"{job}.dlq")
    assert [dict(m.headers())["sparklet.offset"] for m in letters] == [b"0", b"2"], letters
    assert all(b"empty" in dict(m.headers())["sparklet.reason"] for m in letters), [m.headers() for m in letters]


def changed_query():
    """a query whose state is another is refused, not started from nothing"""
    t = Totals("changed", scan__startup__mode="earliest-offset")
    produce(t.topic, numbers(0, 100, 2))
    run(t.sql, t.job, "--once")
    changed = ["INSERT INTO totals SELECT g, count(*), max(id) FROM t GROUP BY g;", "INSERT INTO totals SELECT g % 3, count(*), sum(id) FROM t GROUP BY g % 3;"]
    for text in changed:
        sql = write_job(t.job + "-2", t.ddl + text)
        run(sql, t.job, "--once", expect=2)
        assert "under a new job name" in errors(t.job), errors(t.job)
    more = t.ddl + table("o", "id bigint", t.out) + "INSERT INTO o SELECT count(*) FROM t;\nINSERT INTO totals SELECT g, count(*), sum(id) FROM t GROUP BY g;"
    code = run(write_job(t.job + "-3", more.replace("id bigint) WITH ('connector' = 'kafka'", "id bigint PRIMARY KEY) WITH ('connector' = 'upsert-kafka'")), t.job, "--once", expect=None)
    assert code != 0, "a query with more state went on from the old one"


def foreign_record():
    """a record that is none in the epochs topic is named by topic and offset"""
    t = Totals("foreign", scan__startup__mode="earliest-offset")
    produce(t.topic, numbers(0, 100, 2))
    run(t.sql, t.job, "--once")
    log = f"__sparklet.{t.job}.epochs"
    record = bytearray(read(log)[-1].value())
    record[len(record) // 2] ^= 4
    produce(log, [(0, bytes(record))])
    run(t.sql, t.job, "--once", expect=1)
    assert log in errors(t.job) and "offset" in errors(t.job) and "checksum" in errors(t.job), errors(t.job)


def aborted_only():
    """a partition that gets nothing but aborted transactions is idle: it does not hold windows back"""
    topic, out, job = unique("aborted-in"), unique("aborted-out"), unique("aborted")
    create(topic, partitions=2)
    create(out, partitions=1)
    sql = write_job(job, table("t", "id bigint, ts timestamp", topic, "WATERMARK FOR ts AS ts - INTERVAL '1' SECOND", scan__startup__mode="earliest-offset") +
                    table("o", "w timestamp, n bigint", out) + "INSERT INTO o SELECT window_end, count(*) FROM tumble(t, ts, INTERVAL '10 seconds') GROUP BY window_start, window_end;")
    p = start(sql, job, *LIVE, "-s", "watermark.idle-timeout=1s")
    other = Producer({"bootstrap.servers": BROKERS, "transactional.id": unique("aborting")})
    other.init_transactions()

    def abort():
        other.begin_transaction()
        other.produce(topic, b'{"id": 0, "ts": "2025-01-01 00:00:00"}', partition=1)
        other.flush()
        other.abort_transaction()
        return p.poll() is not None

    wait_for("the job to run", lambda: abort() or partitions_of(f"__sparklet.{job}.epochs"))
    produce(topic, [(0, json.dumps({"id": i, "ts": f"2025-01-01 00:00:{i:02d}"}).encode()) for i in range(30)])
    wait_for("the windows to close", lambda: abort() or rows(out, "n").total() == 2, 20)
    assert p.poll() is None, errors(job)
    end(p, job)
    assert rows(out, "n") == Counter({("10",): 2}), rows(out, "n")


def marks_outlive_a_kill():
    """what is known of a partition's time survives a kill: windows close by it though the partition gives no more rows"""
    topic, out, job = unique("marks-in"), unique("marks-out"), unique("marks")
    create(topic, partitions=2)
    create(out, partitions=1)
    row = lambda second: json.dumps({"id": second, "ts": f"2025-01-01 00:{second // 60:02d}:{second % 60:02d}"}).encode()
    sql = write_job(job, table("t", "id bigint, ts timestamp", topic, "WATERMARK FOR ts AS ts - INTERVAL '1' SECOND", scan__startup__mode="earliest-offset") +
                    table("o", "w timestamp, n bigint", out) + "INSERT INTO o SELECT window_end, count(*) FROM tumble(t, ts, INTERVAL '10 seconds') GROUP BY window_start, window_end;")
    produce(topic, [(0, row(5)), (0, row(50)), (1, row(100))])
    closed = lambda: sorted(r[0] for r in rows(out, "w"))
    for last, want in ((None, ["2025-01-01 00:00:10"]), (90, ["2025-01-01 00:00:10", "2025-01-01 00:01:00"])):
        if last:
            produce(topic, [(0, row(last))])
        p = start(sql, job, *LIVE, "-s", "watermark.idle-timeout=0", "-s", "checkpoint.interval=0")
        wait_for("windows to close", lambda: p.poll() is not None or closed() == want, 20)
        p.kill()
        p.wait()
    assert closed() == want, f"{closed()}: {errors(job)}"


class Broker:
    """A broker of this test's own, to be killed."""

    def __init__(self):
        self.dir = TMP / unique("broker")
        self.tool("start")
        self.address = (self.dir / "bootstrap").read_text().strip()

    def tool(self, what):
        subprocess.run([pathlib.Path(os.environ["SPARKLET_SRC"]) / "tools/kafka.sh", what, self.dir], check=True, env={**os.environ, "KAFKA_OWNER": str(os.getpid())}, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)


def broker_away():
    """a broker that is killed while the job runs is waited for, also in a commit; SIGTERM meanwhile ends the job in time; nothing is lost or doubled"""
    global BROKERS, ADMIN
    import jobs
    broker = Broker()
    before, before_admin = BROKERS, ADMIN
    BROKERS = jobs.BROKERS = broker.address
    ADMIN = AdminClient({"bootstrap.servers": BROKERS})
    try:
        t = Totals("away", scan__startup__mode="earliest-offset")
        last = 0
        p = t.start("-s", "epoch.max.rows=200", "-s", "checkpoint.interval=300ms")
        for round in range(6 if LONG else 2):
            produce(t.topic, numbers(last, last + 4000, 2))
            last += 4000
            time.sleep(rng.uniform(0, 0.6) * SLOW)
            broker.tool("kill")
            time.sleep(rng.uniform(0, 3))
            if round % 2:
                p.send_signal(signal.SIGTERM)
                assert p.wait(10 * SLOW) == 0, errors(t.job)
                p = t.start("-s", "epoch.max.rows=200", "-s", "checkpoint.interval=300ms")
                wait_for("the job to say that it waits", lambda: "still trying" in errors(t.job) or p.poll() is not None)
            assert p.poll() is None, errors(t.job)
            broker.tool("start")
            t.wait(p, range(last))
        end(p, t.job)
    finally:
        broker.tool("wipe")
        BROKERS = jobs.BROKERS = before
        ADMIN = before_admin


if __name__ == "__main__":
    main(latest_offset, partitions_added, made_anew, same_moment, large_rows, no_values, changed_query, foreign_record, aborted_only, marks_outlive_a_kill, broker_away)
