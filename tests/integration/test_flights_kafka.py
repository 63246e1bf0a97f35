#!/usr/bin/env python3
"""examples/flights/delays.sql, the job of `make demo-kafka`, on topics of its own: killed and started again, its results equal DuckDB's."""
import os, pathlib, re, signal, subprocess, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from flights import *
from jobs import BIN, BROKERS, SLOW, TMP, create, differ, main, produce, read, unique

ALL = lines()
OK, LATE, BAD = ([e for e in ALL if e.kind == k] for k in ("ok", "late", "malformed"))
JOB = unique("delays")
TOPICS = {t: unique(t) for t in ("flights", "delays", "carrier-totals")}
ENV = {**os.environ, "BOOTSTRAP": BROKERS}


def example():
    """The example with our topics: the broker is shared."""
    sql = (SRC / "examples/flights/delays.sql").read_text()
    for topic, ours in TOPICS.items():
        assert f"'topic' = '{topic}'" in sql
        sql = sql.replace(f"'topic' = '{topic}'", f"'topic' = '{ours}'")
    path = TMP / "delays.sql"
    path.write_text(sql)
    return str(path)


def sparklet(*arguments, expect=0, env=ENV, dir=TMP / "state"):
    done = subprocess.run([BIN, *arguments, "--dir", str(dir)], env=env, capture_output=True, text=True, timeout=120 * SLOW)
    assert done.returncode == expect, f"exit code {done.returncode}, expected {expect}: {done.stderr}"
    return done


SQL = example()


def runs():
    """killed twice while events come in, stopped by a signal, then run to the end"""
    create(TOPICS["flights"])
    create(TOPICS["delays"], TOPICS["carrier-totals"], partitions=1)
    command = [BIN, "run", "--job", JOB, "--dir", str(TMP / "state"), "-s", "epoch.max.rows=1000", SQL]
    third = len(ALL) // 3 + 1
    in_turn = sorted(ALL, key=lambda e: e.number)
    for i, end in enumerate((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM)):
        job = subprocess.Popen(command, env=ENV, stderr=open(TMP / "run.err", "ab"))
        produce(TOPICS["flights"], [(e.partition, e.raw) for e in in_turn[i * third:(i + 1) * third]])
        time.sleep(0.5 * SLOW)
        job.send_signal(end)
        code = job.wait(30 * SLOW)
        assert code == (-9 if end == signal.SIGKILL else 0), f"exit code {code}: {(TMP / 'run.err').read_text()}"
    done = sparklet("run", "--once", "--job", JOB, SQL)
    assert re.search(r"job \S+: goes on after epoch \d+", done.stderr), done.stderr
    assert "done, 0 rows in, 0 out" in sparklet("run", "--once", "--job", JOB, SQL).stderr


def letters():
    """the dead letters as read by a consumer: (kind, partition, offset) and bytes"""
    out = {}
    for m in read(f"{JOB}.dlq"):
        h = {k: v.decode() for k, v in m.headers()}
        assert h["sparklet.topic"] == TOPICS["flights"] and h["sparklet.table"] == "flight" and h["sparklet.reason"], h
        at = int(h["sparklet.partition"]), int(h["sparklet.offset"])
        assert at not in out, f"dead letter {at} is there twice"
        out[at] = h["sparklet.kind"], m.value()
    return out


def split():
    """Events counted in the hours, and those judged late: which of the late ones are depends on where epochs end."""
    by_place = {(e.partition, e.number - 1): e for e in ALL}  # offsets: one producer, a line each
    late = {at for at, (kind, _) in letters().items() if kind == "late"}
    return [e for at, e in by_place.items() if e.kind != "malformed" and at not in late], [by_place[at] for at in late]


def dead_letters():
    """every damaged event is a dead letter, byte for byte, once; of the others only late ones are"""
    got = letters()
    bad = Counter((p, o, v) for (p, o), (kind, v) in got.items() if kind == "bad")
    want = Counter((e.partition, e.number - 1, e.raw) for e in BAD)
    assert bad == want, differ(bad, want)
    late = split()[1]
    assert {e.kind for e in late} <= {"late"}, "an event that was in time was judged late"
    assert late, "nothing was judged late"


def hours():
    """a row per airport and hour that the watermark has passed, once, equal to DuckDB's"""
    counted = split()[0]
    newest = [max(json.loads(e.raw)["event_time"] for e in OK if e.partition == p) for p in range(4)]
    watermark = duckdb.sql(f"SELECT TIMESTAMP '{min(newest)}' - INTERVAL '10 minutes'").fetchone()[0]
    got, want = Counter(row(m.value(), DELAYS) for m in read(TOPICS["delays"])), want_delays(counted, closed=text(watermark))
    assert got == want, differ(got, want)


def totals():
    """the newest total of every carrier equals DuckDB's, late flights included"""
    state = {}
    for m in read(TOPICS["carrier-totals"]):
        assert json.loads(m.key()) == {"carrier": json.loads(m.value())["carrier"]}
        state[m.key()] = m.value()
    got, want = Counter(row(v, CARRIERS) for v in state.values()), want_carriers(OK + LATE)
    assert got == want, differ(got, want)


def looks():
    """epochs, dlq and checkpoint show it from outside"""
    assert re.search(r"epoch \d+ .*\n  source flight .*\n    \S+/0 ", sparklet("epochs", JOB, "--last", "1").stdout)
    shown = [json.loads(line) for line in sparklet("dlq", JOB, "show").stdout.splitlines()]
    got = {(int(s["partition"].rsplit("/")[-1]), s["position"]): "late" if s["late"] else "bad" for s in shown}
    assert got == {at: kind for at, (kind, _) in letters().items()}
    assert all(s["epoch"] > 0 and s["source"] == "flight" for s in shown), shown[0]
    assert sparklet("dlq", "list", JOB).stdout.splitlines()[-1].startswith(f"{len(got)} dead letters: ")
    assert "ok" in sparklet("checkpoint", JOB, "verify").stdout


def unreachable():
    """a broker that does not answer: exit code 3 when kafka.retry is over, and the address is named"""
    env = {**ENV, "BOOTSTRAP": "127.0.0.1:1"}
    done = sparklet("run", "--job", unique("away"), "-s", "kafka.retry=1s", SQL, expect=3, env=env, dir=TMP / "away")
    assert "127.0.0.1:1" in done.stderr, done.stderr


def unset():
    """a broker's address from a variable that is not set: exit code 2, and the variable is named"""
    env = {k: v for k, v in ENV.items() if k != "BOOTSTRAP"}
    done = sparklet("run", "--job", unique("unset"), SQL, expect=2, env=env, dir=TMP / "unset")
    assert "BOOTSTRAP" in done.stderr, done.stderr


main(runs, dead_letters, hours, totals, looks, unreachable, unset)
