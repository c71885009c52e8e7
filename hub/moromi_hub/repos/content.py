"""What `host.repoInit` puts on disk for the builders (spec: builder.md section 5.4)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from moromi import arches as arch_rules
from moromi_hub import files
from moromi_hub.call import Call
from moromi_hub.groups import service as groups
from moromi_hub.packages import service as packages
from moromi_hub.repos import comps, lists, maven
from moromi_hub.repos.options import Options


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
    lists.write(call, directory, tag, arches, options, read_event)
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
