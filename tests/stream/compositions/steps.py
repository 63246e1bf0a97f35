"""Random queries as views over views, a construct each."""
from relations import COMPARED, GROUPS, KEYS, Column, Expressions, Relation, both

SMALL = ["filter", "project", "aggregate", "distinct", "top", "over", "set_operation", "semi", "scalar", "window", "unnest", "distinct_on", "grouping"]
ALL = SMALL + ["join"] * 4 + ["window"] * 2 + ["time_join"] * 3 + ["aggregate", "over", "lateral", "self_join", "limit", "quantified", "window_again", "cte", "chain", "exists_value", "group_expression"]
MOST_ROWS = 3000


class Steps(Expressions):
    """bounded: the tables have an end, so that what waits for the watermark comes out."""

    def __init__(self, rng, tables, depth, bounded):
        super().__init__(rng)
        self.tables, self.bounded = tables, bounded
        self.views = []             # (relation, its query)
        self.last = self.pick(tables)
        for _ in range(depth):
            made = self.step(self.last, ALL)
            self.last = made if made and made.size < MOST_ROWS else self.last
        if not self.views:
            self.last = self.filter(self.last)

    def step(self, rel, kinds):
        for _ in range(10 if rel.columns else 0):
            made = getattr(self, self.pick(kinds))(rel)
            if made:
                return made
        return None

    def source(self):
        """A view that is there, a table, or something made of one."""
        if self.views and self.chance(0.25):
            return self.pick(self.views)[0]
        rel = self.pick(self.tables)
        for _ in range(self.pick([0, 0, 0, 1, 1, 2])):
            rel = self.step(rel, SMALL) or rel
        return rel

    def view(self, text, columns, **what):
        rel = Relation(self.name("v"), columns, **what)
        rel.unique = rel.unique if rel.unique and rel.has(*rel.unique) else None
        rel.time = rel.time if rel.has(rel.time) else None
        rel.windowed = rel.windowed and rel.has("window_start", "window_end")
        self.views.append((rel, text))
        return rel

    def same(self, rel, text, share=0.6):
        """Some of its rows."""
        return self.view(text, rel.columns, unique=rel.unique, time=rel.time, size=rel.size * share, windowed=rel.windowed, width=rel.width)

    # --- rows one by one ---

    def filter(self, rel):
        return self.same(rel, f"SELECT * FROM {rel.name} WHERE {self.condition(rel.columns, 2)}")

    def project(self, rel):
        keep = [c for c in rel.columns if self.chance(0.7) or c.name == rel.time] or rel.columns[:1]
        made = [Column(self.name(), self.pick(["int", "text", "bool", "num"])) for _ in range(self.pick([1, 2]))]
        outs = [c.name for c in keep] + [f"{self.expression(rel.columns, c.kind, 2)} AS {c.name}" for c in made]
        return self.view(f"SELECT {', '.join(outs)} FROM {rel.name}", keep + made, unique=rel.unique, time=rel.time, size=rel.size)

    def unnest(self, rel):
        arrays, n = rel.of("arr"), self.name()
        if not arrays:
            return None
        return self.view(f"SELECT a.*, u.{n} FROM {rel.name} AS a CROSS JOIN {both('LATERAL ', '')}unnest(a.{self.pick(arrays).name}) AS u ({n})", rel.columns + [Column(n, "int")], size=rel.size * 1.5, time=rel.time)

    # --- groups ---

    def calls(self, rel, count):
        made = [self.call(rel) for _ in range(count)]
        filters = [f" FILTER (WHERE {self.condition(rel.columns)})" if self.chance(0.25) else "" for _ in made]
        return [f"{text}{f} AS {c.name}" for (text, c), f in zip(made, filters)], [c for _, c in made]

    def call(self, rel):
        def column(*kinds):
            return self.pick(rel.of(*kinds) or [None])
        number, ordered, i, text, b = column("int", "num", "dbl"), column("int", "num", "text", "ts"), column("int"), column("text"), column("bool")
        forms = [("count(*)", "int")]
        if number:
            total = "num" if number.kind == "int" else number.kind
            forms += [(f"sum({number.name})", total), (f"sum(DISTINCT {number.name})", total), (f"avg({number.name})", "float"), (f"percentile_cont(0.5) WITHIN GROUP (ORDER BY {number.name}::double precision)", "float"),
                      (f"percentile_disc(0.3) WITHIN GROUP (ORDER BY {number.name} DESC)", number.kind)]
        if ordered:
            forms += [(f"min({ordered.name})", ordered.kind), (f"max({ordered.name})", ordered.kind), (f"count(DISTINCT {ordered.name})", "int"), (f"count({ordered.name})", "int")]
        if i:
            forms += [(f"array_agg({i.name} ORDER BY {i.name} NULLS LAST)", "arr"), (f"array_agg(DISTINCT {i.name} ORDER BY {i.name} NULLS LAST)", "arr"), (f"bit_or({i.name})", "int")]
        if text:
            forms += [(f"string_agg({text.name}, ',' ORDER BY {text.name})", "text"), (f"string_agg(DISTINCT {text.name}, ',' ORDER BY {text.name})", "text")]
        if text and rel.unique:
            forms += [(f"first({text.name} ORDER BY {self.order([ordered.name], rel.unique)})", "text")]
        if b:
            forms += [(f"bool_and({b.name})", "bool"), (f"bool_or({b.name})", "bool")]
        call, kind = self.pick(forms)
        return call, Column(self.name(), kind)

    def aggregate(self, rel):
        keys = self.some(rel.of(*GROUPS), [0, 1, 1, 1, 2, 2])
        if rel.windowed and self.chance(0.8):
            keys = [c for c in keys if c.name not in ("window_start", "window_end")] + [Column("window_start", "ts"), Column("window_end", "ts")][self.chance(0.2):]
        outs, made = self.calls(rel, self.pick([1, 2, 3]))
        names = [c.name for c in keys]
        having = " HAVING " + self.pick(["count(*) > 1", "count(*) % 2 = 0", "count(*) < 5"]) if self.chance(0.25) else ""
        group = f" GROUP BY {', '.join(names)}" if names else ""
        return self.view(f"SELECT {', '.join(names + outs)} FROM {rel.name}{group}{having}", keys + made, unique=tuple(names), time="window_end" if rel.windowed else None, size=min(rel.size, 6 ** len(names)), windowed=rel.windowed)

    def grouping(self, rel):
        keys = self.some(rel.of(*KEYS), [2])
        if len(keys) < 2:
            return None
        (a, b), level = (c.name for c in keys), Column(self.name(), "int")
        sets = self.pick([f"ROLLUP ({a}, {b})", f"CUBE ({a}, {b})", f"GROUPING SETS (({a}), ({b}), ())", f"GROUPING SETS (({a}, {b}), ({b}))"])
        outs, made = self.calls(rel, self.pick([1, 2]))
        return self.view(f"SELECT {a}, {b}, GROUPING({a}, {b}) AS {level.name}, {', '.join(outs)} FROM {rel.name} GROUP BY {sets}", keys + [level] + made, unique=(a, b, level.name), size=min(rel.size, 30))

    def group_expression(self, rel):
        keys, n = rel.of("int", "text", "num", "ts"), self.name()
        if not keys:
            return None
        key = self.pick(keys)
        by, kind = {"int": ("{} % 2", "int"), "num": ("{} > 2", "bool"), "text": ("upper({})", "text"), "ts": ("date_trunc('minute', {})", "ts")}[key.kind]
        outs, made = self.calls(rel, 2)
        return self.view(f"SELECT {by.format(key.name)} AS {n}, {', '.join(outs)} FROM {rel.name} GROUP BY {by.format(key.name)}", [Column(n, kind)] + made, unique=(n,), size=8)

    def distinct(self, rel):
        columns = self.some(rel.of(*COMPARED), [1, 2, 3])
        if not columns:
            return None
        names = tuple(c.name for c in columns)
        return self.view(f"SELECT DISTINCT {', '.join(names)} FROM {rel.name}", columns, unique=names, size=rel.size * 0.5, time=rel.time)

    def cte(self, rel):
        """One relation three times."""
        if not rel.of("int"):
            return None
        key, a, b, n = self.pick(rel.of("int")).name, self.name(), self.name(), self.name()
        return self.view(f"WITH w AS (SELECT {key} AS {a}, count(*) AS {b} FROM {rel.name} GROUP BY {key}) SELECT w.{a}, w.{b}, (SELECT max({b}) FROM w) AS {n} FROM w WHERE w.{b} * 2 >= (SELECT max({b}) FROM w)",
                         [Column(a, "int"), Column(b, "int"), Column(n, "int")], unique=(a,), size=6)

    # --- rows in order ---

    def ranked(self, rel):
        """Columns to show, and what tells rows apart: all that they have, if nothing else does."""
        if rel.unique:
            return rel.columns, list(rel.unique)
        return rel.of(*COMPARED), [c.name for c in rel.of(*COMPARED)]

    def partition(self, rel):
        names = [c.name for c in self.some(rel.of(*KEYS), [0, 1, 1, 2])]
        if rel.windowed and self.chance(0.6):
            names = [n for n in names if n not in ("window_start", "window_end")] + ["window_start", "window_end"]
        return names, f"PARTITION BY {', '.join(names)} " if names else ""

    def top(self, rel):
        columns, total = self.ranked(rel)
        by = [c.name for c in columns if c.kind in COMPARED]
        if not by:
            return None
        n, rank, (names, partition) = self.name(), self.pick(["row_number", "row_number", "rank", "dense_rank"]), self.partition(rel)
        order = self.order([self.pick(by)], total if rank == "row_number" else ())
        shown = columns + ([Column(n, "int")] if self.chance(0.5) else [])
        bound = self.pick([f"{n} <= {self.rng.randrange(1, 4)}", f"{n} = 1", f"{n} BETWEEN 2 AND 3", f"{n} = 2"])
        inner = f"SELECT {', '.join(c.name for c in columns)}, {rank}() OVER ({partition}ORDER BY {order}) AS {n} FROM {rel.name}"
        return self.view(f"SELECT {', '.join(c.name for c in shown)} FROM ({inner}) AS t WHERE {bound}", shown, unique=rel.unique, size=rel.size * 0.5, time=rel.time if "window_end" in names else None, windowed=rel.windowed)

    def distinct_on(self, rel):
        columns, total = self.ranked(rel)
        by, keys = [c.name for c in columns if c.kind in COMPARED], self.some([c.name for c in columns if c.kind in KEYS], [1, 1, 2])
        if not keys:
            return None
        order = self.order([n for n in [self.pick(by)] if n not in keys], [n for n in total if n not in keys])
        return self.view(f"SELECT DISTINCT ON ({', '.join(keys)}) {', '.join(c.name for c in columns)} FROM {rel.name} ORDER BY {', '.join(keys + ([order] if order else []))}", columns, unique=tuple(keys), size=rel.size * 0.4)

    def limit(self, rel):
        columns, total = self.ranked(rel)
        by = [c.name for c in columns if c.kind in COMPARED]
        if not by:
            return None
        return self.view(f"SELECT {', '.join(c.name for c in columns)} FROM {rel.name} ORDER BY {self.order([self.pick(by)], total)} {self.pick(['LIMIT 3', 'LIMIT 5 OFFSET 2', 'LIMIT 1'])}", columns, unique=rel.unique, size=5)

    def over(self, rel):
        columns, total = self.ranked(rel)
        by = [c.name for c in columns if c.kind in COMPARED]
        if not by:
            return None
        _, partition = self.partition(rel)
        if rel.time in by and self.chance(0.5):
            order = ", ".join([rel.time] + ([self.order([], [n for n in total if n != rel.time])] if set(total) - {rel.time} else []))
        else:
            order = self.order([self.pick(by)], total)
        calls = [self.over_call(columns, partition, order) for _ in range(self.pick([1, 2]))]
        return self.view(f"SELECT {', '.join([c.name for c in columns] + [f'{text} AS {c.name}' for text, c in calls])} FROM {rel.name}", columns + [c for _, c in calls], unique=rel.unique, size=rel.size, time=rel.time, windowed=rel.windowed)

    def over_call(self, columns, partition, order):
        frame = self.pick(["", "", " ROWS BETWEEN 2 PRECEDING AND CURRENT ROW", " ROWS UNBOUNDED PRECEDING", " ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING", " ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
                           " ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING"])
        w, framed = f"OVER ({partition}ORDER BY {order})", f"OVER ({partition}ORDER BY {order}{frame})"
        forms = [(f"row_number() {w}", "int"), (f"count(*) {framed}", "int"), (f"ntile(3) {w}", "int")]
        for c in columns:
            if c.kind == "int":
                forms += [(f"sum({c.name}) {framed}", "num"), (f"sum({c.name}) OVER ({partition.strip()})", "num"), (f"max({c.name}) {framed}", "int")]
            if c.kind in ("int", "text", "num", "ts"):
                forms += [(f"{f} {w}", c.kind) for f in (f"lag({c.name})", f"lag({c.name}, 2)", f"lead({c.name})")] + [(f"{f}({c.name}) {framed}", c.kind) for f in ("first_value", "last_value")]
                forms += [(f"{f}() OVER ({partition}ORDER BY {self.order([c.name])})", "int") for f in ("rank", "dense_rank")]
        text, kind = self.pick(forms)
        return text, Column(self.name(), kind)

    # --- several relations ---

    def pairs(self, a, b, kinds=KEYS):
        return [(x, y) for x in a.of(*kinds) for y in b.of(*kinds) if x.kind == y.kind]

    def equality(self, a, b):
        """Of columns with few values, if there are some."""
        pairs = self.pairs(a, b)
        return pairs and self.pick([p for p in pairs if p[0].kind in ("int", "text")] or pairs)

    def more(self, a, b):
        pairs = self.pairs(a, b, ("int", "num", "text", "ts"))
        if pairs and self.chance(0.7):
            x, y = self.pick(pairs)
            return f"a.{x.name} {self.pick(['<', '<=', '>', '<>'])} b.{y.name}"
        return self.condition(a.columns, 0, "a.") if self.chance(0.5) else self.condition(b.columns, 0, "b.")

    def set_operation(self, rel):
        other, pairs = rel if self.chance(0.2) else self.source(), []
        for c in rel.of(*COMPARED):
            fit = [d for d in other.of(c.kind) if all(d != y for _, y in pairs)]
            if fit and len(pairs) < 4 and self.chance(0.7):
                pairs.append((c, self.pick(fit)))
        if not pairs:
            return None
        op, columns = self.pick(["UNION", "UNION ALL", "UNION ALL", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL"]), [Column(self.name(), c.kind) for c, _ in pairs]
        time = [n.name for (c, d), n in zip(pairs, columns) if op == "UNION ALL" and (c.name, d.name) == (rel.time, other.time)]
        left, right = ", ".join(f"{c.name} AS {n.name}" for (c, _), n in zip(pairs, columns)), ", ".join(d.name for _, d in pairs)
        where = f" WHERE {self.condition(other.columns)}" if self.chance(0.4) else ""
        return self.view(f"SELECT {left} FROM {rel.name} {op} SELECT {right} FROM {other.name}{where}", columns, unique=None if "ALL" in op else tuple(c.name for c in columns), size=rel.size + other.size, time=time[0] if time else None)

    def joined(self, a, b, kind, on, time=None):
        """time: of which side and column."""
        outs, columns, names = [], [], {}
        for rel, alias in ((a, "a"), (b, "b")):
            for c in rel.columns:
                if c.name == rel.time or c.name in (rel.unique or ()) or self.chance(0.7):
                    names[alias, c.name] = self.name()
                    outs.append(f"{alias}.{c.name} AS {names[alias, c.name]}")
                    columns.append(Column(names[alias, c.name], c.kind))
        unique = tuple(names["a", u] for u in a.unique) + tuple(names["b", u] for u in b.unique) if a.unique and b.unique else None
        return self.view(f"SELECT {', '.join(outs)} FROM {a.name} AS a {kind} {b.name} AS b ON {on}", columns, unique=unique, size=min(a.size * b.size / 4, a.size + b.size * 3), time=names.get(time))

    def join(self, rel, other=None):
        other = other or self.source()
        equal = self.equality(rel, other)
        if not equal or rel.size * other.size > 40000:
            return None
        kind = self.pick(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
        on = [f"a.{equal[0].name} {'IS NOT DISTINCT FROM' if self.chance(0.07) else '='} b.{equal[1].name}"] + ([self.more(rel, other)] if self.chance(0.4) else [])
        if rel.size * other.size < 1500 and kind != "FULL JOIN" and self.chance(0.1):
            on = [self.more(rel, other)]
        return self.joined(rel, other, kind, " AND ".join(on))

    def self_join(self, rel):
        return self.join(rel, rel)

    def chain(self, rel):
        """Three in one FROM."""
        b, c = self.source(), self.source()
        first, second = self.equality(rel, b), self.equality(b, c)
        if not first or not second or rel.size * b.size * c.size > 150000:
            return None
        shown = [(alias, col, Column(self.name(), col.kind)) for r, alias in ((rel, "a"), (b, "b"), (c, "c")) for col in self.some(r.columns, [3])]
        outs = ", ".join(f"{alias}.{col.name} AS {new.name}" for alias, col, new in shown)
        joins = [self.pick(["JOIN", "LEFT JOIN", "FULL JOIN"]), self.pick(["JOIN", "LEFT JOIN", "LEFT JOIN"])]
        where = f" WHERE {self.condition(rel.columns, 1, 'a.')}" if self.chance(0.3) else ""
        return self.view(f"SELECT {outs} FROM {rel.name} AS a {joins[0]} {b.name} AS b ON a.{first[0].name} = b.{first[1].name} {joins[1]} {c.name} AS c ON b.{second[0].name} = c.{second[1].name}{where}",
                         [new for _, _, new in shown], size=min(MOST_ROWS, rel.size * b.size * c.size / 30))

    def semi(self, rel):
        other = self.source()
        pairs = self.pairs(rel, other, ("int", "text"))
        if not pairs:
            return None
        (x, y), (u, v), no = self.pick(pairs), self.pick(pairs), self.pick(["", "NOT "])
        exists = f"{no}EXISTS (SELECT 1 FROM {other.name} AS b WHERE b.{y.name} = a.{x.name}"
        return self.same(rel, f"SELECT * FROM {rel.name} AS a WHERE " + self.pick([
            f"{x.name} {no}IN (SELECT {y.name} FROM {other.name})", f"{x.name} {no}IN (SELECT {y.name} FROM {other.name} WHERE {self.condition(other.columns)}) AND {self.condition(rel.columns)}",
            f"{x.name} {no}IN (SELECT b.{y.name} FROM {other.name} AS b WHERE b.{v.name} = a.{u.name})", f"({exists}) OR {self.condition(rel.columns, 0, 'a.')})", f"{exists})", f"{exists} AND {self.more(rel, other)})"]))

    def quantified(self, rel):
        other = self.source()
        pairs = self.pairs(rel, other, ("int", "num", "text"))
        if not pairs:
            return None
        x, y = self.pick(pairs)
        where = f" WHERE b.{y.name} IS NOT NULL" if self.chance(0.6) else ""
        return self.same(rel, f"SELECT * FROM {rel.name} AS a WHERE a.{x.name} {self.pick(['=', '<', '>=', '<>'])} {self.pick(['ANY', 'ALL'])} (SELECT b.{y.name} FROM {other.name} AS b{where})")

    def scalar(self, rel):
        other, n = self.source(), self.name()
        numbers, pairs = other.of("int", "num"), self.pairs(rel, other, ("int", "text"))
        call, kind = "count(*)", "int"
        if numbers and self.chance(0.6):
            c = self.pick(numbers)
            call, kind = self.pick([(f"max(b.{c.name})", c.kind), (f"min(b.{c.name})", c.kind), (f"sum(b.{c.name})", "num")])
        where = f" WHERE b.{(p := self.pick(pairs))[1].name} = a.{p[0].name}" if pairs and self.chance(0.6) else ""
        query = f"(SELECT {call} FROM {other.name} AS b{where})"
        if rel.of("int", "num") and self.chance(0.3):
            return self.same(rel, f"SELECT * FROM {rel.name} AS a WHERE a.{self.pick(rel.of('int', 'num')).name} {self.pick(['<', '>=', '<>'])} {query}")
        return self.view(f"SELECT a.*, {query} AS {n} FROM {rel.name} AS a", rel.columns + [Column(n, kind)], unique=rel.unique, size=rel.size)

    def exists_value(self, rel):
        other, n = self.source(), self.name()
        pairs = self.pairs(rel, other, ("int", "text"))
        if not pairs:
            return None
        x, y = self.pick(pairs)
        value = self.pick([f"EXISTS (SELECT 1 FROM {other.name} AS b WHERE b.{y.name} = a.{x.name})", f"a.{x.name} IN (SELECT b.{y.name} FROM {other.name} AS b WHERE b.{y.name} IS NOT NULL)",
                           f"(SELECT count(*) FROM {other.name} AS b WHERE b.{y.name} = a.{x.name}) > 1"])
        return self.view(f"SELECT a.*, {value} AS {n} FROM {rel.name} AS a", rel.columns + [Column(n, "bool")], unique=rel.unique, size=rel.size)

    def lateral(self, rel):
        other = self.source()
        pairs, (columns, total) = self.pairs(rel, other, ("int", "text")), self.ranked(other)
        columns = [c for c in columns if c.kind in COMPARED][:4]
        if not pairs or not columns or rel.size * other.size > 20000:
            return None
        (x, y), new, left = self.pick(pairs), [Column(self.name(), c.kind) for c in columns], self.chance(0.5)
        outs = ", ".join(f"b.{c.name} AS {n.name}" for c, n in zip(columns, new))
        order = self.order([f"b.{self.pick(columns).name}"], [f"b.{t}" for t in total])
        query = f"(SELECT {outs} FROM {other.name} AS b WHERE b.{y.name} = a.{x.name} ORDER BY {order} LIMIT {self.pick([1, 2])})"
        return self.view(f"SELECT a.*, l.* FROM {rel.name} AS a {'LEFT' if left else 'CROSS'} JOIN LATERAL {query} AS l{' ON TRUE' if left else ''}", rel.columns + new, size=rel.size * 2)

    # --- time ---

    def time_join(self, rel):
        timed = [t for t in self.tables if t.time]
        other = self.pick(timed)
        equal = rel.time and self.equality(rel, other)
        if not equal:
            return None
        on, how = f"a.{equal[0].name} = b.{equal[1].name}", self.pick(["interval", "interval", "asof", "window"])
        kinds = ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"] if self.bounded else ["JOIN"]
        if how == "interval":
            kind, low, high = self.pick(kinds), self.rng.randrange(-8, 3), self.rng.randrange(3, 9)
            time = {"JOIN": ("a", rel.time), "LEFT JOIN": ("a", rel.time), "RIGHT JOIN": ("b", other.time)}.get(kind)
            return self.joined(rel, other, kind, f"{on} AND a.{rel.time} BETWEEN b.{other.time} + INTERVAL '{low} seconds' AND b.{other.time} + INTERVAL '{high} seconds'", time)
        if how == "asof":
            return self.asof(rel, other, equal, on) if self.bounded else None
        a = self.window(rel, "tumble")
        b = a and self.window(other, "tumble", a.width)
        return b and self.joined(a, b, self.pick(kinds), f"{on} AND a.window_start = b.window_start AND a.window_end = b.window_end")

    def asof(self, rel, other, equal, on):
        """Of the rows of one key and time one: which it would be is not said."""
        key = equal[1].name
        one = self.view(f"SELECT DISTINCT ON ({key}, {other.time}) * FROM {other.name} ORDER BY {key}, {other.time}, {', '.join(other.unique)}", other.columns, unique=other.unique, time=other.time, size=other.size)
        return self.joined(rel, one, self.pick(["ASOF JOIN", "ASOF LEFT JOIN"]), f"{on} AND a.{rel.time} {self.pick(['>=', '>', '<='])} b.{other.time}", ("a", rel.time))

    def window_again(self, rel):
        """Windows of what windows gave."""
        if rel.time != "window_end":
            return None
        kept, n = [c for c in rel.columns if c.name not in ("window_start", "window_end")], self.name()
        return self.window(self.view(f"SELECT {', '.join([c.name for c in kept] + [f'window_end AS {n}'])} FROM {rel.name}", kept + [Column(n, "ts")], time=n, size=rel.size))

    def window(self, rel, kind=None, width=0):
        times = [rel.time] if rel.time else [c.name for c in rel.of("ts")] if self.chance(0.3) else []
        if not times or rel.windowed or rel.has("window_start") or rel.has("window_end"):
            return None
        ts, kind, names = self.pick(times), kind or self.pick(["tumble", "tumble", "hop", "cumulate", "session", "session"]), ", ".join(c.name for c in rel.columns)
        step, width = 5, width or self.pick([10, 20])
        if kind == "session":
            call, rows = self.sessions(rel, ts, names)
        else:
            arguments = f"INTERVAL '{width} seconds'" if kind == "tumble" else f"INTERVAL '{step} seconds', INTERVAL '{width} seconds'"
            call, rows = f"{kind}({rel.name}, {ts}, {arguments})", self.windows(rel, ts, names, kind, step, width)
        more = {"hop": width / step, "cumulate": 1.5}.get(kind, 1)
        return self.view(both(f"SELECT {names}, window_start, window_end FROM {call}", rows), rel.columns + [Column("window_start", "ts"), Column("window_end", "ts")], time=rel.time, size=rel.size * more, windowed=True, width=width,
                         unique=rel.unique and rel.unique + (("window_start", "window_end") if more > 1 else ()))

    def windows(self, rel, ts, names, kind, step, width):
        """For DuckDB: each row with every window that it is in."""
        def bucket(seconds):
            return f"(TIMESTAMP '1970-01-01' + to_seconds((floor(epoch({ts}) / {seconds}) * {seconds})::bigint))"
        numbers = f"(SELECT unnest(generate_series(0, {width // step - 1 if kind != 'tumble' else 0})) AS nth) AS i"
        start = f"{bucket(step)} - to_seconds(nth * {step})" if kind == "hop" else bucket(width)
        end = f"{start} + to_seconds((nth + 1) * {step})" if kind == "cumulate" else f"{start} + INTERVAL '{width} seconds'"
        return f"SELECT {names}, {start} AS window_start, {end} AS window_end FROM {rel.name} AS t, {numbers} WHERE {end} > {ts}"

    def sessions(self, rel, ts, names):
        keys, gap = [c.name for c in self.some(rel.of("int", "text", "bool"), [0, 1, 1, 2])], self.pick([1, 2, 3])
        by, interval = f" PARTITION BY {', '.join(keys)}" if keys else "", f"INTERVAL '{gap} seconds'"
        w, s = f"{by} ORDER BY {ts}", f"PARTITION BY {', '.join(keys + ['nth'])}"
        begins = f"SELECT *, CASE WHEN {ts} - lag({ts}) OVER ({w}) <= {interval} THEN 0 ELSE 1 END AS begins FROM {rel.name} WHERE {ts} IS NOT NULL"
        return f"session({rel.name}{by}, {ts}, {interval})", (f"SELECT {names}, min({ts}) OVER ({s}) AS window_start, max({ts}) OVER ({s}) + {interval} AS window_end "
                                                             f"FROM (SELECT *, sum(begins) OVER ({w} RANGE UNBOUNDED PRECEDING) AS nth FROM ({begins}) AS b) AS n")
