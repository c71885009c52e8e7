"""`dependantTask`: run tasks when others have ended well (spec: builder, section 2.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moromi.constants import FINISHED_TASKS, TaskState
from moromi.errors import GenericError
from moromi_builder.tasks.base import Handler
from moromi_builder.tasks.registry import task
from moromi_builder.waiting import sleep_until

POLL = 1.0


@dataclass
class DependantTaskParams:
    """`dependantTask(wait_list, task_list)`: ids to wait for; `[method, arguments, options?]` to start
    then.
    """

    wait_list: list[int]
    task_list: list[list[Any]]


@task("dependantTask", DependantTaskParams, weight=0.2)
class DependantTask(Handler[DependantTaskParams]):
    """Waits for tasks that are not its own."""

    def run(self) -> None:
        """Wait, start, wait for what was started."""
        known = self.session.getTaskInfo(list(self.params.wait_list)) if self.params.wait_list else []
        for info in known:
            if info is not None:
                self._wait_for(int(info["id"]))
        for method, arguments, *options in self.params.task_list:
            self.subtask(method, arguments, **(options[0] if options else {}))
        if self.params.task_list:
            self.wait(all=True)

    def _wait_for(self, task_id: int) -> None:
        while not self.session.taskFinished(task_id):
            sleep_until(
                self.context, f"/task/{task_id}", lambda name, event: _ended(name, event, task_id), poll=POLL
            )
        state = TaskState(self.session.getTaskInfo(task_id)["state"])
        if state in (TaskState.CANCELED, TaskState.FAILED):
            raise GenericError(f"Dependency {task_id} failed to complete.")


def _ended(name: str, event: dict[str, Any], task_id: int) -> bool:
    return name == "hello" or (event.get("id") == task_id and event.get("state") in FINISHED_TASKS)
