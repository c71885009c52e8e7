"""Repositories put together from pieces that exist already.

The metadata of each rpm is rendered once (`fragments`) and kept (`packs`). A repository is a list of
entries (`model`), cut into chunks that are compressed once and shared by all repositories (`chunks`),
joined and described (`join`, `repomd`). Nothing here knows a hub.
"""

from moromi.repodata.chunks import ChunkCache
from moromi.repodata.facts import FileFacts
from moromi.repodata.fragments import Rendered, render
from moromi.repodata.join import Origin, RepoResult, write_repository
from moromi.repodata.model import Entry, Fragment, FragmentStore
from moromi.repodata.packs import PackStore, pack_fragments, pack_name, unpack_fragments

__all__ = [
    "ChunkCache",
    "Entry",
    "FileFacts",
    "Fragment",
    "FragmentStore",
    "Origin",
    "PackStore",
    "Rendered",
    "RepoResult",
    "pack_fragments",
    "pack_name",
    "render",
    "unpack_fragments",
    "write_repository",
]
