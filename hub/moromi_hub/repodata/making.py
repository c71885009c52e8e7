"""Repositories that the hub makes itself, without any task (`RepoOnHub`).

A repository goes through the states that it would with a builder, with the same callbacks. What is
kept of its packages is joined; a fragment that is lost is rendered again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

from moromi.constants import RepoState
from moromi.repodata import (
    BadPack,
    ChunkCache,
    ExternalStore,
    PackStore,
    Recipe,
    local_origin,
    write_recipe,
)
from moromi_hub import files
from moromi_hub.call import Call
from moromi_hub.external_repos import service as external_repos
from moromi_hub.hub import Hub
from moromi_hub.repodata import entries
from moromi_hub.repos import problems, states
from moromi_hub.repos import service as repos
from moromi_hub.tags import service as tags

log = logging.getLogger(__name__)

_ARCHES_AT_ONCE = 4

CACHE = "repodata"
"""Below the top: what repositories share (`chunks`), and external ones in our form (`external`)."""


def make(hub: Hub, tag_id: int, event: int | None, opts: Mapping[str, bool]) -> int:
    """Make a repository, of what a tag shows now or at an event; its id.

    If that fails, it is PROBLEM and the error is raised.
    """
    with hub.call("repo.init") as call:
        repo_id, _event = repos.repo_init(call, tag_id, None, event, opts)
    try:
        data = _write(hub, repo_id)
        with hub.call("repo.done") as call:
            repos.metadata_written(call, repo_id, data)
    except Exception as error:
        with hub.call("repo.problem") as call:
            states.set_state(call, repo_id, int(RepoState.PROBLEM))
            problems.keep(call, repo_id, error)
        raise
    return repo_id


def _write(hub: Hub, repo_id: int) -> dict[str, Any]:
    """Write the metadata of all arches; `{arch: [directory below the repository's, [file]]}`."""
    mended: set[str] = set()
    while True:
        with hub.call("repo.entries") as call:
            repo = repos.repo_info(call, repo_id, strict=True) or {}
            directory = Path(hub.paths.repo(repo_id, repo["tag_name"]))
            recipes = _recipes(call, repo, directory)
        try:
            return _write_arches(hub, directory, recipes)
        except BadPack as error:
            if error.pack in mended or not _forget_lost(hub, error.pack, recipes):
                raise
            log.warning("it is rendered again: %s", error)
            mended.add(error.pack)


def _write_arches(hub: Hub, directory: Path, recipes: Sequence[Recipe]) -> dict[str, Any]:
    with ThreadPoolExecutor(_ARCHES_AT_ONCE, thread_name_prefix="repo-arch") as pool:
        written = pool.map(lambda recipe: _write_arch(hub, directory, recipe), recipes)
        return {recipe.arch: data for recipe, data in zip(recipes, written, strict=True)}


def _write_arch(hub: Hub, directory: Path, recipe: Recipe) -> list[Any]:
    place = directory / recipe.arch / "repodata"
    result = write_recipe(recipe, PackStore(_reader(hub)), chunk_cache(hub), external_store(hub), place)
    files.sync_tree(place)
    return [f"{recipe.arch}/repodata", list(result.files)]


def _forget_lost(hub: Hub, bad: str, recipes: Iterable[Recipe]) -> bool:
    with hub.call("repo.repair") as call:
        return entries.forget_lost(call, [bad], chain.from_iterable(each.lines for each in recipes)) > 0


def _recipes(call: Call, repo: Mapping[str, Any], directory: Path) -> list[Recipe]:
    """What goes into each arch of a repository that has begun."""
    tag = tags.build_config(call, repo["tag_id"], repo["create_event"])
    external = external_repos.external_repo_list(call, repo["tag_id"], repo["create_event"])
    form = form_of(tag)
    lines = entries.of_repository(call, directory, entries.arches(directory))
    return [
        Recipe(
            arch=arch,
            lines=lines[arch],
            local_origin=local_origin(directory, repo["id"]),
            groups=directory / "groups" / "comps.xml",
            external=external,
            blocked=(directory / arch / "blocklist").read_text("utf-8").split(),
            **form,
        )
        for arch in lines
    ]


def form_of(tag: Mapping[str, Any]) -> dict[str, Any]:
    """In which form a tag (a build configuration) wants its metadata: `compression` and `sqlite`.

    Its extra says it: `repo.compression` ("zstd" or "gzip"), `repo.sqlite` (true: databases as well).
    """
    extra = tag["extra"]
    return {
        "compression": str(extra.get("repo.compression", "zstd")),
        "sqlite": bool(extra.get("repo.sqlite")),
    }


def chunk_cache(hub: Hub) -> ChunkCache:
    """The chunks that all repositories share."""
    return _cache(hub.settings.topdir / CACHE / "chunks")


def external_store(hub: Hub) -> ExternalStore:
    """The external repositories that have been taken in."""
    return ExternalStore(hub.settings.topdir / CACHE / "external")


@lru_cache
def _cache(directory: Path) -> ChunkCache:
    """One for the process: it remembers sums, so that what has not changed is not summed up again."""
    return ChunkCache(directory)


def _reader(hub: Hub) -> Any:
    top = hub.settings.topdir

    def read(pack: str) -> bytes:
        try:
            return (top / pack).read_bytes()
        except OSError as error:
            raise BadPack(pack, str(error)) from error

    return read
