"""Which volume an import goes to: the policy `volume` (hub-protocol.md section 6.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moromi.constants import DEFAULT_VOLUME, DEFAULT_VOLUME_ID
from moromi.errors import GenericError
from moromi_hub.call import Call
from moromi_hub.policies import service as policies
from moromi_hub.volumes import service

DEFAULT = {"id": DEFAULT_VOLUME_ID, "name": DEFAULT_VOLUME}


def volume_for(call: Call, data: Mapping[str, Any], strict: bool = False) -> dict[str, Any] | None:
    """The volume that the policy names for `data`; None if it names none or cannot be evaluated.

    With `strict`, GenericError `Policy returned no such volume: …` or `No volume policy match`.
    """
    try:
        name = policies.evaluate(call, "volume", dict(data))
    except GenericError:
        if strict:
            raise
        call.hub.log.warning("volume policy failed", exc_info=True)
        return None
    if name is None:
        if strict:
            raise GenericError("No volume policy match")
        return None
    found = service.find_volume(call, name)
    if found is None:
        if strict:
            raise GenericError(f"Policy returned no such volume: {name}")
        call.hub.log.error("volume policy names no volume: %s", name)
    return found


def volume_for_import(call: Call, data: Mapping[str, Any]) -> dict[str, Any]:
    """The volume for a new build; DEFAULT where the policy gives none."""
    return volume_for(call, data) or dict(DEFAULT)
