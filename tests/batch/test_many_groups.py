#!/usr/bin/env python3
"""Aggregates with so many groups that partial ones hand rows on as they are: the same answer with any number of tasks and any memory."""
import pathlib, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import main
from program import folder, sparklet

CWD = folder("groups")
QUERY = """SELECT count(*) AS n, sum(c) AS c, sum(s) AS s, max(t) AS t FROM (
  SELECT i % {a} AS a, i % {b} AS b, count(*) AS c, sum(i::decimal(15, 2)) AS s, min('text ' || i) AS t FROM generate_series(1, {rows}) AS g (i) GROUP BY 1, 2) AS x"""


def run(rows, a, b, **settings):
    options = [o for k, v in settings.items() for o in ("-s", f"{k.replace('_', '.')}={v}")]
    return sparklet(CWD, "sql", "--format", "csv", *options, "-c", QUERY.format(rows=rows, a=a, b=b)).stdout.splitlines()[1].split(",")


def any_tasks():
    """any number of tasks gives the same groups"""
    for rows, a, b in ((20000, 7000, 9), (200000, 70000, 900), (200000, 3, 2)):
        want = run(rows, a, b, parallelism=1)
        assert want[1] == str(rows) and want[2] == f"{rows * (rows + 1) // 2}.00", want
        for tasks in (2, 3, 8):
            got = run(rows, a, b, parallelism=tasks)
            assert got == want, (tasks, got, want)


def little_memory():
    """the same with groups on disk"""
    assert run(400000, 390000, 7, memory_limit="32MiB", parallelism=3) == run(400000, 390000, 7, parallelism=1)


main(any_tasks, little_memory)
