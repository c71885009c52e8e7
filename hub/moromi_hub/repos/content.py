"""What `host.repoInit` puts on disk for the builders (spec: builder.md section 5.4).

The rpms of a tag are read once, from a cursor, and dealt out to the package
lists of all arches, so a big tag costs one query and steady memory.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

from moromi import arches as arch_rules
from moromi.names import is_debuginfo
from moromi_hub import files
from moromi_hub.call import Call
from moromi_hub.groups import service as groups
from moromi_hub.packages import service as packages
from moromi_hub.repos import comps, maven
from moromi_hub.repos.options import Options
from moromi_hub.tagging import listing

RPM_KEYS = (
    "name",
    "version",
    "release",
    "arch",
    "id",
    "epoch",
    "draft",
    "payloadhash",
    "size",
    "buildtime",
    "buildroot_id",
    "build_id",
    "metadata_only",
    "extra",
)


def write(
    call: Call,
    repo_id: int,
    tag: Mapping[str, Any],
    event: int,
    task_id: int | None,
    options: Options,
    *,
    read_event: int | None,
) -> None:
    """Write the directory of a new repository; it is removed if the call fails.

    `read_event` is None to read what holds now, which is what `event` stands for.
    """
    directory = Path(call.paths.repo(repo_id, tag["name"]))
    files.make_directories(directory.parent)
    directory.mkdir()
    call.tx.on_rollback(lambda: files.remove_tree(directory))
    _write_json(directory / "repo.json", repo_id, tag, event, task_id, options)
    groups_file = directory / "groups" / "comps.xml"
    groups_file.parent.mkdir()
    found = groups.tag_groups(call, tag["id"], read_event)
    groups_file.write_text(comps.render(found), "utf-8")
    blocked = sorted(
        entry["package_name"]
        for entry in packages.tag_packages(call, tag["id"], read_event, with_owners=False).values()
        if entry["blocked"]
    )
    arches = arch_rules.repo_arches(tag["arches"], options.full["separate_src"])
    for arch in arches:
        _make_arch(directory / arch, Path(call.paths.topdir), blocked)
    _write_lists(call, directory, tag, arches, options, read_event)
    if options.full["maven"]:
        maven.write(call, directory, tag["id"], read_event)
    files.sync_tree(directory)


def _write_json(
    path: Path, repo_id: int, tag: Mapping[str, Any], event: int, task_id: int | None, options: Options
) -> None:
    facts = {
        "id": repo_id,
        "tag": tag["name"],
        "tag_id": tag["id"],
        "task_id": task_id,
        "event_id": event,
        "opts": options.full,
        "custom_opts": options.custom,
        "with_src": options.full["src"],
        "with_separate_src": options.full["separate_src"],
        "with_debuginfo": options.full["debuginfo"],
    }
    path.write_text(json.dumps(facts, indent=2))


def _make_arch(directory: Path, top: Path, blocked: Iterable[str]) -> None:
    directory.mkdir()
    (directory / "toplink").symlink_to(os.path.relpath(top, directory))
    (directory / "blocklist").write_text("".join(f"{name}\n" for name in blocked))


def _write_lists(
    call: Call,
    directory: Path,
    tag: Mapping[str, Any],
    arches: list[str],
    options: Options,
    event: int | None,
) -> None:
    latest = not tag["extra"].get("repo_include_all")
    wanted = listing.wanted(call, tag["id"], event, inherit=True, latest=latest)
    builds = {row["build_id"]: _build_path(call, row) for row in listing.builds(call, wanted)}
    with ExitStack() as stack:
        lists = {arch: _open_lists(stack, directory / arch) for arch in arches}
        for rpm in listing.rpms(call, wanted):
            targets = _targets(rpm, arches, options)
            if not targets:
                continue
            # a volume's builds are reached through the link to the top, like all others
            path = f"toplink/{builds[rpm['build_id']]}/{call.paths.rpm(rpm)}\n"
            record = json.dumps({key: rpm[key] for key in RPM_KEYS}) + "\n"
            for arch in targets:
                pkglist, rpmlist = lists[arch]
                pkglist.write(path)
                rpmlist.write(record)


def _build_path(call: Call, build: Mapping[str, Any]) -> str:
    return os.path.relpath(call.paths.build(build), call.paths.topdir)


def _open_lists(stack: ExitStack, directory: Path) -> tuple[TextIO, TextIO]:
    return (
        stack.enter_context((directory / "pkglist").open("w", encoding="utf-8")),
        stack.enter_context((directory / "rpmlist.jsonl").open("w", encoding="utf-8")),
    )


def _targets(rpm: Mapping[str, Any], arches: list[str], options: Options) -> list[str]:
    """The arch directories that an rpm goes to."""
    arch = rpm["arch"]
    if arch in ("src", "nosrc"):
        if options.full["separate_src"]:
            return ["src"]
        return list(arches) if options.full["src"] else []
    if is_debuginfo(rpm["name"]) and not options.full["debuginfo"]:
        return []
    if arch == "noarch":
        return [each for each in arches if each != "src"]
    canonical = arch_rules.canonical(arch)
    return [canonical] if canonical in arches else []
