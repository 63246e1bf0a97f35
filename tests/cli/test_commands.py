#!/usr/bin/env python3
"""Arguments, help texts, exit codes."""
import os, pathlib, subprocess, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import BIN, TMP, main
from program import SRC, environment, folder, same, sparklet

CWD = folder("commands")
BUILT = ("run", "sql", "explain", "check", "epochs", "dlq", "checkpoint", "state", "history", "version", "help")
LATER = ("dry-run", "replay", "diff", "watermarks")


def version():
    """version and --version"""
    text = sparklet(CWD, "version").stdout
    assert text.startswith("sparklet ") and text.count("\n") == 1, text
    same(sparklet(CWD, "--version").stdout, text)


def overview():
    """--help lists every command and says which are not built yet; without arguments it goes to stderr"""
    text = sparklet(CWD, "--help").stdout
    for name in BUILT + LATER:
        line = next(line for line in text.splitlines() if line.startswith(f"  {name} "))
        assert ("(not built yet)" in line) == (name in LATER), line
    same(sparklet(CWD, "help").stdout, text)
    same(sparklet(CWD, expect=2).stderr, text)
    assert len(text.splitlines()) <= 40 and max(map(len, text.splitlines())) <= 130


def help_texts():
    """--help of every command: how it is called, examples, every option; the same by `help COMMAND`"""
    for name in BUILT + LATER:
        text = sparklet(CWD, name, "--help").stdout
        assert text.startswith(f"sparklet {name} "), text
        same(sparklet(CWD, "help", name).stdout, text)
        if name in LATER:
            assert "not built yet" in text
        elif name not in ("version", "help"):
            assert f"\n  sparklet {name} " in text, f"{name}: no example"
            assert "-s, --set KEY=VALUE" in text and "-h, --help" in text
        assert len(text.splitlines()) <= 40 and max(map(len, text.splitlines())) <= 140, name


def manual():
    """the manual page knows every command and option"""
    page = (SRC / "docs/sparklet.1").read_text().replace("\\-", "-")
    for name in BUILT + LATER:
        assert f"\n.B {name}\n" in page, f"{name} is not in the manual"
        for word in sparklet(CWD, name, "--help").stdout.split():
            if word.startswith("--") and name in BUILT:
                assert word.strip(".,;)") in page, f"{word} of {name} is not in the manual"


def not_built():
    """commands that are not built yet say so, with exit code 2"""
    for name in LATER:
        assert f"{name} is not built yet" in sparklet(CWD, name, "x", "y", "--later", expect=2).stderr
    for arguments in (("checkpoint", "j", "restore"), ("dlq", "j", "redrive")):
        assert "is not built yet" in sparklet(CWD, *arguments, expect=2).stderr


WRONG = (
    (("rnu",), "unknown command 'rnu'", "did you mean 'sparklet run'?"),
    (("frobnicate",), "unknown command 'frobnicate'", "sparklet --help"),
    (("sql", "--formt", "json"), "sql: unknown option --formt", "did you mean --format?"),
    (("sql", "--once", "-c", "SELECT 1"), "sql: unknown option --once", "sparklet sql --help"),
    (("run", "-x"), "run: unknown option -x", "sparklet run --help"),
    (("run",), "run: an argument is missing", "FILE.sql"),
    (("run", "a.sql", "b.sql"), "run: unexpected argument 'b.sql'", "FILE.sql"),
    (("run", "--once=yes", "a.sql"), "--once takes no value", ""),
    (("run", "--job"), "--job needs a value", "NAME"),
    (("run", "--job", "a", "--job", "b", "x.sql"), "--job is given twice", ""),
    (("run", "nowhere.sql"), "nowhere.sql", "read from a file"),
    (("run", "--job", "a/b", "some.sql"), '"a/b" cannot be a job\'s name', "letters"),
    (("run", "-s", "parallelism", "some.sql"), "expected KEY=VALUE", "-s epoch.interval=50ms"),
    (("run", "-s", "paralelism=3", "some.sql"), 'unrecognized configuration parameter "paralelism"', "did you mean 'parallelism'?"),
    (("run", "-s", "parallelism=many", "some.sql"), "-s: parallelism: 'many'", ""),
    (("run", "-s", "log.level=loud", "some.sql"), "log.level: 'loud' is not a log level", ""),
    (("run", "--config", "nowhere.conf", "some.sql"), "nowhere.conf", ""),
    (("run", "-"), "has no name to call the job by", "--job NAME"),
    (("sql", "-c", "SELECT 1", "some.sql"), "both -c and the file", ""),
    (("sql", "--format", "jsn", "-c", "SELECT 1"), "--format jsn: expected table, csv, json or arrow", "did you mean 'json'?"),
    (("explain",), "neither -c QUERY nor FILE.sql", "usage"),
    (("explain", "--format", "xml", "-c", "SELECT 1"), "--format xml", "text or"),
    (("epochs", "nosuch"), "there is no job 'nosuch' here", "--dir"),
    (("epochs", "nosuch", "--last", "-1"), "--last -1: expected a whole number", ""),
    (("checkpoint", "j"), "an argument is missing", "list|verify"),
    (("checkpoint", "j", "lst"), "unknown action 'lst'", "did you mean 'sparklet checkpoint j list'?"),
    (("dlq", "j", "shw"), "unknown action 'shw'", "did you mean 'sparklet dlq j show'?"),
    (("help", "sqll"), "unknown command 'sqll'", "did you mean 'sparklet sql'?"),
)


def wrong_usage():
    """wrong arguments: exit code 2, what is wrong and what would work, nothing on stdout"""
    (CWD / "some.sql").write_text("SELECT 1;\n")
    for arguments, message, hint in WRONG:
        done = sparklet(CWD, *arguments, expect=2, input="")
        lines = done.stderr.splitlines()
        assert done.stdout == "" and lines[0].startswith("sparklet: error: ") and message in lines[0], (arguments, done.stderr)
        assert hint in (lines[1] if len(lines) > 1 else "") and len(lines) <= 2, (arguments, done.stderr)


def close_names():
    """a job that is not there: the one of a similar name is suggested"""
    (CWD / ".sparklet/delays").mkdir(parents=True)
    assert "did you mean 'delays'?" in sparklet(CWD, "epochs", "delay", expect=2).stderr
    assert "no job \"delays\" has run" in sparklet(CWD, "epochs", "delays", expect=1).stderr
    assert sparklet(CWD, "checkpoint", "delays", "list").stdout == "no checkpoints yet\n"


def binary_script():
    """a script that is no text is refused, not read up to its first NUL"""
    (CWD / "nul.sql").write_bytes(b"SELECT 1;\0SELECT 2;")
    assert "NUL byte" in sparklet(CWD, "sql", "nul.sql", expect=2).stderr


def secrets():
    """values from ${env:...} do not appear in errors, whatever they are part of"""
    (CWD / "secret.sql").write_text("CREATE TABLE t (a text) WITH ('connector' = 'kafka', 'topic' = 't', 'format' = 'json',\n"
                                    "  'properties.bootstrap.servers' = '127.0.0.1:1', 'properties.sasl.password' = '${env:PASSWORD}',\n"
                                    "  'properties.security.protocol' = '${env:PASSWORD}');\n"
                                    "CREATE TABLE o (a text) WITH ('connector' = 'print');\nINSERT INTO o SELECT a FROM t;\n")
    done = sparklet(CWD, "run", "-s", "kafka.retry=100ms", "secret.sql", expect=2, env={"PASSWORD": "hunter2-hunter2"})
    assert "hunter2" not in done.stderr and "***" in done.stderr, done.stderr


def injected_faults():
    """SPARKLET_FAULT is taken from the environment, and a wrong one is refused"""
    assert "point" in sparklet(CWD, "version", expect=2, fault="nowhere:1").stderr
    assert sparklet(CWD, "sql", "-c", "SELECT 1", fault="task.start:99").stdout


def closed_pipe():
    """a reader that goes away ends the program with exit code 1 and no words"""
    command = [BIN, "sql", "-c", "SELECT * FROM 'examples/data/flights.csv'"]
    p = subprocess.Popen(command, cwd=CWD, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdout.read(100)
    p.stdout.close()
    words = p.stderr.read().decode()
    assert p.wait(60) == 1 and words == "", words


def full_disk():
    """stdout that takes nothing more is an error"""
    with open("/dev/full", "w") as full:
        for arguments in (("sql", "-c", "SELECT 1"), ("--help",), ("sql", "--format", "csv", "-c", "SELECT * FROM 'examples/data/flights.csv'")):
            p = subprocess.run([BIN, *arguments], cwd=CWD, env=environment(), stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
            assert p.returncode == 1 and "standard output" in p.stderr and p.stderr.count("\n") == 1, (arguments, p)


main(version, overview, help_texts, manual, not_built, wrong_usage, close_names, binary_script, secrets, injected_faults, closed_pipe, full_disk)
