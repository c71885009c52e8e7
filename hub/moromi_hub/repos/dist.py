"""Dist repositories: signed packages laid out for users, made arch by arch by builders.

Spec: data-model.md section 11.4, builder.md section 5.7. `distRepo` makes row
and directories and the task; for each arch a builder uploads metadata, a list of
its files (`repo_manifest`) and of packages (`kojipkgs`), and `host.distRepoMove`
puts them in place; `host.repoDone` makes the repository READY.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moromi import arches as arch_rules
from moromi.constants import PRIO_REPO, RepoState
from moromi.errors import GenericError, ParameterError
from moromi_hub import arguments, files
from moromi_hub.auth import permissions
from moromi_hub.call import Call
from moromi_hub.history import service as history
from moromi_hub.policies import service as policies
from moromi_hub.repos import directories, dist_queries, queries, states
from moromi_hub.tags import service as tags
from moromi_hub.tasks import service as tasks
from moromi_hub.uploads import service as uploads
from moromi_hub.volumes import service as volumes

CHECKED_KEYS = ("name", "version", "release", "arch", "epoch", "size", "payloadhash", "build_id")
_NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP)


def request(call: Call, tag: Any, keys: Any, task_opts: Mapping[str, Any]) -> int:
    """Begin a dist repository and make its task; the task's id."""
    if not (permissions.has_perm(call, "dist-repo") or permissions.is_admin(call)):
        policies.assert_allowed(call, "dist_repo", {"tag": tag})
    repo_id, event = begin(call, tag, keys, task_opts)
    if tags.build_config(call, tag)["extra"].get("distrepo.cancel_others"):
        _cancel_others(call, tag)
    arglist = [tag, repo_id, keys, {**task_opts, "event": event}]
    return tasks.make_task(call, "distRepo", arglist, priority=PRIO_REPO, channel="createrepo")


def _cancel_others(call: Call, tag: Any) -> None:
    for task in tasks.unfinished(call, "distRepo"):
        if task["request"] and task["request"][0] == tag:
            tasks.cancel_task(call, task["id"])


def begin(call: Call, tag_info: Any, keys: Any, task_opts: Mapping[str, Any]) -> tuple[int, int]:
    """Row and directories of a new dist repository: repository id and event id.

    `task_opts`: `arch` (required) and maybe `event`, `volume`, `comps`; others are for the builder.
    """
    tag = tags.require_tag(call, tag_info)
    arguments.expect(keys, list)
    arches = _arches(task_opts)
    volume = task_opts.get("volume")
    if volume is not None:
        volume = (volumes.find_volume(call, volume, strict=True) or {})["name"]
    event = task_opts.get("event")
    if event is None:
        at = history.settled_event(call)
    else:
        at = arguments.integer(event)
        history.get_event(call, at)
        history.settle(call)
    details = {
        **{"tag": tag, "with_src": False, "with_debuginfo": False, "with_separate_src": False},
        **{"event": at, "dist": True, "keys": keys, "arches": arches, "task_opts": dict(task_opts)},
    }
    call.run_callbacks("preRepoInit", repo_id=None, **details)
    values = {"tag_id": tag["id"], "create_event": at, "state": int(RepoState.INIT), "dist": True}
    repo_id = queries.insert_repo(call.tx, values)
    facts = {"id": repo_id, "tag": tag["name"], "tag_id": tag["id"], "keys": keys, "volume": volume}
    directory = _make_directories(call, repo_id, tag["name"], volume, arches)
    comps = task_opts.get("comps")
    if comps:
        source = uploads.work_path(call, arguments.expect(comps, str))
        files.copy(call.tx, source, directory / "groups" / "comps.xml")
    text = json.dumps({**facts, "task_opts": {**task_opts, "event": at}}, indent=2)
    (directory / "repo.json").write_text(text, "utf-8")
    files.sync_tree(directory)
    call.run_callbacks("postRepoInit", repo_id=repo_id, repodir=str(directory), **details)
    call.tx.notify({"type": "repo", "id": repo_id, "tag": tag["id"], "state": int(RepoState.INIT)})
    return repo_id, at


def _arches(task_opts: Mapping[str, Any]) -> list[str]:
    """The canonical arches that are asked for, each once."""
    asked = task_opts.get("arch")
    if not isinstance(asked, list) or not asked:
        raise ParameterError("No arches specified")
    wanted = arguments.arch_string(asked).split()
    return list(dict.fromkeys(arch_rules.canonical(arch) for arch in wanted))


def _make_directories(call: Call, repo_id: int, tag: str, volume: str | None, arches: list[str]) -> Path:
    """The repository's directory on its volume, with a link to it on the default one."""
    place, main = (Path(call.paths.distrepo(repo_id, tag, each)) for each in (volume, None))
    files.make_directories(place.parent)
    place.mkdir()
    call.tx.on_rollback(lambda: files.remove_tree(place))
    for arch in arches:
        (place / arch).mkdir()
    if place != main:
        files.link(place, main)
        call.tx.on_rollback(lambda: files.remove_tree(main))
    return place


# one arch of it


def move(call: Call, repo_id: Any, upload: Any, arch: Any) -> None:
    """Put what a builder has uploaded for an arch into place, with the packages that it lists."""
    row = states.locked_repo(call, repo_id)
    repo = queries.repo(call.tx, row["id"]) or {}
    if not repo["dist"]:
        raise GenericError(f"Repo {repo['id']} is not a dist repo")
    top = Path(call.paths.distrepo(repo["id"], repo["tag_name"]))
    if top.is_symlink():
        other = directories.other_volume(call, top, repo["id"], repo["tag_name"])
        if other is None:
            raise GenericError(f"Invalid path: {top}")
        top = other
    directory = files.below(top, top / arch_rules.canonical(arguments.expect(arch, str)))
    if not directory.is_dir():
        raise GenericError(f"Repo arch directory missing: {directory}")
    if repo["state"] != RepoState.INIT:
        raise GenericError(f"Repo is in state: {RepoState(repo['state']).name}")
    work = Path(call.paths.work())
    source = files.below(work, work / arguments.expect(upload, str))
    manifest = arguments.expect(_read(source / "repo_manifest", "Missing repo manifest"), list)
    packages = arguments.expect(_read(source / "kojipkgs", "Missing kojipkgs file"), dict)
    moves = []
    for name in manifest:
        file = files.below(source, source / arguments.expect(name, str))
        if not file.exists():
            raise GenericError(f"uploaded file missing: {file}")
        moves.append((file, files.below(directory, directory / name)))
    sources = _package_sources(call, packages)
    for file, target in moves:
        files.put(call.tx, file, target)
    _place_packages(call, directory, sources)


def _read(path: Path, problem: str) -> Any:
    if not path.is_file():
        raise GenericError(problem)
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise GenericError(f"{path.name} is not JSON: {error}") from None


def _package_sources(call: Call, packages: Mapping[str, Any]) -> dict[str, Path]:
    """By file name, the rpm (or its signed copy) of each record, once all agree with the database."""
    ids = [arguments.integer(arguments.expect(record, dict).get("id")) for record in packages.values()]
    known = dist_queries.rpms(call.tx, [rpm_id for rpm_id in ids if arguments.fits_id(rpm_id)])
    found = {}
    for name, rpm_id, record in zip(packages, ids, packages.values(), strict=True):
        rpm = known.get(rpm_id)
        if rpm is None:
            raise GenericError(f"No such rpm: {rpm_id}")
        for key in CHECKED_KEYS:
            if key not in record or record[key] != rpm[key]:
                raise GenericError(f"kojipkgs entry does not match db: file {name}, key {key}")
        if name != os.path.basename(call.paths.rpm(rpm)):
            raise GenericError(f"kojipkgs entry does not match db: file {name}, key name")
        sigkey = record.get("sigkey")
        below = call.paths.signed(rpm, arguments.expect(sigkey, str)) if sigkey else call.paths.rpm(rpm)
        found[name] = Path(call.paths.build(rpm["build"])) / below
    return found


def _place_packages(call: Call, directory: Path, sources: Mapping[str, Path]) -> None:
    """Give every package a second name below `Packages`; across devices a copy."""
    made: list[Path] = []
    call.tx.on_rollback(lambda: _remove(made))
    letters = {name[0].lower() for name in sources}
    for letter in letters:
        files.make_directories(directory / "Packages" / letter)
    for name, source in sources.items():
        target = directory / "Packages" / name[0].lower() / name
        try:
            os.link(source.resolve(strict=True), target)
            made.append(target)
        except FileNotFoundError:
            raise GenericError(f"rpm is missing: {source}") from None
        except FileExistsError:
            # of an attempt that was cut off, or of another arch's list
            if not target.samefile(source):
                raise GenericError(f"File already in repo: {target}") from None
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            files.copy(call.tx, source.resolve(), target)
    for letter in letters:
        files.sync_directory(directory / "Packages" / letter)


def _remove(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
