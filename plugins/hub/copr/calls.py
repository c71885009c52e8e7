"""Calls of the hub that projects add: for builders, and for whoever offers chroots."""

from __future__ import annotations

from typing import Any

from moromi_hub.plugin_api import ADMIN, ANYONE, Call, arguments, exported, task_host

from . import chroot_queries, chroots, functions, progress


@exported("editCoprChroot", access=ADMIN)
def edit_chroot(
    call: Call,
    name: str,
    parent: Any = None,
    repos: Any = None,
    comment: Any = None,
    active: Any = None,
) -> None:
    """Offer a chroot (`fedora-42-x86_64`) to projects, or change how it is offered.

    Its base tag `chroot+<name>` inherits the tag `parent` or uses the repositories at the URLs `repos`;
    what it has stays. None leaves `comment` and `active` as they are.
    """
    urls = [arguments.expect(url, str) for url in arguments.expect(repos or [], list)]
    text = None if comment is None else arguments.expect(comment, str)
    given = None if active is None else bool(active)
    chroots.register(call, arguments.expect(name, str), parent, urls, text, given)


@exported("listCoprChroots", access=ANYONE)
def list_chroots(call: Call) -> list[dict[str, Any]]:
    """All chroots that were ever offered: `{name, active, comment}`."""
    found = chroot_queries.chroots(call.tx, all=True)
    return [{"name": each.name, "active": each.active, "comment": each.comment} for each in found]


@exported("host.coprBegin", access=task_host())
def begin(call: Call, task_id: int) -> dict[str, Any]:
    """What a task coprBuild is to do: `{source_type, source, tag, timeout}`."""
    return progress.begin(call, task_id)


@exported("host.coprChroot", access=task_host())
def chroot_options(call: Call, task_id: int) -> dict[str, Any]:
    """What the build of a task wants of its chroots: extra data to lay over the tag's, None removes."""
    return progress.chroot_options(call, task_id)


@exported("host.coprSource", access=task_host())
def take_source(call: Call, task_id: int, path: str) -> list[dict[str, Any]]:
    """Take the source package at a path below work: `{chroot, target}` for each that it is built in."""
    return progress.take_source(call, task_id, arguments.expect(path, str))


@exported("host.coprNoSource", access=task_host())
def no_source(call: Call, task_id: int, reason: str) -> None:
    """Publish the logs of a task that could not get the sources, and why."""
    progress.keep_source_logs(call, task_id, arguments.expect(reason, str))


@exported("host.coprStart", access=task_host())
def start(call: Call, task_id: int, chroot: str, child_id: int) -> None:
    """Note the task that builds in a chroot."""
    progress.start_chroot(call, task_id, arguments.expect(chroot, str), arguments.integer(child_id))


@exported("host.coprPublish", access=task_host())
def publish(call: Call, task_id: int, chroot: str) -> None:
    """Publish what was built in a chroot, or the logs of why nothing was."""
    progress.publish(call, task_id, arguments.expect(chroot, str))


@exported("host.coprGiveUp", access=task_host())
def give_up(call: Call, task_id: int, chroot: str) -> None:
    """Publish what there is of a chroot whose time is up."""
    progress.give_up(call, task_id, arguments.expect(chroot, str))


# the four functions of builders


@exported("host.coprCreate", access=task_host())
def create_copr(call: Call, task_id: int) -> list[str]:
    """Do what a task create_copr asks for: the chroots that have repositories."""
    return functions.create(call, task_id)


@exported("host.coprRemove", access=task_host())
def remove_repos(call: Call, task_id: int) -> list[str]:
    """Do what a task remove_repos asks for: the chroots whose repositories are gone."""
    return functions.remove(call, task_id)


@exported("host.coprAsyncBuild", access=task_host())
def async_build(call: Call, task_id: int) -> list[int]:
    """Do what a task async_build_x86 asks for: the tasks that build."""
    return functions.start_build(call, task_id)


@exported("host.coprMove", access=task_host())
def move_to_copr(call: Call, task_id: int) -> list[str]:
    """Do what a task move_to_copr asks for: the chroots whose repositories get the packages."""
    return functions.move(call, task_id)
