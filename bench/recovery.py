#!/usr/bin/env python3
"""How long a job with much state is away when it is killed: from its start to the first new row that a read_committed consumer sees.

Nexmark's q18 (each bidder's last bid on each auction) keeps a row of each pair: EVENTS make the state. Then bids come at RATE a second, and the job is killed
TIMES at random and started again. With rows coming in all the time a start has the newest checkpoint to open and the epochs since to compute again.
"""
import argparse, json, os, pathlib, random, shutil, statistics, subprocess, sys, tempfile, threading, time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(1, str(HERE.parent / "tests/support"))
sys.path.sort(key=lambda p: p == str(HERE))  # nexmark is the one of tests/support here
import nexmark
from confluent_kafka import Consumer, Producer, TopicPartition
from broker import Broker

EVENTS_A_SECOND = 1000  # of event time


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", default="build")
    p.add_argument("--events", type=int, default=5_000_000, help="Nexmark events that make the state; 46 of 50 are bids of some 240 bytes")
    p.add_argument("--rate", type=int, default=5_000, help="bids a second while it is killed")
    p.add_argument("--times", type=int, default=10)
    p.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    p.add_argument("--option", action="append", default=[], help="-s key=value for the engine")
    return p.parse_args()


class Bids(threading.Thread):
    """Rows at the rate until it is told to end."""

    def __init__(self, address, rate, first):
        super().__init__(daemon=True)
        self.producer = Producer({"bootstrap.servers": address, "linger.ms": 20})
        self.rate, self.number, self.done = rate, first, threading.Event()

    def run(self):
        started, sent = time.monotonic(), 0
        while not self.done.wait(0.01):
            while sent < (time.monotonic() - started) * self.rate:
                n = self.number + sent
                at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(1_800_000_000 + n // 1000)) + f".{n % 1000:03d}"
                self.producer.produce("bid", json.dumps({"auction": n % 1_000_003, "bidder": n % 999_983, "price": n, "channel": "live", "url": "https://example.com/item",
                                                         "dateTime": at, "extra": "x" * 80}))
                sent += 1
            self.producer.poll(0)

    def stop(self):
        self.done.set()
        self.join()
        self.producer.flush()


class Recovery:
    def __init__(self, args):
        self.args = args
        self.build = pathlib.Path(args.build).resolve()
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="recovery-", dir=self.build))
        self.broker = Broker(self.work / "kafka")
        self.rng = random.Random(args.seed)
        self.process = None

    def options(self, topic, **more):
        return {"connector": "kafka", "topic": topic, "properties.bootstrap.servers": self.broker.address, "format": "json", **more}

    def load(self):
        self.broker.create("bid")
        self.broker.create("out")
        path = self.work / "load.sql"
        path.write_text(nexmark.load(self.args.events, {"nexmark.partitions": 1, "nexmark.event-rate": EVENTS_A_SECOND}, self.options, ["bid"]))
        subprocess.run([self.build / "sparklet", "run", "--job", "load", "--dir", self.work / "load", path], check=True, stderr=subprocess.DEVNULL)
        sink = {"connector": "upsert-kafka", "topic": "out", "properties.bootstrap.servers": self.broker.address, "key.format": "json", "value.format": "json"}
        source = lambda name: self.options(name, **{"scan.startup.mode": "earliest-offset"})
        (self.work / "job.sql").write_text(nexmark.tables(source) + nexmark.query("q18", lambda keyed: sink))

    def start(self):
        options = [x for o in self.args.option for x in ("-s", o)]
        self.process = subprocess.Popen([self.build / "sparklet", "run", "--job", "job", "--dir", self.work / "job", "-s", "log.level=warn,recovery=info,checkpoint=info", *options, self.work / "job.sql"],
                                        stdout=subprocess.DEVNULL, stderr=open(self.work / "stderr", "ab"))

    def kill(self):
        if self.process.poll() is not None:
            sys.exit(f"the job ended with {self.process.returncode}: {(self.work / 'stderr').read_text()[-2000:]}")
        self.process.kill()
        self.process.wait()

    def checkpoints(self):
        """Bytes of each, the newest last."""
        found = []
        for path in sorted((self.work / "job").glob("checkpoints/**/checkpoint-*.json")):
            try:
                found.append((path.name, sum(f["size"] for f in json.JSONDecoder().raw_decode(path.read_text())[0]["files"])))
            except OSError:  # an older one, removed meanwhile
                continue
        return found

    def behind(self):
        """Rows that the job has not told of yet."""
        c, _ = self.broker.consumer("bid", **{"group.id": "sparklet.job"})
        at = c.committed([TopicPartition("bid", 0)], timeout=10)[0].offset
        end = c.get_watermark_offsets(TopicPartition("bid", 0))[1]
        c.close()
        return end - max(at, 0)

    def wait_for_state(self):
        """Until the job is not behind any more and a checkpoint was taken after that."""
        seen = None
        while seen is None or self.checkpoints()[-1:] == seen:
            time.sleep(1)
            if self.process.poll() is not None:
                sys.exit(f"the job ended with {self.process.returncode}: {(self.work / 'stderr').read_text()[-2000:]}")
            if seen is None and self.behind() < 3 * self.args.rate:
                seen = self.checkpoints()[-1:]
        return self.checkpoints()[-1][1]

    def end_of_output(self):
        """All that the killed process sent lies before this, be it committed, under way or never to be. The broker may still be at it."""
        c, _ = self.broker.consumer("out", **{"isolation.level": "read_uncommitted"})
        end, since = -1, time.monotonic()
        while time.monotonic() - since < 1:
            now = c.get_watermark_offsets(TopicPartition("out", 0))[1]
            if now != end:
                end, since = now, time.monotonic()
            time.sleep(0.05)
        c.close()
        return end

    def once(self):
        """Kills it at a random time, starts it, and waits for a row behind what was committed."""
        time.sleep(self.rng.uniform(2, 30))
        self.kill()
        end = self.end_of_output()
        # One of its own, which has not begun to fetch from elsewhere.
        c = Consumer({"bootstrap.servers": self.broker.address, "group.id": "bench", "enable.auto.commit": False, "isolation.level": "read_committed", "fetch.wait.max.ms": 5})
        c.assign([TopicPartition("out", 0, end)])
        c.poll(0.5)
        started = time.monotonic()
        self.start()
        while True:
            m = c.poll(0.05)
            if m and not m.error() and m.offset() >= end:
                break
            if time.monotonic() - started > 120:
                sys.exit(f"nothing came within 120 s: {(self.work / 'stderr').read_text()[-2000:]}")
        took = time.monotonic() - started
        c.close()
        return took

    def run(self):
        self.broker.start()
        self.load()
        self.start()
        bids = Bids(self.broker.address, self.args.rate, self.args.events)
        bids.start()
        state = self.wait_for_state()
        print(f"state: {state / (1 << 20):,.0f} MiB in the newest checkpoint, seed {self.args.seed}", flush=True)
        took = []
        for _ in range(self.args.times):
            took.append(self.once())
            print(f"{took[-1]:.2f} s", flush=True)
        bids.stop()
        print(f"first new row after {statistics.median(took):.2f} s (median), {max(took):.2f} s at the most of {len(took)}")
        print("\n".join(line for line in (self.work / "stderr").read_text().splitlines() if "replayed" in line))

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        self.broker.stop()
        shutil.rmtree(self.work, ignore_errors=True)


def main():
    r = Recovery(parse())
    try:
        r.run()
    finally:
        r.stop()


if __name__ == "__main__":
    main()
