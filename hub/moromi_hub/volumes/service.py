"""Volumes: look-ups, and keeping the list (spec: data-model.md section 5.8)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from moromi.errors import GenericError
from moromi_hub import arguments, files
from moromi_hub.call import Call
from moromi_hub.db.lookup import find_row
from moromi_hub.volumes import queries
from moromi_schema import tables as t


def find_volume(call: Call, info: Any, strict: bool = False) -> dict[str, Any] | None:
    """`{id, name}` of a volume by name or id.

    Raises GenericError `No such entry in table volume: …` with `strict`.
    """
    return find_row(call.tx, t.volume, info, strict)


def list_volumes(call: Call) -> list[dict[str, Any]]:
    """All volumes, `{id, name}`, by id."""
    return queries.list_volumes(call.tx)


def add_volume(call: Call, name: Any, strict: bool = True) -> dict[str, Any]:
    """Make a volume of the directory `<top>/vol/<name>`: `{id, name}`.

    One that exists is returned unless `strict`. Raises GenericError for a name that
    is not allowed, a missing directory, or a `toplink` in it that leads elsewhere.
    """
    name = arguments.verify_name(call.settings, name)
    found = find_volume(call, name)
    if found is not None:
        if strict:
            raise GenericError(f"volume {name} already exists")
        return found
    directory = Path(call.paths.volumedir(name))
    if not directory.is_dir():
        raise GenericError("please create the volume directory first")
    _check_toplink(call, directory)
    return {"id": queries.add(call.tx, name), "name": name}


def _check_toplink(call: Call, directory: Path) -> None:
    link, top = directory / "toplink", Path(call.paths.topdir)
    if not os.path.lexists(link):
        files.link(top, link)
        return
    if not link.is_symlink():
        raise GenericError(f"Not a symlink: {link}")
    if not link.exists():
        raise GenericError(f"Broken volume toplink: {link}")
    if not link.samefile(top):
        raise GenericError(f"Invalid volume toplink: {link}")


def remove_volume(call: Call, info: Any) -> None:
    """Forget a volume. Raises GenericError `volume … has build references`."""
    found = find_volume(call, info, strict=True)
    assert found is not None
    queries.lock(call.tx, found["id"])
    if queries.count_builds(call.tx, found["id"]):
        raise GenericError(f"volume {found['name']} has build references")
    queries.remove(call.tx, found["id"])
