"""Calls of users and permissions; user groups and content generators are in `membership`."""

from __future__ import annotations

from typing import Any

from moromi.constants import UserStatus
from moromi.errors import GenericError, ParameterError
from moromi_hub import arguments
from moromi_hub.call import Call
from moromi_hub.db import query_options
from moromi_hub.rpc.registry import ADMIN, ANYONE, exported
from moromi_hub.users import membership_calls as membership_calls
from moromi_hub.users import queries, service


@exported("getUser", access=ANYONE)
def get_user(
    call: Call, userInfo: Any = None, strict: bool = False, krb_princs: bool = True, groups: bool = False
) -> dict[str, Any] | None:
    """Shape `User`, or nil: by id, name, principal or a map of them; nil is the caller."""
    return service.get_user(call, userInfo, strict, krb_princs, groups)


@exported("getUserPerms", access=ANYONE)
def get_user_perms(call: Call, userID: Any = None, with_groups: bool = True) -> list[str]:
    """Names of the permissions of a user (nil: the caller)."""
    user = service.require_user(call, userID)
    held = queries.permissions(call.tx, user["id"], with_groups)
    return list(dict.fromkeys(name for name, _ in held))


@exported("getUserPermsInheritance", access=ANYONE)
def get_user_perms_inheritance(call: Call, userID: Any) -> dict[str, list[str | None]]:
    """For each permission of a user the groups that give it; nil in the list is the user's own grant."""
    user = service.require_user(call, userID)
    found: dict[str, list[str | None]] = {}
    for name, group in queries.permissions(call.tx, user["id"], with_groups=True):
        found.setdefault(name, []).append(group)
    return found


@exported("listUsers", access=ANYONE)
def list_users(
    call: Call,
    userType: Any = 0,
    prefix: str | None = None,
    queryOpts: Any = None,
    perm: Any = None,
    inherited_perm: bool = False,
) -> Any:
    """Users (shape `UserRow`) of a type or a list of types (nil: any), whose name begins with `prefix`.

    `perm`: only holders of that permission, with `inherited_perm` also by their groups.
    """
    if query_options.check_options(queryOpts).get("group"):
        raise GenericError("queryOpts.group is not available for this API")
    if inherited_perm and perm is None:
        raise GenericError("inherited_perm option must be used with perm option")
    if userType is None:
        types = None
    elif isinstance(userType, int):
        types = [userType]
    elif isinstance(userType, list):
        types = [arguments.integer(item) for item in userType]
    else:
        raise ParameterError("userType must be integer, list, tuple or None")
    perm_id = None if perm is None else service.require_permission(call, perm)["id"]
    prefix = arguments.optional_text(prefix)
    statement = queries.listing(types, prefix, perm_id, inherited_perm)
    return query_options.run_query(call.tx, queries.listing_fields(), statement, queryOpts)


@exported("createUser", access=ADMIN)
def create_user(call: Call, username: Any, status: int | None = None, krb_principal: Any = None) -> int:
    """A new user's id."""
    return service.create_user(call, username, status, krb_principal)


@exported("editUser", access=ADMIN)
def edit_user(call: Call, userInfo: Any, name: Any = None, krb_principal_mappings: Any = None) -> None:
    """Rename a user; `krb_principal_mappings` is a list of `{old, new}`: replace, drop or add principals."""
    mappings = krb_principal_mappings
    if mappings is not None:
        mappings = [arguments.expect(pair, dict) for pair in arguments.expect(mappings, list)]
    service.edit_user(call, userInfo, name, mappings)


@exported("enableUser", access=ADMIN)
def enable_user(call: Call, username: Any) -> None:
    """Let a user log in again."""
    service.set_status(call, username, UserStatus.NORMAL)


@exported("disableUser", access=ADMIN)
def disable_user(call: Call, username: Any) -> None:
    """Refuse a user's log-ins and sessions; permissions stay."""
    service.set_status(call, username, UserStatus.BLOCKED)


@exported("addUserKrbPrincipal", access=ADMIN)
def add_user_krb_principal(call: Call, user: Any, krb_principal: Any) -> int:
    """Give a user one more principal; the user's id."""
    return service.add_principal(call, user, krb_principal)


@exported("removeUserKrbPrincipal", access=ADMIN)
def remove_user_krb_principal(call: Call, user: Any, krb_principal: Any) -> int:
    """Take a principal from a user; the user's id."""
    return service.remove_principal(call, user, krb_principal)


@exported("getAllPerms", access=ANYONE)
def get_all_perms(call: Call) -> list[dict[str, Any]]:
    """Every permission: `[{id, name, description}]`."""
    return queries.all_permissions(call.tx)


@exported("grantPermission", access=ADMIN)
def grant_permission(
    call: Call, userinfo: Any, permission: Any, create: bool = False, description: Any = None
) -> None:
    """Give a user or group a permission; `create` makes a new one (with `description`)."""
    service.grant_permission(call, userinfo, permission, create, description)


@exported("revokePermission", access=ADMIN)
def revoke_permission(call: Call, userinfo: Any, permission: Any) -> None:
    """Take a permission from a user or group."""
    service.revoke_permission(call, userinfo, permission)


@exported("editPermission", access=ADMIN)
def edit_permission(call: Call, permission: Any, description: Any) -> None:
    """Change the description of a permission."""
    text = arguments.expect(description, str)
    queries.describe_permission(call.tx, service.require_permission(call, permission)["id"], text)
