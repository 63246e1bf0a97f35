#!/usr/bin/env python3
"""Random queries of several constructs, one over the other, as jobs: over files in any cuts, partitions and tasks, killed or fed in pieces; what a job wrote adds up to the batch answer and to DuckDB's."""
import json, pathlib, random, re, shutil, sys
from datetime import datetime, timezone

import duckdb

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE / "compositions")]
from jobs import *
from program import folder, sparklet
from relations import ours, theirs
from steps import Steps
from tables import Tables

# Of the first case; each that follows has the next one, so that a run may begin with any.
SEED = int(os.environ.get("SPARKLET_SEED") or random.SystemRandom().randrange(1 << 31))
print(f"# seed: {SEED} (SPARKLET_SEED={SEED} repeats it)", flush=True)
CASES = 3000 if LONG else 100
# What a stream refuses of what is put together here.
REFUSED = ("is not supported in a stream yet",)
POINTS = ("txn.committed", "epoch.computed", "checkpoint.done", "epoch.begin", "checkpoint.manifest")


def plain(v):
    """A value of either engine: numbers to nine digits, moments in UTC."""
    if isinstance(v, (int, float, Decimal)) and not isinstance(v, bool):
        return float(f"{float(v):.9g}") + 0.0
    if isinstance(v, datetime):
        return (v.astimezone(timezone.utc) if v.tzinfo else v).isoformat(" ")
    if isinstance(v, (list, tuple)):
        return tuple(map(plain, v))
    if isinstance(v, dict):
        return tuple((k, plain(x)) for k, x in v.items())
    if isinstance(v, str) and v.startswith("{"):
        return plain(json.loads(v))
    if isinstance(v, str) and re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?([+-]\d\d)?", v):
        return plain(datetime.fromisoformat(v + ":00" if v[-3] in "+-" else v))
    return v


class Case:
    """bounded: the files have an end, and the job is killed; else they grow, and each --once run takes what is new."""

    def __init__(self, name, seed):
        self.cwd, self.rng = folder(name), random.Random(seed)
        self.bounded = self.rng.random() < 0.6
        # A file that was read to its end holds no watermark: what comes later in one of several may be late.
        self.tables = Tables(self.rng, self.rng.choice([25, 60, 120]), 3 if self.bounded else 1)
        steps = Steps(self.rng, [self.tables.relation(t) for t in self.tables.columns], self.rng.choice([2, 3, 4, 5]), self.bounded)
        self.views, self.rels = steps.views, [steps.last]
        if len(self.views) > 1 and self.rng.random() < 0.5:
            self.rels += [r for r in [self.rng.choice(self.views)[0]] if r is not steps.last]
        self.format, self.settings = self.rng.choice(["json", "debezium-json", "changelog-json"]), self.setting()

    def setting(self):
        emit = "" if self.bounded and self.rng.random() < 0.7 else "SET emit = 'on-update';\n"
        return emit + self.rng.choice(["", "", "", "SET emit.allowed-lateness = '7 s';\n", "SET state.ttl = '3000 d';\n", "SET emit.interval = '30 ms';\n" if emit and self.bounded else "", "SET timezone = 'America/New_York';\n"])

    def options(self):
        o = [f"epoch.max.rows={self.rng.choice([3, 8, 20, 50])}", "epoch.interval=0", f"parallelism={self.rng.randrange(1, 5)}", "watermark.idle-timeout=0", f"checkpoint.interval={self.rng.choice(['0', '1h'])}"]
        return [x for text in o + ([f"batch.rows={self.rng.choice([1, 2, 7])}"] if self.rng.random() < 0.2 else []) for x in ("-s", text)]

    def used(self):
        """The views that are asked for, and what they ask."""
        texts, names = {r.name: text for r, text in self.views}, {r.name for r in self.rels}
        while more := {n for name in names for n in re.findall(r"\bv\d+\b", texts[name])} - names:
            names |= more
        return [(r, text) for r, text in self.views if r.name in names]

    def ddl(self, watched, materialized=()):
        return self.settings + self.tables.ddl(watched) + "".join(f"CREATE {'MATERIALIZED ' if r.name in materialized else ''}VIEW {r.name} AS {ours(text)};\n" for r, text in self.used())

    def write_job(self):
        kept = {r.name for r, _ in self.views if self.rng.random() < 0.1}
        sinks = "".join(f"CREATE SINK s_{r.name} FROM {r.name} WITH ('connector' = 'filesystem', 'path' = 'out-{r.name}', 'format' = '{self.format}');\n" for r in self.rels)
        (self.cwd / "j.sql").write_text(self.ddl(not self.bounded, kept) + sinks)

    def run(self, *more, fault=None):
        """False: it is refused. A plain sink takes what only appends; where rows are taken back the others do."""
        done = sparklet(self.cwd, "run", "--job", "j", *self.options(), *more, "j.sql", fault=fault, expect=None)
        if done.returncode == 2 and self.format == "json" and "only takes new rows" in done.stderr:
            self.format = "debezium-json"
            self.write_job()
            return self.run(*more, fault=fault)
        assert done.returncode in (0, 2) or (fault and done.returncode < 0), f"exit code {done.returncode}: {done.stderr[-1000:]}"
        assert done.returncode != 2 or any(r in done.stderr for r in REFUSED), done.stderr[-1000:]
        assert done.returncode or " 0 late" in done.stderr, f"nothing comes late here: {done.stderr[-300:]}"
        return done.returncode != 2

    def folded(self, rel):
        """Rows that come and go; none goes before it came."""
        rows, epochs = Counter(), {}
        for p in sorted((self.cwd / f"out-{rel.name}").glob("epoch-*")):
            epochs.setdefault(p.name.split("-")[1], []).extend(map(json.loads, p.read_text().splitlines()))
        for epoch, lines in epochs.items():
            for o in lines:
                images = ((o, 1),) if self.format == "json" else ((o["before"], -1), (o["after"], 1)) if self.format == "debezium-json" else ((o["data"], 1 if o["op"][0] == "+" else -1),)
                for image, weight in images:
                    if image is not None:
                        rows[tuple(plain(image[c.name]) for c in rel.columns)] += weight
            assert all(n >= 0 for n in rows.values()), f"{rel.name}: epoch {epoch} takes back what is not there: {[r for r, n in rows.items() if n < 0][:2]}"
        return +rows

    def batch(self):
        text = self.ddl(False) + "".join(f"SELECT '{r.name}' AS answer;\nSELECT * FROM {r.name};\n" for r in self.rels)
        (self.cwd / "b.sql").write_text(text)
        out, rel = {}, None
        for row in map(json.loads, sparklet(self.cwd, "sql", "--format", "json", "b.sql").stdout.splitlines()):
            if "answer" in row:
                rel = next(r for r in self.rels if r.name == row["answer"])
                out[rel.name] = Counter()
            else:
                out[rel.name][tuple(plain(row[c.name]) for c in rel.columns)] += 1
        return out

    def ducks(self, upto):
        duck = duckdb.connect()
        duck.execute("SET TimeZone = 'UTC'; SET threads = 1")
        self.tables.fill(duck, upto)
        for r, text in self.used():
            duck.execute(f"CREATE VIEW {r.name} AS {theirs(text)}")
        return {r.name: Counter(tuple(map(plain, row)) for row in duck.execute(f"SELECT {', '.join(f'{c.name}::varchar' if c.kind == 'tz' else c.name for c in r.columns)} FROM {r.name}").fetchall()) for r in self.rels}

    def compare(self, upto):
        batch, ducks = self.batch(), self.ducks(upto)
        for rel in self.rels:
            assert batch[rel.name] == ducks[rel.name], f"{rel.name}: batch is not DuckDB's: {differ(batch[rel.name], ducks[rel.name])}"
            got = self.folded(rel)
            assert got == batch[rel.name], f"{rel.name}: {differ(got, batch[rel.name])}"

    def go(self):
        """False: a stream refuses it."""
        self.write_job()
        if self.bounded:
            self.tables.write(self.cwd, self.tables.whole())
            for _ in range(self.rng.randrange(3)):
                if not self.run(fault=f"{self.rng.choice(POINTS)}:{self.rng.randrange(1, 12)}:kill"):
                    return False
            if not self.run():
                return False
            self.compare(self.tables.whole())
            return True
        upto = {t: [0] * len(parts) for t, parts in self.tables.messages.items()}
        for piece in range(3):
            upto = self.tables.more(upto) if piece < 2 else self.tables.whole()
            self.tables.write(self.cwd, upto)
            if not self.run("--once"):
                return False
            self.compare(upto)
        return True


def compositions():
    """what a job wrote adds up to the batch answer and to DuckDB's"""
    refused = 0
    for n in range(SEED, SEED + CASES):
        case = Case(f"case-{n}", n)
        try:
            refused += not case.go()
        except Exception as e:
            raise AssertionError(f"SPARKLET_SEED={n} begins with this case, {case.cwd}/j.sql: {type(e).__name__}: {e}")
        shutil.rmtree(case.cwd)
    assert refused < CASES / 5, f"{refused} of {CASES} were refused"


main(compositions)
