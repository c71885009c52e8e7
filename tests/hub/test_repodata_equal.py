"""The hub's repositories of a tag beside those of createrepo_c and mergerepo_c of the same package lists."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from moromi.repodata.recipe import local_origin
from moromi_hub.repodata import making
from rpmmaker import Dependency, Package, make_rpm
from support.hub import Client, HubUnderTest
from support.repodata import contents, made_up, origins

BUILDS = (
    (
        Package("brew", "2", arch="src"),
        Package("brew", "2", arch="x86_64", files=["/usr/bin/brew"], requires=[Dependency("brew-libs")]),
        Package("brew", "2", arch="i686", files=["/usr/bin/brew"]),
        Package("brew", "2", arch="aarch64", files=["/usr/bin/brew"]),
        Package("brew-libs", "2", arch="x86_64", source="brew"),
        Package("brew-debuginfo", "2", arch="x86_64", source="brew", files=["/usr/lib/debug/brew.debug"]),
        Package("brew-doc", "2", source="brew", changelog=[(1_700_000_000, "A <a@example.org>", "- b & c")]),
    ),
    (Package("herb", epoch=3, arch="src"), Package("herb", epoch=3)),
    (Package("weed", arch="src"), Package("weed")),
)
EXTERNAL = (
    (
        Package("brew", "3", arch="x86_64"),
        Package("brew-extra", "2", arch="x86_64", source="brew"),
        Package("brew-doc", "2", source="brew", summary="another build of it"),
        Package("weed-more", source="weed"),
        Package("outside", "1", arch="aarch64"),
        Package("outside", "2", arch="aarch64"),
        Package("outside", "2", arch="x86_64"),
        Package("outside", "2", arch="src"),
    ),
    (Package("outside", "3", arch="x86_64"), Package("outside", "2", arch="x86_64"), Package("only-here")),
)
OPTIONS: tuple[dict[str, bool], ...] = ({}, {"src": True}, {"separate_src": True, "debuginfo": True})
MERGE = {"koji": ["--koji"], "simple": ["--koji", "--simple"], "bare": ["--pkgorigins", "--all"]}


@pytest.fixture
def tag_id(admin: Client) -> int:
    """A build tag of three builds, one of a package that is blocked in it."""
    found = int(admin("createTag", "f1-build", arches="x86_64 i686 aarch64"))
    for packages in BUILDS:
        name = packages[0].name
        for package in packages:
            admin.upload("imports/made", package.file_name, make_rpm(package))
            admin("importRPM", "imports/made", package.file_name)
        admin("packageListAdd", "f1-build", name, "alice")
        admin("tagBuildBypass", "f1-build", f"{name}-{packages[0].version}-1")
    admin("packageListBlock", "f1-build", "weed")
    return found


def reference(arch: Path, place: Path, external: list[str], mode: str) -> tuple[Path, str]:
    """Do what a Koji builder does with an arch; the repository, and the URL of its first part."""
    local = place / "local"
    local.mkdir(parents=True)
    words = [
        "createrepo_c",
        "--quiet",
        "--no-database",
        "-o",
        str(local),
        "-i",
        str(arch / "pkglist"),
        str(arch),
    ]
    subprocess.run(words, check=True, capture_output=True)
    url = f"file://{local}/"
    if not external:
        return local, url
    words = ["mergerepo_c", *MERGE[mode], "-a", arch.name, "-o", str(place / "merged"), "--arch-expand"]
    if mode != "bare":
        words += ["-b", str(arch / "blocklist")]
    words += [word for each in (url, *external) for word in ("-r", each)]
    subprocess.run(words, check=True, capture_output=True)
    return place / "merged", url


def compare(hub: HubUnderTest, tag_id: int, place: Path, external: list[str], mode: str) -> set[str]:
    """Make a repository with each of the options, compare all arches; the packages seen."""
    seen = set()
    for number, options in enumerate(OPTIONS):
        repo_id = making.make(hub.hub, tag_id, None, options)
        top = Path(hub.hub.paths.repo(repo_id, "f1-build"))
        arches = {path.parent.name for path in top.glob("*/pkglist")}
        assert arches == {"x86_64", "i386", "aarch64", *(["src"] if "separate_src" in options else [])}
        for arch in arches:
            expected, url = reference(top / arch, place / str(number) / arch, external, mode)
            found = contents(top / arch)
            assert found == contents(expected)
            seen |= {package[1].rsplit("/", 1)[-1] for package in found}
            if external:
                own = local_origin(top, repo_id)
                ours = {
                    name: [u.replace(own, url) for u in urls] for name, urls in origins(top / arch).items()
                }
                assert ours == origins(expected)
    return seen


def test_a_tag_with_sources_debug_packages_and_blocked_ones(
    hub: HubUnderTest, tag_id: int, tmp_path: Path
) -> None:
    seen = compare(hub, tag_id, tmp_path, [], "koji")
    assert seen == {package.file_name for packages in BUILDS[:2] for package in packages}


@pytest.mark.parametrize("mode", MERGE)
def test_a_tag_with_two_external_repositories(
    hub: HubUnderTest, admin: Client, tag_id: int, tmp_path: Path, mode: str
) -> None:
    urls = []
    for number, packages in enumerate(EXTERNAL):
        there = made_up(tmp_path / f"external{number}", packages).directory
        subprocess.run(["createrepo_c", "--quiet", str(there)], check=True, capture_output=True)
        urls.append(f"file://{there}/")
        admin("createExternalRepo", f"ext{number}", urls[-1])
        admin("addExternalRepoToTag", "f1-build", f"ext{number}", number, merge_mode=mode)
    seen = compare(hub, tag_id, tmp_path, urls, mode)
    assert ("weed-more-1.0-1.noarch.rpm" in seen) == (mode == "bare")
    assert ("outside-3-1.x86_64.rpm" in seen) == (mode != "koji")
    assert {"brew-extra-2-1.x86_64.rpm", "only-here-1.0-1.noarch.rpm", "outside-2-1.src.rpm"} <= seen
