"""Ending a hub process with SIGKILL at a chosen step of a call.

The steps are what the process does to files and to the database: Python announces the
former to audit hooks, SQLAlchemy the latter to its events, and a sync is caught by
putting a function in its place. So the hub needs no code for this, and none of its
steps can be forgotten. A child of the test process does the call; it dies just before
its step `n`, for which half of the file is written if the step is a sync of one.

What a death leaves is the tree and what was committed. So a step counts only if one of them
has changed since the last that counts: to die between two statements of a transaction, or
before a directory is synced and after it, would leave the same.
"""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from sqlalchemy import Engine, event

from support.hub import Client, HubUnderTest, running_hub

CHANGES = frozenset(
    {"os.link", "os.rename", "os.symlink", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}
)
"""Audited operations that change the tree. `os.unlink` announces itself as `os.remove`."""

CALL = 100
"""The number, in its session, of the call that is killed."""

_WRITING = ("INSERT", "UPDATE", "DELETE")


class Fuse:
    """Counts steps once it is lit, and kills the process before step number `fatal`."""

    def __init__(self, fatal: int, engine: Engine) -> None:
        self.fatal = fatal
        self.count = 0
        self.lit = False
        self._changed = True
        self._sync = os.fsync
        os.fsync = self._before_sync  # type: ignore[assignment]  # the signature that callers use
        sys.addaudithook(self._audit)
        event.listen(engine, "before_cursor_execute", self._statement)
        event.listen(engine, "commit", lambda connection: self.step("commit", counts=True))

    def step(
        self,
        what: str,
        *,
        changes: bool = True,
        counts: bool = False,
        last_act: Callable[[], None] | None = None,
    ) -> None:
        """Something is about to happen. `changes`: the tree, or what is committed; `counts`: in any case."""
        if not self.lit:
            return
        counts = counts or self._changed or last_act is not None
        self._changed = changes
        if not counts:
            return
        self.count += 1
        if self.count == self.fatal:
            self.lit = False
            if last_act is not None:
                last_act()
            os.write(1, what.encode())
            os.kill(os.getpid(), signal.SIGKILL)

    def _audit(self, what: str, _arguments: tuple[Any, ...]) -> None:
        if what in CHANGES:
            self.step(what)

    def _statement(self, _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        words = statement.split(None, 2)
        if words[0] in _WRITING:
            self.step(" ".join(words[:3])[:40], changes=False)

    def _before_sync(self, descriptor: int) -> None:
        if _is_new(descriptor):
            self.step("sync", last_act=lambda: _cut(descriptor))
        else:
            self.step("sync", changes=False)
        self._sync(descriptor)


def _is_new(descriptor: int) -> bool:
    """Whether this is a file that has just been written; one that has two names is not new."""
    info = os.fstat(descriptor)
    return stat.S_ISREG(info.st_mode) and info.st_nlink == 1 and "w" in _mode(descriptor)


def _cut(descriptor: int) -> None:
    """Only half of the file has reached the disk."""
    os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)


def _mode(descriptor: int) -> str:
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE
    return "r" if flags == os.O_RDONLY else "w"


def die_at(
    step: int, dsn: str, top: Path, headers: Mapping[str, str], method: str, arguments: Sequence[Any]
) -> str | None:
    """Let a child process make a call in the session of `headers`, and die before step number `step` of it.

    It is call number CALL of the session. Returns what that step is; None if the call came to its end before.
    """

    def act(hub: HubUnderTest) -> None:
        Client(hub.application, dict(headers), CALL)(method, *arguments)

    return die_in(act, step, dsn, top)


def die_in(act: Callable[[HubUnderTest], None], step: int, dsn: str, top: Path) -> str | None:
    """Let a child process do something with a hub, and die before step number `step` of it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writing, 1)
        _run_child(act, step, dsn, top)
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:
        said = pipe.read()
    _pid, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return said
    assert os.waitstatus_to_exitcode(status) == 0, said
    return None


def _run_child(act: Callable[[HubUnderTest], None], step: int, dsn: str, top: Path) -> NoReturn:
    """The child: it never returns, nor runs what the parent has to do at its end."""
    try:
        with running_hub(dsn, top) as hub:
            fuse = Fuse(step, hub.hub.engine)
            fuse.lit = True
            act(hub)
            fuse.step("answer", counts=True)
            fuse.lit = False
    except BaseException:
        os.write(1, traceback.format_exc().encode())
        os._exit(1)
    os._exit(0)
