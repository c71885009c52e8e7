"""`tagBuild`: tag a build on behalf of the task's owner, and say so (spec: builder, section 2.3.6)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from moromi.errors import Fault, GenericError, RetryError, TagError
from moromi_builder.tasks.base import Handler
from moromi_builder.tasks.registry import task


@dataclass
class TagBuildParams:
    """`tagBuild(tag_id, build_id, force=False, fromtag=None, ignore_success=False)`."""

    tag_id: int | str
    build_id: int | str
    force: bool = False
    fromtag: int | str | None = None
    ignore_success: bool = False


@task("tagBuild", TagBuildParams)
class TagBuild(Handler[TagBuildParams]):
    """Tags; the hub checks policy and package list."""

    def run(self) -> None:
        """Tag and notify; a failure is notified too."""
        params = self.params
        task_info = self.session.getTaskInfo(self.task_id)
        owner = task_info["owner"]
        try:
            build = self.session.getBuild(params.build_id, strict=True)
            tag = self.session.getTag(params.tag_id, strict=True)
            self._tag(tag["id"], build["id"], task_info)
        except (GenericError, Fault) as exc:
            text = f"{type(exc).__name__}: {exc}"
            self._notify(False, owner, text)
            raise
        self._notify(True, owner, "")

    def _tag(self, tag_id: int, build_id: int, task_info: Mapping[str, Any]) -> None:
        """Tag; that this task has done it already is good: the answer was lost, or its builder was killed."""
        force, fromtag = self.params.force, self.params.fromtag
        try:
            # RetryError: the call was made again, and had been done the first time.
            with suppress(RetryError):
                self.session.host.tagBuild(self.task_id, tag_id, build_id, force=force, fromtag=fromtag)
        except TagError:
            history = self.session.queryHistory(
                tables=["tag_listing"], tag=tag_id, build=build_id, active=True
            )
            begun, owner = task_info["create_ts"], task_info["owner"]
            rows = history["tag_listing"]
            if not any(row["creator_id"] == owner and row["create_ts"] >= begun for row in rows):
                raise

    def _notify(self, good: bool, owner: int, failure: str) -> None:
        params = self.params
        with suppress(RetryError):
            self.session.host.tagNotification(
                good, params.tag_id, params.fromtag, params.build_id, owner, params.ignore_success, failure
            )
