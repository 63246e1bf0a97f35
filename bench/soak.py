#!/usr/bin/env python3
"""A long run at a steady rate: a window, first rows by window, a session and an interval join in one job, killed at random and started again.

Orders and payments come at RATE rows a second, out of order by up to two seconds, in event time that goes with the clock. In the end what read_committed
consumers see must be DuckDB's answer over the same rows; on the way the process's memory and the size of its checkpoints are noted, which are to stay flat.
"""
import argparse, json, os, pathlib, random, shutil, signal, statistics, subprocess, sys, tempfile, threading, time

HERE = pathlib.Path(__file__).resolve().parent
import duckdb
from confluent_kafka import Producer
from broker import Broker

T0 = 1_735_689_600  # 2025-01-01 00:00:00 UTC
PARTITIONS, CUSTOMERS, SHOPS, DISORDER_MS = 2, 20_000, 50, 2_000
COLUMNS = {"orders": "id BIGINT, shop VARCHAR, customer BIGINT, amount BIGINT, ts TIMESTAMP", "payments": "id BIGINT, amount BIGINT, ts TIMESTAMP"}
# Of each output: its columns, the query, and what DuckDB says. Sentinels, which close all windows at the end, have negative ids and a shop of their own.
OUTPUTS = {
    "windows": ("shop VARCHAR, window_end TIMESTAMP, n BIGINT, total BIGINT, customers BIGINT",
                """SELECT shop, window_end, count(*), sum(amount), count(DISTINCT customer) FROM TUMBLE(orders, ts, INTERVAL '10' SECOND) GROUP BY shop, window_start, window_end""",
                """SELECT shop, time_bucket(INTERVAL 10 SECOND, ts) + INTERVAL 10 SECOND, count(*), sum(amount), count(DISTINCT customer) FROM orders GROUP BY ALL"""),
    "best": ("window_end TIMESTAMP, shop VARCHAR, id BIGINT, amount BIGINT, place BIGINT",
             """SELECT window_end, shop, id, amount, place FROM (SELECT *, row_number() OVER (PARTITION BY window_start, window_end, shop ORDER BY amount DESC, id) AS place
                FROM TUMBLE(orders, ts, INTERVAL '10' SECOND)) WHERE place <= 3""",
             """SELECT w, shop, id, amount, place FROM (SELECT *, row_number() OVER (PARTITION BY w, shop ORDER BY amount DESC, id) AS place
                FROM (SELECT *, time_bucket(INTERVAL 10 SECOND, ts) + INTERVAL 10 SECOND AS w FROM orders)) WHERE place <= 3"""),
    "sessions": ("customer BIGINT, starts TIMESTAMP, n BIGINT, total BIGINT",
                 """SELECT customer, window_start, count(*), sum(amount) FROM SESSION(orders PARTITION BY customer, ts, INTERVAL '3' SECOND) GROUP BY customer, window_start, window_end""",
                 """SELECT customer, min(ts), count(*), sum(amount) FROM (SELECT *, count(*) FILTER (WHERE starts) OVER (PARTITION BY customer ORDER BY ts) AS number
                    FROM (SELECT *, coalesce(ts - lag(ts) OVER (PARTITION BY customer ORDER BY ts) > INTERVAL 3 SECOND, true) AS starts FROM orders)) GROUP BY customer, number"""),
    "paid": ("id BIGINT, shop VARCHAR, amount BIGINT, paid BIGINT, after TIMESTAMP",
             """SELECT o.id, o.shop, o.amount, p.amount, p.ts FROM orders o JOIN payments p ON o.id = p.id AND p.ts BETWEEN o.ts AND o.ts + INTERVAL '5' SECOND""",
             """SELECT o.id, o.shop, o.amount, p.amount, p.ts FROM orders o JOIN payments p ON o.id = p.id AND p.ts BETWEEN o.ts AND o.ts + INTERVAL 5 SECOND"""),
}


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", default="build")
    p.add_argument("--minutes", type=float, default=60)
    p.add_argument("--rate", type=int, default=20_000, help="rows a second, both tables together")
    p.add_argument("--kill-every", type=float, default=180, help="seconds between two kills, on average; 0: none")
    p.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    p.add_argument("--option", action="append", default=[], help="-s key=value for the engine")
    return p.parse_args()


def stamp(ms):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(T0 + ms // 1000)) + f".{ms % 1000:03d}"


class Rows(threading.Thread):
    """Produces at the rate, and keeps what it produced as files."""

    def __init__(self, soak):
        super().__init__(daemon=True)
        self.soak, self.rng, self.trouble, self.count = soak, random.Random(soak.args.seed), None, 0
        self.files = {t: open(soak.work / f"{t}.ndjson", "w") for t in COLUMNS}
        self.producer = Producer({"bootstrap.servers": soak.broker.address, "enable.idempotence": True, "linger.ms": 20})

    def send(self, table, row):
        text = json.dumps(row)
        self.files[table].write(text + "\n")
        self.producer.produce(table, text, partition=row["id"] % PARTITIONS)
        self.count += 1

    def pair(self, n, now_ms):
        amount = self.rng.randrange(1, 100_000)
        ordered = max(now_ms - self.rng.randrange(DISORDER_MS), 0)
        self.send("orders", {"id": n, "shop": f"shop-{self.rng.randrange(SHOPS)}", "customer": self.rng.randrange(CUSTOMERS), "amount": amount, "ts": stamp(ordered)})
        # One in five is before its order, or too late for it.
        paid = max(min(ordered + self.rng.choice([0, 1, 300, 900, 1500, 1900, 2000, 5001, -1, 4000]), now_ms), now_ms - DISORDER_MS, 0)
        self.send("payments", {"id": n, "amount": amount, "ts": stamp(paid)})

    def run(self):
        try:
            started, n, args = time.monotonic(), 0, self.soak.args
            while (now := time.monotonic() - started) < args.minutes * 60:
                while n < now * args.rate / 2:
                    self.pair(n, int(n * 2000 / args.rate))
                    n += 1
                self.producer.poll(0)
                time.sleep(0.01)
            for f in self.files.values():
                f.flush()
            for p in range(PARTITIONS):
                for t in COLUMNS:
                    self.producer.produce(t, json.dumps({"id": -1 if t == "orders" else -2, "shop": "end", "customer": -1, "amount": 0, "ts": stamp(int(args.minutes * 60_000) + 3_600_000)}), partition=p)
            self.producer.flush()
        except Exception as e:  # said by who waits
            self.trouble = e


class Soak:
    def __init__(self, args):
        self.args = args
        self.build = pathlib.Path(args.build).resolve()
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="soak-", dir=self.build))
        self.broker = Broker(self.work / "kafka")
        self.rng = random.Random(args.seed + 1)
        self.samples, self.process, self.kills, self.next_kill = [], None, 0, 0

    def sql(self):
        def table(name, columns, extra="", **options):
            options = {"connector": "kafka", "topic": name, "properties.bootstrap.servers": self.broker.address, "format": "json", **options}
            return f"CREATE TABLE {name} ({columns}{extra}) WITH ({', '.join(f'{chr(39)}{k}{chr(39)} = {chr(39)}{v}{chr(39)}' for k, v in options.items())});\n"
        text = "".join(table(t, c, ", WATERMARK FOR ts AS ts - INTERVAL '3' SECOND", **{"scan.startup.mode": "earliest-offset"}) for t, c in COLUMNS.items())
        return text + "".join(table(t, c) + f"INSERT INTO {t} {q};\n" for t, (c, q, _) in OUTPUTS.items())

    # --- the process ---

    def begin(self):
        options = [x for o in self.args.option for x in ("-s", o)]
        self.process = subprocess.Popen([self.build / "sparklet", "run", "--job", "soak", "--dir", self.work / "job", *options, self.work / "soak.sql"],
                                        stdout=subprocess.DEVNULL, stderr=open(self.work / "stderr", "ab"))
        self.next_kill = time.monotonic() + self.args.kill_every * self.rng.uniform(0.3, 1.7)

    def watch(self):
        """Kills it when it is time, fails when it ended by itself."""
        if self.process.poll() is not None:
            sys.exit(f"the job ended with {self.process.returncode}: {(self.work / 'stderr').read_text()[-2000:]}")
        if self.args.kill_every and time.monotonic() > self.next_kill:
            self.process.kill()
            self.process.wait()
            self.kills += 1
            self.begin()

    def sample(self):
        try:
            rss = next(int(line.split()[1]) / 1024 for line in open(f"/proc/{self.process.pid}/status") if line.startswith("VmRSS:"))
        except (OSError, StopIteration):
            return
        self.samples.append((rss, self.checkpoint_mb()))

    def checkpoint_mb(self):
        for path in sorted((self.work / "job").glob("checkpoints/**/checkpoint-*.json"), reverse=True):
            try:
                return sum(f["size"] for f in json.JSONDecoder().raw_decode(path.read_text())[0]["files"]) / (1 << 20)
            except OSError:  # an older one, removed meanwhile
                continue
        return 0.0

    # --- the end ---

    def end_offsets(self):
        c, n = self.broker.consumer("windows")
        ends = {t: [c.get_watermark_offsets(p)[1] for p in self.partitions(c, t)] for t in OUTPUTS}
        c.close()
        return ends

    @staticmethod
    def partitions(consumer, topic):
        from confluent_kafka import TopicPartition
        return [TopicPartition(topic, p) for p in consumer.list_topics(topic, timeout=10).topics[topic].partitions]

    def settle(self):
        """Waits until the outputs have not grown for a while; it is compared then, so a wait too short is seen."""
        before, since = None, time.monotonic()
        while time.monotonic() - since < 15:
            self.process.poll()
            now = self.end_offsets()
            if now != before:
                before, since = now, time.monotonic()
            time.sleep(1)
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(60) != 0:
            sys.exit(f"the job did not stop well: {(self.work / 'stderr').read_text()[-2000:]}")

    def compare(self):
        db = duckdb.connect(str(self.work / "rows.duckdb"), config={"threads": 1, "memory_limit": "4GB"})
        read = lambda columns, path: f"read_json('{path}', format = 'newline_delimited', columns = {{{', '.join(f'{c.split()[0]}: {chr(39)}{c.split()[1]}{chr(39)}' for c in columns.split(', '))}}})"
        for t, columns in COLUMNS.items():
            db.execute(f"CREATE TABLE {t} AS SELECT * FROM {read(columns, self.work / f'{t}.ndjson')}")
        wrong = 0
        for t, (columns, _, answer) in OUTPUTS.items():
            path = self.work / f"{t}.out"
            with open(path, "wb") as f:
                f.writelines(value + b"\n" for _, value in self.broker.read(t))
            db.execute(f"CREATE TABLE {t} AS SELECT * FROM {read(columns, path)}")
            db.execute(f"CREATE TABLE {t}_answer AS {answer}")
            got = db.execute(f"SELECT count(*) FROM {t}").fetchone()[0]
            missing, more = (db.execute(f"SELECT count(*) FROM (FROM {a} EXCEPT ALL FROM {b})").fetchone()[0] for a, b in ((f"{t}_answer", t), (t, f"{t}_answer")))
            print(f"{t}: {got:,} rows, {missing:,} missing, {more:,} that should not be there", flush=True)
            wrong += missing + more
        return wrong

    def report(self):
        """The means of the quarters of the run: what grows shows there."""
        kept = self.samples[len(self.samples) // 20:]
        quarter = max(len(kept) // 4, 1)
        for name, at in (("RSS", 0), ("checkpoint", 1)):
            print(f"{name}, MiB: " + ", ".join(f"{statistics.mean(s[at] for s in kept[i * quarter:(i + 1) * quarter]):.1f}" for i in range(4)) + f" by quarters; at the most {max(s[at] for s in self.samples):.1f}")

    def run(self):
        self.broker.start()
        for t in COLUMNS:
            self.broker.create(t, PARTITIONS)
        for t in OUTPUTS:
            self.broker.create(t, 1)
        (self.work / "soak.sql").write_text(self.sql())
        rows = Rows(self)
        rows.start()
        self.begin()
        while rows.is_alive():
            time.sleep(1)
            self.watch()
            self.sample()
        if rows.trouble:
            raise rows.trouble
        self.settle()
        wrong = self.compare()
        print(f"{rows.count:,} rows, {self.kills} kills, seed {self.args.seed}")
        self.report()
        return wrong

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        self.broker.stop()
        shutil.rmtree(self.work, ignore_errors=True)


def main():
    soak = Soak(parse())
    try:
        sys.exit(1 if soak.run() else 0)
    finally:
        soak.stop()


if __name__ == "__main__":
    main()
