#!/usr/bin/env python3
"""The installed package: C programs built by pkg-config, and a Python process that takes a result as it lies in memory."""
import ctypes, json, os, pathlib, subprocess, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import TMP, main

SRC = pathlib.Path(os.environ["SPARKLET_SRC"])
BUILD = os.environ["SPARKLET_BUILD"]
PREFIX = TMP / "prefix"


def sh(*command, cwd=SRC, **env):
    p = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env={**os.environ, **env}, timeout=300)
    assert p.returncode == 0, f"{' '.join(map(str, command))}\n{p.stdout[-800:]}{p.stderr[-1500:]}"
    return p.stdout


def beside_examples(name):
    """a folder to work in, from which the examples' files are found"""
    work = TMP / name
    work.mkdir()
    (work / "examples").symlink_to(SRC / "examples")
    return work


def compile_and_run(name, *arguments, cwd=SRC):
    out = TMP / name
    flags = sh("pkg-config", "--cflags", "--libs", "sparklet", PKG_CONFIG_PATH=str(PREFIX / "lib" / "pkgconfig")).split()
    sh("cc", "-std=gnu17", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-o", str(out), f"examples/c/{name}.c", *flags, f"-Wl,-rpath,{PREFIX}/lib")
    return sh(str(out), *arguments, cwd=cwd)


def installs():
    """make install puts program, library, headers and pkg-config file into place"""
    sh("make", "--no-print-directory", "install", f"PREFIX={PREFIX}", f"BUILD={os.path.relpath(BUILD, SRC)}", "LIBDIR=" + str(PREFIX / "lib"))
    for file in ("bin/sparklet", "lib/libsparklet.so", "lib/libsparklet.a", "lib/pkgconfig/sparklet.pc", "include/sparklet/frame.h", "include/sparklet/dataset.h"):
        assert (PREFIX / file).exists(), file


def joins_from_c():
    """a short C program reads, joins, aggregates and takes the rows through Arrow"""
    lines = compile_and_run("worst_routes").splitlines()
    assert len(lines) == 5 and lines[0].split() == "ExpressJet Airlines Inc. 666 late, the worst by 379 minutes".split(), lines


def streams_in_c():
    """a stream inside a C program tells of the hours that were closed"""
    lines = compile_and_run("busiest_airports", cwd=beside_examples("stream")).splitlines()
    assert lines == ["epoch  1: 2013-01-02 06:00 EWR, 35 departures", "epoch  2: 2013-01-04 06:00 EWR, 35 departures"], lines


def frames_in_c():
    """ETL with frames: files are read, cleaned and written"""
    target = TMP / "days"
    report = compile_and_run("clean_weather", str(target))
    rows = [json.loads(line) for f in sorted(target.glob("*.json")) for line in f.read_text().splitlines()]
    assert "left_out" in report, report
    assert {r["origin"] for r in rows} == {"EWR", "JFK", "LGA"} and all(r["coldest"] <= r["warmest"] for r in rows), rows[:3]


def guide_compiles():
    """the code of docs/guide.md compiles against the installed headers"""
    import re
    top, inside = [], []
    for block in re.findall(r"^```c\n(.*?)^```", (SRC / "docs/guide.md").read_text(), re.M | re.S):
        for part in block.split("\n\n"):
            (top if re.match(r"#define|static ", part) else inside).append(part)
    assert len(top) >= 4 and len(inside) >= 5, (top, inside)
    known = """
#include <math.h>
#include <sparklet/dataset.h>
#include <sparklet/function.h>
#include <sparklet/stream.h>
#define TAIL(S, FIELD, NESTED, ARRAY) FIELD(S, text, tailnum)
SPK_STRUCT(aircraft, TAIL)
SPK_STRUCT(chain, TAIL)
spk_status tail_of(const void *row, void *out, void *user, spk_error *err);
spk_status find_chains(const void *key, struct spk_rows *rows, struct spk_emitter *out, void *user, spk_error *err);
"""
    (TMP / "guide.c").write_text(known + "\n\n".join(top) + "\nvoid all_of_it(struct spk_session *s, struct spk_frame *frame, char *table, int64_t n);\n"
                                 "void all_of_it(struct spk_session *s, struct spk_frame *frame, char *table, int64_t n)\n{\nspk_error err = { 0 };\n" + "\n".join(inside) + "\n(void)chains;\n}\n")
    flags = sh("pkg-config", "--cflags", "sparklet", PKG_CONFIG_PATH=str(PREFIX / "lib" / "pkgconfig")).split()
    sh("cc", "-std=gnu17", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-c", "-o", str(TMP / "guide.o"), str(TMP / "guide.c"), *flags)


def files_in_sql():
    """ETL in SQL: the rows that it writes are DuckDB's"""
    import duckdb
    work = beside_examples("etl")
    shown = sh(str(PREFIX / "bin" / "sparklet"), "sql", "examples/flights/etl.sql", cwd=work).splitlines()
    wrote = [json.loads(line) for f in sorted((work / ".sparklet/etl/route-week").glob("*.json")) for line in f.read_text().splitlines()]
    data = SRC / "examples" / "data"
    want = duckdb.sql(f"""
        SELECT date_trunc('week', time_hour::timestamptz AT TIME ZONE 'America/New_York')::date::text, origin, coalesce(a.name, dest), count(*), string_agg(DISTINCT carrier, ' ' ORDER BY carrier)
        FROM read_csv('{data}/flights.csv', nullstr = '') AS f LEFT JOIN read_csv('{data}/airports.csv') AS a ON faa = dest
        WHERE dep_time IS NOT NULL AND dep_delay BETWEEN -60 AND 1440 GROUP BY 1, 2, 3 HAVING count(*) >= 7""").fetchall()
    got = [(r["week"], r["origin"], r["destination"], r["flights"], r["carriers"]) for r in wrote]
    assert len(want) > 500 and sorted(got) == sorted(want), (len(got), len(want), sorted(set(got) ^ set(want))[:4])
    assert shown[0] == f"INSERT 0 {len(want)}" and shown[-1] == "(5 rows)", shown


def datasets_in_c():
    """ETL with typed datasets: a loop over each aircraft's flights"""
    out = compile_and_run("delay_chains").splitlines()
    assert out[0].split() == ["tailnum", "|", "flights", "|", "minutes"] and len(out) == 8, out


def python_takes_it_over():
    """pyarrow imports a result from this library's memory: the values lie where they lay"""
    import pyarrow as pa
    lib = ctypes.CDLL(str(PREFIX / "lib" / "libsparklet.so"))
    for name in ("spk_frame_sql", "spk_session_free"):
        getattr(lib, name).restype = ctypes.c_void_p
    session, stream, error = ctypes.c_void_p(), (ctypes.c_char * 64)(), (ctypes.c_char * 4096)()
    assert lib.spk_session_new(ctypes.byref(session), error) == 0
    frame = lib.spk_frame_sql(session, b"SELECT i AS n, i * 0.5::double precision AS half FROM generate_series(1, 3000) AS t (i)")
    assert lib.spk_frame_collect(ctypes.c_void_p(frame), stream, error) == 0, bytes(error)[:300]
    get_next = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(int.from_bytes(bytes(stream)[8:16], "little"))
    get_schema = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(int.from_bytes(bytes(stream)[0:8], "little"))
    array, schema = (ctypes.c_char * 80)(), (ctypes.c_char * 72)()
    assert get_schema(ctypes.addressof(stream), ctypes.addressof(schema)) == 0 and get_next(ctypes.addressof(stream), ctypes.addressof(array)) == 0
    child = ctypes.cast(int.from_bytes(bytes(array)[48:56], "little"), ctypes.POINTER(ctypes.c_void_p))[0]
    buffers = ctypes.cast(ctypes.c_void_p.from_address(child + 40).value, ctypes.POINTER(ctypes.c_void_p))
    at = buffers[1]
    batch = pa.RecordBatch._import_from_c(ctypes.addressof(array), ctypes.addressof(schema))
    assert batch.num_rows == 3000 and batch.column(0).sum().as_py() == 4501500 and batch.column(1)[2999].as_py() == 1500.0
    assert batch.column(0).buffers()[1].address == at, "the values were copied"
    del batch
    lib.spk_session_free(session)


if os.environ.get("SPARKLET_SANITIZER"):
    print("skipped: an instrumented library cannot be loaded into other programs")
    sys.exit(77)
main(installs, joins_from_c, frames_in_c, streams_in_c, guide_compiles, files_in_sql, datasets_in_c, python_takes_it_over)
