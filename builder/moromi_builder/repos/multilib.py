"""Which 32-bit packages a 64-bit dist repository carries as well (spec: builder, section 5.7, step 6).

The method is the one called "devel": for every 64-bit package that people develop with or that holds shared
libraries, its 32-bit partner, and what the partners need to be installed. The configuration, written in the
form that distributions have for it, names exceptions by package:

    [devel]
    white = glibc-static
    black = httpd-devel php-devel

`[runtime]` has the same two lists; both are put together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from moromi.config import read_config
from moromi.constants import DepSense, DepType
from moromi.rpm import Dependency, Header
from moromi.rpm.versions import compare

PARTNERS: Mapping[str, str] = {"s390x": "s390", "ppc64": "ppc", "x86_64": "i686"}
LISTS = ("white", "black")
_DEVEL = re.compile(r".+-(devel|static)")
_LIBRARY = re.compile(r"(/usr)?/lib(64)?/([^/]+\.so(\.[^/]+)?|[^/]+/[^/]+\.so)")
_KERNEL = re.compile(r"kernel(-.*)?")


@dataclass(frozen=True)
class Method:
    """The exceptions of a configuration."""

    white: frozenset[str]
    black: frozenset[str]

    @classmethod
    def read(cls, path: Path) -> Method:
        """Read a configuration. ConfigurationError if it cannot be."""
        sections = read_config(path)
        found = [sections[name] for name in ("runtime", "devel") if name in sections]
        white, black = (frozenset(word for each in found for word in each.words(key)) for key in LISTS)
        return cls(white, black)

    def selects(self, header: Header) -> bool:
        """Say whether the 32-bit partner of a package belongs into the repository."""
        if header.name in self.black:
            return False
        if header.name in self.white:
            return True
        if _KERNEL.fullmatch(header.name):
            return False
        names = [header.name, *(each.name for each in header.dependencies(DepType.PROVIDE))]
        if any(_DEVEL.fullmatch(name) for name in names):
            return True
        return any(_LIBRARY.fullmatch(name) for name in header.filenames)


class Closure:
    """What packages need of each other, as far as these packages go.

    A requirement that none of them fulfils is left to whoever installs: dist repositories need not be
    complete. So are conditions (`(a if b)`).
    """

    def __init__(self, headers: Mapping[str, Header]) -> None:
        self._headers = headers
        self._provided: dict[str, list[tuple[str, Dependency | None]]] = {}
        for name, header in headers.items():
            for provide in header.dependencies(DepType.PROVIDE):
                self._provided.setdefault(provide.name, []).append((name, provide))
            for path in header.filenames:
                self._provided.setdefault(path, []).append((name, None))

    def of(self, wanted: Iterable[str]) -> set[str]:
        """Name the wanted packages and all that they need."""
        needed: set[str] = set()
        todo = sorted(set(wanted))
        while todo:
            name = todo.pop()
            if name in needed:
                continue
            needed.add(name)
            for requirement in self._headers[name].dependencies(DepType.REQUIRE):
                provider = self._provider(requirement, needed | set(todo))
                if provider is not None:
                    todo.append(provider)
        return needed

    def _provider(self, requirement: Dependency, taken: set[str]) -> str | None:
        """Choose who fulfils a requirement; None if one that is taken does, or none at all."""
        able = {
            name
            for name, provide in self._provided.get(requirement.name, ())
            if provide is None or fulfils(provide, requirement)
        }
        if not able or able & taken:
            return None
        return min(able, key=lambda name: (len(self._headers[name].name), name))


def fulfils(provide: Dependency, requirement: Dependency) -> bool:
    """Say whether a provided name is of a version that is required."""
    if not provide.version or not requirement.version:
        return True
    order = _compare_evr(provide.version, requirement.version)
    wanted = {-1: DepSense.LESS, 0: DepSense.EQUAL, 1: DepSense.GREATER}[order]
    return bool(requirement.flags & wanted)


def _compare_evr(first: str, second: str) -> int:
    """Compare `epoch:version-release`; releases count only where both have one."""
    one, other = _split_evr(first), _split_evr(second)
    for left, right in zip(one[:2], other[:2], strict=True):
        if found := compare(left, right):
            return found
    return compare(one[2], other[2]) if one[2] and other[2] else 0


def _split_evr(text: str) -> tuple[str, str, str]:
    epoch, colon, rest = text.rpartition(":")
    version, _, release = rest.partition("-")
    return (epoch if colon else "0"), version, release
