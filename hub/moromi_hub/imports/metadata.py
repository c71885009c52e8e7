"""The metadata of a content generator's build, parsed and checked (data-model.md section 7.5, version 0)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moromi.constants import LEGACY_BTYPES
from moromi.errors import GenericError
from moromi.paths import is_storable
from moromi_hub import arguments

_MAX_SIZE = 256 << 20


@dataclass(frozen=True)
class Metadata:
    """What a generator states, with the text that is kept of it."""

    text: str
    build: Mapping[str, Any]
    buildroots: Sequence[Mapping[str, Any]]
    outputs: Sequence[Mapping[str, Any]]

    @property
    def generator(self) -> str:
        """The one content generator of all buildroots."""
        found = {need(need(root, "content_generator"), "name") for root in self.buildroots}
        if len(found) != 1:
            raise GenericError("Koji now support only one content-generator per import")
        return str(found.pop())


def need(mapping: Mapping[str, Any], key: str) -> Any:
    """A value that must be there. Raises GenericError `Missing metadata: …`."""
    if not isinstance(mapping, Mapping) or key not in mapping:
        raise GenericError(f"Missing metadata: {key}")
    return mapping[key]


def read(given: Any, directory: Path) -> Metadata:
    """Metadata from a map, from JSON text, or from a file in `directory` (None: `metadata.json`).

    Raises GenericError for a missing file, text that is no JSON, or another
    version; ParameterError for another type.
    """
    if isinstance(given, Mapping):
        try:
            return _checked(dict(given), json.dumps(given))
        except TypeError:
            raise GenericError(f"Invalid metadata, cannot encode: {given!r}") from None
    name = "metadata.json" if given is None else arguments.expect(given, str)
    text = _text_of(name, directory) if name.endswith(".json") else name
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise GenericError(f"Invalid json data: {text!r}") from None
    return _checked(arguments.expect(found, dict), text)


def _text_of(name: str, directory: Path) -> str:
    path = directory / name
    if "/" in name or not is_storable(name) or path.is_symlink() or not path.is_file():
        raise GenericError(f"No such file: {name}")
    if path.stat().st_size > _MAX_SIZE:
        raise GenericError(f"Metadata file is too large: {name}")
    return path.read_text("utf-8", errors="replace")


def _checked(found: Mapping[str, Any], text: str) -> Metadata:
    version = found.get("metadata_version")
    if version != 0:
        raise GenericError(f"No such metadata version: {version!r}")
    build = arguments.expect(need(found, "build"), dict)
    buildroots = arguments.expect(need(found, "buildroots"), list)
    outputs = arguments.expect(need(found, "output"), list)
    return Metadata(text, build, buildroots, outputs)


def check_buildroots(metadata: Metadata) -> None:
    """Ids are unique, each is used by an output, and outputs use no others."""
    ids: list[Any] = []
    used = [need(output, "buildroot_id") for output in metadata.outputs]
    for root in metadata.buildroots:
        root_id = need(root, "id")
        if root_id not in used:
            raise GenericError(f"Buildroot id not used in output: {root_id!r}")
        if root_id in ids:
            raise GenericError(f"Duplicate buildroot id in metadata: {root_id!r}")
        ids.append(root_id)
    for root_id in used:
        if root_id not in ids:
            raise GenericError(f"Missing buildroot metadata for id {root_id!r}")


def build_types(extra: Mapping[str, Any]) -> dict[str, Any]:
    """btype -> information of a build, from `typeinfo` and the legacy keys."""
    found = dict(arguments.expect(extra.get("typeinfo") or {}, dict))
    for name in LEGACY_BTYPES:
        if name in extra:
            if name in found:
                raise GenericError(f"Duplicate typeinfo for {name!r}")
            found[name] = extra[name]
    return found


def output_type(output: Mapping[str, Any]) -> tuple[str, Any]:
    """The one btype of an archive, and its information."""
    filename, extra = output["filename"], arguments.expect(output.get("extra") or {}, dict)
    found = dict(arguments.expect(extra.get("typeinfo") or {}, dict))
    if len(found) > 1:
        raise GenericError(f"Output file has multiple types: {filename}")
    for name in LEGACY_BTYPES:
        if name in extra:
            if name in found:
                raise GenericError(f"Duplicate typeinfo for: {name!r}")
            found[name] = extra[name]
    if not found:
        raise GenericError(f"No typeinfo for: {filename}")
    if len(found) > 1:
        raise GenericError(f"Output file has multiple types: {filename}")
    ((btype, info),) = found.items()
    return btype, info
