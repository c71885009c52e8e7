"""The daemon's main loop: claim, check in, watch, end, clean up.

One thread, one place to sleep (`wakeup`). It wakes for a push event of this host, the end or a word of a task
process, a signal, or the time of the next check-in. Everything it does on waking is short: tasks live in
processes of their own, chroots are removed in one more.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from moromi.client import ClientSession, TransportError
from moromi.constants import TaskState
from moromi.errors import ActionNotAllowed, AuthError, Fault, GenericError, RetryError
from moromi.process import adopt_orphans
from moromi_builder import leftovers, roots
from moromi_builder.checkin import Load, Readiness, check_in, judge
from moromi_builder.chroot import find_engine
from moromi_builder.context import Context
from moromi_builder.running import Running, RunningTasks
from moromi_builder.settings import Settings
from moromi_builder.taskprocess import FORKING_SIGNALS, Exit, TaskProcess, report_outcome
from moromi_builder.tasks.registry import Registration, bind, lookup, methods
from moromi_builder.wakeup import Wakeup

logger = logging.getLogger(__name__)

SETTLE = 0.2
"""Seconds after a change before it is reported, so that one report tells of several."""
ENDING_STEP = 0.05
SHUTDOWN_LIMIT = 10.0
MAINTENANCE_INTERVAL = 600.0
LOOK_INTERVAL = 60.0
"""Seconds between looks at load and disk, and between check-ins unless the hub asks for fewer."""


class Stop(BaseException):
    """A signal asked the daemon to end while it was waiting for the hub."""


class Supervisor:
    """One builder daemon on one logged-in, exclusive session."""

    def __init__(self, settings: Settings, session: ClientSession) -> None:
        self.settings = settings
        self.session = session
        self.engine = find_engine(settings)
        self.roots_dir = roots.config_dir(settings, self.engine.is_mock)
        self.host: dict[str, Any] = session.host.getHost()
        self.start_time = float(session.getSessionInfo()["start_ts"])
        self.wakeup = Wakeup()
        self.tasks = RunningTasks(settings, self.wakeup)
        self.stopping = False
        self.restarting = False
        self._talking = False
        self._due = 0.0
        self._maintenance = 0.0
        self._look = 0.0
        self._spoken_for = 0.0
        self._told: bool | None = None
        self._offered: set[int] = set()
        self._suspects: set[int] = set()
        self._reason: str | None = None

    # -- foreground tasks and signals may ask for these

    def request_stop(self) -> None:
        """Leave the loop."""
        self.stopping = True
        self.wakeup.wake()

    def request_restart(self) -> None:
        """Run again from the start when the present tasks have ended."""
        self.restarting = True
        self._due = 0.0

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = True
        if self._talking:
            # A session may sleep for a minute between tries; the second signal finds us elsewhere.
            self._talking = False
            raise Stop

    def _on_restart(self, _number: int, _frame: FrameType | None) -> None:
        self.request_restart()

    @contextlib.contextmanager
    def _conversation(self) -> Iterator[None]:
        """Let a stop signal interrupt the calls of the block."""
        if self.stopping:
            raise Stop
        self._talking = True
        try:
            yield
        finally:
            self._talking = False

    # -- life

    def run(self) -> bool:
        """Serve until told to stop; True when the program should be run again.

        Raises AuthError when the session is gone (another daemon took over, or it expired).
        """
        self._install_signals()
        with self._locked():
            leftovers.end_previous(self.settings, self.roots_dir)
            try:
                with contextlib.suppress(Stop):
                    self._serve()
            finally:
                self._shut_down()
        return self.restarting and not self.stopping

    def _install_signals(self) -> None:
        self.wakeup.catch_signals()
        adopt_orphans()
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGUSR1, self._on_restart)
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the work directory: a second daemon there would take our tasks for left-overs."""
        Path(self.settings.workdir).mkdir(parents=True, exist_ok=True)
        with open(Path(self.settings.workdir) / "daemon.lock", "a", encoding="ascii") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise GenericError(f"another daemon uses {self.settings.workdir}") from None
            self._lock_descriptor = stream.fileno()
            yield

    def _serve(self) -> None:
        with self._conversation():
            self._expire_buildroots()
        while not self.stopping:
            try:
                self._turn()
            except RetryError as exc:
                # Done, but the answer was lost on the way. What came of it, the next check-in tells.
                logger.warning("%s", exc)
                self._due = 0.0
            except AuthError:
                raise
            except (GenericError, Fault, TransportError, OSError) as exc:
                logger.error("%s: %s", type(exc).__name__, exc, exc_info=logger.isEnabledFor(logging.DEBUG))
                self._due = time.monotonic() + self.settings.sleeptime
            if self.restarting and not self.tasks:
                return
            self.wakeup.wait(self._pause())

    def _turn(self) -> None:
        """Do everything that is due now."""
        self._read_events()
        self._reap()
        self.tasks.step_endings()
        with self._conversation():
            if self.settings.push:
                self.wakeup.listen(self.session, f"/host/{self.host['name']}", speaks=True)
            self._verify_suspects()
            self._take_offered()
            if time.monotonic() >= self._look:
                self._look_around()
            if time.monotonic() >= self._due:
                self._check_in()
        if time.monotonic() >= self._maintenance:
            self._maintenance = time.monotonic() + MAINTENANCE_INTERVAL
            self.tasks.clean(lambda: roots.maintain(self.settings, self.roots_dir, self.tasks.ids()))

    def _pause(self) -> float:
        if self.tasks.ending or self._offered:
            return ENDING_STEP if self.tasks.ending else 0.0
        return max(0.0, min(self._due, self._maintenance, self._look) - time.monotonic())

    def _soon(self) -> None:
        """Something changed: check in shortly."""
        self._due = min(self._due, time.monotonic() + SETTLE)

    # -- news

    def _read_events(self) -> None:
        for name, event in self.wakeup.events():
            if name in ("hello", "host"):
                self._due = 0.0
                if name == "hello":
                    self._spoken_for = float(event.get("checkin", 0))
            elif name == "task":
                self._read_task_event(event)

    def _read_task_event(self, event: dict[str, Any]) -> None:
        task_id, state = int(event["id"]), event.get("state")
        if task_id in self.tasks:
            # The openings and endings that we cause ourselves are no news.
            if state in (TaskState.FREE, TaskState.ASSIGNED, TaskState.CANCELED):
                self._suspects.add(task_id)
        elif state == TaskState.ASSIGNED and event.get("host") in (None, self.host["id"]):
            self._offered.add(task_id)

    def _reap(self) -> None:
        """Forget the task processes that have ended, and clean up behind those that could not."""
        self.tasks.read_reports()
        for ended in self.tasks.reap():
            logger.info("task %d (%s) has ended: %s", ended.task_id, ended.method, ended.outcome())
            self._soon()
            if ended.exit_code not in (Exit.CLOSED, Exit.FAILED, Exit.DROPPED):
                self._clean_up_after(ended)
        if self.tasks.changed:
            self.tasks.changed = False
            self._soon()

    def _clean_up_after(self, ended: Running) -> None:
        """Do what a killed task process could not: its session, its chroots, its scratch directory."""
        directory = self.roots_dir
        self.tasks.clean(
            lambda: leftovers.remove_task(self.settings, directory, ended.task_id), ended.task_id
        )
        if self.stopping:
            return
        with self._conversation():
            with contextlib.suppress(GenericError):  # the session may have ended in good order
                self.session.logoutChild(ended.session_id)
            self._expire_buildroots()

    # -- the hub

    def _check_in(self) -> None:
        """Report and ask (spec: builder, sections 1.7 and 1.8)."""
        readiness = self._readiness()
        answer = check_in(self.session, readiness, self.tasks.load(), methods(), self.settings.maxjobs)
        changed = answer.host["enabled"] != self.host["enabled"]
        self.host = answer.host
        self._told = readiness.ready
        self._due = time.monotonic() + self._interval(readiness)
        self._look = time.monotonic() + LOOK_INTERVAL
        if changed:
            self._soon()
        self._compare(answer.open_tasks)
        for item in answer.assigned:
            if item["state"] == TaskState.ASSIGNED and item["host_id"] == self.host["id"]:
                self._offered.add(int(item["id"]))
        self._take_offered()

    def _interval(self, readiness: Readiness) -> float:
        """Seconds between check-ins as things are."""
        if readiness.passing or not self.wakeup.pushed:
            return float(self.settings.sleeptime)
        return float(self.settings.checkin_interval) or max(LOOK_INTERVAL, self._spoken_for)

    def _look_around(self) -> None:
        """Check in earlier than planned when the hub thinks otherwise of us, or nobody speaks for us now."""
        readiness = self._readiness()
        now = time.monotonic()
        self._look = now + LOOK_INTERVAL
        soon = 0.0 if readiness.ready != self._told else self._interval(readiness)
        self._due = min(self._due, now + soon)

    def _readiness(self) -> Readiness:
        load = Load(self.tasks.load(), len(self.tasks), self.restarting)
        readiness = judge(self.settings, self.host, load)
        if readiness.reason != self._reason:
            self._reason = readiness.reason
            logger.info("%s", readiness.reason or "ready for tasks")
        return readiness

    def _compare(self, open_tasks: list[dict[str, Any]]) -> None:
        """Bring the hub's list of our open tasks and our processes together."""
        listed = {int(item["id"]): item for item in open_tasks}
        orphans = [task_id for task_id in listed if task_id not in self.tasks]
        if orphans:
            logger.warning("freeing tasks that have no process: %s", orphans)
            self.session.host.freeTasks(orphans)
        for task in list(self.tasks):
            item = listed.get(task.task_id)
            if item is None:
                self._suspects.add(task.task_id)
                continue
            task.waiting, task.weight = bool(item["waiting"]), float(item["weight"])
            if item.get("alert"):
                task.alert()
        self._verify_suspects()

    def _verify_suspects(self) -> None:
        """End the processes of tasks that are not ours any more."""
        suspects, self._suspects = self._suspects, set()
        for task_id in suspects:
            task = self.tasks.get(task_id)
            if task is None or task.ending is not None:
                continue
            info = self.session.getTaskInfo(task_id)
            if info is None:
                logger.error("task %d is unknown to the hub", task_id)
            elif info["state"] == TaskState.CANCELED:
                logger.info("Killing canceled task %d", task_id)
            elif info["host_id"] != self.host["id"] or info["state"] in (TaskState.FREE, TaskState.ASSIGNED):
                logger.info("Killing reassigned task %d", task_id)
            else:
                continue  # it is just finishing
            self.tasks.end(task)

    def _take_offered(self) -> None:
        """Open the tasks that the hub gave us, as long as we are ready."""
        while self._offered:
            task_id = min(self._offered)
            self._offered.discard(task_id)
            if not self.tasks.is_cleaned_up(task_id):
                # Freed and given to us again while the old process is being ended, or what it left is being
                # removed, which would take the new one's directories: the check-in after that has it.
                continue
            if not self._readiness().ready:
                self._offered.clear()
                return
            self._take(task_id)

    def _take(self, task_id: int) -> None:
        """Open a task and start it (spec: builder, section 1.9)."""
        info = self.session.getTaskInfo(task_id, request=True)
        if not info or info.get("request") is None:
            return
        if info["state"] != TaskState.ASSIGNED or info["host_id"] != self.host["id"]:
            return
        registration = lookup(info["method"])
        if registration is None:
            self.session.host.refuseTask(task_id, soft=False, msg="no handler for method")
            return
        if registration.handler.checks_host and not self._host_fits(registration, info):
            self.session.host.refuseTask(task_id, soft=False, msg="failed host check")
            return
        if not self.session.host.openTask(task_id):
            return  # somebody else has it
        try:
            self.session.host.setTaskWeight(task_id, registration.weight)
        except ActionNotAllowed:
            now = self.session.getTaskInfo(task_id)
            if now["state"] != TaskState.OPEN or now["host_id"] != self.host["id"]:
                return
            raise
        logger.info("task %d (%s) opened", task_id, info["method"])
        self._start(registration, info)
        self._soon()

    def _context(self, info: dict[str, Any]) -> Context:
        return Context(
            self.settings, self.session, info, self.host, self.wakeup, lambda _waiting, _weight: None, self
        )

    def _host_fits(self, registration: Registration, info: dict[str, Any]) -> bool:
        try:
            params = bind(registration.method, registration.params, info["request"])
            return registration.handler(self._context(info), params).check_host()
        except AuthError:
            raise
        except (GenericError, Fault, KeyError, TypeError, ValueError) as exc:
            logger.warning("host check of task %d failed: %s", info["id"], exc)
            return False

    # -- processes

    def _start(self, registration: Registration, info: dict[str, Any]) -> None:
        """Run a task: in a forked process, or here if it is about the daemon."""
        if registration.foreground:
            context = self._context(info)

            def work() -> Any:
                params = bind(registration.method, registration.params, info["request"])
                return registration.handler(context, params).run()

            report_outcome(self.session, context.task_id, work)
            return
        session = self.session.subsession()
        assert session.sinfo is not None, "a subsession is logged in"
        reader, writer = os.pipe2(os.O_CLOEXEC)
        parent = os.getpid()
        signal.pthread_sigmask(signal.SIG_BLOCK, FORKING_SIGNALS)
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            os.close(self._lock_descriptor)
            self.session._forget()
            TaskProcess(
                registration, self.settings, session, info, self.host, writer, parent, self._after_task
            ).run()
        os.close(writer)
        self.tasks.add(info, registration.weight, pid, reader, int(session.sinfo["session-id"]))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, FORKING_SIGNALS)

    def _after_task(self, task_id: int, code: Exit) -> None:
        """In the task process: dispose of its chroots."""
        leftovers.dispose(self.settings, self.roots_dir, task_id, failed=code is Exit.FAILED)

    def _expire_buildroots(self) -> None:
        """Tell the hub that the buildroots of tasks that do not run any more are gone (spec: builder,
        1.6).
        """
        for item in self.session.listBuildroots(hostID=self.host["id"], state=[0, 1, 2]):
            if item["task_id"] is None or int(item["task_id"]) not in self.tasks:
                self.session.host.setBuildRootState(item["id"], "EXPIRED")

    # -- the end

    def _shut_down(self) -> None:
        """End our tasks, give them back, say goodbye; a hub that does not answer is not waited for."""
        self.stopping = self.stopping or not self.restarting
        ids = sorted(self.tasks.ids())
        for task in list(self.tasks):
            self.tasks.end(task)
        limit = time.monotonic() + SHUTDOWN_LIMIT
        while self.tasks and time.monotonic() < limit:
            self.tasks.step_endings()
            for ended in self.tasks.reap():
                leftovers.remove_task(self.settings, self.roots_dir, ended.task_id)
            self.wakeup.wait(ENDING_STEP)
        self.tasks.wait_for_cleaners(limit)
        self.wakeup.close()
        self._say_goodbye(ids)

    def _say_goodbye(self, ids: list[int]) -> None:
        self.session.opts.max_retries = 0
        self.session.opts.offline_retry = False
        try:
            # Not ready first: a hub that schedules at once would give the freed tasks back to us.
            self.session.host.updateHost(0.0, False)
            # An interrupted call may have opened a task that we do not know, and some may be on their way
            # to us.
            ids = sorted({*ids, *(int(item["id"]) for item in self.session.host.getHostTasks())})
            assigned = [int(item["id"]) for item in self.session.host.getTasks()]
            if ids or assigned:
                self.session.host.freeTasks([*ids, *assigned])
            self.session.logout()
        except (GenericError, Fault, TransportError) as exc:
            logger.warning("could not tell the hub that we stop: %s", exc)


def run_again() -> None:
    """Replace this process by a fresh one of the same program and arguments."""
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def host_name() -> str:
    """Give this machine's full name, as kojid's principals use it."""
    return socket.getfqdn()
