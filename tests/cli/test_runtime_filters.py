#!/usr/bin/env python3
"""Runtime filters end to end: what EXPLAIN says of them, what they leave out, and that answers are the same with and without them."""
import json, os, pathlib, random, re, sys

import duckdb

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import main
from program import folder, sparklet

CWD = folder("runtime-filters")
SEED = int(os.environ.get("SPARKLET_SEED") or random.SystemRandom().randrange(2**32))
print(f"# seed: {SEED} (SPARKLET_SEED={SEED} repeats it)")
R = random.Random(SEED)
SALES, ITEMS = 20000, 500


def make():
    """Sales by item and day in directories by region; items, of which a class has few."""
    for region in ("north", "south"):
        (CWD / f"sales/region={region}").mkdir(parents=True)
        with open(CWD / f"sales/region={region}/part.csv", "w") as f:
            f.write("id,item,day,price,note\n")
            for i in range(SALES):
                item = "" if R.random() < 0.02 else R.randrange(2 * ITEMS)
                f.write(f'{i},{item},2024-0{R.randrange(1, 10)}-1{R.randrange(10)},{R.randrange(10**6) / 100:.2f},"{region}, {i % 7}"\n')
    with open(CWD / "items.csv", "w") as f:
        f.write("item,class,name,region\n")
        for i in range(ITEMS):
            f.write(f"{i},{'rare' if i % 50 == 7 else 'common'},item {i},{R.choice(['north', 'south'])}\n")
    (CWD / "none.csv").write_text("item,class,name,region\n")


make()
FROM = "FROM 'sales' s {join} JOIN (SELECT * FROM 'items.csv' WHERE class = 'rare') i ON {on}"
JOIN = FROM.format(join="", on="s.item = i.item")


def explain(text, *options, analyze=True):
    return sparklet(CWD, "explain", *(("--analyze",) if analyze else ()), *options, "-c", text).stdout


def scan(text, table):
    """The plan's line of the table's scan."""
    return next(line for line in text.splitlines() if f" {table} (filesystem)" in line and "Scan #" in line)


def is_shown():
    """EXPLAIN names the key that the scan is asked for; ANALYZE says how many rows were left out; join.runtime-filters = never has none"""
    query = "SELECT count(*), sum(price) " + JOIN
    assert "runtime filter: item]" in scan(explain(query, analyze=False), "sales"), explain(query, analyze=False)
    line = scan(explain(query), "sales")
    rows, filtered = (int(re.search(rf"{name}=(\d+)", line).group(1)) for name in ("rows", "filtered"))
    assert rows + filtered == 2 * SALES and rows < SALES / 10, line
    line = scan(explain(query, "-s", "join.runtime-filters=never"), "sales")
    assert "runtime filter" not in line and f"rows={2 * SALES}" in line, line


def is_chosen():
    """No filter where every row meets one, unless it is asked for; none for rows that come out without a match"""
    all_items = "SELECT count(*) FROM 'sales' s JOIN 'sales' t ON s.id = t.id"
    assert "runtime filter" not in explain(all_items, analyze=False)
    assert "runtime filter: id]" in explain(all_items, "-s", "join.runtime-filters=always", analyze=False)
    for join in ("LEFT", "FULL"):
        text = "SELECT count(*) " + FROM.format(join=join, on="s.item = i.item")
        assert "runtime filter" not in explain(text, "-s", "join.runtime-filters=always", analyze=False)
    assert "runtime filter" not in explain("SELECT count(*) FROM 'sales' WHERE item NOT IN (SELECT item FROM 'items.csv')", "-s", "join.runtime-filters=always", analyze=False)


def nothing_to_meet():
    """When the build side of an inner or semi join is empty, the probe side is not read"""
    for text in ("SELECT count(*) FROM 'sales' s JOIN 'none.csv' i ON s.item = i.item::int", "SELECT count(*) FROM 'sales' WHERE item IN (SELECT item::int FROM 'none.csv')",
                 "SELECT count(*) FROM 'sales' s JOIN 'items.csv' i ON s.item = i.item AND i.class = 'no such class'"):
        whole = explain(text)
        assert "rows=0 " in scan(whole, "sales"), whole
        assert json.loads(sparklet(CWD, "sql", "--format", "json", "-c", text).stdout) == {"count": 0}
    left = "SELECT count(*) FROM 'sales' s LEFT JOIN 'none.csv' i ON s.item = i.item::int"
    assert json.loads(sparklet(CWD, "sql", "--format", "json", "-c", left).stdout) == {"count": 2 * SALES}


QUERIES = [
    "SELECT count(*) AS n, sum(price) AS s, min(note) AS t " + JOIN,
    "SELECT count(*) AS n, sum(price) AS s FROM 'sales' WHERE item IN (SELECT item FROM 'items.csv' WHERE class = 'rare')",
    "SELECT count(*) AS n, sum(price) AS s FROM 'sales' s WHERE EXISTS (SELECT 1 FROM 'items.csv' i WHERE i.item = s.item AND i.region = s.region AND class = 'rare')",
    "SELECT count(*) AS n, sum(price) AS s, max(name) AS m FROM 'items.csv' i LEFT JOIN 'sales' s ON s.item = i.item AND s.price > 5000 WHERE class = 'rare'",
    "SELECT count(*) AS n, min(name) AS m FROM 'items.csv' i WHERE class = 'rare' AND NOT EXISTS (SELECT 1 FROM 'sales' s WHERE s.item = i.item AND price > 9900)",
    "SELECT count(*) AS n, sum(s.price) AS s FROM 'sales' s JOIN 'items.csv' i ON s.item = i.item AND i.class = 'rare' JOIN 'items.csv' k ON k.item = s.id % 500 AND k.region = s.region AND k.class = 'rare'",
    "SELECT count(*) AS n, sum(p) AS s FROM (SELECT item + 0 AS item, price * 2 AS p, note FROM 'sales' WHERE day > '2024-03-01') s JOIN 'items.csv' i ON s.item = i.item WHERE class = 'rare'",
    "SELECT count(*) AS n, sum(price) AS s FROM (SELECT * FROM 'sales' UNION ALL SELECT * FROM 'sales' WHERE price < 100) s JOIN 'items.csv' i USING (item) WHERE class = 'rare'",
]


def duck():
    db = duckdb.connect()
    db.sql(f"CREATE VIEW sales AS FROM read_csv('{CWD}/sales/*/part.csv', hive_partitioning = true, types = {{'price': 'DECIMAL(18,2)', 'item': 'BIGINT', 'day': 'DATE'}})")
    db.sql(f"CREATE VIEW items AS FROM read_csv('{CWD}/items.csv')")
    return db


def answers_are_the_same():
    """Joins of every kind over ranges of any size, also when the build side is on disk, exchanged or broadcast: DuckDB's answers"""
    db = duck()
    for text in QUERIES:
        cursor = db.execute(text.replace("'sales'", "sales").replace("'items.csv'", "items"))
        want = [float(x) if i == 1 and not isinstance(x, str) and x is not None else x for i, x in enumerate(cursor.fetchone())]
        for mode in ("auto", "always", "never"):
            for hint in ("", "/*+ BROADCAST(i) */ ", "/*+ SHUFFLE_HASH(i) */ "):
                options = ("-s", f"join.runtime-filters={mode}", "-s", f"files.range={R.choice(['0', '10000', '100000'])}", "-s", f"batch.rows={R.choice([100, 4096])}")
                done = sparklet(CWD, "sql", "--format", "json", *options, "-c", text.replace("SELECT ", "SELECT " + hint, 1), fault=R.choice([None, "spill.wanted:1+"]))
                row = list(json.loads(done.stdout).values())
                row = [float(x) if i == 1 and not isinstance(x, str) and x is not None else x for i, x in enumerate(row)]
                assert row[0] == want[0] and row[2:] == want[2:] and (isinstance(row[1], str) or row[1] is None or abs(row[1] - want[1]) <= 1e-6 * abs(want[1])) and type(row[1]) is type(want[1]), (text, options, hint, row, want)


main(is_shown, is_chosen, nothing_to_meet, answers_are_the_same)
