"""A Flink cluster of one TaskManager with one slot, for nexmark.py to run the same queries on: exactly once, state in RocksDB."""
import json, os, pathlib, re, shutil, socket, subprocess, time, urllib.request

TICK = os.sysconf("SC_CLK_TCK")
# What its documentation recommends for updating queries: state is touched once per key and batch, as an epoch does here.
MINI_BATCH = {"table.exec.mini-batch.enabled": "true", "table.exec.mini-batch.allow-latency": "2 s", "table.exec.mini-batch.size": "50000",
              "table.optimizer.distinct-agg.split.enabled": "true"}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def peak_mb(pid):
    return int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) / 1024


class Flink:
    def __init__(self, home, work):
        """home: an unpacked distribution; work: a folder for configuration, logs and state."""
        self.home, self.work, self.rest = pathlib.Path(home), pathlib.Path(work), free_port()
        for folder in ("conf", "log", "pid", "tmp"):
            (self.work / folder).mkdir(parents=True)
        opens = re.search(r"all: (--add-.*)", (self.home / "conf/config.yaml").read_text())[1]
        settings = {
            "env.java.opts.all": opens, "jobmanager.rpc.address": "127.0.0.1", "jobmanager.rpc.port": free_port(), "jobmanager.bind-host": "127.0.0.1",
            "rest.address": "127.0.0.1", "rest.bind-address": "127.0.0.1", "rest.port": self.rest, "taskmanager.host": "127.0.0.1", "taskmanager.bind-host": "127.0.0.1",
            "jobmanager.memory.process.size": "1600m", "taskmanager.memory.process.size": "4096m", "taskmanager.numberOfTaskSlots": 1, "parallelism.default": 1,
            "state.backend.type": "rocksdb", "execution.checkpointing.mode": "EXACTLY_ONCE", "execution.checkpointing.interval": "10 s",
            "execution.checkpointing.incremental": "true", "execution.checkpointing.dir": f"file://{self.work}/checkpoints", "io.tmp.dirs": self.work / "tmp",
            "pipeline.object-reuse": "true", "restart-strategy.type": "disable"}
        (self.work / "conf/config.yaml").write_text("".join(f"{k}: {v}\n" for k, v in settings.items()))
        for path in (self.home / "conf").glob("log4j*.properties"):
            shutil.copy(path, self.work / "conf")
        self.env = dict(os.environ, FLINK_CONF_DIR=str(self.work / "conf"), FLINK_LOG_DIR=str(self.work / "log"), FLINK_PID_DIR=str(self.work / "pid"))
        self.pids = []

    def script(self, name, *arguments):
        subprocess.run(["bash", self.home / "bin" / name, *arguments], env=self.env, check=True, stdout=subprocess.DEVNULL)

    def start(self):
        self.script("jobmanager.sh", "start")
        self.script("taskmanager.sh", "start")
        end = time.monotonic() + 120
        while not self.ready():
            if time.monotonic() > end:
                raise RuntimeError(f"Flink does not come up, see {self.work}/log")
            time.sleep(0.3)
        self.pids = [int(p.read_text().split()[-1]) for p in (self.work / "pid").glob("*.pid")]

    def ready(self):
        try:
            return self.ask("overview")["slots-available"] == 1
        except OSError:
            return False

    def jobs(self):
        return {job["id"] for job in self.ask("jobs")["jobs"]}

    def ask(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.rest}/{path}", timeout=10) as f:
            return json.load(f)

    def run(self, text):
        """Statements of which the last is an INSERT, to its end: CPU seconds of both processes, seconds from running to finished, MiB."""
        settings = dict(MINI_BATCH if "PRIMARY KEY" in text else {}, **{"table.dml-sync": "true"})
        path = self.work / "query.sql"
        path.write_text("".join(f"SET '{k}' = '{v}';\n" for k, v in settings.items()) + text)
        known = self.jobs()
        before = sum(map(cpu_seconds, self.pids))
        done = subprocess.run(["bash", self.home / "bin/sql-client.sh", "-f", path], env=self.env, capture_output=True, text=True)
        used = sum(map(cpu_seconds, self.pids)) - before
        new = [self.ask(f"jobs/{job}") for job in self.jobs() - known]
        if len(new) != 1 or new[0]["state"] != "FINISHED":
            why = re.findall(r"\[ERROR\].*(?:\n.+)?", done.stdout)
            raise RuntimeError(f"Flink: {' '.join(why)[:1500] or done.stdout[-1500:] + done.stderr[-500:]}")
        times = new[0]["timestamps"]
        return {"cpu": used, "wall": (times["FINISHED"] - times["RUNNING"]) / 1000, "rss_mb": max(map(peak_mb, self.pids))}

    def stop(self):
        for name in ("taskmanager.sh", "jobmanager.sh"):
            subprocess.run(["bash", self.home / "bin" / name, "stop-all"], env=self.env, stdout=subprocess.DEVNULL)
