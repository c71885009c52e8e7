"""Calls of user groups and of content generators' users; imported by `calls`."""

from __future__ import annotations

from typing import Any

from moromi_hub.call import Call
from moromi_hub.rpc.registry import ADMIN, ANYONE, exported
from moromi_hub.users import membership, service


@exported("getUserGroups", access=ANYONE)
def get_user_groups(call: Call, user: Any) -> list[dict[str, Any]]:
    """`[{id, name}]` of the groups that a user is in."""
    return service.user_groups(call, service.require_user(call, user)["id"])


@exported("newGroup", access=ADMIN)
def new_group(call: Call, name: Any) -> int:
    """A new user group's id."""
    return membership.new_group(call, name)


@exported("addGroupMember", access=ADMIN)
def add_group_member(call: Call, group: Any, user: Any, strict: bool = True) -> None:
    """Put a user into a group."""
    membership.add_member(call, group, user, strict)


@exported("dropGroupMember", access=ADMIN)
def drop_group_member(call: Call, group: Any, user: Any) -> None:
    """Take a user out of a group."""
    membership.drop_member(call, group, user)


@exported("getGroupMembers", access=ANYONE)
def get_group_members(call: Call, group: Any) -> list[dict[str, Any]]:
    """The members of a group: `[{id, name, usertype, krb_principals}]`."""
    return membership.members(call, group)


@exported("listCGs", access=ANYONE)
def list_cgs(call: Call) -> dict[str, dict[str, Any]]:
    """Content generators with their users: `{name: {id, users}}`."""
    return membership.generators(call)


@exported("grantCGAccess", access=ADMIN)
def grant_cg_access(call: Call, user: Any, cg: Any, create: bool = False) -> None:
    """Let a user import for a content generator."""
    membership.grant_generator(call, user, cg, create)


@exported("revokeCGAccess", access=ADMIN)
def revoke_cg_access(call: Call, user: Any, cg: Any) -> None:
    """End a user's access to a content generator."""
    membership.revoke_generator(call, user, cg)
