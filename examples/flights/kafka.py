#!/usr/bin/env python3
"""Topics for examples/flights/delays.sql: create, load, show. Needs confluent-kafka (tools/deps.sh test has one).

    kafka.py HOST:PORT create             flights (4 partitions), delays, carrier-totals
    kafka.py HOST:PORT load [RATE]        part-N.ndjson to partition N of flights, RATE events a second (default: at once)
    kafka.py HOST:PORT show               what a read_committed consumer sees in the results; exit status 1 if an hour is there twice
"""
import collections
import json
import os
import sys
import time

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

EVENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data/flights-json")
TOPICS = {"flights": 4, "delays": 1, "carrier-totals": 1}


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
            producer.poll(0)
            time.sleep(max(0, begun + n / rate - time.monotonic()))
    producer.flush(60)


def read(servers, topic):
    """(key, value) of every committed message of a topic of one partition."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "show", "isolation.level": "read_committed",
                         "enable.partition.eof": True, "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    while True:
        message = consumer.poll(30)
        if message is None or message.error():
            if message is not None and message.error().code() == KafkaError._PARTITION_EOF:
                consumer.close()
                return
            raise SystemExit(f"{topic}: {message.error() if message else 'no answer'}")
        yield message.key(), message.value()


def print_rows(rows):
    """Aligned, with the names of the columns."""
    table = [list(rows[0])] + [["" if v is None else str(v) for v in r.values()] for r in rows]
    widths = [max(map(len, column)) for column in zip(*table)]
    for line in table:
        print("  " + "  ".join(f"{cell:<{w}}" for cell, w in zip(line, widths)))


def show(servers):
    delays = [json.loads(value) for _, value in read(servers, "delays")]
    times = collections.Counter((r["window_start"], r["origin"]) for r in delays)
    twice = sum(n > 1 for n in times.values())
    print(f"delays: {len(delays)} hours of an airport, {twice} of them twice; the longest delays:")
    print_rows(sorted((r for r in delays if r["flights"] - r["cancelled"] >= 10), key=lambda r: -r["avg_delay"])[:5])
    totals, messages = {}, 0
    for key, value in read(servers, "carrier-totals"):
        messages += 1
        totals[key] = value and json.loads(value)
    rows = sorted((r for r in totals.values() if r), key=lambda r: -r["flights"])
    print(f"carrier-totals: {messages} changes of {len(rows)} carriers, {sum(r['flights'] for r in rows)} flights; the largest now:")
    print_rows(rows[:5])
    return 1 if twice or not rows else 0


def main():
    servers, command = sys.argv[1:3]
    if command == "create":
        create(servers)
    elif command == "load":
        load(servers, float(sys.argv[3]) if len(sys.argv) > 3 else 0)
    elif command == "show":
        return show(servers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
