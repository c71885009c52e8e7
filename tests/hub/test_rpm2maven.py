"""Maven artifacts out of rpms: a real rpm goes in, archives of its build come out."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from moromi.errors import CallbackError, GenericError
from moromi.plugins import Loader, shipped
from support.hub import HubUnderTest

POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
<groupId>org.example.kura</groupId><artifactId>{name}</artifactId><version>{version}</version></project>
"""
SPEC = """
Name: {name}
Version: 1.0
Release: 1
Summary: A repository of artifacts
License: MIT
BuildArch: noarch
%define _binary_payload {payload}
%define _build_id_links none
%description
Artifacts.
%install
cp -a {tree}/. %{{buildroot}}/
%files
/usr
"""
REPOSITORY = "usr/share/java/repository/maven2"


def make_rpm(directory: Path, name: str, files: dict[str, str], payload: str = "w9.gzdio") -> Path:
    """An rpm of these files, made with the machine's rpmbuild; its source rpm is beside it."""
    tree = directory / "tree"
    for path, text in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    (tree / "usr/share/link.pom").symlink_to("/etc/passwd")
    spec = directory / f"{name}.spec"
    spec.write_text(SPEC.format(name=name, payload=payload, tree=tree))
    defines = {"_topdir": directory / "top", "_rpmdir": directory, "_srcrpmdir": directory, "dist": ""}
    command = ["rpmbuild", "-ba", "--nodeps"]
    for key, value in defines.items():
        command += ["--define", f"{key} {value or '%{nil}'}"]
    subprocess.run([*command, str(spec)], check=True, capture_output=True)
    return directory / "noarch" / f"{name}-1.0-1.noarch.rpm"


def artifact(name: str, version: str = "2.0") -> dict[str, str]:
    """The files of an artifact in a Maven repository."""
    place = f"{REPOSITORY}/org/example/kura/{name}/{version}"
    return {
        f"{place}/{name}-{version}.pom": POM.format(name=name, version=version),
        f"{place}/{name}-{version}.jar": f"a jar of {name}",
        f"{place}/{name}-{version}.unknown-kind": "?",
    }


def import_build(hub: HubUnderTest, rpm: Path) -> dict[str, Any]:
    """Import source and binary rpm; the build."""
    admin = hub.client("kojiadmin")
    name = rpm.name.removesuffix(".noarch.rpm")
    source = rpm.parent.parent / f"{name}.src.rpm"
    for path in (source, rpm):
        admin.upload("imports", path.name, path.read_bytes())
        admin("importRPM", "imports", path.name)
    build: dict[str, Any] = admin("getBuild", name)
    return build


def archives(hub: HubUnderTest, build: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(file name, group, artifact) of the archives of a build, by name."""
    rows = hub.client()("listArchives", build["id"], type="maven")
    return sorted((row["filename"], row["group_id"], row["artifact_id"]) for row in rows)


@pytest.mark.parametrize("payload", ["w9.gzdio", "w2.xzdio", "w3.zstdio", "w9.bzdio"])
def test_artifacts_are_imported(hub: HubUnderTest, tmp_path: Path, payload: str) -> None:
    files = artifact("press") | artifact("vat") | {f"{REPOSITORY}/org/README": "no artifact here"}
    build = import_build(hub, make_rpm(tmp_path, "kura-repolib", files, payload))
    group = "org.example.kura"
    assert archives(hub, build) == [
        ("press-2.0.jar", group, "press"),
        ("press-2.0.pom", group, "press"),
        ("vat-2.0.jar", group, "vat"),
        ("vat-2.0.pom", group, "vat"),
    ]
    maven = hub.client()("getMavenBuild", build["id"])
    assert (maven["group_id"], maven["artifact_id"], maven["version"]) == (
        "kura-repolib",
        "kura-repolib",
        "1.0-1",
    )
    stored = Path(hub.hub.paths.build(build)) / "maven/org/example/kura/press/2.0/press-2.0.jar"
    assert stored.read_text() == "a jar of press" and not stored.is_symlink()
    assert not list(Path(hub.hub.paths.work()).glob("rpm2maven/*"))


def test_others_are_left_alone(hub: HubUnderTest, tmp_path: Path) -> None:
    build = import_build(hub, make_rpm(tmp_path, "kura-docs", artifact("press")))
    assert archives(hub, build) == [] and hub.client()("getMavenBuild", build["id"]) is None


def test_a_wrong_pom_fails_the_import(hub: HubUnderTest, tmp_path: Path) -> None:
    place = f"{REPOSITORY}/org/bad"
    rpm = make_rpm(tmp_path, "kura-repolib", {f"{place}/bad-1.pom": "<project>"})
    with pytest.raises(CallbackError, match=r"bad-1\.pom"):
        import_build(hub, rpm)
    build = hub.client()("getBuild", "kura-repolib-1.0-1")
    assert [row["arch"] for row in hub.client()("listBuildRPMs", build["id"])] == ["src"]
    assert not list(Path(hub.hub.paths.work()).glob("rpm2maven/*"))


def test_what_is_no_rpm(tmp_path: Path) -> None:
    directory = shipped("hub")
    assert directory is not None
    plugin = Loader(str(directory)).load("rpm2maven")
    (tmp_path / "x.rpm").write_bytes(b"no rpm")
    with pytest.raises(GenericError, match="it ends too early"):
        plugin.unpack(tmp_path / "x.rpm", tmp_path, ("*",))
