"""Rules of external repositories (data-model.md section 4.9)."""

from __future__ import annotations

from typing import Any

from moromi.constants import REPO_MERGE_MODES
from moromi.errors import GenericError
from moromi_hub import arguments
from moromi_hub.call import Call
from moromi_hub.db import lookup, query_options, versions
from moromi_hub.external_repos import queries
from moromi_hub.tags import inheritance
from moromi_hub.tags import service as tags
from moromi_schema import tables as t


def list_repos(
    call: Call, info: Any = None, url: str | None = None, event: Any = None, opts: Any = None
) -> Any:
    """Live repositories: shape `ExternalRepo`."""
    versions.check_event(event)
    named = None if info is None else lookup.name_or_id(info)
    if named is not None and not arguments.fits_id(named.get("id", 0)):
        return []
    statement = queries.listing(named, url, event)
    return query_options.run_query(call.tx, queries.fields(), statement, opts)


def get_repo(call: Call, info: Any, strict: bool = False, event: Any = None) -> dict[str, Any] | None:
    """One repository. Strict: GenericError `No such repo: …`."""
    lookup.name_or_id(info)
    found: list[dict[str, Any]] = list_repos(call, info, event=event)
    if found:
        return found[0]
    if strict:
        raise GenericError(f"No such repo: {info}")
    return None


def require_repo(call: Call, info: Any) -> dict[str, Any]:
    """`get_repo` with `strict`."""
    found = get_repo(call, info, strict=True)
    if found is None:
        raise GenericError(f"No such repo: {info}")
    return found


def require_row(call: Call, info: Any) -> dict[str, Any]:
    """The `{id, name}` of an external repository, live or not. Raises GenericError `No such entry …`."""
    found = lookup.find_row(call.tx, t.external_repo, info, strict=True)
    if found is None:
        raise GenericError(f"No such entry in table external_repo: {info}")
    return found


def tag_repos(
    call: Call, tag_id: int | None = None, repo_id: int | None = None, event: Any = None
) -> list[dict[str, Any]]:
    """What a tag itself uses (or all do), by priority: shape `TagExternalRepo`."""
    return queries.tag_repos(call.tx, None if tag_id is None else [tag_id], repo_id, event)


def external_repo_list(call: Call, tag_id: int, event: Any = None) -> list[dict[str, Any]]:
    """What a tag uses and inherits, each repository once: shape `TagExternalRepo`.

    All are merged in the same way: the extra `repo.merge_mode` of the tag, where there is one, says for
    all which. Three statements.
    """
    order = [step.tag_id for step in inheritance.ordered_tag_ids(call, tag_id, event)]
    rank = {tag: position for position, tag in reversed(list(enumerate(order)))}
    rows = queries.tag_repos(call.tx, rank, None, event)
    first: dict[int, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: (rank[row["tag_id"]], row["priority"])):
        first.setdefault(row["external_repo_id"], row)
    mode = tags.inherited_extra(call, tag_id, "repo.merge_mode", event) if first else None
    return [{**row, "merge_mode": mode or row["merge_mode"]} for row in first.values()]


def create_repo(call: Call, name: Any, url: str) -> dict[str, Any]:
    """A new repository, or a deleted one of that name again."""
    arguments.verify_name(call.settings, name)
    if get_repo(call, name) is not None:
        raise GenericError(f'An external repo named "{name}" already exists')
    row = lookup.find_row(call.tx, t.external_repo, name)
    repo_id = row["id"] if row else queries.insert_name(call.tx, name)
    url = _with_slash(url)
    queries.create_config(call.tx, call.user_id, repo_id, url)
    return {"id": repo_id, "name": name, "url": url}


def edit_repo(call: Call, info: Any, name: str | None, url: str | None) -> None:
    """Rename a repository or move it."""
    repo = require_repo(call, info)
    if name and name != repo["name"]:
        arguments.verify_name(call.settings, name)
        taken = lookup.find_row(call.tx, t.external_repo, name)
        if taken is not None and taken["id"] != repo["id"]:
            raise GenericError(f'name "{name}" is already taken by external repo {taken["id"]}')
        queries.rename(call.tx, repo["id"], name)
    if url and _with_slash(url) != repo["url"]:
        queries.revoke_config(call.tx, call.user_id, repo["id"])
        queries.create_config(call.tx, call.user_id, repo["id"], _with_slash(url))
        notify_users(call, repo["id"])


def delete_repo(call: Call, info: Any) -> None:
    """Unlink a repository from all tags and end it."""
    repo = require_repo(call, info)
    for use in tag_repos(call, repo_id=repo["id"]):
        _unlink(call, use["tag_id"], repo["id"])
    queries.revoke_config(call.tx, call.user_id, repo["id"])


def notify_users(call: Call, repo_id: int) -> None:
    """Tell listeners that the tags which use a repository have changed."""
    for use in tag_repos(call, repo_id=repo_id):
        tags.changed(call, use["tag_id"])


def _with_slash(url: str) -> str:
    return url if url.endswith("/") else url + "/"


def link(
    call: Call, tag_info: Any, repo_info: Any, priority: int, merge_mode: str | None, arches: Any
) -> None:
    """Let a tag use a repository; the merge mode is `koji` where none is given."""
    merge_mode = merge_mode or "koji"
    _check_mode(merge_mode)
    tag = tags.require_tag(call, tag_info)
    repo = require_repo(call, repo_info)
    arch_text = None if arches is None else arguments.arch_string(arches, loose=True)
    existing = tag_repos(call, tag["id"])
    if any(use["external_repo_id"] == repo["id"] for use in existing):
        raise GenericError(f"tag {tag['name']} already associated with external repo {repo['name']}")
    _check_priority(tag, existing, priority)
    _write(call, tag["id"], repo["id"], priority, merge_mode, arch_text)


def _check_mode(merge_mode: str) -> None:
    if arguments.expect(merge_mode, str) not in REPO_MERGE_MODES:
        raise GenericError(f"No such merge mode: {merge_mode}")


def _check_priority(tag: dict[str, Any], others: list[dict[str, Any]], priority: int) -> None:
    if any(use["priority"] == priority for use in others):
        raise GenericError(
            f"tag {tag['name']} already associated with an external repo at priority {priority}"
        )


def _write(call: Call, tag_id: int, repo_id: int, priority: int, merge_mode: str, arches: str | None) -> None:
    values = {
        "tag_id": tag_id,
        "external_repo_id": repo_id,
        "priority": priority,
        "merge_mode": merge_mode,
        "arches": arches,
    }
    queries.create_use(call.tx, call.user_id, values)
    tags.changed(call, tag_id)


def _unlink(call: Call, tag_id: int, repo_id: int) -> None:
    queries.revoke_use(call.tx, call.user_id, tag_id, repo_id)
    tags.changed(call, tag_id)


def edit_link(
    call: Call, tag_info: Any, repo_info: Any, priority: int | None, merge_mode: str | None, arches: Any
) -> bool:
    """Change how a tag uses a repository; whether anything differed. None is no change."""
    tag = tags.require_tag(call, tag_info)
    repo = require_repo(call, repo_info)
    existing = tag_repos(call, tag["id"])
    use = _use_of(tag, repo, existing)
    new: dict[str, Any] = {
        "priority": use["priority"] if priority is None else priority,
        "merge_mode": use["merge_mode"] if merge_mode is None else merge_mode,
        "arches": use["arches"] if arches is None else arguments.arch_string(arches, loose=True),
    }
    if all(use[key] == value for key, value in new.items()):
        return False
    _check_mode(new["merge_mode"])
    _check_priority(tag, [other for other in existing if other is not use], new["priority"])
    _unlink(call, tag["id"], repo["id"])
    _write(call, tag["id"], repo["id"], new["priority"], new["merge_mode"], new["arches"])
    return True


def _use_of(tag: dict[str, Any], repo: dict[str, Any], existing: list[dict[str, Any]]) -> dict[str, Any]:
    for use in existing:
        if use["external_repo_id"] == repo["id"]:
            return use
    raise GenericError(f"external repo {repo['name']} not associated with tag {tag['name']}")


def unlink(call: Call, tag_info: Any, repo_info: Any) -> None:
    """End a tag's use of a repository."""
    tag = tags.require_tag(call, tag_info)
    repo = require_repo(call, repo_info)
    _use_of(tag, repo, tag_repos(call, tag["id"]))
    _unlink(call, tag["id"], repo["id"])
