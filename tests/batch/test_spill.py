#!/usr/bin/env python3
"""Every operator over many times memory.limit (ten times with SPARKLET_LONG=1): the answer of the same query over short rows, within the memory, no file left."""
import os, pathlib, re, subprocess, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import BIN, LONG, SLOW, main
from program import environment, folder

CWD = folder("spill")
SPILL = CWD / "spill"
SPILL.mkdir()
LIMIT = 32                                    # MiB: the least there may be
SANITIZED = bool(os.environ.get("SPARKLET_SANITIZER"))
ROWS = 40000 if SANITIZED else 160000
WIDE = (10 if LONG else 3) * LIMIT * (1 << 20) // 160000 // 16  # times 16 bytes of text a row: together so many times the limit


def make_table(name, wide):
    """n, k (few values, in disorder), s (half of the rows have one and the same) and t, whose length modulo 16 is the same however wide it is."""
    text = "0123456789abcdef" * wide
    with open(CWD / name, "w") as out:
        out.write("n,k,s,t\n")
        for base in range(1, ROWS + 1, 500):
            out.writelines(f"{n},{n * 7919 % 10007},{n % 2 * n},{text}x{n}\n" for n in range(base, min(base + 500, ROWS + 1)))


make_table("long.csv", WIDE)
make_table("short.csv", 0)


def run(query, *options):
    """Its answer, and KiB of memory at the most."""
    p = subprocess.Popen([BIN, "sql", "--format", "csv", "-s", f"spill.dir={SPILL}", "-s", "parallelism=2", *options, "-c", query], cwd=CWD, env=environment(), stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
    out, said = p.stdout.read(), p.stderr.read()
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    assert p.returncode == 0, f"{query}\n{said[-2000:]}"
    return out, usage.ru_maxrss


IDLE = run("SELECT 1")[1]


def check(*queries, beside=20):
    """Each query over long rows and little memory, and over short rows and enough. R: all rows, O: most of them, F: few. beside: MiB that are not counted, most of them what
    malloc keeps of what was given back (up to 16, see cli/main.c)."""
    for query in queries:
        for name, text in (("R", "'FILE' r"), ("O", "(SELECT * FROM 'FILE' WHERE n > 40000) o"), ("F", "(SELECT * FROM 'FILE' WHERE n <= 20) f")):
            query = re.sub(rf"\b{name}\b", text, query)
        want, _ = run(query.replace("FILE", "short.csv"))
        got, most = run(query.replace("FILE", "long.csv"), "-s", f"memory.limit={LIMIT}MiB")
        assert got == want, f"{query}\n  got  {got}\n  want {want}"
        assert list(SPILL.iterdir()) == [], query
        if not SANITIZED:
            assert most - IDLE < LIMIT * 1024 * 1.1 + beside * 1024, f"{query}\n  {most} KiB, {IDLE} of them without a query"


def sorts():
    """ORDER BY, with OFFSET, with LIMIT"""
    check("SELECT count(*), sum(n * (n % 7)), sum(length(t) % 16) FROM (SELECT n, t FROM R ORDER BY k, n OFFSET 60000) q",
          "SELECT count(*), sum(n * (n % 7)), sum(length(t) % 16) FROM (SELECT n, t FROM R ORDER BY t DESC LIMIT 16000 OFFSET 300) q")


def aggregates():
    """GROUP BY with few and with many groups, count(DISTINCT), string_agg, array_agg"""
    check("SELECT sum(a * (k + 1)), sum(b % 16), sum(c) FROM (SELECT k % 10 AS k, count(DISTINCT t) AS a, length(max(t)) AS b, sum(n) AS c FROM R GROUP BY 1) q",
          "SELECT count(*), sum(a), sum(length(t) % 16) FROM (SELECT t, sum(n) AS a, count(*) AS c FROM R GROUP BY t) q",
          "SELECT count(*), sum(length(a) % 16), sum(c) FROM (SELECT string_agg(t, '' ORDER BY n) AS a, count(*) AS c FROM R GROUP BY n / 250) q",
          "SELECT count(*), sum(cardinality(a) * g), sum(length(a[3]) % 16) FROM (SELECT n / 250 AS g, array_agg(t) AS a FROM R GROUP BY 1) q")


def sets():
    """DISTINCT, UNION, INTERSECT, EXCEPT"""
    check("SELECT count(*), sum(n), sum(length(t) % 16) FROM (SELECT DISTINCT n, t FROM R) q",
          *(f"SELECT count(*), sum(n), sum(length(t) % 16) FROM (SELECT n, t FROM R {how} SELECT n, t FROM O) q" for how in (("UNION", "INTERSECT", "EXCEPT", "EXCEPT ALL") if LONG else ("UNION", "EXCEPT ALL"))))


def joins():
    """all kinds of joins by all strategies, also with one giant key"""
    digest = "SELECT count(*), sum(r.n % 1009), sum(o.n % 1013), sum(length(r.t) % 16), sum(length(o.t) % 16) FROM "
    for hint in ("shuffle_hash(o)", "merge(o)"):
        check(*(f"SELECT /*+ {hint} */" + digest[6:] + f"R {how} JOIN O ON r.n = o.n" for how in (("INNER", "LEFT", "RIGHT", "FULL") if LONG else ("INNER", "FULL"))))
    check("SELECT /*+ broadcast(r) */" + digest[6:] + "R JOIN O ON r.n = o.n",
          "SELECT count(*), sum(n), sum(length(t) % 16) FROM R WHERE EXISTS (SELECT 1 FROM O WHERE o.n = r.n AND o.t >= r.t)",
          "SELECT count(*), sum(n), sum(length(t) % 16) FROM R WHERE NOT EXISTS (SELECT 1 FROM O WHERE o.n = r.n AND o.t >= r.t)",
          "SELECT count(*), sum(r.n % 1009), sum(length(r.t) % 16), sum(length(f.t) % 16) FROM R JOIN F ON r.n + f.n < 40 AND r.k > f.k")


def skewed_joins():
    """half of the rows have one key"""
    for hint in ("shuffle_hash(f)", "shuffle_hash(r)", "merge(f)"):
        check(f"SELECT /*+ {hint} */ count(*), sum(r.n % 1009), sum(f.n), sum(length(r.t) % 16), sum(length(f.t) % 16) FROM R JOIN F ON r.s = f.s")


def windows():
    """one partition of all rows, and many"""
    check("SELECT count(*), sum(n * (a % 1000)), sum(b % 16), sum(c % 16), sum(d) FROM (SELECT n, row_number() OVER w AS a, length(lag(t, 30000) OVER w) AS b, "
          "length(last_value(t) OVER (ORDER BY k, n ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)) AS c, ntile(7) OVER w AS d FROM R WINDOW w AS (ORDER BY k, n)) q",
          "SELECT count(*), sum(a % 1000), sum(b), sum(c % 1000), sum(length(t) % 16) FROM (SELECT t, sum(n) OVER (ORDER BY n RANGE BETWEEN 20000 PRECEDING AND 500 FOLLOWING) AS a, "
          "dense_rank() OVER (ORDER BY n) AS b, sum(k) OVER (ORDER BY n GROUPS BETWEEN 9000 PRECEDING AND 30000 FOLLOWING) AS c FROM R) q",
          "SELECT count(*), sum(n * (a % 1000)), sum(length(t) % 16) FROM (SELECT n, t, sum(n) OVER (PARTITION BY k ORDER BY n) AS a FROM R) q")


def recursive():
    """a recursive query whose rows do not fit, and a WITH query that is used twice"""
    # Every round is a query of its own; what malloc keeps for the threads of each adds up.
    check(f"WITH RECURSIVE w AS (SELECT n, t FROM R WHERE n <= 20000 UNION ALL SELECT n + 20000, t FROM w WHERE n + 20000 <= {ROWS}) SELECT count(*), sum(n), sum(length(t) % 16) FROM w",
          beside=48)
    check("WITH w AS MATERIALIZED (SELECT n, t FROM R) SELECT count(*), sum(a.n), sum(length(b.t) % 16) FROM w a JOIN w b ON a.n = b.n + 1")


main(sorts, aggregates, sets, joins, skewed_joins, windows, recursive)
