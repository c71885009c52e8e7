"""The package lists of a repository, one pair for each arch (spec: builder.md section 5.4).

Every rpm of the tag is read once and dealt out to the lists of its arches as its line comes
from the database, so a big tag costs two statements and steady memory. A list that says the
same as that of the tag's latest repository becomes a second name of it: nothing is
written as long as both agree.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

from moromi import arches as arch_rules
from moromi.paths import PathInfo
from moromi_hub.call import Call
from moromi_hub.db.copytext import unescape
from moromi_hub.repos.options import Options
from moromi_hub.rpms import service as rpms
from moromi_hub.tagging import listing

_AT_ONCE = 4000
"""Lines that are gathered before they are written."""
_Add = Callable[[str], None]
_TEXTS = ("name", "version", "release", "arch", "payloadhash")


def write(
    call: Call,
    directory: Path,
    tag: Mapping[str, Any],
    arches: Sequence[str],
    options: Options,
    event: int | None,
) -> None:
    """Write `pkglist` and `rpmlist.jsonl` of each arch below a repository's directory."""
    latest = not tag["extra"].get("repo_include_all")
    wanted = listing.wanted(call, tag["id"], event, inherit=True, latest=latest)
    builds = listing.repo_builds(call, wanted)
    below_top = PathInfo("")
    places = {str(build["id"]): f"toplink/{below_top.build(build)}/" for build in builds}
    with ExitStack() as stack:
        dealer = _Dealer(stack, directory, arches, options, places)
        rpms.list_of_builds(
            call, [build["id"] for build in builds], options.sources, options.full["debuginfo"], dealer.take
        )
        dealer.flush()


class _Dealer:
    """Takes the rpms' lines as they come, and deals them out."""

    def __init__(
        self,
        stack: ExitStack,
        directory: Path,
        arches: Sequence[str],
        options: Options,
        builds: Mapping[str, str],
    ) -> None:
        self._arches = arches
        self._options = options
        self._builds = builds
        latest = directory.parent / "latest"
        self._lists = {
            arch: tuple(
                stack.enter_context(_List(directory / arch / name, latest / arch / name))
                for name in ("pkglist", "rpmlist.jsonl")
            )
            for arch in arches
        }
        self._lines: dict[str, tuple[list[str], list[str]]] = {arch: ([], []) for arch in arches}
        self._targets: dict[str, list[tuple[_Add, _Add]]] = {}
        self._count = 0

    def take(self, row: bytes) -> None:
        """Add an rpm to the lists of its arches."""
        line = row.decode()
        values = line[:-1].split("\t")
        name, version, release, arch, rpm_id, epoch, draft, payloadhash, size, *rest = values
        buildtime, buildroot_id, build_id, metadata_only, extra = rest
        targets = self._targets.get(arch)
        if targets is None:
            targets = self._targets[arch] = self._targets_of(arch)
        if '"' in line or "\\" in line:
            record, (name, version, release, arch) = _careful_record(values)
        else:
            # nothing here is quicker, and there may be hundreds of thousands
            record = (
                f'{{"name": "{name}", "version": "{version}", "release": "{release}", "arch": "{arch}", '
                f'"id": {rpm_id}, "epoch": {epoch}, "draft": {draft}, "payloadhash": "{payloadhash}", '
                f'"size": {size}, "buildtime": {buildtime}, "buildroot_id": {buildroot_id}, '
                f'"build_id": {build_id}, "metadata_only": {metadata_only}, "extra": {extra}}}\n'
            )
        # a volume's builds are reached through the link to the top, like all others
        path = f"{self._builds[build_id]}{arch}/{name}-{version}-{release}.{arch}.rpm\n"
        for add_path, add_record in targets:
            add_path(path)
            add_record(record)
        self._count += 1
        if self._count == _AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write what is gathered."""
        self._count = 0
        for arch, gathered in self._lines.items():
            for file, lines in zip(self._lists[arch], gathered, strict=True):
                file.write("".join(lines).encode())
                lines.clear()

    def _targets_of(self, arch: str) -> list[tuple[_Add, _Add]]:
        return [
            (self._lines[each][0].append, self._lines[each][1].append)
            for each in targets(arch, self._arches, self._options)
        ]


def targets(arch: str, arches: Sequence[str], options: Options) -> list[str]:
    """The directories that rpms of an arch go to."""
    if arch in arch_rules.SOURCE_ARCHES:
        if options.full["separate_src"]:
            return ["src"]
        return list(arches) if options.full["src"] else []
    if arch == "noarch":
        return [each for each in arches if each != "src"]
    canonical = arch_rules.canonical(arch)
    return [canonical] if canonical in arches else []


def _careful_record(values: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The record of an rpm that has something to be escaped, or `extra`; and the names in its path."""
    record: dict[str, Any] = {}
    for key, value in zip(rpms.LIST_KEYS, values, strict=True):
        text = unescape(value.encode()).decode()
        record[key] = text if key in _TEXTS else json.loads(text)
    return json.dumps(record) + "\n", [record[key] for key in ("name", "version", "release", "arch")]


class _List:
    """A file that is written only from where it differs from `old`, and not at all if it does not."""

    def __init__(self, path: Path, old: Path) -> None:
        self._path = path
        self._old_path = old
        self._old: BinaryIO | None = None
        self._out: BinaryIO | None = None
        self._agreed = 0

    def __enter__(self) -> _List:
        try:
            self._old = self._old_path.open("rb")
        except OSError:
            self._out = self._path.open("xb")
        return self

    def write(self, data: bytes) -> None:
        """Append."""
        if self._out is None:
            assert self._old is not None
            if self._old.read(len(data)) == data:
                self._agreed += len(data)
                return
            self._out = self._begin(self._old)
        self._out.write(data)

    def __exit__(self, kind: object, *rest: object) -> None:
        try:
            if kind is None and self._out is None and self._old is not None and not self._linked(self._old):
                self._out = self._begin(self._old)
        finally:
            for file in (self._old, self._out):
                if file is not None:
                    file.close()

    def _linked(self, old: BinaryIO) -> bool:
        if old.read(1):
            return False
        try:
            os.link(os.path.realpath(self._old_path), self._path)
        except OSError:
            return False
        return True

    def _begin(self, old: BinaryIO) -> BinaryIO:
        """The new file, with what both have in common."""
        out = self._path.open("xb", buffering=0)
        done = 0
        while done < self._agreed:
            done += os.copy_file_range(old.fileno(), out.fileno(), self._agreed - done, done, done)
        out.seek(done)
        return out
