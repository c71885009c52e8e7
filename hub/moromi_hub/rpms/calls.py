"""Calls that read rpms and their contents."""

from __future__ import annotations

from typing import Any

from moromi.errors import GenericError
from moromi_hub import arguments
from moromi_hub.builds import service as builds
from moromi_hub.call import Call
from moromi_hub.db.query_options import apply_in_memory, run_query
from moromi_hub.rpc.registry import ADMIN, ANYONE, exported
from moromi_hub.rpms import contents, queries, service

_FILE_COLUMNS = ("name", "digest", "size", "flags", "digest_algo", "user", "group", "mtime", "mode")


@exported("getRPM", access=ANYONE)
def get_rpm(call: Call, rpminfo: Any, strict: bool = False, multi: bool = False) -> Any:
    """RPM or nil; with `multi` a list of all that match.

    Raises GenericError `No such rpm: …` (strict), `invalid format: …`, `Invalid type for rpminfo: …`,
    `No such entry in table external_repo: …`.
    """
    return service.get_rpm(call, rpminfo, strict, multi)


@exported("listRPMs", access=ANYONE)
def list_rpms(
    call: Call,
    buildID: Any = None,
    buildrootID: int | None = None,
    imageID: int | None = None,
    componentBuildrootID: int | None = None,
    hostID: int | None = None,
    arches: Any = None,
    queryOpts: Any = None,
    draft: bool | None = None,
) -> Any:
    """[RPMRow]; with `componentBuildrootID` also component_buildroot_id and is_update.

    Raises GenericError `Invalid type for "arches" parameter: …`.
    """
    if arches is not None and not isinstance(arches, (str, list, tuple)):
        raise GenericError(f'Invalid type for "arches" parameter: {type(arches)}')
    fields, statement = queries.listing(
        build_id=None if buildID is None else builds.find_build_id(call, buildID, strict=True),
        buildroot_id=arguments.optional_integer(buildrootID),
        archive_id=arguments.optional_integer(imageID),
        component_buildroot_id=arguments.optional_integer(componentBuildrootID),
        host_id=arguments.optional_integer(hostID),
        arches=[arches] if isinstance(arches, str) else arches,
        draft=draft,
    )
    return run_query(call.tx, fields, statement, queryOpts, stream=True)


@exported("listBuildRPMs", access=ANYONE)
def list_build_rpms(call: Call, build: Any) -> Any:
    """[RPMRow] of a build. Errors as `getBuild` with strict."""
    build_id = builds.find_build_id(call, build, strict=True)
    fields, statement = queries.listing(build_id=build_id)
    return run_query(call.tx, fields, statement)


@exported("addExternalRPM", access=ADMIN)
def add_external_rpm(call: Call, rpminfo: Any, external_repo: Any, strict: bool = True) -> None:
    """Make the entry of an rpm of an external repo.

    Raises GenericError `{field} field missing: …`, `Invalid value for …`, `external rpm already exists: …`
    (strict), `hash changed for external rpm: …`, `No such entry in table external_repo: …`.
    """
    if not isinstance(rpminfo, dict):
        raise GenericError(f"Invalid type for rpminfo: {type(rpminfo)}")
    service.add_external(call, rpminfo, external_repo, strict)


@exported("getRPMHeaders", access=ANYONE)
def get_rpm_headers(
    call: Call,
    rpmID: Any = None,
    taskID: Any = None,
    filepath: Any = None,
    headers: list[str] | None = None,
    strict: bool = False,
) -> dict[str, Any]:
    """{header name as given: value} of an rpm or of a file of a task; nil: all headers. {} on a miss.

    Raises GenericError `No such rpm header field: …` and, with `strict`, what is missing.
    """
    return contents.headers(call, rpmID, taskID, filepath, headers, strict)


@exported("getRPMDeps", access=ANYONE)
def get_rpm_deps(
    call: Call, rpmID: Any, depType: Any = None, queryOpts: Any = None, strict: bool = False
) -> Any:
    """[{name, version, flags, type}]; `depType` 0 require, 1 provide, 2 obsolete, 3 conflict, 4 suggest, …

    Unless `strict`, [] on every miss.
    """
    found = contents.dependencies(call, rpmID, depType, strict)
    return apply_in_memory(found, queryOpts, ("name", "version", "flags", "type"))


@exported("listRPMFiles", access=ANYONE)
def list_rpm_files(call: Call, rpmID: Any, queryOpts: Any = None) -> Any:
    """[RPMFile]; [] on every miss."""
    return apply_in_memory(contents.list_files(call, rpmID), queryOpts, _FILE_COLUMNS)


@exported("getRPMFile", access=ANYONE)
def get_rpm_file(call: Call, rpmID: Any, filename: str, strict: bool = False) -> dict[str, Any]:
    """RPMFile with `rpm_id`; {} on a miss unless `strict`."""
    return contents.get_file(call, rpmID, filename, strict)


@exported("getChangelogEntries", access=ANYONE)
def get_changelog_entries(
    call: Call,
    buildID: Any = None,
    taskID: Any = None,
    filepath: Any = None,
    author: str | None = None,
    before: Any = None,
    after: Any = None,
    queryOpts: Any = None,
    strict: bool = False,
) -> Any:
    """[{date, date_ts, author, text}] in the order of the file; `before` and `after` are exclusive.

    Raises GenericError for times that are none and, with `strict`, for what is missing.
    """
    entries = contents.changelog(call, buildID, taskID, filepath, strict)
    found = contents.narrow_changelog(entries, author, before, after)
    options = dict(queryOpts or {})
    if options.get("order") in ("date", "-date"):
        options["order"] += "_ts"
    return apply_in_memory(found, options, ("date", "author", "text"))
