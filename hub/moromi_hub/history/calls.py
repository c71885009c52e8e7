"""Calls of events and of what changed when."""

from __future__ import annotations

from typing import Any

from moromi_hub import arguments
from moromi_hub.call import Call
from moromi_hub.history import changes, service
from moromi_hub.rpc.registry import ANYONE, exported
from moromi_hub.tags import service as tags


@exported("getEvent", access=ANYONE)
def get_event(call: Call, id: Any, strict: bool = True) -> dict[str, Any] | None:
    """`{id, ts}` of an event."""
    return service.get_event(call, id, strict)


@exported("getLastEvent", access=ANYONE)
def get_last_event(call: Call, before: Any = None, strict: bool = True) -> dict[str, Any] | None:
    """`{id, ts}` of the newest event, or of the newest with a time below `before` (seconds)."""
    return service.last_event(call, before, strict)


@exported("tagChangedSinceEvent", access=ANYONE)
def tag_changed_since_event(call: Call, event: Any, taglist: Any) -> bool:
    """Whether any of the tags in a list of ids (the caller adds the ancestors) changed after an event."""
    ids = [arguments.integer(tag_id) for tag_id in arguments.expect(taglist, list)]
    return service.tag_changed_since(call, arguments.integer(event), ids)


@exported("tagLastChangeEvent", access=ANYONE)
def tag_last_change_event(call: Call, tag: Any, before: Any = None, inherit: bool = True) -> int | None:
    """The newest event (below `before`) that changed a tag or an ancestor."""
    found = tags.get_tag(call, tag, strict=True, event="auto")
    if found is None:
        return None
    return service.tag_last_change_event(call, found["id"], arguments.optional_integer(before), inherit)


@exported("tagFirstChangeEvent", access=ANYONE)
def tag_first_change_event(call: Call, tag: Any, after: Any = None, inherit: bool = True) -> int | None:
    """The oldest event above `after` that changed a tag or an ancestor."""
    tag_id = tags.require_tag_id(call, tag)
    return service.tag_first_change_event(call, tag_id, arguments.optional_integer(after), inherit)


@exported("queryHistory", access=ANYONE)
def query_history(call: Call, tables: Any = None, **kwargs: Any) -> dict[str, Any]:
    """Versions of rows by table: `{table: [row]}`, with countOnly `{table: number}`.

    `tables`: names, nil for all. Other arguments narrow what is shown: tag, build,
    package, user, permission, cg, external_repo, build_target, group, host, channel,
    xkey, active, editor, after, before, afterEvent, beforeEvent, queryOpts; others are ignored.
    """
    names = None if tables is None else [str(name) for name in arguments.expect(tables, list)]
    return changes.query_history(call, names, kwargs)
