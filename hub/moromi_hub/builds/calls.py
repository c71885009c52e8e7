"""Calls that read builds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moromi.errors import GenericError
from moromi_hub import arguments
from moromi_hub.builds import change_calls as change_calls
from moromi_hub.builds import host_calls as host_calls
from moromi_hub.builds import logs, search, service
from moromi_hub.call import Call
from moromi_hub.db.query_options import run_query
from moromi_hub.rpc.registry import ADMIN, ANYONE, LOGIN, exported


@exported("getBuild", access=ANYONE)
def get_build(call: Call, buildInfo: Any, strict: bool = False) -> dict[str, Any] | None:
    """Build, or nil for an unknown one unless `strict`.

    Raises GenericError `No such build: …`, `invalid format: …`, `did not provide name, version, and
    release`, `Invalid type for argument: …`.
    """
    return service.get_build(call, buildInfo, strict)


@exported("findBuildID", access=ANYONE)
def find_build_id(call: Call, X: Any, strict: bool = False) -> int | None:
    """The id of a build; an integer is returned unchecked. Errors as `getBuild`."""
    return service.find_build_id(call, X, strict)


@exported("getBuildType", access=ANYONE)
def get_build_type(call: Call, buildInfo: Any, strict: bool = False) -> dict[str, Any] | None:
    """{btype: its information or nil}; nil for an unknown build unless `strict`. Errors as `getBuild`."""
    build = service.get_build(call, buildInfo, strict)
    return None if build is None else service.get_types(call, build)


@exported("getBuildLogs", access=ANYONE)
def get_build_logs(call: Call, build: Any) -> list[dict[str, Any]]:
    """[{name, dir, path}] of a build's logs, `path` from the top of the tree. Errors as `getBuild`."""
    return logs.list_logs(call, service.require_build(call, build))


@exported("getNextRelease", access=ANYONE)
def get_next_release(call: Call, build_info: Any, incr: Any = 1) -> str:
    """The release after the newest one of `build_info` {name, version}.

    Raises ParameterError `incr parameter must be an integer`, BuildError `Unable to increment release
    value: …`.
    """
    if not isinstance(build_info, Mapping) or not {"name", "version"} <= build_info.keys():
        raise GenericError("did not provide name and version")
    return service.get_next_release(call, build_info, incr)


@exported("getAverageBuildDuration", access=ANYONE)
def get_average_build_duration(call: Call, package: Any, age: int | None = None) -> float | None:
    """Mean seconds of a package's builds of the last `age` months; nil if there are none."""
    return service.average_duration(call, package, age)


@exported("listBTypes", access=ANYONE)
def list_btypes(call: Call, query: Any = None, queryOpts: Any = None) -> Any:
    """[{id, name}], those that agree with `query` ({id or name}) if given."""
    return search.list_btypes(call, query, queryOpts)


@exported("listBuilds", access=ANYONE)
def list_builds(
    call: Call,
    packageID: Any = None,
    userID: Any = None,
    taskID: int | None = None,
    prefix: str | None = None,
    state: int | None = None,
    volumeID: Any = None,
    source: str | None = None,
    createdBefore: Any = None,
    createdAfter: Any = None,
    completeBefore: Any = None,
    completeAfter: Any = None,
    type: str | None = None,
    typeInfo: Any = None,
    queryOpts: Any = None,
    pattern: str | None = None,
    cgID: Any = None,
    draft: bool | None = None,
    promotedBefore: Any = None,
    promotedAfter: Any = None,
    promoter: Any = None,
) -> Any:
    """[BuildRow]; unknown package, user, promoter or content generator: [].

    `taskID` -1 is any task; `source` and `pattern` are globs and like `prefix` regardless of case; times
    are seconds or texts. Raises GenericError `unsupported build type: …`.
    """
    wanted = search.Wanted(
        package=packageID,
        user=userID,
        task_id=taskID,
        prefix=prefix,
        state=state,
        volume=volumeID,
        source=source,
        created=(createdAfter, createdBefore),
        completed=(completeAfter, completeBefore),
        promoted=(promotedAfter, promotedBefore),
        btype=type,
        type_info=typeInfo,
        pattern=pattern,
        generator=cgID,
        draft=draft,
        promoter=promoter,
    )
    return search.list_builds(call, wanted, queryOpts)


@exported("untaggedBuilds", access=ANYONE)
def untagged_builds(
    call: Call, name: str | None = None, queryOpts: Any = None, draft: bool | None = None
) -> Any:
    """[{id, name, version, release}] of complete builds that are in no tag."""
    fields, statement = search.untagged(arguments.optional_text(name), draft)
    return run_query(call.tx, fields, statement, queryOpts, stream=True)


@exported("cancelBuild", access=LOGIN)
def cancel_build(call: Call, buildID: Any, strict: bool = False) -> bool:
    """Cancel a build under way with the tasks behind it; False if there is nothing to cancel.

    Raises ActionNotAllowed `Cannot cancel build, not owner`, errors as `getBuild`.
    """
    return service.cancel_build(call, buildID, strict)


@exported("addBType", access=ADMIN)
def add_btype(call: Call, name: str) -> None:
    """Make a btype. Raises GenericError `btype already exists`."""
    search.add_btype(call, name)
