#!/usr/bin/env python3
"""METADATA columns of Kafka messages: topic, partition, offset, timestamp, key, headers; in queries and in jobs whose epochs end between any two messages."""
import json, pathlib, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import *
from program import folder, sparklet

rng = seed()
COLUMNS = ("id bigint, topic text METADATA, part integer METADATA FROM 'partition', at bigint METADATA FROM 'offset' VIRTUAL, moment timestamptz METADATA FROM 'timestamp', "
           "msg_key text METADATA FROM 'key', headers jsonb METADATA, trace text METADATA FROM 'headers.trace', raw bytea METADATA FROM 'headers.raw'")
HEADERS = [[("trace", b"t1")], [("trace", b"old"), ("trace", b"new"), ("quote", 'a "b" \u00e9'.encode())], [], [("raw", b"\xff\x00"), ("none", None), ("nul", b"a\0b")], [("trace", b"")]]


def send():
    """A topic with a message for each list of headers, over and over; what a table over it has."""
    topic, want = unique("metadata"), []
    create(topic, partitions=2)
    p = Producer({"bootstrap.servers": BROKERS, "linger.ms": 5})
    at = [0, 0]
    for i in range(40):
        h, where, key, moment = HEADERS[i % len(HEADERS)], rng.randrange(2), rng.choice([None, f"k{i}"]), 1700000000000 + i * 1000
        p.produce(topic, json.dumps({"id": i}).encode(), key=key, partition=where, headers=h, timestamp=moment)
        texts = {k: v.decode() if v is not None and k not in ("raw", "nul") else None for k, v in h}
        want.append((i, topic, where, at[where], moment // 1000, key, texts, texts.get("trace"), "\\xff00" if dict(h).get("raw") else None))
        at[where] += 1
    p.flush()
    return topic, want


def table(topic, more=""):
    return (f"CREATE TABLE t ({COLUMNS}) WITH ('connector' = 'kafka', 'topic' = '{topic}', 'properties.bootstrap.servers' = '{BROKERS}', 'format' = 'json', "
            f"'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset'{more});\n")


QUERY = "SELECT id, topic, part, at, extract(epoch FROM moment)::bigint AS moment, msg_key, headers, trace, raw::text AS raw FROM t"


def rows(lines):
    got = [json.loads(line) for line in lines]
    return sorted(((r["id"], r["topic"], r["part"], r["at"], r["moment"], r["msg_key"], r["headers"], r["trace"], r["raw"]) for r in got), key=lambda r: r[0])


def query():
    """a query sees what the messages say"""
    topic, want = send()
    got = rows(sparklet(folder("query"), "sql", "--format", "json", "-c", table(topic) + QUERY).stdout.splitlines())
    assert got == want, next((a, b) for a, b in zip(got, want) if a != b)


def job():
    """a job in epochs of any size sees the same"""
    topic, want = send()
    for each in (1, 3, 1000):
        cwd = folder(f"job-{each}")
        (cwd / "j.sql").write_text(table(topic) + "CREATE TABLE o (id bigint, topic text, part int, at bigint, moment bigint, msg_key text, headers jsonb, trace text, raw text) "
                                   f"WITH ('connector' = 'filesystem', 'path' = 'o', 'format' = 'json');\nINSERT INTO o {QUERY};\n")
        sparklet(cwd, "run", "-s", f"epoch.max.rows={each}", "-s", "epoch.interval=0", "j.sql")
        got = rows(line for p in sorted((cwd / "o").glob("epoch-*.json")) for line in p.read_text().splitlines())
        assert got == want, (each, next((a, b) for a, b in zip(got, want) if a != b))


def wrong():
    """what no message has is refused before anything is read, and so is what has another type"""
    cwd = folder("wrong")
    done = sparklet(cwd, "sql", "-c", table("none").replace("headers jsonb METADATA", "headers jsonb METADATA FROM 'header'") + "SELECT 1", expect=2)
    assert "connector 'kafka' has no metadata 'header'" in done.stderr and "headers.NAME" in done.stderr, done.stderr
    topic, _ = send()
    done = sparklet(cwd, "sql", "-c", table(topic).replace("headers jsonb METADATA", "headers bigint METADATA") + "SELECT headers FROM t", expect=2)
    assert 'metadata column "headers"' in done.stderr and "headers jsonb" in done.stderr, done.stderr


main(query, job, wrong)
