"""Reading a root's rpm database from outside: what a builder reports as the root's content.

Works between commands on the roots of this engine and of mock alike, with the host's rpm.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from moromi_chroot.errors import SandboxError
from moromi_chroot.inroot import RPM_DATABASES

_FIELDS = ("name", "version", "release", "epoch", "arch", "size", "buildtime", "sigmd5")
_FORMAT = "\\t".join(f"%{{{field}}}" for field in _FIELDS) + "\\n"


@dataclass(frozen=True)
class InstalledPackage:
    """One package; `payload_hash` is SIGMD5 in hex, `build_time` in seconds, `size` in bytes."""

    name: str
    version: str
    release: str
    epoch: int | None
    arch: str
    size: int
    build_time: int
    payload_hash: str


def database(root: Path) -> Path:
    """Return the directory of a root's rpm database. Raises SandboxError."""
    for name in RPM_DATABASES:
        path = root / name
        # Some distributions keep a link at the other place, which points into the host from out here.
        if path.is_dir() and not path.is_symlink():
            return path
    raise SandboxError(f"Can't get list of installed rpms: no rpm database in {root}")


def installed(root: Path) -> list[InstalledPackage]:
    """Return the packages of a root, sorted by name; signature keys are left out. Raises SandboxError."""
    argv = ["rpm", "--dbpath", str(database(root)), "-qa", "--qf", _FORMAT]
    done = subprocess.run(argv, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        raise SandboxError(f"Can't get list of installed rpms: {done.stderr.strip()}")
    return sorted(_parse(done.stdout), key=lambda package: (package.name, package.arch, package.version))


def is_empty(root: Path) -> bool:
    """Say whether nothing is installed in a root, not even a database. Raises SandboxError."""
    return not any((root / name).is_dir() for name in RPM_DATABASES) or not installed(root)


def _parse(text: str) -> Iterator[InstalledPackage]:
    for line in text.splitlines():
        name, version, release, epoch, arch, size, build_time, payload_hash = line.split("\t")
        if name == "gpg-pubkey":
            continue
        number = int(epoch) if epoch.isdigit() else None
        yield InstalledPackage(name, version, release, number, arch, int(size), int(build_time), payload_hash)
