"""`buildSRPMFromSCM` and `rebuildSRPM`: a source package made in a chroot (spec: builder, 2.3.3 and
2.3.4).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from moromi.errors import BuildError
from moromi_builder import commands, plugins, scm, srpm
from moromi_builder.beneath import check_inside
from moromi_builder.chroot import BuildRoot, RootPlan, usable_repo
from moromi_builder.hubfiles import MissingFile
from moromi_builder.tasks.base import Handler, P
from moromi_builder.tasks.registry import task

GROUP = "srpm-build"


@dataclass
class BuildSRPMFromSCMParams:
    """`buildSRPMFromSCM(url, build_tag, opts=None)`; opts: repo_id, scratch."""

    url: str
    build_tag: int | str
    opts: dict[str, Any] = field(default_factory=dict)


@dataclass
class RebuildSRPMParams:
    """`rebuildSRPM(srpm, build_tag, opts=None)`; srpm is a path below the hub's work directory."""

    srpm: str
    build_tag: int | str
    opts: dict[str, Any] = field(default_factory=dict)


class MakesSRPM(Handler[P]):
    """What both share."""

    checks_host = True

    def make_root(self, tag: int | str, repo_id: int | None, *, dns: bool) -> BuildRoot:
        """Make the chroot, on an arch that this host and the tag share."""
        repo = usable_repo(self, repo_id)
        config = self.session.getTag(tag, strict=True, event=repo["create_event"])
        credentials = self.settings.scm_credentials_dir
        binds: tuple[tuple[str, str], ...] = ()
        if dns and credentials and os.path.isdir(credentials):
            binds = ((credentials, "/credentials"),)
        root = BuildRoot(
            self,
            RootPlan(
                tag=config["id"],
                repo_id=int(repo["id"]),
                arch=self.find_arch("noarch", config),
                group=GROUP,
                dns=dns,
                binds=binds,
                internal_dev_setup=True if binds else None,
            ),
        )
        root.init()
        return root

    def finish(self, root: BuildRoot, source: dict[str, str] | None) -> dict[str, Any]:
        """Upload the source package that the chroot has made."""
        made = srpm.only_result(root.result)
        path = self.upload(made)
        root.expire()
        recorded = source or {"source": made.name, "url": made.name}
        return srpm.result_of(self.log_paths(), path, root.id, recorded)


@task("buildSRPMFromSCM", BuildSRPMFromSCMParams)
class BuildSRPMFromSCM(MakesSRPM[BuildSRPMFromSCMParams]):
    """From a checkout."""

    def build_tag(self) -> Any:
        """Name the tag of the chroot."""
        return self.params.build_tag

    def run(self) -> dict[str, Any]:
        """Check out, fetch sources, make the package."""
        params, settings = self.params, self.settings
        parsed = scm.read_url(settings, params.url)
        scratch = bool(params.opts.get("scratch"))
        permission = scm.permit(parsed, settings, self.session, self.context.info, scratch)
        root = self.make_root(params.build_tag, params.opts.get("repo_id"), dns=True)
        root.begin()
        inside = f"{settings.chroot_tmpdir}/scmroot"
        target = root.make_directory(inside)
        facts = {
            "scminfo": parsed.info(),
            "build_tag": root.config,
            "scratch": scratch,
            "buildroot": root,
            "taskinfo": self.context.info,
            "session": self.session,
        }
        plugins.run_callbacks("preSCMCheckout", **facts)
        checkout = scm.checkout(parsed, target, permission, self._run_in_log)
        self.logs.finish()
        plugins.run_callbacks("postSCMCheckout", **facts, srcdir=str(checkout.directory))
        give(target, *root.engine.owner)
        layout = settings.support_rpm_source_layout
        spec = srpm.find_spec(checkout.directory, layout)
        srpm.check_spec(spec)
        if permission.source_command:
            where = f"{inside}/{checkout.directory.relative_to(target)}"
            root.run_source_command(permission.source_command, where)
            # The command was the package's own: look at what it left with new eyes.
            check_inside(checkout.directory, target)
            spec = srpm.find_spec(checkout.directory, layout)
            srpm.check_spec(spec)
        root.build_srpm(spec, srpm.sources_directory(checkout.directory, layout))
        return self.finish(root, checkout.source)

    def _run_in_log(self, words: Sequence[str], cwd: Path, env: Mapping[str, str]) -> commands.Status:
        return self.command(words, "checkout.log", cwd=cwd, env=env)


@task("rebuildSRPM", RebuildSRPMParams)
class RebuildSRPM(MakesSRPM[RebuildSRPMParams]):
    """From a source package that somebody uploaded."""

    def build_tag(self) -> Any:
        """Name the tag of the chroot."""
        return self.params.build_tag

    def run(self) -> dict[str, Any]:
        """Unpack and make anew."""
        params = self.params
        path = f"work/{params.srpm}"
        try:
            given = self.files.fetch(path)
        except MissingFile as exc:
            raise BuildError(f"Input SRPM file missing: {path}") from exc
        srpm.read_source(given, params.srpm)
        root = self.make_root(params.build_tag, params.opts.get("repo_id"), dns=False)
        root.rebuild_srpm(given)
        return self.finish(root, None)


def give(tree: Path, uid: int, gid: int) -> None:
    """Make the build user the owner of a checkout."""
    os.lchown(tree, uid, gid)
    for directory, names, files in os.walk(tree):
        for name in (*names, *files):
            os.lchown(os.path.join(directory, name), uid, gid)
