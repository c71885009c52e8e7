"""Calls of external repositories."""

from __future__ import annotations

from typing import Any

from moromi_hub import arguments
from moromi_hub.call import Call
from moromi_hub.db import versions
from moromi_hub.external_repos import service
from moromi_hub.rpc.registry import ADMIN, ANYONE, exported, permission
from moromi_hub.tags import service as tags

TAG = permission("tag")


@exported("listExternalRepos", access=ANYONE)
def list_external_repos(
    call: Call, info: Any = None, url: str | None = None, event: Any = None, queryOpts: Any = None
) -> Any:
    """External repositories: shape `ExternalRepo`."""
    return service.list_repos(call, info, url, event, queryOpts)


@exported("getExternalRepo", access=ANYONE)
def get_external_repo(
    call: Call, info: Any, strict: bool = False, event: Any = None
) -> dict[str, Any] | None:
    """Shape `ExternalRepo`, or nil."""
    return service.get_repo(call, info, strict, event)


@exported("createExternalRepo", access=ADMIN)
def create_external_repo(call: Call, name: Any, url: Any) -> dict[str, Any]:
    """A new external repository: shape `ExternalRepo`."""
    return service.create_repo(call, name, arguments.expect(url, str))


@exported("editExternalRepo", access=ADMIN)
def edit_external_repo(call: Call, info: Any, name: Any = None, url: str | None = None) -> None:
    """Rename an external repository, or say that it is elsewhere."""
    service.edit_repo(call, info, name, url)


@exported("deleteExternalRepo", access=ADMIN)
def delete_external_repo(call: Call, info: Any) -> None:
    """End an external repository and its use in tags."""
    service.delete_repo(call, info)


@exported("getTagExternalRepos", access=ANYONE)
def get_tag_external_repos(
    call: Call, tag_info: Any = None, repo_info: Any = None, event: Any = None
) -> list[dict[str, Any]]:
    """What tags themselves use (shape `TagExternalRepo`) by priority: of one tag, one repository, or all."""
    versions.check_event(event)
    tag_id = None if tag_info is None else tags.require_tag_id(call, tag_info)
    repo_id = None if repo_info is None else service.require_repo(call, repo_info)["id"]
    return service.tag_repos(call, tag_id, repo_id, event)


@exported("getExternalRepoList", access=ANYONE)
def get_external_repo_list(call: Call, tag_info: Any, event: Any = None) -> list[dict[str, Any]]:
    """What a tag uses and inherits, each repository once: shape `TagExternalRepo`."""
    tag = tags.require_tag(call, tag_info, event)
    return service.external_repo_list(call, tag["id"], event)


@exported("addExternalRepoToTag", access=TAG)
def add_external_repo_to_tag(
    call: Call, tag_info: Any, repo_info: Any, priority: Any, merge_mode: Any = "koji", arches: Any = None
) -> None:
    """Let a tag use an external repository."""
    service.link(call, tag_info, repo_info, arguments.integer(priority), merge_mode, arches)


@exported("editTagExternalRepo", access=TAG)
def edit_tag_external_repo(
    call: Call,
    tag_info: Any,
    repo_info: Any,
    priority: Any = None,
    merge_mode: Any = None,
    arches: Any = None,
) -> bool:
    """Change how a tag uses an external repository; nil is no change. Whether anything differed."""
    number = arguments.optional_integer(priority)
    return service.edit_link(call, tag_info, repo_info, number, merge_mode, arches)


@exported("removeExternalRepoFromTag", access=TAG)
def remove_external_repo_from_tag(call: Call, tag_info: Any, repo_info: Any) -> None:
    """End a tag's use of an external repository."""
    service.unlink(call, tag_info, repo_info)
