"""Nexmark: the queries of examples/nexmark over other tables than those they name, and what DuckDB says they give.

Shared by tests/integration/test_nexmark.py and bench/nexmark.py; knows no broker and starts nothing.
"""
import functools, json, pathlib, re
from collections import Counter
from decimal import Decimal
from urllib.parse import unquote

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples/nexmark"
QUERIES = [f"q{n}" for n in range(23)]
# Rows of each 50 events, and which of them a query reads.
SHARE = {"person": 1, "auction": 3, "bid": 46}
READS = {q: ["bid"] for q in (*QUERIES, "count")} | {q: ["auction", "bid"] for q in ("q4", "q6", "q9", "q20")} | {q: ["person", "auction"] for q in ("q3", "q8")}
# Rows of these have no key by which a later one could replace them: they need a sink that tells what was there before.
BEFORE_AND_AFTER = {"q6"}
# Writes files, whose last columns stand in their folders' names.
INTO_FOLDERS = {"q10"}


def options(values):
    """{'topic': 'bid'} as it stands behind WITH."""
    return "(" + ", ".join(f"'{k}' = '{v}'" for k, v in values.items()) + ")"


def tables(of):
    """The tables of events; of(name): the options of one."""
    text = (EXAMPLES / "ddl.sql").read_text()
    return re.sub(r"CREATE TABLE (\w+) \((.*?)\n\) WITH \([^)]*\);", lambda m: f"CREATE TABLE {m[1]} ({m[2]}\n) WITH {options(of(m[1]))};", text, flags=re.S)


def one_table(values):
    """The same tables as views of one that holds all events, with these options."""
    return re.sub(r"WITH \([^)]*\);", f"WITH {options(values)};", (EXAMPLES / "ddl-one-topic.sql").read_text(), count=1)


@functools.cache
def source(name):
    """The query as it stands: one of the examples, or one that only the benchmark has."""
    return next(p for p in (EXAMPLES / f"{name}.sql", ROOT / f"bench/sql/{name}.sql") if p.exists()).read_text()


def query(name, sink, side_input=None):
    """The query with another sink. sink(keyed): its options; keyed: it has a PRIMARY KEY. side_input: the path of q13's file."""
    text = source(name)
    keyed = "PRIMARY KEY" in text
    if side_input:
        text = text.replace("examples/nexmark/side_input.csv", str(side_input))
    out, n = re.subn(rf"(CREATE TABLE nexmark_{name} \(.*?\n\).*?) WITH \([^)]*\);", lambda m: f"{m[1]} WITH {options(sink(keyed))};", text, count=1, flags=re.S)
    assert n == 1, f"{name}: its sink was not found"
    return out


@functools.cache
def columns(name):
    """The sink's columns."""
    body = re.search(rf"CREATE TABLE nexmark_{name} \((.*?)\n\)", source(name), re.S)[1]
    return re.findall(r"^ *`?(\w+)`? (?:BIGINT|VARCHAR|STRING|DECIMAL|TIMESTAMP)", body, re.M)


def load(events, source_options, sink, names=SHARE):
    """Statements that write the generator's events of these kinds: sink(name) has the options of where to."""
    made = tables(lambda name: {"connector": "nexmark", "nexmark.events": events, "nexmark.table": name, **source_options})
    made = re.sub(r"CREATE TABLE (\w+)", r"CREATE TABLE made_\1", re.sub(r",\s*WATERMARK FOR[^\n]*", "", made))
    kept = re.sub(r",\s*WATERMARK FOR[^\n]*", "", tables(sink))
    return made + kept + "".join(f"INSERT INTO {name} SELECT * FROM made_{name};\n" for name in names)


# --- what DuckDB says ---

TYPES = {"BIGINT": "BIGINT", "VARCHAR": "VARCHAR", "TIMESTAMP(3)": "TIMESTAMP"}


def database(files, path=":memory:"):
    """files: {"bid": [paths of NDJSON]}; path: where it lies if there are too many events for memory."""
    import duckdb
    db = duckdb.connect(str(path), config={"threads": 1, "memory_limit": "4GB", "preserve_insertion_order": False})
    for name, body in re.findall(r"CREATE TABLE (\w+) \((.*?)\n\)", (EXAMPLES / "ddl.sql").read_text(), re.S):
        kinds = {c: TYPES[t] for c, t in re.findall(r"^  `?(\w+)`? ([A-Z]+(?:\(3\))?),?$", body, re.M)}
        paths = ", ".join(f"'{p}'" for p in files[name])
        db.execute(f"CREATE TABLE {name} AS SELECT * FROM read_json([{paths}], format = 'newline_delimited', columns = {kinds})")
    db.execute("CREATE MACRO since(t, ms) AS make_timestamp(epoch_ms(t) // ms * ms * 1000)")
    db.execute("CREATE MACRO euros(price) AS CAST(CAST(0.908 AS DECIMAL(4, 3)) * CAST(price AS DECIMAL(18, 0)) AS DECIMAL(23, 3))")
    return db


def ranks(what):
    """Three counts more of something, by price."""
    kept = ("price < 10000", "price >= 10000 AND price < 1000000", "price >= 1000000")
    return ", ".join([f"count({what})"] + [f"count({what}) FILTER (WHERE {k})" for k in kept])


STATISTICS = ", ".join(ranks(w) for w in ("*", "DISTINCT bidder", "DISTINCT auction"))
DAY = "strftime(dateTime, '%Y-%m-%d')"
WITHIN = "FROM auction a JOIN bid b ON a.id = b.auction WHERE b.dateTime BETWEEN a.dateTime AND a.expires"
BEST = "QUALIFY row_number() OVER (PARTITION BY a.id ORDER BY b.price DESC, b.dateTime) = 1"
CHANNEL_ID = "'(&|^)channel_id=([^&]*)'"

# Columns in the order of the sink's.
ANSWERS = {
    "q0": "SELECT auction, bidder, price, dateTime, extra FROM bid",
    "q1": "SELECT auction, bidder, euros(price), dateTime, extra FROM bid",
    "q2": "SELECT auction, price FROM bid WHERE auction % 123 = 0",
    "q3": "SELECT p.name, p.city, p.state, a.id FROM auction a JOIN person p ON a.seller = p.id WHERE a.category = 10 AND p.state IN ('OR', 'ID', 'CA')",
    "q4": f"SELECT category, mean(sum(final), count(*)) FROM (SELECT a.category, max(b.price) AS final {WITHIN} GROUP BY a.id, a.category) GROUP BY category",
    "q5": """WITH counts AS (SELECT auction, epoch_ms(dateTime) // 2000 - k AS w, count(*) AS num FROM bid, range(5) r(k) GROUP BY ALL)
             SELECT auction, num FROM counts QUALIFY num = max(num) OVER (PARTITION BY w)""",
    "q6": f"""SELECT seller, mean(sum(price) OVER w, count(*) OVER w) FROM (SELECT a.seller, b.price, b.dateTime {WITHIN} {BEST})
              WINDOW w AS (PARTITION BY seller ORDER BY dateTime ROWS BETWEEN 10 PRECEDING AND CURRENT ROW)""",
    "q7": """WITH m AS (SELECT since(dateTime, 10000) AS w, max(price) AS price FROM bid GROUP BY w)
             SELECT b.auction, b.bidder, b.price, b.dateTime, b.extra FROM bid b JOIN m ON b.price = m.price AND b.dateTime BETWEEN m.w AND m.w + INTERVAL 10 SECOND""",
    "q8": """SELECT DISTINCT p.id, p.name, since(p.dateTime, 10000) FROM person p JOIN auction a ON a.seller = p.id
             WHERE since(p.dateTime, 10000) = since(a.dateTime, 10000)""",
    "q9": f"SELECT a.*, b.auction, b.bidder, b.price, b.dateTime, b.extra {WITHIN} {BEST}",
    "q10": f"SELECT auction, bidder, price, dateTime, extra, {DAY}, strftime(dateTime, '%H:%M') FROM bid",
    "q11": """WITH marked AS (SELECT bidder, dateTime, dateTime - lag(dateTime) OVER w > INTERVAL 10 SECOND AS starts FROM bid
                WINDOW w AS (PARTITION BY bidder ORDER BY dateTime)),
              numbered AS (SELECT bidder, dateTime, count(*) FILTER (WHERE starts) OVER (PARTITION BY bidder ORDER BY dateTime) AS n FROM marked)
              SELECT bidder, count(*), min(dateTime), max(dateTime) + INTERVAL 10 SECOND FROM numbered GROUP BY bidder, n""",
    "q12": "SELECT bidder, count(*) FROM bid GROUP BY bidder",
    "q13": "SELECT auction, bidder, price, dateTime, value FROM bid JOIN side_input ON auction % 10000 = key",
    "q14": """SELECT auction, bidder, euros(price), CASE WHEN hour(dateTime) BETWEEN 8 AND 18 THEN 'dayTime' WHEN hour(dateTime) IN (7, 19) THEN 'otherTime' ELSE 'nightTime' END,
                dateTime, extra, length(regexp_replace(extra, '[^c]', '', 'g')) FROM bid WHERE euros(price) > 1000000 AND euros(price) < 50000000""",
    "q15": f"SELECT {DAY} AS day, {STATISTICS} FROM bid GROUP BY day",
    "q16": f"SELECT channel, {DAY} AS day, max(strftime(dateTime, '%H:%M')), {STATISTICS} FROM bid GROUP BY channel, day",
    "q17": f"SELECT auction, {DAY} AS day, {ranks('*')}, min(price), max(price), mean(sum(price), count(*)), sum(price) FROM bid GROUP BY auction, day",
    "q18": "SELECT * FROM bid QUALIFY row_number() OVER (PARTITION BY bidder, auction ORDER BY dateTime DESC) = 1",
    "q19": "SELECT *, row_number() OVER (PARTITION BY auction ORDER BY price DESC) AS n FROM bid QUALIFY n <= 10",
    "q20": """SELECT b.*, a.itemName, a.description, a.initialBid, a.reserve, a.dateTime, a.expires, a.seller, a.category, a.extra
              FROM bid b JOIN auction a ON b.auction = a.id WHERE a.category = 10""",
    "q21": f"""SELECT auction, bidder, price, channel, coalesce(map {{'apple': '0', 'google': '1', 'facebook': '2', 'baidu': '3'}}[lower(channel)],
                 regexp_extract(url, {CHANNEL_ID}, 2)) FROM bid WHERE regexp_matches(url, {CHANNEL_ID}) OR lower(channel) IN ('apple', 'google', 'facebook', 'baidu')""",
    "count": "SELECT auction, since(dateTime, 10000) + INTERVAL 10 SECOND AS w, count(*) FROM bid GROUP BY auction, w",
    "q22": "SELECT auction, bidder, price, channel, split_part(url, '/', 4), split_part(url, '/', 5), split_part(url, '/', 6) FROM bid",
}


def side_input(db, path):
    db.execute(f"CREATE OR REPLACE TABLE side_input AS SELECT * FROM read_csv('{path}', header = true, columns = {{key: 'BIGINT', value: 'VARCHAR'}})")


TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z?")


def canonical(value):
    if isinstance(value, int):
        return str(value)
    if hasattr(value, "isoformat"):
        value = str(value)
    if isinstance(value, str):
        if value[4:5] == "-" and TIME.fullmatch(value):
            value = value.replace("T", " ").rstrip("Z")
            return value.rstrip("0").rstrip(".") if "." in value else value
        return value
    return f"{value:.3f}" if isinstance(value, (Decimal, float)) else str(value)


@functools.cache
def decimals(name):
    """Those of numbers with a fraction, of which some writers leave out the zeros."""
    return set(re.findall(r"^ *`?(\w+)`? DECIMAL", source(name), re.M))


def row(name, value):
    """A JSON object, parsed with its decimals, as a tuple in the order of the sink's columns."""
    exact = decimals(name)
    return tuple(canonical(Decimal(value[c]) if c in exact and value.get(c) is not None else value.get(c)) for c in columns(name))


def row_of_text(name, text):
    return row(name, json.loads(text, parse_float=Decimal))


# --- comparing: `rows` are functions that give an iterator of them, as they may be more than there is memory for ---

def counted(rows):
    """How often each is there, by its hash."""
    return Counter(map(hash, rows()))


def examples(who, rows, hashes):
    found = {}
    for r in rows():
        if hash(r) in hashes:
            found[r] = hashes[hash(r)]
            if len(found) == 3:
                break
    return [f"  only {who}: {r} x{n}" for r, n in found.items()]


def differ(got, want):
    """None, or how."""
    here, there = counted(got), counted(want)
    if here == there:
        return None
    return "\n".join([f"{here.total()} rows, DuckDB has {there.total()}", *examples("DuckDB", want, there - here), *examples("here", got, here - there)])


def answer(db, text):
    """Rows of a query."""
    def rows():
        result = db.execute(text)
        while some := result.fetchmany(10_000):
            yield from (tuple(map(canonical, r)) for r in some)
    return rows


def up_to_ties(*places):
    """Rows of bids of which these columns are told; which of several equal ones is taken is not, but each is a bid, and taken once."""
    def compare(db, got, want):
        short = lambda rows: lambda: (tuple(r[p] for p in places) for r in rows())
        wrong = differ(short(got), short(want))
        if wrong:
            return wrong
        bids = lambda: (r[:7] for r in got())
        foreign = counted(bids) - counted(answer(db, "SELECT * FROM bid"))
        return "\n".join(["no bids:", *examples("here", bids, foreign)]) if foreign else None
    return compare


def by_the_clock(db, got, want):
    """q12: which window a bid falls into is the machine's matter; its bidder's counts add up."""
    total, bad = Counter(), []
    for r in got():
        total[r[0]] += int(r[1])
        if (not r[2].endswith("0") or r[2] >= r[3]) and len(bad) < 3:
            bad.append(r)
    wrong = differ(lambda: ((bidder, str(count)) for bidder, count in total.items()), want)
    return wrong or (f"not a window of 10 s: {bad}" if bad else None)


LOOSE = {"q12": by_the_clock, "q18": up_to_ties(0, 1, 5), "q19": up_to_ties(0, 2, 7)}


def compare(db, name, got, truncates=False):
    """None, or how the rows (tuples as row() makes them) differ from DuckDB's. truncates: averages of whole numbers are cut off, as Flink does; PostgreSQL's casts round."""
    db.execute("CREATE OR REPLACE MACRO mean(total, n) AS " + ("total::BIGINT // n" if truncates else "round(total / n)::BIGINT"))
    want = answer(db, ANSWERS[name])
    if next(want(), None) is None:
        return "DuckDB finds no row: this tests nothing"
    return LOOSE.get(name, lambda db, got, want: differ(got, want))(db, got, want)


# --- what outputs come to ---

def folded(name, messages):
    """(key, value) of an upsert topic: the last value of each key, None takes it out."""
    last = dict(messages)
    return lambda: (row_of_text(name, v) for v in last.values() if v is not None)


def in_folders(name, folder):
    """The visible JSON files of folders column=value."""
    def rows():
        for path in pathlib.Path(folder).glob("*=*/*=*/[!._]*"):
            values = tuple(unquote(part.split("=", 1)[1]) for part in path.parts[-3:-1])
            with open(path, "rb") as f:
                yield from (row_of_text(name, line)[:-2] + values for line in f)
    return rows


def accumulate(name, lines):
    """Envelopes with before and after, added up; each takes back only what was there."""
    state = Counter()
    for line in lines:
        change = json.loads(line, parse_float=Decimal)
        if change["before"]:
            before = row(name, change["before"])
            assert state[before] > 0, f"{name}: taken back, but not there: {before}"
            state[before] -= 1
        if change["after"]:
            state[row(name, change["after"])] += 1
    return state.elements
