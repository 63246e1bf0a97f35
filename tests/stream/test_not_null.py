#!/usr/bin/env python3
"""NOT NULL columns of what is read: rows that have nothing there are bad ones, in every format, in batch and in jobs; what a changelog does not say is not NULL."""
import json, pathlib, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import *
from program import folder, sparklet

OUT = "CREATE TABLE o (id INT, name TEXT, n BOOLEAN) WITH ('connector' = 'filesystem', 'path' = 'o', 'format' = 'json');\nINSERT INTO o SELECT id, name, id IS NULL FROM t;\n"


def table(columns, form, *options):
    return f"CREATE TABLE t ({columns}) WITH ('connector' = 'filesystem', 'path' = 'in', 'format' = '{form}'{''.join(', ' + o for o in options)});\n"


def written(cwd):
    return sorted(json.dumps(list(json.loads(line).values())) for p in (cwd / "o").glob("*") if p.name[0] != "." for line in p.read_text().splitlines())


def place(name, text):
    cwd = folder(name)
    (cwd / "in").mkdir()
    (cwd / "in/a").write_text(text)
    return cwd


def job(name, text, sql):
    cwd = place(name, text)
    (cwd / "j.sql").write_text(sql)
    sparklet(cwd, "run", "--once", "j.sql")
    return cwd


def letters(cwd):
    """Reasons of the dead letters."""
    return [json.loads(line)["reason"] for line in sparklet(cwd, "dlq", "j", "show").stdout.splitlines()]


def formats():
    """a row without its NOT NULL column is a bad one in csv and json, also where fields that do not fit are NULL; a query names place and way out"""
    for name, form, text, line, *options in (
            ("csv", "csv", "id,name\n1,a\n,b\n3,\n,\n\"\",c\n4,\"d\"\n", "line 3"), ("json", "json", '{"id":1,"name":"a"}\n{"id":null}\n{"id":3,"name":null}\n{"name":"x"}\n{"id":"q"}\n{"id":4,"name":"d"}\n', "line 2"),
            ("kind_csv", "csv", "1,a\nx,b\n3,\n,x\n\"\",x\n4,d\n", "line 2", "'csv.header' = 'false'", "'csv.ignore-parse-errors' = 'true'"),
            ("kind_json", "json", '{"id":1,"name":"a"}\n{"id":"q"}\n{"id":3}\n{"id":[]}\n{}\n{"id":4,"name":"d"}\n', "line 2", "'json.ignore-parse-errors' = 'true'")):
        sql = table("id INT NOT NULL, name TEXT", form, *options)
        cwd = job(name, text, sql + OUT)
        assert written(cwd) == ['[1, "a", false]', "[3, null, false]", '[4, "d", false]'], (name, written(cwd))
        reasons = letters(cwd)
        assert sum('column "id": found NULL' in r for r in reasons) >= 2, reasons
        failed = sparklet(cwd, "sql", "-c", sql + "SELECT count(id) FROM t", expect=1).stderr
        assert line in failed and 'column "id": found NULL' in failed and "NOT NULL" in failed and "declare the column without it" in failed, failed
        # A column that is not read is not looked at, as with all else that may be wrong with it.
        assert sparklet(cwd, "sql", "-c", sql + "SELECT count(name) AS n FROM t", "--format", "csv").stdout.startswith("n\n")


def metadata():
    """what a source knows beside its rows is asked, too: files tell no time of a row"""
    columns = "id INT, at TIMESTAMP NOT NULL METADATA FROM 'timestamp'"
    cwd = job("metadata", '{"id":1}\n', table(columns, "json") + OUT.replace("name", "at").replace("at TEXT", "at TIMESTAMP"))
    assert written(cwd) == [] and 'column "at": found NULL' in letters(cwd)[0]
    assert 'column "at": found NULL' in sparklet(cwd, "sql", "-c", table(columns, "json") + "SELECT at FROM t", expect=1).stderr


def sieved():
    """a key that is NULL is found where a join asks only for rows that it needs, too"""
    cwd = place("sieved", "id,name\n" + "".join(f"{i if i != 70_000 else ''},n{i}\n" for i in range(80_000)))
    sql = table("id INT NOT NULL, name TEXT", "csv") + "SELECT count(*), max(t.name) FROM t JOIN (VALUES (5), (7)) AS v(k) ON t.id = v.k"
    failed = sparklet(cwd, "sql", "-c", sql, expect=1).stderr
    assert "line 70002" in failed and 'column "id": found NULL' in failed, failed


def many():
    """batches of bad rows only, among them such as fail for another reason"""
    text = "".join("1,a\n" if i % 1000 == 0 else ",b\n" if i % 3 else "x,y,z\n" for i in range(20_000))
    cwd = job("many", text, table("id INT NOT NULL, name TEXT NOT NULL", "csv", "'csv.header' = 'false'") + OUT)
    assert written(cwd) == 20 * ['[1, "a", false]']
    assert sum("found NULL" in r for r in letters(cwd)) == sum(i % 1000 != 0 and i % 3 != 0 for i in range(20_000))


def changelog():
    """of a changelog: deletions and what a message leaves out of a row that is known are no NULLs; rows that come and go by value are asked, too"""
    def change(op, before, after):
        return json.dumps({"before": before, "after": after, "op": op}) + "\n"
    messages = (change("c", None, {"id": 1, "v": 5, "name": "a"}) + change("c", None, {"id": 2, "v": None, "name": "b"}) + change("c", None, {"id": 3, "v": 7, "name": "c"})
                + change("u", {"id": 1, "v": 5}, {"id": 1, "v": 6, "name": "__debezium_unavailable_value"}) + change("d", {"id": 3}, None) + change("c", None, {"id": 4, "name": "d"}))
    sink = "CREATE TABLE o (id INT, v INT, name TEXT, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'filesystem', 'path' = 'o', 'format' = 'debezium-json');\nINSERT INTO o SELECT id, v, name FROM t;\n"
    cwd = job("changes", messages, table("id INT PRIMARY KEY, v INT NOT NULL, name TEXT NOT NULL", "debezium-json") + sink)
    rows = {}
    for p in sorted((cwd / "o").glob("*.json")):
        for line in map(json.loads, p.read_text().splitlines()):
            key = (line["after"] or line["before"])["id"]
            rows.pop(key, None)
            if line["after"]:
                rows[key] = line["after"]
    assert rows == {1: {"id": 1, "v": 6, "name": "a"}}, rows
    assert sum('column "v": found NULL' in r for r in letters(cwd)) == 2, letters(cwd)
    cwd = place("exact", change("c", None, {"id": 1, "name": "a"}) + change("c", None, {"id": None, "name": "b"}))
    failed = sparklet(cwd, "sql", "-c", table("id INT NOT NULL, name TEXT", "debezium-json") + "SELECT * FROM t", expect=1).stderr
    assert 'column "id": found NULL' in failed, failed



main(formats, metadata, sieved, many, changelog)
