"""The files that the engine itself writes in a root.

The functions returned here run chrooted, in a forked process, as root: a symbolic link in the root cannot
lead them to the host's files, and an overlay is mounted while they write. They must not import anything.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

from moromi_chroot import rpmdb
from moromi_chroot.config import BUILD_GROUP, BUILD_USER, Config

BUILD_DIRS = ("BUILD", "BUILDROOT", "RPMS", "SOURCES", "SPECS", "SRPMS", "originals")


def make_directories(tree: Path) -> None:
    """Make what must be there before the first package is installed."""
    for path in ("proc", "sys", "dev", "run", "etc", "tmp", "var/tmp"):
        (tree / path).mkdir(parents=True, exist_ok=True)
    for path in ("tmp", "var/tmp"):
        (tree / path).chmod(0o1777)


def finish_base(config: Config) -> Callable[[], None]:
    """Return what completes a freshly installed base: the build user; dnf's history and logs are dropped."""

    def finish() -> None:
        _append("/etc/passwd", BUILD_USER, f"x:{config.uid}:{config.gid}::{config.home}:/bin/bash")
        _append("/etc/group", BUILD_GROUP, f"x:{config.gid}:")
        os.makedirs(config.home, exist_ok=True)
        os.chown(config.home, config.uid, config.gid)
        forget_history()

    return finish


def forget_history() -> None:
    """Remove dnf's record of its transactions, which nobody asks for."""
    shutil.rmtree("/var/lib/dnf", ignore_errors=True)


def _append(path: str, name: str, rest: str) -> None:
    """Add an entry to a file like /etc/passwd unless the name is there."""
    known = ""
    if os.path.exists(path):
        with open(path, encoding="utf-8") as reader:
            known = reader.read()
    if not any(line.startswith(f"{name}:") for line in known.splitlines()):
        with open(path, "a", encoding="utf-8") as writer:
            writer.write(f"{name}:{rest}\n")


def write_files(config: Config) -> Callable[[], None]:
    """Return what makes a base this root: name resolution, configured files, the build user's home."""
    resolver = _host_file("/etc/resolv.conf") if config.host_resolver else ""
    hosts = f"127.0.0.1 localhost {socket.gethostname()}\n::1 localhost\n"
    files = {"etc/hosts": hosts, "etc/resolv.conf": resolver, **config.files}

    def write() -> None:
        for path, text in files.items():
            _write(f"/{path}", text)
        macros = f"{config.home}/.rpmmacros"
        _write(macros, "".join(f"{key} {value}\n" for key, value in config.macros.items()))
        os.chown(macros, config.uid, config.gid)
        _make_build_tree(config)
        own_database()

    return write


def _host_file(path: str) -> str:
    return Path(path).read_text(encoding="utf-8", errors="replace") if os.path.exists(path) else ""


def _write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.islink(path):
        os.unlink(path)
    with open(path, "w", encoding="utf-8") as writer:
        writer.write(text)


def own_database() -> None:
    """Copy rpm's database to the top layer, so that it can be read from outside between commands."""
    for directory in rpmdb.DATABASES:
        if os.path.isdir(f"/{directory}") and not os.path.islink(f"/{directory}"):
            for name in os.listdir(f"/{directory}"):
                os.close(os.open(f"/{directory}/{name}", os.O_RDWR))


def reset_build_tree(config: Config) -> Callable[[], None]:
    """Return what empties the build directory."""

    def reset() -> None:
        shutil.rmtree(f"{config.home}/build", ignore_errors=True)
        _make_build_tree(config)

    return reset


def _make_build_tree(config: Config) -> None:
    top = f"{config.home}/build"
    for path in (top, *(f"{top}/{name}" for name in BUILD_DIRS)):
        os.makedirs(path, exist_ok=True)
        os.chown(path, config.uid, config.gid)
