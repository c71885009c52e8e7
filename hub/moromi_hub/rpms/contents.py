"""What is in rpm files: headers, dependencies, files, changelogs (spec: hub-protocol.md section 5.4).

Files are read where rows or tasks say that they are. A miss is an empty answer
unless the caller is strict.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from moromi.constants import INTERNAL_REPO_ID, BuildState, DepType
from moromi.errors import GenericError
from moromi.rpm import Header, read_header
from moromi_hub.builds import service as builds
from moromi_hub.call import Call
from moromi_hub.rpms import queries, service

Rpm = Mapping[str, Any]
# Clients show dependencies in the order in which they come.
_DEPENDENCY_ORDER = (
    DepType.REQUIRE,
    DepType.PROVIDE,
    DepType.CONFLICT,
    DepType.OBSOLETE,
    DepType.SUGGEST,
    DepType.ENHANCE,
    DepType.SUPPLEMENT,
    DepType.RECOMMEND,
)


def rpm_path(call: Call, rpm: Rpm, build: Mapping[str, Any]) -> Path:
    """Where the file of a build's rpm is."""
    return builds.build_directory(call, build) / call.paths.rpm(rpm)


def task_path(call: Call, task_id: Any, filepath: Any, names: str = "filepath") -> Path:
    """A file of a task's output.

    Raises GenericError `filepath must be specified with taskID`, or `Invalid
    filepath: …` for one that leads out of the task's directory or out of the tree.
    """
    if not filepath:
        raise GenericError(f"{names} must be specified with taskID")
    text = str(filepath)
    if text.startswith("/") or ".." in text.split("/") or "\0" in text:
        raise GenericError(f"Invalid filepath: {text}")
    path = Path(call.paths.task(int(task_id))) / text
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(call.paths.topdir)):
        raise GenericError(f"Invalid filepath: {text}")
    return path


# headers


def headers(
    call: Call, rpm_info: Any, task_id: Any, filepath: Any, names: Sequence[str] | None, strict: bool
) -> dict[str, Any]:
    """`getRPMHeaders`: values by the names as given (None: all); {} on a miss unless `strict`."""
    if rpm_info is not None:
        path = _file_of(call, rpm_info, strict)
    elif task_id is not None:
        path = task_path(call, task_id, filepath)
    else:
        raise GenericError("either rpmID or taskID and filepath must be specified")
    if path is None:
        return {}
    if not path.is_file():
        if strict:
            raise GenericError(f"Missing rpm file: {path}")
        return {}
    return read_header(path).fields(names)


def _file_of(call: Call, rpm_info: Any, strict: bool) -> Path | None:
    rpm = service.get_rpm(call, rpm_info, strict=strict)
    if rpm is None:
        return None
    if rpm["external_repo_id"] != INTERNAL_REPO_ID:
        if strict:
            raise GenericError(f"External rpm: {rpm_info}")
        return None
    build = builds.require_build(call, rpm["build_id"])
    if build["state"] == BuildState.DELETED:
        if strict:
            raise GenericError(f"Build {build['nvr']} is deleted")
        return None
    return rpm_path(call, rpm, build)


def _header_of(call: Call, rpm_info: Any, strict: bool, external: str, missing: str) -> Header | None:
    """The header of an internal rpm whose file is there; otherwise None, or with `strict` the text given."""
    rpm = service.get_rpm(call, rpm_info, strict=strict)
    if rpm is None:
        return None
    if rpm["external_repo_id"] != INTERNAL_REPO_ID:
        if strict:
            raise GenericError(external)
        return None
    path = rpm_path(call, rpm, builds.require_build(call, rpm["build_id"]))
    if not path.is_file():
        if strict:
            raise GenericError(missing)
        return None
    return read_header(path)


def dependencies(call: Call, rpm_info: Any, kind: Any, strict: bool) -> list[dict[str, Any]]:
    """[{name, version, flags, type}] of one kind (a number of `DepType`), or of all."""
    header = _header_of(
        call,
        rpm_info,
        strict,
        f"Can not get dependencies, because RPM: {rpm_info} is not internal",
        f"RPM file of {rpm_info} doesn't exist",
    )
    if header is None:
        return []
    return [
        {"name": each.name, "version": each.version, "flags": each.flags, "type": int(each.type)}
        for wanted in _DEPENDENCY_ORDER
        if kind is None or kind == wanted
        for each in header.dependencies(wanted)
    ]


def rpm_files(header: Header) -> list[dict[str, Any]]:
    """The files of a package: shape `RPMFile`."""
    return [
        {
            "name": each.name,
            "digest": each.digest,
            "digest_algo": each.digest_algo,
            "md5": each.digest,
            "size": each.size,
            "flags": each.flags,
            "user": each.user,
            "group": each.group,
            "mtime": each.mtime,
            "mode": each.mode,
        }
        for each in header.files()
    ]


def list_files(call: Call, rpm_info: Any) -> list[dict[str, Any]]:
    """`listRPMFiles`; [] on every miss."""
    header = _header_of(call, rpm_info, False, "", "")
    return [] if header is None else rpm_files(header)


def get_file(call: Call, rpm_info: Any, filename: str, strict: bool) -> dict[str, Any]:
    """`getRPMFile`: one file of a package, {} on a miss unless `strict`."""
    header = _header_of(
        call,
        rpm_info,
        strict,
        f"Can not get RPM file, because RPM: {rpm_info} is not internal",
        f"RPM package file of {rpm_info} doesn't exist",
    )
    if header is None:
        return {}
    found = next((each for each in rpm_files(header) if each["name"] == filename), None)
    if found is None:
        if strict:
            raise GenericError(f"No file: {filename} found in RPM: {rpm_info}")
        return {}
    return {"rpm_id": service.require_rpm(call, rpm_info)["id"], **found}


# changelogs


def changelog(call: Call, build_info: Any, task_id: Any, filepath: Any, strict: bool) -> list[dict[str, Any]]:
    """The changelog of a build's source package or of a file of a task: {date, date_ts, author, text}."""
    if build_info is not None:
        path = _source_package(call, build_info, strict)
    elif task_id is not None:
        path = task_path(call, task_id, filepath)
    else:
        raise GenericError("either buildID or taskID and filepath must be specified")
    if path is None:
        return []
    if not path.is_file():
        if strict:
            raise GenericError(f"SRPM {path} doesn't exist")
        return []
    return [
        {
            "date": str(datetime.fromtimestamp(entry.time, UTC).replace(tzinfo=None)),
            "date_ts": entry.time,
            "author": entry.author,
            "text": entry.text,
        }
        for entry in read_header(path).changelogs()
    ]


def _source_package(call: Call, build_info: Any, strict: bool) -> Path | None:
    build = builds.get_build(call, build_info)
    if build is None:
        if strict:
            raise GenericError(f"No such build: {build_info}")
        return None
    source = queries.source_package(call.tx, build["id"])
    if source is None:
        if strict:
            raise GenericError(f"Build {build_info} doesn't have srpms")
        return None
    return rpm_path(call, source, build)


def narrow_changelog(
    entries: Sequence[dict[str, Any]], author: str | None, before: Any, after: Any
) -> list[dict[str, Any]]:
    """The entries of one author, older than `before` and newer than `after` (exclusive)."""
    oldest, newest = seconds_of(after, "after"), seconds_of(before, "before")
    return [
        entry
        for entry in entries
        if (not author or entry["author"] == author)
        and (newest is None or entry["date_ts"] < newest)
        and (oldest is None or entry["date_ts"] > oldest)
    ]


def seconds_of(value: Any, name: str) -> float | None:
    """Seconds since the epoch of a number or a date text (without a zone: UTC).

    Raises GenericError `Invalid type for {name}: …`, or for a text that is no date.
    """
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if isinstance(value, str) or type(value).__name__ == "DateTime":
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            raise GenericError(f"Invalid value for {name}: {value}") from None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    raise GenericError(f"Invalid type for {name}: {type(value)}")
