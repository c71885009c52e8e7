"""What is kept of rpms for repositories, and repositories that the hub makes of it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import createrepo_c
import pytest
from click.testing import CliRunner
from sqlalchemy import delete, select

from moromi.constants import RepoState
from moromi.errors import GenericError
from moromi.repodata import Entry, FileFacts, unpack_fragments
from moromi.rpm import get_sighdr_key, rip_rpm_sighdr
from moromi_hub.admin import main
from moromi_hub.repodata import service
from moromi_hub.worker.jobs import JOBS
from moromi_schema import tables as t
from support.builds import BUILDER, RPM, RPMS, SRPM, YEAST, data, import_rpm
from support.hub import Client, HubUnderTest
from support.worker import eventually, working

REPO_JOBS = [job for job in JOBS if job.name in ("repo-requests", "repo-follow", "repo-make")]
BUILD = Path("packages/fermenter/1.2/3.mr1")
NVRA = "fermenter-1.2-3.mr1.x86_64"
SIGNED = "fermenter-1.2-3.mr1.x86_64.signed.rpm"
KEPT = t.moromi_rpm_metadata


@pytest.fixture
def top(hub: HubUnderTest) -> Path:
    """The top of the hub's file tree."""
    return hub.hub.settings.topdir


@pytest.fixture
def tags(admin: Client) -> None:
    """`f40-build`, which inherits from `f40`, is a build tag; two builds are there to be tagged."""
    admin("createTag", "f40")
    admin("createTag", "f40-build", "f40", arches="x86_64 aarch64")
    for package in ("fermenter", "yeast"):
        admin("packageListAdd", "f40", package, "alice")
    for name in (SRPM, RPM, "yeast-7-1.mr1.src.rpm", YEAST):
        import_rpm(admin, name)
    admin("createBuildTarget", "f40", "f40-build", "f40")


@pytest.fixture
def worker(hub: HubUnderTest, tags: None) -> Iterator[None]:
    """The jobs for repositories of a worker that makes them itself."""
    hub.hub.settings = hub.hub.settings.replace(RepoAuto=True, RepoOnHub=True)
    with working(hub.hub, REPO_JOBS):
        yield


def kept(hub: HubUnderTest) -> dict[tuple[int, str], dict[str, Any]]:
    """The rows, by rpm and key."""
    with hub.hub.call("look") as call:
        return {(row["rpm_id"], row["sigkey"]): row for row in call.tx.rows(select(KEPT))}


def facts(row: dict[str, Any]) -> FileFacts:
    return FileFacts(
        row["pkgid"].hex(), row["file_time"], row["size"], row["header_start"], row["header_end"]
    )


def forget(hub: HubUnderTest) -> None:
    """As with a tree whose packages were imported by a Koji hub."""
    with hub.hub.call("forget") as call:
        call.tx.execute(delete(KEPT))


def packages(repodata: Path) -> dict[str, tuple[Any, ...]]:
    """What metadata says, by location, through createrepo_c's own reader."""
    found = createrepo_c.Metadata()
    found.locate_and_load_xml(str(repodata.parent))
    return {
        package.location_href: (
            package.nevra(),
            package.pkgId,
            package.size_package,
            package.rpm_header_start,
            package.rpm_header_end,
            sorted(map(str, package.files)),
            sorted(map(str, package.requires)),
            sorted(map(str, package.provides)),
            package.changelogs,
        )
        for package in map(found.get, found.keys())
    }


def ready(client: Client, than: int = 0) -> dict[str, Any] | None:
    """The READY repository of f40-build, if it is newer than an event."""
    found: dict[str, Any] | None = client("repo.get", "f40-build", than + 1 if than else None)
    return found


def made(client: Client, change: Any) -> dict[str, Any]:
    """The repository that comes by itself after a change, and covers it."""
    change()
    # The repository may have begun already, and then this is its own event.
    before = client("getLastEvent")["id"] - 1
    eventually(lambda: ready(client, before))
    found = ready(client, before)
    assert found is not None
    return found


# what is kept


def test_an_imported_rpm_is_kept_with_its_build_and_goes_with_it(
    hub: HubUnderTest, admin: Client, tags: None, top: Path
) -> None:
    rpm_id = admin("getRPM", NVRA)["id"]
    row = kept(hub)[rpm_id, ""]
    assert facts(row) == FileFacts.of_file(top / BUILD / "x86_64" / RPM)
    assert row["sourcerpm"] == SRPM
    pack = top / BUILD / "data/repodata" / row["pack"]
    assert row["fragment"].hex() in unpack_fragments(pack.read_bytes())
    admin("deleteBuild", "fermenter-1.2-3.mr1")
    assert rpm_id not in {key for key, _sigkey in kept(hub)}
    assert not pack.exists()


def test_a_signed_copy_has_facts_of_its_own(hub: HubUnderTest, admin: Client, tags: None, top: Path) -> None:
    sighdr = rip_rpm_sighdr(RPMS / SIGNED)
    key = str(get_sighdr_key(sighdr))
    admin("addRPMSig", NVRA, sighdr)
    admin("writeSignedRPM", NVRA, key)
    rpm_id = admin("getRPM", NVRA)["id"]
    plain, signed = kept(hub)[rpm_id, ""], kept(hub)[rpm_id, key]
    assert facts(signed) == FileFacts.of_file(top / BUILD / "data/signed" / key / "x86_64" / RPM)
    assert facts(signed).pkgid != facts(plain).pkgid
    assert (signed["fragment"], signed["pack"]) == (plain["fragment"], plain["pack"])
    admin("deleteRPMSig", NVRA, key)
    assert (rpm_id, key) not in kept(hub)


def test_a_build_that_moves_takes_it_along(hub: HubUnderTest, admin: Client, tags: None, top: Path) -> None:
    (top / "vol" / "attic").mkdir(parents=True)
    admin("addVolume", "attic")
    admin("changeBuildVolume", "fermenter-1.2-3.mr1", "attic")
    row = kept(hub)[admin("getRPM", NVRA)["id"], ""]
    assert (top / "vol/attic" / BUILD / "data/repodata" / row["pack"]).is_file()


def test_what_was_imported_elsewhere_is_completed(hub: HubUnderTest, admin: Client, tags: None) -> None:
    before = kept(hub)
    forget(hub)
    with hub.hub.call("complete") as call:
        ids = [admin("getBuild", name)["id"] for name in ("fermenter-1.2-3.mr1", "yeast-7-1.mr1")]
        assert service.complete(call, ids) == 4
        assert service.complete(call, ids) == 0
    assert kept(hub) == before


def test_backfill_completes_a_tree(
    hub: HubUnderTest, admin: Client, tags: None, top: Path, tmp_path: Path
) -> None:
    before = kept(hub)
    forget(hub)
    config = tmp_path / "hub.conf"
    dsn = hub.hub.settings.DBConnectionString
    config.write_text(f"[hub]\nDBConnectionString = {dsn}\nKojiDir = {top}\n")
    run = CliRunner().invoke(main, ["repodata", "backfill", "--config", str(config)])
    assert run.exit_code == 0, run.output
    assert "kept the metadata of 4 rpms" in run.output
    assert kept(hub) == before
    forget(hub)
    (top / BUILD / "x86_64" / RPM).unlink()
    run = CliRunner().invoke(main, ["repodata", "backfill", "--config", str(config)])
    assert run.exit_code == 1
    assert len(kept(hub)) == 3


# repositories made here


def test_a_tagged_build_is_in_a_repository_without_any_task(admin: Client, worker: None, top: Path) -> None:
    repo = made(admin, lambda: admin("massTag", "f40", ["fermenter-1.2-3.mr1", "yeast-7-1.mr1"]))
    assert not admin("listTasks", {"method": "newRepo"})
    directory = top / "repos/f40-build" / str(repo["id"])
    assert (directory.parent / "latest").readlink() == Path(str(repo["id"]))
    for arch, count in (("x86_64", 2), ("aarch64", 1)):
        ours = packages(directory / arch / "repodata")
        assert len(ours) == count
        reference = top / "reference" / arch
        reference.mkdir(parents=True)
        command = ["createrepo_c", "-o", str(reference), "-i", str(directory / arch / "pkglist")]
        subprocess.run([*command, str(directory / arch)], check=True, capture_output=True)
        assert ours == packages(reference / "repodata")
    assert admin("getRepo", "f40-build")["task_id"] is None


def test_the_whole_way_from_tag_to_repository_is_short(admin: Client, worker: None) -> None:
    made(admin, lambda: admin("tagBuildBypass", "f40", "yeast-7-1.mr1"))
    started = time.monotonic()
    made(admin, lambda: admin("tagBuildBypass", "f40", "fermenter-1.2-3.mr1"))
    took = time.monotonic() - started
    assert took < 20.0, "a twentieth of that with nothing else to do; the worker looks every minute"


def test_external_repositories_are_merged(admin: Client, worker: None, top: Path, tmp_path: Path) -> None:
    there = tmp_path / "external"
    there.mkdir()
    (there / YEAST).write_bytes(data(YEAST))
    subprocess.run(["createrepo_c", str(there)], check=True, capture_output=True)
    admin("createExternalRepo", "ext", f"file://{there}/")
    admin("addExternalRepoToTag", "f40-build", "ext", 5)
    repo = made(admin, lambda: admin("tagBuildBypass", "f40", "fermenter-1.2-3.mr1"))
    repodata = top / "repos/f40-build" / str(repo["id"]) / "x86_64" / "repodata"
    assert {package[0] for package in packages(repodata).values()} == {
        "fermenter-0:1.2-3.mr1.x86_64",
        "yeast-0:7-1.mr1.noarch",
    }
    assert list(repodata.glob("*pkgorigins.gz"))


def test_packages_of_other_hubs_and_lost_metadata_do_no_harm(
    hub: HubUnderTest, admin: Client, worker: None, top: Path
) -> None:
    forget(hub)
    first = made(admin, lambda: admin("tagBuildBypass", "f40", "fermenter-1.2-3.mr1"))
    tree = top / "repos/f40-build"
    before = packages(tree / str(first["id"]) / "x86_64" / "repodata")
    for pack in (top / BUILD / "data/repodata").iterdir():
        pack.unlink()
    for chunk in (top / "repodata/chunks").rglob("*"):
        if chunk.is_file():
            chunk.unlink()
    second = made(admin, lambda: admin("tagBuildBypass", "f40", "yeast-7-1.mr1"))
    after = packages(tree / str(second["id"]) / "x86_64" / "repodata")
    assert before.items() < after.items()


def test_what_cannot_be_made_is_a_problem_and_is_given_up(
    hub: HubUnderTest, admin: Client, tags: None, top: Path
) -> None:
    forget(hub)
    (top / BUILD / "x86_64" / RPM).write_bytes(b"not an rpm")
    hub.hub.settings = hub.hub.settings.replace(RepoOnHub=True, RepoRetries=0)
    admin("tagBuildBypass", "f40", "fermenter-1.2-3.mr1")
    with working(hub.hub, REPO_JOBS):
        request = admin("repo.request", "f40-build")["request"]["id"]
        eventually(lambda: not admin("repo.checkRequest", request)["request"]["active"])
    assert admin("repo.checkRequest", request)["repo"] is None
    (repo,) = admin("repo.query", [["tag_name", "=", "f40-build"]], ["state"])
    assert repo["state"] == RepoState.PROBLEM


def test_a_tag_says_how_its_metadata_is_compressed(admin: Client, worker: None, top: Path) -> None:
    admin("editTag2", "f40-build", extra={"repo.compression": "gzip", "repo.sqlite": True})
    repo = made(admin, lambda: admin("tagBuildBypass", "f40", "yeast-7-1.mr1"))
    repodata = top / "repos/f40-build" / str(repo["id"]) / "aarch64" / "repodata"
    assert list(repodata.glob("*primary.xml.gz"))
    assert list(repodata.glob("*primary.sqlite*"))


# for builders


def test_builders_get_what_is_kept_and_what_was_not(
    hub: HubUnderTest, admin: Client, tags: None, top: Path
) -> None:
    sighdr = rip_rpm_sighdr(RPMS / SIGNED)
    key = str(get_sighdr_key(sighdr))
    admin("addRPMSig", NVRA, sighdr)
    admin("writeSignedRPM", NVRA, key)
    rpm_id, yeast = admin("getRPM", NVRA)["id"], admin("getRPM", "yeast-7-1.mr1.noarch")["id"]
    builder = hub.client(BUILDER)
    wanted = [[yeast, ""], [rpm_id, key], [rpm_id, ""]]
    before = builder("host.getRPMMetadata", wanted)
    noarch, signed, plain = (Entry.parse(line.encode()) for line in before)
    assert (noarch.name, plain.href) == ("yeast", str(BUILD / "x86_64" / RPM))
    assert signed.href == str(BUILD / "data/signed" / key / "x86_64" / RPM)
    assert signed.pkgid == FileFacts.of_file(top / signed.href).pkgid != plain.pkgid
    assert signed.fragment in unpack_fragments((top / signed.pack).read_bytes())
    forget(hub)
    assert builder("host.getRPMMetadata", wanted) == before
    (top / noarch.pack).write_bytes(b"damaged")
    (top / signed.pack).unlink()
    assert builder("host.getRPMMetadata", wanted, [noarch.pack]) == before
    for entry in (noarch, signed):
        assert entry.fragment in unpack_fragments((top / entry.pack).read_bytes())
    with pytest.raises(GenericError, match="no metadata"):
        builder("host.getRPMMetadata", [[rpm_id, "0badf00d"]])
