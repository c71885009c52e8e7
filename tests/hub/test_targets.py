"""Build targets: who may change them, and what becomes of them with their tags."""

from __future__ import annotations

import pytest

from moromi.errors import ActionNotAllowed
from support.hub import Client, HubUnderTest, count_statements

TARGET_CALLS = {
    "createBuildTarget": ["new", "base", "base"],
    "editBuildTarget": ["main", "main", "base", "base"],
    "deleteBuildTarget": ["main"],
}


@pytest.fixture
def main(admin: Client) -> Client:
    """Target `main` builds in `base` for `dest`."""
    admin("createTag", "base")
    admin("createTag", "dest")
    admin("createBuildTarget", "main", "base", "dest")
    return admin


def test_targets_are_changed_only_with_permission(hub: HubUnderTest, main: Client) -> None:
    main("grantPermission", "alice", "tag")
    for client in (hub.client(), hub.client("alice")):
        for method, arguments in TARGET_CALLS.items():
            with pytest.raises(ActionNotAllowed, match="target permission required"):
                client(method, *arguments)


def test_a_look_up_is_one_statement(hub: HubUnderTest, main: Client) -> None:
    with count_statements(hub.hub.engine) as seen:
        assert hub.client()("getBuildTarget", "main")["dest_tag_name"] == "dest"
    assert len(seen) == 1


def test_a_deleted_target_keeps_its_id_and_its_past(main: Client) -> None:
    before = main("getLastEvent")["id"]
    target_id = main("getBuildTarget", "main")["id"]
    main("deleteBuildTarget", "main")
    assert main("getBuildTargets") == []
    assert main("getBuildTarget", "main", event=before)["id"] == target_id
    main("createBuildTarget", "main", "dest", "base")
    assert main("getBuildTarget", "main")["id"] == target_id


def test_a_deleted_tag_takes_its_targets_along(main: Client) -> None:
    main("deleteTag", "dest")
    assert main("getBuildTarget", "main") is None
