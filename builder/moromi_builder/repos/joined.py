"""Metadata joined from what the hub keeps of its packages, which are not opened (spec: builder, section 5.6).

Works with a hub that keeps such (ours). Packs of fragments come from a mount of its tree or over HTTP, and
only for chunks that this builder has not made before: it keeps those for all repositories.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from moromi.client import ClientSession
from moromi.errors import GenericError
from moromi.repodata import (
    BadPack,
    ChunkCache,
    Entry,
    ExternalStore,
    PackStore,
    Recipe,
    local_origin,
    write_recipe,
)
from moromi_builder.hubfiles import HubFiles
from moromi_builder.repos.source import PROBE, repo_path
from moromi_builder.settings import Settings

logger = logging.getLogger(__name__)

METHOD = "host.getRPMMetadata"
BATCH = 5000
GIGABYTE = 1 << 30


def supported(session: ClientSession) -> bool:
    """Tell whether the hub keeps metadata."""
    try:
        session.call(METHOD, [])
    except GenericError as exc:
        if "Invalid method" in str(exc):
            return False
        raise
    return True


def join(
    session: ClientSession, files: Sequence[tuple[int, str]], write: Callable[[list[Entry]], object]
) -> None:
    """Call `write` with what is kept of files (rpm id, key of a signed copy or ''), in their order.

    Once more if a pack is lost or damaged: the hub renders what was in it again.
    """
    unreadable: list[str] = []
    while True:
        try:
            write(list(_entries(session, files, unreadable)))
            return
        except BadPack as error:
            if error.pack in unreadable or error.pack.startswith("/"):
                raise
            logger.warning("it is to be rendered again: %s", error)
            unreadable.append(error.pack)


def _entries(
    session: ClientSession, files: Sequence[tuple[int, str]], unreadable: Sequence[str]
) -> Iterator[Entry]:
    more = [list(unreadable)] if unreadable else []
    for start in range(0, len(files), BATCH):
        for line in session.call(METHOD, [list(each) for each in files[start : start + BATCH]], *more):
            yield Entry.parse(line.encode())


class Workshop:
    """What joins need: the hub's files, and what this builder keeps between them."""

    def __init__(self, settings: Settings, files: HubFiles, mounted: bool) -> None:
        self._files = files
        self._mounted = mounted
        place = Path(settings.workdir) / "repodata"
        self.cache = _chunk_cache(place / "chunks")
        self.externals = ExternalStore(place / "external")
        self.store = PackStore(self._read)
        self._most = settings.repodata_cache_size * GIGABYTE

    def _read(self, pack: str) -> bytes:
        if pack.startswith("/"):
            return Path(pack).read_bytes()
        found = self._files.read(pack) if not self._mounted else self._read_mounted(pack)
        if found is None:
            raise BadPack(pack, "no fragments")
        return found

    def _read_mounted(self, pack: str) -> bytes | None:
        place = self._files.topdir / pack
        return place.read_bytes() if place.is_file() else None

    def tidy(self) -> None:
        """Remove what was not used for longest, if there is too much."""
        self.cache.prune(self._most)
        self.externals.prune()


@lru_cache
def _chunk_cache(directory: Path) -> ChunkCache:
    return ChunkCache(directory)


def join_arch(
    session: ClientSession,
    settings: Settings,
    files: HubFiles,
    repo: dict[str, Any],
    arch: str,
    external: Sequence[dict[str, Any]],
    scratch: Path,
) -> Path | None:
    """Write the metadata of one arch of a new build repository in `scratch`/repo/repodata.

    Gives `scratch`/repo, or None where the hub lacks what is needed for a join.
    """
    path = repo_path(repo)
    rpmlist = files.read(f"{path}/{arch}/rpmlist.jsonl")
    pkglist = files.read(f"{path}/{arch}/pkglist")
    if rpmlist is None or pkglist is None or not supported(session):
        return None
    ids = [(int(json.loads(line)["id"]), "") for line in rpmlist.splitlines()]
    places = pkglist.decode().splitlines()
    if len(ids) != len(places):
        raise GenericError(f"The package lists of {path}/{arch} differ")
    extra = session.getBuildConfig(repo["tag_id"], event=repo["create_event"])["extra"]
    output = scratch / "repo"
    groups = _download(files, f"{path}/groups/comps.xml", scratch / "comps.xml")
    blocked = (files.read(f"{path}/{arch}/blocklist") or b"").decode().split()
    workshop = Workshop(settings, files, files.mounted_tree(path, PROBE) is not None)

    def write(found: list[Entry]) -> None:
        recipe = Recipe(
            arch=arch,
            lines=[entry._replace(href=place).line() for entry, place in zip(found, places, strict=True)],
            local_origin=local_origin(scratch, repo["id"]),
            groups=groups,
            external=external,
            blocked=blocked,
            compression=str(extra.get("repo.compression", "zstd")),
            sqlite=bool(extra.get("repo.sqlite")),
        )
        write_recipe(recipe, workshop.store, workshop.cache, workshop.externals, output / "repodata")

    join(session, ids, write)
    workshop.tidy()
    return output


def _download(files: HubFiles, path: str, target: Path) -> Path | None:
    data = files.read(path)
    if data is None:
        return None
    target.write_bytes(data)
    return target
