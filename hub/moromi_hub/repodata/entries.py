"""The entries of a repository that has begun: what its package lists name, as the engine wants it.

The package lists in the repository's directory decide; the rows of the rpms say what
is kept of each. Both the hub and builders start from here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from moromi.errors import GenericError
from moromi.paths import PathInfo
from moromi.repodata import Entry
from moromi_hub.call import Call
from moromi_hub.db.copytext import unescape
from moromi_hub.repodata import queries, service

_BUILD_ID = re.compile(rb'"build_id": (\d+)')
_BUILD = queries.ENTRY_KEYS.index("build_id")
"""Where a row has the id of a build, and an entry the location of the package."""
_FRAGMENT = queries.ENTRY_KEYS.index("fragment")
_PACK = queries.ENTRY_KEYS.index("pack")


def arches(directory: Path) -> list[str]:
    """The arches of a repository, by its directory."""
    return sorted(path.parent.name for path in directory.glob("*/pkglist"))


def of_repository(call: Call, directory: Path, wanted: Iterable[str]) -> dict[str, list[bytes]]:
    """The lines of entries for each of some arches of a repository.

    What is not kept yet is rendered, and kept. Raises GenericError for a package without metadata.
    """
    lists = {arch: _lines(directory / arch / "pkglist") for arch in wanted}
    build_ids: set[int] = set()
    for arch in lists:
        build_ids.update(map(int, set(_BUILD_ID.findall((directory / arch / "rpmlist.jsonl").read_bytes()))))
    known, lacking = kept(call, sorted(build_ids))
    missing = {build for line in lists.values() for build in map(lacking.get, line) if build is not None}
    if missing:
        service.complete(call, sorted(missing))
        known |= kept(call, sorted(missing))[0]
    return {arch: _chosen(known, lines) for arch, lines in lists.items()}


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines()


def _chosen(known: Mapping[bytes, bytes], locations: Sequence[bytes]) -> list[bytes]:
    try:
        return [known[location] for location in locations]
    except KeyError as error:
        raise GenericError(f"no metadata of {error.args[0].decode()}") from None


def kept(call: Call, build_ids: Sequence[int]) -> tuple[dict[bytes, bytes], dict[bytes, int]]:
    """By location: the lines of all rpms of builds; for those whose metadata is not kept, the build's id."""
    places = _places(call, build_ids)
    lines: dict[bytes, bytes] = {}
    lacking: dict[bytes, int] = {}

    def take(row: bytes) -> None:
        values = _values(row)
        place = places.get(values[_BUILD])
        if place is None:
            return
        location = b"toplink/" + _location(values, place)
        if values[_FRAGMENT]:
            lines[location] = _line(values, place, location)
        else:
            lacking[location] = int(values[_BUILD])

    call.tx.copy(queries.entries(build_ids), take)
    return lines, lacking


def of_rpms(call: Call, files: Sequence[tuple[int, str]], unreadable: Collection[str] = ()) -> list[str]:
    """The lines of entries for files (rpm id, key of a signed copy or ''), in their order.

    What is not kept yet is rendered, and kept, as is what was in `unreadable` packs. Raises GenericError for
    a file without metadata.
    """
    lines, lacking = _kept_of_files(call, files)
    if unreadable and forget_lost(call, unreadable, lines):
        lines, lacking = _kept_of_files(call, files)
    if lacking:
        service.complete_files(call, lacking)
        lines, lacking = _kept_of_files(call, files)
    if lacking or len(lines) != len(files):
        raise GenericError(f"no metadata of {len(files) - len(lines)} rpms: {lacking[:10]}")
    return [line.decode() for line in lines]


def forget_lost(call: Call, bad: Collection[str], lines: Iterable[bytes]) -> int:
    """Forget bad packs, and those of some entries that are not there; how many rpms that concerns.

    So much as one is bad, and there will be others.
    """
    top = call.settings.topdir
    used = {Entry.parse(line).pack for line in lines}
    lost = {*bad, *(pack for pack in used if not (top / pack).is_file())}
    return service.forget_packs(call, {Path(pack).name for pack in lost})


def _kept_of_files(call: Call, files: Sequence[tuple[int, str]]) -> tuple[list[bytes], list[tuple[int, str]]]:
    places = _places(call, queries.builds_of(call.tx, {rpm_id for rpm_id, _key in files}))
    lines: list[bytes] = []
    lacking: list[tuple[int, str]] = []

    def take(row: bytes) -> None:
        *values, rpm_id, key = _values(row)
        place = places.get(values[_BUILD])
        if place is None:
            return
        if not values[_FRAGMENT]:
            lacking.append((int(rpm_id), key.decode()))
            return
        below = b"%b/data/signed/%b" % (place, key) if key else place
        lines.append(_line(values, place, _location(values, below)))

    call.tx.copy(queries.entries_of_files(files), take)
    return lines, lacking


def _places(call: Call, build_ids: Sequence[int]) -> dict[bytes, bytes]:
    """The directories of builds below the top, by their ids as COPY writes them."""
    below_top = PathInfo("")
    return {
        b"%d" % build_id: below_top.build(place).encode()
        for build_id, place in queries.places(call.tx, build_ids).items()
    }


def _values(row: bytes) -> list[bytes]:
    values = row[:-1].split(b"\t")
    return [unescape(value) for value in values] if b"\\" in row else values


def _location(values: Sequence[bytes], below: bytes) -> bytes:
    _source, name, arch, _epoch, version, release = values[:_BUILD]
    return b"%b/%b/%b-%b-%b.%b.rpm" % (below, arch, name, version, release, arch)


def _line(values: list[bytes], place: bytes, location: bytes) -> bytes:
    """An entry of `values`, which are used up."""
    values[_BUILD] = location
    values[_PACK] = b"%b/%b/%b" % (place, service.PLACE.encode(), values[_PACK])
    return b"\t".join((*values, b""))
