#!/usr/bin/env python3
"""A process that is killed while it writes files leaves none that is half: a reader sees nothing, or all rows."""
import pathlib, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import main
from program import folder, same, sparklet

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
            # Whoever reads the folder sees what is there.
            if seen:
                same(sparklet(CWD, "sql", "--format", "csv", "-c", f"SELECT count(*), sum(i) FROM '{path}/*.csv'").stdout, f"count,sum\n{ROWS},{ROWS * (ROWS + 1) // 2}\n")
    assert kills >= 6, kills


main(each_step)
