"""Small tasks for trying a system out (spec: builder, section 2.4): they build nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from moromi.errors import GenericError
from moromi_builder import commands
from moromi_builder.tasks.base import Handler
from moromi_builder.tasks.registry import AnyParams, task


@dataclass
class SleepParams:
    """`sleep(n)`: seconds."""

    n: float


@task("sleep", SleepParams, weight=0.25)
class Sleep(Handler[SleepParams]):
    """Sleeps."""

    def run(self) -> None:
        """Sleep for n seconds."""
        time.sleep(self.params.n)


@dataclass
class ForkParams:
    """`fork(n=5, m=37)`: how many processes, how long."""

    n: int = 5
    m: float = 37


@task("fork", ForkParams)
class Fork(Handler[ForkParams]):
    """Leaves processes behind, which the supervisor must end."""

    def run(self) -> None:
        """Start n background sleeps of m seconds in sessions of their own."""
        words = ["setsid", "--fork", "sleep", str(self.params.m)]
        env = commands.environment(self.settings.workdir)
        for _ in range(self.params.n):
            commands.run(words, env=env)


@dataclass
class SubtaskParams:
    """`subtask(n=4)`: depth."""

    n: int = 4


@task("subtask", SubtaskParams, weight=0.1)
class Subtask(Handler[SubtaskParams]):
    """A tree of tasks."""

    def run(self) -> None:
        """Make two smaller ones of the same kind and wait for them."""
        if self.params.n > 0:
            for label in ("foo", "bar"):
                self.subtask("subtask", [self.params.n - 1], label=label)
            self.wait(all=True)


@dataclass
class WaitTestParams:
    """`waittest(count, seconds=10)`."""

    count: int
    seconds: float = 10


@task("waittest", WaitTestParams, weight=0.1)
class WaitTest(Handler[WaitTestParams]):
    """Waits for several subtasks, one of which must fail."""

    def run(self) -> dict[str, Any]:
        """Give the subtasks' results by id (as text, for the wire)."""
        children = [
            self.subtask("sleep", [self.params.seconds], label=f"sleep {number}")
            for number in range(self.params.count)
        ]
        doomed = self.subtask("sleep", [], label="bad")
        results = self.wait([*children, doomed], all=True, failany=True, canfail=[doomed])
        return {str(task): result for task, result in results.items()}


@task("someMethod", AnyParams)
class SomeMethod(Handler[AnyParams]):
    """Takes anything."""

    def run(self) -> int:
        """Give the answer."""
        return 42


@task("default", AnyParams, weight=0.1)
class Default(Handler[AnyParams]):
    """Stands in for a method nobody knows."""

    def run(self) -> None:
        """Fail."""
        raise GenericError(f"Invalid method: {self.context.info['method']}")
