#!/usr/bin/env python3
"""Every file in wrong/ is refused with exit code 2 and an error that fits on a screen: its first line is what the file's first line says,
then the place with a caret, where there is one, and a way out."""
import pathlib, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import main
from program import SRC, folder, same, sparklet

FILES = sorted((SRC / "tests/cli/wrong").glob("*.sql"))
# Not told yet what would work instead.
NO_HINT = {"bad_interval", "join"}
# check is content with a script that has no job in it.
RUN = {"no_insert"}


def test(path):
    def refused():
        first, text = path.read_text().split("\n", 1)
        assert first.startswith("-- expect: "), "the first line does not say what is expected"
        want = first.removeprefix("-- expect: ")
        cwd = folder(path.stem)
        file = f"{path.stem}.sql"
        (cwd / file).write_text(f"{first}\n{text}")
        done = sparklet(cwd, "run" if path.stem in RUN else "check", file, expect=2)
        lines = done.stderr.splitlines()
        same(lines[0].removeprefix(f"{file}:"), want)
        assert done.stdout == "", done.stdout
        assert len(lines) <= 8 and all(len(line) <= 400 for line in lines), "more than a screen"
        if lines[0].startswith(file):
            number = want.split(":")[0]
            assert lines[1].startswith(f"  {number} | ") and lines[2].lstrip(" |").startswith("^"), done.stderr
        assert any(line.startswith("hint: ") for line in lines) or path.stem in NO_HINT, "no hint:\n" + done.stderr
        assert not (cwd / ".sparklet").exists(), "something was written"
    refused.__doc__ = path.stem.replace("_", " ")
    return refused


assert len(FILES) >= 30
main(*map(test, FILES))
