"""Groups that somebody gives for a chroot of a project: a part of its published repositories.

A new file has a name of its own, so that whoever writes a repository meanwhile has the one before.
"""

from __future__ import annotations

import dataclasses
import secrets
from pathlib import Path
from xml.parsers import expat

from moromi_hub.plugin_api import Call, files

from . import results
from .errors import BadRequest
from .model import ChrootSettings, ProjectChroot

_LARGEST = 1 << 20
_DIRECTORY = ".comps"


def keep(
    call: Call, chroot: ProjectChroot, settings: ChrootSettings, path: Path, name: str
) -> ChrootSettings:
    """The settings with the groups of a file, a copy of which is kept. Raises BadRequest."""
    if path.stat().st_size > _LARGEST:
        raise BadRequest("upload_comps: The file is too large.")
    content = path.read_bytes()
    _check(content)
    file = f"{chroot.id}-{secrets.token_hex(8)}.xml"
    files.write(call.tx, _place(call, file), content)
    return dataclasses.replace(drop(call, settings), comps_name=name, comps_file=file)


def drop(call: Call, settings: ChrootSettings) -> ChrootSettings:
    """The settings without groups; their file goes with the commit."""
    if settings.comps_file:
        results.remove_part(call, _place(call, settings.comps_file))
    return dataclasses.replace(settings, comps_name=None, comps_file=None)


def copy(call: Call, chroot: ProjectChroot, settings: ChrootSettings) -> ChrootSettings:
    """The settings of another chroot for this one, which gets the groups as well."""
    if not settings.comps_file or not settings.comps_name:
        return settings
    plain = dataclasses.replace(settings, comps_file=None)
    return keep(call, chroot, plain, _place(call, settings.comps_file), settings.comps_name)


def path_of(call: Call, settings: ChrootSettings) -> Path | None:
    """The file with the groups, if there are any."""
    return _place(call, settings.comps_file) if settings.comps_file else None


def _place(call: Call, file: str) -> Path:
    return results.top(call) / _DIRECTORY / file


def _check(content: bytes) -> None:
    """Raise BadRequest for what dnf would not read as groups."""
    roots: list[str] = []

    def refuse(*_declaration: object) -> None:
        raise BadRequest("upload_comps: The file declares entities.")

    def start(name: str, _attributes: dict[str, str]) -> None:
        if not roots:
            roots.append(name)

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, LookupError) as error:
        raise BadRequest(f"upload_comps: The file is not readable XML: {error}") from error
    if roots != ["comps"]:
        raise BadRequest("upload_comps: The file has no groups.")
