"""A root's rpm database, seen from outside: where it is, and whether anything is installed.

Works between commands on the roots of this engine and of mock alike, with the host's rpm.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from moromi_chroot.errors import SandboxError

DATABASES = ("usr/lib/sysimage/rpm", "var/lib/rpm")
# What rpm lists with the packages: a key that somebody imported.
SIGNATURE_KEY = "gpg-pubkey"


def database(root: Path) -> Path:
    """Return the directory of a root's rpm database. Raises SandboxError."""
    for name in DATABASES:
        path = root / name
        # Some distributions keep a link at the other place, which points into the host from out here.
        if path.is_dir() and not path.is_symlink():
            return path
    raise SandboxError(f"Can't get list of installed rpms: no rpm database in {root}")


def is_empty(root: Path) -> bool:
    """Say whether no package is installed in a root, perhaps without a database. Raises SandboxError."""
    if not any((root / name).is_dir() for name in DATABASES):
        return True
    argv = ["rpm", "--dbpath", str(database(root)), "-qa", "--qf", r"%{NAME}\n"]
    done = subprocess.run(argv, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        raise SandboxError(f"Can't get list of installed rpms: {done.stderr.strip()}")
    return set(done.stdout.split()) <= {SIGNATURE_KEY}
