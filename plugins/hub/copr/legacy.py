"""Projects as the historic interface sees them: releases and dependencies (copr.md, section 1.3).

A release is all chroots of a version of a distribution; a dependency, another project that
is built with. Both kinds of interface work on the same projects.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from moromi_hub.plugin_api import Call

from . import access, build_queries, chroots, functions, names, permissions, projects
from .errors import BadRequest, Conflict, Forbidden, NotFound
from .model import Chroot, Owner, Project, Settings
from .paging import Page
from .people import Person

NO_RELEASE = "At least one release must be selected"


def get(call: Call, owner: str, name: str, *, lock: bool = False) -> Project:
    """A copr. Raises NotFound."""
    try:
        return projects.get(call, owner, name, lock=lock)
    except NotFound as error:
        raise NotFound(f"Copr '{owner}/{name}' does not exist.") from error


def get_editable(call: Call, who: Person, owner: str, name: str) -> Project:
    """A copr that somebody may edit, kept from changing meanwhile. Raises NotFound, Forbidden."""
    project = get(call, owner, name, lock=True)
    if not access.may_edit(call, who, project):
        raise _not_editable(who, project.full_name)
    return project


def _not_editable(who: Person, full_name: str) -> Forbidden:
    return Forbidden(f"User '{who.name}' is not allowed to edit '{full_name}'")


def assert_may_build(call: Call, who: Person, project: Project) -> None:
    """Raise Forbidden unless somebody may build in a copr."""
    if not access.may_build(call, who, project):
        raise Forbidden(f"User '{who.name}' is not allowed to build in '{project.full_name}'")


def owner_for(call: Call, who: Person, owner: str, name: str) -> Owner:
    """The owner in whose name somebody may make a copr. Raises Forbidden."""
    try:
        return projects.owner_for(call, who, owner)
    except (NotFound, Forbidden) as error:
        raise _not_editable(who, f"{owner}/{name}") from error


def refuse_unfinished(project: Project, build_ids: Sequence[int]) -> None:
    """Raise Conflict if there are builds in the way."""
    if build_ids:
        numbers = ", ".join(str(each) for each in build_ids)
        raise Conflict(f"Copr '{project.full_name}' has unfinished builds: {numbers}")


# making and ending


def create(
    call: Call, owner: Owner, name: str, chroot_list: Sequence[Chroot], description: str, urls: list[str]
) -> Project:
    """A new copr. Raises BadRequest for a name that cannot be, Conflict for one that is taken."""
    taken = Conflict(f"Copr '{owner.name}/{name}' already exists.")
    if _existing(call, f"{owner.name}/{name}") is not None:
        raise taken
    problems = projects.name_problems(call, owner, name)
    if problems:
        raise BadRequest(problems[0])
    settings = Settings(additional_repos=urls)
    try:
        project = projects.create(call, owner, name, chroot_list, settings, description=description)
    except projects.Taken as error:
        raise taken from error
    functions.order_creation(call, project, sorted({each.release for each in chroot_list}))
    return project


def delete(call: Call, who: Person, project: Project) -> None:
    """Delete a copr with all that was built in it. Raises Forbidden, Conflict."""
    if not access.may_delete(call, who, project):
        raise Forbidden("Only owners may delete their projects.")
    refuse_unfinished(project, build_queries.unfinished(call.tx, project_id=project.id))
    projects.check_deletable(call, who, project)
    projects.delete(call, project)


def grant(call: Call, who: Person, project: Project, user: str, permission: str, level: str) -> None:
    """Give a permission to a user, or take it. Raises BadRequest."""
    permissions.change(call, who, project, {user: {permission: level}})


# releases


def chroots_of(call: Call, releases: Iterable[str]) -> list[Chroot]:
    """The active chroots of releases. Raises BadRequest for one that there is not, and for none."""
    offered: dict[str, list[Chroot]] = defaultdict(list)
    for chroot in chroots.active(call):
        offered[chroot.release].append(chroot)
    found: dict[str, Chroot] = {}
    for release in releases:
        if release not in offered:
            raise BadRequest(f"Release '{release}' does not exist.")
        found |= {chroot.name: chroot for chroot in offered[release]}
    if not found:
        raise BadRequest(NO_RELEASE)
    return list(found.values())


def add_releases(call: Call, project: Project, releases: Sequence[str]) -> None:
    """Have a copr built for more releases. Raises BadRequest."""
    wanted = {each.name: each.chroot for each in chroots.of_project(call, project)}
    wanted |= {each.name: each for each in chroots_of(call, releases)}
    chroots.set_chroots(call, project, list(wanted.values()))


def remove_releases(call: Call, project: Project, releases: Sequence[str]) -> None:
    """Have a copr not built for some releases any more. Raises NotFound, BadRequest, Conflict."""
    enabled = chroots.of_project(call, project)
    present = {each.chroot.release for each in enabled}
    for release in releases:
        if release not in present:
            raise NotFound(f"'{release}' is not a release of '{project.full_name}'")
    if not releases:
        raise BadRequest(NO_RELEASE)
    set_releases(call, project, [each.chroot for each in enabled if each.chroot.release not in releases])


def set_releases(call: Call, project: Project, wanted: Sequence[Chroot]) -> None:
    """Give a copr these chroots and no others; the data of the others are deleted by a task.

    Raises BadRequest, Conflict.
    """
    if not wanted:
        raise BadRequest(NO_RELEASE)
    keep = {each.name for each in wanted}
    gone = [each for each in chroots.of_project(call, project) if each.name not in keep]
    if gone:
        busy = build_queries.unfinished_in(call.tx, [each.id for each in gone])
        refuse_unfinished(project, busy)
    chroots.set_chroots(call, project, wanted)
    if gone:
        functions.order_removal(call, project, sorted({each.chroot.release for each in gone}))


# dependencies


def dependencies(project: Project) -> list[str]:
    """The full names of the coprs that one is built with."""
    found = (names.copr_reference(url) for url in project.settings.additional_repos)
    return ["/".join(reference) for reference in found if reference is not None]


def full_name(who: Person, given: str) -> str:
    """`owner/name` of a copr as somebody calls it, who may leave out the own name."""
    owner, slash, name = given.rpartition("/")
    return f"{who.name if owner in ('', '~') else owner}{slash or '/'}{name}"


def checked_dependencies(call: Call, full: str, wanted: Iterable[str]) -> list[str]:
    """These, once each, if the copr `full` can depend on them. Raises BadRequest."""
    found = list(dict.fromkeys(wanted))
    for each in found:
        if each == full:
            raise BadRequest(f"Copr '{full}' can not depend on itself")
        other = _existing(call, each)
        if other is None:
            raise BadRequest(f"Copr '{each}' does not exist.")
        way = _way(call, other, full, {each})
        if way is not None:
            raise BadRequest(f"Dependency cycle: {' -> '.join([full, each, *way])}")
    return found


def _existing(call: Call, full: str) -> Project | None:
    owner, _, name = full.rpartition("/")
    try:
        return projects.get(call, owner, name)
    except NotFound:
        return None


def _way(call: Call, project: Project, target: str, seen: set[str]) -> list[str] | None:
    """Over which dependencies a copr comes to `target`."""
    for each in dependencies(project):
        if each == target:
            return [target]
        if each in seen:
            continue
        seen.add(each)
        other = _existing(call, each)
        way = None if other is None else _way(call, other, target, seen)
        if way is not None:
            return [each, *way]
    return None


def set_dependencies(call: Call, project: Project, wanted: Sequence[str]) -> Project:
    """Have a copr built with these others; repositories that are no coprs' stay."""
    others = [url for url in project.settings.additional_repos if names.copr_reference(url) is None]
    urls = [*others, *(f"copr://{each}" for each in wanted)]
    settings = projects.settings_with(project.settings, {"additional_repos": urls})
    return projects.edit(call, project, settings)


def add_dependencies(call: Call, project: Project, wanted: Sequence[str]) -> Project:
    """Have a copr built with more others. Raises BadRequest."""
    present = dependencies(project)
    fresh = checked_dependencies(call, project.full_name, wanted)
    return set_dependencies(call, project, list(dict.fromkeys([*present, *fresh])))


def remove_dependencies(call: Call, project: Project, gone: Sequence[str]) -> Project:
    """Have a copr not built with some others any more. Raises NotFound."""
    present = dependencies(project)
    for each in gone:
        if each not in present:
            raise NotFound(f"'{each}' is not a dependency of '{project.full_name}'")
    return set_dependencies(call, project, [each for each in present if each not in gone])


def listing(call: Call, owner: str | None) -> list[Project]:
    """The coprs of an owner, or all that are listed, by full name."""
    found = projects.listing(call, Page(), owner)
    return sorted(found, key=lambda each: each.full_name)
