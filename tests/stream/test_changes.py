#!/usr/bin/env python3
"""What a sink gets of a result that changes: first and last image of each key and epoch, as +I -U +U -D or envelopes; the whole result; nothing where nothing changed."""
import json, os, pathlib, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import *
from program import folder, sparklet

rng = seed()

SQL = """
CREATE TABLE t (id bigint, k bigint, x bigint) WITH ('connector' = 'filesystem', 'path' = 'in/*.json', 'format' = 'json');
CREATE TABLE u (k bigint, y bigint) WITH ('connector' = 'filesystem', 'path' = 'other/*.json', 'format' = 'json');
CREATE TABLE log (k bigint, n bigint, m bigint, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'filesystem', 'path' = 'log', 'format' = 'changelog-json');
CREATE TABLE envelopes (k bigint, n bigint, m bigint, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'filesystem', 'path' = 'envelopes', 'format' = 'debezium-json');
CREATE TABLE whole (k bigint, n bigint, m bigint) WITH ('connector' = 'filesystem', 'path' = 'whole', 'format' = 'json', 'sink.output-mode' = 'complete');
CREATE VIEW v AS SELECT k, n, m FROM (SELECT k % 7 AS k, count(*) % 5 AS n, min(x) AS m FROM t GROUP BY k % 7) AS a LEFT JOIN (SELECT k, sum(y) AS s FROM u GROUP BY k) AS b USING (k) WHERE n > 0 AND coalesce(s, 0) % 3 <> 1;
INSERT INTO log SELECT * FROM v;
INSERT INTO envelopes SELECT * FROM v;
INSERT INTO whole SELECT * FROM v;
"""


def write(cwd):
    (cwd / "in").mkdir(exist_ok=True)
    (cwd / "other").mkdir(exist_ok=True)
    for part in range(2):
        (cwd / "in" / f"{part}.json").write_text("".join(json.dumps({"id": i, "k": rng.randrange(20), "x": rng.randrange(50)}) + "\n" for i in range(300)))
        (cwd / "other" / f"{part}.json").write_text("".join(json.dumps({"k": rng.randrange(7), "y": rng.randrange(9)}) + "\n" for i in range(60)))
    (cwd / "j.sql").write_text(SQL)


def epochs(cwd, name):
    """The rows of each epoch that has any, tasks one after the other."""
    out = {}
    for p in sorted((cwd / name).glob("epoch-*.json")):
        out.setdefault(p.name.split("-")[1], []).extend(map(json.loads, p.read_text().splitlines()))
    return out


def run_job(name, *options):
    cwd, want = folder(name), []
    text = SQL.split("CREATE TABLE log")[0] + "CREATE VIEW v" + SQL.split("CREATE VIEW v")[1].split("INSERT")[0] + "SELECT * FROM v;"
    while not want:     # a draw without a row in the end shows nothing
        write(cwd)
        want = [tuple(json.loads(line).values()) for line in sparklet(cwd, "sql", "--format", "json", "-c", text).stdout.splitlines()]
    sparklet(cwd, "run", "--job", "j", "-s", f"epoch.max.rows={rng.randrange(5, 60)}", "-s", "epoch.interval=0", "-s", f"parallelism={rng.randrange(1, 4)}", *options, "j.sql")
    return cwd, Counter(want)


def changelogs():
    """each op is right where it stands, a key changes once an epoch at the most, and all of it adds up to the batch answer"""
    seen = Counter()
    for round in range(4):
        cwd, want = run_job(f"changelogs-{round}")
        rows = {}
        for epoch, changes in epochs(cwd, "log").items():
            touched = Counter()
            for at, c in enumerate(changes):
                row, op = tuple(c["data"].values()), c["op"]
                seen[op] += 1
                touched[row[0]] += op != "+U"
                if op == "+I":
                    assert row[0] not in rows, (epoch, c)
                elif op == "+U":
                    assert changes[at - 1]["op"] == "-U" and changes[at - 1]["data"]["k"] == row[0] and changes[at - 1] != c, (epoch, c)
                else:
                    assert rows.get(row[0]) == row, (epoch, c, rows.get(row[0]))
                if op[0] == "+":
                    rows[row[0]] = row
                elif op == "-D":
                    del rows[row[0]]
            assert not touched or max(touched.values()) == 1, (epoch, touched)
        assert Counter(rows.values()) == want, differ(Counter(rows.values()), want)
    assert all(seen[op] > 5 for op in ("+I", "-U", "+U", "-D")) and seen["-U"] == seen["+U"], seen


def envelopes():
    """envelopes take back what was there; the same changes as the changelog's"""
    cwd, want = run_job("envelopes")
    rows = Counter()
    for epoch, changes in epochs(cwd, "envelopes").items():
        for c in changes:
            if c["before"]:
                rows[tuple(c["before"].values())] -= 1
                assert c["op"] == "d" and rows[tuple(c["before"].values())] == 0, (epoch, c)
            else:
                rows[tuple(c["after"].values())] += 1
        images = Counter((c["op"], (c["before"] or c["after"])["k"]) for c in changes)
        assert max(images.values()) == 1, (epoch, images)
    rows = Counter({k: n for k, n in rows.items() if n})
    assert rows == want, differ(rows, want)


def whole_results():
    """complete: every epoch that changes the result writes all of it, the last one the batch answer"""
    cwd, want = run_job("whole")
    whole, log, state = epochs(cwd, "whole"), epochs(cwd, "log"), {}
    for epoch in sorted(set(whole) | set(log)):
        for c in log.get(epoch, []):
            if c["op"][0] == "+":
                state[c["data"]["k"]] = tuple(c["data"].values())
            elif c["op"] == "-D":
                del state[c["data"]["k"]]
        got = Counter(tuple(r.values()) for r in whole.get(epoch, []))
        assert got == Counter(state.values()), (epoch, differ(got, Counter(state.values())))
        assert epoch in log, f"epoch {epoch} changed nothing and was written"
    assert Counter(state.values()) == want


def modes_are_checked():
    """a mode that sink or query cannot do is refused where it stands"""
    cwd = folder("modes")
    head = "CREATE TABLE t (k bigint) WITH ('connector' = 'filesystem', 'path' = 'in', 'format' = 'json');\nCREATE TABLE s (k bigint, n bigint) WITH ('connector' = 'filesystem', 'path' = 's', 'format' = 'json', 'sink.output-mode' = '%s');\nINSERT INTO s SELECT k, count(*) FROM t GROUP BY k;\n"
    for mode, message in (("append", "takes rows back"), ("update", "cannot take changes by key"), ("delta", "cannot take rows with weights"), ("all", "is not a value of this option")):
        (cwd / "m.sql").write_text(head % mode)
        wrong = sparklet(cwd, "check", "m.sql", expect=2).stderr
        assert message in wrong and "m.sql:" in wrong and "hint:" in wrong, wrong
    (cwd / "m.sql").write_text(head.replace("'format' = 'json');\nCREATE TABLE s", "'format' = 'changelog-json');\nCREATE TABLE s") % "complete")
    (cwd / "in").mkdir()
    (cwd / "in" / "a.json").write_text("{}\n")
    wrong = sparklet(cwd, "run", "m.sql", expect=2).stderr
    assert "reading format 'changelog-json'" in wrong, wrong


main(changelogs, envelopes, whole_results, modes_are_checked)
