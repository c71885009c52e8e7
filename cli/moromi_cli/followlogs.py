"""Following the logs of tasks while they grow (`watch-logs`).

A hub with a push service says which files have grown, and how far; only the new bytes are asked for then. A
hub without is looked at every few seconds.
"""

import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from moromi.constants import FINISHED_TASKS
from moromi.errors import GenericError
from moromi_cli.output import on_terminal, say

if TYPE_CHECKING:
    from moromi.client import ClientSession
    from moromi.client.push import Event
    from moromi_cli.session import Cli

PIECE = 1 << 18
LOOK_EVERY = 2
"""Seconds between two looks at a growing log, for a person, where nothing tells of it."""

Source = tuple[int, str, str]
"""A log: task, volume, name."""
Sizes = Mapping[str, Mapping[str, int]]
"""Of files, by name and volume."""


class LogFollower:
    """Prints what is new in the logs of some tasks."""

    def __init__(
        self, session: "ClientSession", tasks: Iterable[int], *, only: str | None, children: bool
    ) -> None:
        """`only`: the one file to print of each task; `children`: those of all their descendants, too."""
        self.session = session
        self.given = list(tasks)
        self.only = only
        self.children = children
        self.running = list(self.given)
        """The tasks that were not over at the last look."""
        self.known = set(self.given)
        self.offsets: dict[Source, int] = {}
        self.last: Source | None = None

    def look(self) -> bool:
        """Print what is new in the logs of all tasks that were running. True when all are over.
        GenericError: there is no such task.
        """
        going: list[int] = []
        known = set(self.known)
        asked = self.running
        while asked:
            still, children = self._look_at(asked)
            going += still
            asked = sorted(children - known)
            known |= children
        self.running, self.known = going, known
        return not going

    def _look_at(self, asked: list[int]) -> tuple[list[int], set[int]]:
        """One request and the new bytes; those of the tasks that are not over, and the children of all."""
        with self.session.multicall() as calls:
            # in this order: the files of a task that is over are all there
            infos = [calls.getTaskInfo(task_id) for task_id in asked]
            files = [calls.listTaskOutput(task_id, stat=True, all_volumes=True) for task_id in asked]
            below = [calls.getTaskChildren(task_id) for task_id in asked] if self.children else []
        for task_id, info in zip(asked, infos, strict=True):
            if info.result is None:
                raise GenericError(f"No such task id: {task_id}")
        for task_id, found in zip(asked, files, strict=True):
            self.show(task_id, _sizes(found.result))
        still = [info.result["id"] for info in infos if info.result["state"] not in FINISHED_TASKS]
        return still, {child["id"] for call in below for child in call.result}

    def told(self, events: Iterable["Event"]) -> bool:
        """Print what grew, as the hub told it. True when there is more to know than it told."""
        grown: dict[int, dict[str, Mapping[str, int]]] = {}
        for name, event in events:
            if name != "output":
                if name == "hello" or event.get("id") in self.running:
                    return True
                if self.children and event.get("parent") in self.known:
                    return True
            elif event["id"] in self.running:
                grown.setdefault(event["id"], {}).update(event["files"])
        for task_id, files in grown.items():
            self.show(task_id, files)
        return False

    def show(self, task_id: int, files: Sizes) -> None:
        """Print the new bytes of those files that are wanted."""
        for name in sorted(files):
            wanted = name == self.only if self.only else name.endswith("log")
            for volume, size in files[name].items() if wanted else ():
                self._copy((task_id, volume, name), size)

    def _copy(self, source: Source, size: int) -> None:
        task_id, volume, name = source
        while self.offsets.setdefault(source, 0) < size:
            offset = self.offsets[source]
            data = self.session.downloadTaskOutput(task_id, name, offset, PIECE, volume=volume)
            if not data:
                return
            if self.last != source:
                header = f"==> {task_id}:{volume}:{name}: <=="
                say(header if self.last is None else f"\n{header}")
                self.last = source
            self.offsets[source] = offset + len(data)
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()


def _sizes(output: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Sizes:
    """Of the answer of `listTaskOutput`: sizes may be texts."""
    return {
        name: {volume: int(about["st_size"]) for volume, about in places.items()}
        for name, places in output.items()
    }


def follow_logs(cli: "Cli", follower: LogFollower) -> int:
    """Until all tasks are over; the exit code."""
    from moromi.client import Push

    watched = on_terminal()
    interval = min(cli.settings.poll_interval, LOOK_EVERY) if watched else cli.settings.poll_interval
    with Push(cli.session, poll_interval=interval) as push:
        for task_id in follower.given:
            push.add(f"/task/{task_id}/output")
        while True:
            try:
                if follower.look():
                    return 0
                while push.wait() and not follower.told(push.drain()):
                    continue
            except KeyboardInterrupt:
                if not (watched and go_on(cli, follower.given)):
                    raise


def go_on(cli: "Cli", ids: list[int]) -> bool:
    """Ask the person whether to watch on."""
    from moromi_cli.interrupt import cancel_tasks, choose

    answer = choose()
    if answer == "c":
        cancel_tasks(cli, ids)
    elif answer == "d":
        again = f"{cli.prog} watch-logs {' '.join(map(str, ids))}"
        say(f"Tasks still running. You can continue to watch with the '{again}' command.")
    return answer != "d"
