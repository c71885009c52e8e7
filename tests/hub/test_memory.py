"""What web processes remember between the requests of builders, and that they forget it in time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from moromi.constants import TaskState
from moromi.errors import AuthError, AuthExpired, RetryError
from moromi_hub.app import Application
from moromi_hub.db.embedded import EmbeddedPostgres
from support import database
from support.hub import Client, HubUnderTest, count_statements, running_hub
from support.worker import eventually

ONE = "builder1.example.org"
DATA = {"methods": ["sleep"], "maxjobs": 15}
SOON = 20.0
"""Seconds: far more than a message takes, far less than anything is remembered without one."""


def hearing(each: HubUnderTest) -> bool:
    return each.hub.memory.moment is not None


@pytest.fixture
def pair(postgres: EmbeddedPostgres, state: str, tmp_path: Path) -> Iterator[list[HubUnderTest]]:
    """Two hubs on one database that remember, as the web processes of a server do."""
    with ExitStack() as stack:
        dsn = stack.enter_context(database.clone(postgres, state))
        # as the worker runs the scheduler, getTasks does not
        options: dict[str, Any] = {"RunInterval": 10_000}
        hubs = [stack.enter_context(running_hub(dsn, tmp_path, **options)) for _ in range(2)]
        for each in hubs:
            each.hub.memory.start()
            eventually(partial(hearing, each))
        hubs[0].client("kojiadmin")("scheduler.doRun", True)
        yield hubs


def at(client: Client, hub: HubUnderTest) -> Client:
    """The same session at another hub, with the next call numbers."""
    return replace(client, application=Application(hub.hub))


def turn(client: Client) -> list[Any]:
    """What kojid asks while it has nothing to do."""
    return [
        client("listBuildroots", hostID=1, state=[0, 1, 2]),
        client("host.getHostTasks"),
        client("host.getHost"),
        client("host.updateHost", 0.0, True, DATA),
        client("host.getTasks"),
    ]


def test_a_turn_of_a_polling_builder_costs_three_statements(pair: list[HubUnderTest]) -> None:
    builder = pair[0].client(ONE)
    turn(builder)
    turn(builder)
    with count_statements(pair[0].hub.engine) as seen:
        assert turn(builder)[-1] == []
    assert len(seen) == 3, seen


def test_a_turn_in_one_request_costs_three_statements(hub: HubUnderTest) -> None:
    """Of our own builder, without anything remembered."""
    builder = hub.client(ONE)
    hub.client("kojiadmin")("scheduler.doRun", True)
    calls = [
        ("host.getHost",),
        ("host.getHostTasks",),
        ("host.updateHost", 0.0, True, DATA),
        ("host.getTasks",),
    ]
    batch = [{"methodName": name, "params": list(args)} for name, *args in calls]
    builder("multiCall", batch)
    with count_statements(hub.hub.engine) as seen:
        (host,), *_, (tasks,) = builder("multiCall", batch)
    assert len(seen) == 3, seen
    assert (host["name"], tasks) == (ONE, [])


def test_what_a_builder_is_told_is_what_everybody_is_told(hub: HubUnderTest, admin: Client) -> None:
    builder = hub.client(ONE)
    ids = [admin("makeTask", "sleep", [n], assign=ONE, priority=20 - n) for n in range(4)]
    for task_id in ids[:2]:
        builder("host.openTask", task_id)
    child = builder("host.subtask", "sleep", [9], ids[1], assign=ONE)
    builder("host.taskSetWait", ids[1], None)
    builder("host.openTask", child)
    builder("host.closeTask", child, "")
    assert builder("host.getHost") == admin("getHost", ONE)
    assert builder("host.getHostTasks") == [
        {"id": ids[0], "waiting": None, "weight": 1.0},
        {"id": ids[1], "waiting": True, "weight": 1.0, "alert": True},
    ]
    assigned = builder("host.getTasks")
    assert [row["id"] for row in assigned] == [ids[3], ids[2]]
    assert assigned[0] == {key: admin("getTaskInfo", ids[3])[key] for key in assigned[0]}


def test_a_turn_sees_what_the_builder_has_done_meanwhile(pair: list[HubUnderTest]) -> None:
    """Whichever web process did it: call numbers show that something is missing."""
    first = pair[0].client(ONE)
    task_id = pair[1].client("kojiadmin")("makeTask", "sleep", [1], assign=ONE)
    eventually(lambda: [row["id"] for row in first("host.getTasks")] == [task_id])
    second = at(first, pair[1])
    assert second("host.openTask", task_id)["state"] == TaskState.OPEN
    first.callnum = second.callnum
    assert first("host.getTasks") == []
    assert [row["id"] for row in first("host.getHostTasks")] == [task_id]
    batch = [
        {"methodName": "host.getHostTasks", "params": []},
        {"methodName": "host.setTaskWeight", "params": [task_id, 2.5]},
        {"methodName": "host.getHostTasks", "params": []},
    ]
    before, _, after = first("multiCall", batch)
    assert [rows[0]["weight"] for (rows,) in (before, after)] == [1.0, 2.5]


def test_what_others_do_is_heard_of(pair: list[HubUnderTest]) -> None:
    builder, admin = pair[0].client(ONE), pair[1].client("kojiadmin")
    turn(builder)
    task_id = admin("makeTask", "sleep", [1], assign=ONE)
    eventually(lambda: builder("host.getTasks"), SOON)
    builder("host.openTask", task_id)
    child = admin("makeTask", "sleep", [2], parent=task_id)
    builder("host.taskSetWait", task_id, None)
    assert builder("host.getHostTasks")[0].get("alert") is None
    admin("cancelTask", child)
    eventually(lambda: builder("host.getHostTasks")[0].get("alert"), SOON)
    admin("disableHost", ONE)
    eventually(lambda: not builder("host.getHost")["enabled"], SOON)


def refused(client: Client, kind: type[Exception]) -> None:
    """A check-in is refused at once, a question as soon as the process has heard of it."""
    with pytest.raises(kind):
        client("host.updateHost", 0.0, True, DATA)
    with pytest.raises(kind):
        client("host.getTasks")


def test_a_closed_session_is_refused_at_once(pair: list[HubUnderTest]) -> None:
    builder = pair[0].client(ONE)
    turn(builder)
    at(builder, pair[1])("logout")
    builder.callnum += 1
    refused(builder, AuthError)


def test_a_session_that_another_daemon_pushes_out_is_refused_at_once(pair: list[HubUnderTest]) -> None:
    builder = pair[0].client(ONE)
    turn(builder)
    pair[1].client(ONE)
    refused(builder, AuthError)


def test_a_blocked_host_is_refused(pair: list[HubUnderTest]) -> None:
    builder = pair[0].client(ONE)
    turn(builder)
    pair[0].client("kojiadmin")("disableUser", ONE)
    refused(builder, AuthError)


def test_a_session_expires_though_it_is_remembered(pair: list[HubUnderTest]) -> None:
    builder = pair[0].client(ONE)
    turn(builder)
    with pair[0].hub.engine.begin() as connection:
        connection.execute(text("UPDATE sessions SET expired = true"))  # as a Koji hub beside us would
    with pytest.raises(AuthExpired):
        builder("host.updateHost", 0.0, True, DATA)


def test_a_session_that_is_no_longer_exclusive_is_no_host(pair: list[HubUnderTest]) -> None:
    builder = pair[0].client(ONE)
    turn(builder)
    builder("sharedSession")
    refused(builder, AuthError)


def test_a_check_in_is_stored_once(pair: list[HubUnderTest]) -> None:
    """The number of the call is stored with it; one that has been overtaken is refused."""
    builder = pair[0].client(ONE)
    turn(builder)
    builder.callnum = 100
    builder("host.updateHost", 1.0, True, DATA)
    builder.callnum = 100
    builder("host.updateHost", 1.0, True, DATA)
    other = at(builder, pair[1])
    other("host.updateHost", 2.0, True, DATA)
    builder.callnum = 99
    with pytest.raises(Exception, match="> 99"):
        builder("host.updateHost", 3.0, True, DATA)
    other.callnum = 101
    with pytest.raises(RetryError):
        other("host.openTask", 1)
    assert other("getHost", ONE)["task_load"] == 2.0


def test_nothing_is_remembered_without_hearing(pair: list[HubUnderTest]) -> None:
    builder, memory = pair[0].client(ONE), pair[0].hub.memory
    turn(builder)
    with pair[1].hub.engine.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = 'moromi-web'"
            )
        )
    eventually(lambda: memory.moment is None)
    with count_statements(pair[0].hub.engine) as seen:
        turn(builder)
    assert len(seen) > 3
    eventually(lambda: memory.moment is not None)
    turn(builder)
    with count_statements(pair[0].hub.engine) as seen:
        turn(builder)
    assert len(seen) == 3


def test_a_stranger_with_a_remembered_number_is_refused(pair: list[HubUnderTest]) -> None:
    builder = pair[0].client(ONE)
    turn(builder)
    thief = replace(builder, headers={**builder.headers, "HTTP_KOJI_SESSION_KEY": "1-guess"})
    with pytest.raises(AuthError, match="Invalid session"):
        thief("host.getTasks")


def test_a_repetition_is_told_from_a_failure(pair: list[HubUnderTest]) -> None:
    """The answer of one web process was lost, and another one is asked again."""
    builder, admin = pair[0].client(ONE), pair[1].client("kojiadmin")
    task_id = admin("makeTask", "sleep", [1], assign=ONE)
    for name, *args in (("host.openTask", task_id), ("host.closeTask", task_id, "")):
        turn(builder)
        other = at(builder, pair[1])
        other(name, *args)
        with pytest.raises(RetryError):
            builder(name, *args)
    turn(builder)
    assert builder("host.openTask", task_id) is None


def test_a_closed_session_opens_and_closes_nothing(pair: list[HubUnderTest]) -> None:
    builder, admin = pair[0].client(ONE), pair[1].client("kojiadmin")
    first, second = (admin("makeTask", "sleep", [n], assign=ONE) for n in (1, 2))
    builder("host.openTask", first)
    turn(builder)
    at(builder, pair[1])("logout")
    builder.callnum += 1
    for name, *args in (
        ("host.openTask", second),
        ("host.closeTask", first, ""),
        ("host.closeTask", second, ""),
        ("host.openTask", first),
    ):
        with pytest.raises(AuthError, match="Invalid session"):
            builder(name, *args)
    assert [admin("getTaskInfo", number)["state"] for number in (first, second)] == [
        TaskState.OPEN,
        TaskState.ASSIGNED,
    ]


def test_the_tasks_of_a_builder_cost_little(pair: list[HubUnderTest]) -> None:
    builder, admin = pair[0].client(ONE), pair[1].client("kojiadmin")
    task_id = admin("makeTask", "sleep", [1], assign=ONE)
    turn(builder)
    with count_statements(pair[0].hub.engine) as seen:
        builder("host.openTask", task_id)
        builder("host.closeTask", task_id, "")
    assert len(seen) <= 10, seen
