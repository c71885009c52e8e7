"""Builds on other volumes, and the links that keep them at their usual place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from moromi.errors import GenericError
from support.builds import BUILDER, RPM, SRPM, TaskBuild, data, import_rpm
from support.hub import Client, HTTPError, HubUnderTest

BUILD = "packages/fermenter/1.2/3.mr1"


@pytest.fixture
def attic(admin: Client, tmp_path: Path) -> Path:
    """The directory of a second volume."""
    directory = tmp_path / "vol" / "attic"
    directory.mkdir(parents=True)
    assert admin("addVolume", "attic")["name"] == "attic"
    return directory


@pytest.fixture
def imported(admin: Client) -> int:
    import_rpm(admin, SRPM)
    return int(import_rpm(admin, RPM)["build_id"])


def test_a_volume_needs_its_directory(admin: Client, tmp_path: Path) -> None:
    with pytest.raises(GenericError, match="please create the volume directory first"):
        admin("addVolume", "attic")
    (tmp_path / "vol/attic").mkdir(parents=True)
    (tmp_path / "vol/attic/toplink").symlink_to("/")
    with pytest.raises(GenericError, match="Invalid volume toplink"):
        admin("addVolume", "attic")
    (tmp_path / "vol/attic/toplink").unlink()
    admin("addVolume", "attic")
    assert (tmp_path / "vol/attic/toplink").samefile(tmp_path)


def test_a_build_moves_there_and_back(admin: Client, attic: Path, imported: int, tmp_path: Path) -> None:
    admin("createTag", "f40")
    admin("massTag", "f40", [imported])
    admin("changeBuildVolume", imported, "attic")
    usual, moved = tmp_path / BUILD, attic / BUILD
    assert usual.is_symlink() and not moved.is_symlink()
    assert (usual / "x86_64" / RPM).read_bytes() == data(RPM)
    assert admin("getBuild", imported)["volume_name"] == "attic"
    with pytest.raises(GenericError, match="already on volume attic"):
        admin("changeBuildVolume", imported, "attic")
    with pytest.raises(GenericError, match="volume attic has build references"):
        admin("removeVolume", "attic")
    admin("changeBuildVolume", imported, "DEFAULT")
    assert usual.is_dir() and not usual.is_symlink() and not moved.exists()
    assert (usual / "x86_64" / RPM).read_bytes() == data(RPM)
    assert admin("tagLastChangeEvent", "f40") is not None
    admin("removeVolume", "attic")


def test_a_move_that_fails_changes_nothing(
    hub: HubUnderTest, admin: Client, attic: Path, imported: int, tmp_path: Path
) -> None:
    def refuse(*_arguments: Any, **_details: Any) -> None:
        raise RuntimeError("not today")

    hub.hub.callbacks.register("preCommit", refuse)
    with pytest.raises(HTTPError, match="500"):
        admin("changeBuildVolume", imported, "attic")
    assert (tmp_path / BUILD / "x86_64" / RPM).read_bytes() == data(RPM)
    assert not (tmp_path / BUILD).is_symlink()
    assert not (attic / BUILD).exists()


def test_foreign_content_is_not_overwritten(admin: Client, attic: Path, imported: int) -> None:
    (attic / BUILD).mkdir(parents=True)
    with pytest.raises(GenericError, match="Destination directory exists"):
        admin("changeBuildVolume", imported, "attic")


def test_deleting_a_moved_build_removes_its_link(
    admin: Client, attic: Path, imported: int, tmp_path: Path
) -> None:
    admin("changeBuildVolume", imported, "attic")
    admin("deleteBuild", imported)
    assert not (tmp_path / BUILD).is_symlink()
    assert not (attic / BUILD).exists()


def test_an_upload_stays_reachable(hub: HubUnderTest, admin: Client, attic: Path, tmp_path: Path) -> None:
    under_way = TaskBuild(admin, hub.client(BUILDER))
    done = under_way.complete()
    admin("changeBuildVolume", done["id"], "attic")
    assert (tmp_path / "work" / under_way.directory / RPM).read_bytes() == data(RPM)
