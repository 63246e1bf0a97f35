#!/usr/bin/env python3
"""WITH RECURSIVE, WITH queries that are computed once and CREATE TABLE AS, where the answer is not all: bounds, memory, jobs, plans."""
import pathlib, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import main
from program import folder, same, sparklet

CWD = folder("recursive")
COUNT = "WITH RECURSIVE t (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < {}) SELECT count(*), sum(n) FROM t"


def csv(query, *options, **how):
    return sparklet(CWD, "sql", "--format", "csv", *options, "-c", query, **how)


def rounds_are_bounded():
    """a query that does not end fails after recursion.max rounds, and says where"""
    same(csv(COUNT.format(50), "-s", "recursion.max=50").stdout, "count,sum\n50,1275\n")
    error = csv(COUNT.format(52), "-s", "recursion.max=50", expect=1).stderr
    assert "has not ended after 50 rounds and 51 rows" in error and "recursion.max" in error and ":16: error" in error, error


def wide_rounds():
    """rounds of many batches; what does not depend on the round is read once"""
    (CWD / "edge.csv").write_text("src,dst\n" + "".join(f"{i},{i * 2 % 20011}\n{i},{(i * 7 + 3) % 20011}\n" for i in range(20011)))
    reach = "WITH RECURSIVE r (id) AS (SELECT 1::bigint UNION SELECT dst FROM 'edge.csv' AS e JOIN r ON e.src = r.id) SELECT count(*), sum(id) FROM r"
    want, todo = {1}, [1]
    while todo:
        i = todo.pop()
        for d in (i * 2 % 20011, (i * 7 + 3) % 20011):
            if d not in want:
                want.add(d)
                todo.append(d)
    for options in ([], ["-s", "batch.rows=64"], ["-s", "parallelism=5"]):
        same(csv(reach, *options).stdout, f"count,sum\n{len(want)},{sum(want)}\n")


def little_memory():
    """rows of the rounds go to disk, and the keys of UNION"""
    wide = ("WITH RECURSIVE t (n, s) AS (SELECT 1, repeat('x', 200) UNION ALL SELECT n + 1, s FROM t WHERE n < 5) "
            "SELECT count(*), sum(length(s || g)) FROM t, generate_series(1, 40000) AS g")
    same(csv(wide, "-s", "memory.limit=64MiB").stdout, f"count,sum\n200000,{5 * sum(200 + len(str(g)) for g in range(1, 40001))}\n")
    many = "WITH RECURSIVE t (n) AS (SELECT g FROM generate_series(1, 1500000) AS g UNION SELECT n FROM t) SELECT count(*), sum(n) FROM t"
    same(csv(many, "-s", "memory.limit=32MiB").stdout, "count,sum\n1500000,1125000750000\n")
    # A chain: many rounds of few rows, whose keys are looked for on disk.
    chain = ("WITH RECURSIVE t (n, s) AS (SELECT g, repeat('x', 90) || g FROM generate_series(1, 200000) AS g UNION SELECT n + 10, s FROM t WHERE n > 199990 AND n < 203000) "
             "SELECT count(*), sum(n), count(DISTINCT s) FROM t")
    same(csv(chain, "-s", "memory.limit=32MiB").stdout, csv(chain).stdout)


def once():
    """a query that must be computed once is, also where the planner sees it in several places"""
    same(csv("WITH q AS (SELECT random() AS r FROM generate_series(1, 1000)) SELECT count(*) FROM q AS x JOIN q AS y USING (r) JOIN q AS z USING (r)").stdout, "count\n1000\n")
    same(csv("WITH q AS MATERIALIZED (SELECT now() AS t) SELECT x.t = y.t AND x.t = now() AS same FROM q AS x, q AS y").stdout, "same\nt\n")


def twice_in_a_script():
    """one statement's rows do not show in the next"""
    same(sparklet(CWD, "sql", "--format", "csv", "-c", ";".join(COUNT.format(n) for n in (3, 4, 3))).stdout, "count,sum\n3,6\ncount,sum\n4,10\ncount,sum\n3,6\n")


def explained():
    """the plan shows a scan of its rows"""
    text = sparklet(CWD, "explain", "-c", COUNT.format(5)).stdout
    assert "with (rows)" in text and "Recursive 1 union all" in text, text


def not_in_a_job():
    """a stream has no rounds: refused, with the reason"""
    (CWD / "job.sql").write_text("CREATE TABLE o (n integer) WITH ('connector' = 'print', 'format' = 'json');\nINSERT INTO o WITH RECURSIVE t (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT n FROM t;\n")
    error = sparklet(CWD, "run", "job.sql", expect=2).stderr
    assert "WITH RECURSIVE cannot be kept up to date over a stream" in error, error


def table_as():
    """CREATE TABLE AS keeps its rows in the session, or writes them where its options say"""
    script = "CREATE TABLE k (n, l) AS SELECT g, ARRAY[g, NULL] FROM generate_series(1, 5000) AS g; CREATE TABLE e AS TABLE k WITH NO DATA; "
    same(csv(script + "SELECT count(*), sum(n), sum(array_length(l, 1)) FROM k; SELECT count(*) FROM e; SELECT count(*) FROM k AS x JOIN k AS y USING (n)").stdout,
         "count,sum,sum\n5000,12502500,10000\ncount\n0\ncount\n5000\n")
    same(csv("SELECT g AS n INTO i FROM generate_series(1, 3) AS g; SELECT sum(n) FROM i").stdout, "sum\n6\n")
    error = csv("CREATE TABLE k AS SELECT 1 AS a; INSERT INTO k VALUES (2)", expect=None)
    assert error.returncode == 2 and 'INSERT INTO "k" is not supported' in error.stderr, error
    csv("CREATE TABLE f WITH ('connector' = 'filesystem', 'path' = 'made', 'format' = 'csv') AS SELECT g AS a FROM generate_series(1, 3) AS g")
    same(csv("SELECT a FROM 'made/*' ORDER BY a").stdout, "a\n1\n2\n3\n")
    done = sparklet(CWD, "sql", "--format", "csv", input="CREATE TABLE z AS SELECT 1 / (g - 2) AS a FROM generate_series(1, 3) AS g;\nSELECT * FROM z;\n", expect=None)
    assert "division by zero" in done.stderr, done.stderr


if __name__ == "__main__":
    main(table_as, rounds_are_bounded, wide_rounds, little_memory, once, twice_in_a_script, explained, not_in_a_job)
