"""Tables of every type with their messages: a and c are added to, e and f change (debezium-json, by their id); a, c and f have a watermark, under which no message comes and no row changes."""
import json, re
from datetime import datetime, timedelta

from relations import Column, Relation

START, DELAY = datetime(2024, 1, 1), timedelta(seconds=4)
COLUMNS = {
    "a": "id bigint, k bigint, x integer, g text, n numeric(10,2), d double precision, b boolean, ts timestamp, z timestamptz, arr bigint[], r row<p int, q text>, j jsonb",
    "c": "id bigint, k bigint, x integer, h text, ts timestamp",
    "e": "id bigint, k bigint, g text, n numeric(10,2), b boolean, ts timestamp, arr bigint[], r row<p int, q text>, j jsonb",
    "f": "id bigint, k bigint, h text, x integer, ts timestamp",
}
ADDED, CHANGED, TIMED = "ac", "ef", "acf"
KINDS = {"bigint": "int", "integer": "int", "text": "text", "numeric(10,2)": "num", "double precision": "dbl", "boolean": "bool", "timestamp": "ts", "timestamptz": "tz", "bigint[]": "arr",
         "row<p int, q text>": "rec", "jsonb": "json"}
DUCKS = {"row<p int, q text>": "STRUCT(p INT, q TEXT)", "jsonb": "JSON"}
ENVELOPES = "'format' = 'debezium-json', 'debezium-json.decimal.handling.mode' = 'string', 'debezium-json.timestamp-unit' = 'us'"


def microseconds(t):
    return round((t - datetime(1970, 1, 1)).total_seconds() * 1e6)


def literal(v, type):
    """For DuckDB."""
    if v is None or isinstance(v, (bool, int, float)):
        return "NULL" if v is None else str(v)
    if isinstance(v, datetime):
        return f"TIMESTAMPTZ '{v}+00'" if type == "timestamptz" else f"TIMESTAMP '{v}'"
    if isinstance(v, list):
        return "[" + ", ".join(literal(x, "bigint") for x in v) + "]::bigint[]"
    if type.startswith("row"):
        return "{'p': %s, 'q': %s}" % (v["p"], literal(v["q"], "text"))
    return "'" + (json.dumps(v) if type == "jsonb" else v) + "'"


class Tables:
    def __init__(self, rng, rows, partitions):
        """partitions: at the most, of each."""
        self.rng, self.most = rng, partitions
        self.columns = {t: [tuple(c.split(" ", 1)) for c in re.split(r", (?![^<(]*[>)])", text)] for t, text in COLUMNS.items()}
        # By partition, messages: what is written, and the rows that it adds (1) and takes back (-1).
        self.messages = {t: (self.added if t in ADDED else self.changed)(t, rows) for t in COLUMNS}

    def value(self, type):
        r = self.rng
        if r.random() < 0.12:
            return None
        return {"bigint": lambda: r.randrange(6), "integer": lambda: r.randrange(-5, 12), "text": lambda: r.choice(["x", "yy", "zed", "", "a longer text of 26 bytes"]),
                "numeric(10,2)": lambda: f"{r.randrange(-300, 900) / 100:.2f}", "double precision": lambda: r.randrange(-20, 40) / 4, "boolean": lambda: r.random() < 0.5,
                "timestamptz": lambda: START + timedelta(seconds=3 * r.randrange(20)), "bigint[]": lambda: [None if r.random() < 0.15 else r.randrange(5) for _ in range(r.randrange(4))],
                "row<p int, q text>": lambda: {"p": r.randrange(4), "q": r.choice(["u", "v", None])}, "jsonb": lambda: {"a": r.choice("stx"), "b": [r.randrange(3)]}}[type]()

    def row(self, t, id, now):
        """Its time may be before others', but is not under the watermark."""
        ts = now - timedelta(milliseconds=self.rng.choice([0, 0, 250, 1000, 2500, 3900]))
        return {c: id if c == "id" else ts if c == "ts" else self.value(type) for c, type in self.columns[t]}

    def added(self, t, rows):
        parts, id = [[] for _ in range(self.rng.randrange(self.most) + 1)], 0
        for part in parts:
            now = START
            for _ in range(rows // len(parts) + 1):
                now += timedelta(milliseconds=self.rng.choice([0, 250, 500, 1000, 3000])) * len(parts)
                id += 1
                row = self.row(t, id, now)
                part.append((row, [(1, row)]))
        return parts

    def changed(self, t, rows):
        parts = [[] for _ in range(self.rng.randrange(self.most) + 1)]
        for n, part in enumerate(parts):
            now, top, there = START, START, {}
            for i in range(rows // len(parts) + 1):
                now += timedelta(milliseconds=self.rng.choice([0, 250, 500, 1000]))
                part.append(self.change(t, there, now, top, n + len(parts) * i))
                top = max(top, *(row["ts"] for _, row in part[-1][1]))
        return parts

    def change(self, t, there, now, top, id):
        """A message of a key of `there`, or of a new one; top: the latest time so far."""
        keys = [k for k, row in there.items() if t not in TIMED or row["ts"] > top - DELAY]
        op = self.rng.choice("cccuud") if keys else "c"
        if op == "c":
            there[id] = self.row(t, id, now)
            return {"before": None, "after": there[id], "op": "c"}, [(1, there[id])]
        k = self.rng.choice(keys)
        old = there.pop(k)
        if op == "d":
            return {"before": old, "after": None, "op": "d"}, [(-1, old)]
        there[k] = {**old, "k": self.value("bigint")} if self.rng.random() < 0.4 else self.row(t, k, now)
        return {"before": old, "after": there[k], "op": "u"}, [(-1, old), (1, there[k])]

    # --- as ours ---

    def relation(self, t):
        return Relation(t, [Column(c, KINDS[type]) for c, type in self.columns[t]], unique=("id",), time="ts" if t in TIMED else None, size=sum(map(len, self.messages[t])))

    def ddl(self, watched):
        out = ""
        for t, columns in COLUMNS.items():
            columns += ", WATERMARK FOR ts AS ts - INTERVAL '4' SECOND" if t in TIMED else ""
            columns += ", PRIMARY KEY (id) NOT ENFORCED" if t in CHANGED else ""
            options = ("'format' = 'json'" if t in ADDED else ENVELOPES) + (", 'source.monitor-interval' = '100 ms'" if watched else "")
            out += f"CREATE TABLE {t} ({columns}) WITH ('connector' = 'filesystem', 'path' = 'in/{t}-*.json', {options});\n"
        return out

    def image(self, t, row):
        def plain(v, type):
            if isinstance(v, datetime):
                return microseconds(v) if t in CHANGED and type == "timestamp" else f"{v}+00" if type == "timestamptz" else str(v)
            return json.dumps(v) if t in CHANGED and type == "jsonb" and v else v
        return row and {c: plain(row[c], type) for c, type in self.columns[t]}

    def write(self, folder, upto):
        """The first upto[table][partition] messages."""
        (folder / "in").mkdir(exist_ok=True)
        for t, parts in self.messages.items():
            for n, part in enumerate(parts):
                lines = [self.image(t, m) if t in ADDED else {**m, "before": self.image(t, m["before"]), "after": self.image(t, m["after"]), "source": {"ts_ms": 1}} for m, _ in part[:upto[t][n]]]
                (folder / "in" / f"{t}-{n}.json").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def whole(self):
        return {t: [len(p) for p in parts] for t, parts in self.messages.items()}

    def more(self, upto):
        return {t: [self.rng.randrange(upto[t][n], len(p) + 1) for n, p in enumerate(parts)] for t, parts in self.messages.items()}

    # --- as DuckDB's ---

    def rows(self, t, upto):
        there = {}
        for n, part in enumerate(self.messages[t]):
            for _, deltas in part[:upto[t][n]]:
                for weight, row in deltas:
                    there.pop((n, row["id"]), None)
                    if weight > 0:
                        there[n, row["id"]] = row
        return there.values()

    def fill(self, duck, upto):
        for t, columns in self.columns.items():
            duck.execute(f"CREATE TABLE {t} ({', '.join(f'{c} {DUCKS.get(type, type)}' for c, type in columns)})")
            rows = ["(" + ", ".join(literal(row[c], type) for c, type in columns) + ")" for row in self.rows(t, upto)]
            if rows:
                duck.execute(f"INSERT INTO {t} VALUES " + ", ".join(rows))
