#!/usr/bin/env python3
"""Partitions of an exchange: the less memory, the smaller; their sizes are known; the rows are the same however many there are."""
import pathlib, re, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import main
from program import folder, same, sparklet

CWD = folder("partitions")
ROWS = 2100000                                # a series of fewer is made by one task, and what one task has is not exchanged
FIXED = ("-s", "parallelism=2", "-s", "pool.size=2")
GROUPS = f"SELECT i % {ROWS // 2} AS k, count(*) AS n, sum(i * 0.1::double precision) AS d, max('some longer text ' || i) AS m FROM generate_series(1, {ROWS}) AS g (i) GROUP BY 1"
JOIN = (f"SELECT /*+ shuffle_hash(b) */ a.i, b.t FROM (SELECT i, repeat('x', 40) || i AS s FROM generate_series(1, {ROWS // 3}) AS g (i)) AS a "
        f"JOIN (SELECT i, repeat('y', 40) || i AS t FROM generate_series(1, {ROWS}) AS g (i)) AS b ON a.i = b.i WHERE a.s > 'x'")


def run(query, *options):
    return sparklet(CWD, "sql", "--format", "csv", *FIXED, *options, "-c", query).stdout


def tasks(query, *options):
    """Tasks of the stages, as EXPLAIN ANALYZE has them."""
    text = sparklet(CWD, "sql", *FIXED, *options, "-c", "EXPLAIN ANALYZE " + query).stdout
    return [int(m.group(1)) for m in re.finditer(r"^ +\d+ +(\d+) .*[a-zA-Z]$", text.split(" stage  tasks")[1], re.M)], text


def smaller():
    """as many tasks as it takes for one to fit, where nothing else is asked for"""
    for query in (f"SELECT count(*) FROM ({GROUPS}) AS q WHERE m > ''", f"SELECT count(t) FROM ({JOIN}) AS q"):
        much, text = tasks(query, "-s", "memory.limit=2GiB", "-s", "shuffle.target.bytes=0")
        little, _ = tasks(query, "-s", "memory.limit=32MiB", "-s", "shuffle.target.bytes=0")
        assert much[-2] == 2 and little[-2] >= 4, (much, little, text)
        same(run(query, "-s", "memory.limit=32MiB"), run(query, "-s", "memory.limit=2GiB"))
    fixed, _ = tasks(f"SELECT count(*) FROM ({GROUPS}) AS q", "-s", "memory.limit=32MiB", "-s", "shuffle.partitions=3", "-s", "shuffle.target.bytes=0")
    assert fixed[-2] == 3, fixed


def same_rows():
    """sums of doubles and the order of groups do not depend on how many partitions there are"""
    want = run(f"SELECT * FROM ({GROUPS}) AS q LIMIT 1000")
    for options in (("-s", "shuffle.partitions=7"), ("-s", "shuffle.partitions=64"), ("-s", "memory.limit=32MiB")):
        same(run(f"SELECT * FROM ({GROUPS}) AS q LIMIT 1000", *options), want)


def sizes():
    """what every partition holds is known when its stage is complete: small neighbours go to one task, a giant one to several"""
    few, _ = tasks("SELECT i % 10 AS k, count(*) FROM generate_series(1, 1000) AS g (i) GROUP BY 1", "-s", "shuffle.partitions=16")
    assert 1 in few, few
    skewed = (f"SELECT /*+ shuffle_hash(b) */ count(*) FROM (SELECT CASE WHEN i % 10 > 0 THEN 1 ELSE i END AS k, repeat('x', 30) || i AS s FROM generate_series(1, {max(ROWS, 1000000)}) AS g (i)) AS a "
              "JOIN (SELECT i AS k FROM generate_series(1, 200000) AS g (i)) AS b ON a.k = b.k WHERE s > 'x'")
    text = sparklet(CWD, "sql", *FIXED, "-s", "shuffle.partitions=4", "-s", "shuffle.skew.bytes=1MiB", "-s", "shuffle.skew.factor=2", "-c", "EXPLAIN ANALYZE " + skewed).stdout
    assert "split" in text or "partition" in text, text


main(smaller, same_rows, sizes)
