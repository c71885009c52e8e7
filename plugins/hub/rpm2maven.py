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
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from moromi.rpm import opened_payload
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


@dataclass(frozen=True)
class Options:
    """`[patterns]` of `rpm2maven.conf`."""

    rpm_names: tuple[str, ...]
    artifact_paths: tuple[str, ...]


def _options(sections: Sections) -> Options:
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
    Raises GenericError for an rpm that cannot be unpacked.
    """
    made: dict[str, Path] = {}
    with opened_payload(package) as members:
        for member in members:
            place = str(PurePosixPath("/", member.name).parent)
            if not stat.S_ISREG(member.mode) or not any(fnmatchcase(place, each) for each in patterns):
                continue
            if place not in made:
                made[place] = directory / str(len(made))
                made[place].mkdir()
            with open(made[place] / os.path.basename(member.name), "xb") as target:
                shutil.copyfileobj(member, target)
    return list(made.values())
