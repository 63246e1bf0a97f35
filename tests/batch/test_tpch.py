#!/usr/bin/env python3
"""TPC-H's 22 queries at scale 0.01 against DuckDB, with all memory and with little."""
import os, pathlib, subprocess, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from jobs import BIN, SLOW, main

BENCH = pathlib.Path(os.environ["SPARKLET_SRC"]) / "bench" / "tpch.py"


def run(*options, **env):
    p = subprocess.run([sys.executable, str(BENCH), "--check", "--scale", "0.01", "--program", BIN, *options], capture_output=True, text=True, timeout=300 * SLOW, env={**os.environ, **env})
    assert p.returncode == 0, p.stdout[-1500:] + p.stderr[-1500:]
    assert "22 of 22" in p.stdout, p.stdout


def all_queries():
    """all 22 queries give DuckDB's answers"""
    run()


def little_memory():
    """the same with the least memory.limit there is"""
    run("--memory", "32MiB")


def settled():
    """the same with joins that turn out larger than planned, and sorts by ranges"""
    run(SPARKLET_JOIN_BROADCAST_BYTES="20KiB", SPARKLET_SORT_RANGES="always", SPARKLET_PARALLELISM="4")


main(all_queries, little_memory, settled)
