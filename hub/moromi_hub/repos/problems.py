"""Why the hub could not make a repository: a file in its directory, for whoever waits for it.

Without it, somebody whose tag has an external repository that is gone learns only that there is none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from moromi.constants import RepoState
from moromi.errors import GenericError
from moromi_hub import files
from moromi_hub.call import Call
from moromi_hub.repos import queries

FILE = "problem.txt"
_OWN_FAILURE = "the hub failed, and its log says how"


def keep(call: Call, repo_id: int, error: Exception) -> None:
    """Write down what kept a repository from being made."""
    repo = queries.repo(call.tx, repo_id)
    if repo is not None:
        text = str(error) if isinstance(error, GenericError) else _OWN_FAILURE
        files.write(call.tx, _place(call, repo), f"{text}\n".encode())


def of_tag(call: Call, tag_id: int) -> str | None:
    """What kept the newest repository of a tag that is a PROBLEM from being made, if that is known."""
    repo = queries.newest(call.tx, tag_id, False, int(RepoState.PROBLEM), None, None)
    place = None if repo is None else _place(call, repo)
    return place.read_text("utf-8").strip() if place is not None and place.is_file() else None


def _place(call: Call, repo: dict[str, Any]) -> Path:
    return Path(call.paths.repo(repo["id"], repo["tag_name"])) / FILE
