"""Populated base chroots, kept by content and shared by all roots.

    <cache>/base/<key>/tree         the root as the set-up command left it; never written to again
    <cache>/base/<key>/users/<id>   one file per root that has the tree as a layer, holding its directory
    <cache>/base/<key>.new/         being made, by whoever holds <key>.lock
    <cache>/base/<key>.lock
    <cache>/names/<key>             another key of the same tree (see baseroot)

A layer is made once even if several engines want it at the same time: the others wait. The number of layers
is limited; the longest unused go first, and none that a root still uses.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

# Seconds in which a new user of a layer is believed without looking: it may not have noted its use yet.
GRACE = 600


@contextlib.contextmanager
def file_lock(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold an exclusive lock on a file; yields whether it was got (always, with `wait`)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


class RootCache:
    """The layers below one cache directory."""

    def __init__(self, directory: Path, limit: int) -> None:
        self.base = directory / "base"
        self.names = directory / "names"
        self.limit = limit

    def find(self, key: str) -> str | None:
        """Return the key of the tree that goes by this name too, if there is one."""
        with contextlib.suppress(OSError):
            found = (self.names / key).read_text(encoding="ascii")
            if (self.base / found / "tree").is_dir():
                os.utime(self.names / key)
                return found
        return None

    def name(self, key: str, other: str) -> None:
        """Remember that `other` is the tree to use for `key`."""
        self.names.mkdir(parents=True, exist_ok=True)
        partial = self.names / f"{key}.{os.getpid()}"
        partial.write_text(other, encoding="ascii")
        partial.replace(self.names / key)

    def use(self, key: str, user: Path, make: Callable[[Path], None]) -> tuple[Path, bool]:
        """Return a layer's tree, made now if it is not there, and whether it was made.

        `make` fills an empty directory. `user` is the root's directory, which keeps the layer from being
        removed as long as it lists it (see in_use).
        """
        made = False
        with file_lock(self.base / f"{key}.lock"):
            layer = self.base / key
            if not (layer / "tree").is_dir():
                partial = self.base / f"{key}.new"
                shutil.rmtree(partial, ignore_errors=True)
                (partial / "tree").mkdir(parents=True)
                make(partial / "tree")
                partial.rename(layer)
                made = True
            os.utime(layer)
            (layer / "users").mkdir(exist_ok=True)
            (layer / "users" / _user_id(user)).write_text(str(user), encoding="utf-8")
        if made:
            self.trim()
        return layer / "tree", made

    def release(self, tree: Path, user: Path) -> None:
        """Note that a root does not use a layer any more."""
        (tree.parent / "users" / _user_id(user)).unlink(missing_ok=True)

    def trim(self) -> None:
        """Remove the longest unused layers beyond the limit, and what killed engines left behind."""
        for partial in self.base.glob("*.new"):
            with file_lock(partial.with_suffix(".lock"), wait=False) as locked:
                if locked:
                    shutil.rmtree(partial, ignore_errors=True)
        layers = [path for path in self.base.iterdir() if path.is_dir() and not path.suffix]
        layers.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for layer in layers[self.limit :]:
            with file_lock(layer.with_suffix(".lock"), wait=False) as locked:
                if locked and not self.in_use(layer):
                    # The rename makes it vanish at once for everyone else.
                    doomed = layer.with_suffix(".new")
                    layer.rename(doomed)
                    shutil.rmtree(doomed, ignore_errors=True)
        self._trim_names()

    def _trim_names(self) -> None:
        for path in self.names.glob("*") if self.names.is_dir() else ():
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime < GRACE:
                    continue  # It may be half written, by an engine that is about to rename it.
                if not (self.base / path.read_text(encoding="ascii") / "tree").is_dir():
                    path.unlink()

    def in_use(self, layer: Path) -> bool:
        """Say whether a root still has this layer; forget the users that are gone."""
        used = False
        for path in (layer / "users").glob("*"):
            if time.time() - path.stat().st_mtime < GRACE:
                used = True
                continue
            state = Path(path.read_text(encoding="utf-8")) / "root.json"
            with contextlib.suppress(OSError):
                if str(layer) in state.read_text(encoding="utf-8"):
                    used = True
                    continue
            path.unlink(missing_ok=True)
        return used


def _user_id(user: Path) -> str:
    return hashlib.sha256(os.fsencode(user)).hexdigest()[:16]
