"""Projects: making, changing, finding and deleting them (copr.md, sections 2.6 and 2.7)."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from moromi_hub.plugin_api import Call

from . import (
    access,
    build_queries,
    chroot_queries,
    chroots,
    comps,
    entities,
    names,
    people,
    project_queries,
    publishing,
    results,
)
from .errors import BadRequest, Forbidden, Invalid, NotFound
from .model import Chroot, Directory, Owner, Project, Settings
from .paging import Page
from .people import Person

_BAD_NAME = "Name must contain only letters, digits, underscores, dashes and dots."
_NUMBER = "Project's name can not be just number."


class Taken(BadRequest):
    """Somebody else makes a project of that name at this moment."""


def get(call: Call, owner: str, name: str, *, lock: bool = False) -> Project:
    """A project. Raises NotFound, also for a group that is unknown."""
    found = people.find_owner(call, owner)
    project = found and project_queries.find(call.tx, found.id, name, lock=lock)
    if not project:
        raise NotFound(f"Project {owner}/{name} does not exist.")
    return project


def get_editable(call: Call, who: Person, owner: str, name: str) -> Project:
    """A project that somebody may edit, kept from changing meanwhile. Raises NotFound, Forbidden."""
    project = get(call, owner, name, lock=True)
    if not access.may_edit(call, who, project):
        raise Forbidden("Only owners and admins may update their projects.")
    return project


def get_administrable(call: Call, who: Person, owner: str, name: str) -> Project:
    """The same for permissions, repositories and the webhook, which tell it in other words."""
    project = get(call, owner, name, lock=True)
    if not access.may_edit(call, who, project):
        raise Forbidden(
            f"User '{who.name}' can not see permissions for project '{project.full_name}'"
            " (missing admin rights)"
        )
    return project


def by_id(call: Call, project_id: int) -> Project:
    """The project of an id that a row names."""
    found = project_queries.get(call.tx, project_id)
    if found is None:
        raise NotFound(f"Project {project_id} does not exist.")
    return found


def listing(call: Call, page: Page, owner: str | None) -> list[Project]:
    """Projects of an owner, none for an unknown one; without owner all that are listed."""
    page = page.checked("copr", project_queries.ORDERABLE)
    if owner is None:
        return project_queries.listing(call.tx, page, None)
    try:
        found = people.find_owner(call, owner)
    except NotFound:
        return []
    return [] if found is None else project_queries.listing(call.tx, page, found.id)


def search(call: Call, page: Page, query: str) -> list[Project]:
    """Projects that a text fits: `owner/name`, each a part, or a part of name, owner or description."""
    page = page.checked("copr", project_queries.ORDERABLE)
    owner, slash, name = query.partition("/")
    if slash:
        return project_queries.search_names(call.tx, page, owner, name)
    return project_queries.search(call.tx, page, query)


def chroot_names(call: Call, projects: Collection[Project]) -> dict[int, list[str]]:
    """The enabled chroots of many projects, by the projects' ids."""
    return chroot_queries.names_of_projects(call.tx, [each.id for each in projects])


def directories(call: Call, project: Project) -> list[Directory]:
    """The directories of a project, the main one first."""
    return project_queries.directories(call.tx, project.id)


# making


def owner_for(call: Call, who: Person, name: str) -> Owner:
    """The owner of that name, in whose name somebody may make projects. Raises NotFound, Forbidden."""
    owner = people.find_owner(call, name)
    if owner is None:
        raise NotFound(f"No such user `{name}'")
    if who.is_admin or people.owns(who, owner):
        return owner
    if owner.is_group:
        group = owner.name[1:]
        raise Forbidden(
            f"User '{who.name}' doesn't have access to the copr group '{group}' (fas_name='{group}')"
        )
    raise Forbidden(
        f"You were authorized as '{who.name}' user without permissions to access projects of user '{name}'"
    )


def name_problems(call: Call, owner: Owner, name: str) -> list[str]:
    """Why an owner cannot have a new project of this name."""
    if not names.PROJECT_NAME.fullmatch(name):
        return [_BAD_NAME]
    if name.isdigit():
        return [_NUMBER]
    if project_queries.find(call.tx, owner.id, name) is None:
        return []
    group = owner.name[1:]
    if owner.is_group:
        return [f"Group {group} (fas: {group}) already has a project named '{name}'."]
    return [f"You already have a project named '{name}'."]


def create(
    call: Call,
    owner: Owner,
    name: str,
    chroot_list: Sequence[Chroot],
    settings: Settings,
    *,
    description: str = "",
    unlisted_on_hp: bool = False,
    delete_after_days: int | None = None,
) -> Project:
    """A new project with its tags, targets and empty repositories: all of it or nothing.

    Raises Invalid for a name that is taken, Taken when somebody else takes it at this moment.
    """
    if problems := name_problems(call, owner, name):
        raise Invalid({"name": problems})
    values = {
        "owner_id": owner.id,
        "name": name,
        "description": description,
        "unlisted_on_hp": unlisted_on_hp,
        "delete_on": _deletion(delete_after_days),
        "webhook_secret": str(uuid.uuid4()),
    }
    # of two who make the project at the same moment, one waits here for the other
    project_id = project_queries.add(call.tx, values, settings)
    if project_id is None:
        raise Taken(f"Copr '{owner.name}/{name}' has not been created (race condition)")
    tag_id = entities.make_list(call, owner, name)
    project_queries.change(call.tx, project_id, {"tag_id": tag_id})
    project = by_id(call, project_id)
    add_directory(call, project, name)
    chroots.set_chroots(call, project, chroot_list)
    return project


def _deletion(days: int | None) -> datetime | None:
    return None if days is None or days < 0 else datetime.now(UTC) + timedelta(days=days)


def add_directory(call: Call, project: Project, name: str) -> Directory:
    """A directory of a project with its repositories, made if it is not there. Raises BadRequest."""
    names.check_dirname(project.name, name)
    made = project_queries.add_directory(call.tx, project.id, name)
    if made is None:
        found = project_queries.find_directory(call.tx, project.id, name)
        assert found is not None, "a row of that name was in the way"
        return found
    results.clear(call, project.owner.name, name)
    if not made.is_main:
        chroots.fill_directory(call, project, made)
    return made


# changing


def edit(
    call: Call,
    project: Project,
    settings: Settings,
    *,
    chroot_list: Sequence[Chroot] | None = None,
    description: str | None = None,
    unlisted_on_hp: bool | None = None,
    delete_after_days: int | None = None,
) -> Project:
    """Change a project; None leaves things as they are. Raises Conflict (see `chroots.set_chroots`)."""
    given = {"description": description, "unlisted_on_hp": unlisted_on_hp}
    values: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if delete_after_days is not None:
        values["delete_on"] = _deletion(delete_after_days)
    values["options"] = dataclasses.asdict(settings)
    project_queries.change(call.tx, project.id, values)
    changed = by_id(call, project.id)
    if chroot_list is not None:
        chroots.set_chroots(call, changed, chroot_list)
    if settings != project.settings:
        entities.configure_all(call, changed)
    if settings.devel_mode != project.settings.devel_mode:
        regenerate(call, changed)
    return changed


def regenerate(call: Call, project: Project) -> None:
    """Have the metadata of all repositories written again."""
    for repository in chroot_queries.repositories(call.tx, project_id=project.id):
        publishing.want(call, repository.id, everything=True)


def new_webhook_secret(call: Call, project: Project) -> str:
    """A new secret; the old one is void."""
    secret = str(uuid.uuid4())
    project_queries.change(call.tx, project.id, {"webhook_secret": secret})
    return secret


# deleting


def check_deletable(call: Call, who: Person, project: Project) -> None:
    """Raise Forbidden or BadRequest unless somebody may delete a project now."""
    if not access.may_delete(call, who, project):
        raise Forbidden("Only owners may delete their projects.")
    if project.settings.persistent:
        raise Forbidden("This project is protected against deletion.")
    running = build_queries.unfinished(call.tx, project_id=project.id)
    if running:
        numbers = ", ".join(str(each) for each in running)
        raise BadRequest(f"Build(s) {numbers} are still running.\n")


def delete(call: Call, project: Project) -> None:
    """Targets, builds, tags, rows; the directories once that is committed."""
    for place, repository in entities.places_of(call, project):
        entities.forget_results(call, repository)
        entities.remove_repository(call, place, repository)
    entities.remove_list(call, project)
    for directory in directories(call, project):
        results.remove_later(call, project.owner.name, directory.name)
    for chroot in chroot_queries.of_project(call.tx, project.id, disabled=True):
        comps.drop(call, chroot.settings)
    project_queries.remove(call.tx, project.id)


def missing_references(call: Call, urls: Sequence[str]) -> list[str]:
    """Complaints about `copr://` repositories of projects that do not exist."""
    found = []
    for url in urls:
        reference = names.copr_reference(url)
        if reference is not None and not _exists(call, *reference):
            found.append(f"copr://{'/'.join(reference)} does not exist.")
    return found


def _exists(call: Call, owner: str, dirname: str) -> bool:
    try:
        project = get(call, owner, names.project_of(dirname))
    except NotFound:
        return False
    return project_queries.find_directory(call.tx, project.id, dirname) is not None


def settings_with(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """Settings with some changed; keys that are none of theirs are left out."""
    known = {each.name for each in dataclasses.fields(Settings)}
    return dataclasses.replace(settings, **{key: value for key, value in changes.items() if key in known})
