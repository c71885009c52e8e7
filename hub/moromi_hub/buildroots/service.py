"""Buildroots and their contents: what builders may do to them.

    INIT -> (WAITING ->) BUILDING -> EXPIRED

No way leads back to INIT or out of EXPIRED; expiring twice is ignored. The
contents are set in INIT and added to in BUILDING. Spec: data-model.md section 6.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from moromi.constants import BuildrootState, BuildrootType, TaskState
from moromi.errors import ActionNotAllowed, GenericError
from moromi.wire.listing import Listing
from moromi_hub import arguments
from moromi_hub.auth import permissions
from moromi_hub.buildroots import queries
from moromi_hub.call import Call
from moromi_hub.db.query_options import apply_in_memory, run_query
from moromi_hub.rpms import service as rpms


def get_buildroot(call: Call, buildroot_id: Any, strict: bool = False) -> dict[str, Any] | None:
    """Shape `Buildroot`. Raises ParameterError for no number, with `strict` `No such buildroot: …`."""
    number = arguments.integer(buildroot_id)
    found = queries.find(call.tx, number) if arguments.fits_id(number) else None
    if found is None and strict:
        raise GenericError(f"No such buildroot: {buildroot_id!r}")
    return found


def of_task(call: Call, task_id: int) -> int | None:
    """The newest buildroot of a task."""
    return queries.of_task(call.tx, task_id)


def check_ids(call: Call, ids: set[int]) -> None:
    """Raise GenericError `no buildroot with ID: …` unless all are buildroots; at most one statement."""
    if not ids:
        return
    known = queries.existing(call.tx, sorted(ids))
    for each in sorted(ids):
        if each not in known:
            raise GenericError(f"no buildroot with ID: {each}")


def list_contents(call: Call, buildroot_id: Any) -> Listing:
    """Listing of shape `BuildrootRPM`, by rpm id. Raises GenericError `no buildroot with ID: …`."""
    number = arguments.integer(buildroot_id)
    check_ids(call, {number})
    names, statement = queries.contents(call.tx, number)
    return Listing(names, call.tx.stream(statement))


def list_buildroots(call: Call, state: Any, ids: Any, query_opts: Any, **filters: int | None) -> Any:
    """Shape `Buildroot`; `state` and `ids` may be lists. Filters are those of `queries.listing`."""
    if any(not arguments.fits_id(value) for value in filters.values() if value is not None):
        return apply_in_memory([], query_opts)
    statement = queries.listing(states=_list(state), ids=_list(ids), **filters)
    return run_query(call.tx, queries.FIELDS, statement, query_opts, stream=True)


def _list(value: Any) -> list[int] | None:
    if value is None:
        return None
    return list(value) if isinstance(value, (list, tuple)) else [value]


# builders


def new_buildroot(call: Call, repo_id: int, arch: str, task_id: int | None) -> int:
    """A new standard buildroot of the calling host in INIT; its id."""
    host = permissions.assert_host(call)
    if task_id is None:
        raise GenericError("a task id is required for a new buildroot")
    permissions.assert_host_owns_task(call, task_id)
    arch = arguments.arch_string(arch)
    if not arch or " " in arch:
        raise GenericError("Architecture can be only [a-zA-Z0-9_-]")
    buildroot_id = queries.add(
        call.tx,
        {"br_type": int(BuildrootType.STANDARD), "container_type": "chroot", "container_arch": arch},
    )
    standard = {
        "buildroot_id": buildroot_id,
        "host_id": host.id,
        "repo_id": repo_id,
        "task_id": task_id,
        "state": int(BuildrootState.INIT),
    }
    queries.add_standard(call.tx, standard)
    return buildroot_id


def _owned(call: Call, buildroot_id: Any, task_id: int | None) -> Mapping[str, Any]:
    """The locked buildroot, which must be a standard one of the calling host and, if given, task."""
    host = permissions.assert_host(call)
    found = queries.lock(call.tx, arguments.integer(buildroot_id), task_id)
    mine = (TaskState.OPEN, host.id)
    if task_id is not None and (
        found is None or (found.get("asking_state"), found.get("asking_host")) != mine
    ):
        permissions.assert_host_owns_task(call, task_id)
    if found is None:
        raise GenericError(f"no buildroot with ID: {buildroot_id}")
    if not found["standard"]:
        raise GenericError(f"Not a standard buildroot: {buildroot_id}")
    if found["host_id"] != host.id:
        raise ActionNotAllowed(f"Host {host.id} not owner of buildroot {buildroot_id}")
    if task_id is not None and found["task_id"] != task_id:
        raise ActionNotAllowed(f"Task {task_id} does not have lock on buildroot {buildroot_id}")
    return found


def _in_state(found: Mapping[str, Any], state: BuildrootState) -> None:
    if found["state"] != state:
        raise GenericError(f"buildroot {found['buildroot_id']} in wrong state {found['state']}")


def set_state(call: Call, buildroot_id: Any, state: Any, task_id: int | None) -> None:
    """Take a buildroot of the calling host to a state (name or number)."""
    found = _owned(call, buildroot_id, task_id)
    wanted = _state(state)
    if wanted == BuildrootState.INIT:
        raise GenericError("Cannot change buildroot state to INIT")
    if found["state"] == BuildrootState.EXPIRED:
        if wanted == BuildrootState.EXPIRED:
            return
        raise GenericError(f"buildroot {buildroot_id} is EXPIRED")
    queries.set_state(call.tx, found["buildroot_id"], wanted)


def _state(state: Any) -> BuildrootState:
    try:
        return BuildrootState[state] if isinstance(state, str) else BuildrootState(state)
    except (KeyError, ValueError):
        raise GenericError(f"Invalid buildroot state: {state!r}") from None


def set_contents(call: Call, buildroot_id: Any, specs: Sequence[Any], task_id: int | None) -> None:
    """State what is installed in a new buildroot (INIT). The number of statements does not depend on it."""
    found = _owned(call, buildroot_id, task_id)
    _in_state(found, BuildrootState.INIT)
    queries.add_rpms(call.tx, found["buildroot_id"], rpms.resolve(call, specs), update=False)


def update_contents(call: Call, buildroot_id: Any, specs: Sequence[Any], task_id: int | None) -> None:
    """Add what was installed while building (BUILDING); what is there already is left."""
    found = _owned(call, buildroot_id, task_id)
    _in_state(found, BuildrootState.BUILDING)
    queries.add_rpms(call.tx, found["buildroot_id"], rpms.resolve(call, specs), update=True)


def add_generated(
    call: Call,
    values: Mapping[str, Any],
    tools: Sequence[Mapping[str, Any]],
    rpm_ids: Sequence[int],
    archive_ids: Sequence[int],
) -> int:
    """A buildroot of a content generator, with its tools and contents; its id."""
    buildroot_id = queries.add(call.tx, {**values, "br_type": int(BuildrootType.EXTERNAL)})
    queries.add_tools(call.tx, buildroot_id, tools)
    if rpm_ids:
        queries.add_rpms(call.tx, buildroot_id, rpm_ids, update=False)
    if archive_ids:
        queries.add_archives(call.tx, buildroot_id, archive_ids, project=False)
    return buildroot_id


def assert_building(call: Call, buildroot_id: Any, task_id: int) -> dict[str, Any]:
    """Shape `Buildroot` of the calling host and task, which must be BUILDING."""
    found = _owned(call, buildroot_id, task_id)
    _in_state(found, BuildrootState.BUILDING)
    root = get_buildroot(call, found["buildroot_id"], strict=True)
    assert root is not None
    return root


def update_archives(
    call: Call, buildroot_id: Any, task_id: int, archive_ids: Sequence[int], project: bool
) -> None:
    """Add archives that were in a buildroot while building."""
    if not (call.settings.EnableMaven or call.settings.EnableWin):
        raise GenericError("non-rpm support is not enabled")
    found = _owned(call, buildroot_id, task_id)
    _in_state(found, BuildrootState.BUILDING)
    queries.add_archives(call.tx, found["buildroot_id"], archive_ids, project=bool(project))
