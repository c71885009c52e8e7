"""Results of scratch builds go to the scratch area; no row knows them (builder.md section 2.12)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from moromi.errors import GenericError
from moromi.paths import join, join_names
from moromi_hub import files
from moromi_hub.call import Call
from moromi_hub.imports import noarch
from moromi_hub.imports.rpms import uploaded_file
from moromi_hub.tasks import service as tasks
from moromi_hub.uploads.service import work_path
from moromi_hub.users import service as users


def directory(call: Call, task_id: int) -> str:
    """`<top>/scratch/<owner of the task>/task_<id>`."""
    task = tasks.get_task(call, task_id, strict=True)
    owner = users.get_user(call, task["owner"], strict=True) if task else None
    if owner is None:
        raise GenericError(f"No such task: {task_id}")
    return join_names(call.paths.scratch(), owner["name"], f"task_{task_id}")


def move_build(
    call: Call, task_id: int, srpm: str, rpms: Sequence[str], logs: Mapping[str, Sequence[str]]
) -> None:
    """Move the packages, and logs to `logs/<key>/`."""
    everything = [srpm, *rpms, *(name for names in logs.values() for name in names)]
    contents = {name: uploaded_file(call, work_path(call, name)) for name in everything}
    kept = noarch.one_of_each((name, contents[name]) for name in rpms)
    top = directory(call, task_id)
    for name in (srpm, *kept):
        move(call, name, Path(top) / os.path.basename(name))
    for key, names in logs.items():
        for name in names:
            move(call, name, Path(join(top, "logs", key, os.path.basename(name))))


def move(call: Call, name: str, target: Path) -> None:
    """Move one uploaded file. Raises GenericError `Destination exists: …`."""
    files.put(call.tx, work_path(call, name), target, orphans=False)
