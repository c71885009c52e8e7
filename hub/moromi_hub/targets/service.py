"""Rules of build targets (data-model.md section 4.10)."""

from __future__ import annotations

from typing import Any

from moromi.errors import GenericError
from moromi_hub import arguments
from moromi_hub.call import Call
from moromi_hub.db import lookup, query_options, versions
from moromi_hub.tags import service as tags
from moromi_hub.targets import queries
from moromi_schema import tables as t


def list_targets(
    call: Call,
    info: Any = None,
    event: Any = None,
    build_tag: Any = None,
    dest_tag: Any = None,
    opts: Any = None,
) -> Any:
    """Live targets: shape `Target`. Tags are given by id, name or map; an unknown one has no targets."""
    versions.check_event(event)
    named = None if info is None else lookup.name_or_id(info)
    wanted = {}
    for key, tag_info in (("build_tag", build_tag), ("dest_tag", dest_tag)):
        wanted[key] = None if tag_info is None else tags.find_tag_id(call, tag_info)
        if tag_info is not None and wanted[key] is None:
            return 0 if query_options.check_options(opts).get("countOnly") else []
    if named is not None and not arguments.fits_id(named.get("id", 0)):
        return []
    statement = queries.listing(named, wanted["build_tag"], wanted["dest_tag"], event)
    return query_options.run_query(call.tx, queries.fields(), statement, opts)


def get_target(call: Call, info: Any, event: Any = None, strict: bool = False) -> dict[str, Any] | None:
    """One target by name or id. Strict: GenericError `No such build target: …`."""
    lookup.name_or_id(info)
    found: list[dict[str, Any]] = list_targets(call, info, event)
    if found:
        return found[0]
    if strict:
        raise GenericError(f"No such build target: {info}")
    return None


def require_target(call: Call, info: Any) -> dict[str, Any]:
    """`get_target` with `strict`."""
    found = get_target(call, info, strict=True)
    if found is None:
        raise GenericError(f"No such build target: {info}")
    return found


def _tags(call: Call, build_tag: Any, dest_tag: Any) -> tuple[int, int]:
    build, dest = tags.get_tag(call, build_tag), tags.get_tag(call, dest_tag)
    if build is None:
        raise GenericError(f"build tag '{build_tag}' does not exist")
    if dest is None:
        raise GenericError(f"destination tag '{dest_tag}' does not exist")
    return build["id"], dest["id"]


def create_target(call: Call, name: Any, build_tag: Any, dest_tag: Any) -> int:
    """A new target's id; a deleted one of that name is used again."""
    arguments.verify_name(call.settings, name)
    build_id, dest_id = _tags(call, build_tag, dest_tag)
    if get_target(call, name) is not None:
        raise GenericError(f"A build target with the name '{name}' already exists")
    row = lookup.find_row(call.tx, t.build_target, name)
    target_id = int(row["id"]) if row else queries.insert_name(call.tx, name)
    _write(call, target_id, build_id, dest_id)
    return target_id


def _write(call: Call, target_id: int, build_id: int, dest_id: int) -> None:
    queries.create_config(call.tx, call.user_id, target_id, build_id, dest_id)
    # from now on a repository of the build tag is wanted
    tags.changed(call, build_id)


def edit_target(call: Call, info: Any, name: Any, build_tag: Any, dest_tag: Any) -> None:
    """A new version of a target, with a new name if it differs."""
    arguments.verify_name(call.settings, name)
    target = require_target(call, info)
    build_id, dest_id = _tags(call, build_tag, dest_tag)
    if name != target["name"]:
        taken = lookup.find_row(call.tx, t.build_target, name)
        if taken is not None and taken["id"] != target["id"]:
            raise GenericError(f'name "{name}" is already taken by build target {taken["id"]}')
        queries.rename(call.tx, target["id"], name)
    queries.revoke_config(call.tx, call.user_id, target["id"])
    _write(call, target["id"], build_id, dest_id)


def delete_target(call: Call, info: Any) -> None:
    """End a target; one that ended before stays as it is."""
    row = lookup.find_row(call.tx, t.build_target, info)
    if row is None:
        raise GenericError(f"No such build target: {info}")
    queries.revoke_config(call.tx, call.user_id, row["id"])
