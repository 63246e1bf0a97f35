"""Answers of DuckDB to the queries in DIR/queries.sql (one a line) over DIR/orders.csv and DIR/customers.csv, into DIR/0.out, DIR/1.out, ...

Not a test by itself: test_duckdb.c runs it.
"""
import sys

import duckdb

folder = sys.argv[1]
db = duckdb.connect(config={"threads": 1})
db.execute(f"""CREATE TABLE orders AS SELECT * FROM read_csv('{folder}/orders.csv', header = true, nullstr = '', columns = {{
  'id': 'INTEGER', 'customer': 'VARCHAR', 'amount': 'DECIMAL(10,2)', 'qty': 'SMALLINT', 'big': 'BIGINT', 'price': 'DOUBLE',
  'paid': 'BOOLEAN', 'at': 'TIMESTAMP', 'day': 'DATE', 'note': 'VARCHAR'}})""")
for number, query in enumerate(open(f"{folder}/queries.sql", encoding="utf-8")):
    rows = db.execute(f"SELECT * FROM ({query}) q").description
    columns = ", ".join(f'CAST(c{i} AS VARCHAR)' for i in range(len(rows)))
    names = ", ".join(f"c{i}" for i in range(len(rows)))
    with open(f"{folder}/{number}.out", "w", encoding="utf-8") as out:
        for row in db.execute(f"SELECT {columns} FROM ({query}) q({names})").fetchall():
            out.write("|".join("NULL" if value is None else value for value in row) + "\n")
