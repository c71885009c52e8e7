"""The two command lines that drive a hub: ours, and the unmodified one of the published client."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from samplesite.site import ADMIN, BIN, Site

COMMANDS = ("moromi", "koji")
_DEBIAN_PYTHON = "/usr/bin/python3"
Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Command:
    """A command line on a site, as its administrator. `home` is where its user's files would be."""

    name: str
    argv: Sequence[str]
    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def start(self, *words: Any, cwd: Path | None = None) -> subprocess.Popen[str]:
        """Start a command in the background, as scripts do: its input is no terminal."""
        return subprocess.Popen(
            [*self.argv, *map(str, words)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd or self.home,
            env={**os.environ, "HOME": str(self.home), "TZ": "UTC", "LC_ALL": "C.UTF-8", **self.environment},
        )

    def run(self, *words: Any, cwd: Path | None = None, seconds: float = 250) -> Done:
        """Run a command to its end, however it ends."""
        process = self.start(*words, cwd=cwd)
        try:
            out, err = process.communicate(timeout=seconds)
        finally:
            process.kill()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def __call__(self, *words: Any, cwd: Path | None = None) -> str:
        """What a command prints; it must succeed."""
        done = self.run(*words, cwd=cwd)
        assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def task(self, *words: Any) -> int:
        """The task that a command makes; it must succeed."""
        return created_task(self(*words))


def created_task(text: str) -> int:
    """The task that a command says it has made."""
    found = re.search(r"^Created task: (\d+)$", text, re.MULTILINE)
    assert found is not None, text
    return int(found[1])


def command_of(site: Site, name: str, home: Path, options: Mapping[str, Any] | None = None) -> Command:
    """`moromi` or `koji` on a site."""
    profile = {
        "server": f"{site.url}/kojihub",
        "topurl": f"{site.url}/kojifiles",
        "weburl": site.url,
        "topdir": site.tree,
        "poll_interval": 1,
        **(options or {}),
    }
    home.mkdir(parents=True, exist_ok=True)
    config = home / f"{name}.conf"
    lines = [f"[{name}]", *(f"{key} = {value}" for key, value in profile.items())]
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    # The published client takes user and password from its command line only.
    account = ["--user", ADMIN, "--password", site.facts["admin_password"], "--authtype", "password"]
    argv = (str(BIN / name), "--config", str(config), "--profile", name, *account)
    return Command(name, argv, home, with_rpm_bindings(home) if name == "koji" else {})


def with_rpm_bindings(home: Path) -> dict[str, str]:
    """Let the published client read packages and comps files, as it insists on: with rpm's and libcomps' own
    bindings.

    They are no packages of the registry, they come with Debian's dnf for Debian's Python.
    """
    find = [_DEBIAN_PYTHON, "-c", "import libcomps, rpm; print(libcomps.__path__[0], rpm.__path__[0])"]
    found = subprocess.run(find, capture_output=True, text=True, check=True).stdout.split()
    place = home / "rpm-bindings"
    place.mkdir()
    for path in found:
        (place / Path(path).name).symlink_to(path)
    inherited = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": f"{place}:{inherited}" if inherited else str(place)}
