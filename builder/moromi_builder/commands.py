"""Running programs for a task: output to a log that is uploaded meanwhile, and an end for all of it.

Every command gets a parent-death signal (util-linux's `setpriv`, so no Python code runs between fork and
exec), the daemon's mark in its environment, and no input. Whatever ends the task ends the command first.
"""

from __future__ import annotations

import os
import select
import shlex
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from moromi_builder.process import MARKER, end_now, inspect

FIRST_TICK = 0.3


@dataclass(frozen=True)
class Identity:
    """User, group and supplementary group a command runs with."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()


@dataclass(frozen=True)
class Status:
    """How a command ended: `code` as subprocess has it, negative for a signal."""

    code: int

    def __bool__(self) -> bool:
        """Say whether it succeeded."""
        return self.code == 0

    def describe(self, program: str) -> str:
        """Put it in words, e.g. `mock exited with status 1`."""
        if self.code >= 0:
            return f"{program} exited with status {self.code}"
        return f"{program} was killed by signal {-self.code}"


def _prefix(death_signal: signal.Signals, identity: Identity | None) -> list[str]:
    words = ["setpriv", "--pdeathsig", death_signal.name.removeprefix("SIG")]
    if identity is not None:
        words += ["--reuid", str(identity.uid), "--regid", str(identity.gid)]
        groups = ",".join(str(group) for group in identity.groups)
        words += ["--groups", groups] if groups else ["--clear-groups"]
    return [*words, "--"]


def environment(workdir: str, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Make the environment of a command: the daemon's, the mark, and `extra`."""
    return {**os.environ, MARKER: workdir, **(extra or {})}


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End the command's tree if the block is left by an exception."""
    try:
        yield
    except BaseException:
        info = inspect(process.pid)
        if info is not None:
            # mock needs its moment to unmount; the daemon allows us ten seconds for everything.
            end_now([info.id], patience=3.0, limit=6.0)
        raise
    finally:
        process.poll()


def run(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    log: Path | None = None,
    show: bool = False,
    cwd: str | os.PathLike[str] | None = None,
    identity: Identity | None = None,
    tick: Callable[[], None] | None = None,
    interval: float = 2.0,
    death_signal: signal.Signals = signal.SIGKILL,
) -> Status:
    """Run a program to its end; stdout and stderr are appended to `log` (else thrown away).

    `show` writes `$ <command line>` first. `tick` is called while it runs, at most every `interval`
    seconds, and once after. Raises FileNotFoundError when the program does not exist.
    """
    with open(log or os.devnull, "ab", buffering=0) as output:
        if show:
            output.write(f"$ {shlex.join(command)}\n".encode())
        process = subprocess.Popen(
            [*_prefix(death_signal, identity), *command],
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    with _ended(process):
        _wait(process, tick, interval)
    if tick is not None:
        tick()
    return Status(process.returncode)


def _wait(process: subprocess.Popen[bytes], tick: Callable[[], None] | None, interval: float) -> None:
    handle = os.pidfd_open(process.pid)
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        pause = min(FIRST_TICK, interval)
        while not poll.poll(pause * 1000 if tick is not None else None):
            assert tick is not None
            tick()
            pause = min(pause * 2, interval)
        process.wait()
    finally:
        os.close(handle)


class CommandFailed(Exception):
    """A short program ended badly; the text holds its command, status and error output."""


def capture(command: Sequence[str], *, env: Mapping[str, str], cwd: str | None = None) -> str:
    """Run a short program and give its standard output. Raises CommandFailed."""
    done = subprocess.run(
        [*_prefix(signal.SIGKILL, None), *command],
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        errors = done.stderr.decode("utf-8", "replace").strip()
        raise CommandFailed(f"{Status(done.returncode).describe(shlex.join(command))}: {errors}")
    return done.stdout.decode("utf-8", "surrogateescape")
