"""External repositories: who may change them, their order over the inheritance, what it costs."""

from __future__ import annotations

from typing import Any

import pytest

from moromi.errors import ActionNotAllowed
from support.hub import Client, HubUnderTest, count_statements

CALLS: dict[str, tuple[list[Any], str]] = {
    "createExternalRepo": (["new", "http://new.example.org/"], "admin"),
    "editExternalRepo": (["near", "new"], "admin"),
    "deleteExternalRepo": (["near"], "admin"),
    "addExternalRepoToTag": (["base", "near", 1], "tag"),
    "editTagExternalRepo": (["base", "near", 1], "tag"),
    "removeExternalRepoFromTag": (["base", "near"], "tag"),
}


@pytest.fixture
def tags(admin: Client) -> Client:
    """`top` inherits from `base`; repositories `near`, `far` and `both`, the last used by both tags."""
    admin("createTag", "base")
    admin("createTag", "top", parent="base")
    for name in ("near", "far", "both"):
        admin("createExternalRepo", name, f"http://{name}.example.org/$arch")
    admin("addExternalRepoToTag", "base", "far", 1)
    admin("addExternalRepoToTag", "base", "both", 2, merge_mode="bare")
    admin("addExternalRepoToTag", "top", "near", 20)
    admin("addExternalRepoToTag", "top", "both", 10)
    return admin


def test_repositories_are_changed_only_with_permission(hub: HubUnderTest, tags: Client) -> None:
    for client in (hub.client(), hub.client("alice")):
        for method, (arguments, permission) in CALLS.items():
            with pytest.raises(ActionNotAllowed, match=f"{permission} permission required"):
                client(method, *arguments)


def test_the_first_use_on_the_way_up_counts(hub: HubUnderTest, tags: Client) -> None:
    with count_statements(hub.hub.engine) as seen:
        found = hub.client()("getExternalRepoList", "top")
    assert [(use["external_repo_name"], use["merge_mode"]) for use in found] == [
        ("both", "koji"),
        ("near", "koji"),
        ("far", "koji"),
    ]
    assert len(seen) <= 4


def test_a_tag_may_have_one_mode_for_all(tags: Client) -> None:
    """Links of different modes are no repository; an extra, which may be inherited, says how to merge all."""
    tags("editTagExternalRepo", "top", "near", merge_mode="simple")
    before = tags("getLastEvent")["id"]

    def modes(**options: Any) -> list[str]:
        return [use["merge_mode"] for use in tags("getExternalRepoList", "top", **options)]

    assert modes() == ["koji", "simple", "koji"]
    tags("editTag2", "base", extra={"repo.merge_mode": "bare"})
    assert modes() == ["bare"] * 3 and modes(event=before) == ["koji", "simple", "koji"]
    assert tags("getTagExternalRepos", "top", "near")[0]["merge_mode"] == "simple"
    tags("editTag2", "top", block_extra=["repo.merge_mode"])
    assert modes() == ["koji", "simple", "koji"]


def test_an_edit_is_one_event_and_leaves_the_past_alone(tags: Client) -> None:
    before = tags("getLastEvent")["id"]
    assert tags("editTagExternalRepo", "top", "near", priority=5) is True
    assert tags("editTagExternalRepo", "top", "near", priority=5) is False
    assert tags("getLastEvent")["id"] == before + 1
    first = tags("getTagExternalRepos", "top")[0]
    assert (first["external_repo_name"], first["priority"]) == ("near", 5)
    assert tags("getTagExternalRepos", "top", "near", event=before)[0]["priority"] == 20


def test_a_deleted_repository_leaves_all_tags(tags: Client) -> None:
    tags("deleteExternalRepo", "both")
    assert [use["external_repo_name"] for use in tags("getExternalRepoList", "top")] == ["near", "far"]
    assert tags("getExternalRepo", "both") is None
