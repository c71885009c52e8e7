"""Rules of hosts and channels (spec: data-model.md section 3)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from moromi import arches as arch_names
from moromi.errors import GenericError, ParameterError
from moromi_hub import arguments
from moromi_hub.auth import sessions
from moromi_hub.call import Call
from moromi_hub.db import query_options
from moromi_hub.db.lookup import name_or_id
from moromi_hub.db.versions import check_event
from moromi_hub.hosts import polling, queries
from moromi_hub.users import service as users

_NEW_CAPACITY = 2.0


# looking up


def find_host(
    call: Call, host_info: Any, strict: bool = False, event: int | None = None
) -> dict[str, Any] | None:
    """The host that `host_info` (name or id) names, as Koji's Host, or None.

    With `event` the configuration is the one of then.
    Raises GenericError `Invalid hostInfo: …` with `strict`.
    """
    check_event(event)
    (key, value), *_ = name_or_id(host_info).items()
    found = None
    if key != "id" or arguments.fits_id(value):
        found = queries.host(call.tx, key, value, event)
    if found is None and strict:
        raise GenericError(f"Invalid hostInfo: {host_info}")
    return found


def require_host(call: Call, host_info: Any) -> dict[str, Any]:
    """`find_host` with `strict`."""
    found = find_host(call, host_info, strict=True)
    if found is None:
        raise GenericError(f"Invalid hostInfo: {host_info}")
    return found


def find_channel(call: Call, channel_info: Any, strict: bool = False) -> dict[str, Any] | None:
    """The channel that `channel_info` (name or id) names: `{id, name, description, enabled, comment}`.

    Raises GenericError `No such entry in table channels: …` with `strict`.
    """
    (key, value), *_ = name_or_id(channel_info).items()
    found = None
    if key != "id" or arguments.fits_id(value):
        found = queries.channel(call.tx, key, value)
    if found is None and strict:
        raise GenericError(f"No such entry in table channels: {channel_info}")
    return found


def require_channel(call: Call, channel_info: Any) -> dict[str, Any]:
    """`find_channel`; a miss is the one of a single-row query."""
    found = find_channel(call, channel_info)
    if found is None:
        raise GenericError("query returned no rows")
    return found


def channel_hosts(call: Call, channel_id: int) -> list[dict[str, Any]]:
    """`{id, arches}` of the enabled hosts of a channel."""
    return queries.channel_hosts(call.tx, channel_id)


def list_hosts(
    call: Call,
    arches: Any = None,
    channel: Any = None,
    ready: bool | None = None,
    enabled: bool | None = None,
    user: Any = None,
    query_opts: Mapping[str, Any] | None = None,
) -> Any:
    """Hosts by arch (any of a list), channel, readiness, state and account (by name by default)."""
    if arches is not None and not arches:
        raise GenericError("arches option cannot be empty")
    channel_id = None
    if channel is not None:
        channel_id = (find_channel(call, channel, strict=True) or {}).get("id")
    statement = queries.list_hosts(
        arches=[arches] if isinstance(arches, str) else arches,
        channel_id=channel_id,
        ready=ready,
        enabled=enabled,
        user_id=None if user is None else users.find_user_id(call, user, strict=True),
    )
    opts = {"order": "name", **query_options.check_options(query_opts)}
    return query_options.run_query(call.tx, queries.HOST_FIELDS, statement, opts)


def list_channels(
    call: Call, host_info: Any = None, event: int | None = None, enabled: bool | None = None
) -> list[dict[str, Any]]:
    """Channels, or those of one host; only for a host can it be at an event."""
    check_event(event)
    if host_info is None:
        if event is not None:
            raise GenericError("list_channels with event and not host is not allowed.")
        return queries.list_channels(call.tx, enabled=enabled)
    return queries.list_channels(call.tx, require_host(call, host_info)["id"], event, enabled)


def all_arches(call: Call) -> list[str]:
    """Canonical arches of all enabled hosts, in order of first appearance."""
    words = [arch_names.canonical(arch) for text in queries.arch_texts(call.tx) for arch in text.split()]
    return list(dict.fromkeys(words))


def last_activity(call: Call, host_id: int, seconds: bool) -> Any:
    """When the account of a host was last heard of: text, or seconds since the epoch."""
    if not arguments.fits_id(host_id):
        return None
    row = queries.last_activity(call.tx, host_id)
    return row and row["ts" if seconds else "time"]


# hosts


def add_host(call: Call, name: Any, arches: Any, krb_principal: Any, force: bool) -> int:
    """A new host with its account, enabled and in channel `default`; the host's id."""
    arguments.verify_host_name(call.settings, name)
    arch_text = arguments.arch_string(arches)
    if find_host(call, name) is not None:
        raise GenericError(f"host already exists: {name}")
    user_id = users.host_account(call, name, krb_principal, force)
    host_id = queries.insert_host(call.tx, user_id, name)
    values = {"arches": arch_text, "capacity": _NEW_CAPACITY, "enabled": True}
    queries.set_configuration(call.tx, call.user_id, host_id, values, new=True)
    default = require_channel(call, "default")
    queries.subscribe(call.tx, call.user_id, host_id, default["id"])
    _tell(call, host_id, name)
    return host_id


def edit_host(call: Call, host_info: Any, changes: Mapping[str, Any]) -> bool:
    """Change arches, capacity, description, comment; whether anything changed. Other keys are ignored."""
    host = require_host(call, host_info)
    wanted = {key: changes[key] for key in ("arches", "capacity", "description", "comment") if key in changes}
    if "arches" in wanted:
        wanted["arches"] = arguments.arch_string(wanted["arches"])
    if "capacity" in wanted:
        wanted["capacity"] = arguments.number(wanted["capacity"])
        if wanted["capacity"] <= 1:
            raise GenericError(f"Invalid capacity: {wanted['capacity']} (it must be greater than 1)")
    for key in ("description", "comment"):
        if wanted.get(key) is not None:
            arguments.expect(wanted[key], str)
    return _configure(call, host, wanted)


def set_enabled(call: Call, name: Any, enabled: bool) -> None:
    """Enable or disable a host. Raises GenericError `host does not exist: …`."""
    _configure(call, _existing(call, name), {"enabled": enabled})


def _existing(call: Call, name: Any) -> dict[str, Any]:
    host = find_host(call, name)
    if host is None:
        raise GenericError(f"host does not exist: {name}")
    return host


def _configure(call: Call, host: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    current = queries.configuration(call.tx, host["id"])
    if current is None:
        raise GenericError(f"Invalid hostInfo: {host['name']}")
    if all(current[key] == value for key, value in wanted.items()):
        return False
    queries.set_configuration(call.tx, call.user_id, host["id"], {**current, **wanted})
    _tell(call, host["id"], host["name"])
    return True


def _tell(call: Call, host_id: int, name: str) -> None:
    call.tx.notify({"type": "host", "id": host_id, "name": name})


# channels


def add_channel(call: Call, name: Any, description: Any = None) -> int:
    """A new channel's id."""
    arguments.verify_name(call.settings, name)
    if description is not None and not isinstance(description, str | int):
        raise ParameterError("Channel description must be a string")
    _refuse_taken(call, name)
    return queries.insert_channel(call.tx, name, None if description is None else str(description))


def edit_channel(call: Call, channel_info: Any, changes: Mapping[str, Any]) -> bool:
    """Change name, description or comment; whether anything changed."""
    channel = require_channel(call, channel_info)
    wanted = {key: changes[key] for key in ("name", "description", "comment") if key in changes}
    if "name" in wanted:
        arguments.verify_name(call.settings, wanted["name"])
    for key in ("description", "comment"):
        if wanted.get(key) is not None:
            arguments.expect(wanted[key], str)
    wanted = {key: value for key, value in wanted.items() if channel[key] != value}
    if not wanted:
        return False
    if "name" in wanted:
        _refuse_taken(call, wanted["name"])
    queries.update_channel(call.tx, channel["id"], wanted)
    return True


def set_channel_enabled(call: Call, name: Any, enabled: bool, comment: Any) -> None:
    """Enable or disable a channel; a comment, when given, replaces the one it has."""
    channel = find_channel(call, arguments.expect(name, str))
    if channel is None:
        raise GenericError(f"No such channel: {name}")
    values: dict[str, Any] = {"enabled": enabled}
    if comment is not None:
        values["comment"] = arguments.expect(comment, str)
    queries.update_channel(call.tx, channel["id"], values)
    for host in queries.channel_hosts(call.tx, channel["id"]):
        call.tx.notify({"type": "checkin", "id": host["id"]})


def _refuse_taken(call: Call, name: str) -> None:
    taken = queries.channel(call.tx, "name", name)
    if taken is not None:
        raise GenericError(f"channel {name} already exists (id={taken['id']})")


def subscribe(call: Call, host_name: Any, channel_name: Any, create: bool, force: bool) -> None:
    """Put a host into a channel, which `create` makes if there is none; `force` for a disabled one."""
    host = _existing(call, host_name)
    if create:
        arguments.verify_name(call.settings, channel_name)
    channel = find_channel(call, channel_name)
    if channel is None and not create:
        raise GenericError(f"channel does not exist: {channel_name}")
    if channel is not None and not channel["enabled"] and not force:
        raise GenericError(f"channel {channel_name} is disabled")
    channel_id = channel["id"] if channel else queries.insert_channel(call.tx, channel_name)
    if queries.is_subscribed(call.tx, host["id"], channel_id):
        raise GenericError(f"host {host_name} is already subscribed to the {channel_name} channel")
    queries.subscribe(call.tx, call.user_id, host["id"], channel_id)
    _tell(call, host["id"], host["name"])


def unsubscribe(call: Call, host_name: Any, channel_name: Any) -> None:
    """Take a host out of a channel."""
    host = _existing(call, host_name)
    channel = find_channel(call, channel_name)
    if channel is None:
        raise GenericError(f"channel does not exist: {channel_name}")
    if not queries.unsubscribe(call.tx, call.user_id, host["id"], channel["id"]):
        raise GenericError(f"host {host_name} is not subscribed to the {channel_name} channel")
    _tell(call, host["id"], host["name"])


# check-ins


def check_in(call: Call, host_id: int, task_load: Any, ready: Any, data: Any) -> None:
    """Record what a builder says of itself; wakes the scheduler when that differs from the last time."""
    load = arguments.number(task_load)
    if data is not None:
        data = _host_data(data)
    turn = polling.CheckIn(call)
    with call.tx.fleeting():
        changed, number_stored, update_ts = queries.check_in(
            call.tx, host_id, load, bool(ready), data, sessions.number_update(call)
        )
    if number_stored:
        sessions.recorded(call)
    if changed:
        call.tx.notify({"type": "checkin", "id": host_id})
    turn.happened({"update_ts": update_ts, "task_load": load, "ready": bool(ready)})


def set_data(call: Call, host_id: int, data: Any) -> None:
    """Replace the scheduler data of a host: a map, or its JSON text."""
    queries.set_data(call.tx, host_id, _host_data(json.loads(data) if isinstance(data, str) else data))
    call.tx.notify({"type": "checkin", "id": host_id})


def _host_data(data: Any) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise ParameterError("Host data should be a dictionary")
    return data


def share_arch(host_arches: str | None, arches: Iterable[str]) -> bool:
    """Whether a host (arches as stored) has one of these canonical arches."""
    return not set(arches).isdisjoint(arch_names.canonical(arch) for arch in (host_arches or "").split())
