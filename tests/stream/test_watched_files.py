#!/usr/bin/env python3
"""Files that grow and files that come: a job that watches them, killed at random; --once runs that each take only what is new."""
import json, os, pathlib, signal, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import *
from program import folder, sparklet, start as start_program

rng = seed()

TABLES = """
CREATE TABLE t (id bigint, g bigint, ts timestamp, WATERMARK FOR ts AS ts - INTERVAL '40' SECOND) WITH ('connector' = 'filesystem', 'path' = 'in/*.json', 'format' = 'json' %s);
CREATE TABLE totals (g bigint, n bigint, s numeric) WITH ('connector' = 'filesystem', 'path' = 'totals', 'format' = 'debezium-json');
CREATE TABLE windows (w timestamp, g bigint, n bigint) WITH ('connector' = 'filesystem', 'path' = 'windows', 'format' = 'json');
INSERT INTO totals SELECT g, count(*), sum(id) FROM t GROUP BY g;
"""
WINDOWS = "INSERT INTO windows SELECT window_end, g, count(*) FROM tumble(t, ts, INTERVAL '10 seconds') GROUP BY g, window_start, window_end;\n"
WATCHED = ", 'source.monitor-interval' = '50 ms'"


def stamp(second):
    return f"2025-01-01 {second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"


class Input:
    """A folder of files, and every row that is whole in them."""

    def __init__(self, name, options, windows=True):
        self.cwd, self.rows, self.half = folder(name), [], {}
        (self.cwd / "in").mkdir()
        (self.cwd / "j.sql").write_text(TABLES % options + (WINDOWS if windows else ""))

    def write(self, file, count, half=False):
        """Rows at the end of a file; half: the last one is written only in part, and ended by the next call."""
        with open(self.cwd / "in" / file, "a") as f:
            f.write(self.half.pop(file, ""))
            for i in range(count):
                row = {"id": len(self.rows), "g": rng.randrange(5), "ts": stamp(len(self.rows) // 5)}
                line = json.dumps(row) + "\n"
                cut = rng.randrange(1, len(line)) if half and i == count - 1 else len(line)
                f.write(line[:cut])
                if cut < len(line):
                    self.half[file] = line[cut:]
                self.rows.append(row)

    def finish(self):
        for file in list(self.half):
            self.write(file, 0)

    def run(self, *options):
        return sparklet(self.cwd, "run", "--job", "j", "-s", "epoch.interval=0", *options, "j.sql")

    def lines(self, where):
        return [json.loads(line) for p in sorted((self.cwd / where).glob("*.json")) for line in p.read_text().splitlines()]

    def totals(self):
        out = Counter()
        for change in self.lines("totals"):
            for side, weight in (("before", -1), ("after", 1)):
                if change[side]:
                    out[tuple(change[side].values())] += weight
        return Counter({k: n for k, n in out.items() if n})

    def check_totals(self):
        want = Counter()
        for g in {r["g"] for r in self.rows}:
            ids = [r["id"] for r in self.rows if r["g"] == g]
            want[(g, len(ids), sum(ids))] += 1
        got = self.totals()
        assert got == want, differ(got, want)

    def check_windows(self):
        """Those that are closed, each once and whole; how many."""
        want = Counter((stamp(10 * (i // 50) + 10), r["g"]) for i, r in enumerate(self.rows))
        got = [((r["w"], r["g"]), r["n"]) for r in self.lines("windows")]
        assert len(got) == len(dict(got)) and all(want[k] == n for k, n in got), [(k, n, want[k]) for k, n in got if want[k] != n][:5]
        return len(got)

    def is_told(self):
        return sum(k[1] for k in self.totals()) == len(self.rows)


def follows():
    """a job reads files as they grow and come, over kills; a row counts when its line is whole"""
    case = Input("follows", WATCHED)
    case.write("00.json", 200)
    files, last = 1, len(case.rows)
    for round in range(4):
        job = start_program(case.cwd, "run", "--job", "j", "-s", "epoch.interval=0", "-s", "checkpoint.interval=100ms", "j.sql")
        for _ in range(3):
            for k in rng.sample(range(files), min(2, files)):
                case.write(f"{k:02d}.json", rng.randrange(1, 60), half=rng.random() < 0.5)
            if rng.random() < 0.7:
                case.write(f"{files:02d}.json", rng.randrange(1, 60))
                files += 1
            case.finish()
            wait_for("all rows that are whole", case.is_told)
        job.send_signal(signal.SIGKILL if round < 3 else signal.SIGTERM)
        assert job.wait(60 * SLOW) == (-signal.SIGKILL if round < 3 else 0), job.stderr.read()[-500:]
    case.check_totals()
    half = len(case.rows)
    case.write("00.json", 1, half=True)
    assert "half" and case.half, "the last row is whole"
    case.run("--once")
    assert sum(k[1] for k in case.totals()) == half, "a row that is not whole was read"
    case.finish()
    case.run("--once")
    case.check_totals()
    assert case.check_windows() > 20


def only_what_is_new():
    """--once runs over files: each reads what is new, and all together tell what one run over everything does"""
    for name, options in (("watched", WATCHED), ("ended", "")):
        case, seen = Input(name, options, windows=False), 0
        for round in range(6):
            for _ in range(rng.randrange(1, 3)):
                case.write(f"{rng.randrange(6):02d}.json", rng.randrange(1, 40))
            done = case.run("--once")
            assert f"done, {len(case.rows) - seen} rows in," in done.stderr, done.stderr
            seen = len(case.rows)
            case.check_totals()
        done = case.run("--once")
        assert "done, 0 rows in," in done.stderr, done.stderr


def windows_go_on():
    """windows of a watched table are closed by the watermark, not by the end of a --once run"""
    case = Input("windows-go-on", WATCHED)
    case.write("00.json", 190)
    case.run("--once")
    assert not case.lines("windows")
    with open(case.cwd / "in" / "01.json", "w") as f:
        f.write(json.dumps({"id": 190, "g": 1, "ts": "2025-01-02 00:00:00"}) + "\n")
    done = case.run("--once")
    assert "0 late" in done.stderr, done.stderr
    assert sum(r["n"] for r in case.lines("windows")) == 190


def none_yet():
    """a job may begin before the first file is there, if it watches; else it says that there is none"""
    case, ended = Input("none-yet", WATCHED, windows=False), Input("none-ever", "", windows=False)
    assert "done, 0 rows in," in case.run("--once").stderr
    job = start_program(case.cwd, "run", "--job", "j", "-s", "epoch.interval=0", "j.sql")
    wait_for("the job", lambda: (case.cwd / ".sparklet").exists())
    case.write("00.json", 30)
    wait_for("all rows", case.is_told)
    job.send_signal(signal.SIGTERM)
    assert job.wait(60 * SLOW) == 0, job.stderr.read()[-500:]
    case.check_totals()
    assert "no file matches 'in/*.json'" in sparklet(ended.cwd, "run", "j.sql", expect=1).stderr


def wrong_interval():
    """an interval that is none is refused, with its place"""
    case = Input("wrong", ", 'source.monitor-interval' = 'soon'")
    done = sparklet(case.cwd, "check", "j.sql", expect=2)
    assert "'source.monitor-interval' = 'soon' is not a time" in done.stderr and "j.sql:2:" in done.stderr and "'10 s'" in done.stderr, done.stderr


def sizes_that_change():
    """a job goes on whichever of its tables has grown: the order of its joins does not depend on that"""
    cwd = folder("sizes")
    (cwd / "in").mkdir()
    tables = "".join(f"CREATE TABLE {t} (id bigint, k bigint) WITH ('connector' = 'filesystem', 'path' = 'in/{t}.json', 'format' = 'json'{WATCHED});\n" for t in "abc")
    join = "SELECT a.id, b.k AS b, c.k AS c FROM a JOIN b ON a.id = b.id JOIN c ON a.id = c.id"
    (cwd / "j.sql").write_text(f"{tables}CREATE SINK s WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'json') AS {join};\n")
    counts = dict.fromkeys("abc", 0)
    for large, rows in zip("acb", (100, 2000, 20000)):
        for t in "abc":
            with open(cwd / "in" / f"{t}.json", "a") as f:
                for id in range(counts[t], counts[t] + (rows if t == large else 3)):
                    f.write(json.dumps({"id": id, "k": rng.randrange(10)}) + "\n")
                    counts[t] += 1
        sparklet(cwd, "run", "--once", "--job", "j", "-s", "epoch.interval=0", "j.sql")
        want = sparklet(cwd, "sql", "--format", "json", "-c", tables.replace(WATCHED, "") + join).stdout.splitlines()
        got = [line for p in (cwd / "out").glob("*.json") for line in p.read_text().splitlines()]
        assert Counter(got) == Counter(want), differ(Counter(got), Counter(want))


main(follows, only_what_is_new, none_yet, windows_go_on, wrong_interval, sizes_that_change)
