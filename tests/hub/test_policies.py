"""Policies on a real database: every test that asks it, verdicts, loops, forced passes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from moromi.errors import ActionNotAllowed, GenericError
from moromi_hub.db.embedded import EmbeddedPostgres
from moromi_hub.policies import service
from support import database
from support.hub import HubUnderTest, running_hub

POLICIES = {
    "probe": """
        package ale :: package
        version 2* :: version
        release *fc :: release
        volume DEFAULT && has ask_volume :: volume
        tag b* :: tag
        fromtag b* :: fromtag
        hastag base :: hastag
        buildtag base && has ask_buildtag :: buildtag
        buildtag_inherits_from base :: ancestor
        source git* :: source
        user_in_group coopers :: group
        user carol :: user
        is_draft :: draft
        buildtype image :: buildtype
        cg_match_all cg* :: cg_all
        cg_match_any cg* :: cg_any
        has_perm sign :: perm
    """,
    "loop": "policy loop :: allow",
    "nested": "policy yes && true !! deny outside\nall :: Allow because",
    "yes": "all :: YES",
    "odd": "all :: maybe",
    "unmatched": "false :: allow",
    "new": "is_new_package :: yes\nall :: no",
    "imported": "imported :: yes\nall :: no",
}


@pytest.fixture
def hub(postgres: EmbeddedPostgres, state: str, tmp_path: Path) -> Iterator[HubUnderTest]:
    """A hub with the policies above, tags `base` and `bar` below it, and the build ale-1-1 in `base`."""
    with database.clone(postgres, state) as dsn, running_hub(dsn, tmp_path, policy=POLICIES) as made:
        admin = made.client("kojiadmin")
        admin("createTag", "base")
        admin("createTag", "bar", parent="base")
        admin("createBuildTarget", "main", "bar", "base")
        admin("packageListAdd", "base", "ale", "alice")
        admin("createEmptyBuild", "ale", "1", "1", None)
        admin("massTag", "base", ["ale-1-1"])
        admin("newGroup", "coopers")
        admin("addGroupMember", "coopers", "alice")
        admin("grantPermission", "bob", "sign")
        yield made


QUESTIONS: list[tuple[dict[str, object], str]] = [
    ({"package": "ale"}, "package"),
    ({"package": 1}, "package"),
    ({"build": "ale-1-1"}, "package"),
    ({"package": "x", "version": "2.1", "release": "1"}, "version"),
    ({"package": "x", "version": "1", "release": "1.fc"}, "release"),
    ({"ask_volume": 1, "volume": "DEFAULT"}, "volume"),
    ({"tag": "base"}, "tag"),
    ({"fromtag": 2}, "fromtag"),
    ({"build": 1, "package": "x"}, "hastag"),
    ({"target": "main"}, "ancestor"),
    ({"build_tag": "bar"}, "ancestor"),
    ({"ask_buildtag": 1, "build_tags": ["base", None]}, "buildtag"),
    ({"source": "git+ssh://x"}, "source"),
    ({"user_id": 2}, "group"),
    ({"user_id": "carol"}, "user"),
    ({"user_id": 3}, "perm"),
    ({"draft": True}, "draft"),
    ({"btypes": ["rpm", "image"]}, "buildtype"),
    ({"cg_list": ["cg1", "cg2"]}, "cg_all"),
    ({"cg_list": ["cg1", "other"]}, "cg_any"),
]


def test_each_test_finds_its_fact(hub: HubUnderTest) -> None:
    anonymous = hub.client()
    for data, answer in QUESTIONS:
        known: dict[str, object] = {"version": "0", "release": "0"}
        if "build" not in data:
            known["package"] = "none"
        assert anonymous("evalPolicy", "probe", known | data) == answer, data


def test_what_a_policy_needs_and_does_not_get(hub: HubUnderTest) -> None:
    anonymous = hub.client()
    for data, text in (
        ({}, "policy requires package data"),
        ({"package": "x"}, "policy requires version data"),
        ({"package": "x", "version": "1"}, "policy requires release data"),
        ({"package": 99}, "No such package: 99"),
        ({"build": "none-1-1"}, "No such build: 'none-1-1'"),
    ):
        with pytest.raises(GenericError, match=text):
            anonymous("evalPolicy", "probe", data)
    with pytest.raises(GenericError, match="policy data must contain a build"):
        anonymous("evalPolicy", "imported", {})
    with pytest.raises(GenericError, match="encountered policy loop at policy loop"):
        anonymous("evalPolicy", "loop", {})


def test_callers_cannot_plant_what_tests_remember(hub: HubUnderTest) -> None:
    with pytest.raises(GenericError, match="policy requires package data"):
        hub.client()("evalPolicy", "probe", {"_package": "ale", "_permissions": ["sign"]})


def test_new_packages_and_policies_in_policies(hub: HubUnderTest) -> None:
    anonymous = hub.client()
    assert anonymous("evalPolicy", "new", {"package": "porter"}) == "yes"
    assert anonymous("evalPolicy", "new", {"package": "ale"}) == "no"
    assert anonymous("evalPolicy", "nested", {}) == "Allow because"


def test_verdicts(hub: HubUnderTest) -> None:
    with hub.hub.call("test") as call:
        assert service.check(call, "nested", {}) == (True, "because")
        assert service.check(call, "odd", {}) == (False, "error in policy")
        assert service.check(call, "unmatched", {}) == (False, "not covered by policy")
        assert service.check(call, "unmatched", {}, default="allow") == (True, "not covered by policy")
        assert service.check(call, "absent", {}) == (True, "missing policy")
        assert service.check(call, "odd", {"user_id": 1}, force=True) == (True, "overriden by force")
        assert service.check(call, "odd", {"user_id": 2}, force=True) == (False, "error in policy")
        with pytest.raises(ActionNotAllowed, match=r"policy violation \(odd\): error in policy$"):
            service.assert_allowed(call, "odd", {})


def test_a_missing_policy_denies_where_the_site_says_so(
    postgres: EmbeddedPostgres, state: str, tmp_path: Path
) -> None:
    with (
        database.clone(postgres, state) as dsn,
        running_hub(dsn, tmp_path, MissingPolicyOk=False) as made,
        made.hub.call("test") as call,
    ):
        assert service.check(call, "absent", {}) == (False, "missing policy")


def test_broken_rules_stop_the_hub_at_its_start(
    postgres: EmbeddedPostgres, state: str, tmp_path: Path
) -> None:
    with (
        database.clone(postgres, state) as dsn,
        pytest.raises(GenericError, match="missing test handler: sunshine"),
        running_hub(dsn, tmp_path, policy={"tag": "sunshine :: allow"}),
    ):
        raise AssertionError("the hub started")


def test_task_data(hub: HubUnderTest) -> None:
    with hub.hub.call("test") as call:
        data = service.task_data(call, "build", ["git://x#1", "main", {"scratch": True}])
        assert data == {"source": "git://x#1", "target": "main", "scratch": True}
        assert service.task_data(call, "build", ["x.src.rpm", "none", {}]) == {
            "source": "x.src.rpm",
            "target": None,
        }
        assert service.task_data(call, "tagBuild", [1, 7]) == {"tag": "base"}
        assert service.task_data(call, "newRepo", ["bar"]) == {"tag": "bar"}
        assert service.task_data(call, "noSuchMethod", [1, 2]) == {}
