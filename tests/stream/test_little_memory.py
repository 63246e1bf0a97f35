#!/usr/bin/env python3
"""Jobs whose state is larger than what memory.limit leaves for it: the process stays within it, or says that it cannot."""
import json, os, pathlib, subprocess, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import *
from program import environment, folder

JOB = """
CREATE TABLE t (k bigint, v text) WITH ('connector' = 'filesystem', 'path' = 'in/t-*.csv', 'format' = 'csv', 'csv.header' = 'false');
CREATE TABLE o (k bigint, v text, n bigint) WITH ('connector' = 'filesystem', 'path' = 'o', 'format' = 'debezium-json');
INSERT INTO o SELECT k, max(v), count(*) FROM t GROUP BY k;
"""
KEYS, MIB = 300_000, 1 << 20


def text(k, step):
    return f"{(k * 2654435761 + step * 40503) % (1 << 32):08x}" * 30


def make(name):
    """Rows of every key in two rounds, the second over half of the keys in another order."""
    cwd = folder(name)
    (cwd / "in").mkdir()
    (cwd / "j.sql").write_text(JOB)
    with open(cwd / "in/t-0.csv", "w") as f:
        f.writelines(f"{k},{text(k, 0)}\n" for k in range(KEYS))
        f.writelines(f"{k},{text(k, 1)}\n" for k in range(KEYS - 1, 0, -2))
    return cwd


def run(cwd, limit):
    """What it said, and the most that the process had in memory."""
    with open(cwd / "stderr", "w") as err:
        p = subprocess.Popen([BIN, "run", "--once", "--job", "j", "-s", f"memory.limit={limit}", "-s", "epoch.interval=0", "j.sql"], cwd=cwd, env=environment(), stderr=err)
        _, status, usage = os.wait4(p.pid, 0)
    said = (cwd / "stderr").read_text()
    assert status == 0, said[-1500:]
    return said, usage.ru_maxrss * 1024


def check(cwd):
    state = {}
    for p in sorted((cwd / "o").glob("*.json")):
        for line in p.read_text().splitlines():
            change = json.loads(line)
            if change["before"]:
                before = change["before"]
                assert state.pop(before["k"]) == (before["v"], before["n"]), before
            if change["after"]:
                after = change["after"]
                state[after["k"]] = after["v"], after["n"]
    changed = lambda k: k > 0 and (KEYS - 1 - k) % 2 == 0
    for k in range(KEYS):
        want = (max(text(k, 0), text(k, 1)), 2) if changed(k) else (text(k, 0), 1)
        assert state.pop(k) == want, k
    assert not state, state


def stays_within():
    """80 MiB of keys in 128 MiB, of which caches get what is left: the whole process stays within it, by a tenth"""
    cwd = make("within")
    said, most = run(cwd, "128MiB")
    check(cwd)
    print(f"# {most / MIB:.0f} MiB")
    # A sanitizer's memory comes on top.
    if not os.environ.get("SPARKLET_SANITIZER"):
        assert "is not enough" not in said, said
        assert most < 128 * MIB * 1.1, f"{most / MIB:.0f} MiB"


def says_so():
    """with less than libraries and one epoch need it goes on, and says that it takes more"""
    cwd = make("beyond")
    said, _ = run(cwd, "32MiB")
    check(cwd)
    assert said.count("memory.limit = 32MiB is not enough") == 1, said
    assert "raise it, or lower epoch.max.rows" in said, said


main(stays_within, says_so)
