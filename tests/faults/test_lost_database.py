"""Two web servers on one database, which goes away again and again under load.

Builders and people at both servers see nothing of it but answers that come later: whatever was asked for
has happened once, and everything is worked off.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest

from moromi.client import ClientSession
from moromi.constants import TaskState
from moromi.errors import RetryError
from moromi.wire import xmlrpc
from samplesite import content
from samplesite.services import Service, wait_for
from samplesite.site import ADMIN, BIN, Site, free_port
from support.database import server_directory
from support.sites import database_pid

BUILDERS = ("one.localhost", "two.localhost")
PATIENT = {"retry_interval": 0.5, "offline_retry": True, "offline_retry_interval": 0.3, "max_retries": 100}
DATA = {"methods": ["sleep"], "maxjobs": 50}
OUTAGES = (signal.SIGKILL, signal.SIGINT, signal.SIGKILL, signal.SIGINT)
"""A crash, and an orderly restart, in turns."""
ENOUGH = 20
"""Tasks that are asked for and done between two outages."""


class Load:
    """Threads that ask; `errors` is what they were told that no client would make good by itself."""

    def __init__(self) -> None:
        self.errors: list[BaseException] = []
        self.asked = 0
        self.opened: Counter[int] = Counter()
        self.closed: Counter[int] = Counter()
        self.submitting = True
        self.working = True
        self._threads: list[threading.Thread] = []

    @property
    def done(self) -> int:
        """How many tasks are closed."""
        return len(self.closed)

    def has_come_to(self, number: int) -> bool:
        """Whether so many tasks are closed, or something has gone wrong."""
        return self.done >= number or bool(self.errors)

    def start(self, work: Callable[[ClientSession], None], session: ClientSession) -> None:
        """Run `work` until it returns."""

        def run() -> None:
            try:
                work(session)
            except BaseException as error:
                self.errors.append(error)

        self._threads.append(threading.Thread(target=run))
        self._threads[-1].start()

    def end(self) -> None:
        """Wait for all."""
        self.submitting = self.working = False
        for thread in self._threads:
            thread.join(120)

    def submit(self, session: ClientSession) -> None:
        """Ask for one task after the other."""
        while self.submitting:
            self.asked += 1
            self.at_least_once(session, "makeTask", "sleep", [0])
            time.sleep(0.02)

    def build(self, session: ClientSession) -> None:
        """Poll, open and close, as a builder does."""
        while self.working:
            calls = ("getHostTasks",), ("updateHost", float(len(self.opened) % 3), True, DATA), ("getTasks",)
            answers = [self.at_least_once(session, f"host.{name}", *args) for name, *args in calls]
            for task in answers[2] or ():
                if self.at_least_once(session, "host.openTask", task["id"]):
                    self.opened[task["id"]] += 1
                    self.close(session, task["id"])
            for task in answers[0] or ():
                # opened, but the answer was lost
                if not self.closed[task["id"]]:
                    self.close(session, task["id"])
            time.sleep(0.02)

    def close(self, session: ClientSession, task_id: int) -> None:
        """Report success."""
        self.at_least_once(session, "host.closeTask", task_id, xmlrpc.encode_response([0]).decode())
        self.closed[task_id] += 1

    def at_least_once(self, session: ClientSession, name: str, *args: Any) -> Any:
        """Make a call. When its answer was lost the session says that it has happened (RetryError)."""
        try:
            return session.call(name, *args)
        except RetryError:
            return None


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A hub with two builders' accounts."""
    with server_directory() as place:
        made = Site(place / "site", {"RepoAuto": "no"}, preferred_port=0)
        made.state.mkdir(mode=0o711)
        made.configure()
        try:
            made.start_hub()
            content.add_accounts(made)
            for name in BUILDERS:
                content.add_builder(made, name, "password")
            yield made
        finally:
            made.stop()


@pytest.fixture(scope="module")
def second_url(site: Site) -> Iterator[str]:
    """Another web server on the same database and tree."""
    port = free_port()
    conf = site.state / "second.conf"
    text = site.hub_conf.read_text().replace(
        f"Listen = 127.0.0.1:{site.facts['port']}", f"Listen = 127.0.0.1:{port}"
    )
    conf.write_text(text)
    service = Service("second", [str(BIN / "moromi-hub"), "web", "--config", str(conf)], site.state)
    service.start()
    try:
        url = f"http://127.0.0.1:{port}/kojihub"
        ClientSession(url, {**PATIENT, "anon_retry": True}).call("getAPIVersion")
        yield url
    finally:
        service.stop()


def interrupt(site: Site, number: signal.Signals) -> None:
    """Send a signal to the database server; `moromi-hub serve` starts it again."""
    pid = database_pid(site)
    assert pid is not None, "there is no database"
    os.kill(pid, number)
    assert wait_for(lambda: database_pid(site) not in (None, pid), 60), "it has not been started again"


def logged_in(url: str, user: str, password: str) -> ClientSession:
    session = ClientSession(url, {**PATIENT, "user": user, "password": password})
    session.login()
    return session


def test_everything_happens_once_and_is_worked_off(site: Site, second_url: str) -> None:
    load = Load()
    urls = (f"{site.url}/kojihub", second_url)
    with ExitStack() as stack:
        stack.callback(load.end)
        for url, name in zip(urls, BUILDERS, strict=True):
            builder = logged_in(url, name, "password")
            builder.exclusiveSession()
            load.start(load.build, builder)
            load.start(load.submit, logged_in(url, ADMIN, site.facts["admin_password"]))
        for number in OUTAGES:
            assert wait_for(partial(load.has_come_to, load.done + ENOUGH), 120), load.errors
            interrupt(site, number)
        assert wait_for(partial(load.has_come_to, load.done + ENOUGH), 120), load.errors
        assert wait_for(site.answers, 60)
        load.submitting = False
        admin = logged_in(urls[0], ADMIN, site.facts["admin_password"])
        unfinished = {"method": "sleep", "state": [TaskState.FREE, TaskState.ASSIGNED, TaskState.OPEN]}
        assert wait_for(lambda: bool(load.errors) or not admin.call("listTasks", unfinished), 120, 0.5)
        load.working = False
    assert load.errors == []
    log = (site.state / "log" / "hub.log").read_text()
    assert log.count("the database has ended; starting it again") == len(OUTAGES)
    made = admin.call("listTasks", {"method": "sleep"}, {"limit": 100_000})
    assert len(made) == load.asked >= len(OUTAGES) * ENOUGH
    assert {task["state"] for task in made} == {TaskState.CLOSED}
    assert set(load.opened.values()) == {1}, "a task was run twice"
    assert load.closed == Counter(task["id"] for task in made)
