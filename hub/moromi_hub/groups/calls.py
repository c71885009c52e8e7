"""Calls of comps groups."""

from __future__ import annotations

from typing import Any

from moromi_hub import arguments
from moromi_hub.call import Call
from moromi_hub.db import versions
from moromi_hub.groups import editing, service
from moromi_hub.rpc.registry import ANYONE, exported, permission
from moromi_hub.tags import service as tags

TAG = permission("tag")


@exported("getTagGroups", access=ANYONE)
def get_tag_groups(
    call: Call,
    tag: Any,
    event: Any = None,
    inherit: bool = True,
    incl_pkgs: bool = True,
    incl_reqs: bool = True,
    incl_blocked: bool = False,
) -> list[dict[str, Any]]:
    """The effective groups of a tag: shape `Group`."""
    versions.check_event(event)
    tag_id = tags.require_tag_id(call, tag)
    return service.tag_groups(call, tag_id, event, inherit, incl_pkgs, incl_reqs, incl_blocked)


@exported("groupListAdd", access=TAG)
def group_list_add(
    call: Call, taginfo: Any, grpinfo: Any, block: bool = False, force: bool = False, **opts: Any
) -> None:
    """Put a group into a tag; options are the fields of its configuration."""
    editing.add_group(call, taginfo, grpinfo, block, force, opts)


@exported("groupListRemove", access=TAG)
def group_list_remove(call: Call, taginfo: Any, grpinfo: Any, force: bool = False) -> None:
    """Take a group out of a tag."""
    editing.remove_group(call, taginfo, grpinfo, force)


@exported("groupListBlock", access=TAG)
def group_list_block(call: Call, taginfo: Any, grpinfo: Any) -> None:
    """Block a group in a tag."""
    editing.add_group(call, taginfo, grpinfo, block=True, force=False, opts={})


@exported("groupListUnblock", access=TAG)
def group_list_unblock(call: Call, taginfo: Any, grpinfo: Any) -> None:
    """End the block of a group in a tag."""
    editing.unblock_group(call, taginfo, grpinfo)


@exported("groupPackageListAdd", access=TAG)
def group_package_list_add(
    call: Call,
    taginfo: Any,
    grpinfo: Any,
    pkg_name: Any,
    block: bool = False,
    force: bool = False,
    **opts: Any,
) -> None:
    """Put a package into a group of a tag; options `type`, `basearchonly`, `requires`."""
    name = arguments.expect(pkg_name, str)
    editing.add_package(call, taginfo, grpinfo, name, block, force, opts)


@exported("groupPackageListRemove", access=TAG)
def group_package_list_remove(call: Call, taginfo: Any, grpinfo: Any, pkg_name: Any) -> None:
    """Take a package out of a group of a tag."""
    editing.remove_package(call, taginfo, grpinfo, arguments.expect(pkg_name, str))


@exported("groupPackageListBlock", access=TAG)
def group_package_list_block(call: Call, taginfo: Any, grpinfo: Any, pkg_name: Any) -> None:
    """Block a package in a group of a tag."""
    name = arguments.expect(pkg_name, str)
    editing.add_package(call, taginfo, grpinfo, name, block=True, force=False, opts={})


@exported("groupPackageListUnblock", access=TAG)
def group_package_list_unblock(call: Call, taginfo: Any, grpinfo: Any, pkg_name: Any) -> None:
    """End the block of a package in a group of a tag."""
    editing.unblock_package(call, taginfo, grpinfo, arguments.expect(pkg_name, str))


@exported("groupReqListAdd", access=TAG)
def group_req_list_add(
    call: Call,
    taginfo: Any,
    grpinfo: Any,
    reqinfo: Any,
    block: bool = False,
    force: bool = False,
    **opts: Any,
) -> None:
    """Let a group of a tag need another; options `type`, `is_metapkg`."""
    editing.add_requirement(call, taginfo, grpinfo, reqinfo, block, force, opts)


@exported("groupReqListRemove", access=TAG)
def group_req_list_remove(call: Call, taginfo: Any, grpinfo: Any, reqinfo: Any, force: Any = None) -> None:
    """End the need of a group in a tag. `force` is accepted and ignored."""
    editing.remove_requirement(call, taginfo, grpinfo, reqinfo)


@exported("groupReqListBlock", access=TAG)
def group_req_list_block(call: Call, taginfo: Any, grpinfo: Any, reqinfo: Any) -> None:
    """Block the need of a group in a tag."""
    editing.add_requirement(call, taginfo, grpinfo, reqinfo, block=True, force=False, opts={})


@exported("groupReqListUnblock", access=TAG)
def group_req_list_unblock(call: Call, taginfo: Any, grpinfo: Any, reqinfo: Any) -> None:
    """End the block of a need of a group in a tag."""
    editing.unblock_requirement(call, taginfo, grpinfo, reqinfo)
