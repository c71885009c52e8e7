"""Keeping what repositories say of rpms.

Of each rpm, the text that no signature changes is rendered at import and kept in a pack beside its
build (`data/repodata/`); what differs between its signed copies is in a row for each. So no rpm is
opened again when a repository is made. A row promises its pack; a pack that is lost is
forgotten, and what was in it rendered again when it is needed.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from moromi.errors import GenericError
from moromi.repodata import FileFacts, Rendered, pack_fragments, pack_name, render
from moromi_hub import files
from moromi_hub.call import Call
from moromi_hub.repodata import queries

log = logging.getLogger(__name__)

Info = Mapping[str, Any]
_BUILDS_AT_ONCE = 1000
PLACE = "data/repodata"
"""Where packs are, below the directory of a build."""


def keep(call: Call, directory: Path, rpms: Iterable[Info]) -> int:
    """Render and keep rpms (`id`, and what names its file) that are in a build's directory; how many.

    One that cannot be rendered is logged and left: whoever needs it will be told.
    """
    by_arch: dict[str, dict[int, Rendered]] = defaultdict(dict)
    for rpm in rpms:
        try:
            by_arch[rpm["arch"]][rpm["id"]] = render(directory / call.paths.rpm(rpm))
        except (GenericError, OSError) as error:
            log.warning("no metadata is kept: %s", error)
    # repositories of different arches read different packs
    rows = [row for rendered in by_arch.values() for row in _write_pack(call, directory, rendered)]
    if rows:
        queries.add(call.tx, rows)
    return len(rows)


def _write_pack(call: Call, directory: Path, rendered: Mapping[int, Rendered]) -> list[dict[str, Any]]:
    content = pack_fragments(each.fragment for each in rendered.values())
    name = pack_name(content)
    target = directory / PLACE / name
    # a damaged one has the name that the good one gets
    if not target.is_file() or target.read_bytes() != content:
        files.write(call.tx, target, content)
    return [_row(rpm_id, name, each) for rpm_id, each in rendered.items()]


def _row(rpm_id: int, pack: str, rendered: Rendered) -> dict[str, Any]:
    what = {"sourcerpm": rendered.sourcerpm, "fragment": bytes.fromhex(rendered.fragment.id), "pack": pack}
    return {"rpm_id": rpm_id, "sigkey": "", **what, **_facts(rendered.facts)}


def _facts(facts: FileFacts) -> dict[str, Any]:
    return {
        "pkgid": bytes.fromhex(facts.pkgid),
        "file_time": facts.time,
        "size": facts.size,
        "header_start": facts.header_start,
        "header_end": facts.header_end,
    }


def keep_signed(call: Call, directory: Path, rpm: Info, sigkey: str) -> None:
    """Keep the facts of a signed copy that is in place."""
    plain = queries.of_rpm(call.tx, rpm["id"], "")
    if plain is None:
        keep(call, directory, [rpm])
        plain = queries.of_rpm(call.tx, rpm["id"], "")
    if plain is not None:
        facts = FileFacts.of_file(directory / call.paths.signed(rpm, sigkey))
        queries.add(call.tx, [{**plain, "sigkey": sigkey, **_facts(facts)}])


def complete(call: Call, build_ids: Sequence[int]) -> int:
    """Keep what is not kept of builds; how many rpms."""
    count = 0
    for build_id, place in queries.places(call.tx, build_ids).items():
        rpms = queries.lacking(call.tx, build_id)
        count += keep(call, Path(call.paths.build(place)), rpms) if rpms else 0
    return count


def complete_files(call: Call, lacking: Sequence[tuple[int, str]]) -> None:
    """Keep what is not kept of files: rpm id, and the key of a signed copy or ''."""
    rpms = queries.rpms(call.tx, {rpm_id for rpm_id, _key in lacking})
    build_ids = {rpm["build_id"] for rpm in rpms.values()} - {None}
    complete(call, sorted(build_ids))
    places = queries.places(call.tx, sorted(build_ids))
    for rpm_id, sigkey in lacking:
        rpm = rpms.get(rpm_id)
        if sigkey and rpm is not None and rpm["build_id"] in places:
            try:
                keep_signed(call, Path(call.paths.build(places[rpm["build_id"]])), rpm, sigkey)
            except (GenericError, OSError) as error:
                log.warning("no metadata is kept: %s", error)


def count_lacking(call: Call) -> int:
    """How many rpms of COMPLETE builds have no metadata kept."""
    return queries.count_lacking(call.tx)


def incomplete_builds(call: Call, after: int = 0) -> list[int]:
    """Some ids, ascending and above `after`, of COMPLETE builds with such rpms; none at the end."""
    return queries.incomplete_builds(call.tx, after, _BUILDS_AT_ONCE)


def rename_signed(call: Call, rpm_id: int, old: str, new: str) -> None:
    """A signed copy of an rpm goes by another key."""
    queries.rename(call.tx, rpm_id, old, new)


def forget_signed(call: Call, rpm_id: int, sigkeys: Sequence[str]) -> None:
    """Forget signed copies of an rpm: they go."""
    queries.remove(call.tx, rpm_id, sigkeys)


def forget_build(call: Call, build_id: int) -> None:
    """Forget all rpms of a build: its files go."""
    queries.remove_of_build(call.tx, build_id)


def forget_packs(call: Call, names: Collection[str]) -> int:
    """Forget what was kept in packs that are lost; how many rows."""
    return queries.remove_packs(call.tx, names)


def packs(call: Call, build_ids: Sequence[int]) -> dict[int, set[str]]:
    """The packs of builds, below their directories."""
    found: dict[int, set[str]] = defaultdict(set)
    for row in queries.packs(call.tx, build_ids):
        found[row["build_id"]].add(f"{PLACE}/{row['pack']}")
    return found
