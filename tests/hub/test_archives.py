"""Archives come in, by hand, by builders and by content generators."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from moromi.errors import AuthError, BuildError, GenericError
from moromi_hub.imports.pom import read_coordinates
from moromi_schema import tables as t
from support.builds import RPM, RPMS, SRPM, data, generated, stated
from support.hub import Client, HTTPError, HubUnderTest

GAV = {"group_id": "org.example", "artifact_id": "culture", "version": "1.0"}
POM = (
    b"<project><groupId>org.example</groupId><artifactId>culture</artifactId><version>1.0</version></project>"
)
DIRECTORY = Path("packages/org.example-culture/1.0/1/maven/org/example/culture/1.0")


@pytest.fixture
def maven(admin: Client) -> str:
    """A maven build without files."""
    build = {"name": "org.example-culture", "version": "1.0", "release": "1", "epoch": None}
    admin("createMavenBuild", build, GAV)
    admin.upload("imports/m", "culture-1.0.pom", POM)
    return "org.example-culture-1.0-1"


def test_a_maven_artifact_gets_its_digests_beside_it(admin: Client, maven: str, tmp_path: Path) -> None:
    admin("importArchive", "imports/m/culture-1.0.pom", maven, "maven", GAV)
    target = tmp_path / DIRECTORY / "culture-1.0.pom"
    assert target.read_bytes() == POM
    assert (tmp_path / DIRECTORY / "culture-1.0.pom.md5").read_text() == hashlib.md5(POM).hexdigest()
    (found,) = admin("listArchives", maven, type="maven")
    assert (found["checksum"], found["checksum_type"]) == (hashlib.sha256(POM).hexdigest(), 2)


def test_a_promised_archive_stays_and_an_orphan_goes(admin: Client, maven: str, tmp_path: Path) -> None:
    target = tmp_path / DIRECTORY / "culture-1.0.pom"
    target.parent.mkdir(parents=True)
    target.write_bytes(b"half")
    admin("importArchive", "imports/m/culture-1.0.pom", maven, "maven", GAV)
    assert target.read_bytes() == POM
    admin.upload("imports/n", "culture-1.0.pom", POM + b"\n")
    with pytest.raises(GenericError, match="already exists"):
        admin("importArchive", "imports/n/culture-1.0.pom", maven, "maven", GAV)
    assert target.read_bytes() == POM


def test_names_of_callers_do_not_lead_out_of_the_build(admin: Client, maven: str) -> None:
    admin.upload("imports/m", "x.jar", b"jar")
    for info in ({**GAV, "version": "../../../../../etc"}, {**GAV, "artifact_id": ".."}):
        with pytest.raises(GenericError, match="Invalid path segment"):
            admin("importArchive", "imports/m/x.jar", maven, "maven", info)


def test_a_pom_declares_no_entities(tmp_path: Path) -> None:
    evil = tmp_path / "x.pom"
    evil.write_bytes(b'<!DOCTYPE p [<!ENTITY a "aaaa">]><project><version>&a;</version></project>')
    with pytest.raises(BuildError, match="declares entities"):
        read_coordinates(evil)


def test_a_pom_takes_from_its_parent(tmp_path: Path) -> None:
    pom = tmp_path / "x.pom"
    pom.write_bytes(
        b'<project xmlns="http://maven.apache.org/POM/4.0.0"><parent><groupId>g</groupId>'
        b"<artifactId>parent</artifactId><version>7</version></parent><artifactId>a</artifactId>"
        b"<dependencies><dependency><version>9</version></dependency></dependencies></project>"
    )
    assert read_coordinates(pom) == {"group_id": "g", "artifact_id": "a", "version": "7"}


# content generators


def metadata(**changes: Any) -> dict[str, Any]:
    """A build of two rpms by the generator `kiln`."""
    build = {"name": "fermenter", "version": "1.2", "release": "3.mr1", "source": None, "epoch": 0}
    return generated([stated(RPMS / name) for name in (SRPM, RPM)], **{**build, **changes})


@pytest.fixture
def alice(hub: HubUnderTest, admin: Client) -> Client:
    """A user who may import for `kiln`, with the files uploaded."""
    admin("grantCGAccess", "alice", "kiln", create=True)
    client = hub.client("alice")
    for name in (SRPM, RPM):
        client.upload("imports/cg", name, data(name))
    return client


def test_a_generated_build_is_imported_whole(alice: Client, tmp_path: Path) -> None:
    done = alice("CGImport", metadata(), "imports/cg")
    assert done["cg_name"] == "kiln" and done["completion_ts"] == 1700000600.0
    assert (tmp_path / "packages/fermenter/1.2/3.mr1/x86_64" / RPM).read_bytes() == data(RPM)
    assert (tmp_path / "packages/fermenter/1.2/3.mr1/metadata.json").is_file()
    assert (tmp_path / "work/imports/cg" / RPM).is_symlink()
    assert {rpm["buildroot_id"] for rpm in alice("listBuildRPMs", done["id"])} == {1}


@pytest.mark.parametrize(
    ("told", "text"),
    [
        ({"build": b"x"}, r"^Invalid metadata, cannot encode: \{'build': b'x'\}$"),
        (metadata(extra=None), r"^Invalid type, expected type <class 'dict'>$"),
        (metadata(extra={"typeinfo": ["rpm"]}), r"^Invalid type for value '\['rpm'\]'"),
        ("[" * 100_000, r"^Invalid json data: "),
    ],
)
def test_metadata_of_wrong_types(alice: Client, told: dict[str, Any] | str, text: str) -> None:
    with pytest.raises(GenericError, match=text):
        alice("CGImport", told, "imports/cg")


def test_an_extension_that_two_types_claim_names_none(admin: Client) -> None:
    admin("addArchiveType", "amphora", "Amphoras", "jar")
    with pytest.raises(GenericError, match=r"^multiple matches for file extension: jar$"):
        admin("getArchiveType", "wine.JAR")
    assert admin("getArchiveType", "wine.war")["name"] == "jar"


def test_nothing_remains_of_an_import_that_fails(hub: HubUnderTest, alice: Client, tmp_path: Path) -> None:
    def refuse(*_arguments: Any, **_details: Any) -> None:
        raise RuntimeError("not today")

    hub.hub.callbacks.register("preCommit", refuse)
    with pytest.raises(HTTPError, match="500"):
        alice("CGImport", metadata(), "imports/cg")
    left = [name for _directory, _below, names in os.walk(tmp_path / "packages") for name in names]
    assert left == []
    assert (tmp_path / "work/imports/cg" / RPM).read_bytes() == data(RPM)
    with hub.hub.engine.connect() as connection:
        for table in (t.build, t.rpminfo, t.buildroot):
            assert connection.scalar(select(func.count()).select_from(table)) == 0


def test_only_the_holder_of_the_token_completes_a_reservation(hub: HubUnderTest, alice: Client) -> None:
    names = {"name": "fermenter", "version": "1.2", "release": "3.mr1", "epoch": 0}
    reserved = alice("CGInitBuild", "kiln", names)
    told = metadata(build_id=reserved["build_id"])
    for token in (None, "", "0" * 64):
        with pytest.raises(GenericError, match="Token doesn't match"):
            alice("CGImport", told, "imports/cg", token)
    with pytest.raises(AuthError, match="Content generator access required"):
        hub.client("bob")("CGImport", told, "imports/cg", reserved["token"])
    done = alice("CGImport", told, "imports/cg", reserved["token"])
    assert done["id"] == reserved["build_id"]
    with pytest.raises(GenericError, match="Token doesn't match"):
        alice("CGImport", told, "imports/cg", reserved["token"])
