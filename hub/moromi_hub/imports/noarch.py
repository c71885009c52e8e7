"""The same noarch package built on several arches must be the same package (builder.md section 2.3.2).

Size, digest and time of files may differ, and so may what follows from where and
when a package was built. Differences are reported the way people know them from
`rpmdiff`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from moromi.constants import DepType
from moromi.errors import BuildError
from moromi.rpm import CONTENT_TAGS, Dependency, FileEntry, Header, read_header

_TAGS = (*CONTENT_TAGS, "VERSION", "RELEASE", "EPOCH", "ARCH")


def one_of_each(paths: Iterable[tuple[str, Path]]) -> list[str]:
    """The given names without repeated noarch packages; each comes with the path of its content.

    Raises BuildError with the differences when packages of one file name differ.
    """
    first: dict[str, Path] = {}
    kept = []
    for name, path in paths:
        base = name.rpartition("/")[2]
        if not base.endswith(".noarch.rpm") or base not in first:
            first.setdefault(base, path)
            kept.append(name)
            continue
        found = differences(read_header(first[base]), read_header(path))
        if found:
            text = "The following noarch package built differently on different architectures"
            raise BuildError(f"{text}: {base}\nrpmdiff output was:\n" + "\n".join(found))
    return kept


def differences(old: Header, new: Header) -> list[str]:
    """What differs between two packages, one line each; empty if nothing that counts does."""
    found = [f"S.5........ {tag}" for tag in _TAGS if old[tag] != new[tag]]
    for kind in DepType:
        found += _dependency_changes(kind, _dependencies(old, kind), _dependencies(new, kind))
    found += _file_changes(old, new)
    return found


def _dependencies(header: Header, kind: DepType) -> set[Dependency]:
    """Without what a package says of itself: its own name and evr among its provides."""
    own = header.name
    everything = set(header.dependencies(kind))
    if kind != DepType.PROVIDE:
        return everything
    return {each for each in everything if each.name != own and not each.name.startswith(f"{own}(")}


def _dependency_changes(kind: DepType, old: set[Dependency], new: set[Dependency]) -> Iterator[str]:
    label = {DepType.REQUIRE: "REQUIRES", DepType.PROVIDE: "PROVIDES"}.get(kind, f"{kind.name}S")
    for each in sorted(old - new):
        yield f"removed     {label} {each.name} {each.version}".rstrip()
    for each in sorted(new - old):
        yield f"added       {label} {each.name} {each.version}".rstrip()


def _file_changes(old: Header, new: Header) -> Iterator[str]:
    before = {each.name: each for each in old.files()}
    after = {each.name: each for each in new.files()}
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            yield f"removed     {name}"
        elif name not in before:
            yield f"added       {name}"
        elif marks := _marks(before[name], after[name]):
            yield f"{marks} {name}"


def _marks(old: FileEntry, new: FileEntry) -> str:
    """A letter per property that differs (mode, link, flags, user, group), '' for none."""
    checks = (
        (".", False),
        ("M", old.mode != new.mode),
        (".", False),
        (".", False),
        (".", False),
        ("L", old.linkto != new.linkto),
        ("V", old.flags != new.flags),
        ("U", old.user != new.user),
        ("G", old.group != new.group),
        (".", False),
        (".", False),
    )
    if not any(differs for _letter, differs in checks):
        return ""
    return "".join(letter if differs else "." for letter, differs in checks)
