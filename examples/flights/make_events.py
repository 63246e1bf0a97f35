#!/usr/bin/env python3
"""Turns a flights CSV into JSON events as a Kafka topic of four partitions would hold them, flaws included.

    examples/flights/make_events.py [--seed N] [--flights CSV] [--out DIR]

Writes DIR/part-0.ndjson .. part-3.ndjson, one event a line in order of arrival, dealt to the partitions in turn (events have no
key), and DIR/truth.csv (partition, line from 1, kind):

    ok         comes less than 10 minutes of event time behind the newest event before it in its partition
    late       comes about 3 to 6 days behind it: 142 flights
    malformed  cannot be read as a flight: 20 damaged copies of flights, besides the flights themselves

Three days are some 2,600 flights: a job whose epochs hold 2,000 rows sees every late event come after its hourly window was closed.
So the events of kind ok and late are the flights, each exactly once. The same seed gives the same bytes everywhere.
"""
import argparse
import csv
import datetime
import json
import os
import random

HERE = os.path.dirname(os.path.abspath(__file__))
PARTITIONS = 4
DISORDER = 10 * 60          # seconds
LATE = 142
LATE_BY = (3 * 86400, 6 * 86400)
MALFORMED = 20


def number(text):
    return int(float(text)) if text not in ("", "NA") else None


def event(row):
    return {
        "event_time": f"{int(row['year']):04d}-{int(row['month']):02d}-{int(row['day']):02d} "
                      f"{int(row['hour']):02d}:{int(row['minute']):02d}:00",
        "carrier": row["carrier"],
        "flight": int(row["flight"]),
        "tailnum": row["tailnum"] if row["tailnum"] not in ("", "NA") else None,
        "origin": row["origin"],
        "dest": row["dest"],
        "dep_delay": number(row["dep_delay"]),
        "arr_delay": number(row["arr_delay"]),
        "air_time": number(row["air_time"]),
        "distance": number(row["distance"]),
        "cancelled": number(row["dep_time"]) is None,
    }


def seconds(e):
    return int(datetime.datetime.fromisoformat(e["event_time"] + "+00:00").timestamp())


def line_of(e):
    return json.dumps(e, separators=(",", ":")).encode()


# Each makes a line that no reader may take for a flight.
DAMAGE = (
    lambda e, line: line[:len(line) * 2 // 3],                                  # cut off
    lambda e, line: line_of({**e, "dep_delay": "twelve"}),                      # a word for a number
    lambda e, line: line.replace(b'"origin":"', b'"origin":"\xff\xfe', 1),      # not UTF-8
    lambda e, line: line_of({**e, "event_time": "2013-13-45 25:61:00"}),        # no such time
    lambda e, line: b"flight %d of %s" % (e["flight"], e["carrier"].encode()),  # not JSON
    lambda e, line: b"[" + line + b"]",                                         # not an object
    lambda e, line: line.replace(b'"dest":', b'"dest"', 1),                     # no colon
)


def arrivals(rng, flights):
    """(arrival in seconds, order in the input, kind, event) of every flight. None comes after the last day: nothing would pass it."""
    times = [seconds(e) for e in flights]
    late = set(rng.sample([i for i, t in enumerate(times) if t + LATE_BY[1] <= max(times)], LATE))
    for i, e in enumerate(flights):
        if i in late:
            yield times[i] + rng.randrange(*LATE_BY), i, "late", e
        else:
            yield times[i] + rng.randrange(DISORDER), i, "ok", e


def check(lines):
    """The promises of this file's head, for one partition."""
    newest = 0
    for kind, e in lines:
        if kind == "malformed":
            continue
        behind = newest - seconds(e)
        # A night without flights may lie in between.
        assert behind < DISORDER if kind == "ok" else behind >= LATE_BY[0] - 12 * 3600, (kind, behind, e)
        newest = max(newest, seconds(e))


def main():
    parser = argparse.ArgumentParser(description="flights as JSON events")
    parser.add_argument("--seed", type=int, default=2013)
    parser.add_argument("--flights", default=os.path.join(HERE, "../data/flights.csv"))
    parser.add_argument("--out", default=os.path.join(HERE, "../data/flights-json"))
    args = parser.parse_args()

    rng = random.Random(args.seed)
    with open(args.flights, newline="") as f:
        flights = [event(row) for row in csv.DictReader(f)]
    parts = [[] for _ in range(PARTITIONS)]
    for n, (_, _, kind, e) in enumerate(sorted(arrivals(rng, flights), key=lambda a: a[:2])):
        parts[n % PARTITIONS].append((kind, e, line_of(e)))
    for i in range(MALFORMED):
        part = parts[i % PARTITIONS]
        at = rng.randrange(len(part))
        e = part[at][1]
        part.insert(at + 1, ("malformed", e, DAMAGE[i % len(DAMAGE)](e, line_of(e))))

    os.makedirs(args.out, exist_ok=True)
    counts = {}
    with open(os.path.join(args.out, "truth.csv"), "w") as truth:
        truth.write("partition,line,kind\n")
        for p, part in enumerate(parts):
            check((kind, e) for kind, e, _ in part)
            with open(os.path.join(args.out, f"part-{p}.ndjson"), "wb") as out:
                for n, (kind, _, line) in enumerate(part, 1):
                    out.write(line + b"\n")
                    truth.write(f"{p},{n},{kind}\n")
                    counts[kind] = counts.get(kind, 0) + 1
    print(", ".join(f"{n} {kind}" for kind, n in sorted(counts.items())))


if __name__ == "__main__":
    main()
