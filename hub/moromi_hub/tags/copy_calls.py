"""Calls that copy tags; imported by `calls`."""

from __future__ import annotations

from typing import Any

from moromi_hub.call import Call
from moromi_hub.rpc.registry import exported, permission
from moromi_hub.tags import copying


@exported("snapshotTag", access=permission("tag"))
def snapshot_tag(
    call: Call,
    src: Any,
    dst: Any,
    config: bool = True,
    pkgs: bool = True,
    builds: bool = True,
    groups: bool = True,
    latest_only: bool = True,
    inherit_builds: bool = True,
    event: Any = None,
    force: bool = False,
) -> None:
    """A new tag `dst` with the configuration, packages, builds and groups of `src` (at an event)."""
    what = copying.What(config, pkgs, builds, groups, latest_only, inherit_builds, event, force)
    copying.copy_new(call, src, dst, what)


@exported("snapshotTagModify", access=permission("tag"))
def snapshot_tag_modify(
    call: Call,
    src: Any,
    dst: Any,
    config: bool = True,
    pkgs: bool = True,
    builds: bool = True,
    groups: bool = True,
    latest_only: bool = True,
    inherit_builds: bool = True,
    event: Any = None,
    force: bool = False,
    remove: bool = False,
) -> None:
    """Bring the tag `dst` in line with `src`; `remove` takes away what `src` does not have."""
    what = copying.What(config, pkgs, builds, groups, latest_only, inherit_builds, event, force, remove)
    copying.copy_over(call, src, dst, what)
