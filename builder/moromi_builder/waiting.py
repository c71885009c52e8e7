"""Waiting for subtasks (spec: builder, section 1.12).

The hub notes who waits for whom (`host.taskSetWait`), so that the weight of a waiting task does not count
and that a daemon which polls can be told (`alert`). Here the push service wakes the parent: it follows the
events of its own task tree and asks `host.taskWait` only when one of them ended. SIGUSR2 from the
supervisor and a slow poll do the same where there is no push.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from moromi.constants import FINISHED_TASKS
from moromi.errors import Fault, GenericError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moromi_builder.context import Context

FALLBACK = 60.0


def wait_for_subtasks(
    context: Context,
    subtasks: Sequence[int] | None = None,
    *,
    all: bool = False,
    failany: bool = False,
    canfail: Collection[int] = (),
    timeout: float | None = None,
) -> dict[int, Any]:
    """Wait for subtasks (None: all children); give results by task id.

    Returns when one has ended, or with `all` when every one has. `failany`: the first failure (outside
    `canfail`) cancels the others and is raised. The result of a task in `canfail` that failed is a dict
    with faultCode and faultString. Raises the fault of the first failed task; GenericError after `timeout`
    seconds.
    """
    wait = _Wait(context, failany, canfail)
    with _waiting(context):
        context.session.host.taskSetWait(context.task_id, list(subtasks) if subtasks is not None else None)
        wait.loop(all, timeout)
    wanted = list(subtasks) if subtasks is not None and all else wait.finished
    extra = {"canfail": list(canfail)} if canfail else {}
    pairs = context.session.host.taskWaitResults(context.task_id, wanted, **extra)
    return {int(task): result for task, result in pairs}


@contextmanager
def _waiting(context: Context) -> Iterator[None]:
    context.report(True, None)
    try:
        yield
    finally:
        context.report(False, None)


class _Wait:
    """One wait in progress."""

    def __init__(self, context: Context, failany: bool, canfail: Collection[int]) -> None:
        self._context = context
        self._failany = failany
        self._canfail = canfail
        self.finished: list[int] = []

    def loop(self, wait_for_all: bool, timeout: float | None) -> None:
        """Ask and sleep until enough have ended."""
        session, task_id = self._context.session, self._context.task_id
        start = time.monotonic()
        while True:
            finished, unfinished = session.host.taskWait(task_id)
            self._note(finished)
            if not unfinished or (self.finished and not wait_for_all):
                return
            left = None if timeout is None else start + timeout - time.monotonic()
            if left is not None and left <= 0:
                session.cancelTaskChildren(task_id)
                raise GenericError(f"Subtasks timed out after {time.monotonic() - start:.1f} seconds")
            sleep_until(self._context, f"/task/{task_id}", self._concerns, left)

    def _note(self, finished: Sequence[int]) -> None:
        """Remember who has ended; with `failany`, look whether well."""
        for task in finished:
            if task in self.finished:
                continue
            self.finished.append(int(task))
            if self._failany and task not in self._canfail:
                try:
                    self._context.session.getTaskResult(task)
                except (GenericError, Fault):
                    self._context.session.cancelTaskChildren(self._context.task_id)
                    raise

    def _concerns(self, name: str, event: dict[str, Any]) -> bool:
        """Tell whether an event can have ended the wait."""
        if name == "hello":
            return True
        return event.get("parent") == self._context.task_id and event.get("state") in FINISHED_TASKS


def sleep_until(
    context: Context,
    path: str,
    concerns: Callable[[str, dict[str, Any]], bool],
    limit: float | None = None,
    *,
    poll: float | None = None,
) -> None:
    """Sleep until a push event of the stream `path` concerns us, a signal comes, or it is time to poll.

    `limit` (seconds) shortens the sleep; `poll` is the interval without push (default: the daemon's
    `sleeptime`).
    """
    wakeup = context.wakeup
    if context.settings.push:
        wakeup.listen(context.session, path)
    start = time.monotonic()
    while True:
        slow = poll if poll is not None else float(context.settings.sleeptime)
        interval = max(FALLBACK, slow) if wakeup.pushed else slow
        if limit is not None:
            interval = min(interval, limit)
        left = start + interval - time.monotonic()
        if left <= 0:
            return
        woken = wakeup.wait(left)
        events = wakeup.events()
        if woken and (not events or any(concerns(name, event) for name, event in events)):
            return  # woken without an event: a signal
