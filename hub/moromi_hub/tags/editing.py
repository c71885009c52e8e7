"""Making, changing and deleting tags, and their links to parents (data-model.md sections 4.1, 4.2, 4.4)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from moromi.errors import GenericError
from moromi_hub import arguments
from moromi_hub.call import Call
from moromi_hub.db import lookup
from moromi_hub.tags import inheritance, queries, service
from moromi_hub.users import service as users

LINK_FIELDS = ("parent_id", "priority", "maxdepth", "intransitive", "noconfig", "pkg_filter")


def create_tag(
    call: Call,
    name: Any,
    parent: Any = None,
    arches: Any = None,
    perm: Any = None,
    locked: bool = False,
    maven_support: bool = False,
    maven_include_all: bool = False,
    extra: Mapping[str, Any] | None = None,
    new_id: int | None = None,
) -> int:
    """A new tag's id; that of a deleted tag of the name is used again. No permission is checked here.

    `new_id` is one that `reserve_id` gave.
    """
    arguments.verify_name(call.settings, name)
    arch_text = arguments.arch_string(arches)
    if maven_support or maven_include_all:
        _assert_maven(call)
    if service.get_tag(call, name) is not None:
        raise GenericError(f"A tag with the name '{name}' already exists")
    parent_id = None
    if parent is not None:
        found = service.get_tag(call, parent)
        if found is None:
            raise GenericError(f"Parent tag '{parent}' could not be found")
        parent_id = found["id"]
    perm_id = None if perm is None else users.require_permission(call, perm)["id"]
    tag_id = service.find_tag_id(call, name) or queries.insert_name(call.tx, name, new_id)
    config = {
        "tag_id": tag_id,
        "arches": arch_text,
        "perm_id": perm_id,
        "locked": bool(locked),
        "maven_support": bool(maven_support),
        "maven_include_all": bool(maven_include_all),
    }
    queries.create_config(call.tx, call.user_id, config)
    if extra:
        texts = {key: json.dumps(value) for key, value in arguments.expect(extra, dict).items()}
        queries.create_extra(call.tx, call.user_id, tag_id, texts)
    if parent_id is not None:
        _write_links(call, tag_id, [_plain_link(parent_id)])
    service.changed(call, tag_id)
    return tag_id


def reserve_id(call: Call) -> int:
    """An id for a tag whose name is to have it in it."""
    return queries.new_id(call.tx)


def _assert_maven(call: Call) -> None:
    if not call.settings.EnableMaven:
        raise GenericError("Maven support not enabled")


def _plain_link(parent_id: int) -> dict[str, Any]:
    return {
        "parent_id": parent_id,
        "priority": 0,
        "maxdepth": None,
        "intransitive": False,
        "noconfig": False,
        "pkg_filter": "",
    }


def edit_tag(call: Call, tag_info: Any, changes: Mapping[str, Any]) -> None:
    """Change the name, configuration or extra data of a tag; unknown keys of `changes` are ignored."""
    if "maven_support" in changes or "maven_include_all" in changes:
        _assert_maven(call)
    tag = service.require_tag(call, tag_info)
    perm_id = _wanted_permission(call, tag, changes)
    name = changes.get("name")
    if name is not None and name != tag["name"]:
        arguments.verify_name(call.settings, name)
        taken = service.find_tag_row(call, name)
        if taken is not None and taken["id"] != tag["id"]:
            raise GenericError(f"Name {name} already taken by tag {taken['id']}")
        queries.rename(call.tx, tag["id"], name)
    _edit_config(call, tag, perm_id, changes)
    _edit_extra(call, tag, changes)
    service.changed(call, tag["id"])


def _wanted_permission(call: Call, tag: dict[str, Any], changes: Mapping[str, Any]) -> int | None:
    current: int | None = tag["perm_id"]
    for key in ("perm_id", "perm"):
        if key in changes:
            wanted = changes[key]
            return None if wanted is None else int(users.require_permission(call, wanted)["id"])
    return current


def _edit_config(call: Call, tag: dict[str, Any], perm_id: int | None, changes: Mapping[str, Any]) -> None:
    keys = ("arches", "locked", "maven_support", "maven_include_all")
    current = {key: tag[key] for key in (*keys, "perm_id")}
    wanted = dict(current, perm_id=perm_id)
    if "arches" in changes:
        arches = changes["arches"]
        wanted["arches"] = None if arches is None else arguments.arch_string(arches)
    for key in keys[1:]:
        if changes.get(key) is not None:
            wanted[key] = bool(changes[key])
    if wanted != current:
        queries.revoke_config(call.tx, call.user_id, tag["id"])
        queries.create_config(call.tx, call.user_id, {"tag_id": tag["id"], **wanted})


def _edit_extra(call: Call, tag: dict[str, Any], changes: Mapping[str, Any]) -> None:
    extra = arguments.expect(changes.get("extra") or {}, dict)
    blocks = arguments.expect(changes.get("block_extra") or [], list)
    removed = arguments.expect(changes.get("remove_extra") or [], list)
    for key in extra:
        if key in blocks or key in removed:
            raise GenericError(f"Can not both add/update and remove tag-extra: '{key}'")
    if missing := [str(key) for key in removed if key not in tag["extra"]]:
        raise GenericError(f"Tag: {tag['name']} doesn't have extra: {', '.join(missing)}")
    new: dict[str, str | None] = {
        key: json.dumps(value)
        for key, value in extra.items()
        if key not in tag["extra"] or not _same_json(tag["extra"][key], value)
    }
    new |= dict.fromkeys(blocks)
    queries.revoke_extra(call.tx, call.user_id, tag["id"], [*new, *removed])
    queries.create_extra(call.tx, call.user_id, tag["id"], new)


def _same_json(one: Any, other: Any) -> bool:
    """Equal as JSON, where true is not 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def delete_tag(call: Call, tag_info: Any) -> None:
    """End a tag with everything in it; its name, id and repositories stay."""
    tag = service.require_tag(call, tag_info)
    heirs = {link["tag_id"] for link in inheritance.full_inheritance(call, tag["id"], reverse=True)}
    queries.revoke_everything(call.tx, call.user_id, tag["id"])
    inheritance.forget(call)
    for tag_id in (tag["id"], *sorted(heirs)):
        service.changed(call, tag_id)


def set_inheritance(call: Call, tag_info: Any, data: Any, clear: bool = False) -> None:
    """Add, change or (with a true `delete link`) end links of a tag to parents.

    Links that are equal to what is there stay untouched; with `clear` all are
    written again and those not mentioned end. A loop is not refused: the walk prunes it.
    """
    tag_id = service.require_tag_id(call, tag_info)
    links = [_checked_link(call, link) for link in (data if isinstance(data, list) else [data])]
    current = {link["parent_id"]: link for link in queries.links(call.tx, tag_id, None)}
    ended = set(current) if clear else set()
    written: dict[int, dict[str, Any]] = {}
    for link in links:
        parent = link["parent_id"]
        if link.get("delete link"):
            ended.add(parent)
            written.pop(parent, None)
            continue
        row = {field: link[field] for field in LINK_FIELDS}
        if not clear and parent in current and all(current[parent][field] == row[field] for field in row):
            continue
        ended.add(parent)
        written[parent] = row
    _check_priorities(tag_id, current, ended, written)
    if ended & set(current):
        queries.revoke_links(call.tx, call.user_id, tag_id, ended & set(current))
    _write_links(call, tag_id, list(written.values()))
    service.changed(call, tag_id)


def _checked_link(call: Call, link: Any) -> dict[str, Any]:
    fields = arguments.expect(link, dict)
    required = LINK_FIELDS[:1] if fields.get("delete link") else LINK_FIELDS
    for field in required:
        if field not in fields:
            raise GenericError(f"No value for {field}")
    if fields.get("delete link"):
        return {**fields, "parent_id": lookup.name_or_id(fields["parent_id"]).get("id", fields["parent_id"])}
    return {
        "parent_id": service.require_tag(call, fields["parent_id"])["id"],
        "priority": arguments.integer(fields["priority"]),
        "maxdepth": arguments.optional_integer(fields["maxdepth"]),
        "intransitive": bool(fields["intransitive"]),
        "noconfig": bool(fields["noconfig"]),
        "pkg_filter": _checked_filter(fields["pkg_filter"]),
    }


def _checked_filter(pattern: Any) -> str | None:
    """A regular expression that can be used: a broken one would make the tag unreadable."""
    if pattern is None:
        return None
    try:
        re.compile(arguments.expect(pattern, str))
    except re.error as error:
        raise GenericError(f"Invalid package filter {pattern!r}: {error}") from None
    return str(pattern)


def _check_priorities(
    tag_id: int,
    current: Mapping[int, dict[str, Any]],
    ended: set[int],
    written: Mapping[int, dict[str, Any]],
) -> None:
    """Refuse two parents of the same priority in what results."""
    by_priority: dict[int, list[int]] = {}
    kept = {parent: link for parent, link in current.items() if parent not in ended}
    for parent, link in (kept | dict(written)).items():
        by_priority.setdefault(link["priority"], []).append(parent)
    for priority, parents in by_priority.items():
        if len(parents) > 1:
            raise GenericError(
                f"Multiple parent tags ({parents!r}) cannot have the same priority value ({priority})"
                f" on child tag {tag_id}"
            )


def _write_links(call: Call, tag_id: int, links: list[dict[str, Any]]) -> None:
    queries.create_links(call.tx, call.user_id, [{"tag_id": tag_id, **link} for link in links])
    inheritance.forget(call)
