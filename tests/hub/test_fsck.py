"""`moromi-hub fsck`: it finds what is wrong with the tree, and removes only what nobody promises."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from moromi.rpm import get_sighdr_key, rip_rpm_sighdr
from moromi_hub.commands.fsck import fsck as command
from support.builds import BUILDER, RPM, SRPM, YEAST, TaskBuild, data, import_rpm
from support.hub import Client, HubUnderTest

BUILD = Path("packages/fermenter/1.2/3.mr1")
SIGNED = "fermenter-1.2-3.mr1.x86_64.signed.rpm"
Fsck = Callable[..., Result]


@pytest.fixture
def fsck(hub: HubUnderTest, tmp_path: Path) -> Fsck:
    """The command on the hub's database and tree."""
    dsn = hub.hub.engine.url.render_as_string(hide_password=False)
    config = tmp_path.parent / f"{tmp_path.name}.conf"
    config.write_text(f"[hub]\nDBConnectionString = {dsn}\nKojiDir = {tmp_path}\n", encoding="utf-8")

    def run(*options: str) -> Result:
        done = CliRunner().invoke(command, ["--config", str(config), *options], catch_exceptions=False)
        assert isinstance(done, Result)
        return done

    return run


@pytest.fixture
def complete(admin: Client, hub: HubUnderTest) -> int:
    """A complete build, with logs and signatures."""
    return int(TaskBuild(admin, hub.client(BUILDER)).complete()["id"])


def complaints(done: Result, top: Path) -> set[str]:
    """What was found, with the paths from `top`."""
    assert done.exit_code == 1, done.output
    return {line.removeprefix(f"{top}/") for line in done.output.splitlines()}


def test_a_sound_tree_is_clean(fsck: Fsck, complete: int, admin: Client, tmp_path: Path) -> None:
    import_rpm(admin, YEAST.replace("noarch", "src"))
    import_rpm(admin, YEAST)
    jar = (Path(__file__).parents[1] / "conformance/data/culture-1.0.jar").read_bytes()
    admin.upload("imports/jar", "culture-1.0.jar", jar)
    gav = {"group_id": "org.example", "artifact_id": "culture", "version": "1.0"}
    admin("createMavenBuild", "yeast-7-1.mr1", gav)
    path = "imports/jar/culture-1.0.jar"
    admin("importArchive", path, "yeast-7-1.mr1", "maven", gav)
    (tmp_path / "vol/attic").mkdir(parents=True)
    admin("addVolume", "attic")
    admin("changeBuildVolume", complete, "attic")
    for options in ((), ("--checksums",), ("--repair", "--min-age", "0")):
        done = fsck(*options)
        assert done.exit_code == 0, done.output
    assert (tmp_path / BUILD / "x86_64" / RPM).read_bytes() == data(RPM)


def test_what_is_missing_or_differs_is_found_and_kept(fsck: Fsck, complete: int, tmp_path: Path) -> None:
    build = tmp_path / BUILD
    (build / "src" / SRPM).unlink()
    (build / "data/sigcache/src" / f"{SRPM}.sig").unlink()
    with open(build / "x86_64" / RPM, "ab") as file:
        file.write(b"more")
    size = len(data(RPM))
    expected = {
        f"{BUILD}/src/{SRPM}: missing (rpm fermenter-1.2-3.mr1.src)",
        f"{BUILD}/data/sigcache/src/{SRPM}.sig: missing (signature of fermenter-1.2-3.mr1.src with key '')",
        f"{BUILD}/x86_64/{RPM}: differs: {size + 4} bytes instead of {size} (rpm fermenter-1.2-3.mr1.x86_64)",
    }
    assert complaints(fsck(), tmp_path) == expected
    assert complaints(fsck("--repair", "--min-age", "0"), tmp_path) == expected
    assert (build / "x86_64" / RPM).stat().st_size == size + 4


def test_only_digests_tell_a_changed_byte(fsck: Fsck, complete: int, tmp_path: Path) -> None:
    rpm = tmp_path / BUILD / "x86_64" / RPM
    content = bytearray(rpm.read_bytes())
    content[-1] ^= 1
    os.chmod(rpm, 0o644)
    rpm.write_bytes(content)
    assert fsck().exit_code == 0
    found = complaints(fsck("--checksums"), tmp_path)
    assert found == {
        f"{BUILD}/x86_64/{RPM}: differs: its payload digest is another (rpm fermenter-1.2-3.mr1.x86_64)"
    }


def test_orphans_go_once_they_are_old(fsck: Fsck, complete: int, tmp_path: Path) -> None:
    build = tmp_path / BUILD
    orphans = [
        build / "x86_64" / "stray.rpm",
        build / "data/logs/x86_64/.build.log.0123456789ab",
        build / "data/signed/abcd/x86_64" / RPM,
        tmp_path / "packages/fermenter/9/1/src/fermenter-9-1.src.rpm",
        tmp_path / "packages/notes",
    ]
    for path in orphans:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"nobody's")
    link = build / "latest"
    link.symlink_to("nowhere")
    file = "orphan: no row promises this file"
    expected = {
        f"{BUILD}/x86_64/stray.rpm: {file}",
        f"{BUILD}/data/logs/x86_64/.build.log.0123456789ab: {file}",
        f"{BUILD}/data/signed/abcd/x86_64/{RPM}: {file}",
        "packages/fermenter/9: orphan: no row promises this directory",
        f"packages/notes: {file}",
        f"{BUILD}/latest: dangling link",
    }
    assert complaints(fsck(), tmp_path) == expected
    assert complaints(fsck("--repair"), tmp_path) == expected, "they have just come"
    assert all(path.exists() for path in orphans)
    done = fsck("--repair", "--min-age", "0")
    assert done.exit_code == 0
    assert {line for line in done.output.splitlines() if line.endswith(" - removed")} == {
        f"{tmp_path}/{line} - removed" for line in expected
    }
    assert not any(os.path.lexists(path) for path in (*orphans, link))
    assert fsck("--checksums").exit_code == 0
    assert (build / "x86_64" / RPM).read_bytes() == data(RPM)


def test_the_remains_of_a_deleted_build_go(fsck: Fsck, complete: int, admin: Client, tmp_path: Path) -> None:
    admin("deleteBuild", complete)
    assert fsck().exit_code == 0
    remains = tmp_path / BUILD / "src" / SRPM
    remains.parent.mkdir(parents=True)
    remains.write_bytes(data(SRPM))
    assert complaints(fsck(), tmp_path) == {f"{BUILD}: orphan: the build is DELETED"}
    assert fsck("--repair", "--min-age", "0").exit_code == 0
    assert not (tmp_path / BUILD).exists()


def test_the_usual_place_of_a_moved_build_is_put_right(
    fsck: Fsck, complete: int, admin: Client, tmp_path: Path
) -> None:
    (tmp_path / "vol/attic").mkdir(parents=True)
    admin("addVolume", "attic")
    admin("changeBuildVolume", complete, "attic")
    usual = tmp_path / BUILD
    usual.unlink()
    usual.mkdir()
    (usual / "left").write_bytes(b"over")
    there = tmp_path / "vol/attic" / BUILD
    assert complaints(fsck(), tmp_path) == {
        f"{BUILD}: orphan: the build is on volume attic",
        f"{BUILD}: no link to {there}",
    }
    assert fsck("--repair", "--min-age", "0").exit_code == 0
    assert usual.is_symlink() and (usual / "x86_64" / RPM).read_bytes() == data(RPM)
    assert fsck("--checksums").exit_code == 0


def test_signed_copies_may_be_there_and_must_be_right(
    fsck: Fsck, admin: Client, complete: int, tmp_path: Path
) -> None:
    sighdr = rip_rpm_sighdr(Path(__file__).parents[1] / "data/rpms" / SIGNED)
    key = get_sighdr_key(sighdr)
    admin("addRPMSig", "fermenter-1.2-3.mr1.x86_64", sighdr)
    admin("writeSignedRPM", "fermenter-1.2-3.mr1.x86_64", key)
    copy = tmp_path / BUILD / "data/signed" / str(key) / "x86_64" / RPM
    assert copy.read_bytes() == data(SIGNED)
    assert fsck("--checksums").exit_code == 0
    copy.write_bytes(data(RPM))
    (found,) = complaints(fsck("--checksums"), tmp_path)
    assert found.startswith(f"{copy.relative_to(tmp_path)}: differs: its sha256 digest")
    copy.unlink()
    assert fsck("--checksums").exit_code == 0


def test_a_copy_left_by_a_deletion_is_not_taken_for_a_new_one(
    hub: HubUnderTest, admin: Client, complete: int, tmp_path: Path
) -> None:
    sighdr = rip_rpm_sighdr(Path(__file__).parents[1] / "data/rpms" / SIGNED)
    rpm, key = "fermenter-1.2-3.mr1.x86_64", get_sighdr_key(sighdr)
    left = tmp_path / BUILD / "data/signed" / str(key) / "x86_64" / RPM
    left.parent.mkdir(parents=True)
    left.write_bytes(b"an older copy")
    admin("addRPMSig", rpm, sighdr)
    admin("writeSignedRPM", rpm, key)
    assert left.read_bytes() == data(SIGNED)


def test_a_deletion_that_was_cut_off_is_finished_by_the_next(
    admin: Client, complete: int, tmp_path: Path
) -> None:
    admin("deleteBuild", complete)
    remains = tmp_path / BUILD / "src" / SRPM
    remains.parent.mkdir(parents=True)
    remains.write_bytes(data(SRPM))
    assert admin("deleteBuild", complete) is None
    assert not (tmp_path / BUILD).exists()
