"""Random queries with subqueries of every kind at every place, over three small tables of integers with NULLs."""

TABLES = ("r", "s", "u")
COLUMNS = ("a", "b", "c")


def rows(rng, most=9):
    return [[None if rng.random() < 0.2 else rng.randint(0, 4) for _ in COLUMNS] for _ in range(rng.randint(0, most))]


class Query:
    """One query; `text` is it."""

    def __init__(self, rng, depth=3):
        self.rng, self.names = rng, 0
        self.text = self.top(depth)

    def pick(self, *choices):
        return self.rng.choice(choices)

    def chance(self, p):
        return self.rng.random() < p

    def alias(self):
        self.names += 1
        return f"t{self.names}"

    # scopes are lists of (alias, columns); the last are the query's own

    def column(self, scope, own):
        local = self.chance(0.65) or len(scope) == own
        alias, columns = self.rng.choice(scope[len(scope) - own:] if local and own else scope)
        return f"{alias}.{self.rng.choice(columns)}"

    def value(self, scope, own, depth):
        kind = self.rng.random()
        if depth > 0 and kind < 0.16:
            return self.scalar(scope, depth - 1)
        if kind < 0.24:
            return str(self.rng.randint(0, 4))
        if kind < 0.34 and depth > 0:
            return f"({self.value(scope, own, depth - 1)} {self.pick('+', '-', '*')} {self.value(scope, own, depth - 1)})"
        if kind < 0.40 and depth > 0:
            return f"coalesce({self.value(scope, own, depth - 1)}, {self.rng.randint(0, 4)})"
        if kind < 0.46 and depth > 0:
            return f"CASE WHEN {self.condition(scope, own, depth - 1)} THEN {self.value(scope, own, depth - 1)} ELSE {self.rng.randint(0, 4)} END"
        return self.column(scope, own)

    def aggregate(self, scope, own, depth):
        f = self.pick("count", "sum", "min", "max", "count(*)", "count(DISTINCT")
        if f == "count(*)":
            return f
        inner = self.value(scope, own, 0)
        return f"{f} {inner})" if f.endswith("DISTINCT") else f"{f}({inner})"

    def scalar(self, scope, depth):
        """A subquery of one row at the most."""
        text, inner, own = self.source(scope, depth)
        where = self.where(inner, own, depth)
        kind = self.rng.random()
        if kind < 0.75:
            having = f" HAVING count(*) > {self.rng.randint(0, 2)}" if self.chance(0.15) else ""
            plus = f" + {self.rng.randint(0, 3)}" if self.chance(0.2) else ""
            return f"(SELECT {self.aggregate(inner, own, depth)}{plus} FROM {text}{where}{having})"
        v = self.value(inner, own, 0)
        return f"(SELECT {v} FROM {text}{where} ORDER BY 1 {self.pick('ASC', 'DESC')} NULLS LAST LIMIT 1)"

    def column_query(self, scope, depth):
        """A subquery of one column."""
        text, inner, own = self.source(scope, depth)
        where, kind = self.where(inner, own, depth), self.rng.random()
        if kind < 0.12:
            other, inner2, own2 = self.source(scope, depth)
            op = self.pick("UNION", "UNION ALL", "INTERSECT", "EXCEPT")
            return f"SELECT {self.value(inner, own, 0)} FROM {text}{where} {op} SELECT {self.value(inner2, own2, 0)} FROM {other}{self.where(inner2, own2, depth)}"
        if kind < 0.25:
            key = self.column(inner, own)
            if key.split(".")[0] in [a for a, _ in inner[len(inner) - own:]]:
                return f"SELECT {self.aggregate(inner, own, 0)} FROM {text}{where} GROUP BY {key}"
        if kind < 0.33:
            return f"SELECT DISTINCT {self.value(inner, own, 0)} FROM {text}{where}"
        if kind < 0.40:
            return f"SELECT {self.aggregate(inner, own, 0)} FROM {text}{where}"
        if kind < 0.46:
            return f"SELECT {self.value(inner, own, 0)} FROM {text}{where} ORDER BY 1 NULLS LAST LIMIT {self.rng.randint(0, 3)}"
        return f"SELECT {self.value(inner, own, min(depth, 1))} FROM {text}{where}"

    def condition(self, scope, own, depth):
        kind = self.rng.random()
        if depth > 0:
            if kind < 0.16:
                return f"{self.pick('', 'NOT ')}EXISTS ({self.column_query(scope, depth - 1)})"
            if kind < 0.30:
                return f"{self.value(scope, own, 0)} {self.pick('IN', 'NOT IN')} ({self.column_query(scope, depth - 1)})"
            if kind < 0.36:
                return f"{self.value(scope, own, 0)} {self.pick('=', '<>', '<', '>=')} {self.pick('ANY', 'ALL')} ({self.column_query(scope, depth - 1)})"
            if kind < 0.48:
                return f"({self.condition(scope, own, depth - 1)} {self.pick('AND', 'OR')} {self.condition(scope, own, depth - 1)})"
            if kind < 0.52:
                return f"NOT {self.condition(scope, own, depth - 1)}"
        if kind < 0.58:
            return f"{self.value(scope, own, 0)} IS {self.pick('', 'NOT ')}NULL"
        op = self.pick("=", "=", "=", "<>", "<", ">", "<=", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM")
        return f"{self.value(scope, own, depth)} {op} {self.value(scope, own, depth)}"

    def where(self, scope, own, depth):
        return f" WHERE {' AND '.join(self.condition(scope, own, depth) for _ in range(self.rng.randint(1, 2)))}" if self.chance(0.85) else ""

    def item(self, outer, own, depth):
        """One item of FROM and its alias. What is to its left are the last `own` of `outer`."""
        alias = self.alias()
        if depth <= 0 or self.chance(0.7):
            return f"{self.pick(*TABLES)} AS {alias}", (alias, COLUMNS)
        text, inner, inner_own = self.source(outer, depth - 1)
        where = self.where(inner, inner_own, depth - 1)
        if self.chance(0.3):
            key = self.value(inner[len(inner) - inner_own:], inner_own, 0)
            return f"LATERAL (SELECT {key} AS x, {self.aggregate(inner, inner_own, 0)} AS y FROM {text}{where} GROUP BY 1) AS {alias}", (alias, ("x", "y"))
        if self.chance(0.2):
            return f"LATERAL (SELECT {self.aggregate(inner, inner_own, 0)} AS x, count(*) AS y FROM {text}{where}) AS {alias}", (alias, ("x", "y"))
        limit = f" ORDER BY 1 NULLS LAST, 2 NULLS LAST LIMIT {self.rng.randint(1, 3)}" if self.chance(0.25) else ""
        return f"LATERAL (SELECT {self.value(inner, inner_own, 0)} AS x, {self.value(inner, inner_own, 1)} AS y FROM {text}{where}{limit}) AS {alias}", (alias, ("x", "y"))

    def source(self, scope, depth):
        """FROM: its text, what is seen inside, how many of it are its own."""
        text, first = self.item(scope, 0, depth)
        inner, own = scope + [first], 1
        while own < 3 and self.chance(0.35):
            right, more = self.item(inner, own, depth)
            kind = self.rng.random()
            wide = inner + [more]
            if kind < 0.35:
                text += f", {right}"
            else:
                join = self.pick("JOIN", "LEFT JOIN", "LEFT JOIN") if right.startswith("LATERAL") else self.pick("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN")
                own_scope = wide[len(wide) - own - 1:]
                if join == "FULL JOIN":
                    on = f"{self.column(own_scope[:-1], own)} = {self.column(own_scope[-1:], 1)}"
                elif "," in text:
                    on = "true"
                else:
                    on = self.condition(own_scope, own + 1, 0)
                text = f"{text} {join} {right} ON {on}"
            inner, own = wide, own + 1
        return text, inner, own

    def top(self, depth):
        text, scope, own = self.source([], depth)
        where, kind = self.where(scope, own, depth), self.rng.random()
        if kind < 0.25:
            key = self.column(scope, own)
            items = [key, self.aggregate(scope, own, 0), f"sum({self.value(scope, own, depth)})"]
            having = f" HAVING {self.pick('count(*)', 'max(' + key + ')')} > {self.scalar([], depth - 1)}" if self.chance(0.4) else ""
            return f"SELECT {', '.join(items)} FROM {text}{where} GROUP BY {key}{having}"
        items = [self.value(scope, own, depth) for _ in range(self.rng.randint(1, 3))]
        if self.chance(0.25):
            items.append(f"({self.condition(scope, own, depth)})")
        return f"SELECT {self.pick('', '', '', 'DISTINCT ')}{', '.join(f'{e} AS c{i}' for i, e in enumerate(items))} FROM {text}{where}"
