#!/usr/bin/env python3
"""`sparklet sql` at a terminal: editing, history, completion, commands, Ctrl-C; the same commands in scripts."""
import os, pathlib, stat, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import main
from program import folder, same, sparklet
from terminal import Terminal

CWD = folder("shell")
STATE = CWD / "state"
FLIGHTS = "'examples/data/flights.csv'"


def shell(*arguments, env={}, **size):
    t = Terminal(CWD, "sql", *arguments, env={"XDG_STATE_HOME": str(STATE), "PAGER": "cat", **env}, **size)
    t.prompt()
    return t


def pipe(text, *options, **how):
    return sparklet(CWD, "sql", *options, input=text, **how)


# --- at a terminal ---

def statements():
    """a statement ends with ;, over as many lines as it takes; the prompt says what is open; DDL and SET stay"""
    with shell() as t:
        text = t.do("SELECT 1 AS a;")
        assert " a\n---\n 1\n(1 row)\n\n" in text, text
        t.do("SELECT 'x", "'")
        t.do("y' AS b, (", "(")
        t.do("/* */ 2) AS \"c", '"')
        t.do('d", $q$', "$")
        t.do("$q$ AS e /*", "*")
        text = t.do("*/;")
        assert " x\\ny |    2 | \\n\n" in text, text
        assert "CREATE VIEW" in t.do("CREATE VIEW v AS SELECT 7 AS seven; SET timezone = 'Asia/Tokyo';")
        assert "2020-01-01 09:00:00+09" in t.do("SELECT timestamptz '2020-01-01 00:00+00' AS t FROM v;")
        text = t.do("SELECT 1 AS x; SELECT 2 AS y;")
        assert text.count("(1 row)") == 2, text
        t.type("ctrl-d")
        assert t.wait() == 0, t.screen.text()


def mistakes():
    """a mistake is shown with its place, and the session goes on"""
    with shell() as t:
        t.do("SELECT 1 AS a,", "-")
        text = t.do("  b;")
        assert 'error: column "b" does not exist\n  2 |   b;\n    |   ^\n' in text, text
        text = t.do("SELECT 1 +; SELECT 3 AS still;")
        assert "syntax error" in text and " still\n" in text, text
        assert "division by zero" in t.do("SELECT 1 / (flight - flight) FROM " + FLIGHTS + ";")
        text = t.do("\\frobnicate")
        assert "unknown command \\frobnicate" in text and "\\?" in text, text
        t.type("\\q", "enter")
        assert t.wait() == 0, t.screen.text()


def shows(t, line, want):
    text = t.do(line)
    assert want in text, text


def editing():
    """keys of the line, also within several lines; Ctrl-C clears what is written, Ctrl-R finds what was"""
    with shell() as t:
        t.type("SELECT 12 AS x;", *["left"] * 6, "backspace", "3", "home", "end")
        shows(t, "", "\n 13\n")
        t.type("SELECT 'never run", "ctrl-c")
        t.prompt()
        t.do("SELECT 5 +", "-")
        t.type("nonsense", "ctrl-c")
        t.prompt()
        shows(t, "SELECT 6 AS s;", "\n 6\n")
        t.type("ctrl-r", "13")
        t.wait_for("13 AS x")
        shows(t, "", "\n 13\n")
        # Pasted: Tabs and newlines are text.
        t.type("\x1b[200~SELECT 1 AS one,\r\t2\tAS two\r\x1b[201~")
        t.wait_for("AS two")
        shows(t, ";", " one | two\n")
        # A paste that never ends can be given up.
        t.type("\x1b[200~SELECT 1 AS one,\r")
        t.type("ctrl-c")
        t.prompt()
        shows(t, "SELECT 7 AS one;", "\n   7\n")
        t.type("ctrl-d")
        assert t.wait() == 0, t.screen.text()


def history():
    """statements are remembered whole, over sessions; nobody else may read them; a blank before hides one"""
    with shell() as t:
        t.do("SELECT 41 AS a,", "-")
        t.do("  42 AS b;")
        t.do(" SELECT 'hidden' AS h;")
        t.do("\\timing off")
        t.type("ctrl-d")
        t.wait()
    file = STATE / "sparklet/history"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert "SELECT 41 AS a,\\n  42 AS b;\n" in file.read_text() and "hidden" not in file.read_text()
    with shell() as t:
        t.type("up")
        t.wait_for(r"\\timing off")
        t.type("up")
        t.wait_for("42 AS b;")
        t.type("up", "end", "backspace")          # to the first line, not to the entry before
        t.seen = 0
        t.wait_for("41 AS a$")
        t.type(",", "down", "end")
        assert " 41 | 42\n" in t.do("")
        t.type("ctrl-d")
        t.wait()
    # A history that others made readable is ours again with the next statement.
    file.chmod(0o644)
    with shell() as t:
        t.do("SELECT 43 AS c;")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def long_history():
    """a history that has grown too long loses its older half; only the newest entries are read"""
    state = CWD / "long"
    (state / "sparklet").mkdir(parents=True)
    file = state / "sparklet/history"
    file.write_text("".join(f"SELECT 'old' AS number_{n};\n" for n in range(40000)))
    with shell(env={"XDG_STATE_HOME": str(state)}) as t:
        t.type("up")
        t.wait_for("number_39999")
        t.type("ctrl-c")
        t.prompt()
        t.do("SELECT 'new' AS n;")
    text = file.read_text()
    assert len(text) < 600000 and text.startswith("SELECT 'old' AS number_") and text.endswith("number_39999;\nSELECT 'new' AS n;\n"), (len(text), text[-80:])


def no_history():
    """no place for a history: the shell works without"""
    (CWD / "a-file").write_text("")
    with shell(env={"XDG_STATE_HOME": str(CWD / "a-file")}) as t:
        assert "\n 1\n" in t.do("SELECT 1 AS a;")
        t.type("up")
        assert "\n 1\n" in t.do("")


def complete(t, typed, want):
    t.type(typed, "tab")
    t.wait_for(want)
    t.type("ctrl-c")
    t.prompt()


def completion():
    """Tab: statements, tables, columns of the tables that are named, functions, settings, commands, files"""
    with shell() as t:
        t.do("CREATE TABLE plane (tailnum text, seats integer, \"Maker\" text) WITH ('connector' = 'filesystem', 'path' = 'planes.csv', 'format' = 'csv');")
        t.do("CREATE VIEW places AS SELECT seats, 1 AS wings FROM plane;")
        for typed, want in (("sel", "^sparklet=> select$"), ("EXP", r"^sparklet=> EXPLAIN ?$"), ("SELECT * FROM pla", r"^sparklet=> SELECT \* FROM pla$"),
                            ("SELECT * FROM plan", "FROM plane$"), ("SELECT p.s FROM plane AS p;\x1b[H\x1b[1;5C\x1b[1;5C", "SELECT p.seats +FROM"),
                            ("SELECT 1 FROM places WHERE wing", "WHERE wings$"),
                            ("SELECT regexp_rep", r"SELECT regexp_replace\($"), ("SELECT carr FROM " + FLIGHTS + ";\x1b[H" + "\x1b[C" * 11, "SELECT carrier +FROM"),
                            ("SET memory.l", "SET memory.limit$"), ("\\ti", r"\\timing$"), ("\\d plac", r"\\d places$"), ("\\x a", r"\\x auto$"),
                            ("\\pset fo", r"\\pset format$"), ("\\h cr", r"\\h create$"), ("\\i examples/flights/dela", r"\\i examples/flights/delays"),
                            ("SELECT * FROM 'examples/da", "FROM 'examples/data/$")):
            complete(t, typed, want)
        t.type("SELECT * FROM pla", "tab", "tab")
        t.wait_for("^places +plane\nsparklet=> SELECT \\* FROM pla$")


def commands():
    """\\? \\h \\d \\dt \\dv \\df \\x \\timing \\pset \\set \\session"""
    (CWD / "planes.csv").write_text("tailnum,seats\nN1,4\n")
    with shell(columns=160, rows=200) as t:
        text = t.do("\\?")
        assert "\\timing" in text and "\\conninfo" in text and "Tab completes" in text, text
        assert "CREATE VIEW: give" in t.do("\\h create view")
        assert "WATERMARK FOR" in t.do("\\h create")
        assert "there is no help on 'nothing'" in t.do("\\h nothing")
        t.do("CREATE TABLE plane (tailnum text NOT NULL, seats integer, twice AS seats * 2, PRIMARY KEY (tailnum) NOT ENFORCED) "
             "WITH ('connector' = 'filesystem', 'path' = 'planes.csv', 'format' = 'csv');")
        t.do("CREATE VIEW places AS SELECT seats, 1.5 AS x FROM plane;")
        text = t.do("\\d plane")
        assert 'Table "plane"' in text and "tailnum | text    | not null | primary key" in text and "computed" in text and "'path' = 'planes.csv'" in text, text
        text = t.do("\\d places")
        assert 'View "places"' in text and "seats" in text and "SELECT seats, 1.5 AS x FROM plane" in text, text
        assert "tailnum | text" in t.do("\\d 'planes.csv'")
        assert 'relation "nowhere" does not exist' in t.do("\\d nowhere")
        text = t.do("\\d")
        assert "places | view" in text and "plane  | table | filesystem | planes.csv" in text and "(2 rows)" in text, text
        assert "places" not in t.do("\\dt") and "plane " not in t.do("\\dv")
        assert 'No table matches "x*".' in t.do("\\dt x*")
        text = t.do("\\df lowe*")
        assert " lower " in text and "(1 row)" in text, text
        assert "aggregate" in t.do("\\df count")
        t.do("CREATE FUNCTION twice(a int, b text[]) RETURNS bigint LANGUAGE sql RETURN a * 2;")
        assert " twice | integer, text[] | bigint " in t.do("\\df twice") and "\n     6\n" in t.do("SELECT twice(3, '{}');")
        t.do("DROP FUNCTION twice;")
        assert "function twice(integer, unknown) does not exist" in t.do("SELECT twice(3, '{}');")
        assert "Expanded display is on." in t.do("\\x") 
        assert "-[ RECORD 1 ]\na | 1\n" in t.do("SELECT 1 AS a;")
        assert "Expanded display is used automatically." in t.do("\\x auto")
        assert "(1 row)" in t.do("SELECT 1 AS a;") 
        assert "-[ RECORD 1 ]" in t.do("SELECT repeat('x', 200) AS a, 2 AS b;")
        assert "Timing is on." in t.do("\\timing") 
        t.type("SELECT 1 AS a;", "enter")
        t.wait_for(r"^Time: \d+\.\d{3} ms$")
        t.prompt()
        t.do("\\timing off")
        t.do("\\pset null '(none)'")
        assert "\n (none) | x\n" in t.do("SELECT NULL AS a, 'x' AS b;")
        t.do("\\pset format json")
        assert '{"a":null}\n' in t.do("SELECT NULL AS a;")
        assert "format    json" in t.do("\\pset")
        assert "did you mean 'json'?" in t.do("\\pset format jsn")
        t.do("\\set timezone Asia/Tokyo")
        assert "timezone = 'Asia/Tokyo'" in t.do("\\set timezone") and "timezone = 'Asia/Tokyo'" in t.do("\\session")
        assert 'unrecognized configuration parameter "nokey"' in t.do("\\set nokey 1")
        assert "hello world" in t.do("\\echo hello 'world'")
        assert "from the system" in t.do("\\! echo from the system")


MANY = "CREATE VIEW many AS SELECT flight FROM " + " UNION ALL SELECT flight FROM ".join([FLIGHTS] * 50) + ";\n"


def interrupt():
    """Ctrl-C ends a query and leaves nothing behind; the session goes on, with the next query untouched; long work shows how far it is"""
    (CWD / "many.sql").write_text(MANY + "CREATE TABLE out (flight bigint) WITH ('connector' = 'filesystem', 'path' = 'cancelled', 'format' = 'csv');")
    with shell(env={"SPARKLET_FAULT": "source.read:1+:sleep=200"}) as t:
        t.do("\\i many.sql")
        for query in ("SELECT count(*) AS n FROM many;", "INSERT INTO out SELECT flight FROM many;", "EXPLAIN ANALYZE SELECT flight FROM many ORDER BY 1;"):
            t.type(query, "enter")
            t.wait_for(r"\[#*\.+\] +\d+ %  stage 1 of \d, \d+ of \d+ tasks  [\d,]+ rows read  \d+ MiB  \d+\.\d s")
            t.type("ctrl-c")
            t.seen = 0
            t.wait_for("error: canceling statement due to user request")
            t.prompt()
            assert "rows read" not in t.screen.text()
            assert "\n    5\n" in t.do("SELECT 5 AS five;")
        assert [p.name for p in (CWD / "cancelled").iterdir() if p.name != ".sparklet-job"] == []
        t.type("ctrl-d")
        assert t.wait() == 0, t.screen.text()


def cancelled_script():
    """Ctrl-C ends a script, whatever of it is running: exit code 1"""
    (CWD / "slow.sql").write_text(MANY + "SELECT count(*) AS n FROM many;\nSELECT 2 AS never;\n")
    with Terminal(CWD, "sql", "slow.sql", env={"SPARKLET_FAULT": "source.read:1+:sleep=200"}) as t:
        t.wait_for("rows read")
        t.type("ctrl-c")
        assert t.wait() == 1
        assert "canceling statement due to user request" in t.screen.text() and "never" not in t.screen.text() and "rows read" not in t.screen.text()


def stopped():
    """SIGTERM ends the shell, at the prompt and in a query"""
    with shell() as t:
        t.type("SELECT 'not finished")
        os.kill(t.pid, 15)
        assert t.wait() == 0, t.screen.text()
    (CWD / "many2.sql").write_text(MANY)
    with shell(env={"SPARKLET_FAULT": "source.read:1+:sleep=200"}) as t:
        t.do("\\i many2.sql")
        t.type("SELECT count(*) FROM many;", "enter")
        t.wait_for("rows read")
        os.kill(t.pid, 15)
        assert t.wait() == 0 and "canceling statement" in t.screen.text(), t.screen.text()


def pager():
    """what is longer than the screen goes through $PAGER, which may end before; the rest does not"""
    with shell(env={"PAGER": "sed 's/^/p:/'"}, rows=10) as t:
        assert "\n 1\n" in t.do("SELECT 1 AS a;")
        text = t.do("SELECT flight FROM " + FLIGHTS + " LIMIT 20;")
        assert "p:(20 rows)" in text, text
        assert "Pager is off." in t.do("\\pset pager off")
        assert "p:" not in t.do("SELECT flight FROM " + FLIGHTS + " LIMIT 20;")
    with shell(env={"PAGER": "head -n 3"}, rows=10) as t:
        text = t.do("SELECT flight FROM " + FLIGHTS + ";")
        assert "flight" in text and "error" not in text, text
        assert "\n 1\n" in t.do("SELECT 1 AS a;")


def editor():
    """\\e: the last statement, or the one that is written, in $EDITOR; what ends with ; runs"""
    (CWD / "ed.sh").write_text("#!/bin/sh\nsed -i 's/old/new/; s/$/ -- edited/' \"$1\"\n")
    (CWD / "ed.sh").chmod(0o755)
    with shell(env={"EDITOR": str(CWD / "ed.sh"), "TMPDIR": str(CWD)}) as t:
        t.do("SELECT 'old' AS a;")
        text = t.do("\\e")
        assert "SELECT 'new' AS a; -- edited" in text and "\n new\n" in text, text
        t.do("SELECT 'old' AS b", "-")
        t.do("\\e", "-")
        assert "\n new\n" in t.do(";")
        assert not list(CWD.glob("sparklet-*.sql"))
    with shell(env={"EDITOR": "false"}) as t:
        assert "the editor 'false' did not end well" in t.do("\\e")


# --- in scripts ---

def scripts():
    """commands work in scripts, too: \\x \\pset \\echo \\i \\o \\g \\p \\r \\q"""
    same(pipe("\\pset null N\nSELECT NULL AS a \\g\n\\x on\nSELECT 1 AS b;\n\\echo done\n\\q\nSELECT 2;\n").stdout,
         " a \n---\n N\n(1 row)\n\n-[ RECORD 1 ]\nb | 1\ndone\n")
    (CWD / "inner.sql").write_text("SELECT 3 AS c;\n")
    same(pipe("\\i inner.sql\n\\o out.txt\nSELECT 4 AS d;\n\\o\n\\o |sed s/5/five/\nSELECT 5 AS e;\n\\o\n", "--format", "json").stdout, '{"c":3}\n{"e":five}\n')
    same((CWD / "out.txt").read_text(), '{"d":4}\n')
    same(pipe("SELECT 1 AS a\n\\p\n\\r\nSELECT 2 AS b;\n\\g\n", "--format", "json").stdout, 'SELECT 1 AS a\n{"b":2}\n{"b":2}\n')
    same(sparklet(CWD, "sql", "-c", "\\echo x").stdout, "x\n")
    assert pipe("\\timing\nSELECT 1 AS a;\n").stdout.splitlines()[-1].startswith("Time: ")


def script_mistakes():
    """in a script the first mistake ends it: exit code 2 for SQL and commands, 1 for a query that fails"""
    done = pipe("SELECT 1 AS a;\n\\nonsense\nSELECT 2 AS b;\n", "--format", "json", expect=2)
    assert done.stdout == '{"a":1}\n' and "unknown command \\nonsense" in done.stderr, done
    done = pipe("SELECT 1 AS a;\n\n SELECT b;\nSELECT 2 AS b;\n", "--format", "json", expect=2)
    assert done.stdout == '{"a":1}\n' and done.stderr.startswith('stdin:3:9: error: column "b" does not exist\n  3 |  SELECT b;'), done
    (CWD / "bad.sql").write_text("SELECT 1 AS a;\nSELECT 1 / 0 AS b;\n")
    done = pipe("\\i bad.sql\nSELECT 2 AS b;\n", "--format", "json", expect=1)
    assert done.stdout == '{"a":1}\n' and "division by zero" in done.stderr, done
    (CWD / "self.sql").write_text("\\i self.sql\n")
    assert "files within files" in sparklet(CWD, "sql", "self.sql", expect=2).stderr
    for line, message in (("\\i", "a file's name is missing"), ("\\i nowhere.sql", "nowhere.sql"), ("\\x maybe", "'maybe' is not one of off, on, auto"),
                          ("\\timing on off", "unexpected argument 'off'"), ("\\o /nowhere/x", "/nowhere/x"), ("\\cd /nowhere", "/nowhere"), ("\\pset nul x", "did you mean 'null'?"),
                          ("\\pset format xml", "expected table, csv, json or arrow"), ("\\d", None), ("\\tming", "did you mean \\timing?")):
        done = pipe(line + "\n", expect=2 if message else 0)
        assert not message or message in done.stderr, (line, done.stderr)


main(statements, mistakes, editing, history, long_history, no_history, completion, commands, interrupt, cancelled_script, stopped, pager, editor, scripts, script_mistakes)
