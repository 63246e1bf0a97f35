"""Relations, and random expressions over their columns."""
import re
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Column:
    name: str
    kind: str                 # int num dbl text bool ts tz arr rec json; float: only shown, since engines differ in its last digits


@dataclass
class Relation:
    name: str
    columns: list
    unique: tuple = None      # columns by which no two rows are alike
    time: str = None          # its event time
    size: float = 50          # how many rows, about
    windowed: bool = False    # it has window_start and window_end
    width: int = 0            # of its windows, in seconds

    def of(self, *kinds):
        return [c for c in self.columns if c.kind in kinds]

    def has(self, *names):
        return set(names) <= {c.name for c in self.columns}


COMPARED = ("int", "num", "dbl", "text", "bool", "ts", "tz", "arr")
KEYS = ("int", "text", "bool", "num", "tz", "ts")
GROUPS = KEYS + ("arr", "rec")


def both(ours, theirs):
    return f"«{ours}¦{theirs}»"


def ours(text):
    return re.sub("«([^¦»]*)¦([^»]*)»", r"\1", text)


def theirs(text):
    return re.sub("«([^¦»]*)¦([^»]*)»", r"\2", text)


class Expressions:
    def __init__(self, rng):
        self.rng, self.count = rng, 0

    def pick(self, choices):
        return self.rng.choice(choices)

    def some(self, choices, counts):
        return self.rng.sample(choices, min(len(choices), self.pick(counts)))

    def chance(self, p):
        return self.rng.random() < p

    def name(self, prefix="c"):
        self.count += 1
        return f"{prefix}{self.count}"

    def constant(self, kind):
        r = self.rng
        moment = datetime(2024, 1, 1) + timedelta(seconds=r.randrange(60))
        return {"int": str(r.randrange(-5, 12)), "num": f"{r.randrange(-300, 900) / 100:.2f}", "dbl": f"{r.randrange(-20, 40) / 4}::double precision",
                "text": self.pick(["'x'", "'yy'", "'zed'", "''", "'a longer text of 26 bytes'"]), "bool": self.pick(["TRUE", "FALSE"]), "ts": f"TIMESTAMP '{moment}'", "tz": f"TIMESTAMPTZ '{moment}+00'"}[kind]

    def expression(self, columns, kind, depth=1, of=""):
        """of: the alias in front of columns, with its point."""
        have = [of + c.name for c in columns if c.kind == kind]
        if depth <= 0 or self.chance(0.4):
            return self.pick(have) if have and not self.chance(0.08) else self.constant(kind)
        return self.pick(self.forms(columns, kind, depth - 1, of))()

    def forms(self, columns, kind, depth, of):
        def one(k):
            return of + self.pick([c.name for c in columns if c.kind == k])

        def sub(k=kind):
            return self.expression(columns, k, depth, of)
        kinds = {c.kind for c in columns}
        if kind == "ts":
            return [lambda: f"({sub()} + INTERVAL '{self.rng.randrange(1, 9)} seconds')"]
        forms = [lambda: f"CASE WHEN {self.condition(columns, depth, of)} THEN {sub()} ELSE {sub()} END"]
        if kind != "tz":
            forms += [lambda: f"coalesce({sub()}, {self.constant(kind)})", lambda: f"nullif({sub()}, {self.constant(kind)})"]
        if kind == "int":
            forms += [lambda: f"({sub()} + {sub()})", lambda: f"({sub()} - 1)", lambda: f"abs({sub()})", lambda: f"({sub()} % 3)"]
            forms += [lambda: f"length({sub('text')})"] if "text" in kinds else []
            forms += [lambda: "(" + one("arr") + ")[1]", lambda: both("cardinality", "len") + f"({one('arr')})"] if "arr" in kinds else []
            forms += [lambda: f"({one('rec')}).p"] if "rec" in kinds else []
        if kind == "text":
            forms += [lambda: f"({sub()} || {self.constant('text')})", lambda: f"upper({sub()})", lambda: f"substr({sub()}, 1, 2)"]
            forms += [lambda: f"({one('json')} ->> 'a')"] if "json" in kinds else []
            forms += [lambda: f"({one('rec')}).q"] if "rec" in kinds else []
        if kind == "num":
            forms += [lambda: f"({sub()} + {sub('int')})", lambda: f"({sub()} - {sub()})"]
        if kind == "bool":
            forms += [lambda: self.condition(columns, depth, of)]
        return forms

    def condition(self, columns, depth=1, of=""):
        usable = [c for c in columns if c.kind in COMPARED and c.kind != "arr"]
        if not usable:
            return "TRUE"
        if depth > 0 and self.chance(0.3):
            left, right = self.condition(columns, depth - 1, of), self.condition(columns, depth - 1, of)
            return self.pick([f"({left} AND {right})", f"({left} OR {right})", f"(NOT {left})"])
        c = self.pick(usable)
        x = self.expression(columns, c.kind, depth, of) if self.chance(0.3) else of + c.name
        y, z, no = self.expression(columns, c.kind, 0, of), self.constant(c.kind), self.pick(["", "NOT "])
        forms = [f"({x} {self.pick(['<', '<=', '>', '>=', '<>', '='])} {z})", f"({x} {self.pick(['<', '>=', '<>'])} {y})", f"({x} IS {no}NULL)", f"({x} IS {no}DISTINCT FROM {y})", f"({x} {no}IN ({z}, {self.constant(c.kind)}))"]
        if c.kind == "text":
            forms.append(f"({x} LIKE '%{self.pick('xyz')}%')")
        return x if c.kind == "bool" and self.chance(0.3) else self.pick(forms)

    def order(self, names, total=()):
        """By some columns, then by those that tell rows apart."""
        keys = [f"{n} {self.pick(['ASC', 'DESC'])} NULLS {self.pick(['FIRST', 'LAST'])}" for n in names]
        return ", ".join(keys + [f"{n} NULLS LAST" for n in total if n not in names])
