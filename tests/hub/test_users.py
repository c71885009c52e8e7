"""Users, permissions, groups of people and content generators, beyond the recorded conversations."""

from __future__ import annotations

from typing import Any

import pytest

from moromi.errors import ActionNotAllowed, AuthError, GenericError
from support.hub import Client, HubUnderTest, count_statements

ADMIN_CALLS: dict[str, list[Any]] = {
    "createUser": ["eve"],
    "editUser": ["alice", "eve"],
    "enableUser": ["alice"],
    "disableUser": ["bob"],
    "grantPermission": ["alice", "admin"],
    "revokePermission": ["kojiadmin", "admin"],
    "editPermission": ["admin", "mine"],
    "addUserKrbPrincipal": ["alice", "alice@EXAMPLE.ORG"],
    "removeUserKrbPrincipal": ["alice", "alice@EXAMPLE.ORG"],
    "newGroup": ["friends"],
    "addGroupMember": ["friends", "alice"],
    "dropGroupMember": ["friends", "alice"],
    "grantCGAccess": ["alice", "cg", True],
    "revokeCGAccess": ["alice", "cg"],
}


def test_only_admins_change_users(hub: HubUnderTest) -> None:
    for user in (None, "alice", "builder1.example.org"):
        client = hub.client(user)
        for method, arguments in ADMIN_CALLS.items():
            with pytest.raises(ActionNotAllowed, match="admin permission required"):
                client(method, *arguments)


def test_get_user_is_one_statement(hub: HubUnderTest, admin: Client) -> None:
    admin("newGroup", "coopers")
    admin("addGroupMember", "coopers", "alice")
    admin("addUserKrbPrincipal", "alice", "alice@EXAMPLE.ORG")
    with count_statements(hub.hub.engine) as seen:
        user = hub.client()("getUser", "alice@EXAMPLE.ORG", groups=True)
    assert (user["name"], user["groups"], user["krb_principals"]) == (
        "alice",
        ["coopers"],
        ["alice@EXAMPLE.ORG"],
    )
    assert len(seen) == 1


def test_permissions_of_a_group_reach_its_members_and_nobody_else(hub: HubUnderTest, admin: Client) -> None:
    admin("newGroup", "coopers")
    admin("grantPermission", "coopers", "tag")
    admin("addGroupMember", "coopers", "alice")
    assert hub.client("alice")("getPerms") == ["tag"]
    assert hub.client("bob")("getPerms") == []
    assert admin("getUserPerms", "alice", with_groups=False) == []
    assert admin("getUserPermsInheritance", "alice") == {"tag": ["coopers"]}
    hub.client("alice")("createTag", "barrel")
    admin("dropGroupMember", "coopers", "alice")
    with pytest.raises(ActionNotAllowed, match="tag permission required"):
        hub.client("alice")("createTag", "vat")


def test_list_users_by_permission_and_type(admin: Client) -> None:
    admin("newGroup", "coopers")
    admin("grantPermission", "coopers", "sign")
    admin("addGroupMember", "coopers", "bob")
    assert [user["name"] for user in admin("listUsers", userType=None, perm="sign")] == ["coopers"]
    both = admin("listUsers", None, perm="sign", inherited_perm=True, queryOpts={"order": "name"})
    assert [user["name"] for user in both] == ["bob", "coopers"]
    assert admin("listUsers", userType=[1, 2], queryOpts={"countOnly": True}) == 3
    assert admin("listUsers", prefix="%") == []


def test_a_new_user_cannot_log_in_without_a_password(hub: HubUnderTest, admin: Client) -> None:
    admin("createUser", "dave")
    with pytest.raises(AuthError):
        hub.client()("login", "dave", "")


def test_a_disabled_user_is_locked_out_and_comes_back(hub: HubUnderTest, admin: Client) -> None:
    alice = hub.client("alice")
    admin("disableUser", "alice")
    with pytest.raises(AuthError):
        alice("echo", 1)
    admin("enableUser", "alice")
    assert hub.client("alice")("echo", 1) == [1]


def test_huge_ids_are_a_miss_not_a_database_error(admin: Client) -> None:
    assert admin("getUser", 2**40) is None
    assert admin("getUser", {"id": 2**40}) is None
    with pytest.raises(GenericError, match="No such user: 1099511627776"):
        admin("getUser", 2**40, strict=True)
