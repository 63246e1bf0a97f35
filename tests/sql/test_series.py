#!/usr/bin/env python3
"""generate_series makes its values as they are asked for: in little memory, on several tasks, no more than LIMIT wants, known to the optimizer."""
import os, pathlib, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import BIN, SLOW, main
from program import environment, folder, same, sparklet

CWD = folder("series")
MANY = 20_000_000 if SLOW > 1 else 300_000_000


def csv(query, *options, **how):
    return sparklet(CWD, "sql", "--format", "csv", *options, "-c", query, **how).stdout


def usage(query, *options):
    import subprocess
    p = subprocess.Popen([BIN, "sql", "--format", "csv", *options, "-c", query], cwd=CWD, env=environment(), stdout=subprocess.PIPE, text=True)
    out = p.stdout.read()
    _, status, used = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    assert p.returncode == 0, out
    return out, used.ru_maxrss


def little_memory():
    """hundreds of millions of values in the least memory there may be: in FROM, with LATERAL arguments, in a SELECT list"""
    idle = usage("SELECT 1")[1]
    for query, want in ((f"SELECT count(*) FROM generate_series(1, {MANY})", f"count\n{MANY}\n"),
                        (f"SELECT count(*), sum(i) FROM (VALUES ({MANY // 10}), (NULL), (5)) AS t (n), generate_series(1, t.n) AS g (i)",
                         f"count,sum\n{MANY // 10 + 5},{(MANY // 10) * (MANY // 10 + 1) // 2 + 15}\n"),
                        (f"SELECT count(*), max(i) FROM (SELECT generate_series(1, {MANY // 10}::bigint) AS i) AS q", f"count,max\n{MANY // 10},{MANY // 10}\n"),
                        ("SELECT count(*) FROM generate_series('2000-01-01'::timestamp, '2009-01-01', '1 minute')", f"count\n{3288 * 1440 + 1}\n")):
        got, most = usage(query, "-s", "memory.limit=32MiB")
        same(got, want)
        if not os.environ.get("SPARKLET_SANITIZER"):
            assert most - idle < 12 * 1024, f"{query}: {most} KiB, {idle} without a query"


def parts():
    """the parts of several tasks are those of one: values, order, numbers, whatever the step"""
    for arguments in ("1, 7000003", "9000000::bigint, 17, -3", "-5, 16000000, 7", "0.5, 2500000, 0.25", "9223372036850000000, 9223372036854775807"):
        first, *_, step = [a.strip() for a in arguments.split(",")] if arguments.count(",") == 2 else [arguments.split(",")[0], "", "1"]
        text = f"SELECT count(*), min(i), max(i), sum(o), count(*) FILTER (WHERE i = {first} + (o - 1) * {step}) AS right FROM generate_series({arguments}) WITH ORDINALITY AS g (i, o)"
        several = csv(text)
        assert " tasks" in csv("EXPLAIN " + text), text
        rows = several.splitlines()[1].split(",")
        assert rows[0] == rows[4], several
        # OFFSET 0 keeps LIMIT's node: one task.
        one = text.replace("FROM generate_series", "FROM (SELECT * FROM generate_series") + " OFFSET 0) AS h"
        same(several, csv(one))
    same(csv("SELECT count(*) FROM (SELECT i, lag(i) OVER () AS l FROM generate_series(1, 3000000) AS g (i)) q WHERE i = l + 1"), "count\n2999999\n")


def no_more_than_wanted():
    """LIMIT stops it; so does EXISTS; a row at a time"""
    began = time.monotonic()
    same(csv("SELECT i FROM generate_series(1, 9000000000000000000) AS g (i) LIMIT 3"), "i\n1\n2\n3\n")
    same(csv("SELECT generate_series(10, 2000000000) AS i OFFSET 2 LIMIT 2"), "i\n12\n13\n")
    same(csv("SELECT n, i FROM (VALUES (5), (7)) AS t (n), LATERAL (SELECT i FROM generate_series(t.n, 20000) AS g (i) LIMIT 2) AS l"), "n,i\n5,5\n5,6\n7,7\n7,8\n")
    same(csv("SELECT EXISTS (SELECT 1 FROM generate_series(1, 2000000000)) AS e"), "e\nt\n")
    same(csv("SELECT d FROM generate_series('2024-01-31'::timestamptz, 'infinity', '1 month') AS g (d) LIMIT 2"), "d\n2024-01-31 00:00:00+00\n2024-02-29 00:00:00+00\n")
    assert time.monotonic() - began < 10 * SLOW


def side_by_side():
    """beside other sets, shorter and longer, in small batches"""
    query = ("SELECT count(*), count(a), count(b), count(c), sum(a), sum(b), max(o) FROM ROWS FROM (generate_series(1, 5000), unnest(ARRAY[1, 2, 3]), generate_series(20000, 1, -2)) "
             "WITH ORDINALITY AS f (a, b, c, o)")
    for options in ([], ["-s", "batch.rows=1"], ["-s", "batch.rows=7"], ["-s", "batch.rows=1000"]):
        same(csv(query, *options), "count,count,count,count,sum,sum,max\n10000,5000,3,10000,12502500,6,10000\n")
        same(csv("SELECT x, i, o FROM (VALUES (2), (0), (NULL), (1)) AS t (x) LEFT JOIN LATERAL generate_series(1, t.x) WITH ORDINALITY AS g (i, o) ON true", *options),
             "x,i,o\n2,1,1\n2,2,2\n0,,\n,,\n1,1,1\n")


def wrong_ones():
    """a step of zero, too many digits and the end of time are said where they stand, also in the middle"""
    for query, said in (("SELECT * FROM generate_series(1, 5, 0)", "step size cannot equal zero"), ("SELECT generate_series(1, n, n - n) FROM (VALUES (3)) AS t (n)", "step size cannot equal zero"),
                        ("SELECT count(*) FROM generate_series('294246-12-01'::timestamp, 'infinity', '20 days')", "timestamp out of range"),
                        ("SELECT count(*) FROM generate_series('-infinity'::timestamp, '2000-01-01', '20 days')", "a series from infinity"),
                        ("SELECT array_length(s, 1) FROM (SELECT ARRAY(SELECT generate_series(1, 100000000)) AS s) AS q", "memory")):
        error = sparklet(CWD, "sql", "-s", "memory.limit=64MiB", "-c", query, expect=None).stderr
        assert said in error, f"{query}\n{error}"


def known():
    """the optimizer knows how many there are, and between which bounds: the shorter one is kept by the join, whichever side it is on"""
    for a, b in (("1, 10", "1, 90000"), ("1, 90000", "1, 10")):
        plan = csv(f"EXPLAIN SELECT count(*) FROM generate_series({a}) AS x (i) JOIN generate_series({b}) AS y (i) ON x.i = y.i")
        assert ("keeps left" if a == "1, 10" else "keeps right") in plan, plan


main(little_memory, parts, no_more_than_wanted, side_by_side, wrong_ones, known)
