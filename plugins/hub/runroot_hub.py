"""`runroot`: commands of users in a fresh buildroot (spec: builder.md section 8.2)."""

from __future__ import annotations

import random
from typing import Any

from moromi.arches import canonical
from moromi.errors import GenericError
from moromi.wire.named import join_named
from moromi_hub.plugin_api import Call, exported, hosts, permission, tags, tasks

PRIORITY = 15


@exported("runroot", access=permission("runroot"))
def runroot(call: Call, tagInfo: Any, arch: Any, command: Any, channel: Any = None, **opts: Any) -> int:
    """Run a command (text for a shell, or a list of words) in a chroot of a build tag; the task's id.

    `opts`: packages, mounts, repo_id, skip_setarch, weight, upload_logs, new_chroot.
    """
    if not isinstance(command, (str, list)):
        raise GenericError(f"Invalid type for value '{command}': {type(command)}")
    tag = tags.require_tag(call, tagInfo)
    channel = "runroot" if channel is None else channel
    return tasks.make_task(
        call,
        "runroot",
        join_named([tagInfo, arch, command], opts),
        priority=PRIORITY,
        channel=channel,
        arch=arch if arch != "noarch" else _task_arch(call, tag, channel),
    )


def _task_arch(call: Call, tag: dict[str, Any], channel_info: Any) -> str:
    """Where a noarch request runs: anywhere if the tag has all arches of the site, else on one it has."""
    arches = (tags.build_config(call, tag["id"])["arches"] or "").split()
    if not arches:
        raise GenericError(f"no arches defined for tag {tag['name']}")
    ours = {canonical(arch) for arch in arches}
    if ours.issuperset(hosts.all_arches(call)):
        return "noarch"
    channel = hosts.find_channel(call, channel_info)
    if channel is None:
        raise GenericError(f"No such channel: {channel_info}")
    present = {
        canonical(arch)
        for host in hosts.channel_hosts(call, channel["id"])
        for arch in (host["arches"] or "").split()
    }
    if not ours & present:
        raise GenericError(f"no common arches for tag/channel: {tag['name']}/{channel['name']}")
    return random.choice(sorted(ours & present))
