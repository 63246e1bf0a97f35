#!/usr/bin/env python3
"""Jobs from files into files, without a broker: exactly once at every fault point, dead letters of committed epochs alone, whose folder it is."""
import json, os, pathlib, random, shutil, subprocess, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import *
from program import folder, sparklet

rng = seed()
ROWS, PARTS = 3000, 3

SQL = """
CREATE TABLE t (id bigint, g bigint, ts timestamp, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = 'in/*.json', 'format' = 'json');
CREATE TABLE plain (id bigint, g bigint) WITH ('connector' = 'filesystem', 'path' = 'plain', 'format' = 'json');
CREATE TABLE windows (w timestamp, g bigint, n bigint, s bigint) WITH ('connector' = 'filesystem', 'path' = 'windows', 'format' = 'json');
CREATE TABLE lines (id bigint) WITH ('connector' = 'print', 'format' = 'json');
INSERT INTO plain SELECT id, g FROM t;
INSERT INTO windows SELECT window_end, g, count(*), sum(id) FROM tumble(t, ts, INTERVAL '10 seconds') GROUP BY g, window_start, window_end;
INSERT INTO lines SELECT id FROM t WHERE id % 1000 = 0;
"""
OPTIONS = ["run", "--job", "j", "-s", "epoch.max.rows=400", "-s", "epoch.interval=0", "-s", "checkpoint.interval=0", "-s", "parallelism=2", "j.sql"]


# A checkpoint waits for the commit before it: without one, an epoch is computed while the last one is committed.
OVERLAPPING = [o.replace("checkpoint.interval=0", "checkpoint.interval=1h") for o in OPTIONS]


def stamp(second):
    return f"2025-01-01 00:{second // 60:02d}:{second % 60:02d}"


class Case:
    """A working folder with input, and what must come of it."""

    def __init__(self, name):
        self.cwd = folder(name)
        (self.cwd / "in").mkdir()
        (self.cwd / "j.sql").write_text(SQL)
        self.plain, self.windows, self.bad = Counter(), {}, Counter()
        parts = [[] for _ in range(PARTS)]
        for i in range(ROWS):
            second, g = i // 20 + rng.randrange(3), rng.randrange(5)
            line = json.dumps({"id": i, "g": g, "ts": stamp(second)})
            if rng.random() < 0.02:
                line = line[:-3]
                self.bad[line] += 1
            else:
                self.plain[(i, g)] += 1
                n, s = self.windows.get((second // 10, g), (0, 0))
                self.windows[(second // 10, g)] = n + 1, s + i
            parts[i % PARTS].append(line)
        for k, part in enumerate(parts):
            (self.cwd / "in" / f"{k}.json").write_text("\n".join(part) + "\n")

    def clean(self):
        for name in ("plain", "windows", ".sparklet"):
            shutil.rmtree(self.cwd / name, ignore_errors=True)

    def run(self, fault=None, options=OPTIONS):
        return sparklet(self.cwd, *options, fault=fault, expect=None)

    def lines(self, pattern):
        return [line for p in sorted(self.cwd.glob(pattern)) for line in p.read_text().splitlines()]

    def check(self):
        plain = Counter((r["id"], r["g"]) for r in map(json.loads, self.lines("plain/*.json")))
        assert plain == self.plain, differ(plain, self.plain)
        windows = Counter((r["w"], r["g"], r["n"], r["s"]) for r in map(json.loads, self.lines("windows/*.json")))
        want = Counter((stamp(10 * w + 10), g, n, s) for (w, g), (n, s) in self.windows.items())
        assert windows == want, differ(windows, want)
        bad = Counter(json.loads(line)["raw"] for line in self.lines(".sparklet/j/dlq/epoch-*.jsonl"))
        assert bad == self.bad, differ(bad, self.bad)
        hidden = [p.name for d in ("plain", "windows", ".sparklet/j/dlq") for p in (self.cwd / d).glob(".epoch*")]
        assert not hidden, hidden


POINTS = ["epoch.begin", "epoch.computed", "txn.begin", "txn.produced", "txn.record", "txn.commit", "txn.committed", "file.write", "file.sync", "file.rename", "task.start",
          "shuffle.fetch", "state.write", "state.snapshot", "checkpoint.flush", "checkpoint.copy", "checkpoint.manifest", "checkpoint.done", "checkpoint.truncate", "source.read"]


def sweep(case, action, passes):
    for point in POINTS:
        for nth in passes:
            case.clean()
            options = OPTIONS if point.startswith(("checkpoint", "state")) or rng.random() < 0.5 else OVERLAPPING
            code = case.run(f"{point}:{nth}{action}", options).returncode
            if code:
                done = case.run(options=options)
                assert done.returncode == 0, f"{point}:{nth}: started again: {done.stderr[-800:]}"
            try:
                case.check()
            except AssertionError as e:
                raise AssertionError(f"{point}:{nth}{action}, {options[8]}, exit code {code}: {e}")


def failures():
    """a failure at any point, passed over or started again: every row and every dead letter once"""
    sweep(Case("failures"), "", (1, 2, 6))


def kills():
    """a SIGKILL at any point: the same"""
    sweep(Case("kills"), ":kill", (1, 2, 6))


def lasting_failures():
    """a write that fails ten times in a row is tried until it goes through, and written once"""
    case = Case("lasting")
    faults = ",".join(f"txn.record:{n}" for n in range(2, 7))
    done = case.run(faults)
    assert done.returncode == 0, done.stderr[-800:]
    case.check()
    assert Counter(done.stdout.splitlines()) == Counter(f'{{"id":{i}}}' for i, _ in case.plain if i % 1000 == 0), done.stdout


def overlap():
    """an epoch is computed while the one before is being committed, and not written before that has been"""
    case = Case("overlap")
    # The commit of epoch 1 sleeps; the second epoch is computed nevertheless, and there the process dies: nothing is committed.
    assert case.run("txn.record:1:sleep=120000,epoch.computed:2:kill", OVERLAPPING).returncode != 0
    assert records(case.cwd / ".sparklet/j/epochs.log") == []
    assert not list((case.cwd / "plain").glob("epoch-*")), "an uncommitted epoch was shown"
    # The commit of epoch 2 fails with two epochs computed: it is written again, and the third on top of it.
    done = case.run("txn.record:2:sleep=300,txn.commit:4", OVERLAPPING)
    assert done.returncode == 0, done.stderr[-800:]
    case.check()


def stale_dead_letters():
    """dead letters of an epoch that was never committed go, even when the epoch is cut otherwise then"""
    case = Case("stale")
    assert case.run("txn.record:3:kill").returncode != 0
    assert list((case.cwd / ".sparklet/j/dlq").glob(".epoch-*")), "the epoch had dead letters"
    done = sparklet(case.cwd, *[o.replace("=400", "=10") for o in OPTIONS], expect=None)
    assert done.returncode == 0, done.stderr[-800:]
    case.check()


def another_job():
    """a job does not take the folder of another, and says whose it is"""
    case = Case("another")
    sparklet(case.cwd, *OPTIONS)
    before = sorted(p.name for p in (case.cwd / ".sparklet/j/checkpoints").iterdir())
    done = sparklet(case.cwd, "run", "--job", "k", "--dir", ".sparklet/j", "j.sql", expect=1)
    assert 'belongs to job "j"' in done.stderr and "--dir" in done.stderr, done.stderr
    assert before == sorted(p.name for p in (case.cwd / ".sparklet/j/checkpoints").iterdir())


def one_checkpoint_dir():
    """jobs that share checkpoint.dir keep their checkpoints apart"""
    case = Case("shared")
    for job in ("a", "b"):
        for out in ("plain", "windows"):
            shutil.rmtree(case.cwd / out, ignore_errors=True)
        sparklet(case.cwd, "run", "--job", job, "-s", "checkpoint.dir=all", "-s", "checkpoint.interval=0", "-s", "epoch.max.rows=400", "j.sql")
    for job in ("a", "b"):
        assert len(list((case.cwd / "all" / job).glob("checkpoint-*.json"))) >= 2
        sparklet(case.cwd, "checkpoint", job, "verify", "-s", "checkpoint.dir=all")


def foreign_log():
    """an epoch log of another job is refused"""
    case = Case("foreign")
    sparklet(case.cwd, *OPTIONS)
    (case.cwd / ".sparklet/k").mkdir()
    shutil.copy(case.cwd / ".sparklet/j/epochs.log", case.cwd / ".sparklet/k/epochs.log")
    shutil.rmtree(case.cwd / "plain")
    shutil.rmtree(case.cwd / "windows")
    done = sparklet(case.cwd, "run", "--job", "k", "j.sql", expect=1)
    assert "record of job j" in done.stderr, done.stderr


def damaged_files():
    """whatever file of the newest checkpoint has a byte flipped, even one that all checkpoints have alike: an older one is used"""
    case = Case("damaged")
    assert case.run("txn.record:8:kill").returncode != 0
    shutil.copytree(case.cwd, case.cwd.parent / "kept", symlinks=True)
    folder = case.cwd / ".sparklet/j/checkpoints"
    newest = sorted(folder.glob("checkpoint-*.json"))[-1]
    epoch = int(newest.stem.split("-")[1])
    named = json.loads(newest.read_text().rsplit("\n", 2)[0])["files"]
    for name in [f["hash"] + ("" if f["name"].endswith((".sst", ".image")) else f"-{epoch}") for f in named if f["size"] > 0]:
        shutil.rmtree(case.cwd)
        shutil.copytree(case.cwd.parent / "kept", case.cwd, symlinks=True)
        data = bytearray((folder / "files" / name).read_bytes())
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        (folder / "files" / name).write_bytes(data)
        done = case.run()
        assert done.returncode == 0, f"{name}: {done.stderr[-800:]}"
        assert f"refused: checkpoint of epoch {epoch}" in done.stderr, f"{name}: {done.stderr}"
        case.check()


def outputs(cwd):
    """Names and bytes of all that a job wrote, dead letters too."""
    return {str(p.relative_to(cwd)): p.read_bytes() for d in ("plain", "windows", ".sparklet/j/dlq") for p in sorted((cwd / d).glob("epoch-*"))}


def late_rows(case):
    """Rows far behind the others, in every part: what is late of them depends on watermarks, which a restart must not forget."""
    for part in (case.cwd / "in").iterdir():
        lines = part.read_text().splitlines()
        for i in range(len(lines) // 2, len(lines), 25):
            lines.insert(i, json.dumps({"id": 10_000_000 + i, "g": 0, "ts": stamp(rng.randrange(40))}))
        part.write_text("\n".join(lines) + "\n")


def same_bytes():
    """killed in any epoch and started again a job writes the same bytes in the same epochs, late rows and windows included"""
    case = Case("bytes")
    late_rows(case)
    done = case.run()
    assert done.returncode == 0, done.stderr
    want = outputs(case.cwd)
    assert any(b'"late":true' in data for name, data in want.items() if "dlq" in name), "no late rows"
    for epoch in range(1, 9):
        case.clean()
        assert case.run(f"txn.begin:{epoch}:kill").returncode != 0, f"it has no {epoch} epochs"
        for options in ([], ["-s", "parallelism=3"]):
            done = sparklet(case.cwd, *OPTIONS[:-1], *options, "j.sql", expect=None)
            assert done.returncode == 0, done.stderr[-800:]
        got = outputs(case.cwd)
        assert got == want, f"killed in epoch {epoch}: {[k for k in {*got, *want} if got.get(k) != want.get(k)]}"


def drawn_again():
    """random() and gen_random_uuid() give other values for every row, and the same ones when an epoch is computed again: a job that uses them can be killed"""
    case = Case("drawn")
    (case.cwd / "j.sql").write_text("""
CREATE TABLE t (id bigint, g bigint) WITH ('connector' = 'filesystem', 'path' = 'in/*.json', 'format' = 'json');
CREATE TABLE plain (id bigint, u uuid, r double precision, c text) WITH ('connector' = 'filesystem', 'path' = 'plain', 'format' = 'json');
CREATE TABLE sums (g bigint, r double precision, PRIMARY KEY (g) NOT ENFORCED) WITH ('connector' = 'filesystem', 'path' = 'windows', 'format' = 'debezium-json');
INSERT INTO plain SELECT id, gen_random_uuid(), random(), CASE WHEN id % 3 = 0 THEN gen_random_uuid()::text WHEN id % 3 = 1 THEN random()::text END FROM t;
INSERT INTO sums SELECT g, max(random()) FROM t GROUP BY g;
""")
    for epoch in (3, 6):
        # No checkpoint yet: all epochs before are computed again and compared with their records.
        assert case.run(f"txn.begin:{epoch}:kill", OVERLAPPING).returncode != 0, f"it has no {epoch} epochs"
    done = case.run(options=OVERLAPPING)
    assert done.returncode == 0, done.stderr[-800:]
    rows = [json.loads(line) for line in case.lines("plain/*.json")]
    assert Counter(r["id"] for r in rows) == Counter({i: n for (i, _), n in case.plain.items()})
    uuids = [r["u"] for r in rows] + [r["c"] for r in rows if r["id"] % 3 == 0]
    numbers = [r["r"] for r in rows] + [float(r["c"]) for r in rows if r["id"] % 3 == 1]
    assert len(set(uuids)) == len(uuids) and len(set(numbers)) == len(numbers), "drawn twice"
    assert all(0 <= n < 1 for n in numbers) and 0.4 < sum(numbers) / len(numbers) < 0.6, sum(numbers) / len(numbers)


def drawn_elsewhere():
    """the same of a view that is used twice, of many calls, in batches of other sizes, and when a partition comes that was not there"""
    case = Case("elsewhere")
    many = ", ".join(f"random() AS r{i}" for i in range(40))
    columns = ", ".join(f"r{i} double precision" for i in range(40))
    (case.cwd / "j.sql").write_text(f"""
CREATE TABLE early (id bigint) WITH ('connector' = 'filesystem', 'path' = 'early/*.json', 'format' = 'json');
CREATE TABLE t (id bigint) WITH ('connector' = 'filesystem', 'path' = 'in/*.json', 'format' = 'json');
CREATE VIEW v AS SELECT id, random() AS r, CASE WHEN id % 2 = 0 THEN NULL ELSE random() END AS s FROM (SELECT id FROM early UNION ALL SELECT id FROM t) AS x;
CREATE TABLE plain (id bigint, r double precision, s double precision) WITH ('connector' = 'filesystem', 'path' = 'plain', 'format' = 'json');
CREATE TABLE windows (id bigint, {columns}) WITH ('connector' = 'filesystem', 'path' = 'windows', 'format' = 'json');
INSERT INTO plain SELECT * FROM v WHERE id % 2 = 0;
INSERT INTO plain SELECT * FROM v WHERE id % 2 = 1;
INSERT INTO windows SELECT id, {many} FROM t;
""")
    (case.cwd / "early").mkdir()
    (case.cwd / "early/b.json").write_text('{"id": 5000001}\n')
    assert case.run("txn.begin:4:kill", [*OVERLAPPING[:-1], "-s", "batch.rows=1", "j.sql"]).returncode != 0
    (case.cwd / "early/a.json").write_text('{"id": 5000002}\n')
    done = case.run(options=OVERLAPPING)
    assert done.returncode == 0, done.stderr[-800:]
    rows = [json.loads(line) for line in case.lines("plain/*.json")]
    assert {r["id"] for r in rows} == {i for i, _ in case.plain} | {5000001, 5000002}
    rows = [r for line in case.lines("windows/*.json") for k, r in json.loads(line).items() if k != "id"]
    assert len(rows) == 40 * case.plain.total() and len(set(rows)) == len(rows), "drawn twice"


def closed_on_time():
    """a window closes when the watermark reaches its end, not after it, and a row of it that comes then is late"""
    case = Case("edge")
    for part in (case.cwd / "in").iterdir():
        part.unlink()
    rows = [{"id": i, "g": 0, "ts": stamp(s)} for i, s in enumerate([0, 15, 5, 14, 25])]
    (case.cwd / "in/0.json").write_text("".join(json.dumps(r) + "\n" for r in rows))
    sparklet(case.cwd, *[o.replace("=400", "=1") for o in OPTIONS])
    windows = sorted((int(p.name.split("-")[1]), r["w"], r["n"]) for p in (case.cwd / "windows").glob("*.json") for r in map(json.loads, p.read_text().splitlines()))
    # The end comes with the last row: the final watermark closes what is left.
    assert windows == [(2, stamp(10), 1), (5, stamp(20), 2), (5, stamp(30), 1)], windows
    late = [json.loads(line) for line in case.lines(".sparklet/j/dlq/epoch-*.jsonl")]
    assert [(r["epoch"], r["late"]) for r in late] == [(3, True)], late


def changed_input():
    """a file that was changed where it was read already is found out by the replay, which names it"""
    case = Case("changed")
    assert sparklet(case.cwd, *[o.replace("checkpoint.interval=0", "checkpoint.interval=1h") for o in OPTIONS], fault="txn.begin:4:kill", expect=None).returncode != 0
    part = case.cwd / "in/1.json"
    text = part.read_text()
    part.write_text(text.replace('"g": 1', '"g": 2', 1))
    done = sparklet(case.cwd, *OPTIONS, expect=1)
    assert "in/1.json" in done.stderr and "not the" in done.stderr and "epoch 1" in done.stderr, done.stderr
    # A row less at the end, which no offset tells.
    part.write_text(text[:-30])
    done = sparklet(case.cwd, *OPTIONS, expect=None)
    assert done.returncode in (0, 1), done.stderr
    part.write_text(text)
    shutil.rmtree(case.cwd / ".sparklet")
    for out in ("plain", "windows"):
        shutil.rmtree(case.cwd / out)
    assert case.run().returncode == 0
    case.check()


def killed_often():
    """a job that is killed before it has run for checkpoint.interval takes its checkpoint when it was due, and computes no more each time"""
    case = Case("often")
    options = lambda interval: [o.replace("checkpoint.interval=0", f"checkpoint.interval={interval}") for o in OPTIONS]
    checkpoints = lambda: list((case.cwd / ".sparklet/j/checkpoints").glob("**/checkpoint-*.json"))
    assert case.run("txn.begin:4:kill", options("1h")).returncode != 0
    assert case.run("txn.begin:2:kill", options("1h")).returncode != 0
    assert not checkpoints()
    time.sleep(1)  # the interval: nothing else is waited for
    assert case.run("txn.begin:2:kill", options("1s")).returncode != 0
    assert len(checkpoints()) == 1, checkpoints()
    assert case.run().returncode == 0
    case.check()


def records(log):
    """The epoch log cut into its records: header of 13 bytes, with the body's length at 5, body, hash of 8 bytes."""
    data, out = log.read_bytes(), []
    while data:
        size = 13 + int.from_bytes(data[5:9], "little") + 8
        out.append(data[:size])
        data = data[size:]
    return out


def broken_chain():
    """a log in which a record is missing, twice or in another's place is refused"""
    case = Case("chain")
    assert case.run("txn.begin:7:kill").returncode != 0
    log = case.cwd / ".sparklet/j/epochs.log"
    all = records(log)
    assert len(all) == 6
    for broken in (all[:2] + all[3:], all[:1] + all[2:3] + all[1:2] + all[3:], all[:3] + all[4:5] + all[3:4] + all[5:]):
        log.write_bytes(b"".join(broken))
        done = sparklet(case.cwd, *OPTIONS, expect=1)
        assert "does not follow" in done.stderr, done.stderr
    log.write_bytes(b"".join(all))
    assert case.run().returncode == 0
    case.check()


CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
int clock_gettime(clockid_t id, struct timespec *t)
{
	static int (*real)(clockid_t, struct timespec *);
	if (!real)
		real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	int r = real(id, t);
	if (id == CLOCK_REALTIME)
		t->tv_sec -= 86400;
	return r;
}
"""


def clock_goes_back():
    """a clock that was set back a day: batch time stands still, and the job goes on"""
    case = Case("clock")
    (case.cwd / "clock.c").write_text(CLOCK)
    if os.environ.get("SPARKLET_SANITIZER") or not shutil.which("cc"):
        return
    subprocess.run(["cc", "-shared", "-fPIC", "-o", "clock.so", "clock.c", "-ldl"], cwd=case.cwd, check=True)
    assert case.run("txn.begin:4:kill").returncode != 0
    done = sparklet(case.cwd, *OPTIONS, env={"LD_PRELOAD": str(case.cwd / "clock.so")})
    case.check()
    times = [line.split()[2:4] for line in sparklet(case.cwd, "epochs", "j").stdout.splitlines() if line.startswith("epoch")]
    assert len(times) >= 7 and times == sorted(times) and times[3] == times[-1] == times[2], times


def scratch():
    """what a killed process left is swept, what a living one uses is not, whatever its process number"""
    case = Case("scratch")
    assert case.run("txn.record:3:kill").returncode != 0
    left = [p.name for p in (case.cwd / ".sparklet/j").glob("state.*")]
    assert left, "a killed process leaves its state"
    # Another process, of another container perhaps, holds this one.
    import fcntl
    kept = case.cwd / ".sparklet/j/state.1"
    kept.mkdir()
    (kept / "000001.sst").write_text("x")
    with open(f"{kept}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sparklet(case.cwd, *OPTIONS)
        assert sorted(p.name for p in (case.cwd / ".sparklet/j").glob("state.*")) == ["state.1", "state.1.lock"]
    case.check()


if __name__ == "__main__":
    main(failures, kills, lasting_failures, overlap, stale_dead_letters, another_job, one_checkpoint_dir, foreign_log, damaged_files, same_bytes, drawn_again, drawn_elsewhere, closed_on_time, changed_input, killed_often, broken_chain, clock_goes_back, scratch)
