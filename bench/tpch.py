#!/usr/bin/env python3
"""TPC-H from CSV files, beside DuckDB on the same files.

  bench/tpch.py                  all 22 queries at scale 1: every answer compared, then CPU seconds of both in turn
  bench/tpch.py --scale 0.01 --check     answers only
  bench/tpch.py --memory 128MiB  with this budget
  bench/tpch.py q05 q09          only these

The data is made once per scale by tpchgen-cli under ${SPARKLET_CACHE:-~/.cache/sparklet}/tpch. CPU: user and system time of the whole program for
Sparklet; for DuckDB of the call alone, in a process that is warm already. Both read the text on every query, with the same types.
"""
import argparse, json, math, os, pathlib, re, resource, shutil, subprocess, sys, time
from decimal import Decimal

import duckdb

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
CACHE = pathlib.Path(os.environ.get("SPARKLET_CACHE") or pathlib.Path.home() / ".cache" / "sparklet")
QUERIES = sorted(p.stem for p in (HERE / "tpch").glob("q*.sql"))


def data(scale):
    """The folder with the eight files."""
    folder = CACHE / "tpch" / f"sf{scale:g}"
    if not (folder / "lineitem.csv").exists():
        print(f"making TPC-H data at scale {scale:g} in {folder}", file=sys.stderr)
        new = folder.with_name(f"new.{os.getpid()}")
        shutil.rmtree(new, ignore_errors=True)
        tool = pathlib.Path(sys.executable).parent / "tpchgen-cli"
        subprocess.run([tool, "csv", "-s", f"{scale:g}", "--output-dir", new], check=True, stdout=subprocess.DEVNULL)
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)
    return folder


def schema(folder):
    return (HERE / "tpch" / "schema.sql").read_text().replace("@DIR@", str(folder))


def duck(folder):
    """A connection with the tables as views over the files, typed as in schema.sql."""
    db = duckdb.connect(config={"threads": os.cpu_count()})
    for name, columns in re.findall(r"CREATE TABLE (\w+) \((.*?)\)\s+WITH", schema(folder), re.S):
        types = ", ".join(f"'{c.split()[0]}': '{' '.join(c.split()[1:])}'" for c in re.split(r",\s+(?=\w+ )", columns))
        db.sql(f"CREATE VIEW {name} AS FROM read_csv('{folder}/{name}.csv', header = true, auto_detect = false, delim = ',', quote = '\"', columns = {{{types}}})")
    return db


def cpu(who):
    u = resource.getrusage(who)
    return u.ru_utime + u.ru_stime


def run_sparklet(program, folder, query, options):
    text = schema(folder) + (HERE / "tpch" / f"{query}.sql").read_text()
    before, began = cpu(resource.RUSAGE_CHILDREN), time.monotonic()
    p = subprocess.run([program, "sql", "--format", "json", *options, "/dev/stdin"], input=text, capture_output=True, text=True)
    used = cpu(resource.RUSAGE_CHILDREN) - before
    if p.returncode:
        raise RuntimeError(p.stderr.strip()[-600:])
    return [list(json.loads(line, parse_float=Decimal).values()) for line in p.stdout.splitlines()], used, time.monotonic() - began


def run_duckdb(db, query):
    text = (HERE / "tpch" / f"{query}.sql").read_text()
    before, began = cpu(resource.RUSAGE_SELF), time.monotonic()
    rows = db.sql(text).fetchall()
    return [list(r) for r in rows], cpu(resource.RUSAGE_SELF) - before, time.monotonic() - began


def same(a, b):
    """Numbers to 9 digits (DuckDB divides decimals as doubles), the rest exactly."""
    if isinstance(a, (int, float, Decimal)) and isinstance(b, (int, float, Decimal)):
        return math.isclose(float(a), float(b), rel_tol=1e-9, abs_tol=1e-9)
    return str(a) == str(b)


def differ(got, want):
    """None, or where they differ."""
    for n, (a, b) in enumerate(zip(got, want), 1):
        if len(a) != len(b) or not all(map(same, a, b)):
            return f"row {n}: got {a}, want {b}"
    return None if len(got) == len(want) else f"{len(got)} rows, want {len(want)}"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("query", nargs="*", default=QUERIES)
    p.add_argument("--scale", type=float, default=1)
    p.add_argument("--check", action="store_true", help="answers only")
    p.add_argument("--memory", default="1GiB", help="memory.limit")
    p.add_argument("--json", help="results into this file, too")
    p.add_argument("--program", default=str(ROOT / "build" / "sparklet"))
    a = p.parse_args()
    folder, options, wrong, table = data(a.scale), ["-s", f"memory.limit={a.memory}"], 0, []
    db = duck(folder)
    if not a.check:
        print(f"{'query':6} {'rows':>6} {'sparklet':>18} {'duckdb':>18} {'ratio':>6}\n{'':13} {'CPU s':>10} {'wall s':>7} {'CPU s':>10} {'wall s':>7}")
    for query in a.query:
        want, duck_cpu, duck_wall = run_duckdb(db, query)
        try:
            got, used, wall = run_sparklet(a.program, folder, query, options)
            problem = differ(got, want)
        except RuntimeError as e:
            got, used, wall, problem = [], 0, 0, str(e)
        if problem:
            wrong += 1
            print(f"{query:6} WRONG: {problem}", flush=True)
            continue
        table.append({"query": query, "rows": len(got), "cpu_s": used, "wall_s": wall, "duckdb_cpu_s": duck_cpu, "duckdb_wall_s": duck_wall})
        if not a.check:
            print(f"{query:6} {len(got):6} {used:10.2f} {wall:7.2f} {duck_cpu:10.2f} {duck_wall:7.2f} {used / duck_cpu:6.2f}", flush=True)
    if table and not a.check:
        total, duck_total = sum(r["cpu_s"] for r in table), sum(r["duckdb_cpu_s"] for r in table)
        print(f"{'all':6} {'':6} {total:10.2f} {sum(r['wall_s'] for r in table):7.2f} {duck_total:10.2f} {sum(r['duckdb_wall_s'] for r in table):7.2f} {total / duck_total:6.2f}")
    print(f"{len(table)} of {len(a.query)} queries correct at scale {a.scale:g}, memory.limit {a.memory}")
    if a.json:
        pathlib.Path(a.json).write_text(json.dumps(table, indent=1))
    sys.exit(wrong > 0)


main()
