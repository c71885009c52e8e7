"""What content generators say that buildroots and archives were made of (data-model.md section 7.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from moromi.constants import ChecksumType
from moromi.errors import GenericError
from moromi.names import nvra
from moromi_hub import arguments
from moromi_hub.archives import service as archives
from moromi_hub.call import Call
from moromi_hub.imports.metadata import need
from moromi_hub.rpms import service as rpms

Component = Mapping[str, Any]


def match(call: Call, components: Sequence[Component], log: list[str]) -> tuple[list[int], list[int]]:
    """Ids of the rpms and of the archives that components name; unknown ones are noted in `log` and left out.

    The number of statements does not depend on the number of components. Raises GenericError for a
    type that does not exist and for what may not be named.
    """
    named: dict[str, list[Component]] = {"rpm": [], "file": [], "kojifile": []}
    for component in components:
        kind = need(component, "type")
        if kind not in named:
            raise GenericError(f"No such component type: {kind}")
        if kind == "rpm":
            _check_rpm(component)
        named[kind].append(component)
    archive_ids = [*_files(call, named["file"], log), *_known_archives(call, named["kojifile"])]
    return _rpms(call, named["rpm"], log), archive_ids


def _check_rpm(component: Component) -> None:
    if "location" in component:
        raise GenericError("External rpms not allowed")
    if "id" in component:
        raise GenericError("Unexpected 'id' field in component")
    for key in ("name", "version", "release", "arch"):
        need(component, key)


def _rpms(call: Call, components: Sequence[Component], log: list[str]) -> list[int]:
    ids = []
    for component, found in zip(components, rpms.match_internal(call, components), strict=True):
        if found is None:
            log.append(f"unknown rpm among components: {nvra(component)}")
            continue
        if component.get("sigmd5") != found["payloadhash"]:
            log.append(f"an rpm among components has another hash: {nvra(component)}")
        ids.append(found["id"])
    rpms.refuse_drafts(call, ids)
    return ids


def _files(call: Call, components: Sequence[Component], log: list[str]) -> list[int]:
    """Archives that are equal in name, size and checksum."""
    wanted = []
    for component in components:
        keys = ("filename", "filesize", "checksum", "checksum_type")
        filename, size, checksum, kind = (need(component, key) for key in keys)
        stated = {"filename": filename, "size": size, "checksum": checksum}
        wanted.append({**stated, "checksum_type": ChecksumType.named(kind)})
    found = []
    for file, number in zip(wanted, archives.find_same_files(call, wanted), strict=True):
        if number is None:
            log.append(f"unknown file among components: {file['filename']}")
        else:
            found.append(number)
    return found


def _known_archives(call: Call, components: Sequence[Component]) -> list[int]:
    """Archives by their ids; what is stated of them besides must be true."""
    ids = [arguments.expect(need(component, "archive_id"), int) for component in components]
    files = archives.files_of(call, [number for number in ids if arguments.fits_id(number)])
    for number, component in zip(ids, components, strict=True):
        if number not in files:
            raise GenericError(f"No such archive: {number}")
        _check_file(component, files[number])
    return ids


def _check_file(component: Component, file: Mapping[str, Any]) -> None:
    for key in ("nvr", "filename"):
        if key not in component:
            raise GenericError(f"{key} field missing for component, archive_id={file['id']}")
    if file["draft"]:
        raise GenericError("Draft build not supported")
    expected = {
        "nvr": file["nvr"],
        "filename": file["filename"],
        "filesize": file["size"],
        "checksum": file["checksum"],
        "checksum_type": ChecksumType(file["checksum_type"]).wire_name,
    }
    for key, value in expected.items():
        if key in component and component[key] != value:
            text = f"Component field {key} does not match for archive_id={file['id']}"
            raise GenericError(f"{text}: {value} != {component[key]}")
