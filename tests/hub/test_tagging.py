"""What is in a tag, and how it gets there."""

from __future__ import annotations

from typing import Any

import pytest

from moromi.errors import ActionNotAllowed, GenericError, TagError
from support.builds import BUILDER, RPM, SRPM, import_rpm
from support.hub import Client, HubUnderTest, count_statements


def make_builds(admin: Client, name: str, versions: list[str]) -> None:
    for version in versions:
        admin("createEmptyBuild", name, version, "1", None)


def names(found: list[dict[str, Any]]) -> list[str]:
    return [build["nvr"] for build in found]


@pytest.fixture
def chain(admin: Client) -> list[str]:
    """Five tags, each inheriting the one before: `t0` is the root."""
    tags = [f"t{number}" for number in range(5)]
    for child, parent in zip(tags, [None, *tags], strict=False):
        admin("createTag", child, parent)
    admin("packageListAdd", "t0", "ale", "alice")
    admin("packageListAdd", "t0", "stout", "alice")
    make_builds(admin, "ale", ["1", "2", "3"])
    make_builds(admin, "stout", ["1", "2"])
    admin("massTag", "t0", ["ale-3-1", "ale-1-1", "stout-1-1"])
    admin("massTag", "t2", ["ale-2-1"])
    admin("massTag", "t4", ["stout-2-1"])
    return tags


def test_the_nearest_tag_decides_and_then_the_newest_tagging(admin: Client, chain: list[str]) -> None:
    assert names(admin("listTagged", "t4", inherit=True)) == [
        "stout-2-1",
        "ale-2-1",
        "stout-1-1",
        "ale-1-1",
        "ale-3-1",
    ]
    assert names(admin("getLatestBuilds", "t4")) == ["stout-2-1", "ale-2-1"]
    assert names(admin("getLatestBuilds", "t1")) == ["stout-1-1", "ale-1-1"]
    assert names(admin("listTagged", "t1", inherit=True, latest=2, package="ale")) == ["ale-1-1", "ale-3-1"]


def test_a_package_filter_applies_to_the_package_list(admin: Client, chain: list[str]) -> None:
    admin("createTag", "filtered")
    link = {"parent_id": admin("getTagID", "t2"), "priority": 0, "maxdepth": None}
    link |= {"intransitive": False, "noconfig": False, "pkg_filter": "al[a-z]$"}
    admin("setInheritanceData", "filtered", link)
    assert names(admin("listTagged", "filtered", inherit=True, latest=True)) == ["ale-2-1"]
    admin("packageListAdd", "filtered", "stout", "alice")
    assert names(admin("listTagged", "filtered", inherit=True, latest=True)) == ["ale-2-1", "stout-1-1"]


def test_a_block_hides_what_is_inherited(admin: Client, chain: list[str]) -> None:
    admin("packageListBlock", "t4", "ale")
    assert names(admin("getLatestBuilds", "t4")) == ["stout-2-1"]
    assert names(admin("getLatestBuilds", "t3")) == ["ale-2-1", "stout-1-1"]


def test_the_past_can_be_asked_for(admin: Client, chain: list[str]) -> None:
    then = admin("getLastEvent")["id"]
    admin("untagBuildBypass", "t2", "ale-2-1")
    assert names(admin("getLatestBuilds", "t4", package="ale")) == ["ale-1-1"]
    assert names(admin("getLatestBuilds", "t4", package="ale", event=then)) == ["ale-2-1"]


@pytest.mark.parametrize("tag", ["t0", "t4"])
def test_a_listing_takes_three_statements_whatever_is_inherited(
    hub: HubUnderTest, chain: list[str], tag: str
) -> None:
    anonymous = hub.client()
    with count_statements(hub.hub.engine) as seen:
        assert anonymous("listTagged", tag, inherit=True, latest=True)
    assert len(seen) <= 3, "\n".join(seen)
    with count_statements(hub.hub.engine) as seen:
        anonymous("listTaggedRPMS", tag, inherit=True, latest=True)
    assert len(seen) <= 4, "\n".join(seen)


def test_rpms_come_with_their_signatures(admin: Client) -> None:
    import_rpm(admin, SRPM)
    import_rpm(admin, RPM)
    admin("createTag", "f40")
    admin("packageListAdd", "f40", "fermenter", "alice")
    admin("tagBuildBypass", "f40", "fermenter-1.2-3.mr1")
    rpms, builds = admin("listTaggedRPMS", "f40", arch="x86_64", rpmsigs=True)
    assert [(rpm["name"], rpm["arch"], rpm["sigkey"]) for rpm in rpms] == [("fermenter", "x86_64", "")]
    assert names(builds) == ["fermenter-1.2-3.mr1"]


def test_force_moves_a_build_to_the_end(admin: Client, chain: list[str]) -> None:
    with pytest.raises(TagError, match=r"build ale-3-1 already tagged \(t0\)"):
        admin("tagBuildBypass", "t0", "ale-3-1")
    admin("tagBuildBypass", "t0", "ale-3-1", force=True)
    assert names(admin("listTagged", "t0", package="ale")) == ["ale-3-1", "ale-1-1"]


def test_mass_tagging_keeps_the_order_that_was_asked_for(admin: Client, chain: list[str]) -> None:
    admin("massTag", "t3", ["ale-2-1", "ale-3-1", "ale-1-1"])
    found = admin("listTagged", "t3")
    assert names(found) == ["ale-1-1", "ale-3-1", "ale-2-1"]
    assert len({build["create_event"] for build in found}) == 3


def test_a_task_tags_for_its_owner(hub: HubUnderTest, admin: Client, chain: list[str]) -> None:
    builder, alice = hub.client(BUILDER), hub.client("alice")
    task_id = alice("tagBuild", "t4", "ale-3-1")
    assert builder("host.openTask", task_id)["id"] == task_id
    builder("host.tagBuild", task_id, "t4", "ale-3-1")
    history = admin("queryHistory", tables=["tag_listing"], build="ale-3-1", tag="t4")["tag_listing"]
    assert [row["creator_name"] for row in history] == ["alice"]


def test_a_move_is_one_step(hub: HubUnderTest, admin: Client, chain: list[str]) -> None:
    builder, bob = hub.client(BUILDER), hub.client("bob")
    task_id = bob("moveBuild", "t0", "t4", "ale-3-1")
    builder("host.openTask", task_id)
    with pytest.raises(TagError, match="not in tag t3"):
        builder("host.tagBuild", task_id, "t4", "ale-3-1", False, "t3")
    assert names(admin("listTagged", "t4", package="ale")) == []
    builder("host.tagBuild", task_id, "t4", "ale-3-1", False, "t0")
    assert names(admin("listTagged", "t4", package="ale")) == ["ale-3-1"]
    assert names(admin("listTagged", "t0", package="ale")) == ["ale-1-1"]


def test_a_locked_tag_is_closed_even_to_who_may_tag(
    hub: HubUnderTest, admin: Client, chain: list[str]
) -> None:
    admin("grantPermission", "bob", "tag")
    admin("editTag2", "t4", locked=True)
    bob = hub.client("bob")
    with pytest.raises(ActionNotAllowed, match="tag is locked"):
        bob("tagBuildBypass", "t4", "ale-1-1", force=True)
    admin("tagBuildBypass", "t4", "ale-1-1", force=True)


def test_strangers_change_nothing(hub: HubUnderTest, chain: list[str]) -> None:
    anonymous = hub.client()
    for call, arguments in (
        ("tagBuild", ("t4", "ale-1-1")),
        ("tagBuildBypass", ("t4", "ale-1-1")),
        ("untagBuild", ("t0", "ale-1-1")),
        ("massTag", ("t4", ["ale-1-1"])),
        ("moveAllBuilds", ("t0", "t4", "ale")),
    ):
        with pytest.raises(ActionNotAllowed):
            anonymous(call, *arguments)
    with pytest.raises(GenericError):
        anonymous("host.tagBuild", 1, "t4", "ale-1-1")
