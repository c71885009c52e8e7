"""Archives: types, look-ups, members (data-model.md section 6.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from moromi.errors import GenericError
from moromi_hub import arguments
from moromi_hub.archives import queries
from moromi_hub.builds import service as builds
from moromi_hub.call import Call
from moromi_hub.db.query_options import run_query
from moromi_hub.tagging.listing import one_pattern
from moromi_hub.tags import inheritance


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

    Raises GenericError `unsupported file extension: …` (`strict`), and
    `multiple matches for file extension: …` where two types claim it.
    """
    parts = filename.lower().split(".")
    extensions = [".".join(parts[start:]) for start in range(len(parts))]
    found = queries.types_of_extensions(call.tx, extensions)
    if not found:
        if strict:
            raise GenericError(f"unsupported file extension: {filename}")
        return None
    longest = max((row["extension"] for row in found), key=len)
    best = [row for row in found if row.pop("extension") == longest]
    if len(best) > 1:
        raise GenericError(f"multiple matches for file extension: {longest}")
    return best[0]


def add_type(call: Call, name: Any, description: str, extensions: str, compression: str | None) -> None:
    """A new archive type. Raises GenericError for names and extensions that are taken or not allowed."""
    name = arguments.verify_name(call.settings, name)
    if compression not in (None, "zip", "tar"):
        raise GenericError(f"Unsupported compression type {compression}")
    if queries.type_by(call.tx, "name", name) is not None:
        raise GenericError(f"archivetype {name} already exists")
    words = extensions.lower().split() or [""]
    for word in words:
        if not re.fullmatch(r"[a-z0-9.-]+", word):
            raise GenericError(f"No such {word} file extension")
    for row in queries.types_of_extensions(call.tx, words):
        # Koji looks only for types with this one extension, and lets those of others be claimed again
        if row["extensions"].lower() == row["extension"]:
            raise GenericError(f"file extension {row['extension']} already exists")
    values = {"name": name, "description": description, "extensions": " ".join(words)}
    queries.add_type(call.tx, values | {"compression_type": compression})


def add_archive(call: Call, archive: Mapping[str, Any]) -> int:
    """Make the row of an archive and return its id; `btype` names its type."""
    row = {key: value for key, value in archive.items() if key != "btype"}
    row["btype_id"] = queries.btype_id(call.tx, archive["btype"])
    return queries.add(call.tx, row)


def add_details(call: Call, archive: Mapping[str, Any], details: Mapping[str, Any]) -> None:
    """Make the row that an archive of a legacy btype has besides; nothing for other btypes."""
    if archive["btype"] in queries.LEGACY:
        queries.add_legacy(call.tx, archive["btype"], {"archive_id": archive["id"], **details})


def has_file(call: Call, build_id: int, filename: str) -> bool:
    """Whether a row promises a file of that name in a build."""
    return queries.has_file(call.tx, build_id, filename)


def add_components(
    call: Call, archive_id: int, rpm_ids: Sequence[int] = (), archive_ids: Sequence[int] = ()
) -> None:
    """Note what an archive was made of."""
    queries.add_components(call.tx, archive_id, rpm_ids, archive_ids)


def find_same_files(call: Call, files: Sequence[Mapping[str, Any]]) -> list[int | None]:
    """The id of an archive equal to each of `files` (`queries.FILE_KEYS`), None on a miss; one statement."""
    found = queries.find_same_files(call.tx, files) if files else {}
    return [found.get(position) for position in range(len(files))]


def files_of(call: Call, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Name, size and checksum of archives by their ids, with `nvr` and `draft` of their builds."""
    return queries.files_of(call.tx, ids) if ids else {}


def set_legacy_build(call: Call, btype: str, row: Mapping[str, Any]) -> None:
    """Make or overwrite what the table of a legacy btype knows of a build."""
    queries.set_legacy_build(call.tx, btype, row)


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


def list_archives(
    call: Call, wanted: Mapping[str, Any], btype: str | None, type_info: Any, query_opts: Any, strict: bool
) -> Any:
    """`listArchives`; `wanted` are the plain filters, None is no filter.

    Raises GenericError `unsupported archive type: …`, `typeInfo queries not supported for type …`,
    with `strict` `No archives found.`.
    """
    info: Mapping[str, Any] = {} if not type_info else arguments.expect(type_info, dict)
    if btype is not None and btype not in queries.LEGACY:
        if not queries.btype_exists(call.tx, btype):
            raise GenericError(f"unsupported archive type: {btype}")
        if info:
            raise GenericError(f"typeInfo queries not supported for type {btype}")
    filters = {key: value for key, value in wanted.items() if value is not None}
    fields, statement = queries.listing(filters, btype, info)
    found = run_query(call.tx, fields, statement, query_opts)
    if strict and not found:
        raise GenericError("No archives found.")
    return found


def latest_maven_archives(call: Call, tag_id: int, event: int | None, inherit: bool) -> list[dict[str, Any]]:
    """Shape `MavenTagArchive`: per group and artifact the first version seen (data-model.md section 4.7).

    A tag that includes everything adds other versions; never is one version taken from two builds.
    """
    steps = inheritance.ordered_tag_ids(call, tag_id, event)
    walk = [(step.tag_id, one_pattern(step.filters)) for step in steps]
    taken: dict[tuple[str, str], dict[str, int]] = {}
    seen: set[int] = set()
    found = []
    for row in call.tx.rows(queries.maven_archives(walk, inherit, event)):
        everything = row.pop("maven_include_all")
        builds_of = taken.setdefault((row["group_id"], row["artifact_id"]), {})
        if row["id"] in seen or (builds_of and row["version"] not in builds_of and not everything):
            continue
        if builds_of.setdefault(row["version"], row["build_id"]) == row["build_id"]:
            seen.add(row["id"])
            found.append(row)
    return found
