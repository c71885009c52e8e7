"""`scheduler.explain`: every reason for which a task does not run, in words."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from moromi.errors import GenericError
from moromi.wire import xmlrpc
from moromi_schema import tables as t
from support.hub import Client, HubUnderTest, count_statements

ONE, TWO = "builder1.example.org", "builder2.example.org"


@pytest.fixture
def builder(hub: HubUnderTest) -> Client:
    """builder1, ready."""
    client = hub.client(ONE)
    client("host.updateHost", 0.0, True)
    return client


def explain(hub: HubUnderTest, task_id: int) -> dict[str, Any]:
    """As somebody who is not logged in."""
    answer: dict[str, Any] = hub.client()("scheduler.explain", task_id)
    return answer


def test_no_host_in_the_channel(hub: HubUnderTest, admin: Client) -> None:
    admin("addChannel", "moon")
    task_id = admin("makeTask", "sleep", [1], channel="moon")
    assert explain(hub, task_id) == {
        "task_id": task_id,
        "state": 0,
        "summary": "no host is in channel moon",
        "details": [],
        "position": 1,
        "waiting_for": [],
    }
    admin("disableChannel", "moon")
    assert explain(hub, task_id)["summary"] == "its channel moon is disabled"


def test_no_host_of_the_arch_and_disabled_hosts(hub: HubUnderTest, admin: Client) -> None:
    task_id = admin("makeTask", "sleep", [1], arch="s390x")
    told = explain(hub, task_id)
    assert told["summary"] == "no enabled host of channel default has arch s390x"
    assert told["details"][1] == f"{TWO}: has no arch s390x (it has aarch64)"
    for name in (ONE, TWO):
        admin("disableHost", name)
    told = explain(hub, task_id)
    assert told["summary"] == "every host of channel default is disabled"
    assert told["details"] == [f"{ONE}: disabled", f"{TWO}: disabled"]


def test_full_hosts_and_the_place_in_the_queue(hub: HubUnderTest, admin: Client) -> None:
    client = hub.client(ONE)
    client("host.updateHost", 0.0, True, {"maxjobs": 1})
    first, second, third = (admin("makeTask", "sleep", [n], arch="x86_64") for n in range(3))
    admin("scheduler.doRun", True)
    assert explain(hub, first)["summary"] == f"it is assigned to {ONE}, which has not opened it yet"
    assert [explain(hub, task)["position"] for task in (first, second, third)] == [None, 1, 2]
    told = explain(hub, second)
    what = "none of the 1 hosts of channel default for arch x86_64 can take it: 1 at its job limit"
    assert told["summary"] == what
    assert told["details"][0] == f"{ONE}: at its job limit (1 of 1)"


def test_refusals_are_quoted(hub: HubUnderTest, admin: Client, builder: Client) -> None:
    task_id = admin("makeTask", "sleep", [1], arch="x86_64")
    admin("scheduler.doRun", True)
    builder("host.refuseTask", task_id, False, "no handler for method")
    told = explain(hub, task_id)
    assert told["details"][0] == f"{ONE}: refused the task: no handler for method"
    assert told["summary"].endswith("can take it: 1 refused the task")


def test_a_host_that_could_take_it(hub: HubUnderTest, admin: Client, builder: Client) -> None:
    task_id = admin("makeTask", "sleep", [1], arch="x86_64")
    told = explain(hub, task_id)
    assert told["summary"].startswith("a host can take it")
    assert told["details"][0] == f"{ONE}: could take it"


def test_a_request_that_cannot_be_read(hub: HubUnderTest, admin: Client, builder: Client) -> None:
    task_id = admin("makeTask", "sleep", [1])
    with hub.hub.engine.begin() as connection:
        connection.execute(update(t.task).where(t.task.c.id == task_id).values(request="<broken"))
    admin("scheduler.doRun", True)
    assert "cannot be read" in explain(hub, task_id)["summary"]


def test_a_parent_that_waits_for_a_repository(hub: HubUnderTest, admin: Client, builder: Client) -> None:
    admin("createTag", "f44-build", arches="x86_64")
    parent = admin("makeTask", "build", ["git://x/y#1", None, {}], assign=ONE)
    builder("host.openTask", parent)
    assert explain(hub, parent)["summary"] == f"it runs on {ONE}"
    child = builder("host.subtask", "waitrepo", ["f44-build"], parent)
    builder("host.taskSetWait", parent, [child])
    told = explain(hub, parent)
    assert told["summary"] == f"it waits on {ONE} for a repository"
    assert told["details"] == [f"task {child} (waitrepo, noarch) is free"]
    assert told["waiting_for"] == [child]
    builder("host.openTask", child)
    assert explain(hub, child)["summary"] == f"it runs on {ONE} and waits for a repository of tag f44-build"
    builder("host.closeTask", child, xmlrpc.encode_response([1]).decode())
    assert explain(hub, parent)["summary"] == f"it runs on {ONE}: what it waited for is over"
    assert explain(hub, child)["summary"] == "it is over: closed"


def test_the_number_of_statements_is_fixed(hub: HubUnderTest, admin: Client) -> None:
    ids = [admin("makeTask", "sleep", [n], arch="x86_64") for n in range(30)]
    anonymous = hub.client()
    with count_statements(hub.hub.engine) as seen:
        assert anonymous("scheduler.explain", ids[-1])["position"] == 30
    assert len(seen) <= 8, seen


def test_what_is_no_task(hub: HubUnderTest) -> None:
    with pytest.raises(GenericError, match="No such task: 99"):
        explain(hub, 99)
