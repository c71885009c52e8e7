"""Which packages a dist repository has for an arch, and which copy of each (spec: builder, section 5.7).

The hub lists a tag's packages once for every signature that it keeps of them (an empty key: the package as
it was built); of these copies the one with the key that was asked for first is taken. `kojipkgs`, the file by
which the hub learns what was chosen, is made here as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from moromi.arches import canonical
from moromi.errors import GenericError
from moromi.names import is_debuginfo
from moromi.paths import PathInfo

COMPATIBLE: Mapping[str, tuple[str, ...]] = {
    "i386": ("athlon", "i686", "i586", "i486", "i386"),
    "x86_64": ("amd64", "ia32e", "x86_64"),
    "ppc64": ("ppc64p7", "ppc64pseries", "ppc64iseries", "ppc64"),
    "sparc": ("sparcv9v", "sparcv9", "sparcv8", "sparc"),
    "sparc64": ("sparc64v", "sparc64"),
    "alpha": ("alphaev6", "alphaev56", "alphaev5", "alpha"),
    "arm": ("arm", "armv4l", "armv4tl", "armv5tel", "armv5tejl", "armv6l", "armv7l"),
    "armhfp": ("armv7hl", "armv7hnl"),
}
DEBUG = "debug"


def compatible_arches(arch: str) -> list[str]:
    """List the arches whose packages go into the repository of one."""
    if arch == "src":
        return ["src"]
    return [*COMPATIBLE.get(canonical(arch), (arch,)), "noarch"]


@dataclass
class DistPackage:
    """One package of a dist repository.

    `rpm` is the hub's record, `path` where the copy is below the hub's tree, `sigkey` the key of the copy
    (empty: as it was built), `subrepo` the repository beside the main one that describes it. `local` is set
    once the file can be read here, if it is to be read at all.
    """

    rpm: Mapping[str, Any]
    path: str
    sigkey: str
    subrepo: str = ""
    multilib: bool = False
    local: Path | None = None

    @property
    def nvra(self) -> str:
        """Its name as files have it, without the ending."""
        return "{name}-{version}-{release}.{arch}".format_map(dict(self.rpm))

    @property
    def filename(self) -> str:
        """The name of its file."""
        return f"{self.nvra}.rpm"

    @property
    def place(self) -> str:
        """Where it lies in the repository, relative to an arch."""
        return f"Packages/{self.filename[0].lower()}/{self.filename}"

    @property
    def href(self) -> str:
        """Where it lies, relative to the repository that describes it."""
        return f"../{self.place}" if self.subrepo else self.place

    def record(self, topdir: Path) -> dict[str, Any]:
        """Make its entry in `kojipkgs`."""
        made = {**self.rpm, "sigkey": self.sigkey, "_pkgpath": str(topdir / self.path)}
        if self.subrepo:
            made["_subrepo"] = self.subrepo
        if self.multilib:
            made["_multilib"] = True
        return made


@dataclass(frozen=True)
class Unsigned:
    """A package without any of the wanted signatures; `available` are the keys that it does have."""

    nvra: str
    available: list[str]


@dataclass
class Selection:
    """The packages by file name, and those that lack a signature."""

    packages: dict[str, DistPackage] = field(default_factory=dict)
    unsigned: list[Unsigned] = field(default_factory=list)


def select(
    listed: Iterable[Mapping[str, Any]],
    builds: Iterable[Mapping[str, Any]],
    keys: Sequence[str],
    *,
    split_debuginfo: bool,
    skip_unsigned: bool,
) -> Selection:
    """Choose a copy of each package that the hub has listed (a row for each signature).

    GenericError for a package of a draft build, which must not leave the build system.
    """
    by_id = {build["build_id"]: build for build in builds}
    signed: dict[int, dict[str, Any]] = {}
    rpms: dict[int, Mapping[str, Any]] = {}
    for row in listed:
        rpms[row["id"]] = row
        signed.setdefault(row["id"], {})[str(row["sigkey"] or "").lower()] = row["sigkey"]
    found = Selection()
    for rpm_id, rpm in rpms.items():
        build = by_id[rpm["build_id"]]
        if rpm.get("draft") or build.get("draft"):
            raise GenericError(f"Draft build: {build['nvr']} is not allowed")
        chosen = next((signed[rpm_id][key.lower()] for key in keys if key.lower() in signed[rpm_id]), None)
        package = _package(rpm, build, chosen or "", split_debuginfo)
        if keys and chosen is None:
            found.unsigned.append(Unsigned(package.nvra, sorted(key for key in signed[rpm_id] if key)))
            if skip_unsigned:
                continue
        found.packages[package.filename] = package
    return found


def _package(rpm: Mapping[str, Any], build: Mapping[str, Any], sigkey: str, split: bool) -> DistPackage:
    tree = PathInfo("")
    below = tree.signed(rpm, sigkey) if sigkey else tree.rpm(rpm)
    record = {key: value for key, value in rpm.items() if key != "sigkey"}
    subrepo = DEBUG if split and is_debuginfo(rpm["name"]) else ""
    return DistPackage(record, f"{tree.build(build)}/{below}", sigkey, subrepo)


def subrepos(packages: Iterable[DistPackage]) -> list[str]:
    """List the repositories that the packages need: the main one, '', comes first and always."""
    return sorted({"", *(package.subrepo for package in packages)})


def write_lists(packages: Mapping[str, DistPackage], directory: Path, topdir: Path) -> None:
    """Write `kojipkgs`, a package list for each repository, and links to the packages that are local."""
    text = json.dumps(
        {name: package.record(topdir) for name, package in packages.items()}, indent=4, sort_keys=True
    )
    (directory / "kojipkgs").write_text(text, encoding="utf-8")
    lines: dict[str, list[str]] = {name: [] for name in subrepos(packages.values())}
    for _name, package in sorted(packages.items()):
        if package.local is not None:
            link = directory / package.place
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(package.local)
        lines[package.subrepo].append(package.href)
    for name, places in lines.items():
        (directory / name).mkdir(exist_ok=True)
        (directory / name / "pkglist").write_text("".join(f"{place}\n" for place in places), encoding="utf-8")
