"""Two builders, a canceller, a scheduler and dying hosts, in any order: what must hold for tasks.

A model keeps who may run what. After every step the database must agree with it: no
task runs twice, none is lost, a parent that waits is woken, a late report of a host that
lost its task is refused, and a cancelled tree is over. At the end everything is worked off.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as some
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import ColumnElement, func, literal_column, select, update

from moromi.constants import TaskState
from moromi.errors import ActionNotAllowed
from moromi.wire import xmlrpc
from moromi_hub.db.embedded import EmbeddedPostgres
from moromi_schema import tables as t
from support import database
from support.hub import Client, HubUnderTest, running_hub
from support.worker import eventually

RESULT = xmlrpc.encode_response([0]).decode()
WAITING = (TaskState.FREE, TaskState.ASSIGNED)
TURNS = 60
PICK = some.integers(0, 999)
"""Chooses among what there is at that moment."""


@dataclass
class Task:
    """What a task must be like. `holder`: the builder that may report its end; None: it waits for one."""

    id: int
    parent: int | None = None
    holder: int | None = None
    end: TaskState | None = None
    sleeps: bool = False
    awaited: set[int] = field(default_factory=set)


@dataclass
class Builder:
    """A builder; `running` is what it believes to run, rightly or not."""

    client: Client
    host_id: int
    running: set[int] = field(default_factory=set)


def side_by_side(*actions: Callable[[], Any]) -> list[Any]:
    """Run actions in threads that start together; their results. An exception of one is raised."""
    start = threading.Barrier(len(actions))
    results: list[Any] = [None] * len(actions)
    errors: list[Exception] = []

    def run(number: int, action: Callable[[], Any]) -> None:
        start.wait()
        try:
            results[number] = action()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=entry) for entry in enumerate(actions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results


class TaskMachine(RuleBasedStateMachine):
    """The steps. A number that is drawn picks one of the tasks a step is possible for.

    None has a precondition: who wins a race decides what is possible, and what is drawn may not depend on
    that.
    """

    def __init__(self, hub: HubUnderTest, admin: Client, builders: list[Builder]) -> None:
        super().__init__()
        self.hub, self.admin, self.builders = hub, admin, builders
        self.tasks: dict[int, Task] = {}
        self.dead: set[int] = set()
        for builder in builders:
            builder.running.clear()
        self._both_check_in()
        for _ in range(3):
            self.submit()
        self.schedule()
        for who in (0, 1):
            self.take(who)

    # what there is

    def _waiting(self) -> list[Task]:
        return [task for task in self.tasks.values() if task.end is None and task.holder is None]

    def _unfinished(self) -> list[Task]:
        return [task for task in self.tasks.values() if task.end is None]

    def _below(self, task: Task) -> Iterator[Task]:
        """A task and what is below it, not below finished ones."""
        yield task
        if task.end is None:
            for child in self.tasks.values():
                if child.parent == task.id:
                    yield from self._below(child)

    def _ready(self, who: int) -> list[Task]:
        """Tasks that a builder believes to run and that sleep for nobody."""
        return [
            self.tasks[number]
            for number in sorted(self.builders[who].running)
            if not self.tasks[number].sleeps
        ]

    # steps

    @rule()
    def submit(self) -> None:
        number = self.admin("makeTask", "sleep", [1])
        self.tasks[number] = Task(number)

    @rule()
    def schedule(self) -> None:
        """The scheduler runs; hosts that are gone lose what they hold."""
        assert self.admin("scheduler.doRun", True) is True
        for task in self._unfinished():
            if task.holder in self.dead:
                task.holder = None
                task.sleeps = False

    @rule(who=some.integers(0, 1))
    def take(self, who: int) -> None:
        """A builder opens everything that is assigned to it."""
        builder = self.builders[who]
        for offered in builder.client("host.getTasks"):
            self._opened(who, offered["id"], builder.client("host.openTask", offered["id"]))

    def _opened(self, who: int, number: int, answer: dict[str, Any] | None) -> None:
        if answer is None:
            return
        task = self.tasks[number]
        assert task.end is None, "a finished task was handed out"
        assert task.holder in (None, who), "a task runs twice"
        task.holder = who
        # what ran it before is gone with that host, or forgotten with this one
        self.builders[who].running.add(number)

    @rule(pick=PICK)
    def both_open(self, pick: int) -> None:
        """Two builders reach for one task at the same time."""
        waiting = self._waiting()
        if not waiting:
            return
        number = waiting[pick % len(waiting)].id
        one, two = (builder.client for builder in self.builders)
        answers = side_by_side(lambda: one("host.openTask", number), lambda: two("host.openTask", number))
        assert sum(answer is not None for answer in answers) == 1, "not exactly one builder got the task"
        for who, answer in enumerate(answers):
            self._opened(who, number, answer)

    @rule(pick=PICK, failed=some.booleans())
    def report(self, pick: int, failed: bool) -> None:
        """A builder reports the end of what it believes to run; only the holder is heard."""
        choices = [(who, task) for who in (0, 1) for task in self._ready(who)]
        if not choices:
            return
        who, task = choices[pick % len(choices)]
        self._report(who, task, failed)

    def _report(self, who: int, task: Task, failed: bool = False) -> None:
        builder = self.builders[who]
        builder.running.discard(task.id)
        name = "host.failTask" if failed else "host.closeTask"
        text = xmlrpc.encode_fault(1000, "no").decode() if failed else RESULT
        if task.end is None and task.holder == who:
            builder.client(name, task.id, text)
            task.end = TaskState.FAILED if failed else TaskState.CLOSED
        else:
            with pytest.raises(ActionNotAllowed):
                builder.client(name, task.id, text)

    @rule(pick=PICK, count=some.integers(1, 2))
    def wait_for_subtasks(self, pick: int, count: int) -> None:
        """A holder makes subtasks and sleeps for them."""
        held = [task for task in self._unfinished() if task.holder is not None and not task.sleeps]
        if not held:
            return
        task = held[pick % len(held)]
        client = self.builders[task.holder or 0].client
        for _ in range(count):
            number = client("host.subtask", "sleep", [1], task.id)
            self.tasks[number] = Task(number, parent=task.id)
            task.awaited.add(number)
        client("host.taskSetWait", task.id, sorted(task.awaited))
        task.sleeps = True

    @rule(who=some.integers(0, 1))
    def wake(self, who: int) -> None:
        """A builder looks after those that sleep, as it does when it is told of an alert."""
        client = self.builders[who].client
        for row in client("host.getHostTasks"):
            if not row.get("alert"):
                continue
            task = self.tasks[row["id"]]
            finished, unfinished = client("host.taskWait", task.id)
            assert {number for number in finished if self.tasks[number].end is None} == set()
            task.awaited -= set(finished)
            assert set(unfinished) == task.awaited
            if not unfinished:
                children = [child.id for child in self.tasks.values() if child.parent == task.id]
                answers = client("host.taskWaitResults", task.id, children, children)
                assert [number for number, _ in answers] == children
                task.sleeps = False

    @rule(pick=PICK)
    def cancel(self, pick: int) -> None:
        unfinished = self._unfinished()
        if not unfinished:
            return
        task = unfinished[pick % len(unfinished)]
        self.admin("cancelTask", task.id)
        self._cancelled(task)

    @rule(pick=PICK, who=some.integers(0, 1))
    def cancel_while_it_is_opened(self, pick: int, who: int) -> None:
        """Whoever is first, the task is cancelled in the end."""
        waiting = self._waiting()
        if not waiting:
            return
        task = waiting[pick % len(waiting)]
        client = self.builders[who].client
        opened, _ = side_by_side(
            lambda: client("host.openTask", task.id), lambda: self.admin("cancelTask", task.id)
        )
        self._opened(who, task.id, opened)
        self._cancelled(task)

    def _cancelled(self, top: Task) -> None:
        for task in list(self._below(top)):
            if task.end is None:
                task.end = TaskState.CANCELED

    @rule(who=some.integers(0, 1))
    def die(self, who: int) -> None:
        """A host falls silent; what it was given is long ago."""
        host_id = self.builders[who].host_id
        held = t.scheduler_task_runs.c.host_id == host_id
        with self.hub.hub.engine.begin() as connection:
            silent: ColumnElement[Any] = literal_column("now() - interval '2000 s'")
            connection.execute(update(t.host).where(t.host.c.id == host_id).values(update_time=silent))
            given: ColumnElement[Any] = literal_column("now() - interval '1000 s'")
            connection.execute(update(t.scheduler_task_runs).where(held).values(create_time=given))
        self.dead.add(who)

    @rule(pick=PICK, late=some.booleans())
    def hand_over(self, pick: int, late: bool) -> None:
        """A host dies at work and the other one goes on; the first may come back and report, now or later."""
        busy = [who for who in (0, 1) if self.builders[who].running]
        if not busy:
            return
        lost = busy[pick % len(busy)]
        self.die(lost)
        self.check_in(1 - lost)
        self.schedule()
        self.take(1 - lost)
        for task in self._ready(lost) if late else ():
            self._report(lost, task)

    @rule(who=some.integers(0, 1))
    def check_in(self, who: int) -> None:
        self.builders[who].client("host.updateHost", 0.0, True)
        self.dead.discard(who)

    @rule(who=some.integers(0, 1))
    def restart(self, who: int) -> None:
        """A builder begins anew and gives back what it does not run."""
        builder = self.builders[who]
        builder.running.clear()
        self.check_in(who)
        held = [row["id"] for row in builder.client("host.getHostTasks")]
        builder.client("host.freeTasks", held)
        for number in held:
            task = self.tasks[number]
            assert task.holder == who
            task.holder, task.sleeps = None, False

    # what must hold

    @invariant()
    def the_database_agrees(self) -> None:
        query = select(t.task.c.id, t.task.c.state, t.task.c.host_id).where(t.task.c.id.in_(self.tasks))
        with self.hub.hub.engine.connect() as connection:
            found = {row.id: row for row in connection.execute(query)}
        assert set(found) == set(self.tasks), "a task is lost"
        for task in self.tasks.values():
            row = found[task.id]
            if task.end is not None:
                assert row.state == task.end
            elif task.holder is None:
                assert row.state in WAITING
            else:
                assert (row.state, row.host_id) == (TaskState.OPEN, self.builders[task.holder].host_id)

    @invariant()
    def sleepers_are_woken(self) -> None:
        for who, builder in enumerate(self.builders):
            sleepers = [task for task in self._unfinished() if task.holder == who and task.sleeps]
            if sleepers:
                alerts = {row["id"] for row in builder.client("host.getHostTasks") if row.get("alert")}
                over = {
                    task.id
                    for task in sleepers
                    if any(self.tasks[number].end is not None for number in task.awaited)
                }
                assert alerts >= over

    # the end

    def _both_check_in(self) -> None:
        for who in (0, 1):
            self.check_in(who)

    def teardown(self) -> None:
        """Everything is worked off: nothing is stuck."""
        for who in (0, 1):
            self.restart(who)
        for _ in range(TURNS):
            if not self._unfinished():
                break
            self._both_check_in()
            self.schedule()
            for who in (0, 1):
                self.take(who)
                self.wake(who)
                for task in self._ready(who):
                    self._report(who, task)
            self.the_database_agrees()
        assert not self._unfinished(), "something never ends"


@dataclass
class Informed(Client):
    """A client that asks only when the web process has heard of everything so far: that takes a moment."""

    hub: HubUnderTest | None = None

    def __call__(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Wait, and make a call."""
        if self.hub is not None:
            _let_hear(self.hub)
        return super().__call__(method, *args, **kwargs)


def _let_hear(hub: HubUnderTest) -> None:
    """Messages come in order: what follows them all makes the process forget a mark."""
    memory = hub.hub.memory
    while memory.get("mark") is None:
        memory.put("mark", True, [("host", 0)], 60, memory.moment)
    with hub.hub.engine.begin() as connection:
        connection.execute(select(func.pg_notify("moromi", '{"type":"held","id":0}')))
    eventually(lambda: memory.get("mark") is None)


@pytest.fixture(params=[1, 2], ids=["one hub", "two hubs"])
def hubs(
    request: pytest.FixtureRequest, postgres: EmbeddedPostgres, state: str, tmp_path: Path
) -> Iterator[list[HubUnderTest]]:
    """As many hubs on one database, which remember as web processes do."""
    with ExitStack() as stack:
        dsn = stack.enter_context(database.clone(postgres, state))
        made = [stack.enter_context(running_hub(dsn, tmp_path)) for _ in range(request.param)]
        for each in made:
            each.hub.memory.start()
            eventually(partial(_hears, each))
        yield made


def _hears(hub: HubUnderTest) -> bool:
    return hub.hub.memory.moment is not None


def _informed(hub: HubUnderTest, user: str) -> Client:
    plain = hub.client(user)
    return Informed(plain.application, plain.headers, plain.callnum, hub)


def test_no_order_of_events_loses_a_task(hubs: list[HubUnderTest]) -> None:
    """Few and short runs here; more of them find more. Of two hubs, each serves one of the builders."""
    clients = [_informed(hubs[0], "builder1.example.org"), _informed(hubs[-1], "builder2.example.org")]
    builders = [Builder(client, client("host.getID")) for client in clients]
    admin = hubs[-1].client("kojiadmin")

    class Machine(TaskMachine):
        def __init__(self) -> None:
            super().__init__(hubs[0], admin, builders)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=12,
            # the database goes on from run to run, so a failing one cannot be made shorter by trying again
            phases=[Phase.generate],
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
