"""Looking rpms up, into them, and at their signatures."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from moromi.errors import ActionNotAllowed, GenericError
from moromi.rpm import rip_rpm_sighdr
from support.builds import RPM, RPMS, SRPM, import_rpm
from support.hub import Client, HubUnderTest

SIGNED = "fermenter-1.2-3.mr1.x86_64.signed.rpm"
KEY = "dd1e7033"


@pytest.fixture
def imported(admin: Client) -> int:
    """The id of a binary package that was imported."""
    import_rpm(admin, SRPM)
    return int(import_rpm(admin, RPM)["id"])


def test_an_rpm_has_many_names(admin: Client, imported: int) -> None:
    plain = RPM.removesuffix(".rpm")
    spec = {"name": "fermenter", "version": "1.2", "release": "3.mr1", "arch": "x86_64"}
    for info in (imported, str(imported), plain, RPM, f"{plain}@INTERNAL", spec, {"id": imported}):
        assert admin("getRPM", info)["id"] == imported
    with pytest.raises(GenericError, match="No such rpm"):
        admin("getRPM", 2**40, strict=True)


def test_the_internal_rpm_is_preferred(admin: Client, imported: int) -> None:
    admin("createExternalRepo", "outside", "http://outside.example.org/")
    external = {"name": "fermenter", "version": "1.2", "release": "3.mr1", "arch": "x86_64", "epoch": 0}
    external |= {"payloadhash": "0" * 32, "size": 1, "buildtime": 1}
    admin("addExternalRPM", external, "outside")
    assert admin("getRPM", RPM)["id"] == imported
    assert len(admin("getRPM", RPM, multi=True)) == 2
    assert admin("getRPM", f"{RPM}@outside")["external_repo_name"] == "outside"


def test_contents_are_read_from_the_file(admin: Client, imported: int) -> None:
    assert admin("getRPMHeaders", imported, headers=["name", "ARCH"]) == {
        "name": "fermenter",
        "ARCH": "x86_64",
    }
    files = [each["name"] for each in admin("listRPMFiles", imported)]
    assert "/usr/bin/fermenter" in files
    assert admin("getRPMFile", imported, "/usr/bin/fermenter")["rpm_id"] == imported
    provides = admin("getRPMDeps", imported, 1, {"asList": True})
    assert ["mash-keeper", "1.2", 8, 1] in provides
    assert admin("getChangelogEntries", "fermenter-1.2-3.mr1", queryOpts={"limit": 1})[0]["text"]


@pytest.mark.parametrize("path", ["/etc/passwd", "../../../../etc/passwd", "a/../../x.rpm"])
def test_files_of_tasks_stay_below_their_task(admin: Client, path: str) -> None:
    with pytest.raises(GenericError, match="Invalid filepath"):
        admin("getRPMHeaders", taskID=1, filepath=path)


def test_a_link_of_a_task_does_not_lead_out_of_the_tree(admin: Client, tmp_path: Path) -> None:
    directory = tmp_path / "work/tasks/1/1"
    directory.mkdir(parents=True)
    (directory / "x.rpm").symlink_to(RPMS / RPM)
    with pytest.raises(GenericError, match="Invalid filepath"):
        admin("getRPMHeaders", taskID=1, filepath="x.rpm", headers=["name"])


def test_a_signed_copy_is_the_signed_package(admin: Client, imported: int, tmp_path: Path) -> None:
    admin("addRPMSig", imported, rip_rpm_sighdr(RPMS / SIGNED))
    assert {row["sigkey"] for row in admin("queryRPMSigs", imported)} == {"", KEY}
    admin("writeSignedRPM", imported, KEY)
    copy = tmp_path / f"packages/fermenter/1.2/3.mr1/data/signed/{KEY}/x86_64/{RPM}"
    assert copy.read_bytes() == (RPMS / SIGNED).read_bytes()
    expected = hashlib.sha256((RPMS / SIGNED).read_bytes()).hexdigest()
    assert admin("getRPMChecksums", imported, ["sha256"])[KEY] == {"sha256": expected}
    with pytest.raises(GenericError, match=f"Signature already exists .*, key {KEY}"):
        admin("addRPMSig", imported, rip_rpm_sighdr(RPMS / SIGNED))
    admin("deleteRPMSig", imported, KEY)
    assert not copy.exists()
    assert [row["sigkey"] for row in admin("queryRPMSigs", imported)] == [""]
    admin("addRPMSig", imported, rip_rpm_sighdr(RPMS / SIGNED))


def test_a_signature_gets_another_key(admin: Client, imported: int, tmp_path: Path) -> None:
    admin("addRPMSig", imported, rip_rpm_sighdr(RPMS / SIGNED), "0DD5")
    admin("writeSignedRPM", imported, "0dd5")
    sums = admin("getRPMChecksums", imported, ["sha256"])["0dd5"]
    admin("renameRPMSig", RPM, "0dd5", "C0FFEE")
    assert {row["sigkey"] for row in admin("queryRPMSigs", imported)} == {"", "c0ffee"}
    assert admin("getRPMChecksums", imported, ["sha256"], cacheonly=True)["c0ffee"] == sums
    data = tmp_path / "packages/fermenter/1.2/3.mr1/data"
    assert (data / f"signed/c0ffee/x86_64/{RPM}").read_bytes() == (RPMS / SIGNED).read_bytes()
    assert not [path for path in data.rglob("*") if "0dd5" in str(path) and path.is_file()]
    for old, new, words in (
        ("0dd5", "1", "No cached signature for package fermenter.*, key 0dd5"),
        ("c0ffee", "c0ffee", "Signature already exists for package .*, key c0ffee"),
        ("c0ffee", "../x", "Invalid signature key"),
    ):
        with pytest.raises(GenericError, match=words):
            admin("renameRPMSig", imported, old, new)
    with pytest.raises(GenericError, match="Invalid signature key"):
        admin("addRPMSig", imported, rip_rpm_sighdr(RPMS / SIGNED), "../../x")


def test_an_imported_signature_gets_another_key(admin: Client, hub: HubUnderTest, imported: int) -> None:
    name = "yeast-7-1.mr1.src.rpm"
    admin.upload("imports/keyed", name, (RPMS / name).read_bytes())
    with pytest.raises(GenericError, match=r"Invalid signature key: \.\./x"):
        admin("importRPM", "imports/keyed", name, "../x")
    assert admin("getRPM", name) is None
    rpm = admin("importRPM", "imports/keyed", name, sigkey="C0FFEE")
    assert [row["sigkey"] for row in admin("queryRPMSigs", rpm["id"])] == ["c0ffee"]


def test_signing_needs_the_permission(hub: HubUnderTest, imported: int) -> None:
    for client in (hub.client(), hub.client("alice")):
        with pytest.raises(ActionNotAllowed, match="sign permission required"):
            client("addRPMSig", imported, rip_rpm_sighdr(RPMS / SIGNED))
        with pytest.raises(ActionNotAllowed, match="sign permission required"):
            client("renameRPMSig", imported, "", KEY)
        with pytest.raises(GenericError):
            client("host.writeSignedRPM", imported, KEY)


def test_a_signature_of_another_package_is_refused(admin: Client, imported: int) -> None:
    with pytest.raises(GenericError, match=r"wrong md5 for fermenter-1\.2-3"):
        admin("addRPMSig", imported, rip_rpm_sighdr(RPMS / SRPM))
