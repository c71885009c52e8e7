"""Comps groups: who may change them, what reading costs, how tags add up."""

from __future__ import annotations

import pytest

from moromi.errors import ActionNotAllowed, ParameterError
from support.hub import Client, HubUnderTest, count_statements

GROUP_CALLS = {
    "groupListAdd": ["base", "build"],
    "groupListRemove": ["base", "build"],
    "groupListBlock": ["base", "build"],
    "groupListUnblock": ["base", "build"],
    "groupPackageListAdd": ["base", "build", "bash"],
    "groupPackageListRemove": ["base", "build", "bash"],
    "groupPackageListBlock": ["base", "build", "bash"],
    "groupPackageListUnblock": ["base", "build", "bash"],
    "groupReqListAdd": ["base", "build", "core"],
    "groupReqListRemove": ["base", "build", "core"],
    "groupReqListBlock": ["base", "build", "core"],
    "groupReqListUnblock": ["base", "build", "core"],
}


@pytest.fixture
def tags(admin: Client) -> Client:
    """`base` with group `build` of bash and make, which `top` inherits."""
    admin("createTag", "base")
    admin("createTag", "top", parent="base")
    admin("groupListAdd", "base", "build")
    admin("groupListAdd", "base", "core")
    for package in ("bash", "make"):
        admin("groupPackageListAdd", "base", "build", package)
    return admin


def test_groups_are_changed_only_with_permission(hub: HubUnderTest, tags: Client) -> None:
    for client in (hub.client(), hub.client("alice")):
        for method, arguments in GROUP_CALLS.items():
            with pytest.raises(ActionNotAllowed, match="tag permission required"):
                client(method, *arguments)


def test_reading_is_five_statements_whatever_is_inherited(hub: HubUnderTest, tags: Client) -> None:
    for number in range(8):
        tags("createTag", f"top{number}", parent=f"top{number - 1}" if number else "top")
    with count_statements(hub.hub.engine) as seen:
        groups = hub.client()("getTagGroups", "top7")
    assert {group["name"] for group in groups} == {"build", "core"}
    assert len(seen) <= 5


def test_a_child_adds_to_a_group_and_blocks_parts_of_it(tags: Client) -> None:
    tags("groupPackageListAdd", "top", "build", "gcc")
    tags("groupPackageListBlock", "top", "build", "make")
    build = next(group for group in tags("getTagGroups", "top") if group["name"] == "build")
    assert sorted(entry["package"] for entry in build["packagelist"]) == ["bash", "gcc"]
    below = next(group for group in tags("getTagGroups", "base") if group["name"] == "build")
    assert sorted(entry["package"] for entry in below["packagelist"]) == ["bash", "make"]


def test_a_blocked_group_is_gone_with_what_requires_it(tags: Client) -> None:
    tags("groupReqListAdd", "base", "build", "core")
    tags("groupListBlock", "top", "core")
    (build,) = tags("getTagGroups", "top")
    assert (build["name"], build["grouplist"]) == ("build", [])


def test_a_package_of_a_group_is_a_name(tags: Client) -> None:
    with pytest.raises(ParameterError):
        tags("groupPackageListAdd", "base", "build", 7)
