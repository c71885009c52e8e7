"""The directories of results: what a step of a build leaves, whole under its name (copr.md, section 4.4).

Packages are second names of those that the hub keeps, unless they are signed here; a spec file is taken out
of the source package once, for all chroots.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from moromi.errors import GenericError
from moromi.rpm import opened_payload
from moromi_hub.plugin_api import Call, files
from moromi_hub.plugin_api import builds as hub_builds

from . import build_queries, metadata, results, signing
from .logs import Logs
from .model import Build, ChrootState

log = logging.getLogger("moromi_hub.plugins.copr")

_LARGEST_SPEC = 16 << 20
"""Bytes of a spec file that is taken for one."""


def place_source(call: Call, build: Build, path: Path, name: str, said: Logs) -> None:
    """Publish the source package of a build, with its spec file and the logs of getting it."""
    with _new_directory(call, _source_place(call, build)) as place:
        _link(path, place / name)
        _unpack_spec(path, place)
        said.keep(place)


def place_source_logs(call: Call, build: Build, said: Logs) -> None:
    """Publish the logs of sources that could not be got."""
    with _new_directory(call, _source_place(call, build)) as place:
        said.keep(place)


def place_chroot(
    call: Call, build: Build, chroot: ChrootState, said: Logs, koji_build_id: int | None
) -> None:
    """Publish what there is of a build in a chroot: its logs, the packages of a build of the hub."""
    name = f"{build.directory}-{build.package}"
    target = results.repository(call, build.owner, build.dirname, chroot.name) / name
    with _new_directory(call, target) as place:
        said.keep(place)
        for spec in _source_place(call, build).glob("*.spec"):
            _link(spec, place / spec.name)
        if koji_build_id is not None:
            _link_packages(call, koji_build_id, place)
            signing.sign(call, place)
            metadata.describe(place, name)
            (place / "success").write_text("done\n", encoding="utf-8")


def _source_place(call: Call, build: Build) -> Path:
    return results.directory(call, build.owner, build.dirname) / results.SOURCES / build.directory


def _link_packages(call: Call, koji_build_id: int, place: Path) -> None:
    build = hub_builds.require_build(call, koji_build_id)
    top = hub_builds.build_directory(call, build)
    for rpm in build_queries.rpms_of(call.tx, koji_build_id):
        name = f"{rpm['name']}-{rpm['version']}-{rpm['release']}.{rpm['arch']}.rpm"
        _link(top / rpm["arch"] / name, place / name)


def _unpack_spec(package: Path, place: Path) -> None:
    """Put the spec file of a source package beside it."""
    try:
        with opened_payload(package) as members:
            for member in members:
                name = PurePosixPath(member.name).name
                fits = name.endswith(".spec") and not name.startswith(".") and member.size <= _LARGEST_SPEC
                if fits and stat.S_ISREG(member.mode):
                    (place / name).write_bytes(member.read())
                    return
    except GenericError as error:
        # what is wrong with it, if anything, is for those to say who build it
        log.warning("no spec file of %s: %s", package.name, error)


@contextmanager
def _new_directory(call: Call, target: Path) -> Iterator[Path]:
    """A directory that appears whole under its name; what was there of an earlier attempt goes."""
    private = target.with_name(f".{target.name}.{secrets.token_hex(6)}")
    files.make_directories(private)
    try:
        yield private
        files.sync_tree(private)
        files.remove_tree(target)
        private.rename(target)
        files.sync_directory(target.parent)
    except BaseException:
        shutil.rmtree(private, ignore_errors=True)
        raise
    call.tx.on_rollback(lambda: files.remove_tree(target))


def _link(source: Path, target: Path) -> None:
    """A second name of a file, or a copy where that cannot be."""
    source = Path(os.path.realpath(source))
    with files.opened_directory(target.parent) as directory:
        files.place(source, directory, target.name)
