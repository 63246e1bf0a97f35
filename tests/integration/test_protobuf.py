#!/usr/bin/env python3
"""Protobuf through a broker: written by Google's implementation, read, written again, read by it; damaged messages and unknown fields on the way."""
import datetime, json, pathlib, subprocess, sys

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import *

rng = seed()
BOUNDED = {"scan.startup.mode": "earliest-offset", "scan.bounded.mode": "latest-offset"}

SHOP = """
syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
enum Colour { NONE = 0; RED = 1; GREEN = 2; }
message Line { string sku = 1; repeated int32 parts = 2; optional double price = 3; }
message Order {
  int64 id = 1; double d = 2; float f = 3; uint64 big = 4; sint32 small = 5; bool paid = 6; string name = 7; bytes raw = 8; optional string note = 9; Colour colour = 10;
  fixed32 x = 11; sfixed64 y = 12; Line first = 13; repeated Line lines = 14; repeated sint64 nums = 15; repeated string words = 16; map<string, int64> counts = 17;
  google.protobuf.Timestamp at = 18; oneof how { string card = 19; int32 cash = 20; } repeated Colour colours = 21; repeated double loose = 22 [packed = false];
}
message Newer { int64 id = 1; string added = 100; Line more = 200; string name = 7; }
"""
TIMESTAMP = 'syntax = "proto3"; package google.protobuf; message Timestamp { int64 seconds = 1; int32 nanos = 2; }'


def descriptors():
    """The set that protoc makes, and Python's classes for its messages."""
    (TMP / "google/protobuf").mkdir(parents=True, exist_ok=True)
    (TMP / "google/protobuf/timestamp.proto").write_text(TIMESTAMP)
    (TMP / "shop.proto").write_text(SHOP)
    path = TMP / "shop.set"
    subprocess.run(["protoc", f"-I{TMP}", "--include_imports", f"--descriptor_set_out={path}", "shop.proto"], check=True)
    pool = descriptor_pool.DescriptorPool()
    for f in descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes()).file:
        pool.Add(f)
    return path, {n: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"shop.{n}")) for n in ("Order", "Line", "Newer")}


SET, MESSAGES = descriptors()
Order, Line, Newer = MESSAGES["Order"], MESSAGES["Line"], MESSAGES["Newer"]
# counts can be read, but maps are not written; what is left is.
WRITTEN = ("id bigint, d double precision, f real, big numeric(20,0), small integer, paid boolean, name text, raw bytea, note text, colour text, x bigint, y bigint, first row<sku text, parts integer[], price double precision>, "
           "lines row<sku text, parts integer[], price double precision>[], nums bigint[], words text[], at timestamp, card text, cash integer, colours text[], loose double precision[]")
NAMES = ", ".join(c.strip().split()[0] for c in "id,d,f,big,small,paid,name,raw,note,colour,x,y,first,lines,nums,words,at,card,cash,colours,loose".split(","))


def options(message, **more):
    return {"format": "protobuf", "protobuf.message-class-name": f"shop.{message}", "protobuf.descriptor-file": str(SET), **more}


def text(n):
    return "".join(rng.choice("abcxyz é€😀") for _ in range(rng.randrange(n)))


def line():
    m = Line(sku=text(12), parts=[rng.randrange(-9, 9) for _ in range(rng.randrange(4))])
    if rng.random() < 0.5:
        m.price = rng.uniform(0, 9)
    return m


def order(i):
    m = Order(id=i, d=rng.uniform(-9, 9), f=rng.uniform(-9, 9), big=rng.randrange(1 << 64), small=rng.randrange(-1 << 31, 1 << 31), paid=rng.random() < 0.5, name=text(30), raw=rng.randbytes(rng.randrange(30)),
              colour=rng.randrange(3), x=rng.randrange(1 << 32), y=rng.randrange(-1 << 63, 1 << 63), lines=[line() for _ in range(rng.randrange(4))], nums=[rng.randrange(-1 << 40, 1 << 40) for _ in range(rng.randrange(5))],
              words=[text(20) for _ in range(rng.randrange(4))], colours=[rng.randrange(3) for _ in range(rng.randrange(4))], loose=[rng.uniform(0, 1) for _ in range(rng.randrange(3))])
    if rng.random() < 0.5:
        m.note = text(5)
    if rng.random() < 0.7:
        m.first.CopyFrom(line())
    if rng.random() < 0.7:
        m.at.seconds, m.at.nanos = rng.randrange(-10 ** 9, 10 ** 10), 1000 * rng.randrange(10 ** 6)
    which = rng.randrange(3)
    if which == 1:
        m.card = text(8)
    elif which == 2:
        m.cash = rng.randrange(-5, 5)
    for k in range(rng.randrange(3)):
        m.counts[f"k{k}"] = rng.randrange(100)
    return m


def all_types():
    """all types, written by Google's implementation, through a job, read by it again: the same"""
    topic, out, maps, job = unique("pb"), unique("pb-out"), unique("pb-maps"), unique("pb")
    create(topic, out, maps)
    sent = [order(i) for i in range(500)]
    produce(topic, ((i % 4, m.SerializeToString()) for i, m in enumerate(sent)))
    sql = write_job(job, table("t", WRITTEN + ", counts jsonb", topic, **options("Order"), **BOUNDED) + table("o", WRITTEN, out, **options("Order")) + table("m", "id bigint, counts jsonb", maps) +
                    f"INSERT INTO o SELECT {NAMES} FROM t;\nINSERT INTO m SELECT id, counts FROM t;")
    run(sql, job)
    assert not exists(f"{job}.dlq") or not read(f"{job}.dlq"), [m.headers() for m in read(f"{job}.dlq")][:3]
    got = sorted((Order.FromString(m.value()) for m in read(out)), key=lambda m: m.id)
    assert len(got) == len(sent)
    for g, s in zip(got, sent):
        counts = dict(s.counts)
        s.counts.clear()
        assert g == s, f"got {g}\nwant {s}"
        s.counts.update(counts)
    counted = {r["id"]: r["counts"] for r in (json.loads(m.value()) for m in read(maps))}
    assert counted == {s.id: dict(s.counts) for s in sent}


def damaged_and_unknown():
    """unknown fields are skipped; damaged messages are dead letters with a reason, and harm no neighbour"""
    topic, out, job = unique("pbd"), unique("pbd-out"), unique("pbd")
    create(topic, out)
    good = [Newer(id=i, added=text(30), more=line(), name=f"n{i}").SerializeToString() for i in range(300)]
    whole = order(7).SerializeToString() + Order(name="x" * 20).SerializeToString()
    bad = [whole[:-1], b"\xff" * 12, b"\x3a\x02\xff\xfe", b"\x0b", b"\x07\x01"]
    messages = good[:100] + bad + good[100:]
    produce(topic, ((i % 4, m) for i, m in enumerate(messages)))
    sql = write_job(job, table("t", "id bigint, name text", topic, **options("Order"), **BOUNDED) + table("o", "id bigint, name text", out) + "INSERT INTO o SELECT id, name FROM t;")
    run(sql, job, "-s", "epoch.max.rows=50")
    got = rows(out, "id", "name")
    want = Counter((str(i), f"n{i}") for i in range(300))
    assert got == want, differ(got, want)
    letters = {m.value(): dict(m.headers())["sparklet.reason"].decode() for m in read(f"{job}.dlq")}
    assert set(letters) == set(bad), letters
    assert all("protobuf message" in r or "not UTF-8" in r for r in letters.values()), letters


def keys():
    """keys as messages, into an upsert topic"""
    topic, out, job = unique("pbk"), unique("pbk-out"), unique("pbk")
    create(topic, out)
    produce(topic, ((i % 4, json.dumps({"id": i, "name": f"n{i}"}).encode()) for i in range(100)))
    sql = write_job(job, table("t", "id bigint, name text", topic, **BOUNDED) + table("o", "id bigint PRIMARY KEY, name text", out, connector="upsert-kafka", **{
        "format": "protobuf", "protobuf.message-class-name": "shop.Order", "protobuf.descriptor-file": str(SET), "key.format": "protobuf", "key.protobuf.message-class-name": "shop.Newer"}) +
                    "INSERT INTO o SELECT id, name FROM t;")
    run(sql, job)
    got = sorted(((Newer.FromString(m.key()), Order.FromString(m.value())) for m in read(out)), key=lambda kv: kv[0].id)
    assert got == [(Newer(id=i), Order(id=i, name=f"n{i}")) for i in range(100)], got[:2]


main(all_types, damaged_and_unknown, keys)
