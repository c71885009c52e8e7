"""Rules of tags: who is meant, their configuration and extra data, who may change what is in them.

Spec: data-model.md sections 4.1 to 4.3. Inheritance is in `inheritance`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import Any

from moromi.errors import ActionNotAllowed, GenericError
from moromi_hub import arguments
from moromi_hub.call import Call
from moromi_hub.db import lookup, versions
from moromi_hub.tags import inheritance, queries
from moromi_hub.users import service as users
from moromi_schema import tables as t


def find_tag_row(call: Call, tag_info: Any, strict: bool = False) -> dict[str, Any] | None:
    """The `{id, name}` of a tag, also of a deleted one. Strict: GenericError `No such entry in table tag`."""
    return lookup.find_row(call.tx, t.tag, tag_info, strict)


def find_tag_id(call: Call, tag_info: Any, strict: bool = False) -> int | None:
    """The id of a tag, also of a deleted one."""
    found = find_tag_row(call, tag_info, strict)
    return None if found is None else int(found["id"])


def require_tag_id(call: Call, tag_info: Any) -> int:
    """`find_tag_id`, a miss raises GenericError."""
    found = find_tag_id(call, tag_info, strict=True)
    if found is None:
        raise GenericError(f"No such entry in table tag: {tag_info}")
    return found


def get_tag(
    call: Call, tag_info: Any, strict: bool = False, event: Any = None, blocked: bool = False
) -> dict[str, Any] | None:
    """A live tag (at `event`) with its configuration: the shape `Tag`. One statement.

    `event` may be "auto": now, or the moment before the tag was deleted. With
    `blocked`, `extra` holds `[is_blocked, value]` by key. Strict: GenericError `No such tagInfo: …`.
    """
    row = _raw_tag(call, tag_info, strict, event)
    if row is not None:
        row["extra"] = _decoded(_pairs(row), blocked)
    return row


def _raw_tag(call: Call, tag_info: Any, strict: bool, event: Any) -> dict[str, Any] | None:
    """`get_tag` with `extra` as it is stored."""
    info = lookup.name_or_id(tag_info)
    revoked = None
    if event == "auto":
        event = None
        row = _read(call, info, None)
        if row is None and (revoked := queries.last_revocation(call.tx, info)) is not None:
            event = revoked - 1
            row = _read(call, info, event)
    else:
        versions.check_event(event)
        row = _read(call, info, event)
    if row is None:
        if strict:
            raise GenericError(f"No such tagInfo: {tag_info!r}")
        return None
    if event is not None:
        row["query_event"] = event
    if revoked is not None:
        row["revoke_event"] = revoked
    return row


def _read(call: Call, info: dict[str, Any], event: int | None) -> dict[str, Any] | None:
    if "id" in info and not arguments.fits_id(info["id"]):
        return None
    return queries.tag(call.tx, info, event)


def require_tag(call: Call, tag_info: Any, event: Any = None) -> dict[str, Any]:
    """`get_tag` with `strict`."""
    tag = get_tag(call, tag_info, strict=True, event=event)
    if tag is None:
        raise GenericError(f"No such tagInfo: {tag_info!r}")
    return tag


def _pairs(row: dict[str, Any]) -> list[tuple[str, str | None]]:
    """Extra data as it is stored: key and JSON text, None for a block."""
    return [(key, text) for key, text in row["extra"] or []]


def _decoded(pairs: Iterable[tuple[str, str | None]], blocked: bool) -> dict[str, Any]:
    """Extra data as `getTag` shows it."""
    found: dict[str, Any] = {}
    for key, text in pairs:
        value = None if text is None else _json_value(key, text)
        if blocked:
            found[key] = [text is None, value]
        elif text is not None:
            found[key] = value
    return found


def _json_value(key: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise GenericError(f"No such tag extra data: {key}: {text!r}") from None


def build_config(call: Call, tag_info: Any, event: Any = None) -> dict[str, Any]:
    """A tag with what it inherits of arches and extra data: the shape `BuildConfig`. Three statements.

    An empty list of arches counts as missing (spec quirk 5).
    """
    config = _raw_tag(call, tag_info, True, event)
    if config is None:
        raise GenericError(f"No such tagInfo: {tag_info!r}")
    extra = dict(_pairs(config))
    event = config.get("query_event")
    links = [link for link in inheritance.full_inheritance(call, config["id"], event) if not link["noconfig"]]
    ancestors = queries.configurations(call.tx, {link["parent_id"] for link in links}, event) if links else {}
    origin: dict[str, dict[str, Any]] = {}
    arches_from = None
    for link in links:
        ancestor = ancestors.get(link["parent_id"])
        if ancestor is None:
            continue
        source = {"id": ancestor["id"], "name": ancestor["name"]}
        if not config["arches"] and ancestor["arches"]:
            config["arches"], arches_from = ancestor["arches"], source
        for key, text in _pairs(ancestor):
            if key not in extra:
                extra[key], origin[key] = text, source
    config["extra"] = _decoded(extra.items(), blocked=False)
    config["config_inheritance"] = {"arches": arches_from, "extra": origin}
    return config


def inherited_extra(call: Call, tag_id: int, key: str, event: Any = None) -> Any:
    """One value of a tag's extra data, its own or inherited; None where there is none. One statement more
    than the inheritance needs.
    """
    links = inheritance.full_inheritance(call, tag_id, event)
    order = [tag_id, *(link["parent_id"] for link in links if not link["noconfig"])]
    found = queries.configurations(call.tx, set(order), event)
    for configuration in (found[each] for each in order if each in found):
        pairs = dict(_pairs(configuration))
        if key in pairs:
            return _decoded([(key, pairs[key])], blocked=False).get(key)
    return None


def check_tag_access(call: Call, tag_info: Any, user_id: int | None = None) -> tuple[bool, bool, str]:
    """(allowed, whether `force` would override: for admins, reason) for a user changing what a tag holds.

    Raises GenericError for an unknown tag, or when neither a user is given nor one logged in.
    """
    tag = require_tag(call, tag_info)
    if user_id is None:
        if call.session is None:
            raise GenericError("a user_id is required")
        user_id = call.session.user_id
    held = users.effective_permissions(call, user_id)
    overridable = "admin" in held
    if tag["locked"]:
        return (False, overridable, "tag is locked")
    if tag["perm_id"] is not None and tag["perm"] not in held:
        return (False, overridable, f"tag requires {tag['perm']} permission")
    return (True, overridable, "")


def assert_tag_access(call: Call, tag_id: int, user_id: int | None = None, force: bool = False) -> None:
    """Raise ActionNotAllowed unless `check_tag_access` allows, or `force` is set for an admin."""
    allowed, overridable, reason = check_tag_access(call, tag_id, user_id)
    if not allowed and not (overridable and force):
        raise ActionNotAllowed(reason)


def with_all_maven_versions(call: Call, tag_ids: Collection[int], event: int | None) -> set[int]:
    """Those of the tags that show every version of a Maven artifact."""
    found = queries.configurations(call.tx, tag_ids, event)
    return {tag_id for tag_id, row in found.items() if row["maven_include_all"]}


def changed(call: Call, tag_id: int) -> None:
    """Tell listeners that the content or the configuration of a tag changed."""
    call.tx.notify({"type": "tag", "id": tag_id})


def live_ids(call: Call, tag_ids: Collection[int]) -> set[int]:
    """Those of some tags that have not been deleted. One statement."""
    return set(queries.configurations(call.tx, tag_ids, None)) if tag_ids else set()


def parent_links(call: Call, tag_id: int) -> list[dict[str, Any]]:
    """The direct links of a tag to its parents by priority: shape `InheritLink`."""
    return queries.links(call.tx, tag_id, None)
