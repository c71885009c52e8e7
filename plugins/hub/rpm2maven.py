"""Maven artifacts out of rpms that are Maven repositories (spec: builder.md section 8.5).

When an rpm with a matching name comes in, the artifacts in it are imported as
archives of its build. A directory of it is one artifact if it matches the
patterns and has exactly one `.pom`, which says the coordinates of all its files.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO, Any

from moromi.errors import BuildError, ConfigurationError
from moromi_hub.plugin_api import (
    Call,
    Configuration,
    Sections,
    archive_imports,
    archives,
    build_types,
    builds,
    callback,
    pom,
    section,
)

Info = Mapping[str, Any]
UNPACK = "rpm2cpio"
CPIO_MAGICS = (b"070701", b"070702")
CPIO_END = "TRAILER!!!"


@dataclass(frozen=True)
class Options:
    """`[patterns]` of `rpm2maven.conf`."""

    rpm_names: tuple[str, ...]
    artifact_paths: tuple[str, ...]


def _options(sections: Sections) -> Options:
    if shutil.which(UNPACK) is None:
        raise ConfigurationError(f"the plugin rpm2maven needs the program {UNPACK}")
    given = section(sections, "patterns")
    return Options(tuple(given.words("rpm_names")), tuple(given.words("artifact_paths")))


CONFIG = Configuration("rpm2maven", _options)


@callback("postImport")
def import_artifacts(call: Call, kind: str, /, **arguments: Any) -> None:
    """Import the artifacts of an rpm that has just come in."""
    if arguments["type"] != "rpm" or not call.settings.EnableMaven:
        return
    rpm: Info = arguments["rpm"]
    build: Info = arguments["build"]
    options = CONFIG.of(call)
    if build.get("draft") or rpm["arch"] in ("src", "nosrc"):
        return
    if not any(fnmatchcase(rpm["name"], pattern) for pattern in options.rpm_names):
        return
    package = builds.build_directory(call, build) / call.paths.rpm(rpm)
    directory = _make_directory(call, build)
    for artifact in unpack(package, directory, options.artifact_paths):
        _import_directory(call, artifact, build, rpm)


def _make_directory(call: Call, build: Info) -> Path:
    """A new directory below `work`, removed with all that is in it when the call is over."""
    parent = Path(call.paths.work()) / "rpm2maven" / f"{build['name']}-{build['version']}-{build['release']}"
    parent.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(dir=parent))

    def remove() -> None:
        shutil.rmtree(directory)
        with contextlib.suppress(OSError):  # another rpm of the build is at work there
            parent.rmdir()

    call.tx.after_commit(remove)
    call.tx.on_rollback(remove)
    return directory


def _import_directory(call: Call, directory: Path, build: Info, rpm: Info) -> None:
    """Import the files of known types of one artifact; does nothing where there is not one `.pom`."""
    poms = sorted(directory.glob("*.pom"))
    if len(poms) != 1:
        return
    coordinates = pom.read_coordinates(poms[0])
    if archives.legacy_build(call, "maven", build["id"]) is None:
        version = f"{rpm['version']}-{rpm['release']}"
        info = {"group_id": build["name"], "artifact_id": rpm["name"], "version": version}
        build_types.add_info(call, build, "maven", info)
    for path in sorted(directory.iterdir()):
        if archives.type_of_file(call, path.name, strict=False) is not None:
            archive_imports.import_archive(call, path, build, "maven", coordinates)


def unpack(package: Path, directory: Path, patterns: tuple[str, ...]) -> list[Path]:
    """Put the files of matching directories of an rpm into directories below `directory`, which are returned.

    Only plain files are taken, and nothing of the package's paths but their last part is used.
    Raises BuildError for an rpm that cannot be unpacked.
    """
    made: dict[str, Path] = {}
    process = subprocess.Popen([UNPACK, str(package)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process, process.stdout as stream:
        for member in _members(stream):
            place = str(PurePosixPath("/", member.name).parent)
            if not stat.S_ISREG(member.mode) or not any(fnmatchcase(place, each) for each in patterns):
                continue
            if place not in made:
                made[place] = directory / str(len(made))
                made[place].mkdir()
            with open(made[place] / os.path.basename(member.name), "xb") as target:
                shutil.copyfileobj(member, target)
    if process.returncode:
        raise BuildError(f"cannot unpack {package.name}: {UNPACK} exited with status {process.returncode}")
    return list(made.values())


@dataclass
class _Member:
    """One entry of a cpio stream; its content can be read until the next is asked for."""

    name: str
    mode: int
    left: int
    stream: IO[bytes]

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes of the content."""
        block = _exactly(self.stream, self.left if size < 0 else min(size, self.left))
        self.left -= len(block)
        return block


def _members(stream: IO[bytes]) -> Iterator[_Member]:
    """The entries of a cpio archive in the format `newc`. Raises BuildError for another one."""
    while True:
        header = _exactly(stream, 110)
        if header[:6] not in CPIO_MAGICS:
            raise BuildError("the payload of the rpm is not in a known format")
        numbers = [int(header[start : start + 8], 16) for start in range(6, 110, 8)]
        mode, size, name_size = numbers[1], numbers[6], numbers[11]
        name = _exactly(stream, name_size)[:-1].decode("utf-8", "surrogateescape")
        _exactly(stream, -(110 + name_size) % 4)
        if name == CPIO_END:
            shutil.copyfileobj(stream, _Nowhere())
            return
        member = _Member(name.removeprefix("."), mode, size, stream)
        yield member
        shutil.copyfileobj(member, _Nowhere())
        _exactly(stream, -size % 4)


class _Nowhere:
    """Takes everything."""

    def write(self, block: bytes) -> int:
        """Forget a block."""
        return len(block)


def _exactly(stream: IO[bytes], size: int) -> bytes:
    block = stream.read(size)
    if len(block) < size:
        raise BuildError("the payload of the rpm ends early")
    return block
