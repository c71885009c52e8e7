"""Command line programs that start in milliseconds: what they import is imported once, each run is a fork.

A test that runs a program a thousand times cannot spend half a second on each. `Preloaded` starts this file
as a program of its own; it imports what it is told to, then forks for every run, and the child executes the
installed script as it is, with its own arguments, directory, environment, standard streams and exit code.
"""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

Done = subprocess.CompletedProcess[str]


class Preloaded:
    """One program. `run` may be called from any thread; runs follow each other."""

    def __init__(
        self, process: subprocess.Popen[str], program: Path, place: Path, prefix: Path | None
    ) -> None:
        self._process = process
        self._prefix = prefix
        self._program = program
        self._place = place
        self._lock = threading.Lock()

    def run(self, *words: str, cwd: Path, environment: Mapping[str, str]) -> Done:
        """Run to the end: exit code, standard output and standard error."""
        with self._lock:
            out, err = self._place / "out", self._place / "err"
            argv = [str(self._program), *words]
            order = {
                "argv": argv,
                "prefix": str(self._prefix or sys.prefix),
                "cwd": str(cwd),
                "environment": dict(environment),
                "out": str(out),
                "err": str(err),
            }
            assert self._process.stdin is not None and self._process.stdout is not None
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            code = int(self._process.stdout.readline())
            texts = [path.read_bytes().decode("utf-8", "replace") for path in (out, err)]
        return subprocess.CompletedProcess(argv, code, *texts)


@contextmanager
def preloaded(
    program: Path,
    modules: Sequence[str],
    environment: Mapping[str, str],
    *,
    prefix: Path | None = None,
    seconds: int = 200,
) -> Iterator[Preloaded]:
    """Start the server of a program; a run that takes longer than `seconds` is killed.

    `prefix` is what the program is told of where Python is installed, which is where it looks for plugins.
    """
    with tempfile.TemporaryDirectory(prefix="moromi-run-") as place:
        process = subprocess.Popen(
            [sys.executable, __file__, str(seconds), *modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        try:
            yield Preloaded(process, program, Path(place), prefix)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(120)


def serve(seconds: int) -> dict[str, Any] | None:
    """Take orders until the input ends. Returns an order in the child that is to fulfil it, else None."""
    answers = os.fdopen(os.dup(1), "w")
    orders = os.fdopen(os.dup(0), "r")
    for line in iter(orders.readline, ""):
        child = os.fork()
        if child == 0:
            return dict(json.loads(line))
        _, status = os.waitpid(child, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")
        answers.flush()
    return None


def fulfil(order: Mapping[str, Any], seconds: int) -> None:
    """Become the program."""
    import signal

    signal.alarm(seconds)
    writing = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for number, (path, flags) in enumerate(
        ((os.devnull, os.O_RDONLY), (order["out"], writing), (order["err"], writing))
    ):
        os.dup2(os.open(path, flags, 0o600), number)
    os.chdir(order["cwd"])
    os.environ.update(order["environment"])
    sys.prefix = order["prefix"]
    sys.argv = order["argv"]
    runpy.run_path(sys.argv[0], run_name="__main__")


def main() -> None:
    """Import, then serve."""
    seconds, *modules = sys.argv[1:]
    for name in modules:
        import_module(name)
    order = serve(int(seconds))
    if order is not None:
        fulfil(order, int(seconds))


if __name__ == "__main__":
    main()
