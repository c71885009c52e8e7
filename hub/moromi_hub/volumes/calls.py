"""Calls about volumes."""

from __future__ import annotations

from typing import Any

from moromi.errors import GenericError
from moromi_hub.call import Call
from moromi_hub.rpc.registry import ADMIN, ANYONE, exported
from moromi_hub.volumes import move, service


@exported("listVolumes", access=ANYONE)
def list_volumes(call: Call) -> list[dict[str, Any]]:
    """[{id, name}]."""
    return service.list_volumes(call)


@exported("getVolume", access=ANYONE)
def get_volume(call: Call, volume: Any, strict: bool = False) -> dict[str, Any] | None:
    """{id, name}, or nil for an unknown one unless `strict` (GenericError `No such volume: …`)."""
    found = service.find_volume(call, volume)
    if found is None and strict:
        raise GenericError(f"No such volume: {volume}")
    return found


@exported("addVolume", access=ADMIN)
def add_volume(call: Call, name: Any, strict: bool = True) -> dict[str, Any]:
    """{id, name} of a new volume, whose directory must be there.

    Raises GenericError `please create the volume directory first`, `volume … already exists` (strict).
    """
    return service.add_volume(call, name, bool(strict))


@exported("removeVolume", access=ADMIN)
def remove_volume(call: Call, volume: Any) -> None:
    """Forget a volume without builds. Raises GenericError `volume … has build references`."""
    service.remove_volume(call, volume)


@exported("changeBuildVolume", access=ADMIN)
def change_build_volume(call: Call, build: Any, volume: Any, strict: bool = True) -> None:
    """Move the files of a build. Raises GenericError for a build under way or content in the way."""
    move.change_volume(call, build, volume, bool(strict))


@exported("applyVolumePolicy", access=ADMIN)
def apply_volume_policy(call: Call, build: Any, strict: bool = False) -> None:
    """Move a build to where the policy `volume` wants it. Errors as `changeBuildVolume`."""
    move.apply_policy(call, build, bool(strict))
