"""Copying a project with its settings, packages and last good builds (copr.md, section 2.7)."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

from moromi_hub.plugin_api import Call, files, tagging, tags
from moromi_hub.plugin_api import builds as hub_builds

from . import (
    build_queries,
    chroot_queries,
    chroots,
    comps,
    metadata,
    package_queries,
    packages,
    people,
    project_queries,
    projects,
    publishing,
    results,
)
from .errors import BadRequest, Invalid
from .model import Build, ChrootState, Directory, Package, Project, Repository, State
from .paging import Page
from .people import Person
from .settings import CONFIG

_TOO_LARGE = "This project is too large to be forked: it has {} packages, and {} are the limit."


def fork(call: Call, who: Person, source: Project, owner_name: str, name: str, *, confirm: bool) -> Project:
    """The copy, which is made, or filled where it is there and `confirm` says so. Raises BadRequest."""
    owner = people.find_owner(call, owner_name) if owner_name else None
    if owner is None or not people.owns(who, owner):
        raise Invalid({"owner": ["Not a valid choice."]})
    if (owner.id, name) == (source.owner.id, source.name):
        raise BadRequest("Source project should not be same as destination")
    count, limit = package_queries.count(call.tx, source.id), CONFIG.of(call).fork_packages
    if count > limit and not who.is_admin:
        raise BadRequest(_TOO_LARGE.format(count, limit))
    target = project_queries.find(call.tx, owner.id, name, lock=True)
    if target is not None and not confirm:
        raise BadRequest(
            f"You are about to fork into existing project: {name}\n"
            "Please use --confirm if you really want to do this"
        )
    if target is None:
        enabled = [each.chroot for each in chroots.of_project(call, source)]
        settings = dataclasses.replace(source.settings, persistent=False, auto_prune=True, contact=None)
        description = source.description
        target = projects.create(call, owner, name, enabled, settings, description=description)
        _copy_chroots(call, source, target)
    _copy_packages(call, who, source, target)
    return projects.by_id(call, target.id)


def _copy_chroots(call: Call, source: Project, target: Project) -> None:
    copies = {each.name: each for each in chroots.of_project(call, target)}
    for chroot in chroots.of_project(call, source):
        copy = copies.get(chroot.name)
        if copy is not None and chroot.settings != copy.settings:
            chroots.store(call, target, copy, comps.copy(call, copy, chroot.settings))


def _copy_packages(call: Call, who: Person, source: Project, target: Project) -> None:
    directory = project_queries.find_directory(call.tx, target.id, target.name)
    assert directory is not None, "every project has its main directory"
    repositories = {
        each.chroot_name: each for each in chroot_queries.repositories(call.tx, dir_id=directory.id)
    }
    for package in package_queries.listing(call.tx, Page(), source.id):
        copy = package_queries.find(call.tx, target.id, package.name)
        if copy is None:
            settings = dataclasses.replace(package.settings, webhook_rebuild=False)
            copy = packages.add(call, target, package.name, package.source_type, package.source, settings)
        for build, good in _last_good(call, package).values():
            wanted = {each.name: each for each in good if each.name in repositories}
            if wanted:
                _copy_build(call, who, target, directory, copy, build, wanted, repositories)


def _last_good(call: Call, package: Package) -> dict[int, tuple[Build, list[ChrootState]]]:
    """The builds whose chroots are each the last good one of a package, by id."""
    seen: set[str] = set()
    found: dict[int, tuple[Build, list[ChrootState]]] = {}
    ids = build_queries.of_package(call.tx, package.id)
    for build in reversed(build_queries.get_many(call.tx, ids)):
        for chroot in build.chroots:
            good = chroot.state in (State.succeeded, State.forked) and chroot.koji_build_id is not None
            if good and chroot.name not in seen and ":" not in build.dirname:
                seen.add(chroot.name)
                found.setdefault(build.id, (build, []))[1].append(chroot)
    return found


def _copy_build(
    call: Call,
    who: Person,
    target: Project,
    directory: Directory,
    package: Package,
    build: Build,
    wanted: Mapping[str, ChrootState],
    repositories: Mapping[str, Repository],
) -> None:
    values = {
        "project_id": target.id,
        "dir_id": directory.id,
        "package_id": package.id,
        "submitter_id": who.id,
        "source_type": build.source_type,
        "source": build.source,
        "version": build.version,
    }
    build_id = build_queries.add(call.tx, values, build.options)
    results_of = build_queries.results_of(call.tx, [each.id for each in wanted.values()])
    for name, chroot in wanted.items():
        repository = repositories[name]
        _copy_files(call, build, chroot, target, f"{build_id:08d}-{package.name}")
        koji_build = hub_builds.get_build(call, chroot.koji_build_id, strict=True)
        assert koji_build is not None, "asked for strictly"
        tag = tags.require_tag(call, repository.dest_tag_id)
        tagging.put(call, tag, koji_build, call.user_id, force=True)
        row = {
            "build_id": build_id,
            "repository_id": repository.id,
            "name": name,
            "koji_build_id": chroot.koji_build_id,
            "state": int(State.forked),
            "published_in": publishing.want(call, repository.id),
            "started_on": chroot.started_on,
            "ended_on": chroot.ended_on,
        }
        build_queries.add_chroots(call.tx, [row])
        copy = build_queries.chroots_of(call.tx, [build_id])[build_id]
        (made,) = [each for each in copy if each.name == name]
        build_queries.put_results(call.tx, made.id, results_of.get(chroot.id, []))


def _copy_files(call: Call, build: Build, chroot: ChrootState, target: Project, name: str) -> None:
    """Second names of the packages that were published."""
    source = results.repository(call, build.owner, build.dirname, chroot.name)
    place = results.repository(call, target.owner.name, target.name, chroot.name)
    for directory in results.build_directories(source, build.id):
        files.clone_tree(call.tx, source / directory, place / name)
        for hidden in (".entries", ".fragments"):
            path = Path(place / name / hidden)
            if os.path.exists(path):
                path.unlink()
        metadata.describe(place / name, name)
