#!/usr/bin/env python3
"""Changelogs out of files, without a service: Maxwell's and Canal's messages, Debezium's edges, and what is said of messages and tables that do not fit."""
import json, os, pathlib, subprocess, sys

BIN = os.environ["SPARKLET_BIN"]
TMP = pathlib.Path(os.environ["SPARKLET_TMP"])
failed = 0


def query(name, messages, columns="id int, v text, n numeric(8,2)", key="id", sql="SELECT * FROM t ORDER BY 1", **options):
    path = TMP / f"{name}.json"
    path.write_text("".join((m if isinstance(m, str) else json.dumps(m)) + "\n" for m in messages))
    opts = ", ".join(f"'{k.replace('__', '-')}' = '{v}'" for k, v in options.items())
    pk = f", PRIMARY KEY ({key}) NOT ENFORCED" if key else ""
    ddl = f"CREATE TABLE t ({columns}{pk}) WITH ('connector' = 'filesystem', 'path' = '{path}', {opts});"
    out = subprocess.run([BIN, "sql", "--format", "json", "-c", ddl + sql], capture_output=True, text=True, timeout=60)
    return [json.loads(l) for l in out.stdout.splitlines()], out.stderr


def check(name, got, want):
    global failed
    ok = got == want
    failed += not ok
    print(("ok - " if ok else "not ok - ") + name, flush=True)
    if not ok:
        print(f"#   got {got}\n#   expected {want}", flush=True)


def fails(name, said, messages, **options):
    global failed
    rows, err = query("bad", messages, **options)
    ok = not rows and all(s in err for s in said)
    failed += not ok
    print(("ok - " if ok else "not ok - ") + name, flush=True)
    if not ok:
        print(f"#   got {rows} {err}", flush=True)


def maxwell(kind, data, old=None, **more):
    return {"database": "shop", "table": "t", "type": kind, "ts": 1600000000, "xid": 1, "data": data, **({"old": old} if old is not None else {}), **more}


def canal(kind, data, old=None):
    return {"data": data, "database": "shop", "es": 1600000000000, "id": 9, "isDdl": False, "old": old, "pkNames": ["id"], "sql": "", "table": "t", "ts": 1600000000798, "type": kind}


def row(i, v, n="1.50"):
    return {"id": i, "v": v, "n": n}


MAXWELL = [maxwell("bootstrap-start", {}), maxwell("bootstrap-insert", row(1, "a")), maxwell("insert", row(2, "b")), maxwell("update", row(2, "c"), {"v": "b"}),
           maxwell("insert", row(3, "d")), maxwell("update", row(4, "e"), {"id": 3, "v": "d"}), maxwell("delete", row(1, "a")), maxwell("table-alter", {})]
LEFT = [{"id": 2, "v": "c", "n": 1.50}, {"id": 4, "v": "e", "n": 1.50}]
check("maxwell-json by key, keys that change among them", query("m", MAXWELL, format="maxwell-json")[0], LEFT)
check("maxwell-json without a key", query("m", MAXWELL, key=None, format="maxwell-json")[0], LEFT)

CANAL = [canal("INSERT", [row("1", "a"), row("2", "b"), row("3", "d")]), canal("UPDATE", [row("2", "c"), row("4", "e")], [{"v": "b"}, {"id": "3", "v": "d"}]),
         canal("DELETE", [row("1", "a")]), canal("QUERY", None)]
check("canal-json by key, several rows in a message", query("c", CANAL, format="canal-json")[0], LEFT)
check("canal-json without a key", query("c", CANAL, key=None, format="canal-json")[0], LEFT)
check("canal-json: a truncate", query("c", CANAL + [canal("TRUNCATE", None), canal("INSERT", [row("7", "x")])], format="canal-json")[0], [{"id": 7, "v": "x", "n": 1.50}])
check("metadata of canal-json", query("c", CANAL[:1], columns="id int, d text METADATA FROM 'value.database', at timestamptz METADATA FROM 'value.event-timestamp'",
      sql="SELECT d, at FROM t WHERE id = 1", format="canal-json")[0], [{"d": "shop", "at": "2020-09-13 12:26:40+00"}])


def debezium(op, before=None, after=None, **source):
    return {"before": before, "after": after, "source": source, "op": op}


T = {"format": "debezium-json", "debezium-json.decimal.handling.mode": "string"}
check("tombstones, messages of no table and updates that change nothing", query("d", [debezium("c", None, row(1, "a")), "null", debezium("m"), debezium("u", None, row(1, "a"))], **T)[0],
      [{"id": 1, "v": "a", "n": 1.50}])
check("a schema around the message", query("d", [{"schema": {"type": "struct"}, "payload": debezium("c", None, row(1, "a"))}, {"schema": {}, "payload": None}], **T)[0], [{"id": 1, "v": "a", "n": 1.50}])
check("a value that an update leaves out is the row's before", query("d", [debezium("c", None, row(1, "long")), debezium("u", None, row(1, "__debezium_unavailable_value", "2.00"))], **T)[0],
      [{"id": 1, "v": "long", "n": 2.00}])
check("repeated messages change nothing", query("d", [debezium("c", None, row(1, "a"), sequence='["5","6"]'), debezium("u", None, row(1, "b"), sequence='["5","8"]'),
      debezium("c", None, row(1, "a"), sequence='["5","6"]')], **T)[0], [{"id": 1, "v": "b", "n": 1.50}])
check("messages that cannot be read, skipped", query("d", ["{", debezium("c", None, row(1, "a"))], **T, **{"debezium-json.ignore-parse-errors": "true"})[0], [{"id": 1, "v": "a", "n": 1.50}])

fails("no envelope", ["line 1", "neither an envelope"], [{"id": 1}], **T)
fails("an unknown op", ["none of r, c, u, d, t, m"], [debezium("x", None, row(1, "a"))], **T)
fails("no row after", ['"after" is no object'], [debezium("c")], **T)
fails("a deletion without its key", ["its key is not known"], [debezium("d")], **T)
fails("a key that is null", ['"id" of the PRIMARY KEY is missing or null'], [debezium("c", None, {"id": None})], **T)
fails("a left-out value that nobody knows", ["TOAST"], [debezium("u", None, row(1, "__debezium_unavailable_value"))], **T)
fails("a changelog without key and without rows before", ["REPLICA IDENTITY FULL"], [debezium("u", None, row(1, "a"))], key=None, **T)
fails("a truncate without a key", ["TRUNCATE", "PRIMARY KEY"], [debezium("t")], key=None, **T)
fails("flattened rows without a key", ["PRIMARY KEY"], [{**row(1, "a"), "__deleted": "false"}], key=None, **T)
fails("a row that is taken back too often", ["more often than it came"], [debezium("d", row(1, "a"))], key=None, **T)
fails("decimals as texts where bytes are said", ["debezium-json.decimal.handling.mode"], [debezium("c", None, row(1, "a", "19.99"))], format="debezium-json")
fails("behind the object", ["end of the message"], ['{"op":"c"} x'], **T)
fails("millis of what is no time", ["millis-columns"], [], **T, **{"debezium-json.millis-columns": "v"})
fails("a key that is not in the messages", ["is not in the messages"], [], columns="id int METADATA FROM 'partition', v text, n numeric(8,2)", **T)
fails("an unknown type of Maxwell's", ['"type" is none'], [maxwell("upsert", row(1, "a"))], format="maxwell-json")
fails("an update of Maxwell's without what was", ['"old"'], [maxwell("update", row(1, "a"))], format="maxwell-json")
fails("Canal's rows that are no list", ["no list of rows"], [canal("INSERT", row("1", "a"))], format="canal-json")
fails("fewer old rows than new ones", ["fewer rows"], [canal("UPDATE", [row("1", "a"), row("2", "b")], [{"v": "x"}])], format="canal-json")
fails("an unknown type of Canal's", ['"type" is none'], [canal("UPSERT", [])], format="canal-json")

MANY = [debezium("c", None, row(i, "x" * 400)) for i in range(40000)] + [debezium("u", None, row(i, "y")) for i in range(0, 40000, 2)] + [debezium("d", {"id": i}) for i in range(0, 40000, 4)]
check("more than memory has room for", query("many", MANY, sql="SET memory.limit = '64MiB'; SELECT count(*) AS n, sum(length(v)) AS l FROM t", **T)[0][-1:], [{"n": 30000, "l": 20000 * 400 + 10000}])
sys.exit(failed > 0)
