"""Imports that people ask for: single rpms, builds without files (data-model.md section 7)."""

from __future__ import annotations

from typing import Any

from moromi.constants import TagUpdateType
from moromi_hub.builds import service as builds
from moromi_hub.call import Call
from moromi_hub.imports import rpms
from moromi_hub.tagging import service as tagging
from moromi_hub.uploads.service import work_path
from moromi_hub.users import service as users


def import_rpm(call: Call, path: str, basename: str, sigkey: str | None) -> dict[str, Any]:
    """Import an uploaded rpm, and note it on the tags of its build."""
    imported = rpms.import_rpm(call, work_path(call, f"{path}/{basename}"), sigkey)
    tagging.note_update(call, imported["build_id"], TagUpdateType.IMPORT)
    return imported


def create_empty_build(
    call: Call, name: Any, version: Any, release: Any, epoch: Any, owner: Any, draft: Any
) -> int:
    """A COMPLETE build without files; its id."""
    data = {"name": name, "version": version, "release": release, "epoch": epoch, "draft": bool(draft)}
    if owner is not None:
        found = users.get_user(call, owner, strict=True)
        data["owner"] = found["id"] if found else None
    return builds.new_build(call, data)
