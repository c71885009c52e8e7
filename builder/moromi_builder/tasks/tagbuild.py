"""`tagBuild`: tag a build on behalf of the task's owner, and say so (spec: builder, section 2.3.6)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from moromi.errors import Fault, GenericError, RetryError
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
        params, host = self.params, self.session.host
        owner = self.session.getTaskInfo(self.task_id)["owner"]
        try:
            build = self.session.getBuild(params.build_id, strict=True)
            tag = self.session.getTag(params.tag_id, strict=True)
            # Whoever makes a call again whose answer was lost is told so when it has been done: to begin the
            # task again would find a build that is tagged already.
            with suppress(RetryError):
                host.tagBuild(
                    self.task_id, tag["id"], build["id"], force=params.force, fromtag=params.fromtag
                )
        except (GenericError, Fault) as exc:
            text = f"{type(exc).__name__}: {exc}"
            self._notify(False, owner, text)
            raise
        self._notify(True, owner, "")

    def _notify(self, good: bool, owner: int, failure: str) -> None:
        params = self.params
        with suppress(RetryError):
            self.session.host.tagNotification(
                good, params.tag_id, params.fromtag, params.build_id, owner, params.ignore_success, failure
            )
