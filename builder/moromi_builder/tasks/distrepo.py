"""`distRepo`: a repository of a tag's packages for users, one `createdistrepo` subtask for each arch.

Spec: builder, sections 2.5 and 5.7. The hub has made the repository before the task; here the arches are
made, put in place one by one (`host.distRepoMove`), and the whole declared ready.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moromi.arches import canonical
from moromi.errors import GenericError
from moromi.paths import task_relpath
from moromi_builder.repos.multilib import PARTNERS
from moromi_builder.tasks.base import Handler
from moromi_builder.tasks.registry import task


@dataclass
class DistRepoParams:
    """`distRepo(tag, repo_id, keys, task_opts)`: keys in order of preference, options of the spec's table."""

    tag: int | str
    repo_id: int
    keys: list[str]
    task_opts: dict[str, Any]


@task("distRepo", DistRepoParams, weight=0.1)
class DistRepo(Handler[DistRepoParams]):
    """Makes a dist repository."""

    def run(self) -> str:
        """Make every arch; give a sentence about it."""
        params = self.params
        arches = self._arches()
        if params.task_opts.get("multilib"):
            # A 64-bit arch takes packages from the finished repository of its partner.
            first = [arch for arch in arches if arch not in PARTNERS]
            self._make(first)
            arches = [arch for arch in arches if arch in PARTNERS]
        self._make(arches)
        self.session.host.repoDone(params.repo_id, {})
        return f"Dist repository #{params.repo_id} successfully generated"

    def _arches(self) -> list[str]:
        """List the repository's arches: those asked for, else the tag's."""
        opts = self.params.task_opts
        tag = self.session.getTag(self.params.tag, strict=True, event=opts.get("event"))
        wanted = opts.get("arch") or (tag["arches"] or "").split()
        if not wanted:
            raise GenericError("No arches specified nor for the tag!")
        return sorted({canonical(arch) for arch in wanted})

    def _make(self, arches: list[str]) -> None:
        """Make some arches at the same time and put them in place."""
        params = self.params
        children = {}
        for arch in arches:
            arguments = [params.tag, params.repo_id, arch, params.keys, params.task_opts]
            children[self.subtask("createdistrepo", arguments, label=arch, arch="noarch")] = arch
        if not children:
            return
        self.wait(list(children), all=True, failany=True)
        for task_id, arch in children.items():
            self.session.host.distRepoMove(params.repo_id, task_relpath(task_id), arch)
