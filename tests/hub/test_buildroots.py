"""Buildroots: their states, their contents, and who may touch them."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, select

from moromi.constants import BuildrootState
from moromi.errors import ActionNotAllowed, GenericError
from moromi_schema import tables as t
from support.builds import BUILDER, YEAST, import_rpm, open_task
from support.hub import Client, HubUnderTest, count_statements

OTHER = "builder2.example.org"


@pytest.fixture
def builder(hub: HubUnderTest) -> Client:
    return hub.client(BUILDER)


@pytest.fixture
def task_id(admin: Client, builder: Client) -> int:
    return open_task(admin, builder)


@pytest.fixture
def root(admin: Client, builder: Client, task_id: int) -> int:
    """A new buildroot of the task."""
    admin("createTag", "f40-build", arches="x86_64")
    repo_id, _event = builder("host.repoInit", "f40-build")
    return int(builder("host.newBuildRoot", repo_id, "x86_64", task_id))


@pytest.fixture
def many(hub: HubUnderTest, admin: Client) -> list[dict[str, Any]]:
    """What a builder says of 400 installed packages that the hub knows."""
    build_id = admin("createEmptyBuild", "base", "1", "1", None)
    rows = [
        {
            "name": f"base-{number}",
            "version": "1",
            "release": "1",
            "arch": "x86_64",
            "epoch": None,
            "payloadhash": f"{number:032x}",
            "size": 1000,
            "buildtime": 1700000000,
        }
        for number in range(400)
    ]
    fixed = {"build_id": build_id, "draft": False, "external_repo_id": 0}
    with hub.hub.engine.begin() as connection:
        connection.execute(insert(t.rpminfo), [row | fixed for row in rows])
    return rows


def test_four_hundred_packages_take_five_statements(
    hub: HubUnderTest, builder: Client, root: int, task_id: int, many: list[dict[str, Any]]
) -> None:
    with count_statements(hub.hub.engine) as seen:
        builder("host.setBuildRootList", root, many, task_id)
    assert len(seen) <= 5, "\n".join(seen)
    listed = builder("getBuildrootListing", root)
    assert {rpm["name"] for rpm in listed} == {rpm["name"] for rpm in many}
    assert not any(rpm["is_update"] for rpm in listed)


def test_external_packages_are_made_known_once(
    hub: HubUnderTest, admin: Client, builder: Client, root: int, task_id: int, many: list[dict[str, Any]]
) -> None:
    admin("createExternalRepo", "outside", "http://outside.example.org/")
    external = [rpm | {"location": "outside"} for rpm in many]
    with count_statements(hub.hub.engine) as seen:
        builder("host.setBuildRootList", root, external, task_id)
    assert len(seen) <= 8, "\n".join(seen)
    with hub.hub.engine.connect() as connection:
        made = select(t.rpminfo.c.id).where(t.rpminfo.c.external_repo_id != 0)
        assert len(connection.execute(made).all()) == len(external)
    builder("host.setBuildRootState", root, "BUILDING", task_id)
    builder("host.updateBuildRootList", root, external, task_id)
    assert len(builder("getBuildrootListing", root)) == len(external)
    changed = external[7] | {"payloadhash": "f" * 32}
    with pytest.raises(GenericError, match=r"hash changed for external rpm: base-7-1-1\.x86_64@outside"):
        builder("host.updateBuildRootList", root, [changed], task_id)


def test_an_unknown_package_leaves_the_listing_alone(
    builder: Client, root: int, task_id: int, many: list[dict[str, Any]]
) -> None:
    with pytest.raises(GenericError, match=r"No such rpm: .*ghost"):
        builder("host.setBuildRootList", root, [*many, many[0] | {"name": "ghost"}], task_id)
    assert builder("getBuildrootListing", root) == []


def test_updates_are_marked(admin: Client, builder: Client, root: int, task_id: int) -> None:
    admin("createEmptyBuild", "yeast", "7", "1.mr1", None)
    yeast = import_rpm(admin, YEAST)
    builder("host.setBuildRootList", root, [], task_id)
    builder("host.setBuildRootState", root, "BUILDING", task_id)
    builder("host.updateBuildRootList", root, [{"id": yeast["id"]}], task_id)
    builder("host.updateBuildRootList", root, [{"id": yeast["id"]}], task_id)
    (listed,) = builder("getBuildrootListing", root)
    assert (listed["rpm_id"], listed["is_update"]) == (yeast["id"], True)
    assert [found["id"] for found in builder("listBuildroots", rpmID=yeast["id"])] == [root]


def test_states_go_one_way(builder: Client, root: int, task_id: int) -> None:
    with pytest.raises(GenericError, match="Cannot change buildroot state to INIT"):
        builder("host.setBuildRootState", root, "INIT", task_id)
    builder("host.setBuildRootState", root, "BUILDING", task_id)
    with pytest.raises(GenericError, match="in wrong state 2"):
        builder("host.setBuildRootList", root, [], task_id)
    builder("host.setBuildRootState", root, "EXPIRED", task_id)
    builder("host.setBuildRootState", root, "EXPIRED", task_id)
    with pytest.raises(GenericError, match="is EXPIRED"):
        builder("host.setBuildRootState", root, "BUILDING", task_id)
    found = builder("getBuildroot", root)
    assert found["state"] == BuildrootState.EXPIRED
    assert found["retire_event_id"] > found["create_event_id"]


def test_only_the_host_of_a_buildroot_touches_it(hub: HubUnderTest, root: int, task_id: int) -> None:
    other = hub.client(OTHER)
    with pytest.raises(ActionNotAllowed, match="Host 2 not owner of buildroot"):
        other("host.setBuildRootState", root, "EXPIRED")
    with pytest.raises(ActionNotAllowed, match="does not own task"):
        other("host.setBuildRootState", root, "EXPIRED", task_id)


def test_a_buildroot_names_its_repository(builder: Client, root: int, task_id: int) -> None:
    found = builder("getBuildroot", root, strict=True)
    assert found["tag_name"] == "f40-build" and found["host_name"] == BUILDER and found["arch"] == "x86_64"
    assert builder("getBuildroot", 999) is None
    with pytest.raises(GenericError, match="No such buildroot: 999"):
        builder("getBuildroot", 999, strict=True)
