"""Running the program in a folder of its own, for tests of what it prints and writes."""
import json, os, pathlib, subprocess

from jobs import BIN, SLOW, TMP

SRC = pathlib.Path(os.environ["SPARKLET_SRC"])


def folder(name):
    """A working folder in which the paths of the examples hold."""
    cwd = TMP / name
    cwd.mkdir()
    (cwd / "examples").symlink_to(SRC / "examples")
    return cwd


def environment(**changes):
    """The test's environment without SPARKLET_ settings of its caller's, and with these."""
    env = {k: v for k, v in os.environ.items() if k not in ("SPARKLET_FAULT", "SPARKLET_LOG_LEVEL")}
    return {**env, **changes}


def sparklet(cwd, *arguments, expect=0, fault=None, input=None, env={}):
    """Runs it to its end; the result has .stdout and .stderr as text."""
    changes = {**env, **({"SPARKLET_FAULT": fault} if fault else {})}
    done = subprocess.run([BIN, *map(str, arguments)], cwd=cwd, env=environment(**changes), capture_output=True, text=True, input=input, timeout=120 * SLOW)
    assert expect is None or done.returncode == expect, f"exit code {done.returncode}, expected {expect}\n{done.stdout[-500:]}{done.stderr[-1500:]}"
    return done


def start(cwd, *arguments, **options):
    return subprocess.Popen([BIN, *map(str, arguments)], cwd=cwd, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def rows_by_key(path):
    """What the debezium-json files of a folder leave, by their column k: each change takes back what is there."""
    out = {}
    for p in sorted(path.glob("*.json")):
        for line in p.read_text().splitlines():
            change = json.loads(line)
            if change["before"]:
                assert out.pop(change["before"]["k"]) == change["before"], change
            if change["after"]:
                assert change["after"]["k"] not in out, change
                out[change["after"]["k"]] = change["after"]
    return out


def same(got, want):
    """Texts, line by line."""
    if got == want:
        return
    a, b = got.splitlines(), want.splitlines()
    for n, (x, y) in enumerate(zip(a + [None] * len(b), b + [None] * len(a)), 1):
        assert x == y, f"line {n}:\n  got  {x!r}\n  want {y!r}"
    raise AssertionError("the texts differ in their last newline")
