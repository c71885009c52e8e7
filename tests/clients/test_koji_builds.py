"""The build commands of the published client, unmodified, on real packages, really signed."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from moromi.client import ClientSession
from samplesite.site import ADMIN, Site
from support.builds import generated, stated
from support.commands import Command
from support.signing import Signer

DATA = Path(__file__).parents[1] / "conformance" / "data"
NVR = "fermenter-1.2-3.mr1"
SRPM, RPM, NOARCH = f"{NVR}.src.rpm", f"{NVR}.x86_64.rpm", "fermenter-data-1.2-3.mr1.noarch.rpm"
BUILD = Path("packages/fermenter/1.2/3.mr1")


@pytest.fixture(scope="module")
def session(bare_site: Site) -> ClientSession:
    """What the hub then says."""
    session = ClientSession(f"{bare_site.url}/kojihub")
    session.login(ADMIN, bare_site.facts["admin_password"])
    return session


@pytest.fixture(scope="module")
def signer() -> Iterator[Signer]:
    with tempfile.TemporaryDirectory(prefix="moromi-gpg-") as place:
        made = Signer.create(Path(place) / "keys")
        try:
            yield made
        finally:
            made.close()


@pytest.fixture(scope="module")
def signed(signer: Signer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with signed copies of the packages."""
    place = tmp_path_factory.mktemp("signed")
    for name in (SRPM, RPM, NOARCH):
        signer.sign(DATA / name, place)
    return place


@pytest.fixture(scope="module")
def imported(koji: Command, session: ClientSession) -> dict[str, Any]:
    """The build, after `koji import`."""
    assert "importing" in koji("import", *(DATA / name for name in (SRPM, RPM, NOARCH)))
    found: dict[str, Any] = session.call("getBuild", NVR, strict=True)
    return found


@pytest.fixture(scope="module")
def copied(koji: Command, imported: dict[str, Any], signed: Path, signer: Signer) -> str:
    """The key of the signed copies, after `koji import-sig` and `koji write-signed-rpm`."""
    koji("import-sig", *(signed / name for name in (SRPM, RPM, NOARCH)))
    koji("write-signed-rpm", signer.key, NVR)
    return signer.key


def test_import(imported: dict[str, Any], koji: Command, session: ClientSession, bare_site: Site) -> None:
    assert imported["state"] == 1
    rpms = session.call("listBuildRPMs", imported["build_id"])
    assert {f"{rpm['nvr']}.{rpm['arch']}.rpm" for rpm in rpms} == {SRPM, RPM, NOARCH}
    for arch, name in (("src", SRPM), ("x86_64", RPM), ("noarch", NOARCH)):
        assert (bare_site.tree / BUILD / arch / name).read_bytes() == (DATA / name).read_bytes()
    assert "already imported" in koji("import", DATA / RPM)
    assert len(session.call("listBuildRPMs", imported["build_id"])) == 3


def test_signatures(
    copied: str, koji: Command, signed: Path, session: ClientSession, signer: Signer, bare_site: Site
) -> None:
    rpm = session.call("getRPM", RPM.removesuffix(".rpm"))
    assert {row["sigkey"] for row in session.call("queryRPMSigs", rpm["id"])} == {"", copied}
    for arch, name in (("src", SRPM), ("x86_64", RPM)):
        copy = bare_site.tree / BUILD / "data/signed" / copied / arch / name
        assert copy.read_bytes() == (signed / name).read_bytes()
        assert "signatures OK" in signer.trusts(copy)
    assert koji("import-sig", signed / RPM) == f"Signature already imported: {signed / RPM}\n"
    listed = koji("list-signed", "--build", NVR, "--key", copied).splitlines()
    assert {Path(line).relative_to(bare_site.tree / BUILD / "data/signed" / copied) for line in listed} == {
        Path("src", SRPM),
        Path("x86_64", RPM),
        Path("noarch", NOARCH),
    }


def test_download_build(copied: str, koji: Command, signed: Path, signer: Signer, tmp_path: Path) -> None:
    koji("download-build", "--noprogress", "--arch", "x86_64", "--arch", "src", NVR, cwd=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {SRPM, RPM}
    assert (tmp_path / RPM).read_bytes() == (DATA / RPM).read_bytes()
    keyed = tmp_path / "keyed"
    keyed.mkdir()
    koji("download-build", "--noprogress", "--key", copied, "--arch", "x86_64", NVR, cwd=keyed)
    assert (keyed / RPM).read_bytes() == (signed / RPM).read_bytes()
    assert "signatures OK" in signer.trusts(keyed / RPM)
    done = koji.run("download-build", "--noprogress", "--key", "00000000", "--arch", "x86_64", NVR, cwd=keyed)
    assert "No such sigkey 00000000" in done.stdout + done.stderr


def test_tags(imported: dict[str, Any], koji: Command, session: ClientSession) -> None:
    assert NVR in koji("list-untagged").split()
    for tag in ("mash", "keg"):
        koji("add-tag", tag)
        koji("add-pkg", "--owner", ADMIN, tag, "fermenter")
    koji("call", "tagBuildBypass", "mash", NVR)
    assert NVR not in koji("list-untagged").split()
    assert f"{NVR} tagged into mash by {ADMIN} [still active]" in koji("list-history", "--build", NVR)
    said = koji("move-build", "--nowait", "mash", "keg", NVR)
    task_id = int(said.removeprefix("Created task ").partition(",")[0])
    task = session.call("getTaskInfo", task_id, request=True)
    assert (task["method"], task["state"]) == ("tagBuild", 0)
    tags = [session.call("getTagID", tag) for tag in ("keg", "mash")]
    assert task["request"] == [tags[0], imported["build_id"], False, tags[1]]
    session.call("cancelTask", task_id)


def test_content_generator_and_promotion(
    koji: Command, session: ClientSession, tmp_path: Path, bare_site: Site
) -> None:
    files = tmp_path / "files"
    files.mkdir()
    for name in ("yeast-7-1.mr1.src.rpm", "yeast-7-1.mr1.noarch.rpm"):
        (files / name).write_bytes((DATA / name).read_bytes())
    metadata = generated(map(stated, files.iterdir()), name="yeast", version="7", release="1.mr1")
    said = tmp_path / "metadata.json"
    said.write_text(json.dumps(metadata))
    session.call("grantCGAccess", ADMIN, "kiln", create=True)
    koji("import-cg", "--noprogress", "--test", said, files)
    assert session.call("getBuild", "yeast-7-1.mr1") is None
    imported = koji("import-cg", "--noprogress", "--draft", said, files)
    (draft,) = session.call("listBuilds", draft=True)
    assert imported.endswith(f"Imported build {draft['nvr']} with id {draft['build_id']}\n")
    assert koji("promote-build", draft["nvr"]) == f"{draft['nvr']} has been promoted to yeast-7-1.mr1\n"
    promoted = session.call("getBuild", "yeast-7-1.mr1", strict=True)
    assert (promoted["build_id"], promoted["draft"]) == (draft["build_id"], False)
    name = "yeast-7-1.mr1.noarch.rpm"
    there = bare_site.tree / "packages/yeast/7/1.mr1/noarch" / name
    assert there.read_bytes() == (DATA / name).read_bytes()


def test_images(koji: Command, session: ClientSession, tmp_path: Path) -> None:
    options = ("--noprogress", "--create-build", "--type", "image", "--type-info", "x86_64")
    assert "Imported: vat-image.tar" in koji("import-archive", *options, "vat-1-1", DATA / "vat-image.tar")
    (image,) = session.call("listArchives", session.call("getBuild", "vat-1-1")["id"], type="image")
    assert image["arch"] == "x86_64"
    assert image["checksum"] == hashlib.sha256((DATA / "vat-image.tar").read_bytes()).hexdigest()
    koji("download-build", "--noprogress", "--type", "image", "vat-1-1", cwd=tmp_path)
    assert (tmp_path / "vat-image.tar").read_bytes() == (DATA / "vat-image.tar").read_bytes()


def test_maven_artifacts(koji: Command, session: ClientSession, tmp_path: Path) -> None:
    pom = tmp_path / "culture-1.0.pom"
    gav = "<groupId>org.example</groupId><artifactId>culture</artifactId><version>1.0</version>"
    pom.write_text(f"<project>{gav}</project>")
    options = ("--noprogress", "--create-build", "--type", "maven", "--type-info", pom)
    nvr, files = "org.example-culture-1.0-1", (DATA / "culture-1.0.jar", pom)
    said = koji("import-archive", *options, nvr, *files)
    assert [line for line in said.splitlines() if line.startswith("Imported")] == [
        "Imported: culture-1.0.jar",
        "Imported: culture-1.0.pom",
    ]
    found = session.call("listArchives", session.call("getBuild", nvr)["id"], type="maven")
    assert {(row["filename"], row["group_id"], row["version"]) for row in found} == {
        (path.name, "org.example", "1.0") for path in files
    }
    koji("download-build", "--noprogress", "--type", "maven", nvr, cwd=tmp_path)
    (jar,) = tmp_path.rglob("culture-1.0.jar")
    assert jar.read_bytes() == files[0].read_bytes()


def test_windows_files(koji: Command, session: ClientSession, tmp_path: Path) -> None:
    options = ("--noprogress", "--create-build", "--type", "win", "--type-info", "tools:i386 x86_64:signed")
    assert "Imported: press-tools.zip" in koji(
        "import-archive", *options, "press-2-1", DATA / "press-tools.zip"
    )
    (found,) = session.call("listArchives", session.call("getBuild", "press-2-1")["id"], type="win")
    assert (found["relpath"], found["platforms"], found["flags"]) == ("tools", "i386 x86_64", "signed")
    koji("download-build", "--noprogress", "--type", "win", "press-2-1", cwd=tmp_path)
    (tools,) = tmp_path.rglob("press-tools.zip")
    assert tools.read_bytes() == (DATA / "press-tools.zip").read_bytes()


def test_prune_signed_copies(copied: str, koji: Command, session: ClientSession, bare_site: Site) -> None:
    copy = bare_site.tree / BUILD / "data/signed" / copied / "x86_64" / RPM
    koji("import", *DATA.glob("fermenter*-1.2-4.mr1.*.rpm"))
    koji("add-tag", "cellar")
    koji("add-pkg", "--owner", ADMIN, "cellar", "fermenter")
    for tag in session.call("listTags", NVR):
        session.call("untagBuildBypass", tag["name"], NVR)
    for nvr in (NVR, "fermenter-1.2-4.mr1"):
        session.call("tagBuildBypass", "cellar", nvr)
    options = ("--verbose", "--build", NVR, "--days", "0")
    assert "Would have unlinked: " + str(copy) in koji("prune-signed-copies", "--test", *options)
    assert copy.exists()
    assert "Unlinking: " + str(copy) in koji("prune-signed-copies", *options)
    assert not copy.exists()
    koji("write-signed-rpm", copied, NVR)
    assert copy.exists()
