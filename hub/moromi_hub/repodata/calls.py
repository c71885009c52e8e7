"""The exported call by which builders get what is kept of rpms. It is ours: Koji has none like it."""

from __future__ import annotations

from typing import Any

from moromi_hub import arguments
from moromi_hub.call import Call
from moromi_hub.repodata import entries
from moromi_hub.rpc.registry import HOST, exported


@exported("host.getRPMMetadata", access=HOST)
def get_rpm_metadata(call: Call, rpms: Any, unreadable: Any = None) -> list[str]:
    """What repositories say of rpms: an entry's line for each `[rpm id, key]`, in their order.

    The key is that of the signed copy, or '' for the imported file. Locations, and the packs of fragments,
    are paths below the top of the tree. `unreadable` names packs that are lost or damaged: what was in
    them is rendered again. Raises GenericError for an rpm without a file that can be read.
    """
    wanted = [arguments.expect(each, list) for each in arguments.expect(rpms, list)]
    pairs = [(arguments.integer(rpm_id), str(key)) for rpm_id, key in wanted]
    packs = [str(pack) for pack in arguments.expect(unreadable or [], list)]
    return entries.of_rpms(call, pairs, packs)
