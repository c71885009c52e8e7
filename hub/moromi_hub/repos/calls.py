"""The exported calls about repositories (spec: data-model.md section 11, api-shapes.json)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moromi.constants import RepoState
from moromi_hub import arguments
from moromi_hub.call import Call
from moromi_hub.external_repos import service as external_repos
from moromi_hub.repos import dist, queries, requests, service, states
from moromi_hub.rpc.registry import ADMIN, ANYONE, HOST, LOGIN, exported, permission

REPO = permission("repo")


@exported("repoInfo", access=ANYONE)
def repo_info(call: Call, repo_id: Any, strict: bool = False) -> dict[str, Any] | None:
    """@Repo or nil; `strict`: GenericError `query returned no rows`."""
    return service.repo_info(call, repo_id, strict)


@exported("getRepo", access=ANYONE)
def get_repo(
    call: Call, tag: Any, state: Any = None, event: Any = None, dist: bool = False, min_event: Any = None
) -> dict[str, Any] | None:
    """The newest repository of a tag in a state (READY by default), or as of an event; @Repo or nil."""
    return service.get_repo(call, tag, state, event, dist, min_event)


@exported("getActiveRepos", access=ANYONE)
def get_active_repos(call: Call) -> list[dict[str, Any]]:
    """All repositories that are not deleted; @ActiveRepo."""
    return queries.active_repos(call.tx)


@exported("repo.get", access=ANYONE)
def get(
    call: Call, tag: Any, min_event: Any = None, at_event: Any = None, opts: Any = None
) -> dict[str, Any] | None:
    """The READY repository that fits best; @Repo or nil."""
    return service.find_repo(call, tag, min_event, at_event, opts)


@exported("repo.query", access=ANYONE)
def query(call: Call, clauses: Any, fields: Any = None, opts: Any = None) -> Any:
    """Repositories that meet all clauses; @RepoDefault, or the chosen fields of @Repo."""
    return queries.REPOS.run(call.tx, clauses, fields, opts)


@exported("repo.queryQueue", access=ANYONE)
def query_queue(call: Call, clauses: Any = None, fields: Any = None, opts: Any = None) -> Any:
    """Requests that meet all clauses; @RepoRequestDefault, or the chosen fields of @RepoRequest."""
    return queries.REQUESTS.run(call.tx, clauses, fields, opts)


@exported("repo.references", access=ANYONE)
def references(call: Call, repo_id: Any) -> list[dict[str, Any]]:
    """Live buildroots made from a repository; @RepoReference."""
    return queries.references(call.tx, arguments.integer(repo_id))


@exported("repo.request", access=LOGIN)
def request(
    call: Call,
    tag: Any,
    min_event: Any = None,
    at_event: Any = None,
    opts: Any = None,
    priority: Any = None,
    force: bool = False,
) -> dict[str, Any]:
    """Ask for a repository: `{repo, request, duplicate}`."""
    return requests.request(call, tag, min_event, at_event, opts, priority, force)


@exported("repo.checkRequest", access=ANYONE)
def check_request(call: Call, req_id: Any) -> dict[str, Any]:
    """How a request stands: `{repo, request[, task][, problem]}`; the last is why it was given up."""
    return requests.check_request(call, req_id)


@exported("repo.setRequestPriority", access=ADMIN)
def set_request_priority(call: Call, req_id: Any, priority: Any) -> None:
    """Set the absolute priority of a request."""
    requests.set_priority(call, req_id, priority)


@exported("repo.checkQueue", access=REPO)
def check_queue(call: Call) -> None:
    """Serve the requests now."""
    requests.check_queue(call)


@exported("repo.autoRequests", access=REPO)
def auto_requests(call: Call) -> None:
    """Make the requests of tags with the extra `repo.auto`."""
    requests.auto_requests(call)


@exported("repo.updateEndEvents", access=REPO)
def update_end_events(call: Call) -> None:
    """Note for READY repositories when their tags changed."""
    requests.update_end_events(call)


@exported("repo.setState", access=REPO)
def set_state(call: Call, repo_id: Any, state: Any) -> None:
    """Change the state of a repository (repos/states.py draws what is allowed)."""
    states.set_state(call, repo_id, state)


@exported("repoExpire", access=REPO)
def repo_expire(call: Call, repo_id: Any) -> None:
    """Make a repository EXPIRED."""
    states.set_state(call, repo_id, int(RepoState.EXPIRED))


@exported("repoProblem", access=REPO)
def repo_problem(call: Call, repo_id: Any) -> None:
    """Make a repository PROBLEM."""
    states.set_state(call, repo_id, int(RepoState.PROBLEM))


@exported("repoDelete", access=REPO)
def repo_delete(call: Call, repo_id: Any) -> int:
    """Make a repository DELETED unless live buildroots use it; how many do."""
    return service.delete_unused(call, repo_id)


@exported("repo.getExternalRepoData", access=ANYONE)
def get_external_repo_data(call: Call, erepo: Any) -> Any:
    """What the repository daemon keeps about an external repository, or nil."""
    row = external_repos.require_row(call, erepo)
    return queries.external_data(call.tx, row["id"])


@exported("repo.setExternalRepoData", access=REPO)
def set_external_repo_data(call: Call, external_repo_id: Any, data: Any) -> None:
    """Replace it by another struct; counts as a change of every tag that uses the repository."""
    row = external_repos.require_row(call, external_repo_id)
    requests.set_external_data(call, row["id"], data)


@exported("host.repoInit", access=HOST)
def repo_init(
    call: Call,
    tag: Any,
    task_id: Any = None,
    event: Any = None,
    opts: Any = None,
    *older: Any,
    with_src: bool | None = None,
    with_debuginfo: bool | None = None,
    with_separate_src: bool | None = None,
) -> list[int]:
    """Begin a repository: `[repo id, event id]`.

    Builders of old send `(tag, task_id, with_src, with_debuginfo, event, with_separate_src)`.
    """
    flags = {"src": with_src, "debuginfo": with_debuginfo, "separate_src": with_separate_src}
    if isinstance(event, bool) or isinstance(opts, bool) or older:
        # the position of `event` held with_src, that of `opts` with_debuginfo
        flags = {**flags, "src": bool(event), "debuginfo": bool(opts)}
        event, opts = (older[0] if older else None), None
        if len(older) > 1:
            flags["separate_src"] = bool(older[1])
    if opts is None and any(value is not None for value in flags.values()):
        opts = {key: value for key, value in flags.items() if value is not None}
    return list(service.repo_init(call, tag, task_id, event, opts))


@exported("host.repoDone", access=HOST)
def repo_done(
    call: Call,
    repo_id: Any,
    data: Any,
    expire: bool = False,
    repo_json_updates: Mapping[str, Any] | None = None,
) -> None:
    """Finish a repository: `data` is `{arch: [upload directory, [file]]}`."""
    service.repo_done(call, repo_id, data, expire, repo_json_updates)


@exported("distRepo", access=LOGIN)
def dist_repo(call: Call, tag: Any, keys: Any, **task_opts: Any) -> int:
    """Make a dist repository of a tag's packages, signed with the first of `keys` there is; the task's id.

    Needs the permission dist-repo, or what the policy `dist_repo` says.
    """
    return dist.request(call, tag, keys, task_opts)


@exported("host.distRepoMove", access=HOST)
def dist_repo_move(call: Call, repo_id: Any, uploadpath: Any, arch: Any) -> None:
    """Put the uploaded metadata of one arch, and its packages, into a dist repository."""
    dist.move(call, repo_id, uploadpath, arch)
