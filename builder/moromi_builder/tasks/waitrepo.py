"""`waitrepo`: ends when a repository is new enough (spec: builder, sections 2.4 and 5.3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from moromi.errors import GenericError
from moromi_builder.repowait import RepoWatcher
from moromi_builder.tasks.base import Handler
from moromi_builder.tasks.registry import task


@dataclass
class WaitRepoParams:
    """`waitrepo(tag, newer_than=None, nvrs=None, min_event=None)`; `newer_than` is the older form."""

    tag: int | str
    newer_than: float | str | None = None
    nvrs: list[str] = field(default_factory=list)
    min_event: int | str | None = None


@task("waitrepo", WaitRepoParams, weight=0.2)
class WaitRepo(Handler[WaitRepoParams]):
    """Waits."""

    def run(self) -> dict[str, Any]:
        """Give the repository."""
        tag = self.session.getTag(self.params.tag, strict=True)
        watcher = RepoWatcher(self.context, tag, nvrs=self.params.nvrs, min_event=self._min_event(tag["id"]))
        return watcher.wait()

    def _min_event(self, tag_id: int) -> int | str | None:
        """Translate the older form."""
        newer_than, min_event = self.params.newer_than, self.params.min_event
        if newer_than is None:
            return min_event
        if min_event is not None:
            raise GenericError("newer_than and min_event args confict")
        if newer_than == "now":
            return "last"
        if isinstance(newer_than, str):
            raise GenericError(f"Invalid value for newer_than: {newer_than}")
        base = self.session.getLastEvent(before=newer_than)
        first = self.session.tagFirstChangeEvent(tag_id, after=base["id"]) if base else None
        return first if first is not None else "last"
