#!/usr/bin/env python3
"""Jobs as users of other engines write them (dialects/*.cases), in one epoch and in epochs of one row: what the sinks add up to is what the case says, or the error that it names comes."""
import json, os, pathlib, re, sys
from collections import Counter

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import TMP, main
from program import sparklet

HERE = pathlib.Path(__file__).resolve().parent / "dialects"


def cases(text):
    """(name, [(head, body)]): a case begins with "=== name", its parts with "--- head": files, sql, and what sinks or stdout come to, or the error."""
    for block in re.split(r"^=== ", text, flags=re.M)[1:]:
        name, rest = block.split("\n", 1)
        yield name.strip(), [tuple(part.split("\n", 1)) for part in re.split(r"^--- ", rest, flags=re.M)[1:]]


def plain(value, names):
    """Numbers by their value, whatever their digits; objects by their members' names only if they are asked for."""
    if isinstance(value, dict) and names:
        return {k: plain(v, names) for k, v in value.items()}
    if isinstance(value, (list, dict)):
        return [plain(v, names) for v in (value.values() if isinstance(value, dict) else value)]
    return value if isinstance(value, (bool, str)) or value is None else round(float(value), 6)


def of_row(row, names):
    """A row, whose own names do not matter."""
    return json.dumps([plain(v, names) for v in (row.values() if isinstance(row, dict) else row)], sort_keys=True)


def has_object(value):
    return isinstance(value, dict) or (isinstance(value, list) and any(has_object(v) for v in value))


def wanted(body):
    """The rows that a case says, and whether it says names within them: where it has an object."""
    rows = [json.loads(line) for line in body.splitlines()]
    names = any(has_object(value) for row in rows for value in row)
    return Counter(of_row(row, names) for row in rows), names


def added_up(lines, names):
    """What lines of changelogs and rows come to."""
    rows = Counter()
    key = lambda row: of_row(row, names)
    for line in lines:
        row = json.loads(line)
        if row.keys() == {"op", "data"}:
            rows[key(row["data"])] += 1 if row["op"][0] == "+" else -1
        elif row.keys() >= {"op", "before", "after"}:
            rows.subtract([key(row["before"])] if row["before"] else [])
            rows.update([key(row["after"])] if row["after"] else [])
        else:
            rows[key(row)] += 1
    return {k: n for k, n in rows.items() if n}


def written(folder, names):
    """What the files in a sink's folder add up to."""
    return added_up((line for path in sorted(folder.glob("epoch-*")) for line in path.read_text().splitlines()), names)


def run(file, name, parts, each):
    cwd = TMP / f"{file}-{name}-{each}"
    for head, body in parts:
        if head.startswith("file "):
            (cwd / head[5:]).parent.mkdir(parents=True, exist_ok=True)
            (cwd / head[5:]).write_text(body)
    cwd.mkdir(exist_ok=True)
    (cwd / "job.sql").write_text("".join(body for head, body in parts if head == "sql"))
    refused = dict(parts).get("refused")
    done = sparklet(cwd, "run", "-s", f"epoch.max.rows={each}", "-s", "epoch.interval=0", "job.sql", expect=2 if refused else 0)
    for line in (refused or "").split("\n"):
        assert line in done.stderr, f"{name}: {line!r} is not in\n{done.stderr}"
    for head, body in parts:
        if head.startswith("sink ") or head == "printed":
            want, names = wanted(body)
            got = written(cwd / head[5:], names) if head != "printed" else added_up(done.stdout.splitlines(), names)
            assert got == want, f"{name}, epochs of {each}, {head}:\n  got  {sorted(got.items())}\n  want {sorted(want.items())}\n{done.stderr}"


def of_file(path):
    def test():
        shared = []
        for name, parts in cases(path.read_text()):
            if name == "shared":  # files and tables that the cases behind it have as well
                shared = parts
                continue
            parts = shared + parts
            for each in [32768] if "refused" in dict(parts) else [32768, 1]:
                run(path.stem, name, parts, each)
    test.__doc__ = f"{path.stem}: {path.read_text().splitlines()[0].lstrip('# ')}"
    return test


main(*[of_file(path) for path in sorted(HERE.glob("*.cases"))])
