"""Which archives a Maven build used: its local repository against what its tag offered (builder.md 3.5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from moromi.errors import BuildrootError
from moromi_hub.archives import service as archives
from moromi_hub.buildroots import service as buildroots
from moromi_hub.builds import service as builds
from moromi_hub.call import Call
from moromi_hub.tasks import service as tasks

Key = tuple[str, str, str, str]
"""Group, artifact, version, file name."""


@dataclass(frozen=True)
class Wanted:
    """What a builder reports."""

    found: Sequence[Mapping[str, Any]]
    ignored: Sequence[Mapping[str, Any]] = field(default_factory=list)
    """What the build made itself."""
    ignore_unknown: bool = False
    extra: Sequence[Any] = field(default_factory=list)
    """Further dependencies: ids of tasks, or builds."""


def update(call: Call, buildroot_id: Any, task_id: int, wanted: Wanted, project: bool) -> None:
    """Note the archives in a buildroot; files that nobody offered are BuildrootError unless ignored."""
    root = buildroots.assert_building(call, buildroot_id, task_id)
    ignored = {key for key, _file in _files(wanted.ignored)}
    offered, outputs = _offered(call, root, wanted.extra)
    ids = []
    for key, file in _files(wanted.found):
        if key in ignored or f"{file['path']}/{file['filename']}" in outputs:
            continue
        archive = offered.get(key)
        if archive is not None and archive["size"] == file["size"]:
            ids.append(archive["id"])
        elif not wanted.ignore_unknown:
            name = f"{file['path']}/{file['filename']}"
            raise BuildrootError(f"No such file in build environment: {name}, size: {file['size']}")
    buildroots.update_archives(call, buildroot_id, task_id, ids, project)


def _files(entries: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Key, Mapping[str, Any]]]:
    for entry in entries:
        info = entry["maven_info"]
        for file in entry["files"]:
            yield (info["group_id"], info["artifact_id"], info["version"], file["filename"]), file


def _offered(
    call: Call, root: Mapping[str, Any], extra: Sequence[Any]
) -> tuple[dict[Key, Mapping[str, Any]], set[str]]:
    """Archives of the repository and of builds in `extra`, and the files that tasks in `extra` made."""
    found = archives.latest_maven_archives(call, root["tag_id"], root["repo_create_event_id"], True)
    outputs: set[str] = set()
    for dependency in extra:
        if isinstance(dependency, int):
            result = tasks.get_result(call, dependency)
            made = result.get("files", {}) if isinstance(result, Mapping) else {}
            outputs |= {f"{path}/{name}" for path, names in made.items() for name in names}
        else:
            build = builds.require_build(call, dependency)
            filters = {"build_id": build["id"]}
            found += archives.list_archives(call, filters, "maven", None, None, False)
    keys = ("group_id", "artifact_id", "version", "filename")
    by_key: dict[Key, Mapping[str, Any]] = {}
    for row in found:
        group, artifact, version, filename = (str(row[key]) for key in keys)
        by_key.setdefault((group, artifact, version, filename), row)
    return by_key, outputs
