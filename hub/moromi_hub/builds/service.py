"""Builds: look-ups, and the life of an entry.

    -         -> BUILDING              host.init*Build, CGInitBuild
    -         -> COMPLETE              importRPM, createEmptyBuild, create*Build, CGImport
    BUILDING  -> COMPLETE              host.complete*Build, CGImport of a reservation
    BUILDING  -> FAILED                host.failBuild, CGRefundBuild
    BUILDING  -> CANCELED              cancelBuild, cancelling the task, CGRefundBuild
    FAILED, CANCELED -> BUILDING, COMPLETE    the same name-version-release again
    any but DELETED  -> DELETED        deleteBuild
    any       -> CANCELED              resetBuild

Spec: data-model.md sections 5.1 to 5.7. `completion_time` is set exactly when
the state is not BUILDING.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from hmac import compare_digest
from pathlib import Path
from typing import Any

from sqlalchemy import func

from moromi.constants import DEFAULT_VOLUME_ID, BuildState
from moromi.errors import ActionNotAllowed, GenericError, ParameterError
from moromi.names import draft_release, next_release, parse_NVR
from moromi_hub import files
from moromi_hub.arguments import INT4_MAX, fits_id
from moromi_hub.auth import permissions
from moromi_hub.builds import notify, queries
from moromi_hub.call import Call
from moromi_hub.packages import service as packages
from moromi_hub.policies import service as policies
from moromi_hub.tasks import service as tasks
from moromi_hub.volumes import service as volumes

NOW = "NOW"
"""Stands for the time of the transaction in the data of a new entry; clients see the word in a message."""


def get_build(call: Call, build_info: Any, strict: bool = False) -> dict[str, Any] | None:
    """`getBuild`'s record of a build by id, N-V-R or map with name, version, release; one statement.

    Raises GenericError for what cannot be a build's name, and `No such build: …` with `strict`.
    """
    if isinstance(build_info, int) and not isinstance(build_info, bool):
        found = queries.find_by_id(call.tx, build_info) if fits_id(build_info) else None
    else:
        found = queries.find_by_nvr(call.tx, *_name_of(build_info))
    if found is None and strict:
        raise GenericError(f"No such build: {build_info!r}")
    return found


def require_build(call: Call, build_info: Any) -> dict[str, Any]:
    """`get_build` that never is None. Raises GenericError `No such build: …`."""
    found = get_build(call, build_info, strict=True)
    assert found is not None
    return found


def find_build_id(call: Call, info: Any, strict: bool = False) -> int | None:
    """The id of a build by N-V-R or map; an integer is returned unchecked.

    Raises as `get_build`.
    """
    if isinstance(info, int) and not isinstance(info, bool):
        return info
    found = queries.find_id(call.tx, *_name_of(info))
    if found is None and strict:
        raise GenericError(f"No such build: {info!r}")
    return found


def _name_of(info: Any) -> tuple[str, str, str]:
    if isinstance(info, str):
        parsed: Mapping[str, Any] = parse_NVR(info)
    elif isinstance(info, Mapping):
        if not all(info.get(key) for key in ("name", "version", "release")):
            raise GenericError("did not provide name, version, and release")
        parsed = info
    else:
        raise GenericError(f"Invalid type for argument: {type(info)}")
    return str(parsed["name"]), str(parsed["version"]), str(parsed["release"])


def build_directory(call: Call, build: Mapping[str, Any]) -> Path:
    """Where the files of a build are (`name`, `version`, `release`, `volume_name`)."""
    return Path(call.paths.build(build))


# entries


def new_build(call: Call, data: Mapping[str, Any]) -> int:
    """Make or re-use the entry of a name-version-release and return its id (section 5.3).

    `data`: `name` or `pkg_id`, `version`, `release`, `epoch`; optional `owner`,
    `state`, `start_time`, `completion_time` (times: datetime or `NOW`), `source`,
    `task_id`, `volume_id`, `extra`, `cg_id`, `draft`. Raises GenericError for
    missing keys, for names that make no directory, and for an entry that cannot be used again.
    """
    data = dict(data)
    for key in ("version", "release", "epoch"):
        if key not in data:
            raise GenericError(f"No {key} value for build")
    data |= _package(call, data)
    check_place(call, data)
    data["extra"] = json.dumps(data["extra"]) if data.get("extra") is not None else None
    data.setdefault("state", int(BuildState.COMPLETE))
    data.setdefault("start_time", NOW)
    data.setdefault("completion_time", NOW)
    data.setdefault("source", None)
    if data.get("owner") is None:
        data["owner"] = call.user_id
    data.setdefault("task_id", None)
    data.setdefault("volume_id", DEFAULT_VOLUME_ID)
    data["draft"] = bool(data.get("draft"))
    if data["draft"]:
        return _new_draft(call, data)
    found = queries.lock_nvr(call.tx, data["pkg_id"], data["version"], data["release"])
    if found is None:
        build_id = _insert(call, data)
        if build_id is not None:
            return build_id
        found = queries.lock_nvr(call.tx, data["pkg_id"], data["version"], data["release"])
        assert found is not None, "the row that was in the way is there"
    return _use_again(call, found, data)


def _package(call: Call, data: Mapping[str, Any]) -> dict[str, Any]:
    """Name and id of a new build's package, which is made if it is new."""
    if data.get("pkg_id"):
        found = packages.find_package(call, int(data["pkg_id"]), strict=True)
    else:
        name = data.get("name")
        if not name:
            raise GenericError("No name or package id provided for build")
        if not isinstance(name, str):
            raise GenericError("Name should be string")
        found = packages.find_package(call, name, strict=True, create=True)
    assert found is not None
    return {"name": found["name"], "pkg_id": int(found["id"])}


def check_place(call: Call, data: Mapping[str, Any]) -> None:
    """Raise GenericError unless name, version and release are each the name of one directory.

    Else a build's directory could be inside another's, and be removed with what the other has there; and
    answers that hold control characters are no XML.
    """
    for key in ("name", "version", "release"):
        if "/" in str(data[key]):
            raise GenericError(f'The "/" character not allowed in {key} field')
        if not str(data[key]).isprintable():
            raise GenericError(f"Control characters not allowed in {key} field")
    release = draft_release(str(data["release"]), INT4_MAX) if data.get("draft") else data["release"]
    build_directory(call, {"name": data["name"], "version": data["version"], "release": release})


def _new_draft(call: Call, data: dict[str, Any]) -> int:
    target = find_build_id(call, {key: data[key] for key in ("name", "version", "release")})
    if target is not None and not _may_be_beside(call, data):
        label = f"{data['name']}-{data['version']}-{data['release']}"
        raise GenericError(f"Target build already exists: {label} (id={target})")
    build_id = queries.next_id(call.tx)
    data |= {"id": build_id, "release": draft_release(data["release"], build_id)}
    _insert(call, data)
    return build_id


def _may_be_beside(call: Call, data: Mapping[str, Any]) -> bool:
    """Whether a draft may be made though its release is there: our own policy, of sites and plugins."""
    question = {"package": data["name"], "task_id": data.get("task_id"), "user_id": data["owner"]}
    return policies.check(call, "draft_beside_release", question)[0]


def _insert(call: Call, data: Mapping[str, Any]) -> int | None:
    call.run_callbacks("preBuildStateChange", attribute="state", old=None, new=data["state"], info=data)
    columns = ("id", "pkg_id", "version", "release", "epoch", "draft", "cg_id")
    values = {key: data[key] for key in columns if key in data} | _row(data)
    build_id = queries.add(call.tx, values | {"create_event": call.tx.fresh_event()})
    if build_id is not None:
        info = get_build(call, build_id, strict=True)
        call.run_callbacks("postBuildStateChange", attribute="state", old=None, new=data["state"], info=info)
    return build_id


def _row(data: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that a used-again entry shares with a new one."""
    columns = ("state", "task_id", "owner", "start_time", "completion_time", "source", "extra", "volume_id")
    return {key: func.now() if data[key] == NOW else data[key] for key in columns}


def _use_again(call: Call, found: Mapping[str, Any], data: Mapping[str, Any]) -> int:
    build_id, old = int(found["id"]), BuildState(found["state"])
    if old == BuildState.BUILDING:
        # A restarted task, or a content generator, whose reservation decides whether it may.
        if data["state"] == BuildState.BUILDING and found["task_id"] == data["task_id"]:
            return build_id
        by = f"task {found['task_id']}" if found["task_id"] is not None else "no task"
        raise GenericError(f"Build already in progress ({by})")
    if old not in (BuildState.FAILED, BuildState.CANCELED):
        raise GenericError(f"Build already exists (id={build_id}, state={old.name}): {data!r}")
    obstacle = queries.reuse_obstacle(call.tx, build_id)
    if obstacle:
        raise GenericError(f"Build already exists. Unable to recycle, has {obstacle}")
    before = require_build(call, build_id)
    call.run_callbacks("preBuildStateChange", attribute="state", old=int(old), new=data["state"], info=data)
    queries.forget_types(call.tx, build_id)
    values = _row(data) | {"epoch": data["epoch"], "create_event": call.tx.fresh_event()}
    if data.get("cg_id") is not None:
        values["cg_id"] = data["cg_id"]
    queries.change(call.tx, build_id, values)
    remove_strays(call, before)
    info = require_build(call, build_id)
    call.run_callbacks("postBuildStateChange", attribute="state", old=int(old), new=data["state"], info=info)
    return build_id


def remove_strays(call: Call, build: Mapping[str, Any]) -> None:
    """Remove directories of a build, on every volume, that no row promises anything of."""
    for volume in volumes.list_volumes(call):
        files.remove_tree(build_directory(call, {**build, "volume_name": volume["name"]}))


def set_state(call: Call, build: Mapping[str, Any], state: BuildState, **columns: Any) -> dict[str, Any]:
    """Take a build (a record) to another state, with its callbacks; the new record is returned.

    The completion time is now, unless `columns` (further columns to set) says otherwise.
    """
    old = build["state"]
    call.run_callbacks("preBuildStateChange", attribute="state", old=old, new=int(state), info=build)
    done = None if state == BuildState.BUILDING else func.now()
    queries.change(call.tx, build["id"], {"completion_time": done, **columns, "state": int(state)})
    changed = require_build(call, build["id"])
    call.run_callbacks("postBuildStateChange", attribute="state", old=old, new=int(state), info=changed)
    return changed


def set_volume(call: Call, build: Mapping[str, Any], volume_id: int) -> None:
    """Note that a build is on another volume, with the callbacks; its files are the caller's business."""
    _change(call, build, "volume_id", build["volume_id"], volume_id, volume_id=volume_id)


def set_owner(call: Call, build: Mapping[str, Any], user_id: int) -> None:
    """Give a build to somebody else."""
    _change(call, build, "owner_id", build["owner_id"], user_id, owner=user_id)


def set_completion(call: Call, build: Mapping[str, Any], seconds: float) -> None:
    """State when a build was completed, in seconds since the epoch."""
    moment = func.to_timestamp(seconds)
    _change(call, build, "completion_ts", build["completion_ts"], seconds, completion_time=moment)


def _change(call: Call, build: Mapping[str, Any], attribute: str, old: Any, new: Any, **columns: Any) -> None:
    call.run_callbacks("preBuildStateChange", attribute=attribute, old=old, new=new, info=build)
    queries.change(call.tx, build["id"], columns)
    info = require_build(call, build["id"])
    call.run_callbacks("postBuildStateChange", attribute=attribute, old=old, new=new, info=info)


def policy_task_data(call: Call, task_id: int | None) -> dict[str, Any]:
    """What the request of a build's task says to policies; nothing without a task."""
    task = None if task_id is None else tasks.get_task(call, task_id, request=True)
    return {} if task is None else policies.task_data(call, task["method"], task["request"])


def lock(call: Call, build_id: int) -> None:
    """Let nobody else change a build, or import into it, until the transaction ends."""
    queries.lock(call.tx, build_id)


def lock_building(call: Call, build_id: int, problem: str) -> dict[str, Any]:
    """Lock the entry of a build under way.

    Raises GenericError `{problem}: state is …` unless it is BUILDING.
    """
    found = queries.lock(call.tx, build_id)
    if found is None:
        raise GenericError(f"No such build: {build_id!r}")
    if found["state"] != BuildState.BUILDING:
        raise GenericError(f"{problem}: state is {BuildState(found['state']).name}")
    return found


def fail_build(call: Call, build_info: Any) -> dict[str, Any]:
    """BUILDING to FAILED. Raises GenericError `cannot update build …` from any other state."""
    build = require_build(call, build_info)
    locked = queries.lock(call.tx, build["id"]) or build
    if locked["state"] != BuildState.BUILDING:
        raise GenericError(f"cannot update build {build['id']}, state: {BuildState(locked['state']).name}")
    if locked["completion_time"] is not None:
        raise GenericError(f"cannot update build {build['id']}, completed at {locked['completion_time']}")
    failed = set_state(call, build, BuildState.FAILED)
    notify.build_notification(call, failed, build["task_id"])
    return failed


def cancel_build(call: Call, build_info: Any, strict: bool = False) -> bool:
    """BUILDING to CANCELED, and with it the whole group of its task; False if it was not BUILDING.

    Raises ActionNotAllowed `Cannot cancel build, not owner`.
    """
    build = get_build(call, build_info, strict)
    if build is None:
        return False
    if not permissions.is_user(call, build["owner_id"]):
        raise ActionNotAllowed("Cannot cancel build, not owner")
    if build["state"] != BuildState.BUILDING:
        return False
    if build["task_id"] is not None:
        # whoever cancels the task locks it first, and then this build
        tasks.lock_group(call, build["task_id"])
    if not _cancel_entry(call, build):
        return False
    if build["task_id"] is not None:
        tasks.cancel_full(call, build["task_id"], strict=False)
    return True


def cancel_of_tasks(call: Call, task_ids: Sequence[int]) -> None:
    """Cancel the builds under way of tasks that were cancelled."""
    for build_id in queries.under_way(call.tx, task_ids):
        _cancel_entry(call, require_build(call, build_id))


def _cancel_entry(call: Call, build: Mapping[str, Any]) -> bool:
    """The entry alone; False if it was not BUILDING."""
    locked = queries.lock(call.tx, build["id"])
    if locked is None or locked["state"] != BuildState.BUILDING:
        return False
    changed = set_state(call, build, BuildState.CANCELED)
    queries.drop_reservation(call.tx, build["id"])
    notify.build_notification(call, changed, build["task_id"])
    return True


# types


def check_type_names(call: Call, names: Iterable[str]) -> None:
    """Raise GenericError `No such entry in table btype: …` unless all are btypes."""
    known = queries.btype_names(call.tx)
    for name in names:
        if name not in known:
            raise GenericError(f"No such entry in table btype: {name}")


def reserve(call: Call, build_id: int, token: str) -> None:
    """Note the token of a reservation. Raises GenericError `Build is already reserved`."""
    if not queries.add_reservation(call.tx, build_id, token):
        raise GenericError("Build is already reserved")


def check_reservation(call: Call, build_id: int, token: Any) -> None:
    """Raise GenericError `Token doesn't match build ID …` unless the build is reserved with the token."""
    stored = queries.reservation(call.tx, build_id)
    if stored is None or not isinstance(token, str) or not compare_digest(stored, token):
        raise GenericError(f"Token doesn't match build ID {build_id}")


def drop_reservation(call: Call, build_id: int) -> None:
    """Forget the reservation of a build, if any."""
    queries.drop_reservation(call.tx, build_id)


def has_content(call: Call, build_id: int) -> bool:
    """Whether rows promise files of a build."""
    return queries.reuse_obstacle(call.tx, build_id) in ("rpm data", "archive data")


def add_types(call: Call, build_id: int, *names: str) -> None:
    """Note that a build has these btypes."""
    queries.add_types(call.tx, build_id, names)


def get_types(call: Call, build: Mapping[str, Any]) -> dict[str, Any]:
    """btype name -> type info of a build (section 5.9)."""
    names = queries.type_names(call.tx, build["id"])
    extra = build["extra"] if isinstance(build["extra"], Mapping) else {}
    typeinfo = extra.get("typeinfo") if isinstance(extra.get("typeinfo"), Mapping) else {}
    found: dict[str, Any] = {name: (typeinfo or {}).get(name) for name in names}
    if {"maven", "win", "image"} & found.keys():
        found.update(queries.legacy_types(call.tx, build["id"]))
    return found


# numbers


def get_next_release(call: Call, build_info: Mapping[str, Any], incr: Any = 1) -> str:
    """The release after the newest of a name and version (section 5.5).

    Raises ParameterError unless `incr` is a number, BuildError for a release that cannot be counted up.
    """
    try:
        step = int(incr)
    except (TypeError, ValueError):
        raise ParameterError("incr parameter must be an integer") from None
    last = queries.latest_release(call.tx, str(build_info["name"]), str(build_info["version"]))
    return next_release(last, step)


def average_duration(call: Call, package: Any, age: int | None = None) -> float | None:
    """Mean seconds that builds of a package took, of the last `age` months; None if there are none."""
    found = packages.find_package(call, package)
    if found is None:
        return None
    mean = queries.average_duration(call.tx, found["id"], age)
    return None if mean is None else float(mean)
