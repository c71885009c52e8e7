"""What a hub that was killed has left among the results, which no row promises.

Files come before the rows that promise them, and go after those: between the two a directory belongs to
nobody. Nothing of it is in the metadata; here it goes, once it is so old that no transaction can be at it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from pathlib import Path

from moromi_hub.plugin_api import Call, files

from . import build_queries, project_queries, results

_BUILD = re.compile(r"(\d{8,9})(?:-.+)?")
_AGE = 86400.0
"""Seconds."""


def run(call: Call) -> None:
    """Remove the old directories of builds and of projects that there are not."""
    for place in _directories(results.top(call).glob("*/*")):
        owner, dirname = place.parent.name.removeprefix("@"), place.name
        if project_queries.place_is_taken(call.tx, owner, dirname):
            _sweep(call, place)
        elif _is_old(place):
            project_queries.lock_place(call.tx, f"{place.parent.name}/{dirname}")
            if not project_queries.place_is_taken(call.tx, owner, dirname):
                files.remove_tree(place)


def _sweep(call: Call, place: Path) -> None:
    """The same for the builds of one directory of a project."""
    found: dict[Path, int] = {}
    for path in place.glob("*/*"):
        if files.is_private(path.name) and _is_old(path):
            files.remove_tree(path)
        elif match := _BUILD.fullmatch(path.name):
            found[path] = int(match[1])
    known = build_queries.existing(call.tx, list(found.values()))
    for path in _directories(path for path, number in found.items() if number not in known):
        if _is_old(path):
            files.remove_tree(path)


def _directories(paths: Iterable[Path]) -> list[Path]:
    return [path for path in paths if path.is_dir() and not path.parent.name.startswith(".")]


def _is_old(path: Path) -> bool:
    return path.stat().st_mtime < time.time() - _AGE
