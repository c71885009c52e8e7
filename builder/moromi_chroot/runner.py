"""Running commands over a root, with their output in the logs as it comes."""

from __future__ import annotations

import os
import select
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from moromi_chroot.config import Config
from moromi_chroot.errors import ChrootError, SandboxError, TimedOut
from moromi_chroot.logs import Logs
from moromi_chroot.sandbox import Job, RootView, running

_CHUNK = 1 << 16
# A command's captured output is short; what is longer goes to the logs only.
_CAPTURE = 64 << 20


@dataclass(frozen=True)
class Result:
    """How a command ended: its exit status as a shell gives it, and its output if that was asked for."""

    code: int
    output: str


class Runner:
    """Runs commands over one root and logs them."""

    def __init__(self, config: Config, logs: Logs) -> None:
        self.config = config
        self.logs = logs

    def environment(self, privileged: bool) -> dict[str, str]:
        """Return the environment of a command in the root."""
        return {
            "HOME": "/root" if privileged else self.config.home,
            "TERM": "vt100",
            "SHELL": "/bin/bash",
            "HOSTNAME": "mock",
            "LANG": "C.UTF-8",
            "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
            **self.config.environment,
        }

    def command(
        self,
        view: RootView,
        argv: Sequence[str],
        *,
        log: str = "root",
        privileged: bool = False,
        cwd: str = "/",
        timeout: int = 0,
        capture: bool = False,
        echo: bool = False,
    ) -> Result:
        """Run a command inside the root, as root or as the build user.

        Its output goes to the log, with `echo` to standard output too, and is returned with `capture`.
        `timeout` in seconds; raises TimedOut.
        """
        config = self.config
        job = Job(
            argv=argv,
            env=self.environment(privileged),
            cwd=cwd,
            uid=0 if privileged else config.uid,
            gid=0 if privileged else config.gid,
            network=config.network,
            binds=config.binds,
            persona=config.persona,
        )
        return self.run(view, job, log, timeout, capture, echo)

    def function(self, view: RootView, function: Callable[[], None]) -> None:
        """Run a Python function inside the root, as root. Raises SandboxError with its exception's text."""
        self.run(view, Job(function=function), "root", 0, False, False)

    def run(self, view: RootView, job: Job, log: str, timeout: int, capture: bool, echo: bool) -> Result:
        """Run any job; see command()."""
        if job.argv:
            told = f"Executing command: {list(job.argv)} with env {dict(job.env)} and shell False"
            self.logs.line(log, told)
        pieces: list[bytes] = []
        with running(view, job) as handle:
            deadline = time.monotonic() + timeout if timeout else None
            size = 0
            while data := _next(handle.output, deadline):
                self.logs.output(log, data)
                if echo:
                    sys.stdout.buffer.write(data)
                    sys.stdout.buffer.flush()
                if capture and (size := size + len(data)) <= _CAPTURE:
                    pieces.append(data)
            self.logs.end_output()
            if data is None:
                raise TimedOut(f"Timeout({timeout}) expired for command:\n # {shlex.join(job.argv)}")
            code = handle.wait()
        if job.argv:
            self.logs.line(log, f"Child return code was: {code}")
        elif code:
            raise SandboxError(f"preparing the root failed with {code}")
        return Result(code, b"".join(pieces).decode("utf-8", "replace"))


def _next(descriptor: int, deadline: float | None) -> bytes | None:
    """Return the next output, empty at its end, None when the deadline has passed."""
    if deadline is not None:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([descriptor], [], [], left)[0]:
            return None
    return os.read(descriptor, _CHUNK)


def failed(kind: type[ChrootError], argv: Sequence[str], output: str = "") -> ChrootError:
    """Make the error for a failed command, worded as mock words it."""
    return kind(f"Command failed: \n # {shlex.join(argv)}\n{output}".rstrip())
