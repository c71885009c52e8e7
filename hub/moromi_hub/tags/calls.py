"""Calls of tags and their inheritance."""

from __future__ import annotations

from typing import Any

from moromi.errors import GenericError, ParameterError
from moromi_hub import arguments
from moromi_hub.builds import service as builds
from moromi_hub.call import Call
from moromi_hub.db import query_options, versions
from moromi_hub.packages import service as packages
from moromi_hub.rpc.registry import ANYONE, exported, permission
from moromi_hub.tags import copy_calls as copy_calls
from moromi_hub.tags import editing, inheritance, queries, service


@exported("getTag", access=ANYONE)
def get_tag(
    call: Call, tagInfo: Any, strict: bool = False, event: Any = None, blocked: bool = False
) -> dict[str, Any] | None:
    """Shape `Tag`, or nil. `event`: an id, or "auto" for now or the moment before the tag was deleted."""
    return service.get_tag(call, tagInfo, strict, event, blocked)


@exported("getTagID", access=ANYONE)
def get_tag_id(call: Call, info: Any, strict: bool = False, create: bool = False) -> int | None:
    """The id of a tag, also of a deleted one, or nil. `create` is accepted and ignored: see createTag."""
    return service.find_tag_id(call, info, strict)


@exported("createTag", access=permission("tag"))
def create_tag(
    call: Call,
    name: Any,
    parent: Any = None,
    arches: Any = None,
    perm: Any = None,
    locked: bool = False,
    maven_support: bool = False,
    maven_include_all: bool = False,
    extra: Any = None,
) -> int:
    """A new tag's id."""
    return editing.create_tag(
        call, name, parent, arches, perm, locked, maven_support, maven_include_all, extra
    )


@exported("editTag", access=permission("tag"))
def edit_tag(
    call: Call, tagInfo: Any, name: Any, arches: Any, locked: bool, permissionID: Any, extra: Any = None
) -> None:
    """The old form of editTag2."""
    changes = {"name": name, "arches": arches, "locked": locked, "perm_id": permissionID, "extra": extra}
    editing.edit_tag(call, tagInfo, changes)


@exported("editTag2", access=permission("tag"))
def edit_tag2(call: Call, tagInfo: Any, **kwargs: Any) -> None:
    """Change a tag: name, arches, locked, perm or perm_id, maven_support, maven_include_all, extra, …"""
    editing.edit_tag(call, tagInfo, kwargs)


@exported("deleteTag", access=permission("tag"))
def delete_tag(call: Call, tagInfo: Any) -> None:
    """End a tag with everything in it."""
    editing.delete_tag(call, tagInfo)


@exported("listTags", access=ANYONE)
def list_tags(
    call: Call,
    build: Any = None,
    package: Any = None,
    perms: bool = True,
    queryOpts: Any = None,
    pattern: str | None = None,
) -> Any:
    """Live tags (shape `TagRow`): all, of a build, or those that list a package; `pattern` is a glob."""
    if build is not None and package is not None:
        raise GenericError("only one of build and package may be specified")
    build_id = package_id = None
    if build is not None:
        tagged = builds.get_build(call, build)
        if tagged is None:
            raise GenericError(f"No such build: {build}")
        build_id = tagged["id"]
    if package is not None:
        found = packages.find_package(call, package)
        if found is None:
            raise GenericError(f"No such package: {package}")
        package_id = found["id"]
    statement = queries.listing(build_id, package_id, perms, arguments.optional_text(pattern))
    fields = queries.listing_fields(perms, package_id is not None)
    return query_options.run_query(call.tx, fields, statement, queryOpts)


@exported("getInheritanceData", access=ANYONE)
def get_inheritance_data(call: Call, tag: Any, event: Any = None) -> list[dict[str, Any]]:
    """The links of a tag to its parents by priority: shape `InheritLink`."""
    versions.check_event(event)
    return queries.links(call.tx, service.require_tag_id(call, tag), event)


@exported("setInheritanceData", access=permission("tag"))
def set_inheritance_data(call: Call, tag: Any, data: Any, clear: bool = False) -> None:
    """Change the links of a tag: `data` is a link map or a list of them."""
    editing.set_inheritance(call, tag, data, clear)


@exported("getFullInheritance", access=ANYONE)
def get_full_inheritance(
    call: Call, tag: Any, event: Any = None, reverse: bool = False, **kwargs: Any
) -> list[dict[str, Any]]:
    """Every link of the walk to the ancestors (shape `FullLink`), or to the descendants (`ReverseLink`)."""
    for option, value in kwargs.items():
        if option not in ("stops", "jumps"):
            raise ParameterError(f"getFullInheritance() got an unexpected keyword argument '{option}'")
        if value:
            raise ParameterError(f"{option} option has been removed since 1.26")
    if isinstance(tag, int) and not isinstance(tag, bool):
        tag_id = tag
        if not arguments.fits_id(tag_id):
            return []
    else:
        tag_id = service.require_tag_id(call, tag)
    return inheritance.full_inheritance(call, tag_id, event, reverse)


@exported("getBuildConfig", access=ANYONE)
def get_build_config(call: Call, tag: Any, event: Any = None) -> dict[str, Any]:
    """A tag with the arches and extra data that it inherits: shape `BuildConfig`."""
    return service.build_config(call, tag, event)


@exported("checkTagAccess", access=ANYONE)
def check_tag_access(call: Call, tag_id: Any, user_id: Any = None) -> tuple[bool, bool, str]:
    """`[allowed, overridable, reason]` for a user (nil: the caller) changing what a tag holds."""
    return service.check_tag_access(call, tag_id, arguments.optional_integer(user_id))
