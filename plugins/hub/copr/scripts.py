"""Where the scripts of custom sources run: in a chroot of their own choice, not of the build's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moromi.errors import GenericError
from moromi_hub.plugin_api import Call

from . import chroot_queries, entities
from .errors import CoprError
from .model import Chroot

_LATEST = "fedora-latest-"


def tag_of(call: Call, source: Mapping[str, Any], fallback: int) -> int:
    """The id of the tag that a script runs in: of the bare chroot, with the repositories that it asks for.

    `fallback` where the newest Fedora is wanted, which clients do by themselves, and none is offered.
    Raises GenericError for a chroot that is offered no more.
    """
    wanted = source["chroot"]
    chroot = _latest(call, wanted) if wanted.startswith(_LATEST) else _offered(call, wanted)
    if chroot is None:
        return fallback
    try:
        return entities.script_tag(call, chroot, source["repos"].split())
    except CoprError as error:
        raise GenericError(error.text) from error


def _latest(call: Call, name: str) -> Chroot | None:
    arch = name.removeprefix(_LATEST)
    offered = chroot_queries.chroots(call.tx)
    found = [
        each for each in offered if (each.os, each.arch) == ("fedora", arch) and each.version.isdecimal()
    ]
    return max(found, key=lambda each: int(each.version), default=None)


def _offered(call: Call, name: str) -> Chroot:
    for each in chroot_queries.chroots(call.tx):
        if each.name == name:
            return each
    raise GenericError(f"The script is for chroot {name}, which is offered no more")
