#!/usr/bin/env python3
"""Where statements end: random scripts of literals, names and comments that try to hide their semicolons."""
import json, os, pathlib, random, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import main
from program import folder, same, sparklet

CWD = folder("statements")
NASTY = ["'", "''", '"', ";", "--", "/*", "*/", "$", "$$", "$a$", "\\", "\n", "`", " ", "x", "é", "E", "(", ")", "0"]


def literal(draw):
    """SQL for a text, and the text."""
    text = "".join(draw.choice(NASTY) for _ in range(draw.randrange(12)))
    kind = draw.randrange(4)
    if kind == 0:
        return "'" + text.replace("'", "''") + "'", text
    if kind == 1:
        return "E'" + text.replace("\\", "\\\\").replace("'", draw.choice(["''", "\\'"])).replace("\n", "\\n") + "'", text
    tag = f"$t{draw.randrange(100)}$" if kind == 2 else "$$"
    body = text.replace("$", "S")  # a dollar at its end would belong to the tag
    return tag + body + tag, body


def comment(draw):
    inside = "".join(draw.choice([c for c in NASTY if c not in ("/*", "*/", "\n")]) for _ in range(draw.randrange(8)))
    kind = draw.randrange(4)
    if kind == 0:
        return f" --{inside}\n"
    if kind == 1:
        return f" /*{inside.replace('*', '+').replace('/', '+')} */ "
    if kind == 2:
        return " /* a /* ; ' */ \" ; */ "
    return draw.choice([" ", "\n", "\t"])


def random_scripts():
    """each statement is found, whichever way the script comes"""
    seed = int(os.environ.get("SPARKLET_SEED") or random.randrange(1 << 32))
    print(f"# seed: {seed}")
    draw = random.Random(seed)
    for n in range(40 if os.environ.get("SPARKLET_LONG") else 8):
        script, want = "", ""
        for _ in range(draw.randrange(1, 12)):
            sql, text = literal(draw)
            name = "".join(draw.choice(";'x-/*$ ") for _ in range(draw.randrange(1, 6))) or "x"
            script += f"{comment(draw)}SELECT{comment(draw)} {sql}{comment(draw)} AS{comment(draw)} \"{name}\"{comment(draw)};{comment(draw)}"
            want += json.dumps({name: text}, ensure_ascii=False, separators=(",", ":")) + "\n"
            if draw.random() < 0.3:
                script += ";" * draw.randrange(3)
        (CWD / "s.sql").write_text(script)
        same(sparklet(CWD, "sql", "s.sql", "--format", "json").stdout, want)
        same(sparklet(CWD, "sql", "--format", "json", input=script).stdout, want)
        same(sparklet(CWD, "sql", "-c", script, "--format", "json").stdout, want)


def dollars():
    """a dollar in a name or before a number opens nothing"""
    same(sparklet(CWD, "sql", "-c", "SELECT 1 AS a$b$c; SELECT 2 AS x", "--format", "json").stdout, '{"a$b$c":1}\n{"x":2}\n')
    assert "parameter" in sparklet(CWD, "sql", input="SELECT $1; SELECT 2 AS x;\n", expect=2).stderr


def unfinished():
    """what is open at the end is an error, with its place"""
    for text, place in (("SELECT 1 AS a; SELECT 'x", "1:23"), ("SELECT 1 AS a;\nSELECT 2 AS b /* open", "2:15"), ("SELECT 1 AS a;\nSELECT $q$ x; $$", "2:8")):
        for how in ({"input": text}, {}):
            done = sparklet(CWD, "sql", "--format", "json", *([] if how else ["-c", text]), expect=2, **how)
            assert f"{place}: error: unterminated" in done.stderr and done.stdout == ('{"a":1}\n' if how else ""), (text, done)
    same(sparklet(CWD, "sql", input="-- nothing\n/* at all */ ;;; \n").stdout, "")


def expanded():
    """records as psql lays them out"""
    query = 'SELECT \'x\' AS "a very long column name that is long", \'größe\' AS b; SELECT 1 AS a, \'hello world, long\' AS bb, NULL AS c; SELECT 1 AS a WHERE false;'
    same(sparklet(CWD, "sql", input="\\x\n" + query + "SELECT * FROM (VALUES (1), (2)) AS t (a);").stdout,
         "-[ RECORD 1 ]------------------------+------\n"
         "a very long column name that is long | x\n"
         "b                                    | größe\n"
         "\n"
         "-[ RECORD 1 ]---------\n"
         "a  | 1\n"
         "bb | hello world, long\n"
         "c  | \n"
         "\n"
         "(0 rows)\n"
         "\n"
         "-[ RECORD 1 ]\n"
         "a | 1\n"
         "-[ RECORD 2 ]\n"
         "a | 2\n")


main(random_scripts, dollars, unfinished, expanded)
