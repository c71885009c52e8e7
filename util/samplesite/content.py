"""Users, tags, target, external repository, groups and package list of a sample site.

Every step looks first, so that a second run changes nothing.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from moromi.client import ClientSession
from samplesite.site import ADMIN, BIN, BUILDER, Site, SiteError, build_arch

TARGET, DEST, BUILD = "sample", "sample", "sample-build"


def add_accounts(site: Site) -> None:
    """The administrator and the builder, made through `moromi-hub admin`."""
    session = ClientSession(f"{site.url}/kojihub")
    if session.call("getUser", ADMIN) is None:
        admin(site, "add-user", ADMIN, "--admin", password=site.facts["admin_password"])
    if session.call("getUser", BUILDER) is None:
        add_builder(site, BUILDER, site.facts["builder_password"])


def add_builder(site: Site, name: str, password: str) -> None:
    """An account for a builder of this machine, that builds and makes repositories."""
    arches = [build_arch()] + (["i686"] if build_arch() == "x86_64" else [])
    admin(site, "add-host", name, *arches, password=password)
    with site.session() as session:
        session.call("addHostToChannel", name, "createrepo")


def admin(site: Site, command: str, *arguments: str, password: str) -> None:
    """Run `moromi-hub admin` for an account with this password."""
    words = [str(BIN / "moromi-hub"), "admin", command, "--config", str(site.hub_conf), *arguments]
    done = subprocess.run(
        [*words, "--password", "-"],
        input=f"{password}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SiteError(f"moromi-hub admin {command} failed: {done.stderr.strip()}")


def add_content(session: ClientSession, packages: Sequence[str], distro: Path) -> None:
    """Tags and what is in them, then that repositories are made, then the target.

    The last two have the hub make repositories of the build tag, and one of a tag without its external
    repository and groups would be good enough for builds during the next hour (RepoLag).
    """
    add_tags(session, packages)
    add_distribution(session, distro)
    if session.call("getBuildTarget", TARGET) is None:
        session.call("editTag2", BUILD, extra={"repo.auto": True})
        session.call("createBuildTarget", TARGET, BUILD, DEST)


def add_tags(session: ClientSession, packages: Sequence[str]) -> None:
    """A destination tag with its package list, and a build tag that inherits it."""
    if session.call("getTag", DEST) is None:
        session.call("createTag", DEST)
    if session.call("getTag", BUILD) is None:
        session.call("createTag", BUILD, parent=DEST, arches=build_arch())
    listed = {entry["package_name"] for entry in session.call("listPackages", tagID=DEST)}
    for package in packages:
        if package not in listed:
            session.call("packageListAdd", DEST, package, owner=ADMIN)


def add_distribution(session: ClientSession, distro: Path, build_tag: str = BUILD) -> None:
    """The sample distribution as external repository, and its groups as the build groups."""
    name = "sample-distribution"
    url = f"file://{distro}/"
    found = session.call("getExternalRepo", name)
    if found is None:
        session.call("createExternalRepo", name, url)
    elif found["url"] != url:
        session.call("editExternalRepo", name, url=url)
    if not session.call("getTagExternalRepos", build_tag):
        session.call("addExternalRepoToTag", build_tag, name, 10)
    existing = {group["name"] for group in session.call("getTagGroups", build_tag)}
    for group, members in read_groups(distro / "comps.xml").items():
        if group in existing:
            continue
        session.call("groupListAdd", build_tag, group)
        with session.multicall(strict=True) as calls:
            for member in members:
                calls.groupPackageListAdd(build_tag, group, member)


def read_groups(comps: Path) -> dict[str, list[str]]:
    """The packages of each group of a comps file."""
    return {
        group.findtext("id", ""): [each.text or "" for each in group.iter("packagereq")]
        for group in ElementTree.parse(comps).getroot().iter("group")
    }
