#!/usr/bin/env python3
"""All queries of examples/nexmark equal DuckDB's over the same events: from files, in random epochs and killed on the way; from topics, in one job."""
import json, pathlib, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import nexmark
from jobs import SLOW, TMP, create, main, produce, read, run, seed, write_job, BROKERS, LONG
from nexmark import QUERIES, SHARE
from program import folder, sparklet

EVENTS = 200_000 if LONG else 20_000
rng = seed()
CWD = folder("files")
SIDE = nexmark.EXAMPLES / "side_input.csv"


def make():
    """Events in files of several partitions, every file in order of time."""
    made = CWD / "made"
    options = {"nexmark.seed": rng.randrange(1 << 31), "nexmark.event-rate": 100}
    script = write_job("load", nexmark.load(EVENTS, options, lambda name: {"connector": "filesystem", "path": made / name, "format": "json"}))
    sparklet(CWD, "run", "--job", "load", "--dir", CWD / "load", script)
    files = {}
    for name in SHARE:
        parts = [[] for _ in range(rng.randint(1, 3))]
        for path in sorted((made / name).glob("epoch-*")):
            for line in path.read_bytes().splitlines():
                rng.choice(parts).append(line)
        (CWD / name).mkdir()
        for n, lines in enumerate(parts):
            (CWD / name / f"part-{n}.ndjson").write_bytes(b"\n".join(lines) + b"\n")
        files[name] = sorted((CWD / name).iterdir())
    return files


FILES = make()
DB = nexmark.database(FILES)
nexmark.side_input(DB, SIDE)


def lines_of(sink):
    """Written rows in the order of their epochs; those of one epoch's tasks have keys of their own."""
    return [line for path in sorted(sink.glob("**/epoch-*")) for line in path.read_bytes().splitlines()]


def from_files(name):
    """Runs it, killed on the way; the folder of its sink."""
    sink = CWD / "out" / name
    text = nexmark.tables(lambda table: {"connector": "filesystem", "path": CWD / table, "format": "json"})
    text += nexmark.query(name, lambda keyed: {"connector": "filesystem", "path": sink, "format": "json" if name in nexmark.INTO_FOLDERS else "debezium-json"}, SIDE)
    rows = sum(SHARE[t] for t in nexmark.READS[name]) * EVENTS // 50
    each = rng.randint(rows // 40, rows // 8)
    arguments = ["run", "--job", name, "--dir", CWD / "jobs" / name, "-s", "epoch.interval=0", "-s", f"epoch.max.rows={each}",
                 "-s", f"parallelism={rng.choice((1, 2, 3))}", "-s", f"checkpoint.interval={rng.choice(('0', '30s', '5ms'))}", write_job(name, text)]
    fault = f"{rng.choice(('epoch.computed', 'txn.committed', 'epoch.begin'))}:{rng.randint(2, 6)}:kill"
    sparklet(CWD, *arguments, fault=fault, expect=-9)
    done = sparklet(CWD, *arguments)
    assert " 0 late, 0 bad" in done.stderr, done.stderr
    return sink


def check(name, got):
    wrong = nexmark.compare(DB, name, got)
    assert wrong is None, f"{name}: {wrong}"


def test_of(name):
    def test():
        sink = from_files(name)
        check(name, nexmark.in_folders(name, sink) if name in nexmark.INTO_FOLDERS else nexmark.accumulate(name, lines_of(sink)))
    test.__name__, test.__doc__ = f"{name}_", f"{name} from files, killed on the way"
    return test


def one_topic():
    """events of all kinds in one table, as records in columns of their own: joins and windows over its views"""
    kinds = {kind: n for n, kind in enumerate(SHARE)}
    events = [(json.loads(line)["dateTime"], kinds[t], line) for t in SHARE for path in FILES[t] for line in path.read_bytes().splitlines()]
    with open(CWD / "events.ndjson", "wb") as f:
        for _, n, line in sorted(events):
            f.write(b'{"event_type":%d,"%s":%s}\n' % (n, list(SHARE)[n].encode(), line))
    names = ["q1", "q3", "q4", "q7", "q8", "q9"]
    text = nexmark.one_table({"connector": "filesystem", "path": CWD / "events.ndjson", "format": "json"})
    for q in names:
        text += nexmark.query(q, lambda keyed: {"connector": "filesystem", "path": CWD / "one" / q, "format": "debezium-json"})
    sparklet(CWD, "run", "--job", "one", "--dir", CWD / "jobs/one", "-s", "epoch.interval=0", "-s", f"epoch.max.rows={EVENTS // 9}", write_job("one", text))
    for q in names:
        check(q, nexmark.accumulate(q, lines_of(CWD / "one" / q)))


def kafka_sink(topic, name, keyed):
    options = {"topic": topic, "properties.bootstrap.servers": BROKERS}
    if name in nexmark.BEFORE_AND_AFTER:
        return {"connector": "kafka", "format": "debezium-json", **options}
    return {"connector": "upsert-kafka", "key.format": "json", "value.format": "json", **options} if keyed else {"connector": "kafka", "format": "json", **options}


def topic_rows(name, topic, keyed):
    messages = read(topic)
    if name in nexmark.BEFORE_AND_AFTER:
        return nexmark.accumulate(name, [m.value() for m in messages])
    if keyed:
        return nexmark.folded(name, ((m.key(), m.value()) for m in messages))
    return lambda: (nexmark.row_of_text(name, m.value()) for m in messages)


def topics():
    """all queries as one job over topics, killed on the way"""
    for table in SHARE:
        create(f"nexmark-{table}", partitions=len(FILES[table]))
        produce(f"nexmark-{table}", ((n, line) for n, path in enumerate(FILES[table]) for line in path.read_bytes().splitlines()))
    names = [q for q in QUERIES if q not in nexmark.INTO_FOLDERS]
    create(*(f"nexmark-{q}" for q in names), partitions=2)
    text = nexmark.tables(lambda table: {"connector": "kafka", "topic": f"nexmark-{table}", "properties.bootstrap.servers": BROKERS, "format": "json",
                                         "scan.startup.mode": "earliest-offset", "scan.bounded.mode": "latest-offset"})
    keyed = {}
    for q in names:
        text += nexmark.query(q, lambda k: keyed.update({q: k}) or kafka_sink(f"nexmark-{q}", q, k), SIDE)
    script = write_job("topics", text)
    run(script, "topics", "-s", "epoch.interval=0", "-s", f"epoch.max.rows={EVENTS // 8}", env={"SPARKLET_FAULT": "txn.committed:3:kill"}, expect=-9)
    run(script, "topics")
    for q in names:
        check(q, topic_rows(q, f"nexmark-{q}", keyed[q]))


main(*map(test_of, QUERIES), one_topic, *([topics] if BROKERS else []))
