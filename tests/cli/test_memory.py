#!/usr/bin/env python3
"""memory.limit of the program as it is: a query over many times as much ends well, within its memory, and leaves no files behind."""
import os, pathlib, random, resource, signal, subprocess, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import BIN, SLOW, main, wait_for
from program import environment, folder, same, sparklet, start

CWD = folder("memory")
SPILL = CWD / "spill"
SPILL.mkdir()
LIMIT = 32                                    # MiB: the least there may be
LONG = bool(os.environ.get("SPARKLET_LONG"))
ROWS = (10 if LONG else 3) * LIMIT * (1 << 20) // 60
SMALL = ("-s", f"memory.limit={LIMIT}MiB", "-s", f"spill.dir={SPILL}")


def make_table():
    draw = random.Random(7)
    filler = [f"{draw.getrandbits(96):024x}" for _ in range(4099)]
    with open(CWD / "t.csv", "w") as out:
        out.write("id,k,t\n")
        for base in range(0, ROWS, 1000):
            out.writelines(f"{i},{(i * 7919 + 13) % 1000003},{filler[i % 4099]} and {i % 17}\n" for i in range(base, min(base + 1000, ROWS)))


make_table()


def peak(*arguments, stdout=subprocess.DEVNULL, **options):
    """Runs it; (exit code, what it says, KiB of memory at the most)."""
    p = subprocess.Popen([BIN, *map(str, arguments)], cwd=CWD, env=environment(), stdout=stdout, stderr=subprocess.PIPE, text=True, **options)
    said = p.stderr.read()
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    return p.returncode, said, usage.ru_maxrss


def spilled():
    return list(SPILL.iterdir())


def sorts():
    """ORDER BY over many times memory.limit: all rows, in order, in memory.limit and a tenth beside what the program takes anyway"""
    _, _, idle = peak("sql", "-c", "SELECT 1")
    with open(CWD / "sorted.csv", "w") as out:
        code, said, most = peak("sql", "--format", "csv", *SMALL, "-c", "SELECT * FROM 't.csv' ORDER BY k, id", stdout=out)
    assert code == 0, said
    rows = total = 0
    before = (-1, -1)
    with open(CWD / "sorted.csv") as lines:
        assert next(lines) == "id,k,t\n"
        for line in lines:
            id, k, _ = line.split(",")
            here = (int(k), int(id))
            assert before < here, (before, here)
            before = here
            rows += 1
            total += here[1]
    assert rows == ROWS and total == ROWS * (ROWS - 1) // 2, rows
    assert spilled() == []
    if not os.environ.get("SPARKLET_SANITIZER"):
        assert most - idle < LIMIT * 1024 * 1.1 + 8 * 1024, f"{most} KiB, {idle} of them without a query"


def explained():
    """EXPLAIN ANALYZE tells what was spilled and how much an operator held"""
    text = sparklet(CWD, "sql", *SMALL, "-c", "EXPLAIN ANALYZE SELECT t, id FROM 't.csv' ORDER BY t").stdout
    line = next(line for line in text.splitlines() if "Sort" in line)
    assert "spilled" in line and "memory" in line, text


def limited():
    """with LIMIT nothing is spilled"""
    text = sparklet(CWD, "sql", *SMALL, "-c", "EXPLAIN ANALYZE SELECT t, id FROM 't.csv' ORDER BY t, id LIMIT 5").stdout
    assert "TopK" in text and "nothing spilled" in text, text
    text = sparklet(CWD, "sql", *SMALL, "--format", "csv", "-c", "SELECT id FROM 't.csv' ORDER BY k, id LIMIT 3").stdout
    want = sorted(((i * 7919 + 13) % 1000003, i) for i in range(ROWS))[:3]
    same(text, "id\n" + "".join(f"{i}\n" for _, i in want))


def killed():
    """a process that is killed leaves a folder, which the next query removes; one that is interrupted leaves nothing"""
    query = ("sql", *SMALL, "-c", "SELECT * FROM 't.csv' ORDER BY t")
    p = start(CWD, *query)
    wait_for("rows on disk", spilled)
    p.kill()
    p.communicate()
    assert len(spilled()) == 1 and spilled()[0].stat().st_mode & 0o777 == 0o700, spilled()
    sparklet(CWD, "sql", *SMALL, "-c", "SELECT 1")
    assert spilled() == []
    p = start(CWD, *query)
    wait_for("rows on disk", spilled)
    p.send_signal(signal.SIGINT)
    p.communicate(timeout=30 * SLOW)
    assert p.returncode != 0 and spilled() == [], (p.returncode, spilled())


def full():
    """a disk that is full ends the query and says what to do; a size limit stands in for it"""
    code, said, _ = peak("sql", *SMALL, "-c", "SELECT * FROM 't.csv' ORDER BY t", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)))
    assert code == 1 and "cannot write to the spill file" in said and "spill.dir=FOLDER" in said and "memory.limit=" in said, (code, said)
    assert spilled() == []


def nowhere():
    """a spill.dir that is not there is named before anything is read"""
    done = sparklet(CWD, "sql", "-s", "spill.dir=missing", "-c", "SELECT 1", expect=None)
    assert done.returncode and "spill.dir missing" in done.stderr and "hint" in done.stderr, done.stderr


main(sorts, explained, limited, killed, full, nowhere)
