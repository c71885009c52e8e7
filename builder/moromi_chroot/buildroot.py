"""One root: making it, finding it again in the next command, removing it.

    <basedir>/<name>/root           the root; as an overlay, what this root has on top of its layers
    <basedir>/<name>/result         logs and packages
    <basedir>/<name>/root.json      how the root was made; there when --init has finished
    <basedir>/<name>/work           overlayfs' own
    <basedir>/<name>/dnf            configuration and cache of dnf
    <basedir>/<name>/buildroot.lock held by the command that works on the root

An overlay is mounted only for the time of a command, in the namespace of that command, on `root` itself with
`root` as its upper directory. Between commands `root` is therefore a plain directory that holds what is
particular to this root, and whoever puts a file there (a checkout, say) finds it in the root at the next
command. Nothing may be written there while a command runs.
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from moromi.version import VERSION
from moromi_chroot import baseroot, hostinfo, inroot, layers, rpmdb
from moromi_chroot.config import Config
from moromi_chroot.dnf import Dnf, Package
from moromi_chroot.errors import ChrootError, Locked, PackagesFailed, SandboxError
from moromi_chroot.logs import Logs
from moromi_chroot.repositories import fetch_all
from moromi_chroot.rootcache import RootCache
from moromi_chroot.runner import Runner
from moromi_chroot.sandbox import Job, RootView

# Seconds to wait for the lock: the processes of a killed engine hold it until the kernel has ended them.
LOCK_PATIENCE = 1.0


class Buildroot:
    """One root with its result directory, for the time of one command."""

    def __init__(self, config: Config, result: Path | None = None) -> None:
        self.config = config
        self.top = config.top
        self.result = result or self.top / "result"
        self.root = self.top / "root"
        self.logs = Logs(self.result)
        self.runner = Runner(config, self.logs)
        self.cache = RootCache(config.cache_dir, config.cache_limit)
        self.view = RootView(self.root)
        self._state = self.top / "root.json"
        self._lock = -1
        self._planned: list[Package] = []

    # --- locking and state ------------------------------------------------------------------------------

    def lock(self) -> None:
        """Take the root for this command. Raises Locked."""
        if self._lock >= 0:
            return
        self.top.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.top / "buildroot.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + LOCK_PATIENCE
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Locked(f"Build root is locked by another process: {self.top}") from None
                time.sleep(0.02)

    def _load(self) -> bool:
        """Read how the root was made; False if it was not."""
        try:
            state = json.loads(self._state.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return False
        self._set_layers([Path(path) for path in state["lowers"]])
        return True

    def _save(self) -> None:
        state = {"lowers": [str(path) for path in self.view.lowers]}
        partial = self._state.with_suffix(".new")
        partial.write_text(json.dumps(state), encoding="utf-8")
        partial.replace(self._state)

    def _set_layers(self, lowers: list[Path]) -> None:
        work = self.top / "work"
        self.view = RootView(self.root, tuple(lowers), work if lowers else None)

    # --- life -------------------------------------------------------------------------------------------

    def clean(self) -> None:
        """Remove the root; results and caches stay."""
        self.lock()
        if not self._state.exists() and not self.root.exists():
            return
        with self.logs.phase("clean chroot"):
            if self._load():
                for tree in self.view.lowers:
                    self.cache.release(tree, self.top)
            self._state.unlink(missing_ok=True)
            self._remove()

    def _remove(self) -> None:
        for name in ("root", "work", "dnf"):
            if (self.top / name).exists():
                shutil.rmtree(self.top / name)
        self._set_layers([])

    def scrub(self) -> None:
        """Remove everything of this root, results too; the caches shared with others stay."""
        self.clean()
        self.logs.close()
        shutil.rmtree(self.top)

    def init(self) -> None:
        """Make the root unless it is there."""
        self.lock()
        self.logs.note(f"Mock Version: {hostinfo.MOCK_VERSION} (moromi-chroot {VERSION})")
        with self.logs.phase("chroot init"):
            if not self._load():
                self._remove()
                hostinfo.write(self.logs, self.top)
                self._make()
                self.runner.function(self.view, inroot.write_files(self.config))
                self._save()

    def _make(self) -> None:
        fetched = fetch_all(self.config.repositories())
        self.root.mkdir()
        dnf = Dnf(self.config, self.runner, fetched)
        if fetched is None or self.config.cache == "none":
            self._populate(dnf, self.root)
            return
        key = baseroot.content_key(self.config, fetched)
        found = self.cache.find(key) or self._resolved_key(dnf, key)
        tree, made = self.cache.use(found, self.top, lambda path: self._populate(dnf, path))
        if dnf.current():
            self.cache.name(key, found)
        self.logs.line("root", f"{'Made' if made else 'Using'} cached base chroot {found}")
        self._put_on(tree)

    def _resolved_key(self, dnf: Dnf, key: str) -> str:
        """Name the base by the packages that would be installed, so that other changes do not matter."""
        specs = baseroot.specs(self.config.setup)
        self._planned = (
            dnf.resolve(self.view, specs) if specs and not self.config.module_setup else None
        ) or []
        shutil.rmtree(self.root)  # dnf has put an empty package database there.
        self.root.mkdir()
        if not self._planned:
            return key
        return baseroot.package_key(self.config, self._planned)

    def _populate(self, dnf: Dnf, tree: Path) -> None:
        """Install the base packages into an empty tree."""
        view = RootView(tree)
        with self.logs.phase("installing minimal buildroot with dnf"):
            inroot.make_directories(tree)
            for action, what in self.config.module_setup:
                dnf.run(view, ["module", action, what])
            dnf.run(view, self.config.setup, self._planned)
            if rpmdb.is_empty(tree):
                # dnf is content with a group of which the repositories have no package.
                raise PackagesFailed(f"Nothing was installed by: {shlex.join(self.config.setup)}")
            self.runner.function(view, inroot.finish_base(self.config))

    def _put_on(self, tree: Path) -> None:
        """Make the root from a cached tree: as an overlay, or as a copy where that cannot be mounted."""
        if self.config.cache == "overlay":
            (self.top / "work").mkdir()
            self._set_layers([tree])
            try:
                self.runner.function(self.view, _nothing)
                return
            except SandboxError as exc:
                if "mount overlay on " not in str(exc):
                    raise
                self.logs.line("root", f"No overlay ({exc}): copying the base")
                self._set_layers([])
        shutil.rmtree(self.root)
        copy = Job(
            ["cp", "-a", "--reflink=auto", str(tree), str(self.root)],
            env=os.environ,
            inside=False,
            mounts=False,
        )
        if self.runner.run(self.view, copy, "root", 0, False, False).code:
            raise SandboxError(f"copying {tree} to {self.root} failed")
        self.cache.release(tree, self.top)

    # --- use --------------------------------------------------------------------------------------------

    def install(self, specs: Sequence[str]) -> None:
        """Install packages by name. Raises PackagesFailed."""
        self._dnf().install(self.view, specs)

    def require(self, specs: Sequence[str]) -> bool:
        """Install what is missing of these dependencies; return whether anything was.

        Raises PackagesFailed.
        """
        if not specs:
            return False
        dnf = self._dnf()
        planned = dnf.resolve(self.view, specs)
        if planned == []:
            return False
        if not planned or not self.view.lowers or not self._add_layer(dnf, planned, specs):
            dnf.install(self.view, specs, planned)
        return True

    def _dnf(self) -> Dnf:
        return Dnf(self.config, self.runner, fetch_all(self.config.repositories()))

    def _add_layer(self, dnf: Dnf, planned: Sequence[Package], specs: Sequence[str]) -> bool:
        """Put packages below what the root has of its own; False if they do not fit there."""
        key = layers.key(self.config, self.view, planned)
        layer = layers.make(self.cache, self.top, key, self.view, dnf, planned, specs)
        if not layers.fits(self.view, layer):
            self.cache.release(layer, self.top)
            return False
        self.logs.line("root", f"Using cached layer {key}: {' '.join(package.nevra for package in planned)}")
        layers.forget_database(self.root)
        self._set_layers([layer, *self.view.lowers])
        self._save()
        self.runner.function(self.view, inroot.own_database)
        return True

    def log_error(self, exc: ChrootError) -> None:
        """Note in root.log why the command failed, unless the command has no logs yet."""
        if self.result.is_dir() and not isinstance(exc, Locked):
            for line in f"ERROR: {exc}".splitlines():
                self.logs.line("root", line)

    def inside(self, function: Callable[[], None]) -> None:
        """Run a function in the root, as root."""
        self.runner.function(self.view, function)


def _nothing() -> None:
    """Do nothing: that the root could be entered is the result."""
