"""The files that a task has uploaded: listing and reading back (spec: hub-protocol.md section 3.5)."""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Iterator
from typing import Any, BinaryIO

from moromi.errors import GenericError
from moromi_hub.call import Call
from moromi_hub.tasks import service
from moromi_hub.volumes import service as volumes

_OWNER_FILE = ".user"


def listing(call: Call, task_id: int, with_stat: bool, all_volumes: bool, strict: bool) -> Any:
    """Names of the files, relative to the task's directory; see `listTaskOutput` for the other shapes."""
    if strict and service.get_task(call, task_id) is None:
        raise GenericError("Task doesn't exist")
    names = ["DEFAULT"]
    if all_volumes:
        names = [row["name"] for row in volumes.list_volumes(call)]
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for volume in names:
        for name, about in files_below(call.paths.task(task_id, volume)):
            found.setdefault(name, {})[volume] = _shape(about)
    if with_stat and all_volumes:
        return found
    if with_stat:
        return {name: places["DEFAULT"] for name, places in found.items()}
    if all_volumes:
        return {name: list(places) for name, places in found.items()}
    return list(found)


def _shape(about: os.stat_result) -> dict[str, Any]:
    """Sizes are text: they may not fit into an XML-RPC integer."""
    return {
        "st_size": str(about.st_size),
        "st_atime": about.st_atime,
        "st_mtime": about.st_mtime,
        "st_ctime": about.st_ctime,
    }


def files_below(top: str) -> Iterator[tuple[str, os.stat_result]]:
    """Relative name and stat of every regular file below a task's directory, links to such included."""
    for directory, _, names in os.walk(top):
        for name in sorted(names):
            path = os.path.join(directory, name)
            try:
                about = os.stat(path)
            except FileNotFoundError:
                continue  # a dangling link, or taken away meanwhile
            if stat.S_ISREG(about.st_mode) and name != _OWNER_FILE:
                yield os.path.relpath(path, top), about


def read(call: Call, task_id: int, name: str, offset: int, size: int, volume: Any) -> str:
    """Base64 of a part of a file: from `offset` (negative: from the end), `size` bytes (-1: the rest)."""
    with open_file(call, task_id, name, volume) as file:
        if offset < 0:
            length = os.fstat(file.fileno()).st_size
            offset = max(0, length + offset)
        file.seek(offset)
        return base64.b64encode(file.read() if size < 0 else file.read(size)).decode()


def open_file(call: Call, task_id: int, name: str, volume: Any) -> BinaryIO:
    """Open one of the files that `listing` names, for reading.

    GenericError: there is no such file or volume, or the name cannot be one. Links lead to where
    the results of tasks go, but never out of the tree.
    """
    if ".." in name or "\0" in name or name.startswith("/"):
        raise GenericError(f"Invalid file name: {name}")
    volume_name = None
    if volume is not None:
        row = volumes.find_volume(call, volume)
        if row is None:
            raise GenericError(f"No such volume: {volume}")
        volume_name = row["name"]
    path = os.path.join(call.paths.task(task_id, volume_name), name)
    tops = {os.path.realpath(call.paths.volumedir(each)) for each in (None, volume_name)}
    inside = any(os.path.realpath(path).startswith(f"{top}/") for top in tops)
    if not inside or os.path.basename(path) == _OWNER_FILE or not os.path.isfile(path):
        raise GenericError(f'no file "{name}" output by task {task_id}')
    return open(path, "rb")
