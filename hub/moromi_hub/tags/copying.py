"""Copying a tag into another: `snapshotTag` and `snapshotTagModify` (data-model.md section 4.13).

Each item gets an event of its own, so that the order of tagging survives the copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from moromi.errors import GenericError, ParameterError
from moromi_hub.builds import service as builds
from moromi_hub.call import Call
from moromi_hub.groups import editing as group_editing
from moromi_hub.groups import service as groups
from moromi_hub.packages import lists
from moromi_hub.packages import service as packages
from moromi_hub.tagging import service as tagging
from moromi_hub.tags import editing, service

Tag = dict[str, Any]


@dataclass(frozen=True)
class What:
    """What is copied, and how."""

    config: bool = True
    pkgs: bool = True
    builds: bool = True
    groups: bool = True
    latest_only: bool = True
    inherit_builds: bool = True
    event: int | None = None
    force: bool = False
    remove: bool = False
    """Only when an existing tag is brought in line: take away what the source does not have."""

    def __post_init__(self) -> None:
        if self.builds and not self.pkgs:
            raise ParameterError("builds can't be used without pkgs in snapshotTag")


def copy_new(call: Call, source_info: Any, name: Any, what: What) -> None:
    """A new tag like another one, without its inheritance and its external repositories."""
    source = service.require_tag(call, source_info, what.event)
    if service.get_tag(call, name) is not None:
        raise GenericError("Target tag already exists")
    if source["locked"] and not what.force:
        raise GenericError("Source tag is locked, use force to copy")
    config: dict[str, Any] = {}
    if what.config:
        config = {
            "arches": source["arches"],
            "perm": source["perm_id"],
            "locked": source["locked"],
            "maven_support": source["maven_support"],
            "maven_include_all": source["maven_include_all"],
            "extra": source["extra"],
        }
    tag_id = editing.create_tag(call, name, **config)
    call.tx.forget_event()
    if what.pkgs:
        _copy_packages(call, source, tag_id, what)
    if what.builds:
        tagging.mass_tag(call, tag_id, [build["id"] for build in _source_builds(call, source, what)])
    if what.groups:
        _copy_groups(call, source, tag_id, what, add_content=True)


def _copy_packages(call: Call, source: Tag, tag_id: int, what: What) -> set[str]:
    """Put the effective packages of the source, blocked ones too, on the list; their names."""
    entries = packages.tag_packages(call, source["id"], what.event)
    for entry in entries.values():
        lists.add(
            call,
            tag_id,
            entry["package_name"],
            owner=entry["owner_id"],
            block=entry["blocked"],
            extra_arches=entry["extra_arches"],
            force=True,
            use_policy=False,
        )
        call.tx.forget_event()
    return {entry["package_name"] for entry in entries.values()}


def _source_builds(call: Call, source: Tag, what: What) -> list[dict[str, Any]]:
    """The builds to copy, in the order in which they are to be tagged: oldest first."""
    latest = 1 if what.latest_only else 0
    found = tagging.tagged_builds(
        call, source["id"], event=what.event, inherit=what.inherit_builds, latest=latest
    )
    unique = {build["id"]: build for build in found}
    return list(reversed(unique.values()))


def _copy_groups(call: Call, source: Tag, tag_id: int, what: What, add_content: bool) -> None:
    """Add the effective groups that the tag lacks: names and blocks, with `add_content` what is in them."""
    there = groups.effective_groups(call, tag_id)
    effective = groups.effective_groups(call, source["id"], what.event)
    new = [group for key, group in effective.items() if key not in there]
    for group in new:
        group_editing.add_group(call, tag_id, group["group_id"], group["blocked"], force=True, opts={})
        call.tx.forget_event()
    if add_content:
        for group in new:
            if not group["blocked"]:
                _copy_content(call, tag_id, group, {}, {})


def _copy_content(
    call: Call, tag_id: int, group: dict[str, Any], there_pkgs: dict[str, Any], there_reqs: dict[int, Any]
) -> None:
    """Add packages and requirements that the group lacks in the tag."""
    group_id = group["group_id"]
    for name, entry in group["packagelist"].items():
        if there_pkgs.get(name, {}).get("blocked") != entry["blocked"]:
            group_editing.add_package(call, tag_id, group_id, name, entry["blocked"], force=True, opts={})
            call.tx.forget_event()
    for req_id, entry in group["grouplist"].items():
        if there_reqs.get(req_id, {}).get("blocked") != entry["blocked"]:
            group_editing.add_requirement(
                call, tag_id, group_id, req_id, entry["blocked"], force=True, opts={}
            )
            call.tx.forget_event()


def copy_over(call: Call, source_info: Any, target_info: Any, what: What) -> None:
    """Bring an existing tag in line with another one."""
    source = service.require_tag(call, source_info, what.event)
    target = service.require_tag(call, target_info)
    if (source["locked"] or target["locked"]) and not what.force:
        raise GenericError("Source or destination tag is locked, use force to copy")
    service.assert_tag_access(call, target["id"], force=what.force)
    if what.config:
        _align_config(call, source, target)
    if what.pkgs:
        names = _copy_packages(call, source, target["id"], what)
        for entry in packages.tag_packages(call, target["id"]).values():
            if entry["package_name"] not in names and not entry["blocked"]:
                lists.add(call, target["id"], entry["package_name"], block=True, force=True, use_policy=False)
                call.tx.forget_event()
    if what.builds:
        _align_builds(call, source, target, what)
    if what.groups:
        _align_groups(call, source, target["id"], what)


def _align_config(call: Call, source: Tag, target: Tag) -> None:
    keys = ("arches", "perm_id", "locked", "maven_support", "maven_include_all", "extra")
    changes = {key: source[key] for key in keys}
    if not call.settings.EnableMaven:
        del changes["maven_support"], changes["maven_include_all"]
    changes["remove_extra"] = [key for key in target["extra"] if key not in source["extra"]]
    editing.edit_tag(call, target["id"], changes)
    call.tx.forget_event()


def _align_builds(call: Call, source: Tag, target: Tag, what: What) -> None:
    """Per package, give the target the source's order; other builds stay as the oldest unless `remove`."""
    wanted: dict[str, list[int]] = {}
    for build in _source_builds(call, source, what):
        wanted.setdefault(build["package_name"], []).append(build["id"])
    present: dict[str, list[int]] = {}
    for build in reversed(list(tagging.tagged_builds(call, target["id"], inherit=False))):
        present.setdefault(build["package_name"], []).append(build["id"])
    for name in [*wanted, *(name for name in present if name not in wanted)]:
        order, have = wanted.get(name, []), present.get(name, [])
        extras = [] if what.remove else [build_id for build_id in have if build_id not in order]
        _reorder(call, target, have, [*extras, *order])


def _reorder(call: Call, target: Tag, have: Sequence[int], order: Sequence[int]) -> None:
    """Untag what is out of order and tag the rest anew: `have` becomes `order`, both oldest first."""
    kept = 0
    for build_id in have:
        if kept < len(order) and order[kept] == build_id:
            kept += 1
            continue
        tagging.take(call, target, builds.require_build(call, build_id), call.user_id, force=True)
        call.tx.forget_event()
    if order[kept:]:
        tagging.mass_tag(call, target["id"], order[kept:])


def _align_groups(call: Call, source: Tag, tag_id: int, what: What) -> None:
    """Add missing groups by name, and to the others their missing content; `remove` takes away the rest."""
    wanted = groups.effective_groups(call, source["id"], what.event)
    there = groups.effective_groups(call, tag_id)
    _copy_groups(call, source, tag_id, what, add_content=False)
    for key, group in there.items():
        if key not in wanted:
            if what.remove and not group["blocked"]:
                _remove_group(call, tag_id, group)
            continue
        if group["blocked"] or wanted[key]["blocked"]:
            continue
        _copy_content(call, tag_id, wanted[key], group["packagelist"], group["grouplist"])
        if what.remove:
            _remove_content(call, tag_id, wanted[key], group)


def _remove_group(call: Call, tag_id: int, group: dict[str, Any]) -> None:
    """Take an own group out of the tag, block an inherited one."""
    if group["tag_id"] == tag_id:
        group_editing.remove_group(call, tag_id, group["group_id"], force=True)
    else:
        group_editing.add_group(call, tag_id, group["group_id"], block=True, force=True, opts={})
    call.tx.forget_event()


def _remove_content(call: Call, tag_id: int, wanted: dict[str, Any], group: dict[str, Any]) -> None:
    """The same for packages and requirements of a group."""
    group_id = group["group_id"]
    for name, entry in group["packagelist"].items():
        if name in wanted["packagelist"] or entry["blocked"]:
            continue
        if entry["tag_id"] == tag_id:
            group_editing.remove_package(call, tag_id, group_id, name)
        else:
            group_editing.add_package(call, tag_id, group_id, name, block=True, force=True, opts={})
        call.tx.forget_event()
    for req_id, entry in group["grouplist"].items():
        if req_id in wanted["grouplist"] or entry["blocked"]:
            continue
        if entry["tag_id"] == tag_id:
            group_editing.remove_requirement(call, tag_id, group_id, req_id)
        else:
            group_editing.add_requirement(call, tag_id, group_id, req_id, block=True, force=True, opts={})
        call.tx.forget_event()
