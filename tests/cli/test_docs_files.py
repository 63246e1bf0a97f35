#!/usr/bin/env python3
"""docs/files.md is true: its files are written, its commands run, and they print what stands there."""
import pathlib, re, subprocess, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import BIN, SLOW, main
from program import SRC, environment, folder, same

CWD = folder("docs")
TEXT = (SRC / "docs/files.md").read_text()


def blocks(kind):
    """(what follows the kind, text) of the fenced blocks."""
    return re.findall(rf"^```{kind} ?(\S*)\n(.*?)^```$", TEXT, re.S | re.M)


def write_files():
    for name, text in blocks("csv"):
        path = CWD / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def run(command):
    assert command.startswith("sparklet "), command
    (CWD / "bin").mkdir(exist_ok=True)
    if not (CWD / "bin/sparklet").exists():
        (CWD / "bin/sparklet").symlink_to(BIN)
    env = environment()
    env["PATH"] = f"{CWD / 'bin'}:{env['PATH']}"
    done = subprocess.run(command, shell=True, cwd=CWD, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120 * SLOW)
    return "\n".join(line.rstrip() for line in done.stdout.rstrip("\n").splitlines())


def examples():
    """Every command of docs/files.md prints what stands below it"""
    write_files()
    count = 0
    for _, text in blocks("console"):
        for command, want in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.M):
            same(run(command), want.rstrip("\n"))
            count += 1
    assert count >= 8, count


main(examples)
