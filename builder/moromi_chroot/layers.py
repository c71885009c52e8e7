"""BuildRequires as cached layers.

What a build installs on top of its base is mostly what another build installed: gcc and make, say. So
packages are not installed into an overlay root itself but into a layer between it and its lower layers, which
is kept under the names of the packages in it and of what lies below. A layer fits a root if nothing in the
root hides a part of it and the root's own rpm database is still that of its layers; else the packages go into
the root directly.
"""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from moromi_chroot import baseroot, files, inroot, rpmdb
from moromi_chroot.config import Config
from moromi_chroot.dnf import Dnf, Package
from moromi_chroot.errors import SandboxError
from moromi_chroot.rootcache import RootCache
from moromi_chroot.sandbox import RootView

# Of an rpm database, what says nothing about its packages.
_TRANSIENT = (".rpm.lock", "-shm", "-wal")


def key(config: Config, view: RootView, packages: Sequence[Package]) -> str:
    """Return the name of the layer that adds these packages to a root."""
    return baseroot.package_key(config, packages, [path.parent.name for path in view.lowers])


def make(
    cache: RootCache,
    user: Path,
    name: str,
    view: RootView,
    dnf: Dnf,
    packages: Sequence[Package],
    specs: Sequence[str],
) -> Path:
    """Return the tree of the layer `name` over the lower layers of a root, installing it if need be.

    Raises PackagesFailed.
    """

    def populate(tree: Path) -> None:
        work = tree.parent / "work"
        work.mkdir()
        dnf.install(RootView(tree, view.lowers, work), specs, packages)
        dnf.runner.function(RootView(tree, view.lowers, work), inroot.forget_history)
        shutil.rmtree(work)

    return cache.use(name, user, populate)[0]


def fits(view: RootView, layer: Path) -> bool:
    """Say whether the layer can be put below what the root has of its own."""
    database = _database(view.path)
    if database is None or not _pristine(view, database):
        return False
    return not any(os.path.lexists(layer / path) for path in _own_files(view.path) if path.parent != database)


def _database(root: Path) -> Path | None:
    try:
        return rpmdb.database(root).relative_to(root)
    except SandboxError:
        return None


def _pristine(view: RootView, database: Path) -> bool:
    """Say whether the root's rpm database is a copy of the one below."""
    below = next((path / database for path in view.lowers if (path / database).is_dir()), None)
    if below is None:
        return False
    names = [name for name in os.listdir(below) if not name.endswith(_TRANSIENT)]
    _, different, missing = filecmp.cmpfiles(below, view.path / database, names, shallow=False)
    return not different and not missing


def _own_files(root: Path) -> Iterator[Path]:
    """Yield what a root holds besides directories, and directories that hide those below."""
    for top, dirs, names in os.walk(root):
        here = Path(top)
        links = [name for name in dirs if (here / name).is_symlink()]
        for name in [*names, *links]:
            yield (here / name).relative_to(root)
        for name in dirs:
            if name not in links and _opaque(here / name):
                yield (here / name).relative_to(root)


def _opaque(path: Path) -> bool:
    return "trusted.overlay.opaque" in os.listxattr(path, follow_symlinks=False)


def forget_database(root: Path) -> None:
    """Remove the root's copy of the rpm database, so that the layers' shows again."""
    database = rpmdb.database(root).relative_to(root)
    with files.directory(root, str(database)) as where:
        for name in os.listdir(where):
            os.unlink(name, dir_fd=where)
