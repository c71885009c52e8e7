"""Metadata joined from what the hub keeps of its packages, which are not opened (spec: builder, section 5.6).

Works with a hub that keeps such (ours). Packs of fragments come from a mount of its tree or over HTTP, and
only for chunks that this builder has not made before: it keeps those for all repositories.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from moromi.client import ClientSession
from moromi.errors import GenericError
from moromi.repodata import ChunkCache, Entry, ExternalStore, PackStore, Recipe, local_origin, write_recipe
from moromi_builder.hubfiles import HubFiles
from moromi_builder.repos.source import PROBE, repo_path
from moromi_builder.settings import Settings

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


def entries(session: ClientSession, files: Sequence[tuple[int, str]]) -> Iterator[Entry]:
    """Yield what is kept of files (rpm id, key of a signed copy or ''), in their order."""
    for start in range(0, len(files), BATCH):
        for line in session.call(METHOD, [list(each) for each in files[start : start + BATCH]]):
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
        if self._mounted:
            return (self._files.topdir / pack).read_bytes()
        found = self._files.read(pack)
        if found is None:
            raise GenericError(f"Missing file: {pack}")
        return found

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
    found = zip(entries(session, ids), places, strict=True)
    extra = session.getBuildConfig(repo["tag_id"], event=repo["create_event"])["extra"]
    output = scratch / "repo"
    recipe = Recipe(
        arch=arch,
        lines=[entry._replace(href=place).line() for entry, place in found],
        local_origin=local_origin(scratch, repo["id"]),
        groups=_download(files, f"{path}/groups/comps.xml", scratch / "comps.xml"),
        external=external,
        blocked=(files.read(f"{path}/{arch}/blocklist") or b"").decode().split(),
        compression=str(extra.get("repo.compression", "zstd")),
        sqlite=bool(extra.get("repo.sqlite")),
    )
    workshop = Workshop(settings, files, files.mounted_tree(path, PROBE) is not None)
    write_recipe(recipe, workshop.store, workshop.cache, workshop.externals, output / "repodata")
    workshop.tidy()
    return output


def _download(files: HubFiles, path: str, target: Path) -> Path | None:
    data = files.read(path)
    if data is None:
        return None
    target.write_bytes(data)
    return target
