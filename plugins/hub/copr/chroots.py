"""Chroots: which there are, which a project has, and what it sets for them."""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Iterable, Sequence
from typing import Any

from moromi.errors import GenericError
from moromi_hub.plugin_api import Call

from . import (
    build_queries,
    chroot_queries,
    entities,
    names,
    people,
    project_queries,
    publishing,
    results,
)
from .entities import Place
from .errors import Conflict, Invalid, NotFound
from .model import Chroot, ChrootSettings, Directory, Project, ProjectChroot

_NO_CHOICE = "'{}' is not a valid choice for this field."


def active(call: Call) -> list[Chroot]:
    """The chroots that projects can have, by name."""
    return chroot_queries.chroots(call.tx)


def register(
    call: Call, name: str, parent: Any, urls: Sequence[str], comment: str | None, is_active: bool | None
) -> None:
    """Offer a chroot, or change how it is offered; the caller is an admin.

    Its base tag inherits `parent`, or is one that is there, and uses the repositories `urls`. Raises
    GenericError for a name that is no chroot's.
    """
    parts = names.split_chroot(name)
    if parts is None:
        raise GenericError(f"Not the name of a chroot: {name}")
    people.ensure_service_account(call)
    entities.make_base(call, name, parts[2], parent, urls)
    known = chroot_queries.find(call.tx, name)
    values = {
        "name": name,
        "os": parts[0],
        "version": parts[1],
        "arch": parts[2],
        "active": is_active if is_active is not None else known is None or known.active,
        "comment": comment if comment is not None else known.comment if known else "",
    }
    chroot_queries.put(call.tx, values)


def choose(call: Call, wanted: Iterable[str]) -> list[Chroot]:
    """The chroots of these names or patterns. Raises Invalid for one that matches none."""
    return [chroot for chroot in _matching(active(call), wanted)]


def _matching(offered: Sequence[Chroot], wanted: Iterable[str]) -> list[Chroot]:
    found: dict[str, Chroot] = {}
    missing = []
    for pattern in wanted:
        matches = [chroot for chroot in offered if fnmatch.fnmatchcase(chroot.name, pattern)]
        if not matches:
            missing.append(_NO_CHOICE.format(pattern))
        found |= {chroot.name: chroot for chroot in matches}
    if missing:
        raise Invalid({"chroots": missing})
    return list(found.values())


def of_project(call: Call, project: Project) -> list[ProjectChroot]:
    """The enabled and active chroots of a project, by name."""
    return chroot_queries.of_project(call.tx, project.id)


def get(call: Call, project: Project, name: str) -> ProjectChroot:
    """A chroot of a project. Raises NotFound."""
    if names.split_chroot(name) is None:
        raise NotFound("Chroot identification is not valid")
    for each in of_project(call, project):
        if each.name == name:
            return each
    raise NotFound(f"Chroot name {name} does not exist in Copr {project.full_name}.")


def get_any(call: Call, project: Project, name: str) -> ProjectChroot:
    """A chroot of a project, also one that is disabled. Raises NotFound."""
    for each in chroot_queries.of_project(call.tx, project.id, disabled=True):
        if each.name == name:
            return each
    raise NotFound(f"Chroot name {name} does not exist in Copr {project.full_name}.")


def set_chroots(call: Call, project: Project, wanted: Sequence[Chroot]) -> None:
    """Give a project these chroots and no others. Raises Conflict while one that goes is built in."""
    present = {each.name: each for each in chroot_queries.of_project(call.tx, project.id, disabled=True)}
    keep = {chroot.name for chroot in wanted}
    gone = [each for each in present.values() if each.name not in keep and each.disabled_on is None]
    _refuse_busy(call, gone)
    chroot_queries.disable(call.tx, [each.id for each in gone])
    fresh = [c for c in wanted if c.name not in present or present[c.name].disabled_on is not None]
    for chroot in fresh:
        chroot_queries.enable(call.tx, project.id, chroot.id)
    if fresh:
        for directory in project_queries.directories(call.tx, project.id):
            fill_directory(call, project, directory)
        entities.configure_dependents(call, project)


def fill_directory(call: Call, project: Project, directory: Directory) -> None:
    """Give a directory a repository for every enabled chroot that it has none for."""
    chroots = of_project(call, project)
    known = {each.project_chroot_id for each in chroot_queries.repositories(call.tx, dir_id=directory.id)}
    results.make_empty(call, project, directory.name, [each.name for each in chroots])
    for chroot in chroots:
        if chroot.id not in known:
            made = entities.make_repository(call, Place(project, directory, chroot))
            if chroot.settings.comps_file:
                publishing.want(call, made.id)


def _refuse_busy(call: Call, gone: Sequence[ProjectChroot]) -> None:
    busy = build_queries.unfinished_in(call.tx, [each.id for each in gone]) if gone else []
    if not busy:
        return
    texts = [str(number) for number in busy]
    if len(texts) == 1:
        raise Conflict(f"Can't drop chroot from project, related build {texts[0]} is still in progress")
    if len(texts) > 5:
        listed = ", ".join(texts[:5]) + ", and others"
    elif len(texts) > 2:
        listed = ", ".join(texts[:-1]) + f", and {texts[-1]}"
    else:
        listed = " and ".join(texts)
    raise Conflict(f"Can't drop chroot from project, related builds {listed} are still in progress")


def store(call: Call, project: Project, chroot: ProjectChroot, settings: ChrootSettings) -> ProjectChroot:
    """Write what a project sets for a chroot."""
    chroot_queries.store(call.tx, chroot.id, settings)
    changed = dataclasses.replace(chroot, settings=settings)
    other_groups = settings.comps_file != chroot.settings.comps_file
    for place, repository in entities.places_of(call, project):
        if place.chroot.id == chroot.id and chroot.disabled_on is None:
            entities.configure(call, dataclasses.replace(place, chroot=changed), repository)
            if other_groups:
                publishing.want(call, repository.id)
    return changed
