"""Start-up time of `moromi` beside that of the published `koji`, in the same run.

`python util/bench/cli.py [--server URL]` prints medians in milliseconds, the two programs in turn. With a
server, also a command that makes calls.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

BIN = Path(sys.executable).parent
RUNS = 15


def main() -> None:
    """Print one row a command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", help="the URL of a running hub")
    server = parser.parse_args().server
    rows = [["--help"], ["build", "--help"], ["help", "admin"]]
    if server:
        rows += [["--noauth", "version"], ["--noauth", "list-tags"]]
    with tempfile.TemporaryDirectory() as home:
        config = Path(home) / "config"
        url = server or "http://127.0.0.1/kojihub"
        config.write_text(f"[koji]\nserver = {url}\n[moromi]\nserver = {url}\n")
        print(f"{'command':24} {'moromi ms':>10} {'koji ms':>10} {'ratio':>6}")
        for words in rows:
            ours, theirs = compare(["--config", str(config), *words], home)
            print(f"{' '.join(words):24} {ours:10.0f} {theirs:10.0f} {theirs / ours:6.1f}")
    print(f"{'python -c pass':24} {statistics.median(bare()):10.0f}")


def compare(words: Sequence[str], home: str) -> tuple[float, float]:
    """Medians of both programs, run in turn so that the machine's mood is the same for both."""
    times: dict[str, list[float]] = {"moromi": [], "koji": []}
    for _ in range(RUNS):
        for name, taken in times.items():
            taken.append(timed([str(BIN / name), *words], home))
    return statistics.median(times["moromi"]), statistics.median(times["koji"])


def bare() -> list[float]:
    """What an empty Python costs."""
    return [timed([sys.executable, "-c", "pass"], "/") for _ in range(RUNS)]


def timed(command: Sequence[str], home: str) -> float:
    """Milliseconds of one run."""
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env={**os.environ, "HOME": home})
    return 1000 * (time.perf_counter() - start)


if __name__ == "__main__":
    main()
