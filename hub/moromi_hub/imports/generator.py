"""A build of a content generator comes in: metadata, buildroots and files in one step (data-model.md 7.5).

Everything is checked before the first row is written. Until the commit no row
promises the files, so an import that was cut off can be repeated.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from moromi.constants import LEGACY_BTYPES, BuildState, ChecksumType
from moromi.errors import GenericError
from moromi.names import check_NVR
from moromi.paths import join
from moromi_hub import arguments, files
from moromi_hub.archives import service as archives
from moromi_hub.buildroots import service as buildroots
from moromi_hub.builds import service as builds
from moromi_hub.call import Call
from moromi_hub.imports import components, legacy
from moromi_hub.imports.archives import Stated, import_archive
from moromi_hub.imports.builds import import_log
from moromi_hub.imports.metadata import (
    Metadata,
    build_types,
    check_buildroots,
    need,
    output_type,
    read,
)
from moromi_hub.imports.rpms import Delivery, import_rpms, uploaded_file
from moromi_hub.policies import service as policies
from moromi_hub.uploads.service import work_path
from moromi_hub.users import membership
from moromi_hub.users import service as users
from moromi_hub.volumes import links
from moromi_hub.volumes.policy import volume_for_import

Info = Mapping[str, Any]


@dataclass(frozen=True)
class Output:
    """A file that is delivered, checked."""

    stated: Info
    path: Path
    kind: str
    """`rpm`, `log` or `archive`."""
    btype: str = ""
    info: Any = None
    rpm_ids: list[int] = field(default_factory=list)
    archive_ids: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Import:
    """An import whose parts have all been checked."""

    metadata: Metadata
    generator: Info
    entry: dict[str, Any]
    """Data of the entry, as for a new build; `id` of a reserved one."""
    types: dict[str, Any]
    outputs: list[Output]
    log: list[str]
    """What people should know of the import."""


def import_build(call: Call, given: Any, directory: str, token: Any) -> dict[str, Any]:
    """`CGImport`: the record of the build that was imported."""
    metadata = read(given, work_path(call, f"{directory}/x").parent)
    generator = membership.assert_generator_access(call, metadata.generator)
    types = build_types(arguments.expect(need(metadata.build, "extra"), dict))
    builds.check_type_names(call, types)
    entry = _entry(call, metadata.build, generator, token)
    check_buildroots(metadata)
    log: list[str] = []
    inside = {
        need(root, "id"): components.match(call, need(root, "components"), log)
        for root in metadata.buildroots
    }
    outputs = [_output(call, output, directory, types, log) for output in metadata.outputs]
    if any(output.kind == "rpm" for output in outputs):
        types.setdefault("rpm", None)
    work = Import(metadata, generator, entry, types, outputs, log)
    _assert_policy(call, work)
    entry["volume_id"] = _volume(call, work)["id"]
    _refuse_promised(call, work)
    details = {"type": "cg", "metadata": given, "directory": directory}
    call.run_callbacks("preImport", **details)
    build = _write_build(call, work)
    roots = {
        need(root, "id"): _write_buildroot(call, work, root, *inside[root["id"]])
        for root in metadata.buildroots
    }
    _bring_in(call, work, build, roots)
    links.keep_default_link(call, build)
    call.run_callbacks("postImport", **details, build=build)
    return build


# the entry


def _entry(call: Call, stated: Info, generator: Info, token: Any) -> dict[str, Any]:
    name, version, release = (need(stated, key) for key in ("name", "version", "release"))
    check_NVR({"version": str(version), "release": str(release)}, strict=True)
    extra = arguments.expect(need(stated, "extra"), dict)
    extra = {**extra, "typeinfo": build_types(extra)}
    entry: dict[str, Any] = {
        "name": name,
        "version": version,
        "release": release,
        "epoch": stated.get("epoch"),
        "owner": _owner(call, stated),
        "state": int(BuildState.COMPLETE),
        "start_time": _moment(need(stated, "start_time")),
        "completion_time": _moment(need(stated, "end_time")),
        "source": need(stated, "source"),
        "extra": extra,
        "cg_id": generator["id"],
        "task_id": _task_id(stated, extra),
        "draft": bool(stated.get("draft")),
    }
    if stated.get("build_id") is not None:
        return _reserved(call, entry, stated, generator, token)
    if token is not None:
        raise GenericError("Reservation token given, but no build_id in metadata")
    if not name:
        raise GenericError("No name or package id provided for build")
    builds.check_place(call, entry)
    taken = builds.get_build(call, {"name": name, "version": version, "release": release})
    if taken is not None and (
        entry["draft"] or taken["state"] not in (BuildState.FAILED, BuildState.CANCELED)
    ):
        raise GenericError(f"Build already exists: {taken['nvr']} (id={taken['id']})")
    return entry


def _owner(call: Call, stated: Info) -> int:
    owner = stated.get("owner")
    if owner is None:
        return call.user_id
    if not isinstance(owner, str):
        raise GenericError(f"Invalid owner format (expected username): {owner}")
    found = users.get_user(call, owner, strict=True)
    assert found is not None
    return int(found["id"])


def _moment(seconds: Any) -> datetime:
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool):
        raise arguments.wrong_type(seconds, float)
    return datetime.fromtimestamp(seconds, UTC)


def _task_id(stated: Info, extra: Info) -> int | None:
    own, container = stated.get("task_id"), extra.get("container_koji_task_id")
    if own is not None:
        arguments.expect(own, int)
    if own is not None and container is not None and own != container:
        raise GenericError(f"CG provided non-matching task_id {own} and container_koji_task_id {container}")
    return own if own is not None else container


def _reserved(call: Call, entry: dict[str, Any], stated: Info, generator: Info, token: Any) -> dict[str, Any]:
    """The entry of a reservation, which must agree with what was reserved."""
    build_id = arguments.expect(stated["build_id"], int)
    builds.require_build(call, build_id)
    builds.lock(call, build_id)
    build = builds.require_build(call, build_id)
    builds.check_reservation(call, build_id, token)
    if build["cg_id"] != generator["id"]:
        raise GenericError(f"Build ID {build_id} is not reserved by this CG")
    if build["task_id"] is not None and build["task_id"] != entry["task_id"]:
        raise GenericError(f"Build is owned by task {build['task_id']}")
    if build["state"] != BuildState.BUILDING:
        raise GenericError(f"Build ID {build_id} is not in BUILDING state")
    if build["draft"] != entry["draft"]:
        raise GenericError(f"Draft field does not match reservation (build id = {build_id})")
    release = build["release"].removesuffix(f",draft_{build_id}") if build["draft"] else build["release"]
    if (build["name"], build["version"], release) != (entry["name"], entry["version"], entry["release"]):
        raise GenericError(f"Build ({build_id}) NVR is different")
    if "epoch" in stated and stated["epoch"] != build["epoch"]:
        raise GenericError(f"Build ({build_id}) epoch is different")
    return entry | {"id": build_id}


# outputs


def _output(call: Call, stated: Info, directory: str, types: Info, log: list[str]) -> Output:
    """Check an output: its file, its type, its components."""
    filename = arguments.expect(need(stated, "filename"), str)
    path = work_path(call, join(directory, stated.get("relpath") or "", filename))
    _check_file(uploaded_file(call, path), filename, stated)
    kind = need(stated, "type")
    if kind == "rpm":
        if "subdir" in stated:
            raise GenericError("subdir field not allowed for rpm outputs")
        if stated.get("metadata_only"):
            raise GenericError("Metadata-only imports are not supported for rpms")
        return Output(stated, path, "rpm")
    if kind == "log":
        return Output(stated, path, "log")
    btype, info = output_type(stated)
    if btype in LEGACY_BTYPES and "subdir" in stated:
        raise GenericError("subdir field not allowed for legacy btypes")
    if btype not in types:
        raise GenericError(f"Output type {btype} not listed in build types")
    if btype in ("maven", "win") and "components" in stated:
        raise GenericError(f"Component list not allowed for archives of type {btype}")
    found = components.match(call, stated.get("components") or [], log)
    return Output(stated, path, "archive", btype, info, *found)


def _check_file(content: Path, filename: str, stated: Info) -> None:
    size, expected = content.stat().st_size, need(stated, "filesize")
    if size != expected:
        raise GenericError(
            f"File size {size} for {filename} (expected {expected}) doesn't match. Corrupted upload?"
        )
    wanted, kind = need(stated, "checksum"), need(stated, "checksum_type")
    actual = _digest(content, kind)
    if wanted != actual:
        raise GenericError(f"File checksum mismatch for {filename}: {wanted} != {actual}")


def _digest(content: Path, kind: str) -> str:
    if kind not in ("md5", "adler32", "sha256"):
        raise GenericError(f"Unsupported verify type: {kind}")
    with open(content, "rb") as file:
        if kind != "adler32":
            return hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()
        value = 1
        while block := file.read(1 << 20):
            value = zlib.adler32(block, value)
        return f"{value:08x}"


# policies


def _policy_data(work: Import) -> dict[str, Any]:
    entry = work.entry
    return {
        "package": entry["name"],
        "version": entry["version"],
        "release": entry["release"],
        "source": entry["source"],
        "cg_list": [work.generator["name"]],
    }


def _assert_policy(call: Call, work: Import) -> None:
    data = _policy_data(work) | {
        "btypes": list(work.types),
        "draft": work.entry["draft"],
        "metadata_only": bool(work.metadata.build.get("metadata_only")),
    }
    policies.assert_allowed(call, "cg_import", data)


def _volume(call: Call, work: Import) -> Info:
    return volume_for_import(call, _policy_data(work) | {"import": True, "import_type": "cg"})


def _refuse_promised(call: Call, work: Import) -> None:
    """Files of an entry that is to be used again may be there only if no row promises them."""
    entry = work.entry
    if entry.get("id") is not None:
        return
    found = builds.get_build(call, {key: entry[key] for key in ("name", "version", "release")})
    if found is None or not builds.has_content(call, found["id"]):
        return
    directory = builds.build_directory(call, found)
    if directory.exists():
        raise GenericError(f"Destination directory already exists: {directory}")


# rows


def _write_build(call: Call, work: Import) -> dict[str, Any]:
    entry = dict(work.entry)
    build_id = entry.pop("id", None)
    if build_id is None:
        build_id = builds.new_build(call, entry)
        build = builds.require_build(call, build_id)
    else:
        columns = {key: entry[key] for key in ("source", "volume_id", "task_id")}
        if work.metadata.build.get("owner") is not None:
            columns["owner"] = entry["owner"]
        columns["extra"] = json.dumps(entry["extra"])
        reserved = builds.require_build(call, build_id)
        build = builds.set_state(call, reserved, BuildState.COMPLETE, **columns)
        builds.drop_reservation(call, build_id)
    for name, info in work.types.items():
        if name in LEGACY_BTYPES:
            legacy.add_info(call, build, name, info)
    builds.add_types(call, build_id, *work.types)
    return build


def _write_buildroot(call: Call, work: Import, root: Info, rpm_ids: list[int], archive_ids: list[int]) -> int:
    host, container = need(root, "host"), need(root, "container")
    extra = root.get("extra")
    values = {
        "cg_id": work.generator["id"],
        "cg_version": need(need(root, "content_generator"), "version"),
        "container_type": need(container, "type"),
        "container_arch": need(container, "arch"),
        "host_os": need(host, "os"),
        "host_arch": need(host, "arch"),
        "extra": None if extra is None else json.dumps(extra),
    }
    return buildroots.add_generated(call, values, need(root, "tools"), rpm_ids, archive_ids)


# files


def _bring_in(call: Call, work: Import, build: dict[str, Any], roots: Mapping[Any, int]) -> None:
    placed: set[Path] = set()
    logs = call.paths.build_logs(build)
    packages = [output for output in work.outputs if output.kind == "rpm"]
    import_rpms(
        call,
        build,
        [Delivery(each.path, roots[each.stated["buildroot_id"]], each.stated) for each in packages],
    )
    for output in work.outputs:
        if output.kind == "archive":
            _archive(call, build, output, roots[output.stated["buildroot_id"]])
        elif output.kind == "log" and not output.stated.get("metadata_only"):
            target = Path(join(logs, output.stated.get("subdir") or "", output.path.name))
            import_log(call, output.path, target, placed)
    files.write(call.tx, builds.build_directory(call, build) / "metadata.json", work.metadata.text.encode())
    if work.log:
        text = "".join(f"{line}\n" for line in work.log)
        files.write(call.tx, Path(logs) / "cg_import.log", text.encode())


def _archive(call: Call, build: Info, output: Output, root_id: int) -> None:
    stated = output.stated
    kind = ChecksumType.named(stated["checksum_type"])
    if kind is None:
        raise GenericError(f"Unsupported checksum type: {stated['checksum_type']}")
    details = Stated(
        checksum=stated["checksum"],
        checksum_type=kind,
        buildroot_id=root_id,
        metadata_only=bool(stated.get("metadata_only")),
        subdir=stated.get("subdir") or "",
        extra=stated.get("extra"),
        fileinfo=stated,
    )
    info = output.info if isinstance(output.info, Mapping) else {}
    archive_id = import_archive(call, output.path, build, output.btype, info, details)
    if output.rpm_ids or output.archive_ids:
        archives.add_components(call, archive_id, output.rpm_ids, output.archive_ids)
