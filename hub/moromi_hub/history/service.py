"""Events, and when a tag changed (data-model.md sections 1.2 and 4.11)."""

from __future__ import annotations

import time
from typing import Any

from moromi.errors import GenericError
from moromi_hub import arguments
from moromi_hub.call import Call
from moromi_hub.history import queries
from moromi_hub.tags import inheritance
from moromi_hub.tags import service as tags

_PATIENCE_SECONDS = 60.0
_LOOK_SECONDS = 0.01


def get_event(call: Call, event_id: Any, strict: bool = True) -> dict[str, Any] | None:
    """`{id, ts}` of an event. Strict: GenericError `query returned no rows`."""
    number = arguments.integer(event_id)
    found = queries.event(call.tx, number) if arguments.fits_id(number) else None
    if found is None and strict:
        raise GenericError("query returned no rows")
    return found


def last_event(call: Call, before: Any = None, strict: bool = True) -> dict[str, Any] | None:
    """`{id, ts}` of the newest event (with a time below `before`, seconds since the epoch)."""
    if before is not None and (isinstance(before, bool) or not isinstance(before, (int, float))):
        raise GenericError(f"Invalid type for before: {type(before)}")
    found = queries.last_event(call.tx, before)
    if found is None and strict:
        raise GenericError("query returned no rows")
    return found


def settled_event(call: Call) -> int:
    """A new event. Whoever reads afterwards knows all changes up to it.

    Changes that have an older event and are not seen yet are waited for; those that take unreasonably long
    (a forgotten connection) are not, which is logged.
    """
    event, others = call.tx.event_among_others()
    _wait_for(call, others)
    return event


def settle(call: Call) -> None:
    """`settled_event` for an event that has been drawn before."""
    _wait_for(call, queries.under_way(call.tx))


def _wait_for(call: Call, others: set[str]) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while others and time.monotonic() < end:
        time.sleep(_LOOK_SECONDS)
        others &= queries.under_way(call.tx)
    if others:
        call.hub.log.warning("changes that have begun earlier may be missing: %s", ", ".join(others))


def tag_last_change_event(
    call: Call, tag_id: int, before: int | None = None, inherit: bool = True
) -> int | None:
    """The newest event (below `before`) that changed a tag or, with `inherit`, an ancestor.

    For a deleted tag: its deletion, and nothing later. Three statements at most.
    """
    tag = tags.get_tag(call, tag_id, strict=True, event="auto")
    deleted = tag.get("revoke_event") if tag else None
    if deleted is not None:
        if before is None:
            return int(deleted)
        before = min(before, deleted + 1)
    at = None if before is None else before - 1
    ids = {step.tag_id for step in inheritance.ordered_tag_ids(call, tag_id, at, inherit)}
    return queries.last_change(call.tx, ids, before)


def last_change_now(call: Call, tag_id: int, before: int) -> int | None:
    """`tag_last_change_event` of a live tag, with the inheritance of now. Two statements at most."""
    ids = {step.tag_id for step in inheritance.ordered_tag_ids(call, tag_id)}
    return queries.last_change(call.tx, ids, before)


def tag_first_change_event(
    call: Call, tag_id: int, after: int | None = None, inherit: bool = True
) -> int | None:
    """The oldest event above `after` that changed a tag or, with `inherit`, an ancestor."""
    created = queries.first_creation(call.tx, tag_id)
    if after is None or created is None:
        return created
    ids = {step.tag_id for step in inheritance.ordered_tag_ids(call, tag_id, after, inherit)}
    return queries.first_change(call.tx, ids, max(after, created - 1))


def tag_changed_since(call: Call, event_id: int, tag_ids: list[int]) -> bool:
    """Whether any of the tags (their ancestors are not looked up) changed after an event."""
    ids = [tag_id for tag_id in tag_ids if arguments.fits_id(tag_id)]
    return bool(ids) and queries.any_since(call.tx, ids, event_id)
