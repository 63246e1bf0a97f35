#!/usr/bin/env python3
"""Statistics of ANALYZE for the next process: statistics.dir."""
import pathlib, re, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import main
from program import folder, sparklet

CWD = folder("statistics")


def table(name, rows=3000, fifth=5 / 7):
    """k: 0 in nine of ten rows; d: doubles; t: texts"""
    path = CWD / f"{name}.csv"
    with open(path, "w") as f:
        f.write("k,d,t\n")
        for i in range(rows):
            text = '"the ""usual"" text"' if i % 3 else f"text {i}"
            f.write(f"{i if i % 10 == 0 else 0},{fifth if i == 5 else i / 7},{text}\n")
    return f"'{name}.csv'"


def run(sql, name, *options, cwd=CWD, **how):
    return sparklet(cwd, "sql", "-c", sql, "--format", "csv", "-s", f"statistics.dir={name}", *options, **how)


def expected(query, name, **how):
    """The rows that the scan was expected to give, and what was said."""
    done = run("EXPLAIN ANALYZE " + query, name, **how)
    return int(re.search(r"Scan .*\(expected (\d+)\)", done.stdout)[1]), done.stdout, done.stderr


def files(name):
    return sorted((CWD / name).iterdir())


def kept():
    """what one process found out the next one plans with: counts, common values, histograms, texts"""
    t = table("kept")
    run(f"ANALYZE {t}", "dir/kept")
    assert len(files("dir/kept")) == 1 and files("dir/kept")[0].suffix == ".json"
    for where, rows in (("k = 0", 2701), ("k = 20", 1), ("d < 100", 700), ("t = 'the \"usual\" text'", 2000), ("k IS NULL", 0)):
        query = f"SELECT * FROM {t} WHERE {where}"
        here = run(f"ANALYZE {t}; EXPLAIN ANALYZE {query}", "dir/other").stdout
        got, plan, said = expected(query, "dir/kept")
        assert f"(expected {got})" in here and "out of date" not in plan and said == "", (where, plan, here, said)
        assert rows / 2 - 5 <= got <= rows * 2 + 5, (where, got)
    assert expected(f"SELECT * FROM {t} WHERE k = 0", "dir/none")[0] < 1000
    assert not (CWD / "dir/none").exists()


def elsewhere():
    """a relative path counts from where the program runs; another definition of the same file is another table"""
    t = table("elsewhere", fifth=0.5)
    run(f"ANALYZE {t}", CWD / "dir/elsewhere")
    (CWD / "sub").mkdir()
    absolute = f"'{CWD}/elsewhere.csv'"
    assert expected(f"SELECT * FROM {absolute} WHERE k = 0", CWD / "dir/elsewhere", cwd=CWD / "sub")[0] < 1000  # named otherwise: of other files
    ddl = "CREATE TABLE e (k integer, d double precision, t varchar(99)) WITH ('connector' = 'filesystem', 'path' = 'elsewhere.csv', 'format' = 'csv'); "
    run(ddl + "ANALYZE e", CWD / "dir/elsewhere")
    assert len(files("dir/elsewhere")) == 2
    table("elsewhere", fifth="Infinity")
    run(ddl + "ANALYZE e", CWD / "dir/elsewhere")
    done = run(ddl + "EXPLAIN ANALYZE SELECT * FROM e WHERE k = 0", CWD / "dir/elsewhere")
    assert int(re.search(r"Scan .*\(expected (\d+)\)", done.stdout)[1]) > 2000 and done.stderr == "", done


def stale():
    """files that have changed: said, and not used, until they are analyzed again"""
    t = table("stale")
    query = f"SELECT * FROM {t} WHERE k = 0"
    run(f"ANALYZE {t}", "dir/stale")
    table("stale", 3500)
    got, plan, said = expected(query, "dir/stale")
    assert got < 1000 and "statistics out of date" in plan and "stale.csv" in said and "changed since ANALYZE" in said, (plan, said)
    assert len(re.findall("changed since", run(f"{query} LIMIT 1; {query} LIMIT 1", "dir/stale").stderr)) == 1
    run(f"ANALYZE {t}", "dir/stale")
    got, plan, said = expected(query, "dir/stale")
    assert got > 3000 and "out of date" not in plan and said == "", (plan, said)
    assert len(files("dir/stale")) == 1


def damaged():
    """a file that is not as it was written is named and left alone, whatever byte is another; ANALYZE puts it right"""
    t = table("damaged", 100)
    query = f"SELECT * FROM {t} WHERE k = 0"
    run(f"ANALYZE {t}", "dir/damaged")
    path = files("dir/damaged")[0]
    good = path.read_bytes()
    for bad in (b"", good[:-20], good[:100], good + b"x", b"{}\n" + b"0" * 16 + b"\n", *(good[:i] + bytes([good[i] ^ 1]) + good[i + 1:] for i in range(0, len(good), len(good) // 7))):
        path.write_bytes(bad)
        got, plan, said = expected(query, "dir/damaged")
        assert got < 60 and str(path.name) in said and "not as it was written" in said, (bad[:50], said)
    run(f"ANALYZE {t}", "dir/damaged")
    assert path.read_bytes() == good and expected(query, "dir/damaged")[0] > 80
    newer = good.replace(b'"format": 1', b'"format": 9')
    path.write_bytes(newer)
    assert "not as it was written" in expected(query, "dir/damaged")[2]


def unwritable():
    """ANALYZE says when it cannot keep what it found; the session has it all the same"""
    t = table("unwritable")
    (CWD / "a-file").write_text("")
    done = run(f"ANALYZE {t}", "a-file/dir", expect=1)
    assert "kept for this session only" in done.stderr and "a-file" in done.stderr, done.stderr
    done = run(f"ANALYZE {t}", "dir/full", expect=1, fault="file.write:1")
    assert "kept for this session only" in done.stderr and not any(p.suffix == ".json" for p in files("dir/full")), done.stderr
    assert "damaged" not in run(f"SELECT count(*) FROM {t}", "a-file/dir").stderr


main(kept, elsewhere, stale, damaged, unwritable)
