"""A buildroot: the hub's record of it, the chroot on this machine, and the commands that run in it.

The chroot is behind mock's command line. `mock` itself is used where it is installed, else `moromi-chroot`,
which takes the same configuration and options and leaves the same files (spec: builder, sections 3.1, 3.3,
3.4).

    record on the hub   INIT ----------> (package list) -> BUILDING --> (list updated) --> EXPIRED
    chroot              configuration -> --init ---------> --rebuild, --buildsrpm, ... -> removed by the
    daemon
"""

from __future__ import annotations

import grp
import logging
import os
import pwd
import shlex
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from moromi.arches import canonical
from moromi.constants import USABLE_REPOS, RepoState
from moromi.errors import BuildError, BuildrootError, GenericError, ParameterError
from moromi.mockconfig import MockConfig
from moromi_builder import commands, plugins, roots
from moromi_builder.beneath import open_beneath
from moromi_builder.packages import PackageLists, RepoPlace
from moromi_builder.settings import Settings
from moromi_builder.tasks.base import Handler

logger = logging.getLogger(__name__)

MOCK = "/usr/bin/mock"


@dataclass(frozen=True)
class Engine:
    """The program that makes chroots. `owner` is (uid, gid) of the build user as the host sees it."""

    command: tuple[str, ...]
    is_mock: bool
    identity: commands.Identity | None
    owner: tuple[int, int]


def find_engine(settings: Settings) -> Engine:
    """Choose the engine: as configured, else mock, else our own."""
    if settings.chroot_program:
        words = tuple(shlex.split(settings.chroot_program))
    elif os.access(MOCK, os.X_OK):
        words = (MOCK,)
    else:
        words = _own_engine()
    if os.path.basename(words[0]) != "mock":
        from moromi_chroot.config import BUILD_GID, BUILD_UID

        return Engine(words, False, None, (BUILD_UID, BUILD_GID))
    try:
        user, group = pwd.getpwnam(settings.mockuser), grp.getgrnam("mock")
    except KeyError as exc:
        raise GenericError(f"mock is installed but its user or group is not: {exc}") from exc
    # mock refuses plain root.
    identity = None
    if os.geteuid() == 0:
        identity = commands.Identity(user.pw_uid, user.pw_gid, (group.gr_gid,))
    return Engine(words, True, identity, (user.pw_uid, group.gr_gid))


def _own_engine() -> tuple[str, ...]:
    beside = Path(sys.executable).with_name("moromi-chroot")
    found = str(beside) if beside.exists() else shutil.which("moromi-chroot")
    return (found,) if found else (sys.executable, "-m", "moromi_chroot.main")


@dataclass(frozen=True, kw_only=True)
class RootPlan:
    """What a buildroot is to be. `tag` is an id or a name; `group` the comps group installed first."""

    tag: int | str
    repo_id: int
    arch: str
    group: str = "build"
    dns: bool = False
    binds: tuple[tuple[str, str], ...] = ()
    internal_dev_setup: bool | None = None


def usable_repo(handler: Handler[Any], repo_id: int | None) -> dict[str, Any]:
    """Look up the repository a task shall use. Raises GenericError or BuildrootError if it cannot."""
    if repo_id is None:
        raise GenericError("A repo id must be provided")
    repo: dict[str, Any] = handler.session.repoInfo(repo_id, strict=True)
    state = RepoState(repo["state"])
    if state not in USABLE_REPOS:
        raise BuildrootError(f"Requested repo ({repo_id}) is {state.name}")
    return repo


class BuildRoot:
    """One buildroot of one task, from `host.newBuildRoot` on."""

    def __init__(self, handler: Handler[Any], plan: RootPlan) -> None:
        self.handler = handler
        self.settings = handler.settings
        self.session = handler.session
        self.plan = plan
        self.engine = find_engine(handler.settings)
        repo = usable_repo(handler, plan.repo_id)
        self.event = int(repo["create_event"])
        self.config: dict[str, Any] = self.session.getBuildConfig(plan.tag, event=self.event)
        if not self.config:
            raise BuildrootError(f"Could not get config info for tag: {plan.tag}")
        if repo["tag_name"] != self.config["name"]:
            raise BuildrootError(f"tag/repo mismatch: {self.config['name']} vs {repo['tag_name']}")
        self.tag_name = str(self.config["name"])
        self.extra: dict[str, Any] = dict(self.config.get("extra") or {})
        self.repo_arch = canonical(plan.arch)
        self.target_arch = "armv7hl" if plan.arch == "armhfp" else plan.arch
        found = self.session.host.newBuildRoot(plan.repo_id, self.repo_arch, task_id=handler.task_id)
        if found is None:
            raise BuildrootError("failed to get a buildroot id")
        self.id = int(found)
        self.name = f"{self.tag_name}-{self.id}-{plan.repo_id}"
        if "/" in self.name:
            raise BuildrootError(f"tag {self.tag_name} cannot name a directory")
        self._expired = False
        plugins.run_callbacks("preBuildRoot", handler=handler, config=self.config, extra=self.extra)
        self._write_config()

    # -- places

    @property
    def directory(self) -> Path:
        """The chroot's own directory."""
        return Path(self.settings.mockdir) / self.name

    @property
    def root(self) -> Path:
        """Where the chroot's files are (between commands)."""
        return self.directory / "root"

    @property
    def result(self) -> Path:
        """Where the engine leaves logs and packages."""
        return self.directory / "result"

    def inside(self, path: str) -> Path:
        """Translate a path of the chroot to one of the host."""
        return self.root / path.lstrip("/")

    @cached_property
    def config_path(self) -> Path:
        """The engine's configuration file."""
        return roots.config_dir(self.settings, self.engine.is_mock) / f"{self.name}.cfg"

    def make_directory(self, path: str) -> Path:
        """Make a directory of the chroot, owned by the build user; gives its place on the host."""
        made = self.inside(path)
        made.mkdir(parents=True, exist_ok=True)
        if made.is_symlink():
            raise BuildrootError(f"{path} is a symbolic link in the chroot")
        os.chown(made, *self.engine.owner)
        return made

    # -- configuration

    def _write_config(self) -> None:
        settings, extra = self.settings, self.extra
        if extra.get("mock.bootstrap_image") and not settings.mock_bootstrap_image:
            logger.warning("tag %s asks for a bootstrap image, which is not allowed here", self.tag_name)
        network = self.plan.dns or bool(extra.get("copr.enable_net"))
        text = MockConfig(
            name=self.name,
            tag_name=self.tag_name,
            repo_id=self.plan.repo_id,
            repo_arch=self.repo_arch,
            target_arch=self.target_arch,
            base_urls=settings.topurl.split() or [f"file://{settings.topdir}"],
            extra=extra,
            basedir=settings.mockdir,
            group=self.plan.group,
            dns=network,
            hosts_file=Path("/etc/hosts").read_text(encoding="utf-8") if network else None,
            rpmbuild_timeout=settings.rpmbuild_timeout,
            bootstrap_image_allowed=settings.mock_bootstrap_image,
            internal_dev_setup=self.plan.internal_dev_setup,
            binds=self.plan.binds,
            vendor=settings.vendor,
            packager=settings.packager,
            distribution=settings.distribution,
            mockhost=settings.mockhost,
            proxy=settings.yum_proxy,
        ).text()
        head = roots.header(
            self.id, self.name, self.plan.repo_id, self.tag_name, self.handler.task_id, settings.workdir
        )
        self.config_path.parent.mkdir(parents=True, exist_ok=True)
        self.config_path.write_text(head + "\n" + text, encoding="utf-8")
        # A buildroot that a user can look at should tell how it was made.
        self.handler.upload(self.config_path, "mock_config.log")
        self.handler.logs.add_name("mock_config.log")

    # -- the engine

    def mock(self, arguments: Sequence[str]) -> commands.Status:
        """Run the engine on this chroot; its logs are uploaded while they grow."""
        command = [*self.engine.command, "-r", self._reference()]
        new_chroot = self.extra.get("mock.new_chroot")
        if new_chroot is not None:
            command.append("--new-chroot" if new_chroot else "--old-chroot")
        if self.extra.get("mock.bootstrap_image_ready"):
            command.append("--bootstrap-image-ready")
        output = self.handler.context.workdir / "mock_output.log"
        logs = self.handler.logs
        logs.follow(self.result, "*.log")
        logs.follow(self.root, "var/log/dnf*.log")
        logs.follow(output.parent, output.name)
        return commands.run(
            [*command, *arguments],
            env=commands.environment(self.settings.workdir),
            log=output,
            identity=self.engine.identity,
            tick=logs.poll,
            interval=self.settings.log_interval,
            death_signal=signal.SIGTERM,
        )

    def _reference(self) -> str:
        if self.config_path.parent == Path("/etc/mock/koji"):
            return f"koji/{self.name}"
        return str(self.config_path)

    def fail(
        self, error: type[GenericError], what: str, status: commands.Status, log: str | None = None
    ) -> GenericError:
        """Expire the root and make the error that says where to look."""
        self.expire()
        if log is None:
            log = {10: "build.log", 1: "build.log or root.log"}.get(status.code, "root.log")
        return error(f"{what}, {status.describe('mock')}; see {log} for more information")

    # -- life

    def init(self) -> None:
        """Populate the chroot and tell the hub what is in it. BuildrootError when the engine cannot."""
        status = self.mock(["--init"])
        if not status:
            raise self.fail(BuildrootError, "could not init mock buildroot", status)
        if self.engine.is_mock:
            # Only for the log. Our own engine writes it there without being asked.
            self.mock(["--chroot", "uname -r"])
        self.session.host.setBuildRootList(self.id, self.lists.read(self.root))

    @cached_property
    def lists(self) -> PackageLists:
        """Makes the list of installed packages."""
        place = RepoPlace(self.plan.repo_id, self.tag_name, self.event, self.repo_arch)
        handler = self.handler
        return PackageLists(self.session, handler.files, place, int(self.config["id"]), self.settings.workdir)

    def begin(self) -> None:
        """Tell the hub that the real work begins."""
        self.session.host.setBuildRootState(self.id, "BUILDING")

    def update_list(self) -> None:
        """Tell the hub what has been installed since."""
        self.session.host.updateBuildRootList(self.id, self.lists.read(self.root))

    def expire(self) -> None:
        """Tell the hub that the buildroot is done with, and send the rest of its logs; once."""
        if self._expired:
            return
        self._expired = True
        self.handler.logs.finish()
        self.session.host.setBuildRootState(self.id, "EXPIRED")

    # -- work

    def install(self, packages: Sequence[str]) -> None:
        """Install what a user names, which may be nothing. BuildrootError when the engine cannot.

        ParameterError for what the engine, which is root over the host's files, would take for an option.
        """
        for package in packages:
            if package.startswith("-"):
                self.expire()
                raise ParameterError(f"Invalid package: {package}")
        if not packages:
            return
        status = self.mock(["--no-clean", "--install", *packages])
        if not status:
            raise self.fail(BuildrootError, "could not install additional packages", status)
        self.update_list()

    def rebuild(self, srpm: Path, arch: str) -> None:
        """Build the binary packages of a source package for an arch (maybe noarch) into `result`.

        BuildError when that fails.
        """
        self.begin()
        target = arch if arch == "noarch" else self.target_arch
        status = self.mock(["--no-clean", "--target", target, "--rebuild", str(srpm)])
        self.update_list()
        if not status:
            raise self.fail(BuildError, f"error building package (arch {arch})", status)

    def run_source_command(self, words: Sequence[str], directory: str) -> None:
        """Fetch a checkout's sources in the chroot, as the build user. BuildError when that fails."""
        status = self.mock(["--no-clean", "--unpriv", "--cwd", directory, "--chroot", *words])
        if not status:
            self.update_list()
            raise self.fail(BuildError, "error retrieving sources", status)

    def build_srpm(self, spec: Path, sources: Path) -> None:
        """Make a source package from a spec and a directory of sources, into `result`."""
        words = [
            "--no-clean",
            "--buildsrpm",
            "--spec",
            str(spec),
            "--sources",
            str(sources),
            "--target",
            "noarch",
        ]
        status = self.mock(words)
        self.update_list()
        if not status:
            raise self.fail(BuildError, "error building srpm", status)

    def rebuild_srpm(self, srpm: Path) -> None:
        """Make a source package anew from one, with this chroot's macros, into `result`."""
        self.begin()
        tmp = self.settings.chroot_tmpdir
        topdir = f"{tmp}/srpm_unpacked"
        copied = self.make_directory(f"{tmp}/srpm") / srpm.name
        shutil.copyfile(srpm, copied)
        self.make_directory(topdir)
        define = ["--define", f"_topdir {topdir}"]
        prefix = ["--no-clean", "--target", "noarch", "--chroot", "--"]
        status = self.mock([*prefix, "rpm", *define, "-iv", f"{tmp}/srpm/{srpm.name}"])
        if not status:
            raise self.fail(BuildError, "error building srpm", status)
        spec = _only_spec(self.inside(f"{topdir}/SPECS"))
        status = self.mock([*prefix, "rpmbuild", *define, "-bs", "--nodeps", f"{topdir}/SPECS/{spec}"])
        self.update_list()
        if not status:
            raise self.fail(BuildError, "error building srpm", status)
        made = self.inside(f"{topdir}/SRPMS")
        for name in sorted(path.name for path in made.glob("*.src.rpm")):
            # The spec's macros ran as root in there, so nothing about these files can be trusted.
            found = open_beneath(self.root, f"{topdir.lstrip('/')}/SRPMS/{name}")
            with found as source, open(self.result / name, "wb") as target:
                shutil.copyfileobj(source, target)


def _only_spec(directory: Path) -> str:
    found = sorted(path.name for path in directory.glob("*.spec"))
    if not found:
        raise BuildError("No spec file found")
    if len(found) > 1:
        raise BuildError(f"Multiple spec files found: {', '.join(found)}")
    return found[0]
