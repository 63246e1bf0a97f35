#!/usr/bin/env python3
"""Topics for examples/flights/kafka.sql: create, load, count. Needs confluent-kafka (tools/deps.sh test has one).

    kafka.py HOST:PORT create             flights (4 partitions), late-departures, daily, flights.dlq
    kafka.py HOST:PORT load [RATE]        part-N.ndjson to partition N of flights, RATE events a second (default: at once)
    kafka.py HOST:PORT check              compares late-departures (read_committed) with the events; exit status 1 if they differ
"""
import collections
import csv
import json
import os
import sys
import time

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

EVENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data/flights-json")
TOPICS = {"flights": 4, "late-departures": 1, "daily": 1, "flights.dlq": 1}


def lines():
    """(partition, line number from 1, bytes), the partitions in step."""
    files = [open(os.path.join(EVENTS, f"part-{p}.ndjson"), "rb").read().splitlines() for p in range(4)]
    for i in range(max(map(len, files))):
        for p, part in enumerate(files):
            if i < len(part):
                yield p, i + 1, part[i]


def create(servers):
    admin = AdminClient({"bootstrap.servers": servers})
    for topic, done in admin.create_topics([NewTopic(t, n, 1) for t, n in TOPICS.items()]).items():
        done.result(30)


def load(servers, rate):
    producer = Producer({"bootstrap.servers": servers, "enable.idempotence": True, "linger.ms": 5,
                         "queue.buffering.max.messages": 1000000})
    begun = time.monotonic()
    for n, (partition, _, line) in enumerate(lines()):
        producer.produce("flights", line, partition=partition)
        if rate and n % 100 == 0:
            producer.poll(max(0, begun + n / rate - time.monotonic()))
    producer.flush(60)


def read(servers, topic):
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "check", "isolation.level": "read_committed",
                         "enable.partition.eof": True, "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    while True:
        message = consumer.poll(30)
        if message is None or message.error():
            if message is not None and message.error().code() == KafkaError._PARTITION_EOF:
                consumer.close()
                return
            raise SystemExit(f"{topic}: {message.error() if message else 'no answer'}")
        yield message.value()


def check(servers):
    with open(os.path.join(EVENTS, "truth.csv"), newline="") as f:
        malformed = {(int(r["partition"]), int(r["line"])) for r in csv.DictReader(f) if r["kind"] == "malformed"}
    columns = ("event_time", "carrier", "flight", "origin", "dest", "dep_delay")
    events = (json.loads(line) for p, n, line in lines() if (p, n) not in malformed)
    want = collections.Counter(tuple(e[c] for c in columns) for e in events if (e["dep_delay"] or 0) > 60)
    got = collections.Counter(tuple(json.loads(v)[c] for c in columns) for v in read(servers, "late-departures"))
    lost, extra = want - got, got - want
    print(f"late-departures: {sum(got.values())} rows of {sum(want.values())}, {sum(lost.values())} lost, "
          f"{sum(extra.values())} duplicated or wrong; daily: {sum(1 for _ in read(servers, 'daily'))} rows")
    return 1 if lost or extra else 0


def main():
    servers, command = sys.argv[1:3]
    if command == "create":
        create(servers)
    elif command == "load":
        load(servers, float(sys.argv[3]) if len(sys.argv) > 3 else 0)
    elif command == "check":
        return check(servers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
