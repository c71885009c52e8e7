"""Repository options: what a tag's repositories contain by default, and what was asked for beyond it.

Spec: data-model.md section 11.2. Four switches: `src`, `debuginfo`, `separate_src`, `maven`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from moromi.errors import GenericError, ParameterError
from moromi_hub.settings import Settings

log = logging.getLogger(__name__)

KEYS = ("src", "debuginfo", "separate_src", "maven")


@dataclass(frozen=True)
class Options:
    """The options of a repository."""

    full: dict[str, bool]
    custom: dict[str, bool]
    """Those asked for that differ from the tag's defaults."""

    @property
    def sources(self) -> bool:
        """Whether source packages are in it, wherever."""
        return self.full["src"] or self.full["separate_src"]


def checked(opts: Any) -> dict[str, bool]:
    """What a caller asks for, unspecified options left out. Raises ParameterError."""
    if opts is None:
        return {}
    if not isinstance(opts, Mapping):
        raise ParameterError("Repo opts must be a dictionary")
    for key in opts:
        if key not in KEYS:
            raise ParameterError(f"Invalid repo option: {key}")
    return _given(opts)


def known(opts: Any) -> dict[str, bool]:
    """What of a builder's or a tag's options is understood; the rest is logged and ignored."""
    if opts is None:
        return {}
    if not isinstance(opts, Mapping):
        log.warning("repository options are no dictionary: %r", opts)
        return {}
    if unknown := [key for key in opts if key not in KEYS]:
        log.warning("unknown repository options: %s", unknown)
    return _given({key: value for key, value in opts.items() if key in KEYS})


def _given(opts: Mapping[str, Any]) -> dict[str, bool]:
    return {key: bool(value) for key, value in opts.items() if value is not None}


def effective(settings: Settings, tag: Mapping[str, Any], asked: Mapping[str, bool]) -> Options:
    """The options of a new repository of `tag` (a build configuration).

    Raises GenericError `Maven support not enabled` if Maven is asked for and off.
    """
    if asked.get("maven") and not settings.EnableMaven:
        raise GenericError("Maven support not enabled")
    default = defaults(settings, tag)
    custom = {key: value for key, value in asked.items() if value != default[key]}
    return Options({**default, **asked}, custom)


def defaults(settings: Settings, tag: Mapping[str, Any]) -> dict[str, bool]:
    """What a tag's repositories contain when nothing is asked for."""
    found = {
        "src": _listed(settings.SourceTags, tag["name"]),
        "debuginfo": _listed(settings.DebuginfoTags, tag["name"]),
        "separate_src": _listed(settings.SeparateSourceTags, tag["name"]),
        "maven": False,
    }
    extra = tag["extra"]
    if "repo.opts" in extra:
        found.update(known(extra["repo.opts"]))
    elif "with_debuginfo" in extra:
        found["debuginfo"] = bool(extra["with_debuginfo"])
    found["maven"] = settings.EnableMaven and (bool(tag["maven_support"]) or found["maven"])
    return found


def _listed(globs: str, name: str) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs.split())
