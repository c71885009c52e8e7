"""The historic client, in a virtual environment, alone or beside the published `copr`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_SOURCE = Path(__file__).resolve().parents[2] / "clients" / "copr_legacy"
_OURS = Path(sysconfig.get_path("purelib"))


@dataclass
class Environment:
    """The environment, and who asks from there."""

    place: Path
    url: str = ""
    user: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)

    def run(
        self, *words: str, typed: str = "", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of it, without a terminal."""
        return subprocess.run(
            [str(self.place / "bin" / words[0]), *words[1:]],
            input=typed,
            capture_output=True,
            text=True,
            check=False,
            timeout=250,
            start_new_session=True,
            cwd=self.place,
            env={"PATH": os.environ["PATH"], "HOME": str(self.place), **self.extra, **(env or {})},
        )

    def python(self, code: str, *words: str) -> str:
        """What a script prints, which must work."""
        done = self.run("python", "-c", code, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def __call__(self, *words: str, code: int = 0) -> str:
        """What the command prints, which must end with a status: its errors if that is not 0."""
        done = self.run("copr", "--url", self.url, "-u", self.user, *words)
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return done.stderr if code else done.stdout

    def of(self, url: str, user: str) -> Environment:
        """The same, for a user whose password is the name."""
        return Environment(self.place, url, user, {"COPR_PASSWORD": user})


def wheel(place: Path) -> Path:
    """The client as it is distributed, made in `place` without the network."""
    source = place / "source"
    shutil.copytree(_SOURCE, source, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    words = ["wheel", "--no-index", "--no-build-isolation", "--no-deps", "-w", str(place), str(source)]
    _pip(*words)
    (made,) = place.glob("*.whl")
    return made


def install(place: Path, made: Path, *, beside: bool) -> Environment:
    """A new environment with the wheel, and with `beside` the published client as it is installed here."""
    venv.create(place, symlinks=True, with_pip=False)
    packages = place / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    if beside:
        for each in (_OURS / "copr", *_OURS.glob("copr-*.dist-info")):
            shutil.copytree(each, packages / each.name)
        # what the published one needs is found where it is
        (packages / "needed.pth").write_text(f"{_OURS}\n", encoding="utf-8")
    _pip("--python", str(place / "bin" / "python"), "install", "--no-index", "--no-deps", str(made))
    return Environment(place)


def _pip(*words: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
