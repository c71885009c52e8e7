"""Start-up time of `moromi` beside that of the published `koji`, in the same run.

`python util/bench cli [--server URL]` prints medians in milliseconds, the two programs in turn. The commands
that make calls do so on that hub, without a login, or else on one of their own, with a login.
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
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from samplesite.site import ADMIN
from support.sites import running_site

BIN = Path(sys.executable).parent
RUNS = 15
ROWS = (["--help"], ["build", "--help"], ["help", "admin"], ["hello"], ["version"], ["list-tags"])


def main() -> None:
    """Print one row a command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", help="the URL of a running hub")
    server = parser.parse_args().server
    with tempfile.TemporaryDirectory() as home, ExitStack() as stack:
        if server:
            url, login = server, ["--noauth"]
        else:
            site = stack.enter_context(running_site(builder=False))
            url = f"{site.url}/kojihub"
            login = ["--authtype=password", f"--user={ADMIN}", f"--password={site.facts['admin_password']}"]
        config = Path(home) / "config"
        config.write_text(f"[koji]\nserver = {url}\n[moromi]\nserver = {url}\n")
        print(f"{'command':24} {'moromi ms':>10} {'koji ms':>10} {'ratio':>6}")
        for words in ROWS:
            ours, theirs = compare(["--config", str(config), *login, *words], home)
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
    environment = {**os.environ, "HOME": home}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # programs that are installed have been compiled
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=environment)
    return 1000 * (time.perf_counter() - start)


if __name__ == "__main__":
    main()
