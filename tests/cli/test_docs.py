#!/usr/bin/env python3
"""
Examples in docs/: what they show is what comes out.

A fenced block ```sql is run by `sparklet sql` from the root of the tree, after the tables and views that earlier blocks of the page created.
If a block ```text follows, it is the output; ```sql error: the output is the message of the error, on stderr. ```sql check is for jobs: bound and
planned by `sparklet check`. With --update this program writes what came out into the pages, for whoever wrote a new example to look at.
"""
import os, pathlib, re, subprocess, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

SRC = pathlib.Path(os.environ.get("SPARKLET_SRC") or pathlib.Path(__file__).resolve().parents[2])
PROGRAM = str(pathlib.Path(os.environ.get("SPARKLET_BUILD") or SRC / "build").resolve() / "sparklet")
FENCE = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```\n", re.M | re.S)
CREATES = re.compile(r"\s*CREATE\b(?!\s+TABLE\s+\w+\s+AS\b)", re.I)


def run(command, text):
    env = {**os.environ, "LANG": "C.UTF-8", "COLUMNS": "150"}
    done = subprocess.run([PROGRAM, *command], input=text, capture_output=True, text=True, cwd=SRC, env=env, timeout=300)
    return done.returncode, done.stdout, done.stderr


def statements(block):
    """The block's statements that later blocks stand on. Examples end a statement with ; at the end of a line."""
    return [s for s in re.split(r";[ \t]*(?:--[^\n]*)?\n", block + "\n") if CREATES.match(re.sub(r"^\s*--[^\n]*\n", "", s))]


def outcome(kind, block, before):
    """What the block shows: its output, or its error's message."""
    prelude = "".join(s + ";\n" for s in before)
    if kind == "check":
        code, out, err = run(["check", "/dev/stdin"], block)
        assert code == 0, f"{block}\n{err}"
        return out
    code, out, err = run(["sql", "/dev/stdin"], prelude + block)
    if kind != "error":
        assert code == 0, f"{block}\n{err}"
        return out
    assert code != 0, f"no error: {block}"
    return "".join(line + "\n" for line in re.sub(r"^\S+?:\d+:\d+: ", "", err, flags=re.M).splitlines() if re.match(r"(error|hint|not supported|bad data|cannot plan|wrong usage)\b", line))


def page(path, update):
    text, before, at, out, wrong = path.read_text(), [], 0, [], []
    blocks = list(FENCE.finditer(text))
    for i, b in enumerate(blocks):
        if b[1] != "sql":
            continue
        shown = blocks[i + 1] if i + 1 < len(blocks) and blocks[i + 1][1] == "text" and not text[b.end():blocks[i + 1].start()].strip() else None
        got = outcome(b[2].strip(), b[3], before)
        before += statements(b[3]) if not b[2].strip() else []
        if not shown:
            continue
        if got != shown[3]:
            wrong.append(f"{path.name}, line {text[:b.start()].count(chr(10)) + 1}:\n{b[3]}--- shown\n{shown[3]}--- came out\n{got}")
            out += [text[at:shown.start(3)], got]
            at = shown.end(3)
    if update:
        path.write_text("".join(out) + text[at:])
    assert update or not wrong, "\n\n".join(wrong)
    return len(blocks)


PAGES = [SRC / "docs" / name for name in ("sql.md", "formats.md")]

if __name__ == "__main__":
    if "--update" in sys.argv:
        for p in PAGES:
            page(p, True)
        sys.exit()
    from jobs import main

    def test_of(path):
        def test():
            assert page(path, False) > 0
        test.__name__, test.__doc__ = path.stem, f"the examples of docs/{path.name}"
        return test

    main(*[test_of(p) for p in PAGES])
