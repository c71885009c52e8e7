"""Chroots for tests: the engines of this machine, the sample distribution, roots to build in.

One suite runs against every engine that has mock's command line: ours, and mock where it is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parent.parent.parent
PACKAGES = TOP / "util" / "packages"

_MAIN = """\
[main]
cachedir=/var/cache/yum
debuglevel=1
logfile=/var/log/yum.log
reposdir=/dev/null
retries=20
obsoletes=1
gpgcheck=0
assumeyes=1
keepcache=1
install_weak_deps=0
strict=1
"""


@dataclass(frozen=True)
class Engine:
    """A program with mock's command line."""

    name: str
    argv: tuple[str, ...]

    @property
    def native(self) -> bool:
        """Whether this is our own."""
        return self.name == "moromi-chroot"


def engines() -> list[Engine]:
    """Return the engines of this machine."""
    found = [Engine("moromi-chroot", (sys.executable, "-m", "moromi_chroot.main"))]
    mock = shutil.which("mock")
    return found + ([Engine("mock", (mock,))] if mock else [])


def sample_distribution() -> Path:
    """Return the sample distribution: MOROMI_DISTRO, or the project's own, made at its first use."""
    given = os.environ.get("MOROMI_DISTRO")
    if given:
        return Path(given)
    out = TOP / ".moromi" / "distro"
    argv = [sys.executable, str(TOP / "util/mkdistro.py"), str(out), "--cache", str(TOP / ".moromi/debs")]
    subprocess.run(argv, check=True)
    return out


def source_package(name: str, out: Path) -> Path:
    """Return the source package of a sample in util/packages."""
    argv = [sys.executable, str(TOP / "util" / "mksrpm.py"), str(out), name]
    return Path(subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip())


class Root:
    """One configured root, driven as a builder drives it."""

    def __init__(
        self, engine: Engine, place: Path, cache: Path, urls: Sequence[str], name: str = "r1"
    ) -> None:
        self.engine = engine
        self.name = name
        self.basedir = place / "mock"
        self.configdir = place / "etc"
        self.configdir.mkdir(parents=True, exist_ok=True)
        self.top = self.basedir / name
        self.root = self.top / "root"
        self.result = self.top / "result"
        self.cache = cache
        self.urls = urls
        self.configure({})

    def configure(self, options: Mapping[str, Any]) -> None:
        """Write the configuration, with these options over the usual ones."""
        repositories = "".join(
            f"\n[build{n or ''}]\nname=build\nbaseurl={url}\n" for n, url in enumerate(self.urls)
        )
        opts: dict[str, Any] = {
            "root": self.name,
            "basedir": str(self.basedir),
            "cache_topdir": str(self.cache),
            "chroot_setup_cmd": "install @build",
            "target_arch": "x86_64",
            "yum.conf": _MAIN + repositories,
        }
        if not self.engine.native:
            opts |= {"use_bootstrap": False, "isolation": "simple", "releasever": "1"}
        lines = [f"config_opts[{key!r}] = {value!r}\n" for key, value in {**opts, **options}.items()]
        lines.append("config_opts['plugin_conf']['ccache_enable'] = False\n")
        lines.append("config_opts['macros']['%vendor'] = 'Moromi'\n")
        (self.configdir / f"{self.name}.cfg").write_text("".join(lines), encoding="utf-8")

    def command(self, *args: str | Path) -> list[str]:
        """Return the command line of an engine command on this root."""
        head = [*self.engine.argv, "--configdir", str(self.configdir), "-r", self.name]
        return head + [str(arg) for arg in args]

    def start(self, *args: str | Path) -> subprocess.Popen[bytes]:
        """Start an engine command as the leader of a process group, as a builder does."""
        with open(self.configdir / f"{self.name}.out", "ab") as out:
            return subprocess.Popen(
                self.command(*args), stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )

    def printed(self) -> str:
        """Return what started commands have printed."""
        return (self.configdir / f"{self.name}.out").read_text(encoding="utf-8")

    def run(self, *args: str | Path) -> subprocess.CompletedProcess[str]:
        """Run an engine command to its end."""
        return subprocess.run(
            self.command(*args),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=240,
        )

    def init(self) -> None:
        """Make the root; it must work."""
        done = self.run("--init")
        assert done.returncode == 0, done.stderr

    def rebuild(self, srpm: Path, target: str = "noarch") -> int:
        """Rebuild a source package in the root that is there; return the exit code."""
        return self.run("--no-clean", "--target", target, "--rebuild", srpm).returncode

    def shell(self, command: str) -> str:
        """Run a shell command in the root, which must work; return its output."""
        done = self.run("--chroot", command)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def log(self, name: str) -> str:
        """Return a log's text, empty if it is not there."""
        path = self.result / f"{name}.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def processes(self) -> list[str]:
        """Return the command lines of the processes that work on this root."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and self._is_ours(entry):
                found.append(_read(entry / "cmdline").replace("\0", " "))
        return found

    def _is_ours(self, entry: Path) -> bool:
        # In another mount namespace, the mounts of the process name the root's directories.
        return str(self.top) in _read(entry / "mountinfo") or str(self.top) in _read(entry / "cmdline")

    def mounts(self) -> list[str]:
        """Return this namespace's mounts below the root's directory."""
        return [line for line in _read(Path("/proc/self/mountinfo")).splitlines() if str(self.top) in line]


def _read(path: Path) -> str:
    """Read a file of /proc; empty if its process has ended."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
