"""Changing the comps groups of a tag (data-model.md section 4.8).

The three tables follow one pattern: the new values are laid over the effective
row, a blocked row needs `force`, and nothing is written where nothing differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table

from moromi.errors import GenericError
from moromi_hub.call import Call
from moromi_hub.db import lookup
from moromi_hub.groups import queries, service
from moromi_hub.tags import service as tags
from moromi_schema import tables as t

CONFIG_FIELDS = (
    "exported",
    "display_name",
    "is_default",
    "uservisible",
    "description",
    "langonly",
    "biarchonly",
)
PACKAGE_FIELDS = ("type", "basearchonly", "requires")
REQUIREMENT_FIELDS = ("type", "is_metapkg")


def find_group(call: Call, info: Any, create: bool = False) -> dict[str, Any]:
    """The `{id, name}` of a group name, which `create` makes. Raises GenericError for a miss."""
    found = lookup.find_row(call.tx, t.groups, info, strict=not create)
    if found is None:
        named = lookup.name_or_id(info)
        if "name" not in named:
            raise GenericError(f"No such entry in table groups: {info}")
        found = {"id": queries.insert_group(call.tx, named["name"]), "name": named["name"]}
    return found


def _find_tag(call: Call, info: Any) -> dict[str, Any]:
    found = tags.find_tag_row(call, info, strict=True)
    if found is None:
        raise GenericError(f"No such entry in table tag: {info}")
    return found


def add_group(
    call: Call, tag_info: Any, group_info: Any, block: bool, force: bool, opts: Mapping[str, Any]
) -> None:
    """Put a group into a tag, or change it there."""
    tag = tags.require_tag(call, tag_info)
    group = find_group(call, group_info, create=True)
    effective = service.effective_groups(call, tag["id"], incl_pkgs=False, incl_reqs=False)
    current = effective.get(group["id"])
    defaults = {"display_name": group["name"], "biarchonly": False, "exported": True, "uservisible": True}
    if current is not None and current["blocked"] and not force:
        raise GenericError(f"group {group['name']} is blocked in tag {tag['name']}")
    values = _overlay(CONFIG_FIELDS, block, current, defaults, opts)
    key = {"group_id": group["id"], "tag_id": tag["id"]}
    _write(call, t.group_config, key, values, current)


def _overlay(
    fields: tuple[str, ...],
    block: bool,
    current: Mapping[str, Any] | None,
    defaults: Mapping[str, Any],
    opts: Mapping[str, Any],
) -> dict[str, Any]:
    """The new row: what the caller says, else what is effective, else the defaults."""
    base = defaults if current is None else current
    values = {field: opts.get(field, base.get(field)) for field in fields}
    return {"blocked": bool(block), **values}


def _write(
    call: Call,
    table: Table,
    key: Mapping[str, Any],
    values: Mapping[str, Any],
    current: Mapping[str, Any] | None,
) -> None:
    if current is not None and not _differs(table, current, values):
        return
    queries.put(call.tx, call.user_id, table, key, values)
    tags.changed(call, key["tag_id"])


def _differs(table: Table, current: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    if table is t.group_req_listing and not values["blocked"]:
        # A forced addition alone does not lift the block of a requirement, only of a group or package.
        values = {field: value for field, value in values.items() if field != "blocked"}
    return any(current[field] != value for field, value in values.items())


def remove_group(call: Call, tag_info: Any, group_info: Any, force: bool) -> None:
    """Take a group out of the tag itself."""
    tag = tags.require_tag(call, tag_info)
    group = find_group(call, group_info)
    ended = queries.drop(
        call.tx, call.user_id, t.group_config, {"group_id": group["id"], "tag_id": tag["id"]}
    )
    if not ended and not force:
        raise GenericError(f"No group: {group['name']} found for tag: {tag['name']}")
    tags.changed(call, tag["id"])


def unblock_group(call: Call, tag_info: Any, group_info: Any) -> None:
    """End the block of a group in the tag itself."""
    tag, group = _find_tag(call, tag_info), find_group(call, group_info)
    key = {"group_id": group["id"], "tag_id": tag["id"]}
    text = f"group {group['name']} is NOT blocked in tag {tag['name']}"
    _unblock(call, t.group_config, key, text)


def _unblock(call: Call, table: Table, key: Mapping[str, Any], text: str) -> None:
    if not queries.drop(call.tx, call.user_id, table, key, table.c.blocked.is_(True)):
        raise GenericError(text)
    tags.changed(call, key["tag_id"])


def _effective_group(
    call: Call, tag: dict[str, Any], group: dict[str, Any], incl_pkgs: bool
) -> dict[str, Any]:
    """The group as it is effective in the tag. Raises GenericError when it is absent or blocked."""
    groups = service.effective_groups(call, tag["id"], incl_pkgs=incl_pkgs, incl_reqs=not incl_pkgs)
    found = groups.get(group["id"])
    if found is None:
        raise GenericError(f"group {group['name']} not present in tag {tag['name']}")
    if found["blocked"]:
        raise GenericError(f"group {group['name']} is blocked in tag {tag['name']}")
    return found


def add_package(
    call: Call,
    tag_info: Any,
    group_info: Any,
    package: str,
    block: bool,
    force: bool,
    opts: Mapping[str, Any],
) -> None:
    """Put a package (an rpm's name) into a group of a tag, or change it there."""
    tag, group = _find_tag(call, tag_info), find_group(call, group_info)
    current = _effective_group(call, tag, group, incl_pkgs=True)["packagelist"].get(package)
    if current is not None and current["blocked"] and not force:
        raise GenericError(f"package {package} blocked in group {group['name']}, tag {tag['name']}")
    values = _overlay(PACKAGE_FIELDS, block, current, {"type": "mandatory"}, opts)
    key = {"group_id": group["id"], "tag_id": tag["id"], "package": package}
    _write(call, t.group_package_listing, key, values, current)


def remove_package(call: Call, tag_info: Any, group_info: Any, package: str) -> None:
    """Take a package out of a group in the tag itself; no complaint when it is not there."""
    tag, group = _find_tag(call, tag_info), find_group(call, group_info)
    key = {"group_id": group["id"], "tag_id": tag["id"], "package": package}
    if queries.drop(call.tx, call.user_id, t.group_package_listing, key):
        tags.changed(call, tag["id"])


def unblock_package(call: Call, tag_info: Any, group_info: Any, package: str) -> None:
    """End the block of a package in a group of the tag itself."""
    tag, group = _find_tag(call, tag_info), find_group(call, group_info)
    key = {"group_id": group["id"], "tag_id": tag["id"], "package": package}
    text = f"package {package} is NOT blocked in group {group['id']}, tag {tag['id']}"
    _unblock(call, t.group_package_listing, key, text)


def add_requirement(
    call: Call,
    tag_info: Any,
    group_info: Any,
    req_info: Any,
    block: bool,
    force: bool,
    opts: Mapping[str, Any],
) -> None:
    """Let a group of a tag need another, or change how."""
    tag, group = _find_tag(call, tag_info), find_group(call, group_info)
    needed = find_group(call, req_info)
    current = _effective_group(call, tag, group, incl_pkgs=False)["grouplist"].get(needed["id"])
    if current is not None and current["blocked"] and not force:
        raise GenericError(
            f"requirement on group {needed['name']} blocked in group {group['name']}, tag {tag['name']}"
        )
    values = _overlay(REQUIREMENT_FIELDS, block, current, {"type": "mandatory", "is_metapkg": False}, opts)
    key = {"group_id": group["id"], "tag_id": tag["id"], "req_id": needed["id"]}
    _write(call, t.group_req_listing, key, values, current)


def remove_requirement(call: Call, tag_info: Any, group_info: Any, req_info: Any) -> None:
    """End the need of a group in the tag itself; no complaint when there is none."""
    tag, group = _find_tag(call, tag_info), find_group(call, group_info)
    key = {"group_id": group["id"], "tag_id": tag["id"], "req_id": find_group(call, req_info)["id"]}
    if queries.drop(call.tx, call.user_id, t.group_req_listing, key):
        tags.changed(call, tag["id"])


def unblock_requirement(call: Call, tag_info: Any, group_info: Any, req_info: Any) -> None:
    """End the block of a need in the tag itself."""
    tag, group = _find_tag(call, tag_info), find_group(call, group_info)
    needed = find_group(call, req_info)
    key = {"group_id": group["id"], "tag_id": tag["id"], "req_id": needed["id"]}
    text = f"group req {needed['id']} is NOT blocked in group {group['id']}, tag {tag['id']}"
    _unblock(call, t.group_req_listing, key, text)
