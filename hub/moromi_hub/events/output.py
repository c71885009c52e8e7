"""What running tasks put out, for those who follow it.

Builders send their logs to whichever web server they reach, a piece every second or so. To announce each
piece through the database would put a commit on every upload, though hardly one has a listener. So uploads
say nothing, and this process looks at the directories of the tasks that somebody follows: one glance tells
all listeners of a task, and what nobody follows costs nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from moromi.paths import PathInfo
from moromi_hub.tasks.output import files_below

LOOK_SECONDS = 0.5
_VOLUMES_SECONDS = 60.0
"""For how long the list of volumes is good."""

Sizes = dict[tuple[str, str], int]


class Output:
    """Knows how large the files of the followed tasks were at the last look."""

    def __init__(self, paths: PathInfo, volumes: Callable[[], list[str]]) -> None:
        self._paths = paths
        self._list_volumes = volumes
        self._volumes: list[str] = []
        self._listed = float("-inf")
        self._sizes: dict[int, Sizes] = {}

    def can_look(self) -> bool:
        """Whether the file tree is here: the push service may run on a machine that does not mount it."""
        return os.path.isdir(self._paths.topdir)

    def look(self, tasks: set[int]) -> list[Mapping[str, Any]]:
        """A message for each of the tasks that has files which are new or have another size.

        All of a task's are new when it has not been looked at. What is known of other tasks is forgotten.
        """
        self._sizes = {task_id: sizes for task_id, sizes in self._sizes.items() if task_id in tasks}
        messages: list[Mapping[str, Any]] = []
        for task_id in sorted(tasks):
            before, now = self._sizes.get(task_id, {}), self._look_at(task_id)
            self._sizes[task_id] = now
            grown: dict[str, dict[str, int]] = {}
            for (volume, name), size in now.items():
                if before.get((volume, name)) != size:
                    grown.setdefault(name, {})[volume] = size
            if grown:
                messages.append({"type": "output", "id": task_id, "files": grown})
        return messages

    def _look_at(self, task_id: int) -> Sizes:
        if time.monotonic() - self._listed > _VOLUMES_SECONDS:
            self._volumes, self._listed = self._list_volumes(), time.monotonic()
        return {
            (volume, name): about.st_size
            for volume in self._volumes
            for name, about in files_below(self._paths.task(task_id, volume))
        }
