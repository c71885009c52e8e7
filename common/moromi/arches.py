"""Architectures: families, and the lists of them that tags and hosts carry (hub-protocol.md 5.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final

from moromi.errors import GenericError

#: Pattern and canonical arch, the first match counts.
_FAMILIES: Final = (
    ("i?86", "i386"),
    ("athlon", "i386"),
    ("ia32e", "x86_64"),
    ("ppc64le", "ppc64le"),
    ("ppc64*", "ppc64"),
    ("sparc64*", "sparc64"),
    ("sparc*", "sparc"),
    ("alpha*", "alpha"),
    ("arm*h*", "armhfp"),
    ("arm*", "arm"),
)
_ARCH: Final = re.compile(r"[a-zA-Z0-9_-]*")
SOURCE_ARCHES: Final = frozenset({"src", "nosrc"})


def canonical(arch: str) -> str:
    """Return the arch that a repository has a directory for: `i686` is `i386`."""
    for pattern, family in _FAMILIES:
        if fnmatchcase(arch, pattern):
            return family
    return arch


def parse_list(
    arches: str | Iterable[str] | None, strict: bool = False, allow_none: bool = False
) -> list[str]:
    """Return the arches of a text (blank separated; commas too unless `strict`) or of a list.

    GenericError: one has other characters than letters, digits, `_` and `-`, or
    the value is nil and `allow_none` is not given.
    """
    if arches is None:
        if allow_none:
            return []
        raise GenericError("No architectures given")
    if isinstance(arches, str):
        found = (arches if strict else arches.replace(",", " ")).split()
    else:
        found = list(arches)
    for arch in found:
        check(arch)
    return found


def check(arch: object) -> None:
    """Raise GenericError for what is no name of an arch."""
    if not isinstance(arch, str) or not _ARCH.fullmatch(arch):
        raise GenericError("Architecture can be only [a-zA-Z0-9_-]")


def parse_text(arches: str | Iterable[str] | None, strict: bool = False, allow_none: bool = False) -> str:
    """As `parse_list`, joined by blanks: the form that is stored."""
    return " ".join(parse_list(arches, strict, allow_none))


def repo_arches(arches: str | None, separate_src: bool = False) -> list[str]:
    """Return the arches that a repository of a tag with these arches has, in their order."""
    found = dict.fromkeys(canonical(arch) for arch in parse_list(arches, allow_none=True))
    wanted = [arch for arch in found if arch not in ("src", "noarch")]
    return [*wanted, "src"] if separate_src else wanted
