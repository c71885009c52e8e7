"""Calls of packages and package lists."""

from __future__ import annotations

from typing import Any

from moromi.errors import GenericError
from moromi.wire.listing import Listing
from moromi_hub import arguments
from moromi_hub.call import Call
from moromi_hub.db import query_options, versions
from moromi_hub.packages import lists, queries, service
from moromi_hub.packages.queries import Filter
from moromi_hub.rpc.registry import ANYONE, LOGIN, exported
from moromi_hub.tags import service as tags
from moromi_hub.users import service as users


@exported("listPackages", access=ANYONE)
def list_packages(
    call: Call,
    tagID: Any = None,
    userID: Any = None,
    pkgID: Any = None,
    prefix: str | None = None,
    inherited: bool = False,
    with_dups: bool = False,
    event: Any = None,
    queryOpts: Any = None,
    with_owners: bool = True,
    with_blocked: bool = True,
) -> Any:
    """All packages, or with a tag, user or package the entries of package lists.

    Shapes: `Package` without filters, else `TagPackage`. `inherited` needs a tag;
    `prefix` is a prefix of the name in any case.
    """
    if tagID is None and userID is None and pkgID is None:
        return list_packages_simple(call, prefix, queryOpts)
    if userID is not None and not with_owners:
        raise GenericError("userID and with_owners=False can't be used together")
    versions.check_event(event)
    opts = query_options.check_options(queryOpts)
    tag_id = None if tagID is None else tags.require_tag_id(call, tagID)
    wanted = Filter(
        package_id=None if pkgID is None else service.require_package(call, pkgID)["id"],
        owner_id=None if userID is None else users.require_user(call, userID)["id"],
        prefix=arguments.optional_text(prefix),
        with_owners=with_owners,
        with_blocked=with_blocked,
        event=event,
    )
    rows = service.effective_rows(call, tag_id, wanted, inherited, with_dups)
    found = Listing(service.columns(with_owners), rows)
    return query_options.apply_in_memory(found, opts) if opts else found


@exported("listPackagesSimple", access=ANYONE)
def list_packages_simple(call: Call, prefix: str | None = None, queryOpts: Any = None) -> Any:
    """All packages (whose name begins with `prefix` in any case): `[{package_id, package_name}]`."""
    statement = queries.simple_listing(arguments.optional_text(prefix))
    return query_options.run_query(call.tx, queries.simple_fields(), statement, queryOpts, stream=True)


@exported("getPackage", access=ANYONE)
def get_package(call: Call, info: Any, strict: bool = False, create: bool = False) -> dict[str, Any] | None:
    """`{id, name}` of a package, or nil. `create` is accepted and ignored: lists make packages."""
    return service.find_package(call, info, strict=strict)


@exported("getPackageID", access=ANYONE)
def get_package_id(call: Call, name: Any, strict: bool = False) -> int | None:
    """The id of a package by its name, or nil."""
    found = queries.package_id(call.tx, str(name))
    if found is None and strict:
        raise GenericError(f"No such package name: {name}")
    return found


@exported("getPackageConfig", access=ANYONE)
def get_package_config(call: Call, tag: Any, pkg: Any, event: Any = None) -> dict[str, Any] | None:
    """The effective entry (shape `TagPackage`, blocked or not) of a package in a tag, or nil."""
    versions.check_event(event)
    tag_id, package = tags.find_tag_id(call, tag), service.find_package(call, pkg)
    if tag_id is None or package is None:
        return None
    return service.package_config(call, tag_id, package["id"], event)


@exported("checkTagPackage", access=ANYONE)
def check_tag_package(call: Call, tag: Any, pkg: Any) -> bool:
    """Whether a package is in the effective list of a tag and not blocked; unknown names are not."""
    tag_id = tags.find_tag_id(call, tag)
    return tag_id is not None and service.check_tag_package(call, tag_id, pkg)


@exported("packageListAdd", access=LOGIN)
def package_list_add(
    call: Call,
    taginfo: Any,
    pkginfo: Any,
    owner: Any = None,
    block: bool | None = None,
    extra_arches: Any = None,
    force: bool = False,
    update: bool = False,
) -> None:
    """Put a package on the list of a tag. Policy `package_list`."""
    lists.add(call, taginfo, pkginfo, owner, block, extra_arches, force, update)


@exported("packageListRemove", access=LOGIN)
def package_list_remove(call: Call, taginfo: Any, pkginfo: Any, force: bool = False) -> None:
    """Take a package off the list of a tag. Policy `package_list`."""
    lists.remove(call, taginfo, pkginfo, force)


@exported("packageListBlock", access=LOGIN)
def package_list_block(call: Call, taginfo: Any, pkginfo: Any, force: bool = False) -> None:
    """Block a package in a tag. Policy `package_list`."""
    lists.block(call, taginfo, pkginfo, force)


@exported("packageListUnblock", access=LOGIN)
def package_list_unblock(call: Call, taginfo: Any, pkginfo: Any, force: bool = False) -> None:
    """End the block of a package in a tag. Policy `package_list`."""
    lists.unblock(call, taginfo, pkginfo, force)


@exported("packageListSetOwner", access=LOGIN)
def package_list_set_owner(call: Call, taginfo: Any, pkginfo: Any, owner: Any, force: bool = False) -> None:
    """Change who owns a package in a tag. Policy `package_list`."""
    lists.add(call, taginfo, pkginfo, owner=owner, force=force, update=True)


@exported("packageListSetArches", access=LOGIN)
def package_list_set_arches(call: Call, taginfo: Any, pkginfo: Any, arches: Any, force: bool = False) -> None:
    """Change the extra arches of a package in a tag. Policy `package_list`."""
    lists.add(call, taginfo, pkginfo, extra_arches=arches, force=force, update=True)
