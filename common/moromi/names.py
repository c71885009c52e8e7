"""Names of packages, builds and rpms: how they are taken apart, checked and made.

Parsed names are plain dictionaries, since clients see them (an rpm that does not
exist is reported by what its name was parsed to). Specification: client-session.md
9, hub-protocol.md 6.3, data-model.md 5.3 to 5.5.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NotRequired, TypedDict

from moromi.constants import DRAFT_RELEASE_DELIMITER, DRAFT_RELEASE_FORMAT
from moromi.errors import BuildError, GenericError

__all__ = [
    "NVR",
    "NVRA",
    "NameRules",
    "build_label",
    "check_NVR",
    "check_NVRA",
    "draft_release",
    "is_debuginfo",
    "maven_label",
    "next_release",
    "nvr",
    "nvra",
    "parse_NVR",
    "parse_NVRA",
    "target_release",
]

_DRAFT_PREFIX: Final = "draft_"


class NVR(TypedDict):
    """A build's name. `epoch` is the text before a colon, `''` if there is none."""

    release: str
    version: str
    name: str
    epoch: str


class NVRA(NVR):
    """An rpm's name. `src` says whether `arch` is `src`; `location` is what follows an `@`."""

    arch: str
    src: bool
    location: NotRequired[str]


def parse_NVR(text: str) -> NVR:
    """Split `[epoch:]name-version-release` at the last two dashes.

    GenericError `invalid format: …`: there are no two, or nothing between or after them.
    """
    name, _dash, release = text.rpartition("-")
    name, dash, version = name.rpartition("-")
    if not dash or not version or not release:
        raise GenericError(f"invalid format: {text}")
    epoch, colon, rest = name.partition(":")
    return NVR(release=release, version=version, name=rest if colon else name, epoch=epoch if colon else "")


def parse_NVRA(text: str) -> NVRA:
    """Split `[epoch:]name-version-release.arch[.rpm][@location]`.

    GenericError `invalid format: …`, as `parse_NVR` and when the arch is missing.
    """
    plain, _at, location = text.partition("@")
    plain = plain.removesuffix(".rpm")
    rest, dot, arch = plain.rpartition(".")
    if not dot or not arch:
        raise GenericError(f"invalid format: {plain}")
    parts = parse_NVR(rest)
    parsed = NVRA(
        release=parts["release"],
        version=parts["version"],
        name=parts["name"],
        epoch=parts["epoch"],
        arch=arch,
        src=arch == "src",
    )
    if location:
        parsed["location"] = location
    return parsed


def check_NVR(name: str | Mapping[str, Any], strict: bool = False) -> bool:
    """Say whether a name (text or parsed) can be a build's: no dash in version and release.

    With `strict`, GenericError instead of False.
    """
    try:
        _check_parts(parse_NVR(name) if isinstance(name, str) else name)
    except GenericError:
        if strict:
            raise
        return False
    return True


def check_NVRA(name: str | Mapping[str, Any], strict: bool = False) -> bool:
    """Say whether a name (text or parsed) can be an rpm's: as `check_NVR`, and no dot in the arch.

    With `strict`, GenericError instead of False.
    """
    try:
        parts = parse_NVRA(name) if isinstance(name, str) else name
        _check_parts(parts)
        if "." in _part(parts, "arch"):
            raise GenericError('The "." character not allowed in arch field')
    except GenericError:
        if strict:
            raise
        return False
    return True


def _check_parts(parts: Mapping[str, Any]) -> None:
    for field in ("version", "release"):
        if "-" in _part(parts, field):
            raise GenericError(f'The "-" character not allowed in {field} field')


def _part(parts: Mapping[str, Any], field: str) -> str:
    value = parts.get(field)
    if not isinstance(value, str):
        raise GenericError(f"The {field} field must be a string, not {value!r}")
    return value


def nvr(parts: Mapping[str, Any]) -> str:
    """Return `name-version-release` of a build or rpm."""
    return f"{parts['name']}-{parts['version']}-{parts['release']}"


def nvra(parts: Mapping[str, Any]) -> str:
    """Return `name-version-release.arch` of an rpm."""
    return f"{nvr(parts)}.{parts['arch']}"


def build_label(build: Mapping[str, Any], show_epoch: bool = False) -> str:
    """Return `[epoch:]name-version-release` for people; missing parts show as `None`."""
    name = build.get("package_name") or build.get("name")
    label = f"{name}-{build.get('version')}-{build.get('release')}"
    epoch = build.get("epoch")
    return f"{epoch}:{label}" if show_epoch and epoch is not None else label


def maven_label(artifact: Mapping[str, Any]) -> str:
    """Return `group_id-artifact_id-version`."""
    return f"{artifact['group_id']}-{artifact['artifact_id']}-{artifact['version']}"


def is_debuginfo(name: str) -> bool:
    """Say whether an rpm of this name holds debug information."""
    return name.endswith(("-debuginfo", "-debugsource")) or "-debuginfo-" in name


def draft_release(target: str, build_id: int) -> str:
    """Return the release of a draft build: `3.d40` becomes `3.d40,draft_5012`."""
    return DRAFT_RELEASE_FORMAT.format(target_release=target, build_id=build_id)


def target_release(release: str) -> str:
    """Return the release that a draft build is promoted to. GenericError: it is no draft release."""
    target, delimiter, mark = release.partition(DRAFT_RELEASE_DELIMITER)
    if not delimiter or not mark.startswith(_DRAFT_PREFIX):
        raise GenericError(f"draft release: {release} is not in valid format")
    return target


def next_release(last: str | None, incr: int = 1) -> str:
    """Return the release after `last` (None: there is none). BuildError: it cannot be counted up."""
    if not last:
        return str(incr)
    parts = last.split(".")
    if len(parts) <= 2 and _is_number(parts[0]):
        parts[0] = str(int(parts[0]) + incr)
    elif len(parts) == 3 and _is_number(parts[2]):
        parts[2] = str(int(parts[2]) + incr)
    else:
        raise BuildError(f"Unable to increment release value: {last}")
    return ".".join(parts)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


@dataclass(frozen=True)
class NameRules:
    """What a hub's configuration allows as a name; 0 and '' switch a check off."""

    max_length: int = 256
    internal: str = "^[A-Za-z0-9/_.+-]+$"
    user: str = "^[A-Za-z0-9/_.@-]+$"

    def check_internal(self, name: object) -> str:
        """Return the name of a tag, package, channel …; GenericError if it breaks a rule."""
        text = self._check_text("Name", name)
        return self._check_pattern("Name", text, self.internal, "RegexNameInternal")

    def check_user(self, name: object) -> str:
        """Return the name of a user; GenericError if it breaks a rule."""
        text = self._check_text("Name", name)
        return self._check_pattern("Name", text, self.user, "RegexUserName")

    def check_host(self, name: object) -> str:
        """Return the name of a host, which must pass both patterns."""
        return self.check_user(self.check_internal(name))

    def check_principal(self, name: object) -> str:
        """Return a Kerberos principal; GenericError if it breaks a rule."""
        text = self._check_text("Kerberos principal", name)
        return self._check_pattern("Kerberos principal", text, self.user, "RegexUserName")

    def _check_text(self, what: str, name: object) -> str:
        if not isinstance(name, str):
            raise GenericError(f"{what} should be string")
        if self.max_length and len(name) > self.max_length:
            raise GenericError(f"{what} {name} is too long. Max length is {self.max_length} characters")
        return name

    @staticmethod
    def _check_pattern(what: str, name: str, pattern: str, option: str) -> str:
        # `$` also matches before a line break at the end, which no name may have.
        if pattern and (name.endswith("\n") or not re.match(pattern, name)):
            raise GenericError(f"{what} {name} does not match {option} value")
        return name
