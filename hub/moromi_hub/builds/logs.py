"""The logs of builds on disk (data-model.md section 5.9)."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moromi.errors import GenericError
from moromi_hub import files
from moromi_hub.call import Call


def list_logs(call: Call, build: Mapping[str, Any]) -> list[dict[str, Any]]:
    """`{name, dir, path}` of every regular file below a build's log directory.

    `dir` is relative to it (`.` at its top), `path` to the top of the tree.
    Raises GenericError `Not a directory: …`.
    """
    top = Path(call.paths.build_logs(build))
    if not top.exists():
        return []
    if not top.is_dir():
        raise GenericError(f"Not a directory: {top}")
    relative = os.path.relpath(top, call.paths.topdir)
    found = []
    for directory, subdirectories, names in os.walk(top):
        subdirectories.sort()
        inside = os.path.relpath(directory, top)
        for name in sorted(names):
            regular = stat.S_ISREG(os.lstat(os.path.join(directory, name)).st_mode)
            if regular and not files.is_private(name):
                found.append({"name": name, "dir": inside, "path": f"{relative}/{inside}/{name}"})
    return found
