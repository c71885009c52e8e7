"""`buildArch`: the binary packages of one source package on one arch (spec: builder, section 2.3.2)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from moromi.errors import BuildError, GenericError
from moromi_builder import srpm
from moromi_builder.chroot import BuildRoot, RootPlan, usable_repo
from moromi_builder.hubfiles import MissingFile
from moromi_builder.rpmdiff import fingerprint
from moromi_builder.tasks.base import Handler
from moromi_builder.tasks.registry import task

BASE_WEIGHT = 1.5
MOST_WEIGHT = 18.0
SECONDS_PER_WEIGHT = 4800.0
AVERAGE_OVER_MONTHS = 6
RPMDIFF = "noarch_rpmdiff.json"


@dataclass
class BuildArchParams:
    """`buildArch(pkg, root, arch, keep_srpm, opts=None)`; pkg is a path below work, root the build tag."""

    pkg: str
    root: int | str
    arch: str
    keep_srpm: bool
    opts: dict[str, Any] = field(default_factory=dict)


@task("buildArch", BuildArchParams, weight=BASE_WEIGHT)
class BuildArch(Handler[BuildArchParams]):
    """Builds."""

    checks_host = True

    def build_tag(self) -> Any:
        """Name the tag of the chroot."""
        return self.params.root

    def run(self) -> dict[str, Any]:
        """Build; gives `rpms, srpms, logs` (paths below work) and `brootid`."""
        params = self.params
        repo = usable_repo(self, params.opts.get("repo_id"))
        source = self._fetch()
        package = srpm.read_source(source, params.pkg)
        self._set_weight(package.name)
        tag = self.session.getTag(params.root, strict=True, event=repo["create_event"])
        config = self.session.getBuildConfig(tag["id"], event=repo["create_event"])
        arch = self.find_arch(params.arch, config, self.context.arch)
        root = BuildRoot(self, RootPlan(tag=tag["id"], repo_id=int(repo["id"]), arch=arch))
        root.init()
        root.rebuild(source, params.arch)
        return self._deliver(root)

    def _fetch(self) -> Path:
        path = f"work/{self.params.pkg}"
        try:
            return self.files.fetch(path)
        except MissingFile as exc:
            raise BuildError(f"SRPM file missing: {path}") from exc

    def _set_weight(self, name: str) -> None:
        """A package that has taken long weighs more."""
        average = self.session.getAverageBuildDuration(name, age=AVERAGE_OVER_MONTHS)
        if average is not None and average > 0:
            weight = BASE_WEIGHT + min(MOST_WEIGHT, average / SECONDS_PER_WEIGHT)
            self.session.host.setTaskWeight(self.task_id, weight)
            self.context.report(None, weight)

    def _deliver(self, root: BuildRoot) -> dict[str, Any]:
        """Upload what was built."""
        everything = sorted(path for path in root.result.glob("*.rpm") if path.is_file())
        rpms = [path for path in everything if not path.name.endswith(".src.rpm")]
        srpms = [path for path in everything if path.name.endswith(".src.rpm")]
        if self.params.keep_srpm:
            self._check_srpm(srpms)
        noarch = {path.name: fingerprint(path) for path in rpms if path.name.endswith(".noarch.rpm")}
        if noarch:
            report = self.context.workdir / RPMDIFF
            report.write_text(json.dumps({str(self.task_id): noarch}, indent=2), encoding="utf-8")
            self.upload(report)
            self.logs.add_name(RPMDIFF)
        result: dict[str, Any] = {
            "rpms": [self.upload(path) for path in rpms],
            "srpms": [self.upload(path) for path in srpms] if self.params.keep_srpm else [],
        }
        root.expire()
        return {**result, "logs": self.log_paths(), "brootid": root.id}

    def _check_srpm(self, srpms: list[Path]) -> None:
        if not srpms:
            raise GenericError(f"no srpm files found for task {self.task_id}")
        if len(srpms) > 1:
            names = [path.name for path in srpms]
            raise GenericError(f"multiple srpm files found for task {self.task_id}: {names}")
        srpm.check_build_tags(srpms[0])
