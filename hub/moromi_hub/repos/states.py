"""The states of a repository.

::

    INIT ──> READY ──> EXPIRED ──> DELETED
      └────────┴──────────┴──> PROBLEM ──> DELETED

Numbers only grow, except that DELETED can be reached from everywhere and is
final; the same state again is nothing. `host.repoDone` makes READY (or EXPIRED),
the repository daemon and the worker make the others. Becoming READY satisfies
the requests that were waiting for it.
"""

from __future__ import annotations

from typing import Any

from moromi.constants import RepoState
from moromi.errors import GenericError, ParameterError
from moromi_hub import arguments
from moromi_hub.call import Call
from moromi_hub.repos import queries


def locked_repo(call: Call, repo_id: Any) -> dict[str, Any]:
    """The row of a repository, locked. Raises GenericError `query returned no rows`."""
    number = arguments.integer(repo_id)
    row = queries.lock_state(call.tx, number) if arguments.fits_id(number) else None
    if row is None:
        raise GenericError("query returned no rows")
    return row


def set_state(call: Call, repo_id: Any, state: Any) -> None:
    """Change the state of a repository, as the drawing above allows."""
    number = arguments.integer(state)
    if number not in RepoState.__members__.values():
        raise ParameterError(f"Unknown repo state: {number}")
    row = locked_repo(call, repo_id)
    old, new = RepoState(row["state"]), RepoState(number)
    if old == new:
        return
    if new < old and new != RepoState.DELETED:
        raise GenericError(f"Invalid repo state transition for repo {row['id']}: {old.name} -> {new.name}")
    if old == RepoState.DELETED:
        raise GenericError(f"Repo {row['id']} is deleted")
    queries.set_state(call.tx, row["id"], new)
    if new == RepoState.READY and not row["dist"]:
        queries.satisfy(call.tx, row)
    call.tx.notify({"type": "repo", "id": row["id"], "tag": row["tag_id"], "state": int(new)})
