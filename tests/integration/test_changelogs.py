#!/usr/bin/env python3
"""Messages that Debezium once sent, read from Kafka: by a query, and by a job whose results go into an upsert topic. What is left must be the tables."""
import json, pathlib, subprocess, sys
from decimal import Decimal

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import *

HERE = pathlib.Path(__file__).resolve().parent / "changelogs"
rng = seed()

CUSTOMERS = "id int, email text, name text, tier text, status text, credit int, created_at timestamptz, profile jsonb, bio text, photo bytea, tags text[]"
ORDERS = "id bigint, customer_id int, state text, total numeric(12,2), rate numeric, placed_at timestamptz, local_at timestamp, ship_by date, note text, attachment text"
LINES = "order_id bigint, line_no int, sku text, qty int, price numeric(10,4), discount numeric(4,2)"
TYPES = ("id int, b bool, i2 smallint, i4 int, i8 bigint, f4 real, f8 double precision, n_scale numeric(20,6), n_any numeric, n_int numeric(30,0), d date, t time, t3 time(3), "
         "ts timestamp, ts3 timestamp(3), tstz timestamptz, vc text, tx text, u text, ba bytea, bt1 bool, jb jsonb, x text, h jsonb, e text, ip text, net text, mac text, "
         "ia int[], ta text[], na numeric(8,2)[], r text")
TEXTS = {"debezium-json.decimal.handling.mode": "string", "debezium-json.binary.handling.mode": "hex"}


def lines(name):
    return [json.loads(line) for line in open(HERE / f"{name}.ndjson", encoding="utf-8")]


def send(name, partitions=1):
    """The messages in a topic of their own; those of a key in one partition, as Debezium's producer has them."""
    topic = unique(name)
    create(topic, partitions=partitions)
    p = Producer({"bootstrap.servers": BROKERS, "enable.idempotence": True})
    for m in lines(name):
        key = m["key"].encode() if m["key"] is not None else None
        where = (sum(key) if key else 0) % partitions
        p.produce(topic, m["value"].encode() if m["value"] is not None else None, key=key, partition=where, headers=list(m.get("headers", {}).items()))
    assert p.flush(30) == 0
    return topic


def debezium(name, columns, topic, key="id", **options):
    return table(name, columns, topic, f"PRIMARY KEY ({key}) NOT ENFORCED" if key else "", **{"format": "debezium-json", "scan.startup.mode": "earliest-offset", **options})


def query(ddl, sql):
    out = subprocess.run([BIN, "sql", "--format", "json", "-c", ddl + sql], capture_output=True, text=True, timeout=60 * SLOW)
    assert out.returncode == 0, out.stderr
    return [json.loads(line, parse_float=Decimal) for line in out.stdout.splitlines()]


def plain_value(v):
    """As both sides spell it."""
    if isinstance(v, str):
        v = v.replace("T", " ").replace("+00:00", "").removesuffix("+00").removesuffix("Z")
    if isinstance(v, (int, Decimal, float)) and not isinstance(v, bool):
        return Decimal(str(v)).normalize()
    if isinstance(v, list):
        return tuple(plain_value(x) for x in v)
    if isinstance(v, dict):
        return tuple(sorted((k, plain_value(x)) for k, x in v.items()))
    if isinstance(v, str) and v[:1] in ("t", "f") and v in ("t", "f", "true", "false"):
        return v[0]
    return {True: "t", False: "f"}.get(v, v) if isinstance(v, bool) else v


def same(got, table, *leave_out, **changed):
    """`changed`: what cannot be the same, by column."""
    want = [json.loads(line, parse_float=Decimal) for line in open(HERE / "final" / f"{table}.ndjson", encoding="utf-8")]
    columns = [c for c in (want[0] if want else got[0] if got else {}) if c not in leave_out and (not got or c in got[0])]
    norm = lambda rows: sorted((tuple(repr(plain_value(changed.get(c, lambda x: x)(r.get(c)) if c in changed else r.get(c))) for c in columns) for r in rows))
    a, b = norm(got), norm(want)
    assert a == b, f"{table}: got {[x for x in a if x not in b][:2]}, expected {[x for x in b if x not in a][:2]}"


BOUNDED = {"scan.bounded.mode": "latest-offset"}


def batch():
    """a query over the messages gives the tables, values carried over changed keys included"""
    same(query(debezium("c", CUSTOMERS, send("str.customers"), **BOUNDED, **TEXTS), "SELECT * FROM c"), "customers")
    same(query(debezium("o", ORDERS, send("str.orders"), **BOUNDED, **TEXTS), "SELECT * FROM o"), "orders")
    # With the connector's defaults NULL became the column's default: the one thing that no reader can mend.
    same(query(debezium("c", CUSTOMERS, send("plain.customers"), **BOUNDED), "SELECT * FROM c"), "customers", "status")
    millis = {"debezium-json.millis-columns": "local_at"}
    same(query(debezium("o", ORDERS, send("plain.orders"), **BOUNDED, **millis), "SELECT * FROM o"), "orders")
    same(query(debezium("o", ORDERS, send("schema.orders"), **BOUNDED, **millis), "SELECT * FROM o"), "orders")
    same(query(debezium("l", LINES, send("plain.order_lines"), key="order_id, line_no", **BOUNDED), "SELECT * FROM l"), "order_lines")


def types():
    """values of every type, in both of their spellings"""
    millis = {"debezium-json.millis-columns": "t3;ts3"}
    for name, options in (("plain.types", millis), ("str.types", TEXTS)):
        same(query(debezium("t", TYPES, send(name), **BOUNDED, **options), "SELECT * FROM t"), "types", bt1=lambda v: {None: None, "1": True, True: True}[v])


def without_key():
    """a table without a key, by rows before and after"""
    same(query(debezium("s", "sku text, site int, qty int", send("plain.stock"), key=None, **BOUNDED), "SELECT * FROM s"), "stock")


def flat():
    """flattened rows; truncates are not among them"""
    same(query(debezium("c", CUSTOMERS, send("flat.customers"), **BOUNDED), "SELECT * FROM c"), "customers", "status")
    got = query(debezium("o", ORDERS, send("flat.orders"), **BOUNDED), "SELECT * FROM o")
    assert sorted(r["id"] for r in got) == [100, 201, 300, 400, 500, 501, 502], got


def metadata():
    """what the messages say beside the rows"""
    columns = ("id bigint, state text, seen timestamptz METADATA FROM 'value.ingestion-timestamp', happened timestamptz METADATA FROM 'value.source.timestamp', "
               "db text METADATA FROM 'value.source.database', sch text METADATA FROM 'value.source.schema', tab text METADATA FROM 'value.source.table', "
               "props json METADATA FROM 'value.source.properties', at bigint METADATA FROM 'offset'")
    ddl = debezium("o", columns, send("plain.orders"), **BOUNDED)
    (r,) = query(ddl, "SELECT *, (props->>'lsn')::bigint > 0 AS has_lsn FROM o")
    last = lines("plain.orders")[-1]
    v = json.loads(last["value"])
    assert (r["id"], r["db"], r["sch"], r["tab"], r["has_lsn"]) == (400, "shop", "public", "orders", True), r
    assert r["at"] == last["offset"], r
    assert plain_value(r["seen"])[:19] == str(__import__("datetime").datetime.fromtimestamp(v["ts_ms"] / 1000, __import__("datetime").timezone.utc))[:19], r


def job(partitions):
    name, out = unique("changelog"), unique("changelog-out")
    create(out, partitions=2)
    sql = write_job(name, "SET epoch.max.rows = 3;\n" + debezium("c", CUSTOMERS, send("str.customers", partitions), **TEXTS) +
                    table("r", "id int, email text, name text, credit int, bio text, photo bytea, tags text[]", out, "PRIMARY KEY (id) NOT ENFORCED", connector="upsert-kafka", **{"key.format": "json"}) +
                    "INSERT INTO r SELECT id, email, name, credit, bio, photo, tags FROM c;\n")
    run(sql, name, "--once", timeout=60)
    final = Counter((canonical(r["id"]), r["email"], canonical(r["name"]), canonical(r["credit"]), canonical(r["bio"])) for r in map(json.loads, open(HERE / "final" / "customers.ndjson", encoding="utf-8")))
    got = folded(out, "id", "email", "name", "credit", "bio")
    assert got == final, differ(got, final)
    return out


def in_epochs():
    """a job in epochs of a few messages, from one partition and from several; its upsert topic is read as a table again"""
    for partitions in (1, 3):
        out = job(partitions)
    ddl = table("r", "id int, email text, credit int", out, "PRIMARY KEY (id) NOT ENFORCED", connector="upsert-kafka", **{"key.format": "json", "scan.bounded.mode": "latest-offset"})
    same(query(ddl, "SELECT * FROM r"), "customers")


def keys_apart():
    """columns that are in the message's key alone, under names without their prefix"""
    topic = unique("keys")
    create(topic, partitions=1)
    p = Producer({"bootstrap.servers": BROKERS})
    for k, v in ((1, "a"), (2, "b"), (1, "c"), (2, None), (3, "d")):
        p.produce(topic, json.dumps({"id": 9, "v": v}).encode() if v else None, key=json.dumps({"id": k}).encode())
    p.flush()
    ddl = table("k", "k_id int, id int, v text", topic, "PRIMARY KEY (k_id) NOT ENFORCED", connector="upsert-kafka",
                **{"key.format": "json", "key.fields-prefix": "k_", "value.fields-include": "EXCEPT_KEY", "scan.bounded.mode": "latest-offset"})
    got = query(ddl, "SELECT * FROM k ORDER BY k_id")
    assert got == [{"k_id": 1, "id": 9, "v": "c"}, {"k_id": 3, "id": 9, "v": "d"}], got


def versions_of_upserts():
    """FOR SYSTEM_TIME AS OF over an upsert topic: versions by the messages' time, which tombstones have as well"""
    rates, asks, out, name = unique("rates"), unique("asks"), unique("asked"), unique("versions")
    create(rates, asks, out, partitions=1)
    start = 1700000000000
    p = Producer({"bootstrap.servers": BROKERS, "enable.idempotence": True})
    for second, currency, rate in ((0, "EUR", 100), (1, "USD", 50), (10, "EUR", 110), (10, "EUR", 111), (12, "USD", None), (20, "USD", 51), (30, "GBP", None)):
        p.produce(rates, json.dumps({"currency": currency, "rate": rate}).encode() if rate else None, key=json.dumps({"currency": currency}).encode(), timestamp=start + second * 1000)
    for n, (second, currency) in enumerate(((-1, "EUR"), (1, "EUR"), (10, "EUR"), (11, "USD"), (13, "USD"), (25, "USD"), (40, "GBP"))):
        p.produce(asks, json.dumps({"n": n, "currency": currency}).encode(), timestamp=start + second * 1000)
    assert p.flush(30) == 0
    ddl = (table("asks", "n bigint, currency text, ts timestamp METADATA FROM 'timestamp' VIRTUAL, WATERMARK FOR ts AS ts", asks, **BOUNDED) +
           table("rates", "currency text, rate bigint, since timestamp METADATA FROM 'timestamp' VIRTUAL, WATERMARK FOR since AS since", rates, "PRIMARY KEY (currency) NOT ENFORCED",
                 connector="upsert-kafka", **{"key.format": "json", "scan.bounded.mode": "latest-offset"}))
    sql = "SELECT n, rate FROM asks LEFT JOIN rates FOR SYSTEM_TIME AS OF asks.ts AS r ON asks.currency = r.currency"
    want = list(enumerate((None, 100, 111, 50, None, 51, None)))
    got = sorted((r["n"], r["rate"]) for r in query(ddl, sql))
    assert got == want, got
    job = write_job(name, "SET epoch.max.rows = 2;\n" + ddl + table("o", "n bigint, rate bigint", out) + f"INSERT INTO o {sql};\n")
    run(job, name, timeout=60)
    got, want = rows(out, "n", "rate"), Counter((canonical(n), canonical(rate)) for n, rate in want)
    assert got == want, differ(got, want)


main(batch, types, without_key, flat, metadata, in_epochs, keys_apart, versions_of_upserts)
