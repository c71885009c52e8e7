"""Rpms come into the system: their rows, their files and their own signatures (data-model.md section 7.2).

All packages of an import go through `_bring_in` together, so that the number of
statements does not depend on how many there are. Callbacks are run for each of them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moromi.constants import INTERNAL_REPO_ID, BuildState
from moromi.errors import GenericError
from moromi.names import target_release
from moromi.rpm import Header, read_header, rip_rpm_sighdr
from moromi_hub import files
from moromi_hub.builds import service as builds
from moromi_hub.call import Call
from moromi_hub.repodata import service as repodata
from moromi_hub.rpms import service as rpm_rows
from moromi_hub.signatures import service as signatures

Info = Mapping[str, Any]


@dataclass(frozen=True)
class Delivery:
    """An uploaded package to be imported, and what its deliverer states of it."""

    path: Path
    buildroot_id: int | None = None
    fileinfo: Info | None = None
    """What a content generator says of the file."""


@dataclass(frozen=True)
class _Package:
    """A delivery that has been read."""

    delivery: Delivery
    content: Path
    rpm: dict[str, Any]
    """What its header says; its row, once there is one."""
    sighdr: bytes


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


def import_rpm(call: Call, path: Path, sigkey: str | None = None) -> dict[str, Any]:
    """Import an uploaded file; the shape `ImportedRPM` is returned.

    A source package has or makes the build of its name, and a binary one belongs to
    the build of its SOURCERPM. `sigkey`: the key of its signature, in place of the one that it names.
    """
    package = _read(call, Delivery(path))
    build = _build_of(call, package.rpm)
    _bring_in(call, build, [package], sigkey=sigkey)
    return {**package.rpm, "build": build, "brootid": None}


def import_rpms(
    call: Call, build: Info, deliveries: Sequence[Delivery], *, wrapper: bool = False, keep: bool = False
) -> None:
    """Import the packages of a build.

    `wrapper` lets their source package have any name. `keep` imports copies and leaves the files where
    they are. Raises GenericError for a missing file, a name that does not fit or is taken, and for a
    build that was given up.
    """
    packages = [_read(call, delivery) for delivery in deliveries]
    for package in packages if not wrapper else ():
        _check_source(package.rpm, package.delivery.path, build)
    if packages:
        _bring_in(call, build, packages, keep=keep)


def _read(call: Call, delivery: Delivery) -> _Package:
    content = uploaded_file(call, delivery.path)
    header = read_header(content)
    rpm = header_info(header)
    expected = f"{rpm['name']}-{rpm['version']}-{rpm['release']}.{rpm['arch']}.rpm"
    if delivery.path.name != expected:
        raise GenericError(f"bad filename: {delivery.path.name} (expected {expected})")
    rpm |= {"size": content.stat().st_size, "payloadhash": header.sigmd5}
    rpm |= {"buildroot_id": delivery.buildroot_id, "external_repo_id": INTERNAL_REPO_ID}
    return _Package(delivery, content, rpm, rip_rpm_sighdr(content))


def _bring_in(
    call: Call, build: Info, packages: Sequence[_Package], *, keep: bool = False, sigkey: str | None = None
) -> None:
    if build["state"] in (BuildState.FAILED, BuildState.CANCELED, BuildState.DELETED):
        raise GenericError(f"Build is {BuildState(build['state']).name}: {build['nvr']}")
    builds.add_types(call, build["id"], "rpm")
    _add_rows(call, build, packages)
    notes = [_note(build, package) for package in packages]
    for note in notes:
        call.run_callbacks("preImport", **note)
    directory = builds.build_directory(call, build)
    for package in packages:
        target = directory / call.paths.rpm(package.rpm)
        if keep:
            files.copy(call.tx, package.content, target)
        else:
            files.put(call.tx, package.delivery.path, target)
    headers = [(package.rpm, package.sighdr) for package in packages]
    signatures.store_own_signatures(call, build, headers, sigkey)
    # From here on all packages of the import are in place: their rows, and their files below `directory`.
    repodata.keep(call, directory, [package.rpm for package in packages])
    for note in notes:
        call.run_callbacks("postImport", **note)


def _add_rows(call: Call, build: Info, packages: Sequence[_Package]) -> None:
    rows = []
    for package in packages:
        package.rpm.update(draft=build["draft"], build_id=build["id"])
        rows.append({**package.rpm, "extra": (package.delivery.fileinfo or {}).get("extra")})
    for package, rpm_id in zip(packages, rpm_rows.add_rpms(call, rows), strict=True):
        package.rpm["id"] = rpm_id


def _note(build: Info, package: _Package) -> dict[str, Any]:
    """What callbacks are told of an import."""
    delivery = package.delivery
    note = {"type": "rpm", "rpm": package.rpm, "build": build, "filepath": str(delivery.path)}
    return {**note, "fileinfo": delivery.fileinfo}


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
