"""Published repositories follow what was built: the work of the background process.

A change notes that a repository has to be written again (`want`); `run` writes those
that are due, one process for all, and tells the builds that their packages can be had.
"""

from __future__ import annotations

import logging

from moromi_hub.plugin_api import Call

from . import build_queries, chroot_queries, comps, metadata, project_queries, results
from .model import Repository

log = logging.getLogger("moromi_hub.plugins.copr")

MESSAGE = "copr-repository"


def want(call: Call, repository_id: int, *, everything: bool = False) -> int:
    """Have the metadata of a repository written; the number that they will have.

    `everything`: with devel mode, also what users see and not only what buildroots do.
    """
    call.tx.notify({"type": MESSAGE, "id": repository_id})
    return chroot_queries.want(call.tx, repository_id, everything=everything)


def run(call: Call) -> None:
    """Write the repositories that are due, each in a transaction of its own."""
    for repository_id in chroot_queries.due(call.tx):
        try:
            with call.hub.call("copr.publish") as own:
                _publish(own, repository_id)
        except Exception:
            # one that cannot be written must not keep others from it; it is tried again
            log.exception("repository %s cannot be written", repository_id)


def _publish(call: Call, repository_id: int) -> None:
    repository = chroot_queries.repository_of(call.tx, repository_id)
    if repository is None:
        return
    write(call, repository)
    chroot_queries.made(call.tx, repository.id, repository.wanted)
    build_queries.finish_published(call.tx, repository.id, repository.wanted)


def write(call: Call, repository: Repository) -> None:
    """Write the metadata of a repository as it is now."""
    directory = project_queries.directory_of(call.tx, repository.dir_id)
    project = project_queries.get(call.tx, directory.project_id)
    assert project is not None, "directories go with their project"
    place = results.repository(call, project.owner.name, repository.dir_name, repository.chroot_name)
    built = build_queries.published(call.tx, repository.id)
    names = [name for build in built for name in results.build_directories(place, build.id)]
    cache = results.cache(call)
    chroot = chroot_queries.of_repository(call.tx, repository)
    groups = comps.path_of(call, chroot.settings)
    if project.settings.devel_mode:
        metadata.write(place, names, cache, below=results.DEVEL, comps=groups)
    if not project.settings.devel_mode or repository.publish_all:
        metadata.write(place, names, cache, comps=groups)
