"""`chainbuild`: levels of builds, each in a repository that holds the level before (spec: builder, 2.3.5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from moromi.errors import GenericError
from moromi_builder.scm import is_scm_url
from moromi_builder.tasks.base import Handler
from moromi_builder.tasks.registry import task


@dataclass
class ChainBuildParams:
    """`chainbuild(srcs, target, opts=None)`: levels of SCM URLs and NVRs."""

    srcs: list[list[str]]
    target: str
    opts: dict[str, Any] = field(default_factory=dict)


@task("chainbuild", ChainBuildParams, weight=0.1)
class ChainBuild(Handler[ChainBuildParams]):
    """Builds level after level."""

    def run(self) -> None:
        """Build all levels."""
        if self.params.opts.get("scratch"):
            raise GenericError("--scratch is not allowed with chain-builds")
        target = self.session.getBuildTarget(self.params.target)
        if not target:
            raise GenericError(f"unknown build target: {self.params.target}")
        nvrs: list[str] = []
        for level, sources in enumerate(self.params.srcs):
            if nvrs:
                arguments = [target["build_tag_name"], None, nvrs]
                waiting = self.subtask("waitrepo", arguments, label=f"wait {level}")
                self.wait([waiting], all=True, failany=True)
            nvrs = self._build_level(level, sources)

    def _build_level(self, level: int, sources: list[str]) -> list[str]:
        """Build the URLs of a level side by side; give the level's NVRs."""
        nvrs, builds = [], []
        for number, source in enumerate(sources):
            if is_scm_url(source):
                arguments = [source, self.params.target, self.params.opts]
                builds.append(self.subtask("build", arguments, label=f"build {level},{number}"))
            else:
                nvrs.append(source)
        if builds:
            self.wait(builds, all=True, failany=True)
        for task_id in builds:
            nvrs.append(self.session.listBuilds(taskID=task_id)[0]["nvr"])
        return nvrs
