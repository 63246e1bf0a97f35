#!/usr/bin/env python3
"""Nexmark from Kafka to Kafka: the engine beside the floor program, on the same topic, in turn (A B B A).

First every query's output is compared with DuckDB's answer over the same events; only then is it timed. The figure is CPU seconds
(user + system, of the process alone) per million input events, and its ratio to the floor's in the same round.
"""
import argparse, json, os, pathlib, statistics, string, subprocess, sys, tempfile, threading, time
from collections import Counter
from decimal import Decimal

from confluent_kafka import Consumer, KafkaError, OFFSET_BEGINNING, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

HERE = pathlib.Path(__file__).resolve().parent
QUERIES = ["q0", "q1", "q2", "count"]
# What each query is held against: the floor's variant, and the bound on the ratio (None: only shown).
AGAINST = {"q0": ("whole", 1.25), "q1": ("whole", 1.25), "q2": ("decode", None), "count": ("decode", 1.8)}
FLOOR = {"whole": [], "decode": ["--decode-only"], "decode-two": ["--decode-only", "--columns", "auction,dateTime"]}


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", default="build")
    p.add_argument("--events", type=int, default=2_000_000, help="Nexmark events; 46 of 50 are bids")
    p.add_argument("--partitions", type=int, default=1)
    p.add_argument("--rounds", type=int, default=2, help="rounds of A B B A")
    p.add_argument("--json", help="write the results here (default BUILD/bench/nexmark.json)")
    p.add_argument("--option", action="append", default=[], help="-s key=value for the engine")
    p.add_argument("queries", nargs="*", default=QUERIES)
    return p.parse_args()


class PeakRss(threading.Thread):
    """The kernel's own peak of a process (VmHWM, KiB), read while it runs: ru_maxrss would count the harness before exec, too."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.path, self.peak, self.done = f"/proc/{pid}/status", 0, threading.Event()
        self.start()

    def run(self):
        while not self.done.wait(0.01):
            try:
                for line in open(self.path):
                    if line.startswith("VmHWM:"):
                        self.peak = max(self.peak, int(line.split()[1]))
            except OSError:
                return

    def stop(self):
        self.done.set()
        self.join()
        return self.peak


class Bench:
    def __init__(self, args):
        self.args = args
        self.build = pathlib.Path(args.build).resolve()
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=self.build))
        self.env = dict(os.environ, KAFKA_OWNER=str(os.getpid()), KAFKA_JAVA_OPTS="-Xms1g -Xmx1g")
        self.broker = self.build / "bench" / "kafka"
        self.runs = 0

    # --- the broker ---

    def start(self):
        subprocess.run([HERE.parent / "tools/kafka.sh", "start", self.broker], check=True, env=self.env)
        self.brokers = (self.broker / "bootstrap").read_text().strip()
        self.admin = AdminClient({"bootstrap.servers": self.brokers})

    def stop(self):
        subprocess.run([HERE.parent / "tools/kafka.sh", "wipe", self.broker], env=self.env)

    def topic(self, name):
        self.admin.create_topics([NewTopic(name, self.args.partitions, 1)])[name].result()
        time.sleep(0.2)
        return name

    def read(self, topic):
        c = Consumer({"bootstrap.servers": self.brokers, "group.id": "bench", "enable.auto.commit": False,
                      "isolation.level": "read_committed", "enable.partition.eof": True})
        left = set(range(self.args.partitions))
        c.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in left])
        while left:
            for m in c.consume(10000, timeout=1):
                if not m.error():
                    yield m.value()
                elif m.error().code() == KafkaError._PARTITION_EOF:
                    left.discard(m.partition())
                else:
                    raise RuntimeError(m.error())
        c.close()

    # --- running ---

    def sql(self, name, **values):
        sink = values.get("output", "")
        values["append"] = f"'connector' = 'kafka', 'topic' = '{sink}', 'properties.bootstrap.servers' = '{self.brokers}', 'format' = 'json'"
        values.setdefault("input", "bid")
        values.update(brokers=self.brokers, events=self.args.events, partitions=self.args.partitions)
        parts = ["load"] if name == "load" else ["ddl", name]
        text = "\n".join(string.Template((HERE / f"sql/{p}.sql").read_text()).substitute(values) for p in parts)
        path = self.work / f"{name}-{self.runs}.sql"
        path.write_text(text)
        return path

    def measure(self, command):
        """Runs it; CPU seconds and peak RSS of the process by the operating system's account."""
        started = time.monotonic()
        with open(self.work / "stderr", "wb") as err, open(self.work / "stdout", "wb") as out:
            p = subprocess.Popen([str(c) for c in command], stdout=out, stderr=err)
            rss = PeakRss(p.pid)
            _, status, usage = os.wait4(p.pid, 0)
        if status != 0:
            sys.exit(f"failed: {' '.join(map(str, command))}\n{(self.work / 'stderr').read_text()[-2000:]}")
        wall = time.monotonic() - started
        return {"cpu": usage.ru_utime + usage.ru_stime, "user": usage.ru_utime, "sys": usage.ru_stime, "wall": wall, "rss_mb": rss.stop() / 1024}

    def engine(self, query, keep=False):
        self.runs += 1
        output = self.topic(f"out-{query}-{self.runs}")
        job = f"{query}-{self.runs}"
        options = [x for o in self.args.option for x in ("-s", o)]
        m = self.measure([self.build / "sparklet", "run", "--job", job, "--dir", self.work / job, *options, self.sql(query, output=output)])
        if not keep:
            self.admin.delete_topics([output])[output].result()
        return m, output

    def floor(self, variant):
        self.runs += 1
        output = self.topic(f"floor-{self.runs}")
        extra = FLOOR[variant]
        m = self.measure([self.build / "bench/floor", "--brokers", self.brokers, "--topic", "bid", *(extra or ["--sink", output])])
        self.admin.delete_topics([output])[output].result()
        return m

    # --- correctness ---

    def oracle(self):
        import duckdb
        path = self.work / "bid.ndjson"
        with open(path, "wb") as f:
            for value in self.read("bid"):
                f.write(value + b"\n")
        db = duckdb.connect()
        db.execute(f"""CREATE TABLE bid AS SELECT * FROM read_json('{path}', format='newline_delimited', columns={{auction: 'BIGINT',
            bidder: 'BIGINT', price: 'BIGINT', channel: 'VARCHAR', url: 'VARCHAR', dateTime: 'TIMESTAMP', extra: 'VARCHAR'}})""")
        self.bids = db.execute("SELECT count(*) FROM bid").fetchone()[0]
        path.unlink()
        return db

    def compare(self, db, query):
        _, topic = self.engine(query, keep=True)
        result = db.execute(json.loads((HERE / "sql/oracle.json").read_text())[query])
        names = [d[0] for d in result.description]
        want = Counter(tuple(canonical(v) for v in row) for row in result.fetchall())
        rows = (json.loads(v, parse_float=Decimal) for v in self.read(topic))
        got = Counter(tuple(canonical(r.get(n)) for n in names) for r in rows)
        self.admin.delete_topics([topic])[topic].result()
        if got != want:
            lines = [f"  only {who}: {row} x{n}" for who, only in (("DuckDB", want - got), ("engine", got - want)) for row, n in list(only.items())[:3]]
            sys.exit(f"{query}: differs from DuckDB: {want.total()} rows expected, {got.total()} got\n" + "\n".join(lines))
        print(f"{query}: equals DuckDB's answer, {got.total()} rows", flush=True)

    def first_output(self):
        """Seconds from the start of the process to the first committed row that a consumer sees."""
        output = self.topic("first")
        c = Consumer({"bootstrap.servers": self.brokers, "group.id": "bench", "isolation.level": "read_committed", "fetch.wait.max.ms": 5})
        c.assign([TopicPartition(output, p, OFFSET_BEGINNING) for p in range(self.args.partitions)])
        c.poll(1.0)
        started = time.monotonic()
        p = subprocess.Popen([str(self.build / "sparklet"), "run", "--job", "first", "--dir", str(self.work / "first"), str(self.sql("q0", output=output))],
                             stderr=subprocess.DEVNULL)
        m = None
        while (m is None or m.error()) and time.monotonic() - started < 30:
            m = c.poll(0.005)
        took = time.monotonic() - started
        p.wait()
        c.close()
        return took

    # --- the whole ---

    def time_query(self, query):
        variant, bound = AGAINST[query]
        pairs = []
        for _ in range(self.args.rounds):
            order = ["engine", "floor", "floor", "engine"]
            got = {"engine": [], "floor": []}
            for who in order:
                got[who].append(self.engine(query)[0] if who == "engine" else self.floor(variant))
            pairs.append({k: {f: statistics.mean(m[f] for m in v) for f in v[0]} for k, v in got.items()})
        med = lambda who, f: statistics.median(p[who][f] for p in pairs)
        million = self.bids / 1e6
        ratio = statistics.median(p["engine"]["cpu"] / p["floor"]["cpu"] for p in pairs)
        return {"query": query, "events": self.bids, "events_per_s": self.bids / med("engine", "wall"), "cpu_s_per_million": med("engine", "cpu") / million,
                "floor": variant, "floor_cpu_s_per_million": med("floor", "cpu") / million, "ratio": ratio, "bound": bound, "rss_mb": max(p["engine"]["rss_mb"] for p in pairs),
                "floor_rss_mb": max(p["floor"]["rss_mb"] for p in pairs)}


def canonical(v):
    if isinstance(v, Decimal):
        return str(v.normalize())
    if hasattr(v, "isoformat"):
        v = str(v)
    if isinstance(v, str) and len(v) >= 19 and v[4] == "-" and v[10] == " ":
        return v.rstrip("0").rstrip(".") if "." in v else v
    return str(v)


def report(results, first):
    print(f"\n{'query':6} {'events/s':>10} {'CPU-s/M':>8} {'floor':>11} {'CPU-s/M':>8} {'ratio':>6} {'bound':>6} {'RSS MiB':>8}")
    for r in results:
        bound = f"{r['bound']:.2f}" if r["bound"] else "-"
        flag = " over" if r["bound"] and r["ratio"] > r["bound"] else ""
        print(f"{r['query']:6} {r['events_per_s']:>10,.0f} {r['cpu_s_per_million']:>8.2f} {r['floor']:>11} {r['floor_cpu_s_per_million']:>8.2f} "
              f"{r['ratio']:>6.2f} {bound:>6} {r['rss_mb']:>8.0f}{flag}")
    print(f"first output after {first:.2f} s (warm broker)")


def main():
    b = Bench(parse())
    b.start()
    try:
        b.topic("bid")
        b.measure([b.build / "sparklet", "run", "--job", "load", "--dir", b.work / "load", b.sql("load")])
        db = b.oracle()
        print(f"{b.bids:,} bids in {b.args.partitions} partitions", flush=True)
        for q in b.args.queries:
            b.compare(db, q)
        first = b.first_output()
        results = [b.time_query(q) for q in b.args.queries]
        report(results, first)
        path = pathlib.Path(b.args.json or b.build / "bench" / "nexmark.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"results": results, "first_output_s": first}, indent=1) + "\n")
        print(f"written to {path}")
    finally:
        b.stop()
        subprocess.run(["rm", "-rf", str(b.work)])


if __name__ == "__main__":
    main()
