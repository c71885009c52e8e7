"""What rpm makes of other tags when asked for these: whole file names, versions in one, trigger conditions.

The values are those of `rpm --query --queryformat '[%{TAG}]'`. A list has an item for each file or
each script, empty where there is nothing to say.
"""

from __future__ import annotations

import stat
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from moromi.constants import DepSense, DepType
from moromi.errors import GenericError
from moromi.rpm.tags import TAGS

if TYPE_CHECKING:
    from moromi.rpm.header import Dependency, Header

#: What a file without a class of its own is, by its type.
_CLASSES: Final = {
    stat.S_IFDIR: "directory",
    stat.S_IFIFO: "fifo (named pipe)",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "character special",
    stat.S_IFBLK: "block special",
}
#: When a trigger runs, by the flag of its conditions.
_TRIGGERS: Final = {1 << 16: "in", 1 << 17: "un", 1 << 18: "postun", 1 << 25: "prein"}
#: How a header tells that a dependency of a file is of this kind.
_FILE_KINDS: Final = {ord("P"): DepType.PROVIDE, ord("R"): DepType.REQUIRE}


def format_dependency(name: str, version: str, flags: int) -> str:
    """Return a dependency as spec files have it: `name >= version`."""
    signs = ((DepSense.LESS, "<"), (DepSense.GREATER, ">"), (DepSense.EQUAL, "="))
    sign = "".join([text for flag, text in signs if flags & flag])
    return f"{name} {sign} {version}" if sign else name


def _formatted(dependency: Dependency) -> str:
    return format_dependency(dependency.name, dependency.version, dependency.flags)


def _evr(header: Header) -> str:
    release = f"{header.version}-{header.release}"
    return release if header.epoch is None else f"{header.epoch}:{release}"


def _nevrs(kind: DepType) -> Callable[[Header], list[str]]:
    return lambda header: [_formatted(each) for each in header.dependencies(kind)]


def _file_classes(header: Header) -> list[str]:
    names = header["CLASSDICT"]
    numbers = header.main.get(TAGS["FILECLASS"].number) or []
    if not isinstance(numbers, list):
        raise GenericError("malformed RPM header: FILECLASS")
    known = [names[number] if isinstance(number, int) and number < len(names) else "" for number in numbers]
    files = header.files()
    known += [""] * (len(files) - len(known))
    return [name or _class(file.mode, file.linkto) for name, file in zip(known, files, strict=False)]


def _class(mode: int, target: str) -> str:
    if stat.S_ISLNK(mode):
        return f"symbolic link to `{target}'"
    return _CLASSES.get(stat.S_IFMT(mode), "")


def _link_counts(header: Header) -> list[int]:
    """How many names in the package each file has."""
    modes, inodes = header["FILEMODES"], header["FILEINODES"]
    names = Counter(inode for mode, inode in zip(modes, inodes, strict=False) if stat.S_ISREG(mode))
    return [names[inode] if stat.S_ISREG(mode) else 1 for mode, inode in zip(modes, inodes, strict=False)]


def _file_dependencies(kind: DepType) -> Callable[[Header], list[str]]:
    def texts(header: Header) -> list[str]:
        all_of_kind = header.dependencies(kind)
        entries = header["DEPENDSDICT"]
        starts, counts = header["FILEDEPENDSX"], header["FILEDEPENDSN"]
        spans = dict(enumerate(zip(starts, counts, strict=False)))
        found = []
        for number in range(len(header["BASENAMES"])):
            start, count = spans.get(number, (0, 0))
            numbers = [entry & 0xFFFFFF for entry in entries[start : start + count] if _is(entry, kind)]
            found.append(
                " ".join([_formatted(all_of_kind[each]) for each in numbers if each < len(all_of_kind)])
            )
        return found

    return texts


def _is(entry: int, kind: DepType) -> bool:
    return _FILE_KINDS.get(entry >> 24) == kind


def _color(header: Header) -> int:
    total = 0
    for color in header["FILECOLORS"]:
        total |= color
    return total & 0x0F


def _conditions(prefix: str) -> Callable[[Header], list[str]]:
    def texts(header: Header) -> list[str]:
        found = defaultdict[int, list[str]](list)
        for script, name, version, flags in _triggers(header, prefix):
            found[script].append(format_dependency(name, version, flags))
        return [", ".join(found[script]) for script in range(len(header[f"{prefix}SCRIPTS"]))]

    return texts


def _occasions(prefix: str) -> Callable[[Header], list[str]]:
    def texts(header: Header) -> list[str]:
        found = {
            script: text
            for script, _name, _version, flags in _triggers(header, prefix)
            for flag, text in _TRIGGERS.items()
            if flags & flag
        }
        return [found.get(script, "") for script in range(len(header[f"{prefix}SCRIPTS"]))]

    return texts


def _triggers(header: Header, prefix: str) -> list[tuple[int, str, str, int]]:
    lists = [header[f"{prefix}{part}"] for part in ("INDEX", "NAME", "VERSION", "FLAGS")]
    return list(zip(*lists, strict=False))


DERIVED: Final[dict[str, Callable[[Header], Any]]] = {
    "ARCHSUFFIX": lambda header: f".{header.arch}",
    "DBINSTANCE": lambda _header: 0,
    "HEADERIMMUTABLE": lambda header: header.main.data[8:],
    "HEADERCOLOR": _color,
    "FILENAMES": lambda header: header.filenames,
    "FILECLASS": _file_classes,
    "FILENLINKS": _link_counts,
    "FILEPROVIDE": _file_dependencies(DepType.PROVIDE),
    "FILEREQUIRE": _file_dependencies(DepType.REQUIRE),
    "EPOCHNUM": lambda header: header.epoch or 0,
    "EVR": _evr,
    "NVR": lambda header: header.nvr,
    "NEVR": lambda header: f"{header.name}-{_evr(header)}",
    "NVRA": lambda header: f"{header.nvr}.{header['ARCH']}",
    "NEVRA": lambda header: f"{header.name}-{_evr(header)}.{header['ARCH']}",
    **{f"{kind.name}NEVRS": _nevrs(kind) for kind in DepType},
    **{f"{prefix}CONDS": _conditions(prefix) for prefix in ("TRIGGER", "FILETRIGGER", "TRANSFILETRIGGER")},
    **{f"{prefix}TYPE": _occasions(prefix) for prefix in ("TRIGGER", "FILETRIGGER", "TRANSFILETRIGGER")},
}
"""How to answer for each of them."""
