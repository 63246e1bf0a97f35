#!/usr/bin/env python3
"""Files in FROM, against Python's csv module, DuckDB and what a random file was made of; in ranges of any size, compressed or not."""
import csv, gzip, io, json, os, pathlib, random, sys
from decimal import Decimal

import duckdb

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import main
from program import folder, same, sparklet

CWD = folder("files")
SEED = int(os.environ.get("SPARKLET_SEED") or random.SystemRandom().randrange(2**32))
LONG = bool(os.environ.get("SPARKLET_LONG"))
print(f"# seed: {SEED} (SPARKLET_SEED={SEED} repeats it)")


def answers(script, *options, expect=0):
    """The rows of every query of a script, by the `-- name` marks that `query` puts between them."""
    done = sparklet(CWD, "sql", "--format", "json", *options, "/dev/stdin", input=script, expect=expect)
    parts, rows = {}, None
    for line in done.stdout.splitlines():
        row = json.loads(line, parse_float=Decimal)
        if list(row) == ["__mark"]:
            rows = parts.setdefault(row["__mark"], [])
        else:
            rows.append(row)
    return parts


def query(name, text, files_range):
    return f"SET files.range = {files_range};\nSELECT '{name}' AS __mark;\n{text};\n"


# ---- text: what is in fields, whatever stands around them --------------------------------------------------------------------

def field(r):
    """What a field says, None for NULL."""
    kind = r.randrange(12)
    if kind == 0:
        return None
    if kind == 1:
        return ""
    if kind == 2:
        return "x" * r.randrange(3000)
    pieces = ["a", "é", "日本", " ", "NULL", '"', '""', ",", ";", "\n", "\r\n", "1,2\n", '"x","y"\n', "\\", "'", "#", "2024-01-02", "-5"]
    return "".join(r.choice(pieces) for _ in range(r.randrange(1, 8 if kind < 11 else 60)))


def put(r, value, o):
    """Its text; quoted where it must be, and now and then where not."""
    q, null = o["quote"], o["null"]
    if value is None:
        return null
    must = value == null or any(c in value for c in (q, o["delim"], "\n", "\r")) or (o["comment"] and value.startswith(o["comment"]))
    if must or r.random() < 0.2:
        for c in dict.fromkeys((o["escape"], q)):
            value = value.replace(c, o["escape"] + c)
        return q + value + q
    return value


def write(r, name, rows, columns, o):
    """The file, as it may have been written by anybody."""
    eol = r.choice(["\n", "\r\n"])
    lines = [o["delim"].join(columns)] if o["header"] else []
    for row in rows:
        if o["comment"] and r.random() < 0.1:
            lines.append(o["comment"] + r.choice([" a comment", ' with "a quote', "", ",,,,,"]))
        if r.random() < 0.03 and len(columns) > 1:
            lines.append("")
        lines.append(o["delim"].join(put(r, v, o) for v in row))
    # Without a line end behind it, a last row that is nothing is no row.
    text = eol.join(lines) + (eol if lines and (r.random() < 0.7 or not lines[-1]) else "")
    data = (b"\xef\xbb\xbf" if r.random() < 0.2 else b"") + text.encode()
    if o["gzip"]:
        data = gzip.compress(data)
    (CWD / name).write_bytes(data)
    return len(data)


def options(r):
    o = {"delim": r.choice([",", ",", ";", "\t", "|"]), "quote": r.choice(['"', '"', '"', "'"]), "null": r.choice(["", "", "NULL", "\\N"]), "header": r.random() < 0.7,
         "comment": "#" if r.random() < 0.15 else "", "gzip": r.random() < 0.2}
    o["escape"] = "\\" if r.random() < 0.15 else o["quote"]
    return o


def arguments(o):
    def text(s):
        return "'" + s.replace("'", "''") + "'"
    all_ = {"delim": text(o["delim"]), "header": str(o["header"]).lower()}
    if o["quote"] != '"':
        all_["quote"] = text(o["quote"])
    if o["escape"] != o["quote"]:
        all_["escape"] = text(o["escape"])
    if o["null"]:
        all_["null"] = text(o["null"])
    if o["comment"]:
        all_["comment"] = text(o["comment"])
    return ", ".join(f'"{k}" => {v}' for k, v in all_.items())


def random_text():
    """random text files come back as they were made, in ranges of any size, with any options, by all columns or some"""
    r = random.Random(SEED)
    for round_ in range(60 if LONG else 6):
        script, want = "", {}
        for case in range(12):
            columns = [f"c{i}" for i in range(r.choice([1, 2, 3, 3, 5, 20]))]
            rows = [[field(r) for _ in columns] for _ in range(r.choice([0, 1, 5, 60, 300]))]
            o, name = options(r), f"t{case}.csv"
            path = name + (".gz" if o["gzip"] else "")
            size = write(r, path, rows, columns, o)
            kept = sorted(r.sample(range(len(columns)), r.randrange(1, len(columns) + 1)))
            for split in {0, r.randrange(1, size + 2), r.randrange(max(1, size // 40), size + 2)}:
                mark = f"{case}/{split}"
                schema = ", ".join(f"{c} text" for c in columns)
                script += query(mark, f"SELECT {', '.join(columns[k] for k in kept)} FROM read_csv('{path}', {arguments(o)}, schema => '{schema}')", split)
                want[mark] = ([{columns[k]: row[k] for k in kept} for row in rows], o)
        got = answers(script)
        for mark, (rows, o) in want.items():
            assert got[mark] == rows, f"seed {SEED}, round {round_}, {mark}, {o}:\n  got  {str(got[mark])[:800]}\n  want {str(rows)[:800]}"


def python_csv():
    """rows as Python's csv module and DuckDB read them"""
    r = random.Random(SEED + 1)
    o = {"delim": ",", "quote": '"', "escape": '"', "null": "", "header": True, "comment": "", "gzip": False}
    for _ in range(40 if LONG else 5):
        columns = [f"c{i}" for i in range(r.randrange(2, 6))]
        size = write(r, "p.csv", [[field(r) for _ in columns] for _ in range(200)], columns, o)
        with open(CWD / "p.csv", newline="", encoding="utf-8-sig") as f:
            want = [row for row in csv.reader(f) if row][1:]
        schema = ", ".join(f"{c} text" for c in columns)
        got = answers(query("x", f"SELECT * FROM read_csv('p.csv', schema => '{schema}')", r.randrange(1, size)))["x"]
        assert [[v or "" for v in row.values()] for row in got] == want, f"seed {SEED}"
        duck = duckdb.sql(f"SELECT * FROM read_csv('{CWD}/p.csv', header = true, auto_detect = false, delim = ',', quote = '\"', escape = '\"', max_line_size = 10000000, "
                          f"columns = {{{', '.join(f'{c!r}: {chr(39)}VARCHAR{chr(39)}' for c in columns)}}})").fetchall()
        assert [[v or "" for v in row] for row in duck] == want, "DuckDB and Python's csv module differ"


# ---- values: types against DuckDB --------------------------------------------------------------------------------------------

TYPES = {
    "i": ("integer", lambda r: r.randrange(-2**31, 2**31)), "b": ("bigint", lambda r: r.randrange(-2**63, 2**63) >> r.randrange(64)), "s": ("smallint", lambda r: r.randrange(-2**15, 2**15)),
    "d": ("decimal(15,2)", lambda r: f"{r.randrange(-10**13, 10**13) // 10**r.randrange(13)}.{r.randrange(100):02}"), "e": ("decimal(9,4)", lambda r: f"{r.randrange(100000)}" + r.choice(["", ".5", ".0625"])),
    "f": ("double precision", lambda r: r.choice([r.random(), r.randrange(10**6) / 100, r.randrange(10**15), r.random() * 10**r.randrange(-20, 20)])),
    "t": ("text", lambda r: r.choice(["x", "a longer text, with a comma", 'and "quotes"'])), "y": ("date", lambda r: f"{r.randrange(1, 9999):04}-{r.randrange(1, 13):02}-{r.randrange(1, 29):02}"),
    "z": ("timestamp", lambda r: f"{r.randrange(1900, 2100)}-0{r.randrange(1, 10)}-1{r.randrange(10)} {r.randrange(24):02}:{r.randrange(60):02}:{r.randrange(60):02}" + r.choice(["", ".5", ".123456"])),
    "w": ("boolean", lambda r: r.choice(["true", "false", "t", "f"])), "v": ("time", lambda r: f"{r.randrange(24):02}:{r.randrange(60):02}:{r.randrange(60):02}"),
}


def comparable(v):
    if isinstance(v, (float, Decimal)):
        return float(v)
    if isinstance(v, (int, type(None), str)):
        return v
    text = str(v)
    return text.rstrip("0") if "." in text else text


def typed_values():
    """numbers, dates and times as DuckDB reads them"""
    r = random.Random(SEED + 2)
    o = {"delim": ",", "quote": '"', "escape": '"', "null": "", "header": True, "comment": "", "gzip": False}
    for _ in range(30 if LONG else 3):
        names = list(TYPES)
        rows = [[None if r.random() < 0.1 else str(TYPES[n][1](r)) for n in names] for _ in range(3000)]
        size = write(r, "v.csv", rows, names, o)
        schema = ", ".join(f"{n} {TYPES[n][0]}" for n in names)
        duck_types = ", ".join(f"'{n}': '{TYPES[n][0].upper()}'" for n in names)
        want = duckdb.sql(f"SELECT * FROM read_csv('{CWD}/v.csv', header = true, auto_detect = false, delim = ',', quote = '\"', columns = {{{duck_types}}})").fetchall()
        for split in (0, r.randrange(100, size)):
            got = answers(query("x", f"SELECT * FROM read_csv('v.csv', schema => '{schema}')", split))["x"]
            assert len(got) == len(want)
            for a, b in zip(got, want):
                a = [comparable(v) for v in a.values()]
                b = [comparable(v) for v in b]
                assert a == b, f"seed {SEED}:\n  got  {a}\n  want {b}"


def ranges_of_rows_in_quotes():
    """text in quotes that looks like rows, larger than what is looked at around a border: the query is run again, and right"""
    inner = "".join(f"{i},text\n" for i in range(30000))
    (CWD / "q.csv").write_text(f'a,b\n1,"{inner}"\n2,x\n')
    got = answers(query("x", "SELECT a, length(b) AS n FROM read_csv('q.csv') ORDER BY a", 50000) + query("y", "SELECT sum(a) AS s FROM 'q.csv'", 70000))
    assert got == {"x": [{"a": 1, "n": len(inner)}, {"a": 2, "n": 1}], "y": [{"s": 3}]}, got


def names_and_types():
    """headers, types from samples, what is given instead; columns of paths; patterns; CSV and JSON, compressed or not"""
    for year, text in ((2012, "id,day\n1,2012-01-01\n"), (2013, "day,id\n2013-01-01,2\n2013-02-01,x\n")):
        (CWD / f"h/year={year}").mkdir(parents=True)
        (CWD / f"h/year={year}/data.csv.gz").write_bytes(gzip.compress(text.encode()))
    (CWD / "a.json").write_text('[{"k": 1, "o": {"x": [1, 2]}},\n {"k": null}]')
    (CWD / "a.ndjson.gz").write_bytes(gzip.compress(b'{"k": 1.5}\n{"k": 2, "s": "x"}\n'))
    (CWD / "n.csv").write_text("1|x\n2|y\n")
    got = answers("".join(query(name, text, 0) for name, text in {
        "hive": "SELECT * FROM 'h' ORDER BY id", "pattern": "SELECT count(*) AS n FROM 'h/*/*.csv.gz'", "given": "SELECT id, year FROM read_csv('h', types => 'year text') WHERE year = '2012'",
        "array": "SELECT k, o FROM 'a.json'", "lines": "SELECT * FROM 'a.ndjson.gz'", "unnamed": "SELECT * FROM read_csv('n.csv', header => false)",
        "columns": "SELECT * FROM read_csv('n.csv', header => false) AS t (a text, b text)", "schema": "SELECT b FROM read_csv('n.csv', header => 'false', schema => 'a bigint, b text')",
    }.items()))
    assert got["hive"] == [{"id": "1", "day": "2012-01-01", "year": 2012}, {"id": "2", "day": "2013-01-01", "year": 2013}, {"id": "x", "day": "2013-02-01", "year": 2013}], got["hive"]
    assert got["pattern"] == [{"n": 3}] and got["given"] == [{"id": "1", "year": "2012"}], got
    assert got["array"] == [{"k": 1, "o": {"x": [1, 2]}}, {"k": None, "o": None}], got["array"]
    assert got["lines"] == [{"k": Decimal("1.5"), "s": None}, {"k": 2, "s": "x"}], got["lines"]
    assert got["unnamed"] == [{"column1": 1, "column2": "x"}, {"column1": 2, "column2": "y"}], got["unnamed"]
    assert got["columns"] == [{"a": "1", "b": "x"}, {"a": "2", "b": "y"}] and got["schema"] == [{"b": "x"}, {"b": "y"}], got


def wrong(sql, *words, code=1):
    done = sparklet(CWD, "sql", "-c", sql, expect=code)
    for word in words:
        assert word in done.stderr, f"no {word!r} in {done.stderr}"


def mistakes():
    """bad rows with file, line, column, value and cause; options that do not exist; files that are damaged"""
    (CWD / "bad.csv").write_text('a,b,c\n1,2024-01-01,x\n2,"2024-01-01",""\n3,2024-13-01,"y\nz"\n')
    table = "CREATE TABLE t (a integer, b date, c text) WITH ('connector' = 'filesystem', 'path' = 'bad.csv');"
    wrong(table + "SELECT * FROM t", "file 'bad.csv', line 4: column \"b\": found \"2024-13-01\", expected date: date/time field value out of range")
    wrong(table + "SELECT count(*) FROM t WHERE c IS NOT NULL AND b > '2000-01-01'", "bad.csv', line 4")
    (CWD / "bad.csv").write_text('a,b,c\n1,2024-01-01,x\n2,2024-01-01\n')
    wrong(table + "SELECT a FROM t", "line 3: too few fields: expected 3, found 2 in \"2,2024-01-01\"")
    (CWD / "late.csv").write_text("a\n" + "1\n" * 300000 + "x\n")
    wrong("SELECT sum(a) FROM 'late.csv'", "line 300002: column \"a\": found \"x\", expected bigint", "types => 'name text'")
    wrong("SELECT * FROM read_csv('late.csv', heder => true)", 'read_csv has no option "heder"', 'did you mean "header"?', "^^^^^", code=2)
    wrong("SELECT * FROM read_json('late.csv', delim => ',')", 'read_json has no option "delim"', code=2)
    wrong("SELECT * FROM read_csv('late.csv', 'b.csv')", "a file is read by one path", code=2)
    wrong("SELECT * FROM read_csv(header => true)", "the path of a file must not be empty", code=2)
    wrong("SELECT * FROM read_csv('late.csv', header => a)", "a", code=2)
    wrong("SELECT * FROM read_csv('late.csv', header => true, header => false)", "used more than once", code=2)
    wrong("SELECT * FROM 'no/such/*.csv'", "no file matches", code=2)
    whole = gzip.compress(b"a\n" + b"12345\n" * 100000)
    (CWD / "cut.csv.gz").write_bytes(whole[:len(whole) // 2])
    wrong("SELECT sum(a) FROM read_csv('cut.csv.gz', schema => 'a bigint', sample_rows => 1)", "cut.csv.gz' cannot be decompressed: it ends too early")
    (CWD / "x.csv.xz").write_bytes(b"")
    wrong("SELECT * FROM 'x.csv.xz'", "", code=2)


main(random_text, python_csv, typed_values, ranges_of_rows_in_quotes, names_and_types, mistakes)
