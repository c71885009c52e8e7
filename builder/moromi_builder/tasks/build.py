"""`build`: from a source to an imported and tagged build, by subtasks (spec: builder, section 2.3.1)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from moromi.constants import USABLE_REPOS, BuildState, RepoState
from moromi.errors import BuildError, Fault, GenericError, RetryError
from moromi_builder.archchoice import build_arches, task_arch
from moromi_builder.repowait import RepoWatcher
from moromi_builder.scm import is_scm_url
from moromi_builder.srpm import SourcePackage, read_source
from moromi_builder.tasks.base import Handler
from moromi_builder.tasks.registry import task


@dataclass
class BuildParams:
    """`build(src, target, opts=None)`; src is an SCM URL or a path below work, target a target's (or
    tag's) name.
    """

    src: str
    target: str | None
    opts: dict[str, Any] = field(default_factory=dict)


@dataclass
class Plan:
    """Where a build comes from and goes to. `event` None is now; `target` is None when built for a bare
    tag.
    """

    build_tag: dict[str, Any]
    dest_tag: dict[str, Any]
    target: str | None
    skip_tag: bool
    repo: dict[str, Any] | None
    event: int | None


@task("build", BuildParams, weight=0.2)
class Build(Handler[BuildParams]):
    """Leads a build through its steps."""

    def run(self) -> None:
        """Build."""
        opts = self.params.opts
        if opts.get("arch_override") and not opts.get("scratch"):
            raise BuildError("arch_override is only allowed for scratch builds")
        custom = self._custom_metadata()
        plan = self._plan()
        self._check_policies(plan)
        if plan.repo is None:
            plan.repo = self._get_repo(plan.build_tag)
            plan.event = int(self.session.getLastEvent()["id"])
        made = self._get_srpm(plan)
        package = read_source(self.files.fetch(f"work/{made['srpm']}"), made["srpm"])
        data = self._build_data(package, made, custom)
        config = self.session.getBuildConfig(plan.build_tag["id"], event=plan.event)
        arches = build_arches(
            package, config, self._extra_arches(plan, package.name), opts.get("arch_override")
        )
        if opts.get("scratch"):
            self._build_scratch(plan, package, made["srpm"], config, arches)
            return
        try:
            build_id = int(self.session.host.initBuild(data))
        except GenericError as refusal:
            build_id = self._imported_before(data, refusal)
        else:
            self._build_real(plan, package, made["srpm"], config, arches, build_id)
        if not plan.skip_tag:
            self._tag(plan, build_id)

    # -- where to

    def _custom_metadata(self) -> dict[str, Any] | None:
        custom = self.params.opts.get("custom_user_metadata")
        if not custom:
            return None
        if not isinstance(custom, dict):
            raise BuildError("custom_user_metadata must be serializable to a JSON object")
        try:
            json.dumps(custom)
        except TypeError as exc:
            raise BuildError("custom_user_metadata is not JSON serializable") from exc
        return custom

    def _plan(self) -> Plan:
        """Find target, tags and a given repository."""
        name, opts = self.params.target, self.params.opts
        repo = self._given_repo(opts.get("repo_id"))
        event = int(repo["create_event"]) if repo else None
        skip_tag = bool(opts.get("skip_tag"))
        target = self.session.getBuildTarget(name, event=event) if name is not None else None
        if target:
            if repo and repo["tag_id"] != target["build_tag"]:
                raise BuildError(f"Repo/Target mismatch: {repo['tag_name']}/{target['build_tag_name']}")
            build_tag = self.session.getTag(target["build_tag"], strict=True, event=event)
            dest_tag = self.session.getTag(target["dest_tag"], strict=True, event=event)
            return Plan(build_tag, dest_tag, target["name"], skip_tag, repo, event)
        if repo is None:
            raise GenericError(f"unknown build target: {name}")
        build_tag = self.session.getTag(repo["tag_id"], strict=True, event=event)
        if name is None:
            return Plan(build_tag, build_tag, None, True, repo, event)
        dest_tag = self.session.getTag(name, event=event)
        if not dest_tag:
            raise GenericError(f"neither tag nor target: {name}")
        return Plan(build_tag, dest_tag, None, skip_tag, repo, event)

    def _given_repo(self, repo_id: int | None) -> dict[str, Any] | None:
        if not repo_id:
            return None
        repo: dict[str, Any] | None = self.session.repoInfo(repo_id)
        if not repo:
            raise BuildError(f"No such repo: {repo_id}")
        state = RepoState(repo["state"])
        if state not in USABLE_REPOS:
            raise BuildError(f"Bad repo: {repo_id} ({state.name})")
        return repo

    def _check_policies(self, plan: Plan) -> None:
        """Ask the hub's rules about this build."""
        opts, host = self.params.opts, self.session.host
        from_scm = is_scm_url(self.params.src)
        data: dict[str, Any] = {
            "user_id": self.context.info["owner"],
            "source": self.params.src,
            "task_id": self.task_id,
            "build_tag": plan.build_tag["id"],
            "skip_tag": plan.skip_tag,
            "scratch": bool(opts.get("scratch")),
            "draft": bool(opts.get("draft")),
            "from_scm": from_scm,
            "repo_id": opts.get("repo_id"),
        }
        if plan.target is not None:
            data["target"] = plan.target
        if not plan.skip_tag:
            data["tag"] = plan.dest_tag["id"]
        if not from_scm and not opts.get("scratch"):
            host.assertPolicy("build_from_srpm", data)
        if opts.get("repo_id") is not None:
            host.assertPolicy("build_from_repo_id", data)
        host.assertPolicy("build_rpm", data)

    def _get_repo(self, tag: Mapping[str, Any]) -> dict[str, Any]:
        """Get a repository that is new enough, by a `waitrepo` subtask if it has to be waited for."""
        nvrs = list(self.params.opts.get("wait_builds") or [])
        min_event = None
        if self.params.opts.get("wait_repo"):
            min_event = int(self.session.tagLastChangeEvent(tag["id"]))
        watcher = RepoWatcher(self.context, tag, nvrs=nvrs, min_event=min_event)
        repo = watcher.ready()
        if repo is None:
            arguments = [tag["name"], None, nvrs, watcher.min_event]
            waiting = self.subtask("waitrepo", arguments, label="waitrepo", arch="noarch")
            repo = self.wait([waiting], all=True, failany=True)[waiting]
        return repo

    # -- the source package

    def _get_srpm(self, plan: Plan) -> dict[str, Any]:
        """Have the source package made; gives `srpm` (path below work) and `source` (recorded source)."""
        src, opts, tag = self.params.src, self.params.opts, plan.build_tag
        assert plan.repo is not None, "a repository was found before"
        config = self.session.getBuildConfig(tag["id"], event=plan.event)
        if is_scm_url(src):
            method = "buildSRPMFromSCM"
        else:
            rebuild = (config.get("extra") or {}).get("rebuild_srpm", True)
            if opts.get("scratch") and opts.get("rebuild_srpm") is not None:
                rebuild = opts["rebuild_srpm"]
            if not rebuild:
                name = src.rsplit("/", 1)[-1]
                return {"srpm": src, "source": {"source": name, "url": name}}
            method = "rebuildSRPM"
        options = {"repo_id": plan.repo["id"], "scratch": opts.get("scratch")}
        arch = task_arch("noarch", None, config, self.settings.literal_task_arches)
        made = self.subtask(method, [src, tag["id"], options], label="srpm", arch=arch)
        result: dict[str, Any] = self.wait([made], all=True, failany=True)[made]
        if "source" not in result:
            # Builders of other makes may leave it out.
            name = result["srpm"].rsplit("/", 1)[-1]
            result["source"] = {"source": name, "url": name}
        return result

    def _build_data(
        self, package: SourcePackage, made: dict[str, Any], custom: dict[str, Any] | None
    ) -> dict[str, Any]:
        extra: dict[str, Any] = {"source": {"original_url": made["source"]["url"]}}
        if custom is not None:
            extra["custom_user_metadata"] = custom
        data = {
            "name": package.name,
            "version": package.version,
            "release": package.release,
            "epoch": package.epoch,
            "task_id": self.task_id,
            "source": made["source"]["source"],
            "extra": extra,
        }
        if self.params.opts.get("draft"):
            data["draft"] = True
        return data

    def _extra_arches(self, plan: Plan, name: str) -> str | None:
        """Look the package up in the destination's list, which it must be in unless nothing is tagged."""
        config = self.session.getPackageConfig(plan.dest_tag["id"], name, event=plan.event)
        if not plan.skip_tag and not self.params.opts.get("scratch"):
            if not config:
                raise BuildError(f"package {name} not in list for tag {plan.dest_tag['name']}")
            if config["blocked"]:
                raise BuildError(f"package {name} is blocked for tag {plan.dest_tag['name']}")
        return config["extra_arches"] if config else None

    # -- the packages

    def _build_packages(
        self, plan: Plan, package: SourcePackage, srpm: str, config: dict[str, Any], arches: list[str]
    ) -> tuple[str, list[str], dict[str, int], dict[str, list[str]]]:
        """Run the `buildArch` subtasks; give the built srpm, rpms, their buildroots, and logs by arch."""
        assert plan.repo is not None, "a repository was found before"
        children: dict[int, str] = {}
        for number, arch in enumerate(arches):
            options = {"repo_id": plan.repo["id"]}
            arguments = [srpm, plan.build_tag["id"], arch, number == 0, options]
            where = task_arch(arch, package, config, self.settings.literal_task_arches)
            children[self.subtask("buildArch", arguments, label=arch, arch=where)] = arch
        failany = bool(self.params.opts.get("fail_fast")) or not self.settings.build_arch_can_fail
        results = self.wait(list(children), all=True, failany=failany)
        rpms: list[str] = []
        brmap: dict[str, int] = {}
        logs: dict[str, list[str]] = {}
        built: str | None = None
        for task_id, arch in children.items():
            result = results[task_id]
            rpms += result["rpms"]
            for path in (*result["rpms"], *result["srpms"]):
                brmap[path] = result["brootid"]
            logs.setdefault(arch, []).extend(result["logs"])
            if result["srpms"]:
                if built is not None:
                    raise BuildError(f"multiple builds returned a srpm.  task {self.task_id}")
                built = result["srpms"][0]
        if built is None:
            raise BuildError("could not find a built srpm")
        return built, rpms, brmap, logs

    def _build_scratch(
        self, plan: Plan, package: SourcePackage, srpm: str, config: dict[str, Any], arches: list[str]
    ) -> None:
        built, rpms, _brmap, logs = self._build_packages(plan, package, srpm, config, arches)
        self.session.host.moveBuildToScratch(self.task_id, built, rpms, logs=logs)

    def _build_real(
        self,
        plan: Plan,
        package: SourcePackage,
        srpm: str,
        config: dict[str, Any],
        arches: list[str],
        build_id: int,
    ) -> None:
        """Build and import; a failure fails the build too."""
        try:
            built, rpms, brmap, logs = self._build_packages(plan, package, srpm, config, arches)
            self.session.host.completeBuild(self.task_id, build_id, built, rpms, brmap, logs=logs)
        except RetryError:
            raise  # the task will begin again, and find out then what has become of the build
        except (GenericError, Fault, KeyError, TypeError):
            self.session.host.failBuild(self.task_id, build_id)
            raise

    def _imported_before(self, data: dict[str, Any], refusal: GenericError) -> int:
        """After `initBuild` was refused: the build that this task, begun again, has imported already.

        It was interrupted between import and tagging. Raises the refusal if the build is another's.
        """
        build = self.session.getBuild({key: data[key] for key in ("name", "version", "release")})
        if build and build["state"] == BuildState.COMPLETE and build["task_id"] == self.task_id:
            return int(build["id"])
        raise refusal

    def _tag(self, plan: Plan, build_id: int) -> None:
        arguments = [plan.dest_tag["id"], build_id, False, None, True]
        tagging = self.subtask("tagBuild", arguments, label="tag", arch="noarch")
        self.wait([tagging], all=True)
