"""Dist repositories: packages in place, on their volume, and nothing that a builder made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, update

from moromi.constants import RepoState, TaskState
from moromi.errors import ActionNotAllowed, GenericError
from moromi_hub.repos import upkeep
from moromi_schema import tables as t
from support.builds import BUILDER, RPM, SRPM, YEAST, import_rpm
from support.hub import Client, HubUnderTest


@pytest.fixture
def top(hub: HubUnderTest) -> Path:
    """The top of the hub's file tree."""
    return hub.hub.settings.topdir


@pytest.fixture
def builder(hub: HubUnderTest) -> Client:
    """The session of a builder."""
    return hub.client(BUILDER)


@pytest.fixture
def rpms(admin: Client) -> dict[str, dict[str, Any]]:
    """Records of the packages in tag `f40`, by file name, as a builder writes them."""
    admin("createTag", "f40", arches="x86_64")
    for package in ("fermenter", "yeast"):
        admin("packageListAdd", "f40", package, "alice")
    found = {name: import_rpm(admin, name) for name in (SRPM, RPM, "yeast-7-1.mr1.src.rpm", YEAST)}
    admin("massTag", "f40", ["fermenter-1.2-3.mr1", "yeast-7-1.mr1"])
    return {name: {**admin("getRPM", found[name]["id"]), "sigkey": ""} for name in (RPM, YEAST)}


def begin(admin: Client, **opts: Any) -> int:
    """A dist repository of `f40`; its id."""
    task_id = admin("distRepo", "f40", [], arch=["x86_64"], **opts)
    return int(admin("getTaskRequest", task_id)[1])


def deliver(builder: Client, packages: Any, manifest: Any = ("repodata/repomd.xml", "kojipkgs")) -> str:
    """Upload what a builder makes; the upload directory."""
    builder.upload("dist", "repo_manifest", json.dumps(manifest).encode())
    builder.upload("dist", "kojipkgs", json.dumps(packages).encode())
    builder.upload("dist/repodata", "repomd.xml", b"<repomd/>")
    return "dist"


def test_packages_are_second_names_of_the_builds_files(
    admin: Client, builder: Client, rpms: dict[str, Any], top: Path
) -> None:
    repo_id = begin(admin)
    builder("host.distRepoMove", repo_id, deliver(builder, rpms), "x86_64")
    builder("host.repoDone", repo_id, {})
    directory = top / "repos-dist" / "f40" / "latest" / "x86_64"
    for name, build in ((RPM, "fermenter/1.2/3.mr1/x86_64"), (YEAST, "yeast/7/1.mr1/noarch")):
        assert (directory / "Packages" / name[0] / name).samefile(top / "packages" / build / name)
    assert (directory / "repodata" / "repomd.xml").read_text() == "<repomd/>"
    facts = json.loads((top / "repos-dist" / "f40" / str(repo_id) / "repo.json").read_text())
    assert (facts["id"], facts["tag"], facts["task_opts"]["arch"]) == (repo_id, "f40", ["x86_64"])
    assert admin("repoInfo", repo_id)["state"] == RepoState.READY


def test_a_move_that_was_cut_off_can_be_repeated(
    admin: Client, builder: Client, rpms: dict[str, Any], top: Path
) -> None:
    repo_id = begin(admin)
    upload = deliver(builder, rpms)
    builder("host.distRepoMove", repo_id, upload, "x86_64")
    builder("host.distRepoMove", repo_id, upload, "x86_64")
    assert (top / "repos-dist" / "f40" / str(repo_id) / "x86_64" / "kojipkgs").is_file()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"size": 1}, "key size"),
        ({"arch": "i686"}, "key arch"),
        ({"id": 999}, "No such rpm"),
        ({"sigkey": "../../.."}, "Invalid path segment"),
        ({"sigkey": "deadbeef"}, "rpm is missing"),
    ],
)
def test_what_does_not_agree_with_the_database_changes_nothing(
    admin: Client, builder: Client, rpms: dict[str, Any], top: Path, change: dict[str, Any], problem: str
) -> None:
    repo_id = begin(admin)
    directory = top / "repos-dist" / "f40" / str(repo_id) / "x86_64"
    wrong = {**rpms, RPM: {**rpms[RPM], **change}}
    with pytest.raises(GenericError, match=problem):
        builder("host.distRepoMove", repo_id, deliver(builder, wrong), "x86_64")
    assert [path for path in directory.rglob("*") if path.is_file()] == []
    assert (top / "work" / "dist" / "repodata" / "repomd.xml").is_file()


@pytest.mark.parametrize("name", ["../../../escape", "/etc/passwd"])
def test_a_list_of_files_leads_nowhere_else(
    admin: Client, builder: Client, rpms: dict[str, Any], name: str
) -> None:
    repo_id = begin(admin)
    with pytest.raises(GenericError, match="Invalid path"):
        builder("host.distRepoMove", repo_id, deliver(builder, rpms, [name]), "x86_64")
    upload = deliver(builder, {f"../{RPM}": rpms[RPM]})
    with pytest.raises(GenericError, match="does not match"):
        builder("host.distRepoMove", repo_id, upload, "x86_64")
    for directory, arch in (("../../packages", "x86_64"), (upload, "../../..")):
        with pytest.raises(GenericError):
            builder("host.distRepoMove", repo_id, directory, arch)


def test_another_volume_holds_it_and_gives_it_up(
    hub: HubUnderTest, admin: Client, builder: Client, rpms: dict[str, Any], top: Path
) -> None:
    (top / "vol" / "big").mkdir(parents=True)
    admin("addVolume", "big")
    repo_id = begin(admin, volume="big")
    builder("host.distRepoMove", repo_id, deliver(builder, rpms), "x86_64")
    link = top / "repos-dist" / "f40" / str(repo_id)
    place = top / "vol" / "big" / "repos-dist" / "f40" / str(repo_id)
    assert link.is_symlink()
    assert (place / "x86_64" / "Packages" / "y" / YEAST).is_file()
    builder("host.repoDone", repo_id, {})
    admin("repoExpire", repo_id)
    with hub.hub.call("test") as call:
        moment = func.now() - func.make_interval(0, 0, 1, 1)
        call.tx.execute(update(t.repo).values(state_time=moment))
    with hub.hub.call("test") as call:
        upkeep.run(call)
    assert not link.is_symlink()
    assert not place.exists()
    assert admin("repoInfo", repo_id)["state"] == RepoState.DELETED


def test_comps_come_along_and_a_failure_leaves_no_directory(
    admin: Client, rpms: dict[str, Any], top: Path
) -> None:
    admin.upload("cli-dist-repo/1", "comps.xml", b"<comps/>")
    repo_id = begin(admin, comps="cli-dist-repo/1/comps.xml")
    tag_directory = top / "repos-dist" / "f40"
    assert (tag_directory / str(repo_id) / "groups" / "comps.xml").read_text() == "<comps/>"
    with pytest.raises(GenericError, match="No such file"):
        begin(admin, comps="cli-dist-repo/1/none.xml")
    for arches in (["../.."], [], None):
        with pytest.raises(GenericError):
            admin("distRepo", "f40", [], arch=arches)
    assert [each.name for each in tag_directory.iterdir()] == [str(repo_id)]


def test_who_may_and_what_it_replaces(hub: HubUnderTest, admin: Client, rpms: dict[str, Any]) -> None:
    hub.hub.policies = type(hub.hub.policies)({"dist_repo": "all :: deny"})
    with pytest.raises(ActionNotAllowed):
        hub.client("bob")("distRepo", "f40", [], arch=["x86_64"])
    with pytest.raises(ActionNotAllowed):
        hub.client()("distRepo", "f40", [], arch=["x86_64"])
    admin("editTag2", "f40", extra={"distrepo.cancel_others": True})
    first, second = (admin("distRepo", "f40", [], arch=["x86_64"]) for _ in range(2))
    assert admin("getTaskInfo", first)["state"] == TaskState.CANCELED
    assert admin("getTaskInfo", second)["state"] == TaskState.FREE
