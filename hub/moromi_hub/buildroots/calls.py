"""Calls about buildroots; those of builders begin with `host.`."""

from __future__ import annotations

from typing import Any

from moromi_hub import arguments
from moromi_hub.buildroots import service
from moromi_hub.call import Call
from moromi_hub.rpc.registry import ANYONE, HOST, exported


@exported("getBuildroot", access=ANYONE)
def get_buildroot(call: Call, buildrootID: Any, strict: bool = False) -> dict[str, Any] | None:
    """Buildroot, or nil for an unknown one unless `strict` (GenericError `No such buildroot: …`)."""
    return service.get_buildroot(call, buildrootID, strict)


@exported("listBuildroots", access=ANYONE)
def list_buildroots(
    call: Call,
    hostID: int | None = None,
    tagID: int | None = None,
    state: Any = None,
    rpmID: int | None = None,
    archiveID: int | None = None,
    taskID: int | None = None,
    buildrootID: Any = None,
    repoID: int | None = None,
    queryOpts: Any = None,
) -> Any:
    """[Buildroot]; `state` and `buildrootID` may be lists, all filters are ANDed."""
    return service.list_buildroots(
        call,
        state,
        buildrootID,
        queryOpts,
        host_id=arguments.optional_integer(hostID),
        tag_id=arguments.optional_integer(tagID),
        rpm_id=arguments.optional_integer(rpmID),
        archive_id=arguments.optional_integer(archiveID),
        task_id=arguments.optional_integer(taskID),
        repo_id=arguments.optional_integer(repoID),
    )


@exported("getBuildrootListing", access=ANYONE)
def get_buildroot_listing(call: Call, id: Any) -> Any:
    """[BuildrootRPM]. Raises GenericError `no buildroot with ID: …`."""
    return service.list_contents(call, id)


@exported("host.newBuildRoot", access=HOST)
def new_build_root(call: Call, repo: int, arch: str, task_id: int | None = None) -> int:
    """The id of a new buildroot (INIT). Raises GenericError for a bad arch, ActionNotAllowed for the task."""
    return service.new_buildroot(call, arguments.integer(repo), arch, task_id)


@exported("host.setBuildRootState", access=HOST)
def set_build_root_state(call: Call, brootid: Any, state: Any, task_id: int | None = None) -> None:
    """Change a buildroot's state (name or number).

    Raises GenericError for a change that is not allowed, ActionNotAllowed for somebody else's buildroot.
    """
    service.set_state(call, brootid, state, task_id)


@exported("host.setBuildRootList", access=HOST)
def set_build_root_list(call: Call, brootid: Any, rpmlist: Any, task_id: int | None = None) -> None:
    """State what is installed: [{id} or {name, version, release, arch, and for external ones location, …}].

    Raises GenericError `buildroot … in wrong state …`, `No such rpm: …`, `hash changed for external rpm: …`.
    """
    service.set_contents(call, brootid, arguments.expect(rpmlist, list), task_id)


@exported("host.updateBuildRootList", access=HOST)
def update_build_root_list(call: Call, brootid: Any, rpmlist: Any, task_id: int | None = None) -> None:
    """Add what was installed during the build; as `host.setBuildRootList`."""
    service.update_contents(call, brootid, arguments.expect(rpmlist, list), task_id)


@exported("host.updateBuildrootArchives", access=HOST)
def update_buildroot_archives(
    call: Call, brootid: Any, task_id: int, archives: Any, project: bool = False
) -> None:
    """Add archives [{id}] that were in a buildroot during the build."""
    ids = [arguments.integer(archive["id"]) for archive in arguments.expect(archives, list)]
    service.update_archives(call, brootid, arguments.integer(task_id), ids, project)
