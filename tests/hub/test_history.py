"""When a tag changed, and what `queryHistory` adds to the recorded conversations."""

from __future__ import annotations

from support.hub import Client, HubUnderTest, count_statements


def test_the_last_change_is_three_statements_and_looks_behind_external_repositories(
    hub: HubUnderTest, admin: Client
) -> None:
    admin("createTag", "base")
    admin("createTag", "top", parent="base")
    admin("createExternalRepo", "far", "http://far.example.org/")
    admin("addExternalRepoToTag", "base", "far", 1)
    linked = admin("tagLastChangeEvent", "top")
    assert linked == admin("getLastEvent")["id"]
    admin("createTag", "other")
    assert admin("tagLastChangeEvent", "top") == linked
    admin("editExternalRepo", "far", url="http://moved.example.org/")
    with count_statements(hub.hub.engine) as seen:
        moved = hub.client()("tagLastChangeEvent", "top")
    assert moved == admin("getLastEvent")["id"]
    assert len(seen) <= 4
    assert admin("tagLastChangeEvent", "top", inherit=False) < linked
    assert admin("tagLastChangeEvent", "top", before=moved) == linked


def test_the_first_change_never_precedes_the_tag(admin: Client) -> None:
    admin("createTag", "base")
    top = admin("createTag", "top", parent="base")
    created = admin("getLastEvent")["id"]
    assert admin("tagFirstChangeEvent", top) == created
    assert admin("tagFirstChangeEvent", top, after=created) is None
    admin("editTag2", "base", arches="x86_64")
    assert admin("tagFirstChangeEvent", top, after=created) == created + 1


def test_a_deleted_tag_answers_with_its_deletion(admin: Client) -> None:
    tag_id = admin("createTag", "brief")
    admin("deleteTag", tag_id)
    deleted = admin("getLastEvent")["id"]
    admin("createTag", "later")
    assert admin("tagLastChangeEvent", tag_id) == deleted


def test_targets_show_with_either_tag_and_members_with_either_side(admin: Client) -> None:
    for name in ("base", "dest"):
        admin("createTag", name)
    admin("createBuildTarget", "main", "base", "dest")
    for tag in ("base", "dest"):
        rows = admin("queryHistory", tables=["build_target_config"], tag=tag)["build_target_config"]
        assert [row["build_target.name"] for row in rows] == ["main"]
    admin("newGroup", "coopers")
    admin("addGroupMember", "coopers", "alice")
    for user in ("alice", "coopers"):
        rows = admin("queryHistory", tables=["user_groups"], user=user)["user_groups"]
        assert [(row["user.name"], row["group.name"]) for row in rows] == [("alice", "coopers")]
