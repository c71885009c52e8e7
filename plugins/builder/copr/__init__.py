"""`coprBuild`: a build of a project, from its source to the results of every chroot (copr.md, 4.3).

The sources are got, in a chroot where code of the package runs (`coprSource`), each chroot is an
ordinary `build`, and the hub is told of every step, as it publishes what comes out.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from moromi.errors import BuildError, Fault, GenericError
from moromi_builder.plugin_api import (
    BuildRoot,
    Handler,
    MakesSRPM,
    Section,
    callback,
    check_inside,
    give,
    open_beneath,
    plugin_config,
    srpm,
    task,
)

from . import pypi

_GIT = {"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "git:http:https:ssh"}
"""Asks nobody for a password; nothing from the network may choose a local transport."""
_INSIDE = "copr"
"""Directory of the sources below the chroot's temporary directory."""


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
            source = self._source(facts)
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
                    self.session.host.coprPublish(self.task_id, chroot)
                raise
            for child in results:
                chroot = waiting.pop(int(child), "")
                if chroot:
                    self.session.host.coprPublish(self.task_id, chroot)

    # -- the source

    def _source(self, facts: Mapping[str, Any]) -> str:
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
        arguments = [tag["id"], None, [], "last"]
        waiting = self.subtask("waitrepo", arguments, label="waitrepo", arch="noarch")
        repo = self.wait([waiting], all=True, failany=True)[waiting]
        options = {"repo_id": repo["id"]}
        made = self.subtask("coprSource", [kind, source, tag["id"], options], label="source", arch="noarch")
        return str(self.wait([made], all=True, failany=True)[made]["srpm"])

    def _download(self, url: str) -> Path:
        name = unquote(urlsplit(url).path).rsplit("/", 1)[-1]
        if urlsplit(url).scheme not in ("http", "https") or not name or name.startswith("."):
            raise BuildError(f"cannot download {url}")
        target = self.context.workdir / "download" / name
        target.parent.mkdir(exist_ok=True)
        self.files.download(url, target)
        return target


@dataclass
class CoprSourceParams:
    """`coprSource(kind, source, build_tag, opts)`; opts: repo_id."""

    kind: str
    source: dict[str, Any]
    build_tag: int | str
    opts: dict[str, Any] = field(default_factory=dict)


@task("coprSource", CoprSourceParams)
class CoprSource(MakesSRPM[CoprSourceParams]):
    """Makes a source package out of what is none yet."""

    checks_host = True

    def build_tag(self) -> Any:
        """Name the tag of the chroot."""
        return self.params.build_tag

    def run(self) -> dict[str, Any]:
        """Make it."""
        makers = {
            "scm": self._from_scm,
            "distgit": self._from_scm,
            "upload": self._from_spec,
            "custom": self._from_script,
            "pypi": self._from_pypi,
        }
        make = makers.get(self.params.kind)
        if make is None:
            self._complain(f"Sources of type {self.params.kind} cannot be built here.")
            raise BuildError(f"sources of type {self.params.kind} are not supported")
        return make(self.params.source)

    def _complain(self, text: str) -> None:
        """Leave a log for those who only see the published ones."""
        (self.context.workdir / "checkout.log").write_text(f"{text}\n", encoding="utf-8")
        self.logs.follow(self.context.workdir, "checkout.log")
        self.logs.finish()

    def _root(self) -> tuple[BuildRoot, Path]:
        """A chroot, and the place in it for sources."""
        root = self.make_root(self.params.build_tag, self.params.opts.get("repo_id"), dns=True)
        root.begin()
        return root, root.make_directory(f"{self.settings.chroot_tmpdir}/{_INSIDE}")

    def _inside(self, root: BuildRoot, path: Path) -> str:
        """How a path of the chroot is called in there."""
        return f"/{path.relative_to(root.root)}"

    # -- from a repository

    def _from_scm(self, source: Mapping[str, Any]) -> dict[str, Any]:
        method = source.get("source_build_method") or "rpkg"
        if source.get("type", "git") != "git" or method not in ("rpkg", "make_srpm"):
            self._complain(f"{source.get('type', 'git')} and {method} are not supported: use git and rpkg.")
            raise BuildError(f"sources from {source.get('type')} by {method} are not supported")
        root, place = self._root()
        clone = place / "clone"
        self._git(["clone", "--", source["clone_url"], str(clone)], place)
        if source.get("committish"):
            self._git(["checkout", "--detach", source["committish"]], clone)
        give(place, *root.engine.owner)
        directory = check_inside(clone / (source.get("subdirectory") or "."), clone)
        if method == "make_srpm":
            return self._by_make(root, place, clone, directory, source.get("spec") or "")
        spec = source.get("spec")
        path = check_inside(directory / spec, clone) if spec else srpm.find_spec(directory, True)
        root.build_srpm(path, srpm.sources_directory(directory, True))
        return self.finish(root, {"source": source["clone_url"], "url": source["clone_url"]})

    def _git(self, words: Sequence[str], cwd: Path) -> None:
        if words[0] == "checkout" and words[-1].startswith("-"):
            raise BuildError(f"not a revision: {words[-1]}")
        safe = ["git", "-c", f"safe.directory={cwd}"]
        if not self.command([*safe, *words], "checkout.log", cwd=cwd, env=_GIT):
            raise BuildError(f"git {words[0]} failed; see checkout.log for details")

    def _by_make(
        self, root: BuildRoot, place: Path, clone: Path, directory: Path, spec: str
    ) -> dict[str, Any]:
        """Have the package's own makefile do it, in the chroot."""
        if not (root.root / "usr/bin/make").exists():
            self._install(root, ["make"])
        out = root.make_directory(f"{self.settings.chroot_tmpdir}/{_INSIDE}/out")
        makefile = f"{self._inside(root, clone)}/.copr/Makefile"
        words = ["make", "-f", makefile, "srpm", f"outdir={self._inside(root, out)}"]
        if spec:
            words.append(f"spec={self._inside(root, check_inside(directory / spec, clone))}")
        root.run_source_command(words, self._inside(root, directory))
        return self._take(root, out)

    def _take(self, root: BuildRoot, out: Path) -> dict[str, Any]:
        """Take the source package that code of the package has left in the chroot."""
        names = sorted(path.name for path in out.glob("*.src.rpm"))
        if len(names) != 1:
            raise BuildError(f"one source package was expected, and there are {len(names)}")
        with (
            open_beneath(root.root, f"{out.relative_to(root.root)}/{names[0]}") as made,
            open(root.result / names[0], "wb") as target,
        ):
            shutil.copyfileobj(made, target)
        return self.finish(root, None)

    def _install(self, root: BuildRoot, packages: Sequence[str]) -> None:
        if packages and not root.mock(["--no-clean", "--install", *packages]):
            raise BuildError(f"cannot install {', '.join(packages)}; see root.log")
        root.update_list()

    # -- from a spec file, from a script

    def _from_spec(self, source: Mapping[str, Any]) -> dict[str, Any]:
        given = self.files.fetch(f"work/{source['path']}")
        root, place = self._root()
        spec = place / Path(source["path"]).name
        shutil.copyfile(given, spec)
        give(place, *root.engine.owner)
        root.build_srpm(spec, place)
        return self.finish(root, None)

    def _from_pypi(self, source: Mapping[str, Any]) -> dict[str, Any]:
        """A release of the Python Package Index, with a spec file of our own making."""
        config = plugin_config(self.settings, "copr").get("pypi") or Section("pypi")
        index = config.get("url", "https://pypi.org")
        name, version = source["pypi_package_name"], source.get("pypi_package_version")
        told = self.context.workdir / "pypi.json"
        self.files.download(pypi.document_url(index, name, version), told)
        try:
            release = pypi.read(json.loads(told.read_bytes()))
        except ValueError as error:
            raise BuildError(f"{index} does not answer as an index does") from error
        if urlsplit(release.url).scheme not in ("http", "https"):
            raise BuildError(f"cannot download {release.url}")
        root, place = self._root()
        self.files.download(release.url, place / release.file)
        spec = place / "package.spec"
        spec.write_text(release.spec, encoding="utf-8")
        give(place, *root.engine.owner)
        root.build_srpm(spec, place)
        return self.finish(root, {"source": release.url, "url": release.url})

    def _from_script(self, source: Mapping[str, Any]) -> dict[str, Any]:
        """Run a script in the chroot; what it leaves is a spec file with its sources, or a source package."""
        root, place = self._root()
        self._install(root, str(source.get("builddeps") or "").split())
        work = place / "work"
        work.mkdir()
        (place / "script").write_text(source["script"], encoding="utf-8")
        give(place, *root.engine.owner)
        inside = self._inside(root, place)
        root.run_source_command(["/bin/sh", "-c", f"chmod +x ../script; {inside}/script"], f"{inside}/work")
        out = check_inside(work / (source.get("resultdir") or "."), work)
        if list(out.glob("*.src.rpm")):
            return self._take(root, out)
        root.build_srpm(srpm.find_spec(out, False), out)
        return self.finish(root, None)


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
