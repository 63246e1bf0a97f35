#!/usr/bin/env python3
"""A process that is killed while it writes files leaves none that is half: a reader sees nothing, or all rows."""
import pathlib, subprocess, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import BIN, SLOW, main
from program import environment, folder, same, sparklet

CWD = folder("killed")
ROWS = 20000
TABLE = "CREATE TABLE o (i integer, t text) WITH ('connector' = 'filesystem', 'path' = '{}', 'format' = 'csv'); "


def insert(path, fault=None):
    return sparklet(CWD, "sql", "-c", TABLE.format(path) + f"INSERT INTO o SELECT i, repeat('x', 60) || i FROM generate_series(1, {ROWS}) AS g (i)", fault=fault, expect=None)


def each_step():
    """at every write, sync and rename, until none is left"""
    kills = 0
    for point in ("file.write", "file.sync", "file.rename"):
        for n in range(1, 50):
            path = f"out-{point}-{n}"
            done = insert(path, f"{point}:{n}:kill")
            seen = [p for p in (CWD / path).glob("*") if not p.name.startswith(".")]
            rows = sum(len(p.read_text().splitlines()) - 1 for p in seen)
            assert rows == (ROWS if seen else 0), (point, n, rows)
            if done.returncode == 0:
                assert rows == ROWS
                break
            kills += 1
            # The next one clears what is hidden and writes; whole files it leaves alone.
            again = insert(path)
            assert (again.returncode == 0) == (not seen), (point, n, again.stderr)
            assert len([p for p in (CWD / path).glob("epoch-*")]) == 1 and not list((CWD / path).glob(".epoch-*")), list((CWD / path).iterdir())
            # Whoever reads the folder sees what is there.
            if seen:
                same(sparklet(CWD, "sql", "--format", "csv", "-c", f"SELECT count(*), sum(i) FROM '{path}/*.csv'").stdout, f"count,sum\n{ROWS},{ROWS * (ROWS + 1) // 2}\n")
    assert kills >= 6, kills


def not_the_living():
    """the folder of an INSERT that still writes is left alone"""
    sql = TABLE.format("living") + f"INSERT INTO o SELECT i, repeat('x', 60) || i FROM generate_series(1, {ROWS}) AS g (i)"
    p = subprocess.Popen([BIN, "sql", "-c", sql], cwd=CWD, env=environment(SPARKLET_FAULT=f"file.write:2:sleep={5000 * SLOW}"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not list((CWD / "living").glob(".epoch-*")):
        assert p.poll() is None
        time.sleep(0.01)
    done = insert("living")
    assert p.poll() is None, "it was to write still"
    assert done.returncode == 1 and "holds the output of job" in done.stderr, done.stderr
    out, err = p.communicate(timeout=60 * SLOW)
    assert p.returncode == 0, err
    assert sum(len(f.read_text().splitlines()) - 1 for f in (CWD / "living").glob("epoch-*")) == ROWS


main(each_step, not_the_living)
