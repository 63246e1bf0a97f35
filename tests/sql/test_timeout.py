#!/usr/bin/env python3
"""statement_timeout counts the whole statement and ends it wherever it is: while it is planned, in one call of a function, in a round of a recursive query."""
import pathlib, signal, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import SLOW, main
from program import folder, same, sparklet, start

CWD = folder("timeout")
SPILL = CWD / "spill"
SPILL.mkdir()
SLOW_MATCH = "'(a|aa)*(a|b)*c|(a*)*d'"

PLANNED = (f"SELECT regexp_count(repeat('aaaaaaaaab', 3000000), {SLOW_MATCH})",
           "SELECT array_length(string_to_array(repeat('a,', 50000000), ','), 1)",
           "EXPLAIN SELECT array_length(string_to_array(repeat('a,', 50000000), ','), 1)")
RUN = (f"SELECT sum(regexp_count(repeat('aaaaaaaaab', i * 100000), {SLOW_MATCH})) FROM generate_series(1, 50) AS g (i)",
       "SELECT sum(length(repeat('abc' || i, 3000000))) FROM generate_series(1, 1000000) AS g (i)",
       "SELECT count(*) FROM (SELECT regexp_split_to_table(repeat('a,b;c' || i, 10000000), '[,;]') FROM generate_series(1, 1000) AS g (i)) AS q",
       "SELECT sum(array_length(string_to_array(repeat('a' || i || ',', 10000000), ','), 1)) FROM generate_series(1, 1000) AS g (i)",
       "SELECT count(*) FROM (SELECT generate_series(1, 9000000000000)) AS q", "SELECT count(*) FROM generate_series(1, 9000000000000)",
       "SELECT count(*) FROM (VALUES (9000000000000)) AS t (n), generate_series(1, t.n)",
       "SELECT ARRAY(SELECT generate_series(1, 300000)) && ARRAY(SELECT generate_series(-300000, -1))",
       "WITH RECURSIVE t (n) AS (SELECT 1 UNION SELECT n + 1 FROM t) SELECT count(*) FROM t",
       "WITH RECURSIVE t (n) AS (SELECT 1::bigint UNION SELECT n + g FROM t, generate_series(1, 1000000) AS g) SELECT count(*) FROM t",
       "CREATE TABLE t AS SELECT i FROM generate_series(1, 9000000000000) AS g (i)")


def ends():
    """by its time, whatever it does, and leaves nothing"""
    for query in (*PLANNED, *RUN):
        began = time.monotonic()
        done = sparklet(CWD, "sql", "-s", "statement_timeout=200ms", "-s", "recursion.max=100000000", "-s", f"spill.dir={SPILL}", "-c", query, expect=1)
        took = time.monotonic() - began
        assert "canceling statement due to statement timeout" in done.stderr, f"{query}\n{done.stderr}"
        assert took < 10 * SLOW, f"{query}: {took} s"
        assert list(SPILL.iterdir()) == [], query


def goes_on():
    """the next statement has a time of its own, also after one that was planned for too long; one in time is not touched"""
    done = sparklet(CWD, "sql", "--format", "csv", "-s", "statement_timeout=1min", "-c", "SELECT regexp_count(repeat('ab', 1000), 'b') AS n; SELECT count(*) FROM generate_series(1, 100000)")
    same(done.stdout, "n\n1000\ncount\n100000\n")
    done = sparklet(CWD, "sql", "--format", "csv", "-c", "SET statement_timeout = 100; SELECT 1 AS one; SET statement_timeout = 0; SELECT count(*) FROM generate_series(1, 3000000) AS g (i) WHERE sqrt(i) > 1")
    same(done.stdout, "one\n1\ncount\n2999999\n")


def interrupted():
    """Ctrl-C ends a query that is being planned, and one call of a function"""
    for query in (PLANNED[0], RUN[0]):
        p = start(CWD, "sql", "-c", query)
        time.sleep(0.5 * SLOW)
        began = time.monotonic()
        p.send_signal(signal.SIGINT)
        out, err = p.communicate(timeout=20 * SLOW)
        assert p.returncode != 0 and time.monotonic() - began < 10 * SLOW, (p.returncode, err)


main(ends, goes_on, interrupted)
