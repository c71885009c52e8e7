"""Getting a repository that is new enough (spec: builder, section 5.3).

`RepoWatcher.ready` asks the hub once; `RepoWatcher.wait` goes on until there is one: first the builds must
be tagged, then a repository made after that must be ready. It sleeps on the push events of the tag and
polls where there are none.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from moromi.constants import USABLE_REPOS
from moromi.errors import GenericError
from moromi.names import parse_NVR
from moromi_builder.waiting import sleep_until

if TYPE_CHECKING:
    from moromi_builder.context import Context

logger = logging.getLogger(__name__)

POLL = 60.0
TIMEOUT = 120 * 60.0


class RepoWatcher:
    """One wish for a repository of a tag: not older than `min_event`, with these builds (`name-version-
    release`).
    """

    def __init__(
        self,
        context: Context,
        tag: Mapping[str, Any],
        *,
        nvrs: Sequence[str] = (),
        min_event: int | str | None = None,
        opts: Mapping[str, Any] | None = None,
    ) -> None:
        self._context = context
        self._session = context.session
        self._tag = tag
        self._nvrs = list(nvrs)
        self.min_event = min_event
        self._opts = dict(opts) if opts else None
        self._start = time.monotonic()

    def ready(self) -> dict[str, Any] | None:
        """Ask once: the repository, or None when it has to be waited for."""
        if self._nvrs and not self._tagged():
            return None
        answer = self._request()
        if answer["request"] and self.min_event is None:
            self.min_event = answer["request"].get("min_event")
        repo = answer["repo"]
        return repo if repo and self._satisfies(repo) else None

    def wait(self) -> dict[str, Any]:
        """Wait for it. Raises GenericError after two hours, or when the hub gives up the request."""
        if self._nvrs:
            self._wait_for_tags()
        while True:
            repo = self._wait_for_request(self._request())
            if self._satisfies(repo):
                return repo
            self.min_event = self._last_change()

    def _wait_for_tags(self) -> None:
        while not self._tagged():
            self._sleep(f"for {', '.join(self._nvrs)} to appear in the {self._tag['name']} repo")
        self.min_event = self._last_change()

    def _wait_for_request(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Follow a request until it has a repository."""
        while True:
            if answer["repo"]:
                repo: dict[str, Any] = answer["repo"]
                return repo
            request = answer["request"]
            if not request.get("active", True):
                why = f": {answer['problem']}" if answer.get("problem") else ""
                raise GenericError(f"Repo request no longer active{why}")
            self._sleep(f"for a new {self._tag['name']} repo")
            answer = self._session.call("repo.checkRequest", request["id"])

    def _sleep(self, what: str) -> None:
        waited = time.monotonic() - self._start
        if waited > TIMEOUT:
            raise GenericError(f"Unsuccessfully waited {_minutes(waited)} {what}")
        sleep_until(self._context, f"/tag/{self._tag['name']}", _concerns, TIMEOUT - waited + 1, poll=POLL)

    def _request(self) -> dict[str, Any]:
        extra = {"opts": self._opts} if self._opts else {}
        answer: dict[str, Any] = self._session.call(
            "repo.request", self._tag["id"], min_event=self.min_event, **extra
        )
        return answer

    def _last_change(self) -> int:
        return int(self._session.tagLastChangeEvent(self._tag["id"]))

    def _tagged(self, event: int | None = None) -> bool:
        """Tell whether all builds are in the tag (at an event)."""
        extra = {} if event is None else {"event": event}
        for nvr in self._nvrs:
            wanted = parse_NVR(nvr)
            builds = self._session.listTagged(self._tag["id"], package=wanted["name"], inherit=True, **extra)
            if not any(
                build["version"] == wanted["version"] and build["release"] == wanted["release"]
                for build in builds
            ):
                return False
        return True

    def _satisfies(self, repo: Mapping[str, Any]) -> bool:
        """Check a repository against the wish."""
        if repo["tag_id"] != self._tag["id"]:
            return False
        if repo["state"] not in USABLE_REPOS:
            return False
        event = int(repo["create_event"])
        if isinstance(self.min_event, int) and event < self.min_event:
            return False
        given = repo.get("opts") or {}
        if self._opts and any(given.get(key) != value for key, value in self._opts.items()):
            return False
        return not self._nvrs or self._tagged(event)


def _concerns(name: str, _event: dict[str, Any]) -> bool:
    return name in ("hello", "repo", "tag", "request")


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
