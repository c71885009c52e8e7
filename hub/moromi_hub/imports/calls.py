"""Calls that bring files and builds in."""

from __future__ import annotations

from typing import Any

from moromi_hub import arguments
from moromi_hub.auth import permissions
from moromi_hub.call import Call
from moromi_hub.imports import archive_calls as archive_calls
from moromi_hub.imports import builds, merge, scratch, service
from moromi_hub.imports import generator_calls as generator_calls
from moromi_hub.rpc.registry import ADMIN, HOST, exported, task_host


@exported("importRPM", access=ADMIN)
def import_rpm(call: Call, path: str, basename: str, sigkey: str | None = None) -> dict[str, Any]:
    """Import `basename` from the directory `path` below work: ImportedRPM.

    A source package makes its build (COMPLETE) if it is unknown; a binary one needs the build of its
    SOURCERPM. Its signature is stored under the key that it names or under `sigkey`. Raises GenericError
    `No such file: …`, `bad filename: …`, `No such build`, `Build is …`, `Invalid signature key: …`.
    """
    given = None if sigkey is None else arguments.expect(sigkey, str)
    return service.import_rpm(call, arguments.expect(path, str), arguments.expect(basename, str), given)


@exported("createEmptyBuild", access=ADMIN)
def create_empty_build(
    call: Call,
    name: str,
    version: str,
    release: str,
    epoch: int | None,
    owner: Any = None,
    draft: bool = False,
) -> int:
    """A COMPLETE build without files; its id. Raises GenericError for a name that is taken or not allowed."""
    return service.create_empty_build(call, name, version, release, epoch, owner, draft)


@exported("mergeScratch", access=ADMIN)
def merge_scratch(call: Call, task_id: Any) -> int:
    """Add what a scratch build made for further arches to the finished build of that name; the build's id.

    Raises ImportError for everything that does not fit.
    """
    return merge.merge_scratch(call, arguments.integer(task_id))


@exported("host.initBuild", access=HOST)
def init_build(call: Call, data: Any) -> int:
    """The id of a new BUILDING build: `data` {name, version, release, epoch, task_id, …}.

    A restarted task gets its build again. Raises GenericError for a name that is taken.
    """
    permissions.assert_host_owns_task(call, arguments.expect(data, dict)["task_id"])
    return builds.init_build(call, data)


@exported("host.completeBuild", access=task_host())
def complete_build(
    call: Call, task_id: int, build_id: int, srpm: Any, rpms: Any, brmap: Any = None, logs: Any = None
) -> dict[str, Any]:
    """Import what a task built (paths below work) and complete its build: Build.

    `brmap` {path: buildroot id}, `logs` {subdirectory: [path]}. Raises GenericError for what is missing
    or does not fit, BuildError for noarch packages that differ.
    """
    results = builds.Results(
        srpm=arguments.expect(srpm, str),
        rpms=arguments.expect(rpms, list),
        buildroots={} if brmap is None else arguments.expect(brmap, dict),
        logs={} if logs is None else arguments.expect(logs, dict),
    )
    return builds.complete_build(call, arguments.integer(task_id), arguments.integer(build_id), results)


@exported("host.moveBuildToScratch", access=task_host())
def move_build_to_scratch(call: Call, task_id: int, srpm: Any, rpms: Any, logs: Any = None) -> None:
    """Move what a scratch build made to `<top>/scratch/<owner>/task_<id>`.

    Raises GenericError `No such file: …`, `Destination exists: …`, BuildError for noarch packages that
    differ.
    """
    scratch.move_build(
        call,
        arguments.integer(task_id),
        arguments.expect(srpm, str),
        arguments.expect(rpms, list),
        {} if logs is None else arguments.expect(logs, dict),
    )
