"""The background process: work begins when something happens, one leads, and nothing stops it for good."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.engine import make_url

from moromi.constants import TaskState
from moromi_hub.call import Call
from moromi_hub.worker.jobs import JOBS
from moromi_hub.worker.leadership import lock_number
from moromi_hub.worker.model import Job
from support.hub import Client, HubUnderTest
from support.worker import eventually, working

ONE = "builder1.example.org"
SCHEDULER = [job for job in JOBS if job.name == "scheduler"]


def assigned(client: Client, task_id: int) -> bool:
    return bool(client("getTaskInfo", task_id)["state"] == TaskState.ASSIGNED)


def test_a_free_task_is_assigned_at_once(hub: HubUnderTest, admin: Client) -> None:
    builder = hub.client(ONE)
    builder("host.updateHost", 0.0, True)
    with working(hub.hub, SCHEDULER):
        eventually(lambda: admin("scheduler.getHostData") == [])
        warm = admin("makeTask", "sleep", [0], arch="x86_64")
        eventually(lambda: assigned(admin, warm))
        admin("cancelTask", warm)
        took = []
        for number in range(5):
            task_id = admin("makeTask", "sleep", [number], arch="x86_64")
            took.append(eventually(partial(assigned, admin, task_id)))
            admin("cancelTask", task_id)
        assert min(took) < 2.0, took


def test_a_check_in_and_a_freed_task_wake_the_scheduler(hub: HubUnderTest, admin: Client) -> None:
    builder = hub.client(ONE)
    with working(hub.hub, SCHEDULER):
        task_id = admin("makeTask", "sleep", [1], arch="x86_64")
        eventually(lambda: admin("scheduler.getReasons", task_id))
        builder("host.updateHost", 0.0, True)
        eventually(lambda: assigned(admin, task_id))
        builder("host.openTask", task_id)
        builder("host.freeTasks", [task_id])
        eventually(lambda: assigned(admin, task_id))


def test_one_worker_leads_and_another_takes_over(hub: HubUnderTest) -> None:
    seen: list[str] = []

    def job(name: str) -> Job:
        def note(call: Call) -> None:
            call.tx.scalar(select(func.now()))
            seen.append(name)

        return Job("test", note, lambda message: False, lambda settings: 0.05)

    with working(hub.hub, [job("first")]):
        eventually(lambda: seen)
        with working(hub.hub, [job("second")]):
            time.sleep(0.5)
            assert set(seen) == {"first"}
    del seen[:]
    with working(hub.hub, [job("third")]):
        eventually(lambda: "third" in seen)


def test_a_failing_job_is_tried_again_and_leaves_nothing(
    hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moromi_hub.worker.main._FAILED_SECONDS", 0.05)
    runs: list[int] = []

    def fail(call: Call) -> None:
        runs.append(1)
        call.tx.fresh_event()
        raise ZeroDivisionError

    count = select(text("count(*) FROM events"))
    with hub.hub.engine.connect() as connection:
        before = connection.execute(count).scalar()
    with working(hub.hub, [Job("test", fail, lambda message: False, lambda settings: 0.05)]):
        eventually(lambda: len(runs) >= 3)
    with hub.hub.engine.connect() as connection:
        assert connection.execute(count).scalar() == before


def test_odd_messages_are_ignored_and_a_lost_connection_is_made_again(
    hub: HubUnderTest, admin: Client
) -> None:
    builder = hub.client(ONE)
    builder("host.updateHost", 0.0, True)
    with working(hub.hub, SCHEDULER):
        first = admin("makeTask", "sleep", [1], arch="x86_64")
        eventually(lambda: assigned(admin, first))
        with hub.hub.engine.connect() as connection:
            for payload in ("not json", "[]", '{"type": "task"}', "7"):
                connection.execute(select(func.pg_notify("moromi", payload)))
            connection.commit()
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
            connection.commit()
        hub.hub.engine.dispose()
        second = admin("makeTask", "sleep", [2], arch="x86_64")
        eventually(lambda: assigned(admin, second))


def _start(config: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "from moromi_hub.admin import main; main()", "worker"]
    return subprocess.Popen([*command, "--config", str(config)], stdin=subprocess.DEVNULL)


def _leader(hub: HubUnderTest) -> Callable[[], int | None]:
    """Who holds the scheduler's leadership: a database process id, or None."""
    number = lock_number("worker:scheduler")
    query = text(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = "
        "(SELECT oid FROM pg_database WHERE datname = current_database()) "
        "AND ((classid::bigint << 32) | objid::bigint) = :number"
    )

    def look() -> int | None:
        with hub.hub.engine.connect() as connection:
            found: int | None = connection.execute(query, {"number": number}).scalar()
            return found

    return look


def _is_connected(process: subprocess.Popen[bytes]) -> bool:
    """Whether a worker talks to the database: it has files and pipes before, and sockets then."""
    found = set()
    for each in Path(f"/proc/{process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found.add(str(each.readlink()).partition(":")[0])
    return "socket" in found


def test_the_process_survives_its_leader_and_ends_when_told(
    hub: HubUnderTest, admin: Client, tmp_path: Path
) -> None:
    """Two real processes; the one that leads is killed, the other goes on, and stops on SIGTERM."""
    dsn = make_url(hub.hub.settings.DBConnectionString or "").render_as_string(hide_password=False)
    config = tmp_path / "hub.conf"
    config.write_text(f"[hub]\nDBConnectionString = {dsn}\nKojiDir = {tmp_path}\n")
    builder = hub.client(ONE)
    builder("host.updateHost", 0.0, True)
    leader = _leader(hub)
    first = _start(config)
    second = None
    try:
        eventually(leader)
        killed = leader()
        second = _start(config)
        eventually(partial(_is_connected, second))
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        eventually(lambda: leader() not in (None, killed))
        task_id = admin("makeTask", "sleep", [1], arch="x86_64")
        eventually(lambda: assigned(admin, task_id))
        second.terminate()
        assert second.wait(60) == 0
    finally:
        for process in (first, second):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
