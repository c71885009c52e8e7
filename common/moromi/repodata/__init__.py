"""Repositories put together from pieces that exist already.

The metadata of each rpm is rendered once (`fragments`) and kept (`packs`). A repository is a list of
entries (`model`), cut into chunks that are compressed once and shared by all repositories (`chunks`),
joined and described (`join`, `repomd`). Nothing here knows a hub.
"""

from moromi.repodata.chunks import ChunkCache
from moromi.repodata.external import ExternalRepo, ExternalStore
from moromi.repodata.facts import FileFacts
from moromi.repodata.fragments import Rendered, render
from moromi.repodata.join import RepoResult, write_repository
from moromi.repodata.merge import Merged, Origin, merge
from moromi.repodata.model import Entry, Fragment, FragmentStore
from moromi.repodata.packs import BadPack, PackStore, pack_fragments, pack_name, unpack_fragments
from moromi.repodata.recipe import Recipe, local_origin, merge_mode, urls_for, write_recipe

__all__ = [
    "BadPack",
    "ChunkCache",
    "Entry",
    "ExternalRepo",
    "ExternalStore",
    "FileFacts",
    "Fragment",
    "FragmentStore",
    "Merged",
    "Origin",
    "PackStore",
    "Recipe",
    "Rendered",
    "RepoResult",
    "local_origin",
    "merge",
    "merge_mode",
    "pack_fragments",
    "pack_name",
    "render",
    "unpack_fragments",
    "urls_for",
    "write_recipe",
    "write_repository",
]
