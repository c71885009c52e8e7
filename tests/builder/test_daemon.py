"""The daemon on a real hub, with tasks that need no chroot: claim, wait, end, restart, go on."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from moromi.client import ClientSession
from moromi.constants import FINISHED_TASKS, TaskState
from moromi.errors import GenericError, ParameterError
from samplesite import content
from samplesite.services import wait_for
from samplesite.site import BUILDER, Site
from support.database import server_directory
from support.sites import work_of

OPENED_IN = 15.0
"""Seconds until a task is open: far more than it takes, far less than any poll."""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A hub and one builder without tags."""
    with server_directory() as place:
        # Whatever else this machine does, the builder is to take its tasks.
        options = {"sleeptime": 60, "retry_interval": 1, "max_load": 1000}
        made = Site(place / "site", {}, options, preferred_port=0)
        made.state.mkdir(mode=0o711)
        made.configure()
        try:
            made.start_hub()
            content.add_accounts(made)
            made.builder().start()
            yield made
        finally:
            made.stop()


@pytest.fixture
def hub(site: Site) -> Iterator[ClientSession]:
    """An administrator's session, with the builder ready and idle."""
    with site.session() as session:
        assert wait_for(lambda: host(session)["ready"], 60), "the builder is not ready"
        yield session


def host(session: ClientSession) -> dict[str, Any]:
    return dict(session.call("getHost", BUILDER))


def give(session: ClientSession, method: str, *arguments: Any) -> int:
    """Make a task for the builder."""
    return int(session.call("makeTask", method, list(arguments)))


def state(session: ClientSession, task_id: int) -> TaskState:
    return TaskState(session.call("getTaskInfo", task_id)["state"])


def until(session: ClientSession, task_id: int, wanted: Callable[[TaskState], bool]) -> None:
    """Wait for a state."""
    assert wait_for(lambda: wanted(state(session, task_id)), 100), state(session, task_id).name


def is_open(found: TaskState) -> bool:
    return found is TaskState.OPEN


def has_ended(found: TaskState) -> bool:
    return found in FINISHED_TASKS


def test_a_task_is_opened_at_once(hub: ClientSession) -> None:
    task_id = give(hub, "sleep", 0)
    until(hub, task_id, has_ended)
    info = hub.call("getTaskInfo", task_id)
    assert info["state"] == TaskState.CLOSED
    assert info["start_ts"] - info["create_ts"] < OPENED_IN
    assert hub.call("getTaskResult", task_id) is None


def test_subtasks_wake_their_parent(hub: ClientSession) -> None:
    task_id = give(hub, "waittest", 2, 1)
    until(hub, task_id, has_ended)
    info = hub.call("getTaskInfo", task_id)
    children = hub.call("getTaskChildren", task_id)
    last = max(child["completion_ts"] for child in children)
    assert info["completion_ts"] - last < OPENED_IN
    results = hub.call("getTaskResult", task_id)
    assert sorted(children[0].keys() & {"id", "state"}) == ["id", "state"]
    failed = [value for value in results.values() if value]
    assert len(results) == 3
    assert failed[0]["faultCode"] == ParameterError.faultCode
    assert failed[0]["faultString"] == "Invalid signature for sleep: missing a required argument: 'n'"


def test_failures_are_told(hub: ClientSession) -> None:
    wrong = give(hub, "sleep", 1, 2)
    odd = give(hub, "default")
    until(hub, wrong, has_ended)
    until(hub, odd, has_ended)
    with pytest.raises(ParameterError, match="Invalid signature for sleep: too many positional arguments"):
        hub.call("getTaskResult", wrong)
    with pytest.raises(GenericError, match="Invalid method: default"):
        hub.call("getTaskResult", odd)


def test_an_unknown_method_is_refused(hub: ClientSession, site: Site) -> None:
    task_id = give(hub, "paint", "blue")
    hub.call("assignTask", task_id, BUILDER, override=True)
    until(hub, task_id, lambda found: found is TaskState.FREE)
    hub.call("cancelTask", task_id)
    assert site.builder().pid() is not None


def test_processes_that_a_task_leaves_are_ended(hub: ClientSession, site: Site) -> None:
    task_id = give(hub, "fork", 2, 300)
    until(hub, task_id, has_ended)
    assert wait_for(lambda: not work_of(site), 60), work_of(site)


def test_cancelled(hub: ClientSession, site: Site) -> None:
    task_id = give(hub, "sleep", 300)
    until(hub, task_id, is_open)
    assert wait_for(lambda: bool(records(site)), 60)
    hub.call("cancelTask", task_id)
    assert wait_for(lambda: not records(site) and not work_of(site), 60), work_of(site)
    assert state(hub, task_id) is TaskState.CANCELED


def test_taken_away(hub: ClientSession, site: Site) -> None:
    """A lost lease: the hub frees the task, the process must not go on beside the next one."""
    task_id = give(hub, "sleep", 300)
    until(hub, task_id, is_open)
    assert wait_for(lambda: bool(records(site)), 60)
    (before,) = records(site).values()
    hub.call("freeTask", task_id)
    assert wait_for(lambda: bool(records(site)) and list(records(site).values()) != [before], 60)
    until(hub, task_id, is_open)
    assert len(records(site)) == 1
    hub.call("cancelTask", task_id)
    assert wait_for(lambda: not records(site), 60)


def records(site: Site) -> dict[str, str]:
    """The running task processes by task id, as the daemon notes them."""
    directory = site.builder_place() / "work" / "running"
    found = {}
    for path in directory.glob("*"):
        with suppress(FileNotFoundError):
            found[path.name] = path.read_text()
    return {name: text for name, text in found.items() if text}


def test_killed_daemon_leaves_nothing_and_takes_up_again(hub: ClientSession, site: Site) -> None:
    task_id = give(hub, "sleep", 2)
    until(hub, task_id, is_open)
    site.builder().kill()
    assert wait_for(lambda: not work_of(site), 60), work_of(site)
    site.builder().start()
    until(hub, task_id, has_ended)
    assert state(hub, task_id) is TaskState.CLOSED
    assert wait_for(lambda: not records(site), 60)


def test_stopped_daemon_gives_its_tasks_back(hub: ClientSession, site: Site) -> None:
    task_id = give(hub, "sleep", 300)
    until(hub, task_id, is_open)
    assert site.builder().stop()
    assert state(hub, task_id) is TaskState.FREE
    assert host(hub)["ready"] is False
    assert not work_of(site)
    hub.call("cancelTask", task_id)
    site.builder().start()


def test_restart_waits_for_the_tasks(hub: ClientSession, site: Site) -> None:
    task_id = give(hub, "sleep", 2)
    until(hub, task_id, is_open)
    pid = site.builder().pid()
    assert pid is not None
    before = process_start(site)
    os.kill(pid, signal.SIGUSR1)
    until(hub, task_id, has_ended)
    assert state(hub, task_id) is TaskState.CLOSED
    again = give(hub, "sleep", 0)
    until(hub, again, has_ended)
    assert state(hub, again) is TaskState.CLOSED
    assert site.builder().pid() == pid
    assert process_start(site) > before


def process_start(site: Site) -> int:
    """How often the daemon has begun to serve, by its log."""
    log = (site.state / "log" / "builder.log").read_text()
    return log.count("ready for tasks")


def test_hosts_are_restarted_by_a_task(hub: ClientSession, site: Site) -> None:
    """The task runs on the very host that it restarts: it is given up, and taken up again afterwards."""
    before = process_start(site)
    task_id = hub.call("restartHosts", options={"timeout": 200})
    until(hub, task_id, has_ended)
    assert state(hub, task_id) is TaskState.CLOSED
    assert process_start(site) == before + 1
    children = {child["method"]: child for child in hub.call("getTaskChildren", task_id)}
    assert {child["state"] for child in children.values()} == {TaskState.CLOSED}
    assert hub.call("getTaskResult", children["restart"]["id"]) == "graceful restart initiated"
    nobody = hub.call("restartHosts", options={"arches": ["s390x"]})
    until(hub, nobody, has_ended)
    with pytest.raises(GenericError, match="No matching hosts"):
        hub.call("getTaskResult", nobody)


def test_a_restart_that_has_not_been(hub: ClientSession) -> None:
    """The verification compares times, and refuses another host's task."""
    ours = host(hub)
    sleep = give(hub, "sleep", 0)
    until(hub, sleep, has_ended)
    for arguments, text in (
        ([sleep, ours], "Restart failed - start time is "),
        ([sleep, {**ours, "id": 999}], "Host mismatch"),
    ):
        task_id = give(hub, "restartVerify", *arguments)
        until(hub, task_id, has_ended)
        with pytest.raises(GenericError, match=text):
            hub.call("getTaskResult", task_id)


def test_tasks_that_depend_on_others(hub: ClientSession) -> None:
    first = give(hub, "sleep", 1)
    task_id = give(hub, "dependantTask", [first, 999999], [["sleep", [0], {"priority": 15}], ["sleep", [0]]])
    until(hub, task_id, has_ended)
    assert state(hub, task_id) is TaskState.CLOSED
    children = hub.call("getTaskChildren", task_id)
    ended = hub.call("getTaskInfo", first)["completion_ts"]
    assert len(children) == 2 and all(child["create_ts"] >= ended for child in children)
    bad = give(hub, "sleep", "soon")
    until(hub, bad, has_ended)
    task_id = give(hub, "dependantTask", [bad], [["sleep", [0]]])
    until(hub, task_id, has_ended)
    with pytest.raises(GenericError, match=f"Dependency {bad} failed to complete"):
        hub.call("getTaskResult", task_id)
    assert hub.call("getTaskChildren", task_id) == []


def test_a_task_stops_the_daemon(hub: ClientSession, site: Site) -> None:
    task_id = give(hub, "shutdown")
    until(hub, task_id, has_ended)
    assert state(hub, task_id) is TaskState.CLOSED
    assert wait_for(lambda: site.builder().pid() is None, 60)
    site.builder().start()
    assert wait_for(lambda: host(hub)["ready"], 60)


def test_a_disabled_host_takes_nothing(hub: ClientSession) -> None:
    hub.call("disableHost", BUILDER)
    assert wait_for(lambda: not host(hub)["ready"], 60)
    task_id = give(hub, "sleep", 0)
    time.sleep(1)
    assert state(hub, task_id) is TaskState.FREE
    hub.call("enableHost", BUILDER)
    until(hub, task_id, has_ended)


def test_an_open_stream_speaks_for_the_daemon(hub: ClientSession) -> None:
    """The hub hears of it without a check-in: its time is that of what the connection proves."""
    heard = [float(host(hub)["update_ts"])]

    def speaks() -> bool:
        heard.append(float(host(hub)["update_ts"]))
        return heard[-1] > heard[-2] and time.time() - heard[-1] > 30

    # Before it there may be a check-in, which follows the last task: its time is the present.
    assert wait_for(speaks, 150)


def test_a_second_daemon_is_kept_out(hub: ClientSession, site: Site, tmp_path: Path) -> None:
    import subprocess
    import sys

    words = [sys.executable, "-m", "moromi_builder", "--config", str(site.state / "builder.conf"), "--fg"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60)
    assert done.returncode == 1
    assert "Error: Unable to get lock. Trying using --force-lock" in done.stderr
    task_id = give(hub, "sleep", 0)
    until(hub, task_id, has_ended)


def test_the_hub_goes_and_comes_back(hub: ClientSession, site: Site) -> None:
    task_id = give(hub, "sleep", 3)
    until(hub, task_id, is_open)
    site.hub().kill()
    time.sleep(4)
    site.start_hub()
    with site.session() as session:
        until(session, task_id, has_ended)
        assert state(session, task_id) is TaskState.CLOSED
        again = give(session, "sleep", 0)
        until(session, again, has_ended)
