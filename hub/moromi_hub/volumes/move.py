"""Moving builds between volumes (data-model.md section 5.8).

The tree is copied to its new place before the commit; the old one goes, and the
link at the usual place is put right, after it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moromi.constants import DEFAULT_VOLUME, BuildState, TagUpdateType
from moromi.errors import GenericError
from moromi_hub import files
from moromi_hub.builds import service as builds
from moromi_hub.call import Call
from moromi_hub.tagging import service as tagging
from moromi_hub.volumes import policy, service

Info = Mapping[str, Any]


def change_volume(call: Call, build_info: Any, volume_info: Any, strict: bool = True) -> None:
    """Move a COMPLETE or DELETED build. One that is there already is an error only with `strict`.

    Raises GenericError for a build under way, or content that is in the way.
    """
    volume = service.find_volume(call, volume_info, strict=True)
    assert volume is not None
    build = builds.require_build(call, build_info)
    if build["volume_id"] == volume["id"]:
        if strict:
            raise GenericError(f"Build {build['nvr']} already on volume {volume['name']}")
        return
    if build["state"] not in (BuildState.COMPLETE, BuildState.DELETED):
        raise GenericError(f"Build {build['nvr']} is {BuildState(build['state']).name}")
    if not Path(call.paths.volumedir(volume["name"])).is_dir():
        raise GenericError(f"Directory entry missing for volume {volume['name']}")
    _move(call, build, volume)


def _move(call: Call, build: Info, volume: Info) -> None:
    old = builds.build_directory(call, build)
    new = builds.build_directory(call, {**build, "volume_name": volume["name"]})
    _refuse_copies(call, build, volume, new)
    if build["state"] != BuildState.DELETED:
        link = os.readlink(new) if new.is_symlink() else None
        if link is not None:
            call.tx.on_rollback(lambda: os.symlink(link, new))
        files.clone_tree(call.tx, old, new)
    builds.set_volume(call, build, volume["id"])
    tagging.note_update(call, build["id"], TagUpdateType.VOLUME_CHANGE)
    usual = builds.build_directory(call, {**build, "volume_name": DEFAULT_VOLUME})

    def tidy() -> None:
        files.remove_tree(old)
        if new != usual:
            files.link(new, usual)

    call.tx.after_commit(tidy)


def _refuse_copies(call: Call, build: Info, volume: Info, new: Path) -> None:
    """Only the old volume may have the build; a link at the usual place does not count.

    Neither do the remains of a move that was cut off, here or on the way back.
    """
    old = builds.build_directory(call, build)
    for other in service.list_volumes(call):
        path = builds.build_directory(call, {**build, "volume_name": other["name"]})
        if other["id"] == build["volume_id"] or path.is_symlink() or not path.exists():
            continue
        if files.is_copy(old, path):
            continue
        if other["id"] == volume["id"]:
            raise GenericError(f"Destination directory exists: {new}")
        raise GenericError(f"Unexpected cross-volume content: {path}")


def apply_policy(call: Call, build_info: Any, strict: bool = False) -> None:
    """Move a build to where the policy `volume` wants it; nothing happens if it names no volume.

    With `strict`, GenericError `No volume policy match` or `Policy returned no such volume: …`.
    """
    build = builds.require_build(call, build_info)
    data = {"build": build, **builds.policy_task_data(call, build["task_id"])}
    volume = policy.volume_for(call, data, strict)
    if volume is not None:
        change_volume(call, build["id"], volume["id"], strict=False)
