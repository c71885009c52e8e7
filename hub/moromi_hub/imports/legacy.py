"""What builds of the types maven, win and image have beside their entry (data-model.md section 7.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moromi.errors import BuildError, GenericError
from moromi_hub.archives import service as archives
from moromi_hub.builds import service as builds
from moromi_hub.call import Call

Info = Mapping[str, Any]
_MAVEN_KEYS = ("group_id", "artifact_id", "version")


def assert_enabled(call: Call, btype: str) -> None:
    """Raise GenericError unless the site has switched the type on (image always is)."""
    if btype == "maven" and not call.settings.EnableMaven:
        raise GenericError("Maven support not enabled")
    if btype == "win" and not call.settings.EnableWin:
        raise GenericError("Windows support not enabled")


def check_info(btype: str, info: Any) -> dict[str, Any]:
    """The row of a build in the table of its type. Raises GenericError for what is missing."""
    if btype == "image":
        return {}
    name, label = ("maven_info", "Maven") if btype == "maven" else ("win_info", "Windows")
    if not isinstance(info, Mapping):
        raise GenericError(f"Invalid type for {name}: {type(info)}")
    if not info:
        raise GenericError(f"{label} info is empty")
    if btype == "win":
        if "platform" not in info:
            raise GenericError("Windows info doesn't have mandatory platform key")
        return {"platform": str(info["platform"])}
    for key in _MAVEN_KEYS:
        if key not in info:
            raise GenericError(f"Maven info doesn't have mandatory '{key}' key")
    return {key: str(info[key]) for key in _MAVEN_KEYS}


def add_info(call: Call, build: Info, btype: str, info: Any) -> None:
    """Make a build one of a type. Another maven GAV than it has is BuildError; another platform replaces."""
    row = check_info(btype, info)
    if btype == "maven":
        present = archives.legacy_build(call, "maven", build["id"])
        for key in _MAVEN_KEYS if present else ():
            if present is not None and present[key] != row[key]:
                raise BuildError(f"{key} mismatch (current: {present[key]}, new: {row[key]})")
    archives.set_legacy_build(call, btype, {"build_id": build["id"], **row})
    builds.add_types(call, build["id"], btype)


def create_build(call: Call, build_info: Any, btype: str, info: Any) -> None:
    """Make a build (given as a map and unknown: COMPLETE) one of a type."""
    build = builds.get_build(call, build_info)
    if build is None:
        build = builds.require_build(call, _new_build(call, build_info))
    elif build["draft"]:
        raise GenericError("Draft build not supported")
    add_info(call, build, btype, info)


def _new_build(call: Call, build_info: Any) -> int:
    if not isinstance(build_info, Mapping):
        raise GenericError(f"Invalid type for build_info: {type(build_info)}")
    if build_info.get("draft"):
        raise GenericError("Draft build not supported")
    for key in ("name", "version", "release", "epoch"):
        if key not in build_info:
            raise GenericError(f"Build info doesn't have mandatory '{key}' key")
    return builds.new_build(call, {key: build_info[key] for key in ("name", "version", "release", "epoch")})
