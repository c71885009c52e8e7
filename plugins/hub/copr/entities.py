"""What projects are made of on the hub: tags, targets, links, external repositories (section 4.2).

`configure` says how the build tag of a repository must be and changes what differs,
so that every change of a project or of one of its chroots ends there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from moromi.errors import GenericError
from moromi_hub.plugin_api import (
    Call,
    build_lifecycle,
    external_repos,
    group_editing,
    groups,
    tag_editing,
    tagging,
    tags,
    targets,
)
from moromi_hub.plugin_api import builds as hub_builds

from . import build_queries, chroot_queries, mock_options, names, people, project_queries
from .errors import BadRequest
from .model import Chroot, Directory, Owner, Project, ProjectChroot, Repository

_OWN, _MAIN, _FIRST_FOREIGN, _BASE, _LIST = 0, 5, 10, 50, 100
"""Priorities of the links: own builds, those of the main directory, of others, the distribution."""
_MOST_FOREIGN = _BASE - _FIRST_FOREIGN
_GROUP = "build"
_MERGE_MODE, _BARE = "repo.merge_mode", "bare"
"""All versions are there, whoever offers them: dnf takes the best, as in Copr."""
_UNKNOWN_NAME = "The name of this project, with that of its owner, is not possible here: {}"


@dataclass(frozen=True)
class Place:
    """A repository with all that decides what it is."""

    project: Project
    directory: Directory
    chroot: ProjectChroot

    def dest_name(self) -> str:
        """The name of the destination tag and of the target."""
        return names.dest_tag(self.project.owner, self.directory.name, self.chroot.name)

    def build_name(self) -> str:
        """The name of the build tag."""
        return names.build_tag(self.project.owner, self.directory.name, self.chroot.name)


def make_base(call: Call, chroot: str, arch: str, parent: Any, urls: Iterable[str]) -> None:
    """The tag of a chroot, which inherits a tag or has repositories of its own; what is there stays."""
    name = names.base_tag(chroot)
    if tags.get_tag(call, name) is None:
        tag_editing.create_tag(call, name, parent=parent, arches=arch)
    tag = tags.require_tag(call, name)
    if tag["extra"].get(_MERGE_MODE) != _BARE:
        # Projects add repositories to what the tag inherits, and a tag has one mode for all.
        tag_editing.edit_tag(call, tag["id"], {"extra": {_MERGE_MODE: _BARE}})
    _set_repositories(call, tag["id"], list(urls), keep=True)


def make_list(call: Call, owner: Owner, name: str) -> int:
    """The tag with a project's package list; its id."""
    try:
        return tag_editing.create_tag(call, names.project_tag(owner, name), perm=people.PERMISSION)
    except GenericError as error:
        raise BadRequest(_UNKNOWN_NAME.format(error)) from error


def make_repository(call: Call, place: Place) -> Repository:
    """Tags and target of a repository that is new, or has been there before."""
    dest, build = place.dest_name(), place.build_name()
    dest_id = _tag(call, dest, None)
    build_id = _tag(call, build, place.chroot.chroot.arch)
    tag_editing.set_inheritance(call, dest_id, [_link(place.project.tag_id, _LIST)])
    values = {
        "dir_id": place.directory.id,
        "project_chroot_id": place.chroot.id,
        "dest_tag_id": dest_id,
        "build_tag_id": build_id,
    }
    made = chroot_queries.repository_of(call.tx, chroot_queries.add_repository(call.tx, values))
    assert made is not None, "it was made a line above"
    configure(call, place, made)
    if targets.get_target(call, dest) is None:
        targets.create_target(call, dest, build_id, dest_id)
    return made


def _tag(call: Call, name: str, arches: str | None) -> int:
    found = tags.get_tag(call, name)
    if found is not None:
        return int(found["id"])
    return tag_editing.create_tag(call, name, arches=arches, perm=people.PERMISSION)


def _link(parent_id: int, priority: int) -> dict[str, Any]:
    return {
        "parent_id": parent_id,
        "priority": priority,
        "maxdepth": None,
        "intransitive": False,
        "noconfig": False,
        "pkg_filter": "",
    }


def remove_repository(call: Call, place: Place, repository: Repository) -> None:
    """End target and tags; the row is the caller's."""
    if targets.get_target(call, place.dest_name()) is not None:
        targets.delete_target(call, place.dest_name())
    for tag_id in (repository.build_tag_id, repository.dest_tag_id):
        if tags.live_ids(call, [tag_id]):
            tag_editing.delete_tag(call, tag_id)


def remove_list(call: Call, project: Project) -> None:
    """End the tag with the package list."""
    if tags.live_ids(call, [project.tag_id]):
        tag_editing.delete_tag(call, project.tag_id)


def forget_results(call: Call, repository: Repository) -> None:
    """Untag and delete all builds of the hub that a repository has."""
    for koji_build_id in build_queries.koji_builds(call.tx, repository.id):
        forget_result(call, repository, koji_build_id)


def forget_result(call: Call, repository: Repository, koji_build_id: int) -> None:
    """Untag a build of the hub; one that nobody else has is deleted, as far as no buildroot used it."""
    build = hub_builds.get_build(call, koji_build_id)
    if build is None:
        return
    tag = {"id": repository.dest_tag_id, "name": repository.chroot_name}
    tagging.take(call, tag, build, call.user_id, strict=False, force=True)
    if not tagging.tags_of_build(call, koji_build_id):
        build_lifecycle.delete_build(call, koji_build_id, strict=False, min_ref_age=0)


# what is built with


def configure(call: Call, place: Place, repository: Repository) -> None:
    """Make the build tag what the settings of project and chroot ask for."""
    foreign, urls = _additional(call, place)
    _set_links(call, place, repository, foreign)
    _set_repositories(call, repository.build_tag_id, urls)
    extra = mock_options.for_tag(place.project.settings, place.chroot.settings)
    _set_extra(call, repository.build_tag_id, extra)
    _set_packages(call, repository.build_tag_id, place.chroot.settings.additional_packages)


def _additional(call: Call, place: Place) -> tuple[list[int], list[str]]:
    """Destination tags of other projects, and URLs, that are built with."""
    wanted = (*place.project.settings.additional_repos, *place.chroot.settings.additional_repos)
    return _resolved(call, place.chroot.chroot, wanted)


def _resolved(call: Call, chroot: Chroot, wanted: Iterable[str]) -> tuple[list[int], list[str]]:
    tag_ids: list[int] = []
    urls: list[str] = []
    for url in wanted:
        reference = names.copr_reference(url)
        if reference is None:
            urls.append(names.expand(url.partition("?")[0], chroot.os, chroot.version, chroot.arch))
            continue
        tag_id = foreign_tag(call, reference, chroot.name)
        if tag_id is not None and tag_id not in tag_ids:
            tag_ids.append(tag_id)
    return tag_ids[:_MOST_FOREIGN], list(dict.fromkeys(urls))


def script_tag(call: Call, chroot: Chroot, repos: Collection[str]) -> int:
    """The tag of a chroot with some repositories besides, which is made if it is new; its id."""
    base = int(tags.require_tag(call, names.base_tag(chroot.name))["id"])
    if not repos:
        return base
    name = names.script_tag(chroot.name, repos)
    project_queries.lock_place(call.tx, name)
    tag_id = _tag(call, name, chroot.arch)
    foreign, urls = _resolved(call, chroot, repos)
    links = [
        _link(base, _BASE),
        *(_link(each, _FIRST_FOREIGN + number) for number, each in enumerate(foreign)),
    ]
    _set_inheritance(call, tag_id, links)
    _set_repositories(call, tag_id, urls)
    return tag_id


def foreign_tag(call: Call, reference: tuple[str, str], chroot: str) -> int | None:
    """The destination tag that a `copr://` repository means for a chroot; None where there is none."""
    owner = people.find_owner(call, reference[0])
    if owner is None:
        return None
    found = tags.get_tag(call, names.dest_tag(owner, reference[1], chroot))
    return None if found is None else int(found["id"])


def _set_links(call: Call, place: Place, repository: Repository, foreign: list[int]) -> None:
    base = tags.require_tag(call, names.base_tag(place.chroot.name))["id"]
    wanted = [_link(repository.dest_tag_id, _OWN), _link(base, _BASE)]
    if not place.directory.is_main:
        name = names.dest_tag(place.project.owner, place.project.name, place.chroot.name)
        wanted.append(_link(tags.require_tag(call, name)["id"], _MAIN))
    known = {link["parent_id"] for link in wanted}
    others = [tag_id for tag_id in foreign if tag_id not in known]
    wanted += [_link(tag_id, _FIRST_FOREIGN + number) for number, tag_id in enumerate(others)]
    _set_inheritance(call, repository.build_tag_id, wanted)


def _set_inheritance(call: Call, tag_id: int, wanted: list[dict[str, Any]]) -> None:
    """Have a tag inherit by these links and no others."""
    current = tags.parent_links(call, tag_id)
    if _in_order(current) == _in_order(wanted):
        return
    keep = {link["parent_id"] for link in wanted}
    ended = [
        {"parent_id": link["parent_id"], "delete link": True}
        for link in current
        if link["parent_id"] not in keep
    ]
    tag_editing.set_inheritance(call, tag_id, [*ended, *wanted])


def _in_order(links: Iterable[dict[str, Any]]) -> list[tuple[int, int]]:
    return sorted((link["priority"], link["parent_id"]) for link in links)


def _set_repositories(call: Call, tag_id: int, urls: list[str], *, keep: bool = False) -> None:
    """Have a tag use these repositories in this order, and with `keep` those that it uses already."""
    wanted = [_external(call, url) for url in urls]
    current = sorted(external_repos.tag_repos(call, tag_id), key=lambda use: int(use["priority"]))
    present = [use["external_repo_name"] for use in current]
    if present == wanted or (keep and not set(wanted) - set(present)):
        return
    last = 0
    for use in current:
        if keep:
            last = max(last, use["priority"])
        else:
            external_repos.unlink(call, tag_id, use["external_repo_id"])
    fresh = [name for name in wanted if not keep or name not in present]
    for number, name in enumerate(fresh, start=1):
        external_repos.link(call, tag_id, name, last + 5 * number, _BARE, None)


def _external(call: Call, url: str) -> str:
    """The name of the external repository of a URL, which is made if it is new."""
    name = f"copr+{names.digest(url)}"
    if external_repos.get_repo(call, name) is None:
        external_repos.create_repo(call, name, url)
    return name


def _set_extra(call: Call, tag_id: int, wanted: dict[str, Any]) -> None:
    current = tags.require_tag(call, tag_id)["extra"]
    ours = ("mock.", "copr.", "rpm.macro.")
    gone = [key for key in current if key.startswith(ours) and key not in wanted]
    if gone or any(current.get(key) != value for key, value in wanted.items()):
        tag_editing.edit_tag(call, tag_id, {"extra": wanted, "remove_extra": gone})


def _set_packages(call: Call, tag_id: int, wanted: list[str]) -> None:
    """Have these packages, besides those of the distribution, in every buildroot."""
    own = {group["name"]: group for group in groups.tag_groups(call, tag_id, inherit=False)}
    present = {entry["package"] for entry in own.get(_GROUP, {}).get("packagelist", [])}
    if wanted and _GROUP not in own:
        group_editing.add_group(call, tag_id, _GROUP, False, False, {})
    for name in wanted:
        if name not in present:
            group_editing.add_package(call, tag_id, _GROUP, name, False, False, {})
    for name in present - set(wanted):
        group_editing.remove_package(call, tag_id, _GROUP, name)


def places_of(call: Call, project: Project) -> list[tuple[Place, Repository]]:
    """Every repository of a project, those of disabled chroots included."""
    directories = {each.id: each for each in project_queries.directories(call.tx, project.id)}
    chroots = {each.id: each for each in chroot_queries.of_project(call.tx, project.id, disabled=True)}
    return [
        (Place(project, directories[each.dir_id], chroots[each.project_chroot_id]), each)
        for each in chroot_queries.repositories(call.tx, project_id=project.id)
    ]


def configure_all(call: Call, project: Project) -> None:
    """`configure` for all of a project that is enabled."""
    for place, repository in places_of(call, project):
        if place.chroot.disabled_on is None:
            configure(call, place, repository)


def configure_dependents(call: Call, project: Project) -> None:
    """Let the projects that build with one see chroots that it has got."""
    for other in project_queries.dependents(call.tx, f"copr://{project.full_name}"):
        if other.id != project.id:
            configure_all(call, other)
