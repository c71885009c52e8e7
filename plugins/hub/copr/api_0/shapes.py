"""What coprs and packages look like on the wire (copr.md, section 1.2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from moromi_hub.plugin_api import Call

from .. import legacy, project_queries, projects, results, uploaded
from ..model import Project
from ..names import split_chroot
from ..uploaded import Version

Shape = dict[str, Any]


def copr(call: Call, found: Project) -> Shape:
    """A copr."""
    return coprs(call, [found])[0]


def coprs(call: Call, found: Sequence[Project]) -> list[Shape]:
    """Coprs, however many, in two statements."""
    chroots = projects.chroot_names(call, found)
    approved = project_queries.approved(call.tx, [each.id for each in found])
    return [_copr(call, each, chroots[each.id], approved[each.id]) for each in found]


def _copr(call: Call, found: Project, chroots: list[str], approved: list[tuple[str, str]]) -> Shape:
    repos: dict[str, dict[str, str]] = defaultdict(dict)
    for name in chroots:
        parts = split_chroot(name)
        assert parts is not None, "chroots have names of chroots"
        os, version, arch = parts
        repos[f"{os}-{version}"][arch] = results.chroot_url(call, found.owner.name, found.name, name)
    permissions: dict[str, list[str]] = defaultdict(list)
    for user, permission in approved:
        permissions[user].append(permission)
    return {
        "id": found.id,
        "name": found.name,
        "owner": found.owner.name,
        "full_name": found.full_name,
        "description": found.description,
        "releases": sorted(repos),
        "dependencies": legacy.dependencies(found),
        "permissions": permissions,
        "repos": repos,
        "created": int(found.created_on.timestamp()),
    }


def package(call: Call, version: Version, versions: Sequence[Version]) -> Shape:
    """A package: one of its source packages, with all that there are."""
    newest, first = version.builds[0], version.builds[-1]
    place = (newest.owner, newest.dirname, results.SOURCES, newest.directory)
    return {
        "name": version.name,
        "version": version.version,
        "release": version.release,
        "epoch": version.epoch,
        "nvr": version.nvr,
        "srpm_url": results.url(call, *place, newest.srpm) if newest.srpm else None,
        "submitter": first.submitter,
        "created": int(first.submitted_on.timestamp()),
        "versions": [each.nvr for each in versions],
        "builds": uploaded.states(version),
    }
