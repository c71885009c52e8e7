"""Calls that read archives, and the types that they may have."""

from __future__ import annotations

from typing import Any

from moromi.errors import GenericError
from moromi_hub import arguments
from moromi_hub.archives import members, queries, service
from moromi_hub.builds import service as builds
from moromi_hub.call import Call
from moromi_hub.db.query_options import apply_in_memory
from moromi_hub.rpc.registry import ADMIN, ANYONE, exported
from moromi_hub.tags import service as tags


@exported("getArchiveTypes", access=ANYONE)
def get_archive_types(call: Call) -> list[dict[str, Any]]:
    """[ArchiveType] by id."""
    return call.tx.rows(queries.types())


@exported("getArchiveType", access=ANYONE)
def get_archive_type(
    call: Call, filename: Any = None, type_name: Any = None, type_id: Any = None, strict: bool = False
) -> dict[str, Any] | None:
    """ArchiveType by id, else by name, else by the extension of `filename`; nil on a miss unless `strict`.

    Raises GenericError `one of filename, type_name, or type_id must be specified`.
    """
    if type_id is not None:
        found = queries.type_by(call.tx, "id", arguments.integer(type_id))
    elif type_name is not None:
        found = queries.type_by(call.tx, "name", arguments.expect(type_name, str))
    elif filename is not None:
        return service.type_of_file(call, arguments.expect(filename, str), strict)
    else:
        raise GenericError("one of filename, type_name, or type_id must be specified")
    if found is None and strict:
        raise GenericError("query returned no rows")
    return found


@exported("addArchiveType", access=ADMIN)
def add_archive_type(
    call: Call, name: Any, description: Any, extensions: Any, compression_type: Any = None
) -> None:
    """Make an archive type; `extensions` are words, `compression_type` zip, tar or nil.

    Raises GenericError for names and extensions that are taken or not allowed.
    """
    if compression_type is not None:
        arguments.expect(compression_type, str)
    texts = (arguments.expect(description, str), arguments.expect(extensions, str))
    service.add_type(call, name, *texts, compression_type)


@exported("getArchive", access=ANYONE)
def get_archive(call: Call, archive_id: int, strict: bool = False) -> dict[str, Any] | None:
    """Archive with the keys of its legacy btypes, or nil unless `strict` (`No such archive: …`)."""
    return service.get_archive(call, arguments.integer(archive_id), strict)


@exported("listArchives", access=ANYONE)
def list_archives(
    call: Call,
    buildID: Any = None,
    buildrootID: int | None = None,
    componentBuildrootID: int | None = None,
    hostID: int | None = None,
    type: str | None = None,
    filename: str | None = None,
    size: int | None = None,
    checksum: str | None = None,
    checksum_type: int | None = None,
    typeInfo: Any = None,
    queryOpts: Any = None,
    imageID: int | None = None,
    archiveID: int | None = None,
    strict: bool = False,
) -> Any:
    """[Archive] with the keys of `type`; `imageID` are components of that archive.

    Raises GenericError `unsupported archive type: …`, `typeInfo queries not supported for type …`,
    with `strict` `No archives found.`.
    """
    wanted = {
        "build_id": None if buildID is None else builds.find_build_id(call, buildID, strict=True),
        "buildroot_id": arguments.optional_integer(buildrootID),
        "component_buildroot_id": arguments.optional_integer(componentBuildrootID),
        "host_id": arguments.optional_integer(hostID),
        "filename": arguments.optional_text(filename),
        "size": arguments.optional_integer(size),
        "checksum": arguments.optional_text(checksum),
        "checksum_type": arguments.optional_integer(checksum_type),
        "image_id": arguments.optional_integer(imageID),
        "id": arguments.optional_integer(archiveID),
    }
    return service.list_archives(
        call, wanted, arguments.optional_text(type), typeInfo, queryOpts, bool(strict)
    )


@exported("listArchiveFiles", access=ANYONE)
def list_archive_files(call: Call, archive_id: int, queryOpts: Any = None, strict: bool = False) -> Any:
    """[ArchiveFile] of a zip or tar archive; [] for others unless `strict`.

    Raises GenericError `No such archive: …`, `Unsupported archive type: …`.
    """
    found = members.list_members(call, arguments.integer(archive_id), bool(strict))
    return apply_in_memory(found, queryOpts)


@exported("getArchiveFile", access=ANYONE)
def get_archive_file(
    call: Call, archive_id: int, filename: str, strict: bool = False
) -> dict[str, Any] | None:
    """One ArchiveFile, nil on a miss unless `strict`."""
    return members.get_member(call, arguments.integer(archive_id), filename, bool(strict))


@exported("getMavenBuild", access=ANYONE)
def get_maven_build(call: Call, buildInfo: Any, strict: bool = False) -> dict[str, Any] | None:
    """{build_id, group_id, artifact_id, version}, or nil unless `strict` (`no such maven build: …`)."""
    return service.legacy_build(call, "maven", buildInfo, bool(strict))


@exported("getWinBuild", access=ANYONE)
def get_win_build(call: Call, buildInfo: Any, strict: bool = False) -> dict[str, Any] | None:
    """{build_id, platform}, or nil unless `strict` (`no such Windows build: …`)."""
    return service.legacy_build(call, "win", buildInfo, bool(strict))


@exported("getImageBuild", access=ANYONE)
def get_image_build(call: Call, buildInfo: Any, strict: bool = False) -> dict[str, Any] | None:
    """{build_id}, or nil unless `strict` (`no such image build: …`)."""
    return service.legacy_build(call, "image", buildInfo, bool(strict))


@exported("getMavenArchive", access=ANYONE)
def get_maven_archive(call: Call, archive_id: int, strict: bool = False) -> dict[str, Any] | None:
    """{archive_id, group_id, artifact_id, version}, or nil unless `strict`."""
    return service.legacy_archive(call, "maven", arguments.integer(archive_id), bool(strict))


@exported("getWinArchive", access=ANYONE)
def get_win_archive(call: Call, archive_id: int, strict: bool = False) -> dict[str, Any] | None:
    """{archive_id, relpath, platforms, flags}, or nil unless `strict`."""
    return service.legacy_archive(call, "win", arguments.integer(archive_id), bool(strict))


@exported("getImageArchive", access=ANYONE)
def get_image_archive(call: Call, archive_id: int, strict: bool = False) -> dict[str, Any] | None:
    """{archive_id, arch, rootid}, or nil unless `strict`; `rootid`: it lists rpms as components."""
    return service.legacy_archive(call, "image", arguments.integer(archive_id), bool(strict))


@exported("getLatestMavenArchives", access=ANYONE)
def get_latest_maven_archives(
    call: Call, tag: Any, event: Any = None, inherit: bool = True
) -> list[dict[str, Any]]:
    """[MavenTagArchive]. Raises GenericError `No such entry in table tag: …`, `Invalid event: …`."""
    return service.latest_maven_archives(call, tags.require_tag_id(call, tag), event, bool(inherit))
