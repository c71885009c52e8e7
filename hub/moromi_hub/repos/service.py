"""Reading repositories, beginning them and finishing them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moromi.arches import canonical
from moromi.constants import RepoState
from moromi.errors import GenericError
from moromi_hub import arguments, files
from moromi_hub.call import Call
from moromi_hub.history import service as history
from moromi_hub.repos import content, options, queries, states
from moromi_hub.tags import service as tags


def repo_info(call: Call, repo_id: Any, strict: bool = False) -> dict[str, Any] | None:
    """Shape `Repo`; None for None and for a miss, or GenericError with `strict`."""
    if repo_id is None and not strict:
        return None
    number = arguments.integer(repo_id)
    found = queries.repo(call.tx, number) if arguments.fits_id(number) else None
    if found is None and strict:
        raise GenericError("query returned no rows")
    return found


def get_repo(
    call: Call, tag: Any, state: Any, event: Any, dist: bool, min_event: Any
) -> dict[str, Any] | None:
    """The newest repository of a tag, as older clients ask for it."""
    row = tags.find_tag_row(call, tag, strict=True) or {}
    return queries.newest(
        call.tx,
        row["id"],
        bool(dist),
        arguments.optional_integer(state),
        arguments.optional_integer(event),
        arguments.optional_integer(min_event),
    )


def find_repo(call: Call, tag: Any, min_event: Any, at_event: Any, opts: Any) -> dict[str, Any] | None:
    """The READY repository that fits best: the highest event."""
    asked = options.checked(opts)
    row = tags.find_tag_row(call, tag, strict=True) or {}
    return queries.fitting(
        call.tx,
        row["id"],
        asked,
        arguments.optional_integer(min_event),
        arguments.optional_integer(at_event),
    )


def repo_init(call: Call, tag: Any, task_id: Any, event: Any, opts: Any) -> tuple[int, int]:
    """Begin a repository: its row, and on disk what builders read. Repository id and event id.

    The directory is new: it carries the id of the row, and goes away with it if
    the call fails.
    """
    asked = options.known(opts)
    task_id = arguments.optional_integer(task_id)
    # before anything is read: the repository promises to know the tag's changes up to its event
    if event is None:
        at = history.settled_event(call)
    else:
        at = event = arguments.integer(event)
        history.get_event(call, event)
        history.settle(call)
    config = tags.build_config(call, tag, event)
    chosen = options.effective(call.settings, config, asked)
    call.run_callbacks(
        "preRepoInit", tag=config, event=event, repo_id=None, task_id=task_id, opts=chosen.full
    )
    last_change = history.last_change_now if event is None else history.tag_last_change_event
    begins = last_change(call, config["id"], before=at + 1)
    ends = None if event is None else history.tag_first_change_event(call, config["id"], after=at)
    repo_id = queries.insert_repo(
        call.tx,
        {
            "tag_id": config["id"],
            "task_id": task_id,
            "create_event": at,
            "state": int(RepoState.INIT),
            "begin_event": begins,
            "end_event": ends,
            "opts": chosen.full,
            "custom_opts": chosen.custom,
            "dist": False,
        },
    )
    content.write(call, repo_id, config, at, task_id, chosen, read_event=event)
    call.run_callbacks(
        "postRepoInit", tag=config, event=at, repo_id=repo_id, task_id=task_id, opts=chosen.full
    )
    call.tx.notify({"type": "repo", "id": repo_id, "tag": config["id"], "state": int(RepoState.INIT)})
    return repo_id, at


def repo_done(call: Call, repo_id: Any, data: Any, expire: bool, updates: Mapping[str, Any] | None) -> None:
    """Finish a repository: its uploaded metadata goes into place, then the row becomes READY.

    `data` is `{arch: [upload directory, [file]]}`. A call that was cut off can be repeated.
    """
    repo = _begun(call, repo_id)
    arguments.expect(data, dict)
    call.run_callbacks("preRepoDone", repo=repo, data=data, expire=expire)
    directory = Path(call.paths.repo(repo["id"], repo["tag_name"]))
    if updates:
        _update_json(call, directory / "repo.json", arguments.expect(updates, dict))
    if not repo["dist"]:
        _place_metadata(call, directory, data)
    _finish(call, repo, data, expire)


def metadata_written(call: Call, repo_id: int, data: Mapping[str, Any]) -> None:
    """Finish a repository whose metadata the hub itself has put into place.

    `data`, for callbacks, is as in `repo_done`, with the directories below the repository's.
    GenericError: the tag has been renamed, so that they are not where its repositories are.
    """
    repo = _begun(call, repo_id)
    directory = Path(call.paths.repo(repo_id, repo["tag_name"]))
    if not directory.is_dir():
        raise GenericError(f"Repo directory missing: {directory}")
    call.run_callbacks("preRepoDone", repo=repo, data=data, expire=False)
    _finish(call, repo, data, expire=False)


def _begun(call: Call, repo_id: Any) -> dict[str, Any]:
    """The repository, its row locked. Raises GenericError unless it is INIT."""
    row = states.locked_repo(call, repo_id)
    if row["state"] != RepoState.INIT:
        raise GenericError(f"Repo {row['id']} not in INIT state (got {row['state']})")
    return queries.repo(call.tx, row["id"]) or {}


def _finish(call: Call, repo: Mapping[str, Any], data: Mapping[str, Any], expire: bool) -> None:
    new = RepoState.EXPIRED if expire else RepoState.READY
    states.set_state(call, repo["id"], int(new))
    if new == RepoState.READY:
        _link_latest(call, repo)
    call.run_callbacks("postRepoDone", repo=repo, data=data, expire=expire)


def _place_metadata(call: Call, directory: Path, data: Mapping[str, Any]) -> None:
    work = Path(call.paths.work())
    for arch, (upload, names) in data.items():
        arch_dir = directory / canonical(arch)
        if "/" in arch or not arch_dir.is_dir():
            raise GenericError(f"Repo arch directory missing: {arch_dir}")
        for name in names:
            source = files.below(work, work / upload / name)
            if not source.exists():
                raise GenericError(f"uploaded file missing: {source}")
            place = arch_dir if name.endswith("pkglist") else arch_dir / "repodata"
            target = files.below(directory, place / name)
            if name.endswith("pkglist") and target.exists() and not source.is_symlink():
                raise GenericError(f"Destination exists: {target}")
            files.put(call.tx, source, target)


def _update_json(call: Call, path: Path, updates: Mapping[str, Any]) -> None:
    known = json.loads(path.read_text("utf-8"))
    files.rewrite(call.tx, path, json.dumps({**known, **updates}, indent=2).encode())


def _link_latest(call: Call, repo: Mapping[str, Any]) -> None:
    """`latest` points to the newest repository with default options.

    It is set before the row says READY: what is cut off in between is done again, what comes after is not.
    """
    if repo["custom_opts"] and not repo["dist"]:
        return
    if queries.has_later(call.tx, repo["tag_id"], repo["dist"], repo["create_event"], repo["id"]):
        return
    make = call.paths.distrepo if repo["dist"] else call.paths.repo
    target = Path(make(repo["id"], repo["tag_name"]))
    latest = target.parent / "latest"
    before = latest.parent / latest.readlink() if latest.is_symlink() else None
    files.link(target, latest)
    call.tx.on_rollback(lambda: files.link(before, latest) if before else latest.unlink(missing_ok=True))


def delete_unused(call: Call, repo_id: Any) -> int:
    """Mark a repository deleted unless buildroots live on it; how many do."""
    # with the row locked, no buildroot can be made of it meanwhile
    number = states.locked_repo(call, repo_id)["id"]
    count = len(queries.references(call.tx, number))
    if count == 0:
        states.set_state(call, number, int(RepoState.DELETED))
    return count
