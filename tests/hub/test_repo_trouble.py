"""Repositories that the hub makes of odd tags, and while things change or break."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from moromi.constants import RepoState
from moromi_hub.hub import Hub
from moromi_hub.repodata import making
from moromi_hub.repos import service as repos
from moromi_hub.worker.jobs import JOBS
from rpmmaker import Package, make_rpm
from support.hub import Client, HubUnderTest
from support.repodata import contents, made_up
from support.worker import eventually, working

REPO_JOBS = [job for job in JOBS if job.name in ("repo-requests", "repo-follow", "repo-make")]
BUILDS = (
    (
        Package("brew", "2", arch="src"),
        Package("brew", "2", arch="x86_64"),
        Package("brew-doc", "2", source="brew"),
    ),
    (Package("weed", arch="src"), Package("weed", summary="Bière brune & <Größe>")),
)
NVRS = ("brew-2-1", "weed-1.0-1")


@pytest.fixture
def top(hub: HubUnderTest) -> Path:
    return hub.hub.settings.topdir


@pytest.fixture
def imported(admin: Client) -> None:
    """Builds of two packages, which any tag may have."""
    for packages in BUILDS:
        for package in packages:
            admin.upload("imports/made", package.file_name, make_rpm(package))
            admin("importRPM", "imports/made", package.file_name)


@pytest.fixture
def tag(admin: Client, imported: None) -> str:
    """A build tag with both builds."""
    return filled(admin, "f40-build")


def filled(admin: Client, name: str, arches: str = "x86_64", nvrs: tuple[str, ...] = NVRS) -> str:
    """A tag with builds, made by `moromi` as people do."""
    admin("createTag", name, arches=arches)
    for package in ("brew", "weed"):
        admin("packageListAdd", name, package, "alice")
    for nvr in nvrs:
        admin("tagBuildBypass", name, nvr)
    return name


def make(hub: HubUnderTest, tag_id: int, event: int | None = None) -> Path:
    """Make a repository; its directory."""
    repo_id = making.make(hub.hub, tag_id, event, {})
    with hub.hub.call("look") as call:
        repo = repos.repo_info(call, repo_id, strict=True) or {}
    assert repo["state"] == RepoState.READY
    return Path(hub.hub.paths.repo(repo_id, repo["tag_name"]))


def names(arch: Path) -> list[str]:
    """File names of the packages that the metadata of an arch describes, after a look at all its sums."""
    return sorted(package[1].rsplit("/", 1)[-1] for package in contents(arch))


def tag_id(client: Client, name: str) -> int:
    return int(client("getTag", name, strict=True)["id"])


# odd tags


BREW, DOC, WEED = "brew-2-1.x86_64.rpm", "brew-doc-2-1.noarch.rpm", "weed-1.0-1.noarch.rpm"


@pytest.mark.parametrize(
    ("arches", "nvrs", "expected"),
    [
        ("x86_64", (), {"x86_64": []}),
        ("x86_64 aarch64", ("weed-1.0-1",), {"x86_64": [WEED], "aarch64": [WEED]}),
        ("x86_64 s390x", ("brew-2-1",), {"x86_64": [BREW, DOC], "s390x": [DOC]}),
    ],
)
def test_few_packages(
    hub: HubUnderTest,
    admin: Client,
    imported: None,
    arches: str,
    nvrs: tuple[str, ...],
    expected: dict[str, list[str]],
) -> None:
    filled(admin, "odd", arches, nvrs)
    directory = make(hub, tag_id(admin, "odd"))
    found = {path.parent.name: names(path.parent) for path in directory.glob("*/pkglist")}
    assert found == expected
    for arch, packages in expected.items():
        assert (directory / arch / "repodata" / "EMPTY_REPO").exists() == (not packages)


def test_two_hundred_links_of_inheritance(hub: HubUnderTest, admin: Client, tag: str) -> None:
    below = tag
    for number in range(200):
        admin("createTag", f"deep{number}", below, arches="x86_64")
        below = f"deep{number}"
    admin("groupListAdd", below, "build", description="Gebräu", display_name="żywiec")
    admin("groupPackageListAdd", below, "build", "brew")
    directory = make(hub, tag_id(admin, below))
    assert len(names(directory / "x86_64")) == 3
    assert "Gebräu" in (directory / "groups" / "comps.xml").read_text("utf-8")


def test_a_tag_without_arches_has_none(hub: HubUnderTest, admin: Client, tag: str) -> None:
    filled(admin, "bare", "")
    assert not list(make(hub, tag_id(admin, "bare")).glob("*/pkglist"))


# changes while a repository is made


@pytest.fixture
def serving(hub: HubUnderTest) -> Iterator[None]:
    """The jobs of a worker that makes repositories itself."""
    hub.hub.settings = hub.hub.settings.replace(RepoAuto=True, RepoOnHub=True)
    with working(hub.hub, REPO_JOBS):
        yield


def requested(client: Client, tag: str) -> dict[str, Any]:
    """Ask for a repository, and wait for it."""
    answer = client("repo.request", tag, "last")
    if answer["repo"] is None:
        number = answer["request"]["id"]
        eventually(lambda: not client("repo.checkRequest", number)["request"]["active"])
        answer = client("repo.checkRequest", number)
    assert answer["repo"] is not None, "it was given up"
    found: dict[str, Any] = answer["repo"]
    return found


def once(hub: HubUnderTest, step: str, action: Callable[[], object]) -> None:
    """Do something the first time that a step of making a repository is committed."""
    left = [action]

    def run(call: Any, _kind: str, **_details: Any) -> None:
        if left and call.method == step:
            left.pop()()

    hub.hub.callbacks.register("postCommit", run)


def directory_of(hub: HubUnderTest, repo: dict[str, Any]) -> Path:
    return Path(hub.hub.paths.repo(repo["id"], repo["tag_name"]))


def delete_build(admin: Client) -> None:
    admin("untagBuildBypass", "f40-build", "weed-1.0-1")
    admin("deleteBuild", "weed-1.0-1")


def move_build(admin: Client) -> None:
    admin("changeBuildVolume", "weed-1.0-1", "attic")


@pytest.mark.parametrize("change", [delete_build, move_build])
def test_a_build_goes(
    hub: HubUnderTest,
    admin: Client,
    tag: str,
    top: Path,
    serving: None,
    change: Callable[[Client], None],
) -> None:
    (top / "vol" / "attic").mkdir(parents=True)
    admin("addVolume", "attic")
    once(hub, "repo.init", lambda: change(admin))
    admin("tagBuildBypass", tag, "brew-2-1", force=True)
    requested(admin, tag)
    found = names(directory_of(hub, requested(admin, tag)) / "x86_64")
    assert set(found) - {WEED} == {BREW, DOC}
    assert (WEED in found) == (change is move_build)


def test_the_tag_is_renamed(hub: HubUnderTest, admin: Client, tag: str, serving: None) -> None:
    once(hub, "repo.init", lambda: admin("editTag2", tag, name="f41-build"))
    request = admin("repo.request", tag, "last")["request"]["id"]
    eventually(lambda: not admin("repo.checkRequest", request)["request"]["active"])
    repo = requested(admin, "f41-build")
    assert len(names(directory_of(hub, repo) / "x86_64")) == 3
    for each in admin("repo.query", [["state", "=", RepoState.READY]], ["id", "tag_name"]):
        assert (directory_of(hub, each) / "x86_64" / "repodata" / "repomd.xml").is_file()


def test_the_tag_is_edited_and_deleted(hub: HubUnderTest, admin: Client, tag: str, serving: None) -> None:
    once(hub, "repo.init", lambda: admin("editTag2", tag, arches="aarch64"))
    before = requested(admin, tag)
    assert {path.parent.name for path in directory_of(hub, before).glob("*/pkglist")} <= {"x86_64", "aarch64"}
    repo = requested(admin, tag)
    assert names(directory_of(hub, repo) / "aarch64") == [DOC, WEED]
    once(hub, "repo.init", lambda: admin("deleteTag", tag))
    admin("untagBuildBypass", tag, "weed-1.0-1")
    request = admin("repo.request", tag, "last")["request"]["id"]
    eventually(lambda: not admin("repo.checkRequest", request)["request"]["active"])


def test_thirty_tags_change_at_once(hub: HubUnderTest, admin: Client, tag: str, serving: None) -> None:
    for number in range(30):
        admin("createTag", f"many{number}", tag, arches="x86_64")
        admin("createBuildTarget", f"many{number}", f"many{number}", f"many{number}")
    admin("untagBuildBypass", tag, "weed-1.0-1")
    event = admin("getLastEvent")["id"]

    def ready() -> bool:
        clauses = [["state", "=", RepoState.READY], ["create_event", ">=", event]]
        return len({repo["tag_id"] for repo in admin("repo.query", clauses, ["tag_id"])}) == 30

    took = eventually(ready, 200)
    print(f"30 tags in {took:.2f} s")
    for number in range(30):
        assert len(names(directory_of(hub, admin("repo.get", f"many{number}")) / "x86_64")) == 2


def test_two_workers_make_it_once(hub: HubUnderTest, admin: Client, tag: str, serving: None) -> None:
    other = Hub(hub.hub.settings)
    try:
        with working(other, REPO_JOBS):
            for _ in range(3):
                admin("tagBuildBypass", tag, "weed-1.0-1", force=True)
                requested(admin, tag)
    finally:
        other.close()
    assert len(admin("repo.query", [["tag_name", "=", tag]], ["id"])) == 3


def test_several_processes_share_what_is_cached(hub: HubUnderTest, admin: Client, tag: str) -> None:
    number = tag_id(admin, tag)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _each: make(hub, number), range(8)))
    assert len(set(made)) == 8
    for directory in made:
        assert len(names(directory / "x86_64")) == 3


# broken parts


def given_up(client: Client, tag: str) -> Any:
    """Ask for a repository that cannot be made, and wait until nobody tries any more; how that was told."""
    number = client("repo.request", tag, "last")["request"]["id"]
    eventually(lambda: not client("repo.checkRequest", number)["request"]["active"])
    answer = client("repo.checkRequest", number)
    assert answer["repo"] is None
    assert not client("repo.query", [["tag_name", "=", tag], ["state", "=", RepoState.READY]], ["id"])
    return answer


@pytest.fixture
def external(admin: Client, tag: str, tmp_path: Path) -> Path:
    """An external repository of the tag."""
    there = made_up(tmp_path / "außen", [Package("outside")]).directory
    subprocess.run(["createrepo_c", "--quiet", str(there)], check=True, capture_output=True)
    admin("createExternalRepo", "outside", f"file://{there}/")
    admin("addExternalRepoToTag", tag, "outside", 5)
    return there


def test_an_external_repository_is_away(hub: HubUnderTest, admin: Client, tag: str, external: Path) -> None:
    hub.hub.settings = hub.hub.settings.replace(RepoOnHub=True, RepoRetries=0)
    away = external.rename(external.with_name("away"))
    with working(hub.hub, REPO_JOBS):
        problem = given_up(admin, tag)["problem"]
        repomd = external / "repodata/repomd.xml"
        assert problem == f"cannot read file://{repomd}: No such file or directory"
        away.rename(external)
        assert len(names(directory_of(hub, requested(admin, tag)) / "x86_64")) == 4


def test_an_external_repository_is_being_replaced(
    hub: HubUnderTest, admin: Client, tag: str, external: Path, serving: None
) -> None:
    (primary,) = external.glob("repodata/*primary.xml.*")
    good = primary.read_bytes()
    primary.write_bytes(b"half of it")
    once(hub, "repo.problem", lambda: primary.write_bytes(good))
    admin("tagBuildBypass", tag, "brew-2-1", force=True)
    assert len(names(directory_of(hub, requested(admin, tag)) / "x86_64")) == 4


def test_damaged_pieces_are_made_again(hub: HubUnderTest, admin: Client, tag: str, top: Path) -> None:
    number = tag_id(admin, tag)
    expected = contents(make(hub, number) / "x86_64")
    making._cache.cache_clear()  # as in a new process
    for chunk in (top / "repodata" / "chunks").glob("??/*"):
        data = bytearray(chunk.read_bytes())
        data[len(data) // 2] ^= 0xFF
        chunk.write_bytes(data)
    assert contents(make(hub, number) / "x86_64") == expected
    making._cache.cache_clear()
    for chunk in (top / "repodata" / "chunks").glob("??/*"):
        chunk.unlink()
    for pack in top.glob("packages/*/*/*/data/repodata/*"):
        pack.write_bytes(pack.read_bytes()[:-9])
    assert contents(make(hub, number) / "x86_64") == expected


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
@pytest.mark.parametrize(("place", "taken"), [("repos", 0), ("repodata", 16384)])
def test_a_full_disk(hub: HubUnderTest, admin: Client, tag: str, top: Path, place: str, taken: int) -> None:
    hub.hub.settings = hub.hub.settings.replace(RepoOnHub=True, RepoRetries=0)
    disk = top / place
    disk.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(disk)], check=True)
    try:
        (disk / "filler").write_bytes(b"x" * taken)
        with working(hub.hub, REPO_JOBS):
            given_up(admin, tag)
            assert not list(disk.rglob(".*")), "nothing half-written is left"
            subprocess.run(["mount", "-o", "remount,size=10m", str(disk)], check=True)
            assert len(names(directory_of(hub, requested(admin, tag)) / "x86_64")) == 3
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
