"""What is inside zip and tar archives."""

from __future__ import annotations

import calendar
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from moromi.errors import GenericError
from moromi.paths import join
from moromi_hub.archives import service
from moromi_hub.builds import service as builds
from moromi_hub.call import Call

Archive = Mapping[str, Any]


def archive_path(call: Call, archive: Archive, build: Mapping[str, Any], subdir: str = "") -> Path:
    """Where the file of an archive is: by its btype, with the keys of that btype."""
    btype = archive["btype"]
    if btype == "maven":
        return Path(join(call.paths.mavenbuild(build), call.paths.mavenfile(archive)))
    if btype == "win":
        return Path(join(call.paths.winbuild(build), call.paths.winfile(archive)))
    return Path(join(call.paths.typedir(build, btype), subdir, archive["filename"]))


def list_members(call: Call, archive_id: int, strict: bool) -> list[dict[str, Any]]:
    """Shape `ArchiveFile` of a zip or tar archive; other kinds are [] unless `strict`.

    Raises GenericError `No such archive: …`, `Unsupported archive type: …`.
    """
    archive = service.get_archive(call, archive_id, strict=True)
    assert archive is not None
    readers = {"zip": _zip_members, "tar": _tar_members}
    reader = readers.get(archive["compression_type"])
    if reader is None:
        if strict:
            raise GenericError(f"Unsupported archive type: {archive['type_name']}")
        return []
    path = archive_path(call, archive, builds.require_build(call, archive["build_id"]))
    if not path.is_file():
        if strict:
            raise GenericError(f"No such file: {path}")
        return []
    try:
        return [{"archive_id": archive_id, **member} for member in reader(path)]
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError) as error:
        raise GenericError(f"Unreadable archive {archive['filename']}: {error}") from error


def _zip_members(path: Path) -> Iterator[dict[str, Any]]:
    with zipfile.ZipFile(path) as opened:
        for entry in opened.infolist():
            moment = calendar.timegm((*entry.date_time, 0, 0, 0))
            yield {"name": entry.filename, "size": entry.file_size, "mtime": moment}


def _tar_members(path: Path) -> Iterator[dict[str, Any]]:
    with tarfile.open(path, errors="replace") as opened:
        for entry in opened:
            yield {
                "name": entry.name,
                "size": entry.size,
                "mtime": int(entry.mtime),
                "mode": entry.mode,
                "user": entry.uname,
                "group": entry.gname,
            }


def get_member(call: Call, archive_id: int, filename: str, strict: bool) -> dict[str, Any] | None:
    """One member; None on a miss unless `strict` (GenericError `No such file: …`)."""
    members = list_members(call, archive_id, strict)
    found = next((member for member in members if member["name"] == filename), None)
    if found is None and strict:
        raise GenericError(f"No such file: {filename} in archive#{archive_id}")
    return found
