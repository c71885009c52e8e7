"""The background process: `moromi-hub worker`.

A thread listens for push messages and wakes the jobs that they concern; each job
has a thread of its own, works only while it leads (see `leadership`), and runs
when woken and every so often. An error in a job is logged and the job tried
again later: the process goes on.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterable
from typing import Any

from sqlalchemy.exc import OperationalError

from moromi_hub.db.engine import make_engine
from moromi_hub.hub import Hub
from moromi_hub.push import Listener
from moromi_hub.settings import Settings
from moromi_hub.worker.jobs import JOBS
from moromi_hub.worker.leadership import Leadership
from moromi_hub.worker.model import Job

log = logging.getLogger(__name__)

_CONNECTIONS = 2 * (len(JOBS) + 4)
_CLAIM_SECONDS = 2.0
_RETRY_SECONDS = 1.0
_FAILED_SECONDS = 10.0
_REST = 2.0
"""How much longer than its work a busy job rests."""


def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT."""
    # each job has a connection for its leadership, and one while it works
    hub = Hub(settings, make_engine(settings.dsn, pool_size=_CONNECTIONS, application="moromi-worker"))
    if hub.plugin_failure is not None:
        # a plugin may veto what jobs do
        raise hub.plugin_failure
    worker = Worker(hub, (*JOBS, *hub.plugins.jobs))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.listener.stop())
    try:
        worker.run()
    finally:
        hub.close()


class Worker:
    """All jobs of a process; `run` returns after `listener.stop()`."""

    def __init__(self, hub: Hub, jobs: Iterable[Job] = JOBS) -> None:
        self._runners = [_Runner(hub, job) for job in jobs]
        self.listener = Listener(hub.engine, "moromi-worker", self._publish, self._wake_all)

    def run(self) -> None:
        """Run the jobs; listen in this thread."""
        for runner in self._runners:
            runner.thread.start()
        try:
            self.listener.run()
        finally:
            for runner in self._runners:
                runner.stop()
            for runner in self._runners:
                runner.thread.join()

    def _publish(self, message: dict[str, Any]) -> None:
        for runner in self._runners:
            if runner.job.wakes(message):
                runner.wake(message)

    def _wake_all(self) -> None:
        for runner in self._runners:
            runner.wake(None)


class _Runner:
    """The thread of one job."""

    def __init__(self, hub: Hub, job: Job) -> None:
        self.job = job
        self.due = threading.Event()
        self.thread = threading.Thread(target=self._run, name=f"job-{job.name}", daemon=True)
        self._hub = hub
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._subjects: set[int] | None = None
        self._messages = 0

    def wake(self, message: dict[str, Any] | None) -> None:
        """Have the job run because of a message; None: some may have been missed."""
        subject = self.job.subject
        with self._lock:
            self._messages += 1
            if message is None or subject is None:
                self._subjects = None
            elif self._subjects is not None:
                self._subjects.add(subject(message))
        self.due.set()

    def stop(self) -> None:
        """End after what is being done now."""
        self._stopped.set()
        self.due.set()

    def _run(self) -> None:
        leadership = Leadership(self._hub.engine, f"worker:{self.job.name}")
        try:
            while not self._stopped.is_set():
                self._stopped.wait(self._turn(leadership))
        finally:
            leadership.release()

    def _turn(self, leadership: Leadership) -> float:
        """Run once, or wait for a reason to; the pause in seconds before the next turn."""
        try:
            led = leadership.held
            if not leadership.hold():
                return _CLAIM_SECONDS
            if not led or not self.due.wait(self.job.every(self._hub.settings)):
                self.wake(None)
            self._gather()
            if self._stopped.is_set() or not leadership.hold():
                return 0.0
            return self._work()
        except OperationalError as error:
            log.warning("job %s: no database: %s", self.job.name, error)
            self.wake(None)
            return _RETRY_SECONDS
        except Exception:
            log.exception("job %s failed", self.job.name)
            with self._lock:
                self._subjects = None
            return _FAILED_SECONDS

    def _gather(self) -> None:
        """Wait for the messages that follow the first."""
        deadline = time.monotonic() + self.job.patience
        seen = -1
        while seen != self._messages and not self._stopped.is_set():
            seen = self._messages
            self._stopped.wait(self.job.gather)
            if time.monotonic() >= deadline:
                break

    def _take_subjects(self) -> set[int] | None:
        """What the coming run is about; messages from now on are for the next."""
        with self._lock:
            self.due.clear()
            subjects, self._subjects = self._subjects, set()
        return subjects

    def _work(self) -> float:
        """Run the job in a transaction. A busy job rests longer than it worked, so that others get on."""
        began = time.monotonic()
        subjects = self._take_subjects()
        with self._hub.call(f"worker.{self.job.name}") as call:
            if self.job.subject is None:
                self.job.run(call)
            else:
                self.job.run(call, subjects)
        took = time.monotonic() - began
        return _REST * took if self.due.is_set() else 0.0
