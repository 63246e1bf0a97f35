#!/usr/bin/env python3
"""examples/flights/delays-files.sql, what `make demo` runs: its results equal DuckDB's over the same rows, late and damaged ones left out."""
import base64, json, pathlib, re, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from flights import *
from jobs import differ, main
from program import folder, sparklet

ALL = lines()
OK, LATE = [e for e in ALL if e.kind == "ok"], [e for e in ALL if e.kind == "late"]


def output(cwd, sink):
    """Name and bytes of every file of a sink."""
    return {p.name: p.read_bytes() for p in sorted((cwd / ".sparklet/delays-files" / sink).glob("epoch-*"))}


def output_lines(cwd, sink):
    return [line for data in output(cwd, sink).values() for line in data.splitlines()]


WHOLE = folder("whole")


def runs():
    """the job runs to its end and says how many rows it read, wrote and put aside"""
    done = sparklet(WHOLE, "run", "examples/flights/delays-files.sql")
    assert done.stdout == "", "rows on stdout"
    found = re.search(r"job delays-files: done, (\d+) rows in, (\d+) out, (\d+) late, (\d+) bad, (\d+) epochs in", done.stderr)
    assert found, done.stderr
    rows_in, _, late, bad, epochs = map(int, found.groups())
    assert (rows_in, late, bad) == (len(ALL), len(LATE), len(ALL) - len(OK) - len(LATE)), done.stderr
    assert epochs >= 14, done.stderr


def check_hours(cwd):
    got, want = Counter(row(v, DELAYS) for v in output_lines(cwd, "delays")), want_delays(OK)
    assert got == want, differ(got, want)


def check_totals(cwd):
    state = Counter()
    for line in output_lines(cwd, "carrier-changes"):
        change = json.loads(line, parse_float=Decimal)
        before, after = (change[k] and row(change[k], CARRIERS) for k in ("before", "after"))
        if before:
            assert state[before] > 0, f"taken back, but not there: {before}"
            state[before] -= 1
        if after:
            state[after] += 1
    state, want = +state, want_carriers(OK + LATE)
    assert state == want, differ(state, want)


def check_dead_letters(cwd):
    got = Counter()
    for line in sparklet(cwd, "dlq", "delays-files", "show").stdout.splitlines():
        letter = json.loads(line)
        raw = letter["raw"].encode() if "raw" in letter else base64.b64decode(letter["raw_base64"])
        got[letter["partition"][-8:], letter["position"], raw, "late" if letter["late"] else "malformed"] += 1
    want = Counter((f"{e.partition}.ndjson", e.position, e.raw, e.kind) for e in ALL if e.kind != "ok")
    assert got == want, differ(got, want)


def hours():
    """a row per airport and hour, equal to DuckDB's"""
    check_hours(WHOLE)


def totals():
    """the changes per carrier add up to DuckDB's totals, late flights included; no change takes back what was not there"""
    check_totals(WHOLE)


def dead_letters():
    """late and damaged lines are dead letters, byte for byte, and no others are"""
    check_dead_letters(WHOLE)
    listed = sparklet(WHOLE, "dlq", "list", "delays-files").stdout.splitlines()
    assert listed[-1].startswith(f"{len(ALL) - len(OK)} dead letters: {len(LATE)} late, {len(ALL) - len(OK) - len(LATE)} bad"), listed[-1]


def again():
    """started again, it has nothing to do and changes no file"""
    before = output(WHOLE, "delays"), output(WHOLE, "carrier-changes")
    done = sparklet(WHOLE, "run", "examples/flights/delays-files.sql")
    assert "done, 0 rows in, 0 out" in done.stderr, done.stderr
    assert (output(WHOLE, "delays"), output(WHOLE, "carrier-changes")) == before, "files changed"


def killed():
    """killed at five places and started again: the same result, nothing lost and nothing twice"""
    cwd = folder("killed")
    for fault in ("epoch.computed:3:kill", "txn.committed:2:kill", "file.rename:1:kill", "epoch.begin:4:kill", "file.sync:9:kill"):
        sparklet(cwd, "run", "-s", "checkpoint.interval=0", "examples/flights/delays-files.sql", fault=fault, expect=-9)
    sparklet(cwd, "run", "examples/flights/delays-files.sql")
    check_hours(cwd)
    check_totals(cwd)
    check_dead_letters(cwd)


def report():
    """examples/flights/report.sql reads the result"""
    done = sparklet(WHOLE, "sql", "--format", "json", "examples/flights/report.sql")
    rows = [json.loads(line, parse_float=Decimal) for line in done.stdout.splitlines()]
    delays = [w for w in want_delays(OK) if w[3] - w[4] >= 10]
    assert [r["avg_delay"] for r in rows[:5]] == sorted((w[5] for w in delays), reverse=True)[:5], rows
    assert {r["origin"]: int(r["flights"]) for r in rows[5:]} == dict(Counter(json.loads(e.raw)["origin"] for e in OK)), rows


def looks():
    """check, explain, epochs and checkpoint tell of it"""
    assert sparklet(WHOLE, "check", "examples/flights/delays-files.sql").stdout.count("kept (plan unchanged)") == 2
    assert "WindowAggregate" in sparklet(WHOLE, "explain", "examples/flights/delays-files.sql").stdout
    assert sparklet(WHOLE, "epochs", "delays-files", "--last", "2").stdout.count("\nepoch ") == 1
    assert " ok" in sparklet(WHOLE, "checkpoint", "delays-files", "verify").stdout
    damaged = next((WHOLE / ".sparklet/delays-files/checkpoints/files").iterdir())
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.chmod(0o600)
    damaged.write_bytes(data)
    assert damaged.name in sparklet(WHOLE, "checkpoint", "verify", "delays-files", expect=1).stdout


main(runs, hours, totals, dead_letters, again, killed, report, looks)
