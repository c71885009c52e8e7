"""`koji build` for a target of a project: a build of the project like any other (copr.md, section 4.2).

What the call is given is the source of a build in one chroot, and the task that it answers leads that build.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moromi.errors import ActionNotAllowed, GenericError
from moromi.scm import is_scm_url, parse_scm_url
from moromi_hub.plugin_api import LOGIN, Call, arguments, exported, files, targets, task_requests

from . import access, builds, chroot_queries, intake, names, people, project_queries, projects, sources
from .builds import Order
from .errors import CoprError
from .model import BuildOptions, Project, Repository
from .settings import CONFIG

_SCHEMES = ("git://", "git+http://", "git+https://", "git+ssh://")
_ALONE = ("scratch", "skip_tag")
"""Options of a build that nobody is to get packages from: an ordinary one then."""


@exported("build", access=LOGIN)
def build(
    call: Call, src: Any, target: Any, opts: Any = None, priority: Any = None, channel: Any = None
) -> int:
    """Build a package from an SCM URL or an uploaded source rpm; the task's id.

    For a target of a project that of a build of the project, which is published there. Raises
    ActionNotAllowed for those who may not build in it, GenericError for sources that it does not take.
    """
    options = arguments.expect(opts or {}, dict)
    repository = None if any(options.get(name) for name in _ALONE) else _repository(call, target)
    if repository is None:
        return task_requests.build(call, src, target, opts, priority, channel)
    background = isinstance(priority, int) and priority > 0
    try:
        return _submit(call, arguments.expect(src, str), repository, background)
    except CoprError as error:
        raise GenericError(error.text) from error


@exported("chainBuild", access=LOGIN)
def chain_build(
    call: Call, srcs: Any, target: Any, opts: Any = None, priority: Any = None, channel: Any = None
) -> int:
    """Build groups of sources one after the other; the task's id.

    Raises GenericError for a target of a project.
    """
    if _repository(call, target) is not None:
        raise GenericError(
            f"{target} belongs to a project, which builds one source at a time;"
            " builds that wait for others are asked for with copr-cli build --after-build-id"
        )
    return task_requests.chain_build(call, srcs, target, opts, priority, channel)


def _repository(call: Call, target: Any) -> Repository | None:
    """The repository that a target builds for, None for one that belongs to no project."""
    if not isinstance(target, str) or not target.startswith(names.TAG_PREFIXES):
        return None
    found = targets.get_target(call, target)
    return None if found is None else chroot_queries.repository_of_tag(call.tx, found["dest_tag"])


def _submit(call: Call, src: str, repository: Repository, background: bool) -> int:
    assert call.session is not None, "who is not logged in was refused"
    who = people.person(call, call.session.user_id)
    directory = project_queries.directory_of(call.tx, repository.dir_id)
    project = projects.by_id(call, directory.project_id)
    if not access.may_build(call, who, project):
        raise ActionNotAllowed(f"User '{who.name}' is not allowed to build in '{project.full_name}'")
    kind, source = ("scm", _repository_source(src)) if is_scm_url(src) else ("upload", _upload(call, src))
    options = _options(call, project, background)
    order = Order(kind, source, options, dirname=directory.name, chroots=[repository.chroot_name])
    build = builds.submit(call, who, project, order)
    assert build.task_id is not None, "a build without a batch begins at once"
    return build.task_id


def _options(call: Call, project: Project, background: bool) -> BuildOptions:
    timeout, network = CONFIG.of(call).timeout, project.settings.enable_net
    return BuildOptions(timeout=timeout, background=background, enable_net=network)


def _repository_source(url: str) -> Mapping[str, Any]:
    """The source that a git URL of Koji's means. Raises GenericError for others."""
    scm = parse_scm_url(url)
    if scm.scheme not in _SCHEMES:
        raise GenericError(f"Projects build from git repositories: {', '.join(_SCHEMES)}")
    return {
        "type": "git",
        "clone_url": scm.clone_url,
        "committish": scm.revision,
        "subdirectory": scm.module,
        "spec": "",
        "source_build_method": "rpkg",
    }


def _upload(call: Call, src: str) -> Mapping[str, Any]:
    """Keep an uploaded source package, which stays where it is too. Raises GenericError, WrongType."""
    work = Path(call.paths.work())
    given = files.below(work, work / src)
    if given.suffix != ".rpm" or not given.is_file():
        raise GenericError(f"{sources.ONLY_SOURCES}: there is none at {src}")
    private = work / intake.WORK / f".{secrets.token_hex(8)}"
    files.make_directories(private.parent)
    with files.opened_directory(private.parent) as directory:
        files.place(given, directory, private.name)
    try:
        return intake.take(call, private, given.name)
    finally:
        private.unlink(missing_ok=True)
