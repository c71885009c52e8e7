"""Looking at a source package from outside, before anything is started for it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from moromi_chroot.errors import BadSourcePackage

_FORMAT = "%{sourcepackage}\\n[%{requirename}\\t%{requireflags:depflags}\\t%{requireversion}\\n]"


@dataclass(frozen=True)
class SourcePackage:
    """A source package's file and BuildRequires (in dnf's notation), rpmlib() ones apart."""

    path: Path
    requires: tuple[str, ...]
    features: frozenset[str]

    @property
    def dynamic(self) -> bool:
        """Whether the spec has a %generate_buildrequires section."""
        return "rpmlib(DynamicBuildRequires)" in self.features


def read(path: Path) -> SourcePackage:
    """Read a source package's header. Raises BadSourcePackage if it is anything else."""
    argv = ["rpm", "-qp", "--nosignature", "--qf", _FORMAT, str(path)]
    done = subprocess.run(argv, capture_output=True, text=True, errors="replace", check=False)
    first, _, rest = done.stdout.partition("\n")
    if done.returncode or first != "1":
        raise BadSourcePackage(
            f"Cannot find/open srpm: {path}. Error: {done.stderr.strip() or 'not an SRPM'}"
        )
    requires, features = [], set()
    for line in rest.splitlines():
        name, flags, version = line.split("\t")
        if name.startswith("rpmlib("):
            features.add(name)
        else:
            requires.append(f"{name} {flags.strip()} {version}" if version else name)
    return SourcePackage(path, tuple(dict.fromkeys(requires)), frozenset(features))
