"""The entries of a repository that has begun: what its package lists name, as the engine wants it.

The package lists in the repository's directory decide; the rows of the rpms say what
is kept of each. Both the hub and builders start from here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from moromi.errors import GenericError
from moromi_hub.call import Call
from moromi_hub.db.copytext import unescape
from moromi_hub.repodata import queries, service

_BUILD_ID = re.compile(rb'"build_id": (\d+)')
_BUILD = 6
"""Where a row has the id of a build, and an entry the location of the package."""
_FRAGMENT = 7
_PACK = 13


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
    top = call.paths.topdir
    places = {
        b"%d" % build_id: os.path.relpath(call.paths.build(place), top).encode()
        for build_id, place in queries.places(call.tx, build_ids).items()
    }
    lines: dict[bytes, bytes] = {}
    lacking: dict[bytes, int] = {}

    def take(row: bytes) -> None:
        values = row[:-1].split(b"\t")
        if b"\\" in row:
            values = [unescape(value) for value in values]
        place = places.get(values[_BUILD])
        if place is None:
            return
        _source, name, arch, _epoch, version, release = values[:_BUILD]
        location = b"toplink/%b/%b/%b-%b-%b.%b.rpm" % (place, arch, name, version, release, arch)
        if not values[_FRAGMENT]:
            lacking[location] = int(values[_BUILD])
            return
        values[_BUILD] = location
        values[_PACK] = b"%b/%b/%b" % (place, service.PLACE.encode(), values[_PACK])
        values.append(b"")
        lines[location] = b"\t".join(values)

    call.tx.copy(queries.entries(build_ids), take)
    return lines, lacking
