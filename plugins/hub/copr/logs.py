"""The logs of a build: those of its tasks, under the names that clients of Copr know (copr.md, section 4.4).

`builder-live.log` is all that programs have said, in the order in which they ran; `backend.log` names the
tasks, and says what has become of them. They are published, compressed, when a step ends; until then `live`
shows them.
"""

from __future__ import annotations

import gzip
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from moromi.constants import TaskState
from moromi_hub.plugin_api import Call, tasks

BUILDER, BACKEND = "builder-live.log", "backend.log"
_PUBLISHED = ("build.log", "root.log", "state.log", "checkout.log", "download.log", "hw_info.log")
_SPOKEN = ("checkout.log", "download.log", "root.log", "build.log")
SOURCE_METHODS = ("coprSource",)
CHROOT_METHODS = ("rebuildSRPM", "buildArch")
_BLOCK = 1 << 16


@dataclass(frozen=True)
class Logs:
    """What there is of a step of a build: the directories of its tasks, oldest first."""

    places: tuple[Path, ...]
    outcome: str
    """How it ended, where there is something to say: a line."""

    def names(self) -> list[str]:
        """The logs that are published."""
        return [BUILDER, BACKEND, *sorted(self._files())]

    def read(self, name: str) -> Iterator[bytes]:
        """One of them, in pieces."""
        if name == BACKEND:
            yield from self._backend()
        elif name == BUILDER:
            for place in self.places:
                for spoken in _SPOKEN:
                    yield from _blocks(place / spoken)
            yield from self._end()
        else:
            yield from _blocks(self._files()[name])

    def keep(self, directory: Path) -> None:
        """Write all of them, compressed."""
        for name in self.names():
            with gzip.open(directory / f"{name}.gz", "wb") as out:
                out.writelines(self.read(name))

    def _files(self) -> dict[str, Path]:
        """By name; what a later task says replaces what an earlier one said."""
        found = [place / name for place in self.places for name in _PUBLISHED]
        return {path.name: path for path in found if path.is_file()}

    def _backend(self) -> Iterator[bytes]:
        for place in self.places:
            for name in sorted(_PUBLISHED):
                if (place / name).is_file():
                    yield f"task {place.name}: {name}\n".encode()
        yield from self._end()

    def _end(self) -> Iterator[bytes]:
        if self.outcome:
            yield f"{self.outcome}\n".encode()


def _blocks(path: Path) -> Iterator[bytes]:
    if path.is_file():
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block


def of_task(call: Call, task_id: int | None, methods: Collection[str], reason: str | None = None) -> Logs:
    """The logs of a task and of its children of these methods; `reason` is why it fails, if that is known."""
    if task_id is None:
        return Logs((), reason or "")
    children = tasks.get_children(call, task_id, request=False, strict=False)
    own = sorted(each["id"] for each in children if each["method"] in methods)
    places = tuple(Path(call.paths.task(number)) for number in (task_id, *own))
    return Logs(places, _outcome(call, task_id) if reason is None else reason)


def _outcome(call: Call, task_id: int) -> str:
    task = tasks.get_task(call, task_id)
    if task is None or task["state"] not in (TaskState.FAILED, TaskState.CANCELED):
        return ""
    if task["state"] == TaskState.CANCELED:
        return f"task {task_id} was canceled"
    fault = tasks.get_result(call, task_id, raise_fault=False)
    return f"task {task_id} failed: {fault.get('faultString', '')}"
