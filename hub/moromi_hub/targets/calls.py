"""Calls of build targets."""

from __future__ import annotations

from typing import Any

from moromi_hub.call import Call
from moromi_hub.rpc.registry import ANYONE, exported, permission
from moromi_hub.targets import service

TARGET = permission("target")


@exported("createBuildTarget", access=TARGET)
def create_build_target(call: Call, name: Any, build_tag: Any, dest_tag: Any) -> None:
    """A new build target."""
    service.create_target(call, name, build_tag, dest_tag)


@exported("editBuildTarget", access=TARGET)
def edit_build_target(call: Call, buildTargetInfo: Any, name: Any, build_tag: Any, dest_tag: Any) -> None:
    """A new version of a build target."""
    service.edit_target(call, buildTargetInfo, name, build_tag, dest_tag)


@exported("deleteBuildTarget", access=TARGET)
def delete_build_target(call: Call, buildTargetInfo: Any) -> None:
    """End a build target."""
    service.delete_target(call, buildTargetInfo)


@exported("getBuildTarget", access=ANYONE)
def get_build_target(call: Call, info: Any, event: Any = None, strict: bool = False) -> dict[str, Any] | None:
    """Shape `Target`, or nil."""
    return service.get_target(call, info, event, strict)


@exported("getBuildTargets", access=ANYONE)
def get_build_targets(
    call: Call,
    info: Any = None,
    event: Any = None,
    buildTagID: Any = None,
    destTagID: Any = None,
    queryOpts: Any = None,
) -> Any:
    """Build targets (shape `Target`), all or of a name, a build tag, a destination tag."""
    return service.list_targets(call, info, event, buildTagID, destTagID, queryOpts)
