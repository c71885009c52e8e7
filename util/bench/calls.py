"""SQL statements, commits and time of the calls that clients make most.

Counts are exact; times are those of this machine, to be read against the floor
that stands beside them: the same call without a session and a database.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import event

from bench._hub import running

ROUNDS = 300


def main() -> None:
    """Print one row a call."""
    import sys

    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
    from support.hub import count_statements

    with running() as hub:
        commits: list[int] = []
        event.listen(hub.hub.engine, "commit", lambda connection: commits.append(1))
        admin, nobody = hub.client("kojiadmin"), hub.client()
        admin("createTag", "f44", arches="x86_64")
        admin("createEmptyBuild", "hello", "1.0", "1", None)
        rows: list[tuple[str, Callable[[], Any]]] = [
            ("echo, anonymous (the floor)", lambda: nobody("echo", 1)),
            ("echo, logged in", lambda: admin("echo", 1)),
            ("getTag", lambda: admin("getTag", "f44")),
            ("getBuild, by NVR", lambda: admin("getBuild", "hello-1.0-1")),
            ("getBuild, by id", lambda: admin("getBuild", 1)),
            ("listTagged", lambda: admin("listTagged", "f44", inherit=True, latest=True)),
        ]
        print(f"{'call':28} {'statements':>10} {'commits':>8} {'ms, median':>10}")
        for name, call in rows:
            call()
            commits.clear()
            with count_statements(hub.hub.engine) as statements:
                call()
            print(f"{name:28} {len(statements):10d} {len(commits):8d} {1000 * timed(call):10.2f}")


def timed(call: Callable[[], Any]) -> float:
    """The median time of a call in seconds."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return median(times)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
