"""One arch of a build repository: what goes into it, and writing it (spec: builder, section 5.6)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moromi.constants import REPO_MERGE_MODES
from moromi.errors import GenericError
from moromi.repodata.chunks import ChunkCache
from moromi.repodata.external import ExternalStore
from moromi.repodata.join import RepoResult, write_repository
from moromi.repodata.merge import merge
from moromi.repodata.model import FragmentStore

Repo = Mapping[str, Any]


@dataclass(frozen=True)
class Recipe:
    """One arch of a build repository.

    `lines`: entries of the tag's packages; `groups`: the file with the groups, if any; `external`: the
    tag's external repositories (`TagExternalRepo`, in order); `blocked`: names of source packages;
    `local_origin`: the URL that stands for the tag's packages where they are merged with others.
    """

    arch: str
    lines: Sequence[bytes]
    local_origin: str
    groups: Path | None = None
    external: Sequence[Repo] = ()
    blocked: Collection[str] = ()
    compression: str = "zstd"
    sqlite: bool = False


def write_recipe(
    recipe: Recipe, store: FragmentStore, cache: ChunkCache, externals: ExternalStore, repodata: Path
) -> RepoResult:
    """Write the metadata of one arch into a directory.

    GenericError: an external repository cannot be had, or they are to be merged in different ways.
    """
    how: dict[str, Any] = {"compression": recipe.compression, "comps": recipe.groups, "sqlite": recipe.sqlite}
    if not recipe.external:
        return write_repository(recipe.lines, store, cache, repodata, **how)
    mode = merge_mode(recipe.external)
    others = [externals.take_in(url) for url in urls_for(recipe.external, recipe.arch)]
    found = merge(recipe.lines, recipe.local_origin, others, mode, recipe.arch, recipe.blocked)
    origins, modules = found.origins, found.modules
    return write_repository(found.lines, store, cache, repodata, origins=origins, modules=modules, **how)


def local_origin(directory: Path, repo_id: int) -> str:
    """Return the URL that stands for the packages of a repository itself, as Koji's builders write it."""
    return f"file://{directory}/repo_{repo_id}_premerge/"


def merge_mode(repos: Sequence[Repo]) -> str:
    """Return the merge mode that external repositories share. GenericError: they differ, or it is unknown."""
    modes = sorted({repo["merge_mode"] or "koji" for repo in repos})
    if len(modes) > 1:
        raise GenericError(f"Found multiple merge modes for external repos: {modes}")
    if modes[0] not in REPO_MERGE_MODES:
        raise GenericError(f"Invalid merge mode: {modes[0]}")
    return str(modes[0])


def urls_for(repos: Sequence[Repo], arch: str) -> list[str]:
    """Return the URLs of the external repositories that have an arch, in order, without duplicates."""
    found = []
    for repo in repos:
        arches = (repo.get("arches") or "").split()
        if not arches or arch in arches:
            found.append(repo["url"].replace("$arch", arch))
    return list(dict.fromkeys(found))
