"""The end of repositories: what nobody needs expires, and what has expired long enough is removed.

The rules are those of Koji's repository daemon (spec: builder.md section 6.3),
with one more for `RepoAuto`, which makes many repositories: what a newer one has
replaced goes after `RepoSupersededLifetime`, as long as no buildroot uses it.
A row is DELETED before its directory goes, so nobody is led to half a directory;
what a crash leaves behind is found by `prune`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from moromi.constants import RepoState
from moromi.errors import GenericError
from moromi_hub import files
from moromi_hub.call import Call
from moromi_hub.repos import directories, queries, service, states, upkeep_queries

log = logging.getLogger(__name__)

_AT_ONCE = 50
"""Directories to remove in one run: the next one, a minute later, goes on."""


def run(call: Call) -> int:
    """Do everything that is due; how many repositories are deleted (their files go after the commit)."""
    settings = call.settings
    if not settings.RepoUpkeep:
        return 0
    _set(call, upkeep_queries.stale_inits(call.tx, settings), RepoState.PROBLEM)
    _set(call, upkeep_queries.to_expire(call.tx, settings), RepoState.EXPIRED)
    return sum(remove(call, repo_id) for repo_id in upkeep_queries.to_delete(call.tx, settings, _AT_ONCE))


def _set(call: Call, repo_ids: Iterable[int], state: RepoState) -> None:
    for repo_id in repo_ids:
        log.info("repository %s: %s", repo_id, state.name)
        states.set_state(call, repo_id, int(state))


def remove(call: Call, repo_id: int) -> bool:
    """Delete a repository and, once that is committed, its files; False if buildroots use it."""
    if service.delete_unused(call, repo_id):
        return False
    repo = queries.repo(call.tx, repo_id)
    if repo is None:
        raise GenericError(f"No such repo: {repo_id}")
    call.tx.after_commit(lambda: _remove_files(call, repo))
    return True


def _remove_files(call: Call, repo: Mapping[str, Any]) -> None:
    """Remove a repository's directory; with a link to another volume, what it points to as well."""
    make = call.paths.distrepo if repo["dist"] else call.paths.repo
    directory = Path(make(repo["id"], repo["tag_name"]))
    if not directories.belongs(directory, repo["tag_id"]):
        # the tag has been renamed, and another of the old name has come
        log.warning("%s is not removed: it is not one of tag %s", directory, repo["tag_id"])
        return
    if directory.is_symlink():
        other = directories.other_volume(call, directory, repo["id"], repo["tag_name"])
        if other is None or call.settings.IgnoreOtherVolumes:
            log.warning("%s is not removed: it leads elsewhere", directory)
            return
        files.remove_tree(directory)
        directory = other
    files.remove_tree(directory)
