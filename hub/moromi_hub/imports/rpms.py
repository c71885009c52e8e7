"""One rpm comes into the system: its row, its file and its own signature (data-model.md section 7.2)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moromi.constants import INTERNAL_REPO_ID, BuildState
from moromi.errors import GenericError
from moromi.names import target_release
from moromi.rpm import Header, read_header
from moromi_hub import files
from moromi_hub.builds import service as builds
from moromi_hub.call import Call
from moromi_hub.rpms import service as rpm_rows
from moromi_hub.signatures import service as signatures

Info = Mapping[str, Any]


def uploaded_file(call: Call, path: Path) -> Path:
    """Where the content of an uploaded file is.

    That is `path`, or what it links to if an earlier attempt has moved it into
    the tree. Raises GenericError `No such file: …`, and for a link out of the tree.
    """
    if path.is_symlink():
        target = Path(os.path.realpath(path))
        if not target.is_file() or not target.is_relative_to(os.path.realpath(call.paths.topdir)):
            raise GenericError(f"No such file: {path}")
        return target
    return files.open_source(path)


def header_info(header: Header) -> dict[str, Any]:
    """What of a header an import reports and stores."""
    return {
        "name": header.name,
        "version": header.version,
        "release": header.release,
        "epoch": header.epoch,
        "sourcepackage": 1 if header.is_source else None,
        "arch": header.arch,
        "buildtime": header["BUILDTIME"],
        "sourcerpm": None if header.is_source else header["SOURCERPM"],
    }


def import_rpm(
    call: Call,
    path: Path,
    build: Info | None = None,
    buildroot_id: int | None = None,
    wrapper: bool = False,
    fileinfo: Info | None = None,
    keep: bool = False,
) -> dict[str, Any]:
    """Import an uploaded file; the shape `ImportedRPM` is returned.

    Without `build`, a source package has or makes the build of its name, and a
    binary one belongs to the build of its SOURCERPM. `wrapper` lets the source
    package have any name. `fileinfo` is what a content generator says of the file.
    `keep` imports a copy and leaves the file where it is.
    """
    content = uploaded_file(call, path)
    header = read_header(content)
    rpm = header_info(header)
    expected = f"{rpm['name']}-{rpm['version']}-{rpm['release']}.{rpm['arch']}.rpm"
    if path.name != expected:
        raise GenericError(f"bad filename: {path.name} (expected {expected})")
    if build is None:
        build = _build_of(call, rpm)
    elif not wrapper:
        _check_source(rpm, path, build)
    if build["state"] in (BuildState.FAILED, BuildState.CANCELED, BuildState.DELETED):
        raise GenericError(f"Build is {BuildState(build['state']).name}: {build['nvr']}")
    rpm |= {"draft": build["draft"], "build_id": build["id"], "size": content.stat().st_size}
    rpm |= {"payloadhash": header.sigmd5, "buildroot_id": buildroot_id, "external_repo_id": INTERNAL_REPO_ID}
    rpm["id"] = rpm_rows.add_rpm(call, rpm, (fileinfo or {}).get("extra"))
    details = {"type": "rpm", "rpm": rpm, "build": build, "filepath": str(path), "fileinfo": fileinfo}
    call.run_callbacks("preImport", **details)
    builds.add_types(call, build["id"], "rpm")
    target = builds.build_directory(call, build) / call.paths.rpm(rpm)
    if keep:
        files.copy(call.tx, content, target)
    else:
        files.put(call.tx, path, target)
    signatures.store_own_signature(call, rpm, build, target)
    call.run_callbacks("postImport", **details)
    return {**rpm, "build": build, "brootid": None}


def _build_of(call: Call, rpm: Info) -> dict[str, Any]:
    if rpm["sourcepackage"]:
        names = {key: rpm[key] for key in ("name", "version", "release", "epoch")}
        found = builds.get_build(call, names)
        return found or builds.require_build(call, builds.new_build(call, names))
    source = str(rpm["sourcerpm"] or "").removesuffix(".rpm").rpartition(".")[0]
    found = builds.get_build(call, source) if source else None
    if found is None:
        raise GenericError("No such build")
    return found


def _check_source(rpm: Info, path: Path, build: Info) -> None:
    """The source package that a file names must be that of the build."""
    release = target_release(build["release"]) if build["draft"] else build["release"]
    expected = f"{build['name']}-{build['version']}-{release}"
    stated = path.name if rpm["sourcepackage"] else str(rpm["sourcerpm"])
    if stated not in (f"{expected}.src.rpm", f"{expected}.nosrc.rpm"):
        raise GenericError(f"srpm mismatch for {path}: {stated} (expected {expected}.src.rpm)")
