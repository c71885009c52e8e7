"""Merging a repository with external ones, as mergerepo_c does it for Koji (spec: builder, section 5.6).

Everything is decided on the names at the beginning of the entries' lines; no metadata is read. The local
repository is the first, the external ones follow by their priority.

* `koji`: of the source packages of a name, the highest version of the first repository that has one wins;
  other repositories add rpms of the very same source package. A name-version-release.arch is there once.
* `simple`: all rpms are kept.
* `bare`: all rpms are kept, but a name, epoch, version, release and arch is there once; nothing is blocked.

Source packages name no source package: they are neither chosen between nor blocked. Module metadata is
kept in every mode, advisories in none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Final, NamedTuple

from moromi.constants import REPO_MERGE_MODES
from moromi.errors import GenericError
from moromi.repodata.external import ExternalRepo
from moromi.repodata.modules import merge_modules
from moromi.rpm import versions

#: What else runs on an arch.
_EXPANSIONS: Final = {
    "i386": "i486 i586 geode i686 athlon",
    "x86_64": "ia32e amd64",
    "ppc64": "ppc64pseries ppc64iseries",
    "sparc64": "sparc64v sparc64v2",
    "sparc": "sparcv8 sparcv9 sparcv9v sparcv9v2",
    "alpha": "alphaev4 alphaev45 alphaev5 alphaev56 alphapca56 alphaev6 alphaev67 alphaev68 alphaev7",
    "armhfp": "armv7hl armv7hnl armv6hl armv6hnl",
    "arm": "armv5tel armv5tejl armv6l armv7l",
    "sh4": "sh4a",
}
_PARTNERS: Final = {"x86_64": "i386", "ppc64": "ppc", "s390x": "s390"}
_Names = tuple[bytes, bytes, bytes, bytes, bytes]


class Origin(NamedTuple):
    """Where a package of a merged repository comes from; `package` is its name-version-release.arch."""

    package: str
    url: str


@dataclass(frozen=True)
class Merged:
    """A merged repository: the lines of its entries, their origins, module metadata if there is some."""

    lines: list[bytes]
    origins: list[Origin]
    modules: bytes | None


@dataclass(frozen=True)
class _Source:
    """One of the repositories that are merged."""

    origin: str
    lines: Sequence[bytes]


def merge(
    local: Iterable[bytes],
    local_origin: str,
    externals: Sequence[ExternalRepo],
    mode: str,
    arch: str,
    blocked: Collection[str] = (),
) -> Merged:
    """Merge a repository with external ones.

    `local`: lines of entries; `local_origin`: the URL that stands for them; `arch`: the repository's;
    `blocked`: names of source packages. GenericError: no such mode.
    """
    if mode not in REPO_MERGE_MODES:
        raise GenericError(f"Invalid merge mode: {mode}")
    repos = [_Source(local_origin, list(local)), *(_Source(each.origin, each.lines) for each in externals)]
    names = set() if mode == "bare" else {name.encode() for name in blocked}
    wanted = _wanted_sources(repos, names, choose=mode == "koji")
    arches = {name.encode() for name in compatible_arches(arch)}
    lines: list[bytes] = []
    origins: dict[_Names, Origin] = {}
    seen: set[_Names] = set()
    for repo in repos:
        for line, package in _packages(repo.lines, wanted, arches):
            name, package_arch, _epoch, version, release = package
            # koji's mode takes packages that differ in the epoch alone for the same.
            key = package if mode == "bare" else (name, package_arch, b"", version, release)
            if mode == "simple" or key not in seen:
                seen.add(key)
                lines.append(line)
                text = f"{name.decode()}-{version.decode()}-{release.decode()}.{package_arch.decode()}"
                origins.setdefault(package, Origin(text, repo.origin))
    return Merged(
        lines, list(origins.values()), merge_modules(each.modules for each in externals if each.modules)
    )


def compatible_arches(arch: str) -> set[str]:
    """Return the arches whose packages a merged repository of an arch has."""
    own = {arch, _PARTNERS.get(arch, arch)}
    return own.union({"noarch"}, *(_EXPANSIONS.get(each, "").split() for each in own))


def _packages(
    lines: Iterable[bytes], sources: set[bytes], arches: set[bytes]
) -> Iterator[tuple[bytes, _Names]]:
    """Yield the lines from the source packages and for the arches, with their names."""
    for line in lines:
        source, name, arch, epoch, version, release, _rest = line.split(b"\t", 6)
        if source in sources and arch in arches:
            yield line, (name, arch, epoch, version, release)


def _wanted_sources(repos: Iterable[_Source], blocked: set[bytes], choose: bool) -> set[bytes]:
    """Return the source packages whose rpms are kept. `choose`: one of each name."""
    found = {b""}
    taken = set(blocked)
    for repo in repos:
        versions_of: dict[bytes, list[bytes]] = {}
        for source in {line.partition(b"\t")[0] for line in repo.lines}:
            name = source.rsplit(b"-", 2)[0]
            if source and name not in taken:
                versions_of.setdefault(name, []).append(source)
        if choose:
            found.update(max(sources, key=_version_order) for sources in versions_of.values())
            taken.update(versions_of)
        else:
            found.update(*versions_of.values())
    return found


def _compare_sources(one: bytes, other: bytes) -> int:
    """Compare version, then release, of two source packages' file names; they name no epoch."""
    pairs = zip(_version_release(one), _version_release(other), strict=True)
    return next((found for pair in pairs if (found := versions.compare(*pair))), 0)


def _version_release(source: bytes) -> tuple[str, str]:
    _name, version, release = source.decode().rsplit("-", 2)
    return version, release.removesuffix(".rpm").rpartition(".")[0]


_version_order: Final = cmp_to_key(_compare_sources)
