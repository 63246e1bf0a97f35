#!/usr/bin/env python3
"""Nexmark from Kafka to Kafka, exactly once: the engine beside the floor program, and beside Flink if asked, on the same topics, in turn (A B B A).

First every query's output is compared with DuckDB's answer over the same events; only then is it timed. The figure is CPU seconds
(user + system, of the processes alone) per million input rows, and its ratio to what the floor program takes in the same round.
"""
import argparse, json, math, os, pathlib, shutil, statistics, subprocess, sys, tempfile, threading, time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests/support"))
import nexmark
from broker import Broker
from flink import Flink
from nexmark import SHARE

QUICK = ["q0", "q1", "q2", "count"]
# What a query is held against (bound on the ratio): all of the floor program; its reading and decoding, and its encoding and producing of
# as many rows as the query writes; a join has four times the whole.
WHOLE = {q: 1.25 for q in ("q0", "q1", "q2", "q10", "q13", "q14", "q21", "q22")}
PARTS = {q: 1.8 for q in ("q5", "q7", "q8", "q11", "q12", "q15", "q16", "q17", "q18", "q19", "count")}
JOIN = {q: 4.0 for q in ("q3", "q4", "q6", "q9", "q20")}
# Few rows of 50 events are persons or auctions: the queries over these alone have topics of more events.
LONGER = 12
# What the floor program reads of these topics: what q8 needs. Their rows are more than twice as long as bids.
COLUMNS = {"person": "id,name,dateTime", "auction": "seller,dateTime"}
# One event a millisecond, so that no two bids have the same time: what the last one is, or comes first, has one answer.
EVENT_RATE = 1000
# Flink has no OVER over rows that are taken back, leaves the last windows of the machine's time open, and cannot look rows up in a file.
NOT_FLINK = ("q6", "q12", "q13")


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", default="build")
    p.add_argument("--events", type=int, default=1_000_000, help="Nexmark events; 46 of 50 are bids")
    p.add_argument("--partitions", type=int, default=1)
    p.add_argument("--rounds", type=int, default=1, help="rounds of A B B A")
    p.add_argument("--peer", choices=["flink"], help="the same queries there as well")
    p.add_argument("--json", help="write the results here (default BUILD/bench/nexmark.json)")
    p.add_argument("--option", action="append", default=[], help="-s key=value for the engine")
    p.add_argument("--no-compare", action="store_true", help="only time it: for profiling; no figure of it counts")
    p.add_argument("queries", nargs="*", help="default: " + " ".join(QUICK) + "; all: every one of Nexmark")
    a = p.parse_args()
    a.queries = [q for w in a.queries or QUICK for q in (nexmark.QUERIES if w == "all" else w.split())]
    unknown = [q for q in a.queries if q not in {*WHOLE, *PARTS, *JOIN}]
    if unknown:
        p.error(f"no such query: {' '.join(unknown)}")
    return a


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


class Messages:
    """Every committed (key, value) of a topic, read anew whenever they are gone through."""

    def __init__(self, broker, topic):
        self.broker, self.topic, self.count = broker, topic, 0

    def __iter__(self):
        self.count = 0
        for message in self.broker.read(self.topic):
            self.count += 1
            yield message


class Bench:
    def __init__(self, args):
        self.args = args
        self.build = pathlib.Path(args.build).resolve()
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=self.build))
        self.broker = Broker(self.build / "bench" / "kafka")
        self.flink = None
        self.runs = 0
        self.rows = {}
        self.databases = {}

    def start(self):
        self.broker.start()
        prefixes = sorted({self.prefix(q) for q in self.args.queries} | {""})
        for prefix in prefixes:
            self.load(prefix)
        if self.args.peer:
            home = subprocess.run([HERE / "flink.sh"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
            self.flink = Flink(home, self.work / "flink")
            self.flink.start()

    def stop(self):
        if self.flink:
            self.flink.stop()
        self.broker.stop()
        shutil.rmtree(self.work, ignore_errors=True)

    # --- events ---

    def prefix(self, query):
        return "" if "bid" in nexmark.READS[query] else "longer-"

    def load(self, prefix):
        """Topics of events. The ones for joins of persons and auctions have no bids."""
        names = [n for n in SHARE if not prefix or n != "bid"]
        events = self.args.events * (LONGER if prefix else 1)
        options = {"nexmark.partitions": self.args.partitions, "nexmark.event-rate": EVENT_RATE}
        for name in names:
            self.broker.create(prefix + name, self.args.partitions)
            self.rows[prefix + name] = events // 50 * SHARE[name]
        text = nexmark.load(events, options, lambda n: {"connector": "kafka", "topic": prefix + n, "properties.bootstrap.servers": self.broker.address, "format": "json"}, names)
        path = self.work / f"{prefix}load.sql"
        path.write_text(text)
        self.measure([self.build / "sparklet", "run", "--job", f"{prefix}load", "--dir", self.work / f"{prefix}load", path])

    def database(self, prefix):
        if prefix not in self.databases:
            files = {}
            for name in SHARE:
                path = self.work / f"{prefix}{name}.ndjson"
                with open(path, "wb") as f:
                    if prefix + name in self.rows:
                        f.writelines(value + b"\n" for _, value in self.broker.read(prefix + name))
                files[name] = [path]
            self.databases[prefix] = nexmark.database(files, self.work / f"{prefix}events.duckdb")
            nexmark.side_input(self.databases[prefix], nexmark.EXAMPLES / "side_input.csv")
            for paths in files.values():
                paths[0].unlink()
        return self.databases[prefix]

    # --- running ---

    def sql(self, query, output, extra={}):
        common = {"properties.bootstrap.servers": self.broker.address}
        sink = {"topic": output, **common, "sink.delivery-guarantee": "exactly-once", "sink.transactional-id-prefix": output, **extra}

        def sink_of(keyed):
            if query in nexmark.INTO_FOLDERS:
                return {"connector": "filesystem", "path": f"file://{output}" if extra else output, "format": "json"}
            if query in nexmark.BEFORE_AND_AFTER:
                return {"connector": "kafka", "format": "debezium-json", **sink}
            return {"connector": "upsert-kafka", "key.format": "json", "value.format": "json", **sink} if keyed else {"connector": "kafka", "format": "json", **sink}
        text = nexmark.tables(lambda name: {"connector": "kafka", "topic": self.prefix(query) + name, **common, "format": "json",
                                            "scan.startup.mode": "earliest-offset", "scan.bounded.mode": "latest-offset"})
        return text + nexmark.query(query, sink_of, nexmark.EXAMPLES / "side_input.csv")

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

    def output(self, who, query):
        self.runs += 1
        name = f"{who}-{query}-{self.runs}"
        return str(self.work / name) if query in nexmark.INTO_FOLDERS and who in ("engine", "flink") else self.broker.create(name, self.args.partitions)

    def drop(self, output):
        if output.startswith("/"):
            shutil.rmtree(output)
        else:
            self.broker.drop(output)

    def run_engine(self, query, output):
        job = f"{query}-{self.runs}"
        path = self.work / f"{job}.sql"
        path.write_text(self.sql(query, output))
        options = [x for o in self.args.option for x in ("-s", o)]
        return self.measure([self.build / "sparklet", "run", "--job", job, "--dir", self.work / job, *options, path])

    def run_flink(self, query, output):
        return self.flink.run(self.sql(query, output, {"properties.transaction.timeout.ms": "900000"}))

    def run_floor(self, variant, query, output):
        """All of it over bids; reading and decoding alone over the topics that the query reads."""
        command = [self.build / "bench/floor", "--brokers", self.broker.address]
        if variant == "whole":
            return self.measure([*command, "--topic", "bid", "--sink", output])
        runs = [self.measure([*command, "--topic", self.prefix(query) + t, "--decode-only", *(["--columns", COLUMNS[t]] if t in COLUMNS else [])]) for t in nexmark.READS[query]]
        return {f: sum(m[f] for m in runs) for f in runs[0]}

    def timed(self, who, query):
        output = self.output(who, query)
        run = {"engine": lambda: self.run_engine(query, output), "flink": lambda: self.run_flink(query, output)}.get(who, lambda: self.run_floor(who, query, output))
        m = run()
        self.drop(output)
        return m

    # --- correctness ---

    def compared(self, who, query):
        """The first run of a query, whose output is read: ends the program if it differs. What the run took, and how many messages it made."""
        output = self.output(who, query)
        run = {"engine": self.run_engine, "flink": self.run_flink}[who]
        took = run(query, output)
        got, topic = self.rows_of(query, output)
        wrong = nexmark.compare(self.database(self.prefix(query)), query, got, truncates=who == "flink")
        if wrong:
            sys.exit(f"{query} of {who}: {wrong}")
        messages = topic.count if topic else sum(1 for _ in got())
        self.drop(output)
        print(f"{query}: {who} equals DuckDB, {messages:,} messages, {took['cpu']:.1f} CPU-s", flush=True)
        return took, messages

    def rows_of(self, query, output):
        """A function that gives what an output comes to, and the topic, which counts what is read of it."""
        topic = Messages(self.broker, output)
        if query in nexmark.INTO_FOLDERS:
            return nexmark.in_folders(query, output), None
        if query in nexmark.BEFORE_AND_AFTER:
            return nexmark.accumulate(query, (v for _, v in topic)), topic
        if "PRIMARY KEY" in nexmark.source(query):
            return nexmark.folded(query, topic), topic
        return lambda: (nexmark.row_of_text(query, v) for _, v in topic), topic

    def first_output(self):
        """Seconds from the start of the process to the first committed row that a consumer sees."""
        output = self.output("first", "q0")
        path = self.work / "first.sql"
        path.write_text(self.sql("q0", output))
        c, _ = self.broker.consumer(output, **{"enable.partition.eof": False, "fetch.wait.max.ms": 5})
        c.poll(1.0)
        started = time.monotonic()
        p = subprocess.Popen([str(self.build / "sparklet"), "run", "--job", "first", "--dir", str(self.work / "first"), str(path)], stderr=subprocess.DEVNULL)
        m = None
        while (m is None or m.error()) and time.monotonic() - started < 30:
            m = c.poll(0.005)
        took = time.monotonic() - started
        p.wait()
        c.close()
        return took

    # --- the whole ---

    def against(self, query, out, million, pair):
        """The floor's CPU seconds per million rows for this query, and the bound on the ratio. `pair` has the floor's runs: whole over the bids, decode over the query's input."""
        whole = pair["whole"]["cpu"] / (self.rows["bid"] / 1e6)
        if query in PARTS:
            decode = pair["decode"]["cpu"] / million
            return decode + max(whole - decode, 0) * out / (million * 1e6), PARTS[query]
        return whole, WHOLE.get(query) or JOIN[query]

    def time_query(self, query):
        first, out = {}, 0
        for w in [] if self.args.no_compare else ["engine", *(["flink"] if self.flink and query not in NOT_FLINK else [])]:
            first[w], messages = self.compared(w, query)
            out = out or messages
        million = sum(self.rows[self.prefix(query) + t] for t in nexmark.READS[query]) / 1e6
        who = ["engine", "whole"] + (["decode"] if query in PARTS else []) + (["flink"] if self.flink and query not in NOT_FLINK else [])
        pairs = []
        for _ in range(self.args.rounds):
            got = {w: [] for w in who}
            for w in who + who[::-1]:
                got[w].append(first.pop(w, None) or self.timed(w, query))
            pairs.append({w: {f: statistics.mean(m[f] for m in runs) for f in runs[0]} for w, runs in got.items()})
        med = lambda w, f: statistics.median(p[w][f] for p in pairs)
        floors = [self.against(query, out, million, p) for p in pairs]
        result = {"query": query, "rows_in": round(million * 1e6), "messages_out": out, "rows_per_s": million * 1e6 / med("engine", "wall"), "cpu_s_per_million": med("engine", "cpu") / million,
                  "floor_cpu_s_per_million": statistics.median(f for f, _ in floors), "ratio": statistics.median(p["engine"]["cpu"] / million / f for p, (f, _) in zip(pairs, floors)),
                  "bound": floors[0][1], "rss_mb": max(p["engine"]["rss_mb"] for p in pairs)}
        if "flink" in who:
            result["flink"] = {"cpu_s_per_million": med("flink", "cpu") / million, "rows_per_s": million * 1e6 / med("flink", "wall"), "rss_mb": med("flink", "rss_mb"),
                               "times": statistics.median(p["flink"]["cpu"] / p["engine"]["cpu"] for p in pairs)}
        return result


HEAD = f"{'query':6} {'rows in':>10} {'messages':>10} {'rows/s':>10} {'CPU-s/M':>8} {'floor':>6} {'ratio':>6} {'bound':>6} {'MiB':>5}"
PEER_HEAD = f" | {'Flink CPU-s/M':>14} {'rows/s':>9} {'MiB':>6} {'times':>6}"


def line_of(r):
    line = (f"{r['query']:6} {r['rows_in']:>10,} {r['messages_out']:>10,} {r['rows_per_s']:>10,.0f} {r['cpu_s_per_million']:>8.2f} {r['floor_cpu_s_per_million']:>6.2f} "
            f"{r['ratio']:>6.2f} {r['bound']:>6.2f} {r['rss_mb']:>5.0f}")
    if "flink" in r:
        line += f" | {r['flink']['cpu_s_per_million']:>14.2f} {r['flink']['rows_per_s']:>9,.0f} {r['flink']['rss_mb']:>6.0f} {r['flink']['times']:>6.1f}"
    return line + (" over" if r["ratio"] > r["bound"] else "")


def report(results):
    peer = any("flink" in r for r in results)
    print("\n" + HEAD + (PEER_HEAD if peer else ""))
    for r in results:
        print(line_of(r))
    if peer:
        times = [r["flink"]["times"] for r in results if "flink" in r]
        print(f"Flink's CPU seconds are {math.exp(statistics.mean(map(math.log, times))):.1f} times ours (geometric mean of {len(times)} queries), {min(times):.1f} times at the least")


def main():
    b = Bench(parse())
    try:
        b.start()
        if b.flink:
            b.run_flink("q0", b.output("warm", "q0"))  # a cold JVM's first query would not be its figure
        results = []
        for q in b.args.queries:
            results.append(b.time_query(q))
            print(line_of(results[-1]), flush=True)
        report(results)
        first = b.first_output()
        print(f"first output after {first:.2f} s (warm broker)")
        path = pathlib.Path(b.args.json or b.build / "bench" / "nexmark.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"results": results, "first_output_s": first}, indent=1) + "\n")
        print(f"written to {path}")
    finally:
        b.stop()


if __name__ == "__main__":
    main()
