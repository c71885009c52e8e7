"""The calls of hosts and channels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moromi_hub import arguments
from moromi_hub.auth.permissions import calling_host
from moromi_hub.call import Call
from moromi_hub.hosts import polling, service
from moromi_hub.rpc.registry import ADMIN, ANYONE, HOST, exported, permission


@exported("getHost", access=ANYONE)
def get_host(call: Call, hostInfo: Any, strict: bool = False, event: Any = None) -> dict[str, Any] | None:
    """Host by name or id: `{id, user_id, name, update_ts, ready, task_load, arches, capacity, …}` or nil."""
    return service.find_host(call, hostInfo, strict, event)


@exported("listHosts", access=ANYONE)
def list_hosts(
    call: Call,
    arches: Any = None,
    channelID: Any = None,
    ready: Any = None,
    enabled: Any = None,
    userID: Any = None,
    queryOpts: Any = None,
) -> Any:
    """List of hosts by name; `queryOpts` as in other listing calls."""
    return service.list_hosts(call, arches, channelID, ready, enabled, userID, queryOpts)


@exported("getLastHostUpdate", access=ANYONE)
def get_last_host_update(call: Call, hostID: Any, ts: bool = False) -> Any:
    """Newest session activity of the host's account: time text, or seconds with `ts`; nil if none."""
    return service.last_activity(call, arguments.integer(hostID), ts)


@exported("getAllArches", access=ANYONE)
def get_all_arches(call: Call) -> list[str]:
    """Canonical arches of all hosts."""
    return service.all_arches(call)


@exported("addHost", access=permission("host"))
def add_host(call: Call, hostname: Any, arches: Any, krb_principal: Any = None, force: bool = False) -> int:
    """Id of a new host (`arches`: list). Raises GenericError for a bad or taken name."""
    return service.add_host(call, hostname, arches, krb_principal, force)


@exported("editHost", access=permission("host"))
def edit_host(call: Call, hostInfo: Any, **kw: Any) -> bool:
    """Change arches, capacity, description, comment; whether anything changed."""
    return service.edit_host(call, hostInfo, kw)


@exported("enableHost", access=permission("host"))
def enable_host(call: Call, hostname: Any) -> None:
    """Let a host take tasks."""
    service.set_enabled(call, hostname, True)


@exported("disableHost", access=permission("host"))
def disable_host(call: Call, hostname: Any) -> None:
    """Give a host no more tasks; what runs there goes on."""
    service.set_enabled(call, hostname, False)


@exported("getChannel", access=ANYONE)
def get_channel(call: Call, channelInfo: Any, strict: bool = False) -> dict[str, Any] | None:
    """`{id, name, description, enabled, comment}` or nil."""
    if strict:
        return service.require_channel(call, channelInfo)
    return service.find_channel(call, channelInfo)


@exported("listChannels", access=ANYONE)
def list_channels(
    call: Call, hostID: Any = None, event: Any = None, enabled: Any = None
) -> list[dict[str, Any]]:
    """Channels, or those of a host (at an event)."""
    return service.list_channels(call, hostID, event, enabled)


@exported("addChannel", access=ADMIN)
def add_channel(call: Call, channel_name: Any, description: Any = None) -> int:
    """Id of a new channel."""
    return service.add_channel(call, channel_name, description)


@exported("editChannel", access=ADMIN)
def edit_channel(call: Call, channelInfo: Any, **kw: Any) -> bool:
    """Change name, description, comment; whether anything changed."""
    return service.edit_channel(call, channelInfo, kw)


@exported("renameChannel", access=ADMIN)
def rename_channel(call: Call, old: Any, new: Any) -> None:
    """Rename a channel (old form of `editChannel`)."""
    service.edit_channel(call, old, {"name": new})


@exported("enableChannel", access=permission("host"))
def enable_channel(call: Call, channelname: Any, comment: Any = None) -> None:
    """Let tasks into a channel again."""
    service.set_channel_enabled(call, channelname, True, comment)


@exported("disableChannel", access=permission("host"))
def disable_channel(call: Call, channelname: Any, comment: Any = None) -> None:
    """Let no more tasks into a channel."""
    service.set_channel_enabled(call, channelname, False, comment)


@exported("addHostToChannel", access=permission("host"))
def add_host_to_channel(
    call: Call, hostname: Any, channel_name: Any, create: bool = False, force: bool = False
) -> None:
    """Subscribe a host."""
    service.subscribe(call, hostname, channel_name, create, force)


@exported("removeHostFromChannel", access=permission("host"))
def remove_host_from_channel(call: Call, hostname: Any, channel_name: Any) -> None:
    """Unsubscribe a host."""
    service.unsubscribe(call, hostname, channel_name)


# of builders


@exported("host.getID", access=HOST)
def host_get_id(call: Call) -> int:
    """Id of the calling host."""
    return calling_host(call).id


@exported("host.getHost", access=HOST)
def host_get_host(call: Call) -> Mapping[str, Any]:
    """The calling host, as `getHost`."""
    return polling.required_host(call, calling_host(call).id)


@exported("host.isEnabled", access=HOST)
def host_is_enabled(call: Call) -> bool:
    """Whether the calling host may take tasks."""
    return bool(polling.required_host(call, calling_host(call).id)["enabled"])


@exported("host.updateHost", access=HOST)
def host_update_host(call: Call, task_load: Any, ready: Any, data: Any = None) -> None:
    """Check in: load, readiness, and what the scheduler should know (`methods`, `maxjobs`)."""
    service.check_in(call, calling_host(call).id, task_load, ready, data)


@exported("host.setHostData", access=HOST)
def host_set_host_data(call: Call, hostdata: Any) -> None:
    """Replace the host's scheduler data: a map, or its JSON text."""
    service.set_data(call, calling_host(call).id, hostdata)
