"""Directories of files that are shared by hard links, and kept within bounds.

A store's entry is never changed once it has its name. Its modification time says when it was last used.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path


def link(source: Path, target: Path) -> None:
    """Hard-link a file, or copy it to another file system; what is there already stays."""
    if target.exists():
        return
    try:
        os.link(source, target)
    except FileExistsError:
        return
    except OSError:
        partial = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.copy2(source, partial)
        partial.replace(target)


def link_tree(source: Path, target: Path) -> None:
    """Make a directory tree of links to the files of another."""
    for top, _, names in os.walk(source):
        place = target / os.path.relpath(top, source)
        place.mkdir(parents=True, exist_ok=True)
        for name in names:
            link(Path(top, name), place / name)


def trim(store: Path, entries: int, size: int) -> None:
    """Remove the longest unused entries until at most so many, of so many bytes together, are left."""
    found = []
    for path in store.iterdir():
        # Another engine may be trimming too.
        with contextlib.suppress(FileNotFoundError):
            found.append((path.stat().st_mtime, _size(path), path))
    kept = 0
    for number, (_, taken, path) in enumerate(sorted(found, reverse=True)):
        kept += taken
        if number >= entries or kept > size:
            _remove(path)


def _size(path: Path) -> int:
    if not path.is_dir():
        return path.stat().st_size
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
