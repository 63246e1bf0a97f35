#!/usr/bin/env python3
"""Several files at once: lists, trees, columns in paths and the files that conditions leave, files of different columns; against what was written."""
import json, os, pathlib, random, re, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import main
from program import folder, sparklet

CWD = folder("file-sets")
SEED = int(os.environ.get("SPARKLET_SEED") or random.SystemRandom().randrange(2**32))
print(f"# seed: {SEED} (SPARKLET_SEED={SEED} repeats it)")
R = random.Random(SEED)


def put(name, text):
    path = CWD / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def rows(text, *options):
    return [json.loads(line) for line in sparklet(CWD, "sql", "--format", "json", *options, "-c", text).stdout.splitlines()]


def fails(text, *parts, code=2, options=()):
    done = sparklet(CWD, "sql", *options, "-c", text, expect=code)
    for part in parts:
        assert part in done.stderr, f"{part!r} is not in {done.stderr}"


def lists():
    """['a.csv', 'b*.csv']: each file once, names with commas and brackets; what is wrong in a list is said where it stands"""
    for n, name in enumerate(["a.csv", "b,1.csv", "b2.csv", "[x].csv"]):
        put(f"lists/{name}", f"n\n{n}\n")
    assert [r["n"] for r in rows("SELECT n FROM read_csv(['lists/b2.csv', 'lists/a.csv']) ORDER BY n")] == [0, 2]
    assert [r["n"] for r in rows("SELECT n FROM read_csv(ARRAY['lists/b*.csv', 'lists/b,1.csv', 'lists/a.csv', 'lists/a.csv']) ORDER BY n")] == [0, 1, 2]
    assert [r["n"] for r in rows("SELECT n FROM 'lists/[x].csv'")] == [3]
    assert [r["n"] for r in rows("WITH f AS (SELECT * FROM read_csv(['lists/' || 'a.csv'], types => 'n numeric(5,1)')) SELECT n FROM f")] == [0.0]
    fails("SELECT * FROM read_csv([])", "1:24: error: a list of files must name one at least")
    fails("SELECT * FROM read_csv(['lists/a.csv', ''])", "1:40: error: the path of a file must not be empty")
    fails("SELECT * FROM read_csv(['lists/a.csv', NULL])", "must not be NULL")
    fails("SELECT * FROM read_csv(['lists/a.csv', 'lists/no.csv'])", "'lists/a.csv, lists/no.csv': cannot read 'lists/no.csv'", code=None)
    fails("SELECT * FROM read_csv('lists/a.csv', 'lists/b2.csv')", "a list reads several files")


def trees():
    """'**' is any number of directories: not hidden ones, no links"""
    names = ["t.csv", "1/a.csv", "1/2/a.csv", "1/2/3/b.csv", "[4]/a.csv", ".h/a.csv", "1/.a.csv", "1/a.json"]
    for n, name in enumerate(names):
        put(f"trees/{name}", f"n\n{n}\n" if name.endswith("csv") else '{"n": 1}\n')
    (CWD / "trees/link").symlink_to(CWD / "trees/1")
    for path, want in (("trees/**/*.csv", [0, 1, 2, 3, 4]), ("trees/**/a.csv", [1, 2, 4]), ("trees/1/**/*.csv", [1, 2, 3]), ("tr*/**/2/*.csv", [2]), ("**/b.csv", [3]), ("trees/1/2/**", [2, 3])):
        assert [r["n"] for r in rows(f"SELECT n FROM '{path}' ORDER BY n")] == want, path
    fails("SELECT * FROM 'trees/**/z.csv'", "no file matches 'trees/**/z.csv'", code=None)
    fails("SELECT * FROM 'trees/**/1/**/a.csv'", "'**' twice", code=None)


def roots():
    """files.root holds for every file of a list and of a pattern, wherever links lead"""
    put("roots/in/a.csv", "n\n1\n")
    put("roots/out/a.csv", "n\n2\n")
    (CWD / "roots/in/link").symlink_to(CWD / "roots/out")
    root = ("-s", f"files.root={CWD}/roots/in")
    assert rows("SELECT n FROM read_csv(['roots/in/a.csv', 'roots/in/*.csv'])", *root) == [{"n": 1}]
    for path in ("['roots/in/a.csv', 'roots/out/a.csv']", "'roots/in/*/a.csv'", "['roots/in/l*/a.csv', 'roots/in/a.csv']", "'roots/in/**/../../out/a.csv'"):
        fails(f"SELECT * FROM read_csv({path})", "outside of files.root", options=root)


def hive(condition, options=()):
    text = f"SELECT count(*) AS n FROM 'hive' WHERE {condition}"
    plan = sparklet(CWD, "explain", "-c", text).stdout
    found = re.search(r"files: (\d+) of (\d+)", plan)
    return rows(text, *options)[0]["n"], found and (int(found.group(1)), int(found.group(2)))


def pruning():
    """Conditions over columns in paths leave files out, EXPLAIN says how many; whatever cannot be known leaves them in"""
    table = []
    for year in (2012, 2013, 2014):
        for month in range(1, 13):
            days = [R.randrange(1, 29) for _ in range(R.randrange(1, 9))]
            put(f"hive/year={year}/month={month:02}/x.csv", "day,kind\n" + "".join(f"{d},{'ab'[d % 2]}\n" for d in days))
            table += [(year, month, d, "ab"[d % 2]) for d in days]

    def check(condition, holds, read):
        want = sum(bool(holds(*row)) for row in table)
        assert hive(condition) == (want, (read, 36)), (condition, hive(condition), want)
        assert rows(f"SELECT count(*) AS n FROM 'hive' WHERE {condition}", "-s", "files.range=20", "-s", "join.runtime-filters=never")[0]["n"] == want

    check("year = 2013 AND month <= 3", lambda y, m, d, k: y == 2013 and m <= 3, 3)
    check("year = 2013 AND (month = 1 OR day > 14)", lambda y, m, d, k: y == 2013 and (m == 1 or d > 14), 12)
    check("month IN (2, 3) AND kind = 'a'", lambda y, m, d, k: m in (2, 3) and k == "a", 6)
    check("year * 100 + month BETWEEN 201311 AND 201402", lambda y, m, d, k: 201311 <= y * 100 + m <= 201402, 4)
    check("year IS NULL", lambda *row: False, 0)
    check("day = month", lambda y, m, d, k: d == m, 36)
    check("year <> 2012 AND day / (month - 1) >= 0 AND month > 1", lambda y, m, d, k: y != 2012 and m > 1, 22)
    check("year = extract(year from now()) - extract(year from now()) + 2014", lambda y, m, d, k: y == 2014, 36)
    assert rows("SELECT max(n) AS n FROM (SELECT year, count(*) AS n FROM 'hive' WHERE year > 2012 GROUP BY year) x JOIN (VALUES (2014)) v(y) ON y = year") == [{"n": sum(r[0] == 2014 for r in table)}]
    # A file that is left out may hold anything; this one is not among those that columns are looked for in.
    put("hive/year=2013/month=06/x.csv", "wrong\nfile\n")
    assert rows("SELECT count(day) AS n FROM 'hive' WHERE year = 2014")[0]["n"] == sum(r[0] == 2014 for r in table)
    fails("SELECT count(day) FROM 'hive' WHERE year = 2013", "hive/year=2013/month=06/x.csv", 'has no column "day"', code=1)


def union():
    """union_by_name: columns of all files, NULL where one lacks them; else an error that names file and column"""
    names = ["a", "b", "c", "d"]
    want = []
    for n in range(6):
        columns = R.sample(names, R.randrange(1, 5))
        values = [{c: R.randrange(100) for c in columns} for _ in range(R.randrange(1, 2000))]
        put(f"union/{n}.csv", ",".join(columns) + "\n" + "".join(",".join(str(v[c]) for c in columns) + "\n" for v in values))
        want += [{"file": n, **v} for v in values]
    put("union/6.csv", "a,b,c,d\n1,2,3,4\n")
    want.append({"file": 6, "a": 1, "b": 2, "c": 3, "d": 4})
    for options in ((), ("-s", "files.range=100")):
        got = rows("SELECT count(*) AS n, count(a) AS a, count(b) AS b, count(c) AS c, count(d) AS d, sum(a) AS sa, sum(b + c) AS sbc FROM read_csv('union', union_by_name => true)", *options)[0]
        assert [got[c] for c in names] == [sum(c in r for r in want) for c in names], got
        assert (got["n"], got["sa"] or 0, got["sbc"] or 0) == (len(want), sum(r.get("a", 0) for r in want), sum(r["b"] + r["c"] for r in want if "b" in r and "c" in r)), got
    put("lacks/1.csv", "a,b\n1,2\n")
    put("lacks/2.csv", "a\n3\n")
    fails("SELECT * FROM 'lacks'", "lacks/2.csv", 'has no column "b"', "union_by_name => true", code=1)
    assert rows("SELECT a, b FROM read_csv('lacks', union_by_name => true) ORDER BY a") == [{"a": 1, "b": 2}, {"a": 3, "b": None}]
    assert rows("SELECT l.a, l.b FROM read_csv('lacks', union_by_name => true) l JOIN (VALUES (2), (5)) v(b) ON v.b = l.b", "-s", "join.runtime-filters=always") == [{"a": 1, "b": 2}]
    sql = "CREATE TABLE t (a int, b int, c text) WITH ('connector' = 'filesystem', 'path' = 'lacks', 'format' = 'csv', 'union.by-name' = 'true'); SELECT * FROM t ORDER BY a"
    assert rows(sql) == [{"a": 1, "b": 2, "c": None}, {"a": 3, "b": None, "c": None}]
    fails(sql.replace("'true'", "'maybe'"), "'union.by-name' = 'maybe'")


def unusual_files():
    """Byte order marks, CRLF, blank lines, empty files and ragged rows"""
    put("odd/a.csv", "\ufeffa,b\r\n1,x\r\n\r\n2,\"y\r\nz\"\r\n")
    put("odd/b.csv", "")
    put("odd/c.csv", "a,b\n")
    put("odd/d.csv", "a,b\n3,w")
    assert rows("SELECT * FROM 'odd' ORDER BY a") == [{"a": 1, "b": "x"}, {"a": 2, "b": "y\r\nz"}, {"a": 3, "b": "w"}]
    put("ragged/a.csv", "a,b\n1,2\n")
    put("ragged/b.csv", "a,b\n1,2\n\n3\n")
    fails("SELECT * FROM 'ragged'", "file 'ragged/b.csv', line 4: too few fields: expected 2, found 1", code=1)


main(lists, trees, roots, pruning, union, unusual_files)
