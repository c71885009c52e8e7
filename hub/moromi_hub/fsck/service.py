"""Comparing the tree of builds with the rows, and removing what no row promises.

Builds come and go meanwhile. So the disk is read before the rows where something too
many is looked for, what seems wrong of a build is looked at a second time, and nothing
is removed that has changed lately: a call may be about to promise it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moromi.constants import DEFAULT_VOLUME, BuildState
from moromi_hub import files
from moromi_hub.call import Call
from moromi_hub.fsck import queries
from moromi_hub.fsck.promises import Promises, complaint, present_files, promises_of
from moromi_hub.repodata import service as repodata
from moromi_hub.volumes import service as volumes

Info = Mapping[str, Any]
MIN_AGE = 3600.0
"""Seconds for which an orphan must not have changed before it is removed."""

_BATCH = 500
_HAS_FILES = frozenset({BuildState.COMPLETE, BuildState.BUILDING})


@dataclass(frozen=True)
class Problem:
    """Something wrong at `path`. What may be done about it: remove an orphan, put a link right."""

    path: Path
    text: str
    orphan: bool = False
    link_to: Path | None = None


def check(call: Call, *, checksums: bool = False) -> Iterator[Problem]:
    """Everything that is wrong; with `checksums` the files are read, else only looked at."""
    known = _directories(call)
    strays = list(_strays(call, _Places.of(call, known)))
    if strays:
        again = _Places.of(call, _directories(call))
        for path in strays:
            if again.stray(path) and os.path.lexists(path):
                yield _stray(path)
    builds = list(known.values())
    for start in range(0, len(builds), _BATCH):
        batch = builds[start : start + _BATCH]
        for build, problems in _check_builds(call, batch, checksums):
            if problems:
                yield from _second_look(call, build, checksums)


def _directories(call: Call) -> dict[Path, dict[str, Any]]:
    """The directories that builds have now, or that of a deleted one, which should not be there."""
    return {Path(call.paths.build(build)): build for build in queries.builds(call.tx)}


@dataclass(frozen=True)
class _Places:
    """The directories of all builds, where links to them may be, and what is above those."""

    known: Mapping[Path, Info]
    usual: frozenset[Path]
    parents: frozenset[Path]

    @classmethod
    def of(cls, call: Call, known: Mapping[Path, Info]) -> _Places:
        """The places of some builds by their directories."""
        usual = {Path(call.paths.build({**build, "volume_name": None})) for build in known.values()}
        parents: set[Path] = set()
        for path in usual | known.keys():
            for parent in path.parents:
                if parent in parents:
                    break
                parents.add(parent)
        return cls(known, frozenset(usual), frozenset(parents))

    def stray(self, path: Path) -> bool:
        """Whether this is neither a place of a build nor on the way to one."""
        return not (path in self.known or path in self.usual or (path in self.parents and path.is_dir()))


def _tops(call: Call) -> list[Path]:
    names = [volume["name"] for volume in volumes.list_volumes(call)]
    return [Path(call.paths.volumedir(name)) / "packages" for name in names]


def _strays(call: Call, places: _Places) -> Iterator[Path]:
    """What is below `packages` of any volume and no build's, nor a link to a build's directory."""
    pending = [top for top in _tops(call) if top.is_dir()]
    while pending:
        for entry in os.scandir(pending.pop()):
            path = Path(entry.path)
            if path in places.known or path in places.usual:
                continue  # looked at with their builds
            if entry.is_symlink():
                if Path(os.path.realpath(path)) not in places.known:
                    yield path
            elif path in places.parents and entry.is_dir():
                pending.append(path)
            elif not entry.is_dir() or any(present_files(path)):
                yield path


def _stray(path: Path) -> Problem:
    if path.is_symlink() and not path.exists():
        return Problem(path, "dangling link", orphan=True)
    what = "directory" if path.is_dir() else "file"
    return Problem(path, f"orphan: no row promises this {what}", orphan=True)


# one build


def _second_look(call: Call, build: Info, checksums: bool) -> list[Problem]:
    """What is wrong with a build as its rows are now; nothing if it is gone."""
    now = queries.builds(call.tx, [build["id"]])
    return [problem for _build, problems in _check_builds(call, now, checksums) for problem in problems]


def _check_builds(
    call: Call, batch: list[dict[str, Any]], checksums: bool
) -> Iterator[tuple[Info, list[Problem]]]:
    present = {build["id"]: dict(present_files(Path(call.paths.build(build)))) for build in batch}
    ids = list(present)
    rpms, signatures = queries.rpms(call.tx, ids), queries.signatures(call.tx, ids)
    stored = queries.checksums(call.tx, ids) if checksums else {}
    archives = queries.archives(call.tx, ids)
    packs = repodata.packs(call, ids)
    for build in batch:
        key = build["id"]
        if build["state"] not in _HAS_FILES:
            yield build, _gone(call, build)
            continue
        parts = (rpms.get(key, ()), signatures.get(key, ()), stored, archives.get(key, ()))
        packed = packs.get(key, ())
        promises = promises_of(call, build, *parts, packed)
        promises.settle(present[key])
        problems = _broken(call, build, promises, checksums)
        problems += _too_many(Path(call.paths.build(build)), present[key], promises)
        yield build, problems + _usual_place(call, build)


def _gone(call: Call, build: Info) -> list[Problem]:
    """A build without files has no directory."""
    state = BuildState(build["state"]).name
    found = []
    for path in {Path(call.paths.build(build)), Path(call.paths.build({**build, "volume_name": None}))}:
        if path.is_symlink() and not path.exists():
            found.append(Problem(path, "dangling link", orphan=True))
        elif not path.is_symlink() and path.is_dir() and any(present_files(path)):
            found.append(Problem(path, f"orphan: the build is {state}", orphan=True))
    return found


def _broken(call: Call, build: Info, promises: Promises, checksums: bool) -> list[Problem]:
    directory = Path(call.paths.build(build))
    found = []
    expected = [(path, promise, True) for path, promise in promises.required.items()]
    expected += [(path, promise, False) for path, promise in promises.optional.items()]
    for path, promise, required in expected:
        text = complaint(directory / path, promise, checksums=checksums)
        if text is not None and (required or text != "missing"):
            found.append(Problem(directory / path, f"{text} ({promise.label})"))
    return found


def _too_many(directory: Path, present: Mapping[str, bool], promises: Promises) -> list[Problem]:
    found = []
    for name, is_link in present.items():
        path = directory / name
        if is_link and not path.exists():
            found.append(Problem(path, "dangling link", orphan=True))
        elif not promises.allows(name):
            found.append(Problem(path, "orphan: no row promises this file", orphan=True))
    return found


def _usual_place(call: Call, build: Info) -> list[Problem]:
    """A build on another volume has a link at its place on the default one, and nothing else there."""
    directory = Path(call.paths.build(build))
    usual = Path(call.paths.build({**build, "volume_name": DEFAULT_VOLUME}))
    if usual == directory or not directory.is_dir():
        return []
    if usual.is_symlink() and Path(os.path.realpath(usual)) == Path(os.path.realpath(directory)):
        return []
    found = []
    if usual.is_dir() and not usual.is_symlink():
        found.append(Problem(usual, f"orphan: the build is on volume {build['volume_name']}", orphan=True))
    return [*found, Problem(usual, f"no link to {directory}", link_to=directory)]


# repair


def repair(problem: Problem, min_age: float) -> str | None:
    """Remove an orphan, or put a link right; what was done, or None.

    An orphan that has changed within `min_age` seconds is left alone.
    """
    if problem.orphan:
        if min_age and time.time() - _last_change(problem.path) < min_age:
            return None
        files.remove_tree(problem.path)
        return "removed"
    if problem.link_to is not None and (problem.path.is_symlink() or not problem.path.exists()):
        files.link(problem.link_to, problem.path)
        return "linked"
    return None


def _last_change(path: Path) -> float:
    """When the newest thing at or below `path` got its place: giving a file a name changes its ctime."""
    newest = path.lstat().st_ctime
    for parent, directories, names in os.walk(path):
        for name in (*directories, *names):
            newest = max(newest, os.lstat(os.path.join(parent, name)).st_ctime)
    return newest
