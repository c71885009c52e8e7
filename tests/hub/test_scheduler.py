"""The scheduler: who gets what, what waits and why, what happens to the work of lost hosts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from sqlalchemy import func, insert, select, text, update

from moromi.constants import TaskState
from moromi.errors import ActionNotAllowed, ParameterError
from moromi_hub.scheduler import plan
from moromi_hub.scheduler import run as scheduler
from moromi_hub.tasks import model
from moromi_schema import tables as t
from support.hub import Client, HubUnderTest, count_statements

ONE, TWO = "builder1.example.org", "builder2.example.org"


def execute(hub: HubUnderTest, statement: Any) -> None:
    """Change rows behind the hub's back, as time and accidents do."""
    with hub.hub.engine.begin() as connection:
        connection.execute(statement)


def ready(hub: HubUnderTest, name: str = ONE, **data: Any) -> Client:
    client = hub.client(name)
    client("host.updateHost", 0.0, True, data or None)
    return client


def state(client: Client, task_id: int) -> tuple[TaskState, int | None]:
    task = client("getTaskInfo", task_id)
    return TaskState(task["state"]), task["host_id"]


def reasons(client: Client) -> dict[int, str]:
    return {row["task_id"]: row["msg"] for row in client("scheduler.getReasons") if row["task_id"]}


def messages(client: Client) -> list[str]:
    return [row["msg"] for row in client("scheduler.getLogMessages")]


# the decision


def make_host(number: int, **options: Any) -> plan.Host:
    values: dict[str, Any] = {
        "channels": [1],
        "arches": ["x86_64"],
        "capacity": 2.0,
        "ready": True,
        "max_jobs": 15,
        **options,
    }
    return plan.Host(number, f"host{number}", **values)


def make_task(number: int, **options: Any) -> plan.Task:
    values: dict[str, Any] = {
        "channel_id": 1,
        "arch": "noarch",
        "priority": 20,
        "created": float(number),
        "weight": 1.0,
        "owner": 1,
        **options,
    }
    return plan.Task(number, **values)


def decide(hosts: list[plan.Host], tasks: list[plan.Task], **options: Any) -> plan.Plan:
    values: dict[str, Any] = {
        "refusals": {},
        "active_by_owner": {},
        "overcommit": 5,
        "channel_names": {1: "default"},
        **options,
    }
    return plan.make_plan(hosts, tasks, **values)


def test_work_is_spread() -> None:
    outcome = decide([make_host(1), make_host(2)], [make_task(number) for number in range(1, 5)])
    assert sorted(outcome.assigned.values()) == [1, 1, 2, 2]


def test_priority_goes_first_and_users_take_turns() -> None:
    mass = [make_task(number, owner=7) for number in range(1, 6)]
    late = make_task(9, owner=8)
    urgent = make_task(10, owner=7, priority=5)
    order = [task.id for task in plan.in_turns([*mass, late, urgent], {})]
    assert order == [10, 1, 9, 2, 3, 4, 5]
    busy = [task.id for task in plan.in_turns([*mass, late], {7: 3})]
    assert busy[0] == 9


def test_reasons_tell_what_is_missing() -> None:
    hosts = [make_host(1, ready=False), make_host(2, max_jobs=0), make_host(3, load=5.0), make_host(4)]
    tasks = [
        make_task(1, channel_id=2),
        make_task(2, channel_id=3),
        make_task(3, arch="s390x"),
        make_task(4, arch="x86_64"),
    ]
    outcome = decide(hosts, tasks, refusals={4: [4]}, channel_names={1: "default", 3: "image"})
    assert outcome.task_reasons == {
        1: "its channel is disabled",
        2: "no enabled host is in channel image",
        3: "no enabled host of channel default has arch s390x",
        4: "every host of channel default with arch x86_64 is at capacity, at its job limit, "
        "not ready or refused the task",
    }
    assert outcome.host_reasons == {1: "not ready", 2: "at its job limit", 3: "at capacity"}


@given(
    some.lists(some.tuples(some.floats(1.1, 8), some.integers(0, 4), some.booleans()), max_size=6),
    some.lists(some.tuples(some.floats(0, 9), some.integers(1, 3), some.booleans()), max_size=25),
)
def test_no_plan_overfills_a_host(
    hosts: list[tuple[float, int, bool]], tasks: list[tuple[float, int, bool]]
) -> None:
    """Whatever there is to give away: limits hold, and each task is either given away or has a reason."""
    made = [
        make_host(number, capacity=capacity, max_jobs=jobs, ready=is_ready)
        for number, (capacity, jobs, is_ready) in enumerate(hosts)
    ]
    waiting = [
        make_task(number, weight=weight, owner=owner, arch="x86_64" if exact else "noarch")
        for number, (weight, owner, exact) in enumerate(tasks)
    ]
    outcome = decide(made, waiting)
    assert set(outcome.assigned) | set(outcome.task_reasons) == {task.id for task in waiting}
    assert not set(outcome.assigned) & set(outcome.task_reasons)
    for host in made:
        given_away = [task for task in waiting if outcome.assigned.get(task.id) == host.id]
        assert not given_away or host.ready
        assert len(given_away) <= host.max_jobs
        order = list(outcome.assigned)
        last = max(given_away, key=lambda task: order.index(task.id), default=None)
        if last is not None:
            before = host.load - last.weight
            assert host.capacity - before > max(0.0, last.weight - 5) - 1e-9


# runs


def test_a_free_task_goes_to_a_ready_host(hub: HubUnderTest, admin: Client) -> None:
    builder = ready(hub)
    task_id = admin("makeTask", "sleep", [1], arch="x86_64")
    assert admin("scheduler.doRun", True) is True
    assert state(admin, task_id) == (TaskState.ASSIGNED, 1)
    assert [task["id"] for task in builder("host.getTasks")] == [task_id]
    assert messages(admin) == ["Assigning task"]


def test_get_tasks_runs_the_scheduler_once_an_interval(hub: HubUnderTest, admin: Client) -> None:
    builder = ready(hub)
    first = admin("makeTask", "sleep", [1], arch="x86_64")
    assert [task["id"] for task in builder("host.getTasks")] == [first]
    builder("host.openTask", first)
    second = admin("makeTask", "sleep", [2], arch="x86_64")
    assert builder("host.getTasks") == []
    stamp = t.scheduler_sys_data
    execute(hub, update(stamp).values(data=text("to_jsonb(extract(epoch from now()) - 61)")))
    assert [task["id"] for task in builder("host.getTasks")] == [second]


def test_a_stamp_in_the_future_is_reset_once(hub: HubUnderTest, admin: Client) -> None:
    admin("scheduler.doRun")
    execute(hub, update(t.scheduler_sys_data).values(data=text("to_jsonb(extract(epoch from now()) + 1000)")))
    assert admin("scheduler.doRun") is False
    execute(hub, update(t.scheduler_sys_data).values(data=text("to_jsonb(0)")))
    assert admin("scheduler.doRun") is True


def test_a_row_that_cannot_be_read_is_set_aside(hub: HubUnderTest, admin: Client) -> None:
    ready(hub, maxjobs=1)
    bad, good = (admin("makeTask", "sleep", [n], arch="x86_64") for n in (1, 2))
    execute(hub, update(t.task).where(t.task.c.id == bad).values(request="<?xml version='1.0'?><methodC"))
    for _ in range(2):
        assert admin("scheduler.doRun", True) is True
    assert state(admin, bad) == (TaskState.FREE, None)
    assert state(admin, good) == (TaskState.ASSIGNED, 1)
    assert "cannot be read" in reasons(admin)[bad]


def test_reasons_are_stored_once_and_go_away(hub: HubUnderTest, admin: Client) -> None:
    task_id = admin("makeTask", "sleep", [1], arch="x86_64")
    admin("scheduler.doRun", True)
    first = admin("scheduler.getReasons", task_id)
    assert first[0]["msg"] == "every host of channel default with arch x86_64 is not ready"
    assert {row["host_id"]: row["msg"] for row in admin("scheduler.getReasons", hostID=1)} == {1: "not ready"}
    admin("scheduler.doRun", True)
    assert admin("scheduler.getReasons", task_id) == first
    ready(hub)
    admin("scheduler.doRun", True)
    assert admin("scheduler.getReasons", task_id) == []
    assert admin("scheduler.getReasons", hostID=1) == []


def test_a_refused_task_goes_elsewhere(hub: HubUnderTest, admin: Client) -> None:
    builder = ready(hub)
    task_id = admin("makeTask", "sleep", [1])
    admin("scheduler.doRun", True)
    builder("host.refuseTask", task_id, False, "no handler for method")
    admin("scheduler.doRun", True)
    assert state(admin, task_id) == (TaskState.FREE, None)
    assert "refused the task" in reasons(admin)[task_id]
    ready(hub, TWO)
    admin("scheduler.doRun", True)
    assert state(admin, task_id) == (TaskState.ASSIGNED, 2)


def test_a_soft_refusal_expires(hub: HubUnderTest, admin: Client) -> None:
    builder = ready(hub)
    task_id = admin("makeTask", "sleep", [1], arch="x86_64")
    admin("scheduler.doRun", True)
    builder("host.refuseTask", task_id, True, "busy")
    admin("scheduler.doRun", True)
    assert state(admin, task_id)[0] == TaskState.FREE
    execute(hub, update(t.scheduler_task_refusals).values(time=func.now() - text("interval '901 s'")))
    admin("scheduler.doRun", True)
    assert state(admin, task_id) == (TaskState.ASSIGNED, 1)


@pytest.mark.parametrize("assigned", [True, False])
def test_a_lost_host_loses_its_tasks(hub: HubUnderTest, admin: Client, assigned: bool) -> None:
    """Those that it was given, and those that it took by itself."""
    builder = ready(hub)
    task_id = admin("makeTask", "sleep", [1], arch="x86_64")
    if assigned:
        admin("scheduler.doRun", True)
    builder("host.openTask", task_id)
    assert [run["active"] for run in admin("scheduler.getTaskRuns")] == [True]
    execute(hub, update(t.host).where(t.host.c.id == 1).values(update_time=text("now() - interval '901 s'")))
    admin("scheduler.doRun", True)
    assert state(admin, task_id) == (TaskState.FREE, None)
    assert admin("getHost", 1)["ready"] is False
    assert messages(admin)[-2:] == ["Marking host not ready", "Freeing task from unresponsive host"]
    with pytest.raises(ActionNotAllowed, match="does not own task"):
        builder("host.closeTask", task_id, model.encode_request("x", []))


def test_an_assignment_that_is_not_taken_up(hub: HubUnderTest, admin: Client) -> None:
    builder = ready(hub)
    task_id = admin("makeTask", "sleep", [1], arch="x86_64")
    admin("scheduler.doRun", True)
    execute(hub, update(t.scheduler_task_runs).values(create_time=text("now() - interval '301 s'")))
    builder("host.updateHost", 0.0, True)
    admin("scheduler.doRun", True)
    assert state(admin, task_id) == (TaskState.FREE, None)
    refusal = admin("scheduler.getTaskRefusals")[0]
    assert (refusal["soft"], refusal["by_host"], refusal["msg"]) == (True, False, "assignment timeout")
    assert "Task assignment timeout" in messages(admin)


def test_an_override_is_left_alone(hub: HubUnderTest, admin: Client) -> None:
    task_id = admin("makeTask", "sleep", [1])
    assert admin("assignTask", task_id, ONE, override=True) is True
    execute(hub, update(t.host).values(update_time=text("now() - interval '10 days'")))
    admin("scheduler.doRun", True)
    assert state(admin, task_id) == (TaskState.ASSIGNED, 1)
    assert admin("scheduler.getTaskRuns") == []


def test_clause_queries_refuse_what_they_do_not_know(admin: Client) -> None:
    for clauses, fields in (
        ([["nofield", 1]], None),
        ([["task_id", "LIKE", 1]], None),
        ([["task_id"]], None),
        ([["task_id", "IN", 5]], None),
        ([["task_id", "IS", "NULL; DROP TABLE task"]], None),
        (None, ["task_id", "pg_sleep(1)"]),
    ):
        with pytest.raises(ParameterError, match="Invalid"):
            admin("scheduler.getTaskRuns", clauses, fields)
    assert admin("scheduler.getTaskRuns", None, "**", {"order": "-id"}) == []


def test_scheduling_much_takes_few_statements(hub: HubUnderTest, admin: Client) -> None:
    """800 tasks to 200 hosts: at most 14 statements."""
    now = datetime.now(UTC)
    with hub.hub.engine.begin() as connection:
        users = connection.scalars(
            insert(t.users).returning(t.users.c.id),
            [{"name": f"host{n}", "status": 0, "usertype": 1} for n in range(200)],
        ).all()
        hosts = connection.scalars(
            insert(t.host).returning(t.host.c.id),
            [
                {"name": f"host{n}", "user_id": user, "ready": True, "update_time": now}
                for n, user in enumerate(users)
            ],
        ).all()
        for table, values in (
            (t.host_config, {"arches": "x86_64", "capacity": 5.0}),
            (t.host_channels, {"channel_id": 1}),
        ):
            connection.execute(
                insert(table),
                [{"host_id": host, "create_event": 1, "creator_id": 1, **values} for host in hosts],
            )
        request = model.encode_request("sleep", [1])
        row = {"state": 0, "channel_id": 1, "owner": 2, "method": "sleep", "arch": "noarch", "priority": 20}
        connection.execute(insert(t.task), [{**row, "request": request} for _ in range(800)])
    with hub.hub.call("test") as call, count_statements(hub.hub.engine) as seen:
        scheduler.run(call, force=True)
    with hub.hub.engine.connect() as connection:
        assigned = connection.scalar(select(func.count()).where(t.task.c.state == TaskState.ASSIGNED))
        spread = connection.execute(
            select(func.count()).where(t.task.c.host_id.is_not(None)).group_by(t.task.c.host_id)
        ).scalars()
        assert set(spread) == {4}
    assert assigned == 800
    assert len(seen) <= 14, seen
