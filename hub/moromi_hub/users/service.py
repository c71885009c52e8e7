"""Rules of users: who is meant, what they may do, what makes a valid new one (data-model.md section 2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moromi.constants import UserStatus, UserType
from moromi.errors import AuthError, GenericError
from moromi_hub import arguments
from moromi_hub.call import Call
from moromi_hub.db import lookup
from moromi_hub.users import queries
from moromi_schema import tables as t

_MAP_KEYS: Mapping[str, tuple[type, str]] = {
    "id": (int, "userid"),
    "name": (str, "username"),
    "krb_principal": (str, "krb_principal"),
}


def get_user(
    call: Call, user_info: Any = None, strict: bool = False, krb_princs: bool = True, groups: bool = False
) -> dict[str, Any] | None:
    """The user that `user_info` names, or None.

    An integer is an id, text a name or a principal, a map any of `id`, `name` and
    `krb_principal`, None the caller. Raises GenericError for other types, and with
    `strict` for a miss.
    """
    where = _conditions(call, user_info)
    found = None
    if where is not None:
        found = queries.user(call.tx, where, krb_princs, groups)
    if found is None and strict:
        raise GenericError(f"No such user: {user_info!r}")
    return found


def require_user(call: Call, user_info: Any = None) -> dict[str, Any]:
    """`get_user` with `strict`: `{id, name, status, usertype}`."""
    user = get_user(call, user_info, strict=True, krb_princs=False)
    if user is None:
        raise GenericError(f"No such user: {user_info!r}")
    return user


def find_user_id(call: Call, user_info: Any, strict: bool = False) -> int | None:
    """The id of the user that `user_info` names."""
    user = get_user(call, user_info, strict, krb_princs=False)
    return None if user is None else int(user["id"])


def _conditions(call: Call, info: Any) -> dict[str, Any] | None:
    """What to look a user up by; None when nothing can match."""
    if info is None:
        if call.session is None:
            raise GenericError("No user provided")
        return {"id": call.session.user_id}
    if isinstance(info, int) and not isinstance(info, bool):
        return {"id": info} if arguments.fits_id(info) else None
    if isinstance(info, str):
        return {"either": info}
    if not isinstance(info, dict):
        raise GenericError(f"Invalid type for userInfo: {type(info)}")
    where: dict[str, Any] = {}
    for key, (kind, word) in _MAP_KEYS.items():
        value = info.get(key)
        if value is None:
            continue
        if not isinstance(value, kind):
            raise GenericError(f"Invalid type for {word}: {type(value)}")
        where[key] = value
    if not where or not arguments.fits_id(where.get("id", 0)):
        return None
    return where


def effective_permissions(call: Call, user_id: int) -> set[str]:
    """Names of the permissions of a user and of the user's groups."""
    if call.session is not None and call.session.user_id == user_id:
        return set(call.session.permissions)
    return {name for name, _ in queries.permissions(call.tx, user_id, with_groups=True)}


def user_groups(call: Call, user_id: int) -> list[dict[str, Any]]:
    """`{id, name}` of the groups that a user is in."""
    return queries.groups_of(call.tx, user_id)


def create_user(
    call: Call,
    name: Any,
    status: int | None = None,
    krb_principal: str | None = None,
    usertype: int = UserType.NORMAL,
) -> int:
    """A new user's id. Names and principals are checked here; raises GenericError or AuthError."""
    checked = arguments.verify_user_name(call.settings, name)
    if not checked:
        raise GenericError("a user must have a non-empty name")
    if status is None:
        status = UserStatus.NORMAL
    if status not in list(UserStatus):
        raise GenericError(f"invalid status: {status}")
    if krb_principal:
        verify_new_principal(call, krb_principal)
    if queries.user(call.tx, {"name": checked}, krb_princs=False, groups=False) is not None:
        raise GenericError(f"user already exists: {checked}")
    if krb_principal:
        refuse_taken_principal(call, krb_principal)
    user_id = queries.insert_user(call.tx, checked, status, usertype)
    if krb_principal:
        queries.add_principal(call.tx, user_id, krb_principal)
    return user_id


def host_account(call: Call, name: str, krb_principal: str | None, force: bool) -> int:
    """The account of a new host: a new one, or an existing one of that name (and principal).

    An existing account must be of a host, or with `force` of a person, whose type
    changes. Raises GenericError otherwise.
    """
    info = {"name": name, "krb_principal": krb_principal} if krb_principal else name
    user = get_user(call, info, krb_princs=False)
    if user is None:
        principal_format = call.settings.HostPrincipalFormat
        if not krb_principal and principal_format:
            krb_principal = principal_format % name
        return create_user(call, name, krb_principal=krb_principal, usertype=UserType.HOST)
    if user["usertype"] == UserType.NORMAL and force:
        queries.update_user(call.tx, user["id"], usertype=UserType.HOST)
    elif user["usertype"] != UserType.HOST:
        raise GenericError(f"user {name} already exists and it is not a host")
    return int(user["id"])


def create_at_login(call: Call, name: str, by_principal: bool) -> dict[str, Any]:
    """The account that a first log-in makes; a principal's is named by its part before the `@`.

    An account of that name gets the principal, if its realm is one that
    `AllowedKrbRealms` names: with `*`, anybody with a realm of his own could take
    any account.
    """
    if not by_principal:
        return require_user(call, create_user(call, name))
    short = name.rpartition("@")[0]
    found = queries.user(call.tx, {"name": short}, krb_princs=False, groups=False)
    if found is None:
        return require_user(call, create_user(call, short, krb_principal=name))
    verify_new_principal(call, name)
    if "*" in [item.strip() for item in call.settings.AllowedKrbRealms.split(",")]:
        raise AuthError(
            f"Kerberos principal {name} is not one of user {short}'s "
            "(it would be added if AllowedKrbRealms named its realm)"
        )
    queries.add_principal(call.tx, found["id"], name)
    return require_user(call, found["id"])


def verify_new_principal(call: Call, principal: Any) -> None:
    """Raise unless a principal has a valid form and an allowed realm (hub-protocol.md 6.3)."""
    arguments.verify_principal(call.settings, principal)
    _, at, realm = principal.rpartition("@")
    if not at:
        raise AuthError(f"invalid Kerberos principal: {principal}")
    allowed = [item.strip() for item in call.settings.AllowedKrbRealms.split(",")]
    if "*" not in allowed and realm not in allowed:
        raise AuthError(f"Kerberos principal's realm: {realm} is not allowed")


def refuse_taken_principal(call: Call, principal: str) -> None:
    """Raise GenericError when somebody has the principal."""
    if queries.principal_owners(call.tx, [principal]):
        raise GenericError(f"user with this Kerberos principal already exists: {principal}")


def add_principal(call: Call, user_info: Any, principal: Any) -> int:
    """Give a user one more principal; the user's id."""
    if not principal:
        raise GenericError("No kerberos principal provided")
    verify_new_principal(call, principal)
    refuse_taken_principal(call, principal)
    user = require_user(call, user_info)
    queries.add_principal(call.tx, user["id"], principal)
    return int(user["id"])


def remove_principal(call: Call, user_info: Any, principal: Any) -> int:
    """Take a principal from a user; the user's id."""
    if not principal:
        raise GenericError("krb_principal must be specified")
    arguments.expect(principal, str)
    user = require_user(call, user_info)
    if not queries.drop_principal(call.tx, user["id"], principal):
        raise AuthError(f"cannot remove Kerberos Principal: {principal} with user {user['name']}")
    return int(user["id"])


def edit_user(call: Call, user_info: Any, name: Any, mappings: list[Mapping[str, Any]] | None) -> None:
    """Rename a user, and replace, drop or add principals by `{old, new}` pairs."""
    user = require_user(call, user_info)
    if name is not None and name != user["name"]:
        arguments.verify_user_name(call.settings, name)
        taken = queries.user(call.tx, {"name": name}, krb_princs=False, groups=False)
        if taken is not None:
            raise GenericError(f"Name {name} already taken by user {taken['id']}")
        queries.update_user(call.tx, user["id"], name=name)
    if mappings:
        _map_principals(call, user["id"], mappings)


def _map_principals(call: Call, user_id: int, mappings: list[Mapping[str, Any]]) -> None:
    removed = [pair["old"] for pair in mappings if pair.get("old")]
    added = [pair["new"] for pair in mappings if pair.get("new")]
    for principal in added:
        verify_new_principal(call, principal)
    if both := sorted(set(added) & set(removed)):
        raise GenericError(
            f"There are some conflicts between added and removed Kerberos principals: {', '.join(both)}"
        )
    owners = queries.principal_owners(call.tx, [*added, *removed])
    if taken := sorted(set(added) & set(owners)):
        raise GenericError(f"Cannot add existing Kerberos principals: {', '.join(taken)}")
    if missing := sorted(name for name in set(removed) if owners.get(name) != user_id):
        raise GenericError(f"Cannot remove non-existent Kerberos principals: {', '.join(missing)}")
    for principal in dict.fromkeys(removed):
        queries.drop_principal(call.tx, user_id, principal)
    for principal in dict.fromkeys(added):
        queries.add_principal(call.tx, user_id, principal)


def set_status(call: Call, name: Any, status: UserStatus) -> None:
    """Enable or disable a user."""
    user = get_user(call, name, krb_princs=False)
    if user is None:
        raise GenericError(f"No such user: {name}")
    queries.update_user(call.tx, user["id"], status=status)
    call.tx.notify({"type": "session", "user": user["id"]})


def find_permission(call: Call, info: Any, strict: bool = False) -> dict[str, Any] | None:
    """The `{id, name}` of a permission by name or id."""
    return lookup.find_row(call.tx, t.permissions, info, strict)


def require_permission(call: Call, info: Any) -> dict[str, Any]:
    """`find_permission`, a miss raises GenericError."""
    found = find_permission(call, info, strict=True)
    if found is None:
        raise GenericError(f"No such entry in table permissions: {info}")
    return found


def grant_permission(
    call: Call, user_info: Any, permission: Any, create: bool, description: str | None
) -> None:
    """Give a user (or group) a permission, which `create` makes where it does not exist."""
    if create:
        arguments.verify_name(call.settings, permission)
    if description is not None:
        arguments.expect(description, str)
        if not create:
            raise GenericError("Description should be specified only with create.")
    user = require_user(call, user_info)
    found = find_permission(call, permission, strict=not create)
    perm_id = found["id"] if found else queries.insert_permission(call.tx, permission, description)
    name = found["name"] if found else permission
    if any(held == name for held, _ in queries.permissions(call.tx, user["id"], with_groups=False)):
        raise GenericError(f"user {user_info} already has permission: {permission}")
    queries.grant(call.tx, call.user_id, user["id"], perm_id)


def revoke_permission(call: Call, user_info: Any, permission: Any) -> None:
    """Take a permission from a user."""
    user = require_user(call, user_info)
    found = require_permission(call, permission)
    if all(held != found["name"] for held, _ in queries.permissions(call.tx, user["id"], with_groups=False)):
        raise GenericError(f"user {user_info} does not have permission: {permission}")
    queries.revoke(call.tx, call.user_id, user["id"], found["id"])


def first_administrator(call: Call) -> dict[str, Any] | None:
    """The `{id, name}` of the oldest administrator, who acts for the hub itself."""
    return queries.first_administrator(call.tx)
