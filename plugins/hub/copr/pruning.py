"""Old builds that go by themselves: those that newer ones have replaced, and those beyond `max_builds`.

Sections 2.8 and 4.4.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from moromi.rpm.versions import compare
from moromi_hub.plugin_api import Call

from . import build_queries, builds, chroot_queries, people
from .model import Build, Project, Repository

log = logging.getLogger("moromi_hub.plugins.copr")

_PRUNE_AGE = timedelta(days=14)


# more than a package may have


def run(call: Call) -> None:
    """Remove the builds beyond what their packages may have, those of a package in one transaction."""
    for package_id, most in build_queries.overfull(call.tx).items():
        try:
            with call.hub.call("copr.prune") as own:
                people.act_as_service(own)
                surplus(own, package_id, most)
        except Exception:
            # one that cannot be removed must not keep others; it is tried again
            log.exception("builds of package %s cannot be removed", package_id)


def surplus(call: Call, package_id: int, most: int) -> None:
    """Remove finished builds of a package beyond the newest of each directory.

    The newest that has packages stays as well: builds that fail do not empty a repository.
    """
    found = build_queries.get_many(call.tx, build_queries.of_package(call.tx, package_id))
    for dir_id in {each.dir_id for each in found}:
        own = [each for each in reversed(found) if each.dir_id == dir_id]
        doomed = [each for each in own[most:] if each.finished]
        last = next((each for each in own if _has_packages(each)), None)
        builds.delete(call, [each for each in doomed if each is not last])


def _has_packages(build: Build) -> bool:
    return any(each.koji_build_id is not None for each in build.chroots)


# older than others


def replaced(call: Call, project: Project) -> None:
    """Remove builds from repositories that are old, with a newer version of each of their packages there."""
    for repository in chroot_queries.repositories(call.tx, project_id=project.id):
        found = build_queries.published(call.tx, repository.id)
        doomed = [each for each in _superseded(call, repository, found) if _is_old(each)]
        builds.delete(call, [each for each in doomed if len(each.chroots) == 1])


def _is_old(build: Build) -> bool:
    return build.finished and build.submitted_on < datetime.now(UTC) - _PRUNE_AGE


Evr = tuple[int, str, str]


def _compare(one: Evr, other: Evr) -> int:
    if one[0] != other[0]:
        return 1 if one[0] > other[0] else -1
    return compare(one[1], other[1]) or compare(one[2], other[2])


_KEY = functools.cmp_to_key(_compare)


def _superseded(call: Call, repository: Repository, found: Iterable[Build]) -> list[Build]:
    """The builds of which every package is there in a newer version."""
    chroots = {
        chroot.id: build
        for build in found
        for chroot in build.chroots
        if chroot.repository_id == repository.id
    }
    made = build_queries.results_of(call.tx, list(chroots))
    newest: dict[tuple[str, str], Evr] = {}
    for rows in made.values():
        for row in rows:
            name = (row["name"], row["arch"])
            newest[name] = max(newest.get(name, _evr(row)), _evr(row), key=_KEY)
    return [
        chroots[chroot_id]
        for chroot_id, rows in made.items()
        if rows and all(_compare(_evr(row), newest[row["name"], row["arch"]]) < 0 for row in rows)
    ]


def _evr(row: dict[str, object]) -> Evr:
    epoch = row["epoch"]
    return (epoch if isinstance(epoch, int) else 0, str(row["version"]), str(row["release"]))
