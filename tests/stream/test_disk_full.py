#!/usr/bin/env python3
"""The disk of state and checkpoints is full for a while: the job goes on and says so, and takes checkpoints again when there is room."""
import json, os, pathlib, shutil, subprocess, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import *
from program import folder, start

EVENTS = 100_000
SQL = f"""
CREATE TABLE bid (auction bigint, price bigint) WITH ('connector' = 'nexmark', 'nexmark.events' = '{EVENTS}', 'nexmark.rate' = '4000');
CREATE TABLE o (a bigint, n bigint, s bigint) WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'debezium-json');
INSERT INTO o SELECT auction, count(*), sum(price) FROM bid GROUP BY auction;
"""


def in_own_namespace():
    """Mounts are this process's own; that needs root."""
    if os.environ.get("DISK_FULL_INSIDE"):
        return
    inside = ["unshare", "-m", "--propagation", "private"]
    if subprocess.run([*inside, "true"], capture_output=True).returncode:
        print("cannot make a mount namespace of its own here")
        sys.exit(77)
    os.execvpe("unshare", [*inside, sys.executable, *sys.argv], {**os.environ, "DISK_FULL_INSIDE": "1"})


def fill(disk):
    with open(disk / "ballast", "wb", buffering=0) as f:
        try:
            while True:
                f.write(bytes(4096))
        except OSError:
            pass


def full_for_a_while():
    """a full disk under state and checkpoints: the job goes on, says so, and checkpoints again when there is room"""
    cwd = folder("full")
    disk = cwd / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=192m", "none", disk], check=True)
    (cwd / "j.sql").write_text(SQL)
    # The epoch log has room, or no epoch would be committed.
    (disk / "j").mkdir()
    for log in (cwd / "epochs.log", disk / "j/epochs.log"):
        log.touch()
    subprocess.run(["mount", "--bind", cwd / "epochs.log", disk / "j/epochs.log"], check=True)
    p = start(cwd, "run", "--job", "j", "--dir", "disk/j", "-s", "epoch.interval=20ms", "-s", "checkpoint.interval=100ms", "-s", "event.log=false", "-s", "log.file=log", "j.sql")
    newest = lambda: max((int(f.stem.split("-")[1]) for f in (disk / "j/checkpoints").glob("checkpoint-*.json")), default=0)
    log = lambda: (cwd / "log").read_text() if (cwd / "log").exists() else ""
    wait_for("two checkpoints", lambda: newest() > 1 or p.poll() is not None)
    fill(disk)
    wait_for("three failures", lambda: log().count("checkpoint failed") >= 3 or p.poll() is not None)
    assert p.poll() is None, p.communicate()
    before = newest()
    (disk / "ballast").unlink()
    wait_for("checkpoints after it", lambda: newest() > before + 1 or p.poll() is not None, 30)
    assert newest() > before, log()[-1500:]
    out, err = p.communicate(timeout=120 * SLOW)
    assert p.returncode == 0, err
    state = {}
    for f in sorted((cwd / "out").glob("epoch-*")):
        for line in f.read_text().splitlines():
            change = json.loads(line)
            if change["before"]:
                assert state.pop(change["before"]["a"]) == (change["before"]["n"], change["before"]["s"])
            if change["after"]:
                state[change["after"]["a"]] = (change["after"]["n"], change["after"]["s"])
    bids = sum(n for n, _ in state.values())
    assert bids == sum(1 for i in range(EVENTS) if i % 50 >= 4), bids


if __name__ == "__main__":
    in_own_namespace()
    main(full_for_a_while)
