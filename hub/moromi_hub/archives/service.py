"""Archives: types, look-ups, members (data-model.md section 6.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moromi.errors import GenericError
from moromi_hub.archives import queries
from moromi_hub.builds import service as builds
from moromi_hub.call import Call


def forget_build(call: Call, build_id: int) -> None:
    """Delete the rows of a build's archives and of where they were used."""
    queries.remove_of_build(call.tx, build_id)


def get_archive(call: Call, archive_id: int, strict: bool = False) -> dict[str, Any] | None:
    """Shape `Archive` with the keys of the legacy btypes that it has.

    Raises GenericError `No such archive: …` with `strict`.
    """
    found = queries.find(call.tx, archive_id)
    if found is None:
        if strict:
            raise GenericError(f"No such archive: {archive_id}")
        return None
    has_rpms = found.pop("rootid")
    for name, keys in queries.LEGACY_KEYS.items():
        if not found.pop(f"is_{name}"):
            for key in keys:
                found.pop(key)
        elif name == "image":
            found["rootid"] = has_rpms
    return found


def type_of_file(call: Call, filename: str, strict: bool = True) -> dict[str, Any] | None:
    """The archive type of a file name: the longest known extension counts.

    Raises GenericError `unsupported file extension: …` (`strict`), `multiple matches for file extension: …`.
    """
    parts = filename.lower().split(".")
    for start in range(len(parts)):
        extension = ".".join(parts[start:])
        found = queries.types_of_extension(call.tx, extension)
        if len(found) > 1:
            raise GenericError(f"multiple matches for file extension: {extension}")
        if found:
            return found[0]
    if strict:
        raise GenericError(f"unsupported file extension: {filename}")
    return None


_BUILD_KINDS = {"maven": "maven", "win": "Windows", "image": "image"}


def legacy_build(call: Call, btype: str, build_info: Any, strict: bool = False) -> dict[str, Any] | None:
    """What the table of a legacy btype knows of a build.

    Raises GenericError `no such maven build: …` (Windows, image) with `strict`.
    """
    build = builds.get_build(call, build_info, strict)
    found = None if build is None else queries.legacy_build(call.tx, btype, build["id"])
    if found is None and strict:
        raise GenericError(f"no such {_BUILD_KINDS[btype]} build: {build_info}")
    return found


def legacy_archive(call: Call, btype: str, archive_id: int, strict: bool = False) -> dict[str, Any] | None:
    """What the table of a legacy btype knows of an archive; GenericError on a miss with `strict`."""
    found = queries.legacy_archive(call.tx, btype, archive_id)
    if found is None and strict:
        raise GenericError("query returned no rows")
    return found


def list_filters(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The filters that are given."""
    return {key: value for key, value in wanted.items() if value is not None}
