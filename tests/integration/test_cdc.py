#!/usr/bin/env python3
"""A database that changes, followed: PostgreSQL, Debezium in Kafka Connect, a job that joins and counts three tables. In the end its topic says what PostgreSQL says."""
import json, os, pathlib, signal, subprocess, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import *

SRC = pathlib.Path(__file__).resolve().parents[2]
CDC = str(SRC / "tools" / "cdc.sh")
PSQL = "/usr/lib/postgresql/15/bin/psql"
WORK = TMP / "cdc"
TRANSACTIONS = int(os.environ.get("CDC_TRANSACTIONS") or (5000 if LONG else 500))
KILLS = 5
rng = seed()


def have_services():
    """Only packages that cannot be fetched excuse this test."""
    fetched = subprocess.run([str(SRC / "tools" / "deps.sh"), "cdc"], capture_output=True, text=True)
    if fetched.returncode:
        print("Kafka Connect and Debezium cannot be had: " + (fetched.stderr.strip().splitlines() or ["?"])[-1])
        sys.exit(77)


def cdc(*args):
    env = {**os.environ, "CDC_OWNER": str(os.getpid())}
    done = subprocess.run([CDC, args[0], str(WORK), *args[1:]], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=env)
    assert done.returncode == 0, done.stderr


def psql(sql):
    port = (WORK / "pg.port").read_text().strip()
    done = subprocess.run([PSQL, "-h", "127.0.0.1", "-p", port, "-U", "cdc", "-d", "shop", "-qAtX", "-v", "ON_ERROR_STOP=1"], input=sql, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-1000:]
    return done.stdout


# --- what happens in the shop ---

customers, orders, lines = {1, 2, 3}, {1, 2, 3}, {(1, 1), (1, 2), (2, 1), (3, 1)}
fresh = iter(range(100, 10**9))


def new_customer():
    i = next(fresh)
    customers.add(i)
    about = "NULL" if rng.random() < 0.5 else f"repeat('{rng.choice('abc')}', {rng.choice((10, 3000, 9000))})"
    return f"INSERT INTO customers VALUES ({i}, 'name {rng.randrange(50)}', '{rng.choice(('basic', 'gold'))}', {about});"


def change_customer():
    i = rng.choice(sorted(customers))
    what = rng.choice(("name = 'name ' || {}", "tier = CASE tier WHEN 'gold' THEN 'basic' ELSE 'gold' END", "about = repeat('z', {} * 100)", "about = NULL", "tier = tier"))
    return f"UPDATE customers SET {what.format(rng.randrange(60))} WHERE id = {i};"


def move_customer():
    """Another key: a deletion, a tombstone and an insertion, of which the last may leave the long text out."""
    old, new = rng.choice(sorted(customers)), next(fresh)
    customers.remove(old)
    customers.add(new)
    return f"UPDATE customers SET id = {new} WHERE id = {old}; UPDATE orders SET customer_id = {new} WHERE customer_id = {old};"


def drop_customer():
    if len(customers) < 4:
        return new_customer()
    i = rng.choice(sorted(customers))
    customers.remove(i)
    return f"DELETE FROM customers WHERE id = {i};"


def new_order():
    i = next(fresh)
    orders.add(i)
    sql = f"INSERT INTO orders VALUES ({i}, {rng.choice(sorted(customers))}, 'open', timestamp '2025-01-01' + interval '{rng.randrange(10**6)} seconds' + interval '{rng.randrange(10**6)} microseconds');"
    for n in range(rng.randrange(4)):
        lines.add((i, n))
        sql += f"INSERT INTO order_lines VALUES ({i}, {n}, '{rng.choice(('tea', 'cup', 'pot'))}', {rng.randrange(1, 9)}, {rng.randrange(10000) / 100});"
    return sql


def change_order():
    i = rng.choice(sorted(orders))
    return f"UPDATE orders SET {rng.choice(('state = {0}', 'customer_id = {1}')).format(rng.choice(('$$open$$', '$$paid$$', '$$cancelled$$')), rng.choice(sorted(customers)))} WHERE id = {i};"


def change_line():
    if not lines:
        return new_order()
    o, n = rng.choice(sorted(lines))
    if rng.random() < 0.3:
        lines.remove((o, n))
        return f"DELETE FROM order_lines WHERE order_id = {o} AND line_no = {n};"
    return f"UPDATE order_lines SET qty = {rng.randrange(1, 9)}, price = price + {rng.randrange(-50, 50) / 100} WHERE order_id = {o} AND line_no = {n};"


def truncate_lines():
    lines.clear()
    return "TRUNCATE order_lines;"


ACTS = [new_customer] * 2 + [change_customer] * 4 + [move_customer, drop_customer] + [new_order] * 4 + [change_order] * 3 + [change_line] * 5


def transaction():
    acts = "".join(rng.choice(ACTS)() for _ in range(rng.choice((1, 1, 2, 4))))
    return f"BEGIN; {acts} COMMIT;\n"


# --- the whole way ---

ANSWER = """SELECT c.id, c.name, c.tier, length(c.about), count(DISTINCT o.id), sum(l.qty), sum(l.qty * l.price), max(o.placed_at)
FROM customers AS c LEFT JOIN orders AS o ON o.customer_id = c.id AND o.state <> 'cancelled' LEFT JOIN order_lines AS l ON l.order_id = o.id
GROUP BY c.id, c.name, c.tier, length(c.about);"""
COLUMNS = ("customer_id", "name", "tier", "about_length", "orders", "units", "total", "last_order")


def expected():
    rows = Counter()
    for line in psql(ANSWER).splitlines():
        v = line.split("|")
        total = f"{Decimal(v[6]):.6f}" if v[6] else "NULL"
        rows[tuple(x or "NULL" for x in v[:6]) + (total, v[7] or "NULL")] += 1
    return rows


def epochs(job):
    path = TMP / job / "events.jsonl"
    return path.read_text().count('"epoch.end"') if path.exists() else 0


def follow():
    """five kills of the job, one of the connector, changed keys, a truncate, values left out: the same as PostgreSQL"""
    cdc("postgres")
    psql((SRC / "examples/cdc/shop.sql").read_text())
    # Of several partitions a table's messages have no order among them.
    create("shop.public.customers", partitions=1)
    create("shop.public.orders", "spending", partitions=2)
    create("shop.public.order_lines", partitions=3)
    cdc("connect", BROKERS, str(SRC / "examples/cdc/shop.properties"))
    job, sql, p = unique("spending"), SRC / "examples/cdc/spending.sql", None
    env = {"BOOTSTRAP": BROKERS}
    parts = 2 * KILLS + 2
    for part in range(parts):
        if not p:
            done = epochs(job)
            p = start(sql, job, "-s", "checkpoint.interval=2s", env=env)
        script = "".join(transaction() for _ in range(TRANSACTIONS // parts))
        if part == parts // 2:
            script += truncate_lines()
        psql(script)
        if part % 2 == 1 and part < 2 * KILLS:
            wait_for("an epoch of the job", lambda: epochs(job) > done)
            assert p.poll() is None, errors(job)
            p.kill()
            p.wait()
            p = None
        if part == parts - 3:
            cdc("kill-connect")
            cdc("connect", BROKERS, str(SRC / "examples/cdc/shop.properties"))
    want = expected()
    assert want.total() == len(customers)

    def there():
        assert p.poll() is None, errors(job)
        return folded("spending", *COLUMNS) == want

    try:
        wait_for("the topic to say what PostgreSQL says", there, 120)
    except AssertionError:
        raise AssertionError(differ(folded("spending", *COLUMNS), want) + "\n" + errors(job)[-300:])
    p.send_signal(signal.SIGTERM)
    assert p.wait(20 * SLOW) == 0, errors(job)
    left = subprocess.run([BIN, "dlq", job, "list", "--dir", str(TMP / job)], capture_output=True, text=True)
    print("# " + " | ".join(left.stdout.splitlines()[-2:]))
    assert psql(ANSWER), "PostgreSQL answers"


have_services()
try:
    main(follow)
finally:
    cdc("stop")
