"""The process of one task: from the fork to the report of its outcome.

The supervisor forks with everything imported, so opening a task costs milliseconds. The child takes care that
nothing of its parent stays in its hands (descriptors of sockets, the lock, signal handlers, the session),
runs the handler on its own subsession, reports, and removes its scratch directory and chroots.

    handler ...                         report to the hub                   exit status
    returns a value                     closeTask(value)                    CLOSED
    raises an error of the protocol     failTask(its code and text)         FAILED
    raises anything else                failTask(1, traceback)              FAILED
    raises TaskRefused                  refuseTask(text)                    DROPPED
    raises ServerRestart                freeTasks                           DROPPED
    is killed                           nothing (the supervisor knows)      KILLED
"""

from __future__ import annotations

import contextlib
import enum
import logging
import os
import signal
import stat
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any, NoReturn

from moromi.client import ClientSession, TransportError
from moromi.errors import Fault, GenericError, RetryError
from moromi.process import adopt_orphans, die_with_parent
from moromi.wire.xmlrpc import encode_fault, encode_response
from moromi_builder.context import Context, Reporter, ServerRestart, TaskKilled, TaskRefused
from moromi_builder.mounts import remove_tree
from moromi_builder.settings import Settings
from moromi_builder.tasks.registry import Registration, bind
from moromi_builder.wakeup import Wakeup

logger = logging.getLogger(__name__)

FORKING_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD})
LAST_SECONDS = 6
"""Seconds a killed task has for its clean-up before it goes without."""


class Exit(enum.IntEnum):
    """Exit status of a task process."""

    CLOSED = 0
    FAILED = 3
    DROPPED = 4
    KILLED = 5
    BROKEN = 6


def report_outcome(session: ClientSession, task_id: int, work: Callable[[], Any]) -> Exit:
    """Run a task's work and tell the hub how it went."""
    try:
        response = encode_response(_unless_killed(work)).decode()
    except TaskRefused as exc:
        session.host.refuseTask(task_id, msg=str(exc))
        return Exit.DROPPED
    except ServerRestart:
        session.host.freeTasks([task_id])
        return Exit.DROPPED
    except RetryError as exc:
        # A call was made but its answer was lost. The task is no failure: it can be begun again.
        logger.warning("task %d is freed: %s", task_id, exc)
        session.host.freeTasks([task_id])
        return Exit.DROPPED
    except (GenericError, Fault) as exc:
        text = exc.faultString if isinstance(exc, Fault) else str(exc)
        logger.info("task %d failed: %s", task_id, text)
        session.host.failTask(task_id, encode_fault(exc.faultCode, text).decode())
        return Exit.FAILED
    except Exception:
        text = traceback.format_exc()
        logger.warning("task %d failed:\n%s", task_id, text)
        session.host.failTask(task_id, encode_fault(1, text).decode())
        return Exit.FAILED
    session.host.closeTask(task_id, response)
    return Exit.CLOSED


def _unless_killed(work: Callable[[], Any]) -> Any:
    """Do the work. An error that comes up while the task is being ended is no outcome of it."""
    try:
        return work()
    except Exception as exc:
        before = exc.__context__
        while before is not None:
            if isinstance(before, TaskKilled):
                raise TaskKilled from exc
            before = before.__context__
        raise


@dataclass(frozen=True)
class TaskProcess:
    """What a process has been forked for.

    `session` is the task's subsession, `info` the task's record, `host` ours, `pipe` the writing end of the
    line to the supervisor, `parent` its pid. `after(task id, exit)` removes the task's chroots when all has
    been reported.
    """

    registration: Registration
    settings: Settings
    session: ClientSession
    info: dict[str, Any]
    host: dict[str, Any]
    pipe: int
    parent: int
    after: Callable[[int, Exit], None]

    def run(self) -> NoReturn:
        """Be the task process; never returns."""
        code = Exit.BROKEN
        try:
            code = self._live()
        except TaskKilled:
            code = Exit.KILLED
        except BaseException:
            logger.critical("task process %d broke:\n%s", self.info["id"], traceback.format_exc())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _live(self) -> Exit:
        os.setpgid(0, 0)
        _detach_sockets()
        die_with_parent(signal.SIGTERM, self.parent)
        adopt_orphans()
        wakeup = Wakeup()
        wakeup.catch_signals()
        _handle_signals()
        threading.current_thread().name = f"task {self.info['id']}"
        context = Context(self.settings, self.session, self.info, self.host, wakeup, Reporter(self.pipe))
        code = Exit.KILLED
        try:
            code = report_outcome(self.session, context.task_id, lambda: _work(self.registration, context))
            self.session.logout()
        except (TransportError, GenericError, Fault) as exc:
            logger.error("task %d: the hub did not take the report: %s", context.task_id, exc)
            code = Exit.BROKEN
        finally:
            remove_tree(str(context.workdir))
            with contextlib.suppress(OSError):  # another task has its directory there too
                context.workdir.parent.rmdir()
            self.after(context.task_id, code)
        return code


def _work(registration: Registration, context: Context) -> Any:
    remove_tree(str(context.workdir))
    context.workdir.mkdir(parents=True)
    params = bind(registration.method, registration.params, context.info["request"])
    return registration.handler(context, params).run()


def _handle_signals() -> None:
    """End on SIGTERM by an exception that unwinds everything; let SIGUSR2 end a sleep; ignore the rest."""

    def end(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(LAST_SECONDS)
        raise TaskKilled

    def nothing(_number: int, _frame: FrameType | None) -> None:
        """Only the wake-up byte counts."""

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGUSR2, nothing)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number in (signal.SIGINT, signal.SIGUSR1, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FORKING_SIGNALS)


def _detach_sockets() -> None:
    """Let go of the parent's connections.

    They are replaced, not closed: the Python objects that own the numbers still exist here and would close
    whatever gets a number next.
    """
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for name in os.listdir("/proc/self/fd"):
        descriptor = int(name)
        try:
            is_socket = stat.S_ISSOCK(os.fstat(descriptor).st_mode)
        except OSError:  # the descriptor of the listing itself
            continue
        if is_socket and descriptor > 2:
            os.dup2(null, descriptor, inheritable=False)
    os.close(null)
