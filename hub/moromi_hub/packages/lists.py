"""Changing the package list of a tag (data-model.md section 4.5).

Every change needs a log-in and passes the policy `package_list`; `force`
overrides the policy for admins, and the checks on what the list already holds
for whoever the policy lets through.
"""

from __future__ import annotations

from typing import Any

from moromi.errors import GenericError
from moromi_hub import arguments
from moromi_hub.call import Call
from moromi_hub.db import lookup
from moromi_hub.packages import queries, service
from moromi_hub.policies import service as policies
from moromi_hub.tags import service as tags
from moromi_hub.users import service as users


def add(
    call: Call,
    tag_info: Any,
    package_info: Any,
    owner: Any = None,
    block: bool | None = None,
    extra_arches: Any = None,
    force: bool = False,
    update: bool = False,
    use_policy: bool = True,
) -> None:
    """Put a package on a tag's list, or change its entry; None keeps what is effective now.

    `use_policy` is off for callers that may change the list anyway (a forced tagging, a snapshot).
    """
    tag = tags.require_tag(call, tag_info)
    package = service.find_package(call, package_info)
    if package is None and "name" not in lookup.name_or_id(package_info):
        raise GenericError(f"No such package: {package_info}")
    owner_id = None if owner is None else users.require_user(call, owner)["id"]
    action = "update" if update else "block" if block else "add"
    if use_policy:
        _assert_policy(call, tag, action, package_info, force)
    if package is None:
        package = service.create_package(call, package_info)
    arches = None if extra_arches is None else arguments.arch_string(extra_arches)
    details = {
        "action": action,
        "tag": tag,
        "package": package,
        "owner": owner_id,
        "block": block,
        "extra_arches": extra_arches,
        "force": force,
        "update": update,
        "user": users.get_user(call, strict=True),
    }
    call.run_callbacks("prePackageListChange", **details)
    if _write(call, tag, package, owner_id, block, arches, force, update):
        tags.changed(call, tag["id"])
    call.run_callbacks("postPackageListChange", **details)


def _assert_policy(call: Call, tag: dict[str, Any], action: str, package: Any, force: bool) -> None:
    data = {"tag": tag["id"], "action": action, "package": package, "force": force}
    # Only an admin may force (data-model.md 4.5): for everybody else the policy alone decides.
    policies.assert_allowed(call, "package_list", data, force=bool(force))


def _write(
    call: Call,
    tag: dict[str, Any],
    package: dict[str, Any],
    owner: int | None,
    block: bool | None,
    arches: str | None,
    force: bool,
    update: bool,
) -> bool:
    """Compare with the effective entry and write what differs; whether anything was written."""
    current = service.package_config(call, tag["id"], package["id"])
    if current is None:
        if update and not force:
            raise GenericError(f"cannot update: tag {tag['name']} has no data for package {package['name']}")
        if owner is None:
            if not force:
                raise GenericError("owner not specified")
            owner = call.user_id
        _put(call, tag["id"], package["id"], bool(block), arches)
        queries.replace_owner(call.tx, call.user_id, tag["id"], package["id"], owner)
        return True
    owner = current["owner_id"] if owner is None else owner
    blocked = current["blocked"] if block is None else bool(block)
    arches = current["extra_arches"] if arches is None else arches
    entry_differs = (blocked, arches) != (current["blocked"], current["extra_arches"])
    if not entry_differs and owner == current["owner_id"]:
        return False
    if current["blocked"] and not blocked and not force:
        raise GenericError(f"package {package['name']} is blocked in tag {tag['name']}")
    if entry_differs:
        _put(call, tag["id"], package["id"], blocked, arches)
    queries.replace_owner(call.tx, call.user_id, tag["id"], package["id"], owner)
    return True


def _put(call: Call, tag_id: int, package_id: int, blocked: bool, arches: str | None) -> None:
    queries.revoke_entry(call.tx, call.user_id, tag_id, package_id)
    queries.create_entry(call.tx, call.user_id, tag_id, package_id, blocked, arches)


def block(call: Call, tag_info: Any, package_info: Any, force: bool = False) -> None:
    """Block a package that is on the effective list."""
    package = service.require_package(call, package_info)
    tag_id = tags.find_tag_id(call, tag_info)
    if tag_id is not None and service.package_config(call, tag_id, package["id"]) is None:
        name = tags.require_tag(call, tag_info)["name"]
        raise GenericError(f"Package {package['name']} is not in tag listing for {name}")
    add(call, tag_info, package_info, block=True, force=force)


def remove(
    call: Call, tag_info: Any, package_info: Any, force: bool = False, use_policy: bool = True
) -> None:
    """Take a package off a tag's own list; no complaint when it is not on it. The owner's row stays."""
    tag = tags.require_tag(call, tag_info)
    package = service.require_package(call, package_info)
    if use_policy:
        _assert_policy(call, tag, "remove", package["id"], force)
    details = {"action": "remove", "tag": tag, "package": package, "user": users.get_user(call, strict=True)}
    call.run_callbacks("prePackageListChange", **details)
    queries.revoke_entry(call.tx, call.user_id, tag["id"], package["id"])
    tags.changed(call, tag["id"])
    call.run_callbacks("postPackageListChange", **details)


def unblock(call: Call, tag_info: Any, package_info: Any, force: bool = False) -> None:
    """End the block of a package: its own is revoked, an inherited one is covered by an unblocked entry."""
    tag = tags.require_tag(call, tag_info)
    package = service.require_package(call, package_info)
    _assert_policy(call, tag, "unblock", package["id"], force)
    details = {"action": "unblock", "tag": tag, "package": package, "user": users.get_user(call, strict=True)}
    call.run_callbacks("prePackageListChange", **details)
    current = service.package_config(call, tag["id"], package["id"])
    if current is None:
        raise GenericError(
            f"no data (blocked or otherwise) for package {package['name']} in tag {tag['name']}"
        )
    if not current["blocked"]:
        raise GenericError(f"package {package['name']} NOT blocked in tag {tag['name']}")
    if current["tag_id"] == tag["id"]:
        queries.revoke_entry(call.tx, call.user_id, tag["id"], package["id"])
        left = service.package_config(call, tag["id"], package["id"])
        if left is None or left["blocked"]:
            _put_unblocked(call, tag["id"], current)
    else:
        _put_unblocked(call, tag["id"], current)
    tags.changed(call, tag["id"])
    call.run_callbacks("postPackageListChange", **details)


def _put_unblocked(call: Call, tag_id: int, entry: dict[str, Any]) -> None:
    queries.create_entry(call.tx, call.user_id, tag_id, entry["package_id"], False, entry["extra_arches"])
    queries.replace_owner(call.tx, call.user_id, tag_id, entry["package_id"], entry["owner_id"])
