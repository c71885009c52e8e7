"""Which repositories may stay, and what becomes of the others (spec: builder, section 6.3).

    INIT   -> PROBLEM   its task has ended badly, or it takes for ever
    READY  -> EXPIRED   old, and neither current nor the latest that builds could use
    EXPIRED, PROBLEM -> DELETED, files removed   old, and no buildroot uses it

The hub decides whether a change is allowed. Another daemon, or the hub itself, may have been faster: that is
no error, the next round sees what is left.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from moromi.client import ClientSession
from moromi.constants import RepoState, TaskState
from moromi.errors import AuthError, Fault, GenericError
from moromi_upkeep.options import Values
from moromi_upkeep.repod.directories import Directories
from moromi_upkeep.repod.removals import Removals

logger = logging.getLogger(__name__)

FIELDS = (
    *("id", "tag_id", "create_event", "state", "dist", "task_id", "tag_name", "creation_ts", "state_ts"),
    *("end_event", "opts", "custom_opts", "task_state"),
)
Repo = Mapping[str, Any]


class Keeper:
    """One daemon's view of all repositories; `due` remembers when to look again at those that stay."""

    def __init__(
        self, session: ClientSession, options: Values, directories: Directories, removals: Removals
    ) -> None:
        self._session = session
        self._options = options
        self._directories = directories
        self._removals = removals
        self._due: dict[int, float] = {}
        self._first_seen: dict[int, float] = {}
        self._steps: dict[RepoState, Callable[[Repo], None]] = {
            RepoState.INIT: self._look_at_unfinished,
            RepoState.READY: self._look_at_ready,
            RepoState.EXPIRED: self._look_at_expired,
            RepoState.PROBLEM: self._look_at_expired,
        }
        self.repos: Sequence[Repo] = ()
        self.now = 0.0

    def round(self) -> None:
        """Read all repositories and do what is due."""
        clauses = [["state", "!=", int(RepoState.DELETED)]]
        self.repos = self._session.repo.query(clauses, list(FIELDS))
        self.now = time.time()
        ids = {repo["id"] for repo in self.repos}
        self._due = {key: value for key, value in self._due.items() if key in ids}
        self._first_seen = {key: value for key, value in self._first_seen.items() if key in ids}
        for repo in self.repos:
            self._first_seen.setdefault(repo["id"], self.now)
            if self._due.get(repo["id"], 0.0) > self.now:
                continue
            try:
                self._steps[RepoState(repo["state"])](repo)
            except AuthError:
                raise
            except (GenericError, Fault) as error:
                logger.warning("repo %s: %s", repo["id"], error)

    def _age(self, repo: Repo) -> float:
        """Say for how long it has been in its state."""
        if repo["state_ts"] is not None:
            return float(self.now - repo["state_ts"])
        age = self._directories.age(repo, self.now)
        return self.now - self._first_seen[repo["id"]] if age is None else age

    def _look_at_unfinished(self, repo: Repo) -> None:
        created = repo["creation_ts"]
        failed = repo["task_state"] in (TaskState.CANCELED, TaskState.FAILED)
        if failed or created is None or self.now - created > self._options.init_timeout:
            logger.info("repo %s of %s was not finished", repo["id"], repo["tag_name"])
            self._session.repoProblem(repo["id"])

    def _look_at_ready(self, repo: Repo) -> None:
        options = self._options
        if repo["end_event"] is None and not repo["custom_opts"]:
            return
        if self._age(repo) <= (options.dist_repo_lifetime if repo["dist"] else options.repo_lifetime):
            return
        if self._is_latest(repo) and (repo["dist"] or self._builds_use(repo)):
            self._due[repo["id"]] = self.now + options.recheck_period
            return
        logger.info("repo %s of %s has expired", repo["id"], repo["tag_name"])
        self._session.repoExpire(repo["id"])

    def _is_latest(self, repo: Repo) -> bool:
        """Say whether no later one of its kind is READY; one with its own options replaces no other."""
        return not any(
            other["state"] == RepoState.READY
            and (other["tag_id"], other["dist"]) == (repo["tag_id"], repo["dist"])
            and other["create_event"] > repo["create_event"]
            and (other["dist"] or not other["custom_opts"])
            for other in self.repos
        )

    def _builds_use(self, repo: Repo) -> bool:
        """Say whether builds of a target would use it."""
        return not repo["custom_opts"] and bool(self._session.getBuildTargets(buildTagID=repo["tag_id"]))

    def _look_at_expired(self, repo: Repo) -> None:
        if self._age(repo) < self._options.expired_repo_lifetime:
            return
        if self._session.repo.references(repo["id"]):
            self._due[repo["id"]] = self.now + self._options.reference_recheck_period
            return
        # The row first: nobody is to be led to half a directory.
        self._session.repo.setState(repo["id"], int(RepoState.DELETED))
        logger.info("repo %s of %s is deleted", repo["id"], repo["tag_name"])
        for path in self._directories.removable(repo):
            self._removals.add(path)
