"""The turn of a builder that polls: what it asks about itself, read once and answered piece by piece.

A builder daemon asks for its record, its open tasks and its assigned tasks one after the other
(spec: builder.md sections 1.7 and 1.8). The first of these calls reads all of it with one statement,
the others of the same turn are answered with that: within a request as long as the request changes
nothing, and in the requests that follow as long as each has the session's next call number (so this
builder has done nothing else meanwhile) and nothing has been heard of the host and its tasks (so
nobody else has).
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from moromi.constants import TaskState
from moromi.errors import GenericError
from moromi_hub.call import Call
from moromi_hub.hosts import polling_queries as queries

_TURN_SECONDS = 5.0
_CACHED = "a builder's turn"
_ASSIGNED = ("id", "state", "channel_id", "host_id", "arch", "method", "priority", "create_ts")
_OPEN = ("id", "waiting", "weight")


@dataclass(frozen=True)
class Facts:
    """What there is to tell a builder."""

    host: Mapping[str, Any] | None
    """As `getHost` has it; None for a host without configuration."""
    open_tasks: list[dict[str, Any]]
    """`{id, waiting, weight}`, and `alert: true` when an awaited child is finished; by id."""
    assigned: list[dict[str, Any]]
    """In the order in which it should take them."""
    last_run: float | None
    """When the scheduler ran last, by the monotonic clock of this process; None if it never did."""

    @property
    def run_age(self) -> float | None:
        """Seconds since the last run of the scheduler; negative if it was in the future."""
        return None if self.last_run is None else time.monotonic() - self.last_run


def facts(call: Call, host_id: int) -> Facts:
    """The facts of the calling host, with at most one statement."""
    known = _known(call)
    if known is None:
        moment = call.hub.memory.moment
        known = _read(call, host_id)
        if not call.tx.wrote:
            _remember(call, host_id, known, moment)
    call.cache[_CACHED] = (call.tx.changes, known)
    return known


def required_host(call: Call, host_id: int) -> Mapping[str, Any]:
    """The record of the calling host. Raises GenericError `Invalid hostInfo: …`."""
    host = facts(call, host_id).host
    if host is None:
        raise GenericError(f"Invalid hostInfo: {host_id}")
    return host


class CheckIn:
    """Keeps the facts over a check-in, which changes nothing but the host's record.

    To be made before, so that what is known then is known to be still true; `happened` comes after.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        self._known = _known(call)

    def happened(self, changes: Mapping[str, Any]) -> None:
        """The check-in has written these fields of the record."""
        call, known = self._call, self._known
        if known is None or known.host is None:
            return
        known = replace(known, host={**known.host, **changes})
        call.cache[_CACHED] = (call.tx.changes, known)
        if key := _key(call):
            call.tx.after_commit(lambda: call.hub.memory.update(key, lambda _: (_number(call), known)))


def _read(call: Call, host_id: int) -> Facts:
    rows = queries.facts(call.tx, host_id)
    if not rows:
        return Facts(None, [], [], None)
    *_, age, configured = rows[0]
    width = len(queries.HOST)
    tasks = [dict(zip(queries.TASK, row[width:], strict=False)) for row in rows]
    tasks = [task for task in tasks if task["id"] is not None]
    opened = sorted((task for task in tasks if task["state"] == TaskState.OPEN), key=lambda task: task["id"])
    return Facts(
        dict(zip(queries.HOST, rows[0], strict=False)) if configured else None,
        [_open_task(task) for task in opened],
        [{key: task[key] for key in _ASSIGNED} for task in tasks if task["state"] == TaskState.ASSIGNED],
        None if age is None else time.monotonic() - age,
    )


def _open_task(task: Mapping[str, Any]) -> dict[str, Any]:
    shown = {key: task[key] for key in _OPEN}
    return {**shown, "alert": True} if task["alert"] else shown


# between the requests of a turn


def _known(call: Call) -> Facts | None:
    """The facts as they are known without asking."""
    changes, known = call.cache.get(_CACHED, (None, None))
    if known is not None and changes == call.tx.changes:
        return known if isinstance(known, Facts) else None
    key = _key(call)
    if call.tx.wrote or key is None:
        return None
    number, remembered = call.hub.memory.get(key) or (None, None)
    if number is None or _number(call) - number not in (0, 1) or not isinstance(remembered, Facts):
        return None
    call.hub.memory.update(key, lambda _: (_number(call), remembered))
    return remembered


def _remember(call: Call, host_id: int, known: Facts, moment: int | None) -> None:
    if key := _key(call):
        topics = [("host", host_id), *(("task", task["id"]) for task in known.open_tasks)]
        call.hub.memory.put(key, (_number(call), known), topics, _TURN_SECONDS, moment)


def _key(call: Call) -> Hashable | None:
    session = call.session
    return None if session is None or session.received is None else ("turn", session.id)


def _number(call: Call) -> int:
    session = call.session
    return -1 if session is None or session.received is None else session.received
