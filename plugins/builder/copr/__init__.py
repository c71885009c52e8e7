"""`coprBuild`: a build of a project, from its source to the results of every chroot (copr.md, 4.3).

The sources are got, in a chroot where code of the package runs (`coprSource`), each chroot is an
ordinary `build`, and the hub is told of every step, as it publishes what comes out.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from moromi.errors import BuildError, Fault, GenericError
from moromi_builder.plugin_api import Handler, callback, task

from .source import CoprSource as CoprSource

_OURS = ("copr+", "coprg+", "script+", "chroot+")
"""What the names of tags begin with in whose chroots projects build."""


@callback("preBuildRoot")
def set_options(
    kind: str, *, handler: Handler[Any], config: Mapping[str, Any], extra: dict[str, Any], **_rest: Any
) -> None:
    """Lay over the settings of a tag what the build at hand wants of its own chroots."""
    if not str(config["name"]).startswith(_OURS):
        return
    for key, value in handler.session.host.coprChroot(handler.task_id).items():
        if value is None:
            extra.pop(key, None)
        else:
            extra[key] = value


@dataclass
class CoprBuildParams:
    """`coprBuild(build_id)`."""

    build_id: int


@task("coprBuild", CoprBuildParams, weight=0.2)
class CoprBuild(Handler[CoprBuildParams]):
    """Leads a build through its steps."""

    def run(self) -> None:
        """Build. A chroot that fails does not keep the others from being built."""
        host = self.session.host
        facts: dict[str, Any] = host.coprBegin(self.task_id)
        deadline = time.monotonic() + facts["timeout"]
        try:
            source = self._source(facts, deadline)
            chosen: list[dict[str, Any]] = host.coprSource(self.task_id, source)
        except (GenericError, Fault) as error:
            host.coprNoSource(self.task_id, str(error))
            raise
        waiting: dict[int, str] = {}
        for each in chosen:
            options = {"draft": True, "wait_repo": True, "skip_tag": True}
            arguments = [source, each["target"], options]
            child = self.subtask("build", arguments, label=each["chroot"], arch="noarch")
            host.coprStart(self.task_id, each["chroot"], child)
            waiting[child] = each["chroot"]
        self._publish(waiting, deadline)

    def _publish(self, waiting: dict[int, str], deadline: float) -> None:
        """Have each chroot published as soon as it has ended."""
        while waiting:
            left = max(1.0, deadline - time.monotonic())
            try:
                results = self.wait(list(waiting), canfail=list(waiting), timeout=left)
            except GenericError:
                # out of time: the children are cancelled, and their logs are worth having
                for chroot in waiting.values():
                    self.session.host.coprGiveUp(self.task_id, chroot)
                raise
            for child in results:
                chroot = waiting.pop(int(child), "")
                if chroot:
                    self.session.host.coprPublish(self.task_id, chroot)

    # -- the source

    def _source(self, facts: Mapping[str, Any], deadline: float) -> str:
        """Get the source package; its path below the hub's work directory."""
        kind, source = facts["source_type"], dict(facts["source"])
        if kind == "upload" and not source["path"].endswith(".spec"):
            return str(source["path"])
        if kind == "link":
            local = self._download(source["url"])
            path = self.upload(local)
            if not local.name.endswith(".spec"):
                return path
            kind, source = "upload", {"path": path}
        tag = self.session.getTag(facts["tag"], strict=True)
        repo = self._result("waitrepo", [tag["id"], None, [], "last"], "waitrepo", deadline)
        arguments = [kind, source, tag["id"], {"repo_id": repo["id"]}]
        return str(self._result("coprSource", arguments, "source", deadline)["srpm"])

    def _result(self, method: str, arguments: Sequence[Any], label: str, deadline: float) -> dict[str, Any]:
        """What a subtask gives, which has to succeed in time."""
        child = self.subtask(method, arguments, label=label, arch="noarch")
        left = max(1.0, deadline - time.monotonic())
        result: dict[str, Any] = self.wait([child], all=True, failany=True, timeout=left)[child]
        return result

    def _download(self, url: str) -> Path:
        name = unquote(urlsplit(url).path).rsplit("/", 1)[-1]
        if urlsplit(url).scheme not in ("http", "https") or not name or name.startswith("."):
            raise BuildError(f"cannot download {url}")
        target = self.context.workdir / "download" / name
        target.parent.mkdir(exist_ok=True)
        self.files.download(url, target)
        return target


# -- the four functions that coprs have of builders (section 1.9)


@dataclass
class CreateCoprParams:
    """`create_copr(owner, copr_name, releases)`."""

    owner: str
    copr_name: str
    releases: list[str] | None = None


@task("create_copr", CreateCoprParams, weight=0.1)
class CreateCopr(Handler[CreateCoprParams]):
    """Sees to it that a copr has its repositories."""

    def run(self) -> list[str]:
        """Name the chroots that have one."""
        return list(self.session.host.coprCreate(self.task_id))


@task("remove_repos", CreateCoprParams, weight=0.1)
class RemoveRepos(Handler[CreateCoprParams]):
    """Deletes repositories of a copr with all packages in them."""

    def run(self) -> list[str]:
        """Name the chroots that had one."""
        return list(self.session.host.coprRemove(self.task_id))


@dataclass
class AsyncBuildParams:
    """`async_build_x86(srpm, release, copr_names)`."""

    srpm: str
    release: str
    copr_names: list[str]


@task("async_build_x86", AsyncBuildParams, weight=0.1)
class AsyncBuild(Handler[AsyncBuildParams]):
    """Has a source package built for a release of a copr, and does not wait for it."""

    def run(self) -> list[int]:
        """Give the ids of the tasks that build."""
        return list(self.session.host.coprAsyncBuild(self.task_id))


@dataclass
class MoveParams:
    """`move_to_copr(tmpdir, owner, copr_name, repos)`."""

    tmpdir: str | int
    owner: str
    copr_name: str
    repos: list[str]


@task("move_to_copr", MoveParams, weight=0.1)
class MoveToCopr(Handler[MoveParams]):
    """Publishes in repositories of a copr what a build left in its directory."""

    def run(self) -> list[str]:
        """Name the chroots whose repositories get the packages."""
        return list(self.session.host.coprMove(self.task_id))
