#!/usr/bin/env python3
"""Record types by name: CREATE TYPE and DROP TYPE (what is wrong with them: tests/planner/sql/test_errors.c)."""
import pathlib, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import main
from program import folder, same, sparklet

CWD = folder("types")
PAIR = "CREATE TYPE pair AS (a int, b text);\n"


def lines(sql):
    return sparklet(CWD, "sql", "--format", "json", input=sql).stdout


def casts():
    """Rows are cast to a record type, alone, in arrays and in other records"""
    same(lines(PAIR + "SELECT ROW(1, 'x')::pair AS p, (ROW(2, 'y')::pair).b, '(3,z)'::pair AS t, ARRAY[ROW(1, 'x')::pair] AS l, NULL::pair AS n;"),
         '{"p":{"a":1,"b":"x"},"b":"y","t":{"a":3,"b":"z"},"l":[{"a":1,"b":"x"}],"n":null}\n')
    same(lines(PAIR + "CREATE TYPE trio AS (p pair, n numeric(5, 2));\nSELECT ROW(ROW(1, 'x'), 2)::trio AS t, ((ROW(ROW(1, 'x'), 2)::trio).p).b;"),
         '{"t":{"p":{"a":1,"b":"x"},"n":2.00},"b":"x"}\n')


def documents():
    """json_populate_record and its like take the type of their first argument"""
    same(lines(PAIR + "SELECT * FROM jsonb_populate_record(NULL::pair, '{\"a\":1,\"b\":\"x\",\"c\":3}');\nSELECT * FROM json_populate_recordset(NULL::pair, '[{\"a\":1},{\"b\":\"q\"}]');\n"
               "SELECT (jsonb_populate_record(ROW(9, 'nine')::pair, '{\"a\":1}')).*;"),
         '{"a":1,"b":"x"}\n{"a":1,"b":null}\n{"a":null,"b":"q"}\n{"a":1,"b":"nine"}\n')


def columns():
    """A table's column may be of such a type, and DROP TYPE leaves it so"""
    (CWD / "r.ndjson").write_text('{"p":{"a":1,"b":"x"}}\n{"p":null}\n')
    same(lines(PAIR + "CREATE TABLE t (p pair) WITH ('connector' = 'filesystem', 'path' = 'r.ndjson', 'format' = 'json');\nDROP TYPE IF EXISTS pair, other;\n"
               "SELECT (p).b, p FROM t ORDER BY 1;"), '{"b":"x","p":{"a":1,"b":"x"}}\n{"b":null,"p":null}\n')


if __name__ == "__main__":
    main(casts, documents, columns)
