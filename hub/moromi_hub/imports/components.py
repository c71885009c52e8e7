"""What content generators say that buildroots and archives were made of (data-model.md section 7.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from moromi.constants import ChecksumType
from moromi.errors import GenericError
from moromi.names import nvra
from moromi_hub.archives import service as archives
from moromi_hub.builds import service as builds
from moromi_hub.call import Call
from moromi_hub.imports.metadata import need
from moromi_hub.rpms import service as rpms

Component = Mapping[str, Any]
_KINDS = {kind.wire_name: kind for kind in ChecksumType}


def match(call: Call, components: Sequence[Component], log: list[str]) -> tuple[list[int], list[int]]:
    """Ids of the rpms and of the archives that components name; unknown ones are noted in `log` and left out.

    Raises GenericError for a type that does not exist and for what may not be named.
    """
    named: list[Component] = []
    archive_ids: list[int] = []
    for component in components:
        kind = need(component, "type")
        if kind == "rpm":
            named.append(_checked_rpm(component))
        elif kind == "file":
            archive_ids += _file(call, component, log)
        elif kind == "kojifile":
            archive_ids.append(_known_archive(call, component))
        else:
            raise GenericError(f"No such component type: {kind}")
    return _rpms(call, named, log), archive_ids


def _checked_rpm(component: Component) -> Component:
    if "location" in component:
        raise GenericError("External rpms not allowed")
    if "id" in component:
        raise GenericError("Unexpected 'id' field in component")
    for key in ("name", "version", "release", "arch"):
        need(component, key)
    return component


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


def _file(call: Call, component: Component, log: list[str]) -> list[int]:
    keys = ("filename", "filesize", "checksum", "checksum_type")
    filename, size, checksum, kind = (need(component, key) for key in keys)
    known = _KINDS.get(kind)
    found = None if known is None else archives.find_same_file(call, filename, size, checksum, known)
    if found is None:
        log.append(f"unknown file among components: {filename}")
        return []
    return [found]


def _known_archive(call: Call, component: Component) -> int:
    archive_id = need(component, "archive_id")
    archive = archives.get_archive(call, archive_id, strict=True)
    assert archive is not None
    for key in ("nvr", "filename"):
        if key not in component:
            raise GenericError(f"{key} field missing for component, archive_id={archive_id}")
    build = builds.require_build(call, archive["build_id"])
    if build["draft"]:
        raise GenericError("Draft build not supported")
    expected = {
        "nvr": build["nvr"],
        "filename": archive["filename"],
        "filesize": archive["size"],
        "checksum": archive["checksum"],
        "checksum_type": ChecksumType(archive["checksum_type"]).wire_name,
    }
    for key, value in expected.items():
        if key in component and component[key] != value:
            text = f"Component field {key} does not match for archive_id={archive_id}"
            raise GenericError(f"{text}: {value} != {component[key]}")
    return int(archive["id"])
