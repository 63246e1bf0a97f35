#!/usr/bin/env python3
"""`sparklet sql` and `sparklet explain`: formats, order of statements, where rows and words go."""
import csv, io, json, pathlib, subprocess, sys
from decimal import Decimal

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import main
from program import folder, same, sparklet, start

CWD = folder("sql")
VALUES = """SELECT 1 AS a, 'x,"y' AS "B b", NULL::text AS c, 1.50::numeric(10, 2) AS d, timestamp '2013-01-01 05:00:00.25' AS e, timestamp '2013-01-01' AS f,
  true AS g, 2.5::double precision AS h, interval '1 day 02:00' AS i, date '2020-02-03' AS j, E'two\\nlines' AS k, 'größe' AS l, 9007199254740993 AS m,
  '' AS n, -0.10 AS o"""


def sql(query, *options, **how):
    return sparklet(CWD, "sql", "-c", query, *options, **how)


def as_json():
    """json: an object a row, keys in order, decimals with their scale, bigint exact, times as text, NULL as null"""
    same(sql(VALUES, "--format", "json").stdout,
         '{"a":1,"B b":"x,\\"y","c":null,"d":1.50,"e":"2013-01-01 05:00:00.25","f":"2013-01-01 00:00:00","g":true,"h":2.5,"i":"1 day 02:00:00",'
         '"j":"2020-02-03","k":"two\\nlines","l":"größe","m":9007199254740993,"n":"","o":-0.10}\n')


def as_csv():
    """csv: a header, quotes where needed, NULL empty, the empty string quoted"""
    text = sql(VALUES, "--format", "csv").stdout
    head, row = list(csv.reader(io.StringIO(text)))
    assert head == "a,B b,c,d,e,f,g,h,i,j,k,l,m,n,o".split(","), head
    assert row == ["1", 'x,"y', "", "1.50", "2013-01-01 05:00:00.25", "2013-01-01 00:00:00", "t", "2.5", "1 day 02:00:00", "2020-02-03", "two\nlines", "größe",
                   "9007199254740993", "", "-0.10"], row
    assert ',,1.50,' in text and ',"",-0.10' in text, text
    same(sql("SELECT 1 AS a WHERE false", "--format", "csv").stdout, "a\n")


def as_table():
    """table: as psql prints it; numbers at the right, names in the middle, no blanks at line ends, characters counted by their width"""
    same(sql("SELECT * FROM (VALUES (1, 'größe', true, NULL), (20000, '日本', false, 1.5)) AS t (number, word, flag, x)").stdout,
         " number | word  | flag |  x  \n"
         "--------+-------+------+-----\n"
         "      1 | größe | t    |    \n"
         "  20000 | 日本  | f    | 1.5\n"
         "(2 rows)\n")
    same(sql("SELECT E'a\\tb\\nc\\x1b[31m' AS k").stdout, "        k        \n-----------------\n a\\tb\\nc\\x1b[31m\n(1 row)\n")
    same(sql("SELECT 1 AS a WHERE false").stdout, " a \n---\n(0 rows)\n")


def long_table():
    """a table that is too long to be measured whole goes on in the widths it has"""
    text = sql("SELECT flight, tailnum, origin, dest, time_hour FROM 'examples/data/flights.csv'").stdout
    lines = text.splitlines()
    assert len(lines) == 27004 + 3 and lines[-1] == "(27004 rows)" and len({len(line) for line in lines[2:-1]}) == 1
    query = " UNION ALL ".join(["SELECT *, 'abcdefghijklmnopqrstuvwxyz' AS w FROM 'examples/data/flights.csv'"] * 3)
    assert sql(query).stdout.endswith("\n(81012 rows)\n")


def script():
    """statements run in order; results are apart from each other; DDL and SET print nothing"""
    (CWD / "s.sql").write_text("-- a comment\nSET parallelism = 2;\nSELECT 1 AS a;\nCREATE VIEW v AS SELECT 2 AS b;\nSELECT b FROM v;\n")
    want = " a \n---\n 1\n(1 row)\n\n b \n---\n 2\n(1 row)\n"
    same(sparklet(CWD, "sql", "s.sql").stdout, want)
    same(sparklet(CWD, "sql", input=(CWD / "s.sql").read_text()).stdout, want)
    same(sparklet(CWD, "sql", "-", "--format", "json", input="SELECT 1 AS a; SELECT 2 AS b").stdout, '{"a":1}\n{"b":2}\n')
    same(sparklet(CWD, "sql", input="").stdout, "")


def mistakes():
    """a mistake in the grammar stops a script before its first statement, one in names at its statement: exit code 2, the place in the file"""
    (CWD / "g.sql").write_text("SELECT 1 AS a;\nSELECT 2 +;\n")
    done = sparklet(CWD, "sql", "g.sql", expect=2)
    assert done.stdout == "" and done.stderr.startswith('g.sql:2:11: error: syntax error at or near ";"\n  2 | SELECT 2 +;\n    |           ^\n'), done.stderr
    (CWD / "m.sql").write_text("SELECT 1 AS a;\nSELECT b;\nSELECT 2 AS never;\n")
    done = sparklet(CWD, "sql", "m.sql", "--format", "json", expect=2)
    assert done.stdout == '{"a":1}\n' and done.stderr.startswith('m.sql:2:8: error: column "b" does not exist\n  2 | SELECT b;\n    |        ^\n'), done.stderr
    assert sparklet(CWD, "sql", input="SELECT b", expect=2).stderr.startswith("stdin:1:8: error: ")
    assert sql("SELECT b", expect=2).stderr.startswith("1:8: error: ")
    assert sql("SELECT 1 AS a; SELECT b", expect=2).stderr.startswith("1:23: error: ")


def in_order():
    """each statement sees what those before it did, and nothing of those behind it: files, settings, tables"""
    done = sql("SET timezone = 'Asia/Tokyo'; SELECT timestamptz '2020-01-01 00:00+00' AS t; SET timezone = 'UTC'; SELECT timestamptz '2020-01-01 00:00+00' AS t;"
               "CREATE TABLE t (n bigint) WITH ('connector' = 'filesystem', 'path' = 'in-order', 'format' = 'csv'); INSERT INTO t VALUES (7); SELECT * FROM 'in-order/*.csv';"
               "DROP TABLE t; CREATE VIEW t AS SELECT 8 AS n; TABLE t", "--format", "json")
    same(done.stdout, '{"t":"2020-01-01 09:00:00+09"}\n{"t":"2020-01-01 00:00:00+00"}\n{"n":7}\n{"n":8}\n')


def as_it_comes():
    """statements on standard input run when their ; is there, and results do not wait for more"""
    p = start(CWD, "sql", "--format", "json", stdin=subprocess.PIPE)
    for n in range(3):
        p.stdin.write(f"SELECT {n}\n AS n;\n")
        p.stdin.flush()
        same(p.stdout.readline(), f'{{"n":{n}}}\n')
    p.stdin.write("SELECT 'the last one needs no semicolon' AS t")
    p.stdin.close()
    assert "the last one" in p.stdout.read() and p.wait(60) == 0


def failures():
    """a query that fails when it runs: exit code 1, rows of earlier statements stay"""
    done = sql("SELECT 1 AS a; SELECT 1 / (flight - flight) FROM 'examples/data/flights.csv'", "--format", "json", expect=1)
    same(done.stdout, '{"a":1}\n')
    assert "division by zero" in done.stderr and done.stderr.count("\n") <= 4, done.stderr


def unbounded():
    """a table without end cannot be queried: exit code 2, and what can be done"""
    done = sql("CREATE TABLE t (a text) WITH ('connector' = 'kafka', 'topic' = 't', 'properties.bootstrap.servers' = '127.0.0.1:1', 'format' = 'json'); SELECT * FROM t", expect=2)
    assert 'table "t" has no end' in done.stderr and "sparklet run" in done.stderr, done.stderr


def insert():
    """INSERT writes final rows; columns not named are NULL; files of another script are not touched"""
    ddl = "CREATE TABLE t (carrier text, n bigint, missing date) WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'csv');\n"
    done = sql(ddl + "INSERT INTO t (n, carrier) SELECT count(*), carrier FROM 'examples/data/flights.csv' GROUP BY carrier;\n"
               "INSERT INTO t VALUES ('ZZ', 1, '2020-01-01');\nSELECT count(*) AS rows, sum(n) AS n, count(missing) AS m FROM t;")
    same(done.stdout, "INSERT 0 16\nINSERT 0 1\n rows |   n   | m \n------+-------+---\n   17 | 27005 | 1\n(1 row)\n")
    assert "holds the output of job" in sql(ddl + "INSERT INTO t VALUES ('YY', 2, NULL)", expect=1).stderr
    same(sql("SELECT count(*) AS n FROM 'out/*.csv'", "--format", "json").stdout, '{"n":17}\n')


def insert_print():
    """INSERT into a print table gives its rows on stdout, in their order"""
    same(sql("CREATE TABLE p (a integer, b text) WITH ('connector' = 'print', 'format' = 'json'); INSERT INTO p VALUES (1, 'x'), (2, NULL); SELECT 3 AS a", "--format", "json").stdout,
         '{"a":1,"b":"x"}\n{"a":2,"b":null}\n{"a":3}\n')


def insert_kafka():
    """INSERT into Kafka is left to jobs"""
    done = sql("CREATE TABLE t (a text) WITH ('connector' = 'kafka', 'topic' = 't', 'properties.bootstrap.servers' = '127.0.0.1:1', 'format' = 'json');\nINSERT INTO t VALUES ('x')", expect=2)
    assert "written by a job" in done.stderr and "sparklet run" in done.stderr, done.stderr


def failed_insert():
    """an INSERT that fails leaves no rows behind"""
    sql("CREATE TABLE t (n integer) WITH ('connector' = 'filesystem', 'path' = 'none', 'format' = 'csv'); INSERT INTO t SELECT 1 / (flight - 1) FROM 'examples/data/flights.csv'", expect=1)
    assert [p.name for p in (CWD / "none").iterdir()] == [".sparklet-job"], list((CWD / "none").iterdir())


def explain():
    """EXPLAIN as rows; the command explain with logical and physical plan, as JSON, and with row counts"""
    rows = [json.loads(line) for line in sql("EXPLAIN SELECT count(*) FROM 'examples/data/flights.csv'", "--format", "json").stdout.splitlines()]
    assert all(list(r) == ["QUERY PLAN"] for r in rows) and any("FinalAggregate" in r["QUERY PLAN"] for r in rows), rows
    assert "rows=27004" in sql("EXPLAIN ANALYZE SELECT count(*) FROM 'examples/data/flights.csv'").stdout
    query = "SELECT origin, avg(dep_delay) FROM 'examples/data/flights.csv' WHERE dest = 'LAX' GROUP BY 1"
    text = sparklet(CWD, "explain", "-c", query).stdout
    assert text.startswith("Logical plan\n") and "\nPhysical plan\n" in text and "Scan #0" in text, text
    plan = json.loads(sparklet(CWD, "explain", "--format", "json", "-c", query).stdout)["plan"]
    assert plan[0]["kind"] == "Scan" and plan[-1]["kind"] == "Collect" and all(i < n["id"] for n in plan for i in n["inputs"]), plan
    analyzed = sparklet(CWD, "explain", "--analyze", "-c", query).stdout
    assert "rows=27004" in analyzed and analyzed.splitlines()[-1].startswith("2 rows in "), analyzed


def adaptive():
    """EXPLAIN ANALYZE says which partitions were read together and which were split; with the switches off nothing is, and the rows are the same"""
    query = ("SELECT /*+ SHUFFLE_HASH(p) */ f.origin, count(*) AS n, sum(p.seats) AS s FROM 'examples/data/flights.csv' f"
             " JOIN 'examples/data/planes.csv' p ON f.tailnum = p.tailnum GROUP BY 1 ORDER BY 1")
    base = "-s", "shuffle.partitions=8", "-s", "files.range=200KiB"
    split = *base, "-s", "shuffle.skew.bytes=1000", "-s", "shuffle.skew.factor=1.01", "-s", "shuffle.target.bytes=100KiB"
    off = *base, "-s", "shuffle.skew.bytes=0", "-s", "shuffle.target.bytes=0"
    assert "adaptive: stage 2: 8 partitions read as 1\n" in sparklet(CWD, "explain", "--analyze", "-c", query, *base).stdout
    analyzed = sparklet(CWD, "explain", "--analyze", "-c", query, *split).stdout
    assert "adaptive: stage 2: skew: partition " in analyzed, analyzed
    assert "adaptive" not in sparklet(CWD, "explain", "--analyze", "-c", query, *off).stdout
    assert len({sql(query, "--format", "csv", *options).stdout for options in (base, split, off)}) == 1


def settings():
    """defaults < --config < environment < SET < -s"""
    (CWD / "zone.conf").write_text("# a comment\ntimezone = Asia/Tokyo\n")
    query = "SELECT timestamptz '2013-07-01 00:00:00+00' AS t"

    def zone(sql_text, *options, env={}):
        return json.loads(sql(sql_text, "--format", "json", *options, env=env).stdout)["t"][-3:]
    file, env, set, s = ("--config", "zone.conf"), {"SPARKLET_TIMEZONE": "America/New_York"}, "SET timezone = 'Europe/Berlin'; ", ("-s", "timezone=Asia/Kolkata")
    assert zone(query) == "+00"
    assert zone(query, *file) == "+09"
    assert zone(query, *file, env=env) == "-04"
    assert zone(set + query, *file, env=env) == "+02"
    assert zone(set + query, *file, *s, env=env) == ":30"
    root = CWD / "examples/data"
    assert "files.root" in sql(f"SET files.root = ''; SELECT count(*) FROM 'zone.conf'", "-s", f"files.root={root}", expect=2).stderr


def tried_again():
    """a task that fails and is tried again gives each row once, in the same order"""
    query = ("SELECT tailnum, flight FROM 'examples/data/flights.csv'", "--format", "csv", "-s", "batch.rows=100", "-s", "retry.backoff=1ms")
    want = sql(*query).stdout
    for point in ("task.start", "task.finish", "shuffle.write", "shuffle.fetch", "source.read"):
        for n in (1, 2, 3):
            same(sql(*query, fault=f"{point}:{n}").stdout, want)


def many_scans():
    """a query reads tables as often as it wants; the tables of a job are told apart by 64 bits, and more are refused"""
    (CWD / "few.csv").write_text("a\n1\n2\n")
    assert sql("SELECT count(*), sum(a) FROM (" + " UNION ALL ".join(f"SELECT a + {i} AS a FROM 'few.csv'" for i in range(100)) + ") x", "--format", "csv").stdout == "count,sum\n200,10200\n"
    text = "CREATE TABLE o (a bigint) WITH ('connector' = 'print');\n" + "".join(f"CREATE TABLE t{i} (a bigint) WITH ('connector' = 'filesystem', 'path' = 'few.csv', 'format' = 'csv');\n" for i in range(65))
    for n, expect in ((64, 0), (65, 1)):
        (CWD / "many.sql").write_text(text + "INSERT INTO o " + " UNION ALL ".join(f"SELECT a FROM t{i}" for i in [*range(n), *range(n)]) + ";\n")
        done = sparklet(CWD, "run", "--once", "--job", f"many{n}", "many.sql", expect=None)
        assert done.returncode != 0 if expect else done.returncode == 0, done.stderr
        assert ("65 tables are read in one job; at most 64 are supported" in done.stderr) == bool(expect), done.stderr


def timeout():
    """statement_timeout ends the query as in PostgreSQL, with -s as with SET"""
    slow = "SELECT count(*) FROM generate_series(1, 4000) a(x), generate_series(1, 4000) b(y), generate_series(1, 4000) c(z) WHERE x + y + z < 0"
    for done in sql(slow, "-s", "statement_timeout=20ms", expect=1), sql("SET statement_timeout = 20; SELECT 1 AS one; " + slow, "--format", "json", expect=1):
        assert "error: canceling statement due to statement timeout\n" in done.stderr, done.stderr
        assert done.stdout in ("", '{"one":1}\n'), done.stdout
    same(sql("SET statement_timeout = '1min'; SHOW statement_timeout", "--format", "csv").stdout, "statement_timeout\n1min\n")


def log():
    """the log goes to stderr or to log.file, as its level says"""
    (CWD / "level.sql").write_text("SET log.level = 'debug';\nSET log.file = 'out.log';\nSELECT 1 AS a;\n")
    assert sparklet(CWD, "sql", "level.sql").stderr == ""
    assert (CWD / "out.log").exists()
    done = sql("SELECT count(*) AS n FROM 'examples/data/flights.csv'", "--format", "json", fault="task.start:1")
    assert done.stderr.count("\n") == 1 and " warn  scheduler " in done.stderr, done.stderr


main(as_json, as_csv, as_table, long_table, script, mistakes, in_order, as_it_comes, failures, unbounded, insert, insert_print, insert_kafka, failed_insert, explain, adaptive, settings, tried_again, many_scans, timeout, log)
