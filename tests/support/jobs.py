"""What the integration tests in Python share: topics, running jobs, reading results, TAP lines."""
import json, os, pathlib, random, subprocess, sys, time, traceback
from collections import Counter
from decimal import Decimal

from confluent_kafka import Consumer, KafkaError, OFFSET_BEGINNING, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

BIN = os.environ["SPARKLET_BIN"]
TMP = pathlib.Path(os.environ["SPARKLET_TMP"])
BROKERS = os.environ.get("SPARKLET_KAFKA", "")
LONG = bool(os.environ.get("SPARKLET_LONG"))
SLOW = 4 if os.environ.get("SPARKLET_SANITIZER") else 1


def seed():
    """Draws a seed (or takes SPARKLET_SEED), says it, and gives a generator."""
    n = int(os.environ.get("SPARKLET_SEED") or random.SystemRandom().randrange(1 << 31))
    print(f"# seed: {n} (SPARKLET_SEED={n} repeats it)", flush=True)
    return random.Random(n)


def unique(name):
    return f"{name}-{os.getpid()}-{time.monotonic_ns() % 1000000000}"


# --- topics ---

def create(*topics, partitions=4):
    admin = AdminClient({"bootstrap.servers": BROKERS})
    for f in admin.create_topics([NewTopic(t, partitions, 1) for t in topics]).values():
        f.result()


def produce(topic, rows):
    """rows: (partition, bytes)."""
    failed = []
    # Idempotent, or a retry may put rows out of order, and disorder beyond the bound is late.
    p = Producer({"bootstrap.servers": BROKERS, "enable.idempotence": True, "linger.ms": 20, "queue.buffering.max.messages": 1000000})
    for partition, value in rows:
        while True:
            try:
                p.produce(topic, value, partition=partition, on_delivery=lambda e, m: e and failed.append(e))
                break
            except BufferError:
                p.poll(0.05)
    p.flush()
    if failed:
        raise RuntimeError(failed[0])


def read(topic):
    """Every committed message, partition by partition."""
    c = Consumer({"bootstrap.servers": BROKERS, "group.id": "test", "enable.auto.commit": False, "isolation.level": "read_committed",
                  "enable.partition.eof": True})
    partitions = sorted(c.list_topics(topic, timeout=10).topics[topic].partitions)
    left = set(partitions)
    c.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in partitions])
    out = []
    while left:
        for m in c.consume(10000, timeout=1):
            if not m.error():
                out.append(m)
            elif m.error().code() == KafkaError._PARTITION_EOF:
                left.discard(m.partition())
            else:
                raise RuntimeError(m.error())
    c.close()
    return out


def exists(topic):
    return topic in AdminClient({"bootstrap.servers": BROKERS}).list_topics(timeout=10).topics


def rows(topic, *columns):
    """The committed rows of an append-only topic as a multiset of tuples of text."""
    return Counter(tuple(canonical(json.loads(m.value(), parse_float=Decimal).get(c)) for c in columns) for m in read(topic))


def folded(topic, *columns):
    """The rows of an upsert topic: the last value of each key, tombstones taken out."""
    state = {}
    for m in read(topic):
        if m.value() is None:
            state.pop(m.key(), None)
        else:
            state[m.key()] = m.value()
    return Counter(tuple(canonical(json.loads(v, parse_float=Decimal).get(c)) for c in columns) for v in state.values())


def canonical(v):
    if v is None:
        return "NULL"
    if isinstance(v, bool):
        return str(v).lower()
    if isinstance(v, (Decimal, float)):
        return f"{Decimal(v):.6f}"
    return str(v)


def differ(got, want):
    only = [f"only expected {k} x{n}" for k, n in list((want - got).items())[:3]] + [f"only got {k} x{n}" for k, n in list((got - want).items())[:3]]
    return f"{got.total()} rows, expected {want.total()}: " + "; ".join(only)


# --- jobs ---

def table(name, columns, topic, extra="", connector="kafka", **options):
    opts = {"connector": connector, "topic": topic, "properties.bootstrap.servers": BROKERS, "format": "json", **options}
    text = ", ".join(f"'{k.replace('__', '.')}' = '{v}'" for k, v in opts.items())
    return f"CREATE TABLE {name} ({columns}{', ' + extra if extra else ''}) WITH ({text});\n"


def write_job(name, text):
    path = TMP / f"{name}.sql"
    path.write_text(text)
    return path


def command(sql, job, *options):
    return [BIN, "run", "--job", job, "--dir", str(TMP / job), *options, str(sql)]


def start(sql, job, *options, env=None):
    return subprocess.Popen(command(sql, job, *options), stderr=open(TMP / f"{job}.err", "ab"), stdout=subprocess.DEVNULL, env={**os.environ, **(env or {})})


def run(sql, job, *options, timeout=120, env=None, expect=0):
    p = start(sql, job, *options, env=env)
    try:
        code = p.wait(timeout * SLOW)
    except subprocess.TimeoutExpired:
        p.kill()
        raise AssertionError(f"{job} did not end in {timeout * SLOW} s: {errors(job)}")
    if expect is not None and code != expect:
        raise AssertionError(f"{job}: exit code {code}, expected {expect}: {errors(job)}")
    return code


def errors(job):
    return (TMP / f"{job}.err").read_text()[-1500:]


def wait_for(what, condition, seconds=60):
    end = time.monotonic() + seconds * SLOW
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds * SLOW} s for {what}")


# --- TAP ---

def main(*tests):
    """Runs the functions; each is one test, named by its docstring."""
    failed = 0
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    for t in tests:
        name = (t.__doc__ or t.__name__).strip().split("\n")[0]
        if wanted and wanted not in t.__name__:
            continue
        began = time.monotonic()
        try:
            t()
            print(f"ok - {name} ({time.monotonic() - began:.1f} s)", flush=True)
        except Exception as e:
            failed += 1
            print(f"not ok - {name}")
            if not isinstance(e, AssertionError) or not str(e):
                traceback.print_exc(file=sys.stdout)
            for line in str(e).splitlines():
                print(f"#   {line}", flush=True)
    sys.exit(failed > 0)
