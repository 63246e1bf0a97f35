#!/usr/bin/env python3
"""Avro through a broker and a schema registry: written by another implementation (fastavro), read, written again, read by it; schemas that change on the way."""
import datetime, io, json, pathlib, socket, struct, subprocess, sys, uuid
from decimal import Decimal

import fastavro

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import *
from registry import Registry

rng = seed()
UTC = datetime.timezone.utc


def record(*fields, name="Order"):
    return {"type": "record", "name": name, "namespace": "shop", "fields": [f if isinstance(f, dict) else {"name": f[0], "type": f[1]} for f in fields]}


def logical(kind, name, **more):
    return {"type": kind, "logicalType": name, **more}


def datum(schema, value):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(json.dumps(schema))), value)
    return out.getvalue()


def undatum(schema, data):
    source = io.BytesIO(data)
    value = fastavro.schemaless_reader(source, fastavro.parse_schema(schema), None)
    assert source.read() == b"", "bytes behind the datum"
    return value


def framed(registry, subject, schema, value):
    return b"\0" + struct.pack(">I", registry.register(subject, schema)) + datum(schema, value)


def unframed(registry, data):
    assert data[0] == 0, data
    return undatum(json.loads(registry.schemas[struct.unpack(">I", data[1:5])[0]][0]), data[5:])


def reasons(job):
    return [dict(m.headers())["sparklet.reason"].decode() for m in read(f"{job}.dlq")] if exists(f"{job}.dlq") else []


def confluent(registry, **more):
    return {"format": "avro-confluent", "avro-confluent.url": registry.url, **more}


BOUNDED = {"scan.startup.mode": "earliest-offset", "scan.bounded.mode": "latest-offset"}

COLUMNS = ("b boolean, i integer, l bigint, f real, d double precision, s text, y bytea, day date, t time, ts timestamp, tz timestamptz, n numeric(20,4), "
           "a text[], r row<street text, no integer>, rs row<k text, v double precision>[], m jsonb, e text, u text, x bytea, g interval")
SCHEMA = record(
    ("b", "boolean"), ("i", "int"), ("l", "long"), ("f", "float"), ("d", "double"), ("s", ["null", "string"]), ("y", "bytes"), ("day", logical("int", "date")),
    ("t", logical("long", "time-micros")), ("ts", logical("long", "local-timestamp-micros")), ("tz", logical("long", "timestamp-millis")),
    ("n", ["null", logical("bytes", "decimal", precision=20, scale=4)]), ("a", {"type": "array", "items": ["null", "string"]}),
    ("r", ["null", record(("street", "string"), ("no", ["int", "null"]), name="Address")]), ("rs", {"type": "array", "items": record(("k", "string"), ("v", "double"), name="Pair")}),
    ("m", {"type": "map", "values": ["null", "long", "string", {"type": "array", "items": "int"}]}), ("e", {"type": "enum", "name": "Colour", "symbols": ["RED", "GREEN"]}),
    ("u", logical("string", "uuid")), ("x", {"type": "fixed", "name": "Four", "size": 4}), ("g", {"type": "fixed", "logicalType": "duration", "name": "Span", "size": 12}))


def text(n):
    return "".join(rng.choice("abcxyz é€😀") for _ in range(rng.randrange(n)))


def row():
    def maybe(v):
        return None if rng.random() < 0.2 else v

    return {
        "b": rng.random() < 0.5, "i": rng.randrange(-1 << 31, 1 << 31), "l": rng.randrange(-1 << 63, 1 << 63), "f": struct.unpack("<f", struct.pack("<f", rng.uniform(-9, 9)))[0],
        "d": rng.uniform(-1e9, 1e9), "s": maybe(text(40)), "y": rng.randbytes(rng.randrange(30)), "day": datetime.date(1970, 1, 1) + datetime.timedelta(rng.randrange(-9000, 30000)),
        "t": (datetime.datetime.min + datetime.timedelta(microseconds=rng.randrange(86400000000))).time(),
        "ts": datetime.datetime(2000, 1, 1) + datetime.timedelta(microseconds=rng.randrange(-10 ** 16, 10 ** 15)),
        "tz": datetime.datetime(2000, 1, 1, tzinfo=UTC) + datetime.timedelta(milliseconds=rng.randrange(-10 ** 12, 10 ** 12)),
        "n": maybe(Decimal(rng.randrange(-10 ** 19, 10 ** 19)).scaleb(-4)), "a": [maybe(text(20)) for _ in range(rng.randrange(4))],
        "r": maybe({"street": text(20), "no": maybe(rng.randrange(1000))}), "rs": [{"k": text(5), "v": rng.uniform(0, 1)} for _ in range(rng.randrange(3))],
        "m": {f"k{i}": rng.choice([None, rng.randrange(100), "x" * i, [1, 2]]) for i in range(rng.randrange(4))}, "e": rng.choice(["RED", "GREEN"]),
        "u": str(uuid.UUID(int=rng.getrandbits(128))), "x": rng.randbytes(4), "g": struct.pack("<III", rng.randrange(99), rng.randrange(99), 1000 * rng.randrange(99)),
    }


def all_types():
    """all types, written by fastavro, through a job, read by fastavro again: the same"""
    registry = Registry()
    topic, out, job = unique("avro"), unique("avro-out"), unique("avro")
    create(topic, out)
    sent = [row() for _ in range(500)]
    produce(topic, ((i % 4, framed(registry, "in", SCHEMA, r)) for i, r in enumerate(sent)))
    # What is written has a schema of its own: fixed and duration only where it is given.
    columns = COLUMNS.replace(", g interval", ", g text")
    sql = write_job(job, table("t", COLUMNS, topic, **confluent(registry), **BOUNDED) + table("o", columns, out, **confluent(registry, **{"avro-confluent.timestamp_mapping.legacy": "false"})) +
                    "INSERT INTO o SELECT b, i, l, f, d, s, y, day, t, ts, tz, n, a, r, rs, m, e, u, x, g::text FROM t;")
    run(sql, job)
    assert not reasons(job), reasons(job)[:3]
    assert f"{out}-value" in registry.subjects, registry.subjects
    got = sorted((unframed(registry, m.value()) for m in read(out)), key=lambda r: r["u"])
    sent.sort(key=lambda r: r["u"])
    assert len(got) == len(sent)
    for g, s in zip(got, sent):
        g["m"] = json.loads(g["m"])
        assert isinstance(g.pop("g"), str)
        want = {k: v for k, v in s.items() if k != "g"}
        assert g == want, "\n".join(f"{k}: got {g[k]!r}, want {want[k]!r}" for k in want if g[k] != want[k])


def plain():
    """format avro: bare data of one schema, read and written, with NULLs, keys too"""
    topic, out, job = unique("plain"), unique("plain-out"), unique("plain")
    create(topic, out)
    schema = record(("id", "long"), ("name", ["null", "string"]), ("at", logical("long", "timestamp-millis")), {"name": "kind", "type": "string", "default": "none"})
    sent = [{"id": i, "name": None if i % 3 == 0 else f"n{i}", "at": datetime.datetime(2025, 1, 1, tzinfo=UTC) + datetime.timedelta(milliseconds=i), "kind": "x"} for i in range(200)]
    produce(topic, ((i % 4, datum(schema, r)) for i, r in enumerate(sent)))
    sql = write_job(job, table("t", "id bigint, name text, at timestamp, kind text", topic, format="avro", **{"avro.schema": json.dumps(schema)}, **BOUNDED) +
                    table("o", "id bigint PRIMARY KEY, name text, at timestamp", out, connector="upsert-kafka", **{"format": "avro", "key.format": "avro"}) + "INSERT INTO o SELECT id, name, at FROM t;")
    run(sql, job)
    assert not reasons(job), reasons(job)[:3]
    value = {"type": "record", "name": "record", "fields": [{"name": "id", "type": "long"}, {"name": "name", "type": ["null", "string"]}, {"name": "at", "type": ["null", logical("long", "timestamp-micros")]}]}
    key = {"type": "record", "name": "record", "fields": [{"name": "id", "type": "long"}]}
    got = read(out)
    assert sorted(undatum(key, m.key())["id"] for m in got) == list(range(200))
    assert sorted((undatum(value, m.value()) for m in got), key=lambda r: r["id"]) == [{k: r[k] for k in ("id", "name", "at")} for r in sent]


def evolution():
    """a schema that changes in the middle of a topic: fields come, go, are promoted and renamed; what does not fit is in the dead letters with its reason"""
    registry = Registry()
    topic, out, job = unique("evo"), unique("evo-out"), unique("evo")
    create(topic, out)
    one = record(("id", "int"), ("amount", "int"), ("old_name", "string"))
    versions = [
        (one, lambda i: {"id": i, "amount": i, "old_name": f"a{i}"}),
        (record(("id", "long"), ("amount", "double"), ("name", ["null", "string"]), ("note", ["null", "string"])), lambda i: {"id": i, "amount": i + 0.5, "name": f"b{i}", "note": "new"}),  # promoted, renamed, added
        (record(("amount", "float"), ("id", "long")), lambda i: {"id": i, "amount": i + 0.25}),                                                                                          # removed, another order
        (record(("id", "string"), ("amount", "double")), lambda i: {"id": str(i), "amount": 0.0}),                                                                                        # incompatible
        (one, lambda i: {"id": i, "amount": i, "old_name": f"e{i}"}),                                                                                                                     # back
    ]
    messages, want = [], Counter()
    for v, (schema, make) in enumerate(versions):
        for i in range(v * 100, v * 100 + 100):
            messages.append(framed(registry, "orders", schema, make(i)))
            if v != 3:
                amount = [i, i + 0.5, i + 0.25, None, i][v]
                want[(str(i), f"{amount:.6f}", [f"a{i}", f"b{i}", "unknown", None, f"e{i}"][v], "new" if v == 1 else "NULL")] += 1
    damaged = [b"\1\2", b"", b"\0" + struct.pack(">I", 99999) + b"\2", messages[0][:-1], messages[0] + b"x", b"\0\0\0\0\1\x80"]
    produce(topic, ((i % 4, m) for i, m in enumerate(messages[:250] + damaged + messages[250:])))
    reader = record(("id", "long"), ("amount", "double"), {"name": "name", "type": "string", "aliases": ["old_name"], "default": "unknown"}, {"name": "note", "type": ["null", "string"], "default": None})
    sql = write_job(job, table("t", "id bigint, amount double precision, name text, note text", topic, **confluent(registry, **{"avro-confluent.schema": json.dumps(reader)}), **BOUNDED) +
                    table("o", "id bigint, amount numeric(12,3), name text, note text", out) + "INSERT INTO o SELECT id, amount::numeric(12,3), name, note FROM t;")
    run(sql, job, "-s", "epoch.max.rows=64")
    got = rows(out, "id", "amount", "name", "note")
    assert got == want, differ(got, want)
    why = reasons(job)
    assert len(why) == 100 + len(damaged), len(why)
    assert sum('field "id" is string, which cannot be read as bigint' in r for r in why) == 100, Counter(why)
    for part in ("does not begin with a byte 0", "schema 99999: ", "Schema not found", "ends before its schema does", "1 bytes are left behind the Avro datum"):
        assert any(part in r for r in why), (part, Counter(why))
    fetched = Counter(p for m, p in registry.asked if p.startswith("/schemas/ids/"))
    assert all(n == 1 for p, n in fetched.items() if not p.endswith("99999")), fetched


def keys():
    """keys of a schema of their own: columns out of them, tombstones delete, and they are written under TOPIC-key"""
    registry = Registry()
    topic, out, job = unique("keyed"), unique("keyed-out"), unique("keyed")
    create(topic, out)
    key, value = record(("id", "long"), name="Key"), record(("name", ["null", "string"]), ("v", "int"), name="Value")
    p = Producer({"bootstrap.servers": BROKERS, "enable.idempotence": True})
    for i in range(100):
        p.produce(topic, framed(registry, f"{topic}-value", value, {"name": f"n{i}", "v": i}), framed(registry, f"{topic}-key", key, {"id": i}), i % 4)
    for i in range(0, 100, 3):
        p.produce(topic, None if i % 2 else framed(registry, f"{topic}-value", value, {"name": None, "v": -i}), framed(registry, f"{topic}-key", key, {"id": i}), i % 4)
    p.produce(topic, framed(registry, f"{topic}-value", value, {"name": "lost", "v": 0}), b"\0\0\0\0\1", 0)  # a torn key
    p.flush()
    formats = {"key.format": "avro-confluent", "value.format": "avro-confluent", "key.avro-confluent.url": registry.url, "value.avro-confluent.url": registry.url}
    given = {"format": "avro-confluent", "value.fields-include": "EXCEPT_KEY", **formats, "value.avro-confluent.schema": json.dumps(value)}
    given.pop("format")
    columns = "id bigint PRIMARY KEY, name text, v integer"
    options = lambda more: ", ".join(f"'{k}' = '{v}'" for k, v in {"properties.bootstrap.servers": BROKERS, **more}.items())
    sql = write_job(job, f"CREATE TABLE t ({columns}) WITH ('connector' = 'upsert-kafka', 'topic' = '{topic}', {options({**given, **BOUNDED})});\n"
                         f"CREATE TABLE o ({columns}) WITH ('connector' = 'upsert-kafka', 'topic' = '{out}', {options(formats)});\nINSERT INTO o SELECT id, name, v FROM t WHERE v <= 50;")
    run(sql, job)
    want = {i: {"id": i, "name": f"n{i}", "v": i} for i in range(51)}
    for i in range(0, 100, 3):
        if i % 2:
            want.pop(i, None)
        else:
            want[i] = {"id": i, "name": None, "v": -i}
    got = {}
    for m in read(out):
        k = unframed(registry, m.key())["id"]
        if m.value() is None:
            got.pop(k, None)
        else:
            got[k] = unframed(registry, m.value())
    assert got == want, {k: (got.get(k), want.get(k)) for k in set(got) | set(want) if got.get(k) != want.get(k)}
    assert f"{out}-key" in registry.subjects and f"{out}-value" in registry.subjects, registry.subjects
    assert len(reasons(job)) == 1 and "ends before its schema does" in reasons(job)[0], reasons(job)


def registry_away():
    """a registry that is away: at the start it is told and tried again, exit code 3 with kafka.retry; in the middle the job goes on when it is back"""
    registry = Registry()
    topic, out, job = unique("away"), unique("away-out"), unique("away")
    create(topic, out)
    schema = record(("id", "long"))
    produce(topic, [(0, framed(registry, "s", schema, {"id": 1}))])
    sql = write_job(job, table("t", "id bigint", topic, **confluent(registry), **{"scan.startup.mode": "earliest-offset"}) + table("o", "id bigint", out) + "INSERT INTO o SELECT id FROM t;")
    registry.stop()
    code = run(sql, unique("away"), "-s", "kafka.retry=1s", expect=None)
    assert code == 3, f"exit code {code}"
    p = start(sql, job)
    try:
        wait_for("the trouble to be told", lambda: "schema registry" in errors(job) and "trying" in errors(job))
        registry.start()
        wait_for("the first row", lambda: rows(out, "id") == Counter({("1",): 1}))
        registry.away = True
        produce(topic, [(1, framed(registry, "s", record(("id", "long"), ("more", "string")), {"id": 2, "more": ""}))])
        wait_for("the trouble to be told", lambda: "answers 503" in errors(job))
        assert p.poll() is None, errors(job)
        registry.away = False
        wait_for("the second row", lambda: rows(out, "id") == Counter({("1",): 1, ("2",): 1}))
    finally:
        p.terminate()
    assert p.wait(30 * SLOW) == 0, errors(job)
    assert not reasons(job), reasons(job)


def query(registry_url, topic, *settings):
    sql = write_job(unique("query"), "".join(s + ";\n" for s in settings) + table("t", "id bigint", topic, format="avro-confluent", **{"avro-confluent.url": registry_url}, **BOUNDED) + "SELECT id FROM t;")
    return subprocess.run([BIN, "sql", str(sql)], capture_output=True, text=True, timeout=120 * SLOW)


def odd_registries():
    """a registry that answers something else, or nothing; schemas of another kind, and such as refer to others, which are read with them"""
    registry = Registry()
    topic, out, job = unique("odd"), unique("odd-out"), unique("odd")
    create(topic, out)
    schema = record(("id", "long"))
    other, lost = registry.register("p", "syntax = 'proto3';", "PROTOBUF"), registry.register("l", record(("id", "int")))
    # r refers to a/b, which refers to c, and to c itself; `lost` to one that is not there, c to itself in a circle.
    referring = registry.register("r", record(("id", "long"), ("first", "shop.A"), ("second", "shop.C"), name="R"))
    middle, last = registry.register("a/b", record(("c", "shop.C"), name="A")), registry.register("c", record(("n", "int"), name="C"))
    registry.references.update({referring: [{"name": "shop.A", "subject": "a/b", "version": 1}, {"name": "shop.C", "subject": "c", "version": 1}], middle: [{"name": "shop.C", "subject": "c", "version": 1}],
                                last: [{"name": "shop.C", "subject": "c", "version": 1}], lost: [{"name": "x", "subject": "nowhere", "version": 3}]})
    produce(topic, [(0, framed(registry, "s", schema, {"id": 7})), (0, b"\0" + struct.pack(">I", referring) + b"\x10\2\4")] + [(0, b"\0" + struct.pack(">I", n) + b"\2") for n in (other, lost)] +
            [(0, b"\0" + struct.pack(">I", registry.register("bad", '{"type": "nothing"}')) + b"\2")])
    run(write_job(job, table("t", "id bigint", topic, **confluent(registry), **BOUNDED) + table("o", "id bigint", out) + "INSERT INTO o SELECT id FROM t;"), job)
    assert rows(out, "id") == Counter({("7",): 1, ("8",): 1}), (rows(out, "id"), reasons(job))
    why = sorted(reasons(job))
    assert len(why) == 3 and all(any(part in r for r in why) for part in ("is PROTOBUF, not AVRO", "version 3 of subject 'nowhere'", "a type that is not defined")), why
    registry.broken = True
    done = query(registry.url, topic)
    assert done.returncode == 3 and "its answer is none of a schema registry" in done.stderr, done
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)
        done = query(f"http://127.0.0.1:{silent.getsockname()[1]}", topic, "SET statement_timeout = '1s'")
        assert done.returncode != 0 and "timeout" in done.stderr, done


def credentials():
    """credentials of the registry: by option, in the url, as a token; refused ones and refused schemas are told, secrets are not"""
    registry = Registry("alice:s3cr3t-word")
    topic = unique("auth")
    create(topic)
    produce(topic, [(0, framed(registry, "s", record(("id", "long")), {"id": 1}))])
    given = {"avro-confluent.basic-auth.credentials-source": "USER_INFO", "avro-confluent.basic-auth.user-info": "alice:s3cr3t-word"}
    in_url = {"avro-confluent.basic-auth.credentials-source": "URL", "avro-confluent.url": registry.url.replace("://", "://alice:s3cr3t-word@")}
    token = {"avro-confluent.bearer-auth.credentials-source": "STATIC_TOKEN", "avro-confluent.bearer-auth.token": "alice:s3cr3t-word"}
    for options in (given, in_url, token):
        out, job = unique("auth-out"), unique("auth")
        create(out)
        sql = write_job(job, table("t", "id bigint", topic, **{**confluent(registry), **options}, **BOUNDED) + table("o", "id bigint", out, **{**confluent(registry), **options}) + "INSERT INTO o SELECT id FROM t;")
        run(sql, job)
        assert [unframed(registry, m.value()) for m in read(out)] == [{"id": 1}]
    for options, part in ((confluent(registry, **{"avro-confluent.basic-auth.user-info": "alice:wr0ng-word"}), "refused (401): Unauthorized"),):
        job = unique("auth")
        code = run(write_job(job, table("t", "id bigint", topic, **options, **BOUNDED) + "CREATE TABLE o (id bigint) WITH ('connector' = 'blackhole');\nINSERT INTO o SELECT id FROM t;"), job, expect=None)
        assert code == 2 and part in errors(job) and "wr0ng" not in errors(job), f"{code}: {errors(job)}"
    registry.refuse = "incompatible_column"
    out, job = unique("auth-out"), unique("auth")
    create(out)
    sql = write_job(job, table("t", "id bigint", topic, **{**confluent(registry), **given}, **BOUNDED) + table("o", "incompatible_column bigint", out, **{**confluent(registry), **given}) + "INSERT INTO o SELECT id FROM t;")
    code = run(sql, job, expect=None)
    assert code == 2 and "incompatible with an earlier schema" in errors(job) and f"subject '{out}-value'" in errors(job), f"{code}: {errors(job)}"


main(all_types, plain, evolution, keys, registry_away, odd_registries, credentials)
