"""User groups, and who may import for a content generator (data-model.md sections 2 and 2.1)."""

from __future__ import annotations

from typing import Any

from moromi.constants import UserStatus, UserType
from moromi.errors import AuthError, GenericError
from moromi_hub import arguments
from moromi_hub.call import Call
from moromi_hub.db import lookup
from moromi_hub.users import queries, service
from moromi_schema import tables as t


def new_group(call: Call, name: Any) -> int:
    """A new user group's id. Users and groups share their names."""
    checked = arguments.verify_name(call.settings, name)
    if queries.user(call.tx, {"name": checked}, krb_princs=False, groups=False) is not None:
        raise GenericError(f"user/group already exists: {checked}")
    return queries.insert_user(call.tx, checked, UserStatus.NORMAL, UserType.GROUP)


def _group(call: Call, info: Any) -> dict[str, Any]:
    found = service.get_user(call, info, krb_princs=False)
    if found is None or found["usertype"] != UserType.GROUP:
        raise GenericError(f"Not a group: {info}")
    return found


def add_member(call: Call, group_info: Any, user_info: Any, strict: bool) -> None:
    """Put a user into a group; a member already is an error only when `strict`."""
    user = service.get_user(call, user_info, krb_princs=False)
    group = _group(call, group_info)
    if user is None:
        raise GenericError(f"Not a user: {user_info}")
    if user["usertype"] == UserType.GROUP:
        raise GenericError("Groups cannot be members of other groups")
    if any(held["id"] == group["id"] for held in queries.groups_of(call.tx, user["id"])):
        if strict:
            raise GenericError("User already in group")
        return
    queries.add_member(call.tx, call.user_id, group["id"], user["id"])


def drop_member(call: Call, group_info: Any, user_info: Any) -> None:
    """Take a user out of a group."""
    user = service.require_user(call, user_info)
    group = _group(call, group_info)
    if not queries.drop_member(call.tx, call.user_id, group["id"], user["id"]):
        raise GenericError(f"No such user in group: {group_info}")


def members(call: Call, group_info: Any) -> list[dict[str, Any]]:
    """The members of a group: shape `GroupMember`."""
    found = service.get_user(call, group_info, krb_princs=False)
    if found is None or found["usertype"] != UserType.GROUP:
        raise GenericError(f"No such group: {group_info}")
    return queries.members_of(call.tx, found["id"])


def find_generator(call: Call, info: Any, strict: bool = False) -> dict[str, Any] | None:
    """The `{id, name}` of a content generator."""
    return lookup.find_row(call.tx, t.content_generator, info, strict)


def require_generator(call: Call, info: Any) -> dict[str, Any]:
    """`find_generator`, a miss raises GenericError."""
    found = find_generator(call, info, strict=True)
    if found is None:
        raise GenericError(f"No such entry in table content_generator: {info}")
    return found


def assert_generator_access(call: Call, info: Any) -> dict[str, Any]:
    """The `{id, name}` of a content generator that the caller may import for.

    Raises AuthError otherwise; being admin does not help.
    """
    if call.session is None:
        raise AuthError("Not logged-in")
    found = require_generator(call, info)
    if not queries.has_generator(call.tx, call.session.user_id, found["id"]):
        raise AuthError(f"Content generator access required ({found['name']})")
    return found


def grant_generator(call: Call, user_info: Any, info: Any, create: bool) -> None:
    """Let a user import for a content generator, which `create` makes where it does not exist."""
    user = service.require_user(call, user_info)
    found = find_generator(call, info, strict=not create)
    if found is None:
        if not isinstance(info, str):
            raise GenericError("Name must be a string")
        found = {"id": queries.insert_generator(call.tx, info), "name": info}
    if queries.has_generator(call.tx, user["id"], found["id"]):
        raise GenericError(f"User already has access to content generator {found['name']}")
    queries.grant_generator(call.tx, call.user_id, user["id"], found["id"])


def revoke_generator(call: Call, user_info: Any, info: Any) -> None:
    """End a user's access to a content generator, if there is one."""
    user = service.require_user(call, user_info)
    queries.revoke_generator(call.tx, call.user_id, user["id"], require_generator(call, info)["id"])


def generators(call: Call) -> dict[str, dict[str, Any]]:
    """Content generators that somebody may import for: `{name: {id, users}}`."""
    found: dict[str, dict[str, Any]] = {}
    for row in queries.generators(call.tx):
        found.setdefault(row["name"], {"id": row["id"], "users": []})["users"].append(row["user"])
    return found
