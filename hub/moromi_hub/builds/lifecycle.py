"""The end of builds, and their second beginnings: delete, reset, promote (data-model.md 5.4 and 5.7).

What a build's rows promise stays on disk until the commit that stops promising it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moromi.constants import DEFAULT_VOLUME_ID, BuildState, TagUpdateType
from moromi.errors import GenericError
from moromi.names import target_release
from moromi_hub import files
from moromi_hub.archives import service as archives
from moromi_hub.builds import queries, reference_queries, service
from moromi_hub.call import Call
from moromi_hub.policies import service as policies
from moromi_hub.repodata import service as repodata
from moromi_hub.rpms import service as rpms
from moromi_hub.signatures import service as signatures
from moromi_hub.tagging import service as tagging
from moromi_hub.users import service as users
from moromi_hub.volumes import links
from moromi_hub.volumes import move as volume_moves

Build = Mapping[str, Any]


def _locked(call: Call, build_info: Any) -> dict[str, Any]:
    """The record of a build that nobody else changes until the transaction ends."""
    build_id = service.require_build(call, build_info)["id"]
    queries.lock(call.tx, build_id)
    return service.require_build(call, build_id)


def references(call: Call, build_info: Any, limit: int | None = None, lazy: bool = False) -> dict[str, Any]:
    """What uses a build (shape of `buildReferences`); `lazy` stops after the first kind that is not empty."""
    build_id = service.require_build(call, build_info)["id"]
    found: dict[str, Any] = {
        "tags": [{"name": tag["name"], "tag_id": tag["id"]} for tag in tagging.tags_of_build(call, build_id)]
    }
    kinds = (
        ("rpms", reference_queries.rpm_users),
        ("component_of", reference_queries.users_of_rpms),
        ("archives", reference_queries.archive_users),
        ("component_of", reference_queries.users_of_archives),
    )
    for key, look in kinds:
        if lazy and any(found.values()):
            return found
        found[key] = found.get(key, []) + look(call.tx, build_id, limit)
    if lazy and any(found.values()):
        return found
    found["component_of"] = sorted(set(found["component_of"]))
    found["last_used"] = reference_queries.last_used(call.tx, build_id)
    found["images"] = found["component_of"]
    return found


def delete_build(call: Call, build_info: Any, strict: bool, min_ref_age: float) -> bool | None:
    """To DELETED: signatures forgotten, untagged, files removed; rows of its files stay.

    None if it is DELETED already. If something uses it, GenericError `Cannot delete
    build, …`, or False unless `strict`.
    """
    build = _locked(call, build_info)
    if build["state"] == BuildState.DELETED:
        _remove_files(call, build)  # a crash may have left some
        return None
    obstacle = _obstacle(references(call, build["id"], limit=10, lazy=True), min_ref_age)
    if obstacle is not None:
        if strict:
            raise GenericError(f"Cannot delete build, {obstacle}")
        return False
    service.set_state(call, build, BuildState.DELETED, completion_time=queries.kept_completion())
    signatures.forget_build(call, build["id"])
    repodata.forget_build(call, build["id"])
    _remove_files(call, build)
    return True


def _obstacle(found: Mapping[str, Any], min_ref_age: float) -> str | None:
    texts = (
        ("tags", "tagged"),
        ("rpms", "used in buildroots"),
        ("archives", "used in archive buildroots"),
        ("component_of", "used as component of"),
    )
    for key, text in texts:
        if found.get(key):
            return f"{text}: {found[key]}"
    last_used = found.get("last_used")
    if last_used is not None and time.time() - last_used < min_ref_age:
        return "used in recent buildroot"
    return None


def _remove_files(call: Call, build: Build) -> None:
    """Remove the directory and the link to it, once the rows are committed."""
    directory = service.build_directory(call, build)
    usual = service.build_directory(call, {**build, "volume_name": None})

    def remove() -> None:
        files.remove_tree(directory)
        files.remove_tree(usual)

    call.tx.after_commit(remove)


def reset_build(call: Call, build_info: Any) -> None:
    """To CANCELED, with everything but the entry gone; an unknown build is left alone."""
    if service.get_build(call, build_info) is None:
        return
    build = _locked(call, build_info)
    call.run_callbacks(
        "preBuildStateChange",
        attribute="state",
        old=build["state"],
        new=int(BuildState.CANCELED),
        info=build,
    )
    signatures.forget_build(call, build["id"])
    archives.forget_build(call, build["id"])
    rpms.forget_build(call, build["id"])
    tagging.forget_build(call, build["id"])
    queries.forget_types(call.tx, build["id"])
    values = {
        "state": int(BuildState.CANCELED),
        "task_id": None,
        "volume_id": DEFAULT_VOLUME_ID,
        "completion_time": queries.kept_completion(),
    }
    queries.change(call.tx, build["id"], values)
    call.run_callbacks(
        "postBuildStateChange",
        attribute="state",
        old=build["state"],
        new=int(BuildState.CANCELED),
        info=service.require_build(call, build["id"]),
    )
    _remove_files(call, build)


def promote_build(call: Call, build_info: Any, force: bool) -> dict[str, Any]:
    """Make a draft the build of its release; the new record.

    The files are copied (by second names) to the new place before the commit, and
    the old place becomes a link to it after. Raises GenericError `Cannot promote build …`.
    """
    build = _locked(call, build_info)
    label = f"Cannot promote build {build['nvr']}. Reason:"
    if not build["draft"]:
        raise GenericError(f"{label} Not a draft build")
    if build["state"] != BuildState.COMPLETE:
        raise GenericError(f"{label} state ({BuildState(build['state']).name}) is not COMPLETE.")
    release = target_release(build["release"])
    name = {"name": build["name"], "version": build["version"], "release": release}
    taken = service.get_build(call, name)
    if taken is not None:
        raise GenericError(f"{label} Target build exists: {taken['nvr']}(#{taken['id']})")
    data = {"build": build["id"], "target_release": release, "user_id": call.user_id}
    policies.assert_allowed(call, "draft_promotion", data, force=force)
    details = {"draft_release": build["release"], "target_release": release}
    user = users.get_user(call)
    call.run_callbacks("preBuildPromote", **details, build=build, user=user)
    queries.promote(call.tx, build["id"], release, call.user_id)
    promoted = service.require_build(call, build["id"])
    _move_promoted(call, build, promoted)
    tagging.note_update(call, build["id"], TagUpdateType.DRAFT_PROMOTION)
    volume_moves.apply_policy(call, build["id"])
    promoted = service.require_build(call, build["id"])
    call.run_callbacks("postBuildPromote", **details, build=promoted, user=user)
    return promoted


def _move_promoted(call: Call, draft: Build, promoted: Build) -> None:
    old, new = service.build_directory(call, draft), service.build_directory(call, promoted)
    if not old.is_dir():
        return
    files.clone_tree(call.tx, old, new)
    links.keep_default_link(call, promoted)
    call.tx.after_commit(lambda: _leave_promoted_link(call, draft, new))


def _leave_promoted_link(call: Call, draft: Build, new: Path) -> None:
    """The draft's places (on its volume, and the usual one) become links to the new place."""
    old = service.build_directory(call, draft)
    files.remove_tree(old)
    places = {old, service.build_directory(call, {**draft, "volume_name": None})}
    for place in places:
        if not os.path.lexists(place) or place.is_symlink():
            files.link(new, place)
