"""One archive comes into the system: its rows and its file (data-model.md section 7.4)."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moromi.constants import ChecksumType
from moromi.errors import BuildError, GenericError, ImportError
from moromi.names import maven_label
from moromi_hub import files
from moromi_hub.archives import members
from moromi_hub.archives import service as archives
from moromi_hub.builds import service as builds
from moromi_hub.call import Call
from moromi_hub.imports.pom import read_coordinates
from moromi_hub.imports.rpms import uploaded_file

Info = Mapping[str, Any]
SIDE_FILES = {".md5": "md5", ".sha1": "sha1"}


@dataclass(frozen=True)
class Stated:
    """What the deliverer of an archive states of it."""

    checksum: str | None = None
    checksum_type: ChecksumType = ChecksumType.SHA256
    """Of `checksum`; without one the file's own SHA-256 is stored."""
    buildroot_id: int | None = None
    metadata_only: bool = False
    """A row without a file."""
    subdir: str = ""
    extra: Any = None
    fileinfo: Info | None = None
    """All of it, for callbacks."""


def import_archive(
    call: Call, path: Path, build: Info, btype: str, type_info: Info, stated: Stated | None = None
) -> int:
    """Import an uploaded file as an archive of a build and return its id.

    Raises GenericError for a missing file, an unknown extension, a draft or a file
    that is there already; ImportError unless the build has the btype; BuildError
    for type information that is wrong.
    """
    stated = stated or Stated()
    if build["draft"]:
        raise GenericError("Draft build not supported")
    content = uploaded_file(call, path)
    kind = archives.type_of_file(call, path.name)
    assert kind is not None
    types = builds.get_types(call, build)
    if btype not in types:
        raise ImportError(f"Build does not have type {btype}")
    builds.lock(call, build["id"])
    archive: dict[str, Any] = {
        "btype": btype,
        "type_id": kind["id"],
        "build_id": build["id"],
        "buildroot_id": stated.buildroot_id,
        "filename": path.name,
        "size": content.stat().st_size,
        "checksum": stated.checksum or file_digest(content, "sha256"),
        "checksum_type": int(stated.checksum_type if stated.checksum else ChecksumType.SHA256),
        "metadata_only": stated.metadata_only,
        "extra": None if stated.extra is None else json.dumps(stated.extra),
    }
    callback: dict[str, Any] = {"type": "archive", "archive": archive, "build": build, "build_type": btype}
    callback |= {"filepath": str(path), "fileinfo": stated.fileinfo}
    call.run_callbacks("preImport", **callback)
    promised = not stated.metadata_only and archives.has_file(call, build["id"], path.name)
    archive["id"] = archives.add_archive(call, archive)
    details = legacy_details(btype, type_info, path.name, content)
    archives.add_details(call, archive, details)
    if not stated.metadata_only:
        target = members.archive_path(call, {**archive, **details}, build, stated.subdir)
        _refuse_occupied(target, promised=promised)
        files.put(call.tx, path, target)
        if btype == "maven":
            write_side_files(call, target)
    call.run_callbacks("postImport", **callback)
    return int(archive["id"])


def _refuse_occupied(target: Path, *, promised: bool) -> None:
    """A file that a row promises stays; one that no row promises is a failed attempt's, and is replaced."""
    if not os.path.lexists(target):
        return
    if not target.is_file() or target.is_symlink():
        raise GenericError(f"Error importing archive file, {target} is not a regular file")
    if promised:
        raise GenericError(f"Error importing archive file, {target} already exists")


def legacy_details(btype: str, info: Info, filename: str, content: Path) -> dict[str, Any]:
    """The row of a legacy btype for an archive, in its stored form; {} for other btypes.

    Raises BuildError for what is missing or does not fit the file.
    """
    if btype == "maven":
        for key in ("group_id", "artifact_id", "version"):
            if not info.get(key):
                raise BuildError(f"no value for {key}")
        details = {key: str(info[key]) for key in ("group_id", "artifact_id", "version")}
        if filename.endswith(".pom"):
            _check_pom(details, filename, content)
        return details
    if btype == "win":
        relpath = str(info.get("relpath") or "").strip("/")
        if not info.get("platforms"):
            raise BuildError("no value for platforms")
        return {
            "relpath": relpath,
            "platforms": _words(info["platforms"]),
            "flags": _words(info.get("flags")),
        }
    if btype == "image":
        if not info.get("arch"):
            raise BuildError("no value for arch")
        return {"arch": str(info["arch"])}
    return {}


def _words(value: Any) -> str | None:
    if not value:
        return None
    return value if isinstance(value, str) else " ".join(str(word) for word in value)


def _check_pom(info: Info, filename: str, content: Path) -> None:
    stated, found = maven_label(info), maven_label(read_coordinates(content))
    if stated != found:
        raise BuildError(
            f"Maven info from .pom file ({found}) does not match user-supplied typeInfo ({stated})"
        )
    if filename != f"{info['artifact_id']}-{info['version']}.pom":
        raise BuildError(f"Maven info ({stated}) is not consistent with pom filename ({filename})")


def file_digest(path: Path, algorithm: str) -> str:
    """A digest of a file as hex digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


def write_side_files(call: Call, target: Path) -> None:
    """The `.md5` and `.sha1` files that Maven wants beside an artifact."""
    for suffix, algorithm in SIDE_FILES.items():
        beside = target.with_name(target.name + suffix)
        files.write(call.tx, beside, file_digest(target, algorithm).encode())
