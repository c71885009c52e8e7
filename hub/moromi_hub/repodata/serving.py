"""Serving requests for repositories on the hub itself: what the worker does where `RepoOnHub` is set."""

from __future__ import annotations

import logging
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from moromi_hub.call import Call
from moromi_hub.hub import Hub
from moromi_hub.repodata import making
from moromi_hub.repos import requests

log = logging.getLogger(__name__)

_AT_ONCE = 4
_LOOK_SECONDS = 0.2
"""While repositories are made, how often to look for requests of other ones."""
_GIGABYTE = 1 << 30

Purpose = tuple[int, int | None, str]


def serve(call: Call) -> None:
    """Make repositories until no request waits.

    What fails for the first time is tried again at once, since what it was made of may have changed
    meanwhile (a build deleted or moved, an external repository replaced); later, in the next run.
    """
    hub = call.hub
    if not hub.settings.RepoOnHub:
        return
    failed: set[Purpose] = set()
    working: dict[Future[None], Purpose] = {}
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="repo-make") as pool:
        while True:
            for purpose, waiting in _waiting(hub).items():
                again = purpose in failed and waiting[0]["tries"] > 1
                if not again and purpose not in working.values():
                    working[pool.submit(_make, hub, waiting)] = purpose
            if not working:
                return
            for done in wait(working, _LOOK_SECONDS, FIRST_COMPLETED).done:
                purpose = working.pop(done)
                if done.exception() is not None:
                    failed.add(purpose)


def _waiting(hub: Hub) -> dict[Purpose, list[dict[str, Any]]]:
    """The requests that wait, the most urgent purpose first."""
    found: dict[Purpose, list[dict[str, Any]]] = {}
    with hub.call("repo.waiting") as call:
        for request in requests.made_here(call):
            found.setdefault(requests.purpose_of(request), []).append(request)
    return found


def _make(hub: Hub, waiting: list[dict[str, Any]]) -> None:
    """Make the repository that requests of one purpose wait for."""
    first = waiting[0]
    try:
        repo_id = making.make(hub, first["tag_id"], first["at_event"], first["opts"])
    except Exception:
        log.exception("no repository of %s", first["tag_name"])
        with hub.call("repo.failed") as call:
            requests.note_failure(call, waiting)
        raise
    log.info("repository %s of %s is ready", repo_id, first["tag_name"])


def prune(call: Call) -> None:
    """Remove the shared metadata that was not used for longest."""
    making.chunk_cache(call.hub).prune(call.settings.RepoCacheSize * _GIGABYTE)
    making.external_store(call.hub).prune()
