"""Requests for repositories, and serving them (spec: data-model.md section 11.5).

A request waits until a repository that fits it becomes READY. `check_queue` makes
the newRepo tasks; it runs when a request is made and when a task ends, in the
worker or in the call `repo.checkQueue`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moromi.constants import FINISHED_TASKS, PRIO_DEFAULT, PRIO_REPO, RepoState, TaskState
from moromi.errors import GenericError, ParameterError
from moromi.wire.named import join_named
from moromi_hub import arguments
from moromi_hub.auth import permissions
from moromi_hub.call import Call
from moromi_hub.external_repos import service as external_repos
from moromi_hub.history import service as history
from moromi_hub.repos import options, problems, queries
from moromi_hub.tags import service as tags
from moromi_hub.tasks import service as tasks
from moromi_hub.users import service as users

AUTO_PRIORITY = 5


def request(
    call: Call, tag: Any, min_event: Any, at_event: Any, opts: Any, priority: Any, force: bool
) -> dict[str, Any]:
    """`{repo, request, duplicate}`: a repository that is there, or the request that will bring one."""
    row = tags.require_tag(call, tag)
    asked = options.checked(opts)
    if asked.get("maven") and not call.settings.EnableMaven:
        raise GenericError("Maven support not enabled")
    if min_event is not None and at_event is not None:
        raise ParameterError("The min_event and at_event options conflict")
    at = None if at_event is None else _known_event(call, at_event)
    least = None if at is not None else _minimum(call, row["id"], min_event)
    relative = 0 if priority is None else arguments.integer(priority)
    permissions.assert_priority(call, relative, "requests")
    return place(call, row["id"], least, at, asked, PRIO_DEFAULT + relative, force)


def place(
    call: Call,
    tag_id: int,
    least: int | None,
    at: int | None,
    asked: Mapping[str, bool],
    priority: int,
    force: bool = False,
) -> dict[str, Any]:
    """`request` with everything decided. `force`: a repository that is there already does not do."""
    answer: dict[str, Any] = {"repo": None, "request": None, "duplicate": False}
    if not force:
        answer["repo"] = queries.fitting(call.tx, tag_id, asked, least, at)
        if answer["repo"] is not None:
            return answer
    known = queries.duplicate(call.tx, tag_id, asked, least, at)
    if known is not None:
        if priority < known["priority"]:
            queries.set_priority(call.tx, known["id"], priority)
        request = queries.request(call.tx, known["id"])
        if request is None or not request["active"]:
            # it has ended between the two looks: there may be a repository now
            return place(call, tag_id, least, at, asked, priority, force)
        return {**answer, "request": request, "duplicate": True}
    request_id = queries.insert_request(
        call.tx,
        {
            "owner": _requester(call),
            "priority": priority,
            "tag_id": tag_id,
            "at_event": at,
            "min_event": least,
            "opts": dict(asked),
        },
    )
    call.tx.notify({"type": "request", "id": request_id, "tag": tag_id})
    return {**answer, "request": queries.request(call.tx, request_id)}


def _requester(call: Call) -> int:
    """The caller; for the hub itself the queue's user, else the first administrator."""
    if call.session is not None:
        return call.session.user_id
    own = _queue_user(call)
    if own is not None:
        return own
    administrator = users.first_administrator(call)
    if administrator is None:
        raise GenericError("nobody to ask for repositories: there is no administrator")
    return int(administrator["id"])


def _known_event(call: Call, event: Any) -> int:
    number = arguments.integer(event)
    if history.get_event(call, number, strict=False) is None:
        raise ParameterError(f"Invalid event: {number}")
    return number


def _minimum(call: Call, tag_id: int, min_event: Any) -> int | None:
    """The event that a repository must at least have."""
    if min_event == "last":
        return history.tag_last_change_event(call, tag_id)
    if min_event is not None:
        return _known_event(call, min_event)
    return default_minimum(call, tag_id, call.settings.RepoLag)


def default_minimum(call: Call, tag_id: int, lag: int) -> int | None:
    """The smaller of the tag's last change and what was the last event `lag` seconds ago.

    The moment is rounded down to `RepoLagWindow`, so that requests made one after
    another ask for the same. The tag's extra `repo.lag` replaces `lag`.
    """
    last = history.tag_last_change_event(call, tag_id)
    own = tags.build_config(call, tag_id)["extra"].get("repo.lag")
    if isinstance(own, int) and not isinstance(own, bool):
        lag = own
    moment = time.time() - lag
    window = call.settings.RepoLagWindow
    moment = moment // window * window if window > 0 else moment
    event = history.last_event(call, before=moment, strict=False)
    candidates = [each for each in (last, event["id"] if event else None) if each is not None]
    if event is None:
        created = history.tag_first_change_event(call, tag_id)
        candidates = [created] if created is not None else candidates
    return min(candidates, default=None)


def check_request(call: Call, request_id: Any) -> dict[str, Any]:
    """`{repo, request}` and, while there is a task and no repository yet, `task`.

    `problem`: why the hub gave the request up, where it knows.
    """
    number = arguments.integer(request_id)
    found = queries.request(call.tx, number) if arguments.fits_id(number) else None
    if found is None:
        raise GenericError("No such request")
    answer: dict[str, Any] = {"repo": None, "request": found}
    if found["repo_id"] is not None:
        answer["repo"] = queries.repo(call.tx, found["repo_id"])
    elif found["task_id"] is not None:
        answer["task"] = tasks.get_task(call, found["task_id"])
    elif not found["active"] and (problem := problems.of_tag(call, found["tag_id"])):
        answer["problem"] = problem
    return answer


@dataclass
class _Room:
    """How many repository tasks may still be started."""

    tasks: int
    maven: int

    def take(self, maven: bool) -> bool:
        """Use a place if there is one."""
        if self.tasks <= 0 or (maven and self.maven <= 0):
            return False
        self.tasks -= 1
        self.maven -= maven
        return True


def check_queue(call: Call, wait: bool = False) -> None:
    """Look after all active requests; silently nothing while somebody else does, unless told to `wait`."""
    if not queries.queue_lock(call.tx, wait):
        return
    room = _Room(call.settings.MaxRepoTasks, call.settings.MaxRepoTasksMaven)
    waiting, running, changed = [], [], False
    for request in queries.active_requests(call.tx):
        if _is_running(request):
            room.take(bool(request["opts"].get("maven")))
            running.append(request)
            continue
        changed = True
        if request["task_id"] is not None and _take_result(call, request):
            continue
        if request["tries"] > call.settings.RepoRetries:
            _give_up(call, request)
            continue
        waiting.append(request)
    # what the hub makes itself is in `made_here`
    live = _of_live_tags(call, waiting) if waiting else []
    if not call.settings.RepoOnHub:
        _start_waiting(call, live, running, room)
    if changed:
        queries.forget_requests(call.tx, call.settings.RequestCleanTime)


def made_here(call: Call) -> list[dict[str, Any]]:
    """The requests that wait for the hub to make a repository, in their order (shape `RepoRequest`)."""
    waiting = [each for each in queries.active_requests(call.tx) if each["task_id"] is None]
    return [each for each in waiting if each["tries"] <= call.settings.RepoRetries]


def note_failure(call: Call, failed: Sequence[Mapping[str, Any]]) -> None:
    """Count that the hub could not make what requests want; give up those that it has tried too often."""
    queries.count_tries(call.tx, [request["id"] for request in failed])
    for request in failed:
        if request["tries"] >= call.settings.RepoRetries:
            _give_up(call, request)


def purpose_of(request: Mapping[str, Any]) -> tuple[int, int | None, str]:
    """What two requests have in common that one repository may serve: tag, event and options."""
    return request["tag_id"], request["at_event"], json.dumps(request["opts"], sort_keys=True)


def _give_up(call: Call, request: Mapping[str, Any]) -> None:
    queries.update_request(call.tx, request["id"], active=False)
    call.tx.notify({"type": "request", "id": request["id"], "tag": request["tag_id"]})


def _of_live_tags(call: Call, waiting: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The requests that can be served; one of a tag that has been deleted meanwhile is given up."""
    live = tags.live_ids(call, {request["tag_id"] for request in waiting})
    served = []
    for request in waiting:
        if request["at_event"] is None and request["tag_id"] not in live:
            _give_up(call, request)
        else:
            served.append(request)
    return served


def _start_waiting(
    call: Call, waiting: Sequence[Mapping[str, Any]], running: Sequence[Mapping[str, Any]], room: _Room
) -> None:
    """Make the tasks there is room for, none of which does what another is about to do anyway."""
    begun = queries.begun_tasks(call.tx, [request["task_id"] for request in running])
    coming = [purpose_of(request) for request in running if request["task_id"] not in begun]
    busy = [purpose_of(request) for request in running]
    owner = _queue_user(call)
    for request in waiting:
        purpose = purpose_of(request)
        if request["at_event"] is None:
            # A task that has not read the tag yet will bring what this request wants. An automatic
            # request also waits for the one at work: the changes in the meantime then cost one repository.
            automatic = request["priority"] > PRIO_DEFAULT
            if purpose in coming or (automatic and purpose in busy):
                continue
        if room.take(bool(request["opts"].get("maven"))):
            _start(call, request, owner)
            coming.append(purpose)
            busy.append(purpose)


def _is_running(request: Mapping[str, Any]) -> bool:
    return request["task_id"] is not None and request["task_state"] not in FINISHED_TASKS


def _take_result(call: Call, request: Mapping[str, Any]) -> bool:
    """Whether the request's finished task has brought a repository that fits."""
    if request["task_state"] != TaskState.CLOSED:
        return False
    try:
        repo_id = tasks.get_result(call, request["task_id"])[0]
    except (GenericError, TypeError, LookupError):
        call.hub.log.warning("task %s has no repository as its result", request["task_id"])
        return False
    repo = queries.repo(call.tx, repo_id)
    if repo is None or not _fits(repo, request):
        return False
    queries.update_request(call.tx, request["id"], active=False, repo_id=repo_id)
    call.tx.notify({"type": "request", "id": request["id"], "tag": request["tag_id"]})
    return True


def _fits(repo: Mapping[str, Any], request: Mapping[str, Any]) -> bool:
    opts, asked, custom = repo["opts"] or {}, request["opts"], repo["custom_opts"] or {}
    if repo["dist"] or repo["state"] != RepoState.READY or repo["tag_id"] != request["tag_id"]:
        return False
    if any(opts.get(key) != value for key, value in asked.items()) or set(custom) - set(asked):
        return False
    if request["at_event"] is not None:
        return bool(repo["create_event"] == request["at_event"])
    return bool(repo["create_event"] >= (request["min_event"] or 0))


def _queue_user(call: Call) -> int | None:
    """The owner of tasks that the queue makes; None: whoever runs it."""
    return users.find_user_id(call, call.settings.RepoQueueUser)


def _start(call: Call, request: Mapping[str, Any], owner: int | None) -> None:
    """Make the newRepo task of a request."""
    tag = {"id": request["tag_id"], "name": request["tag_name"]}
    named: dict[str, Any] = {"opts": request["opts"]}
    if request["at_event"] is not None:
        named["event"] = request["at_event"]
    task_id = tasks.make_task(
        call,
        "newRepo",
        join_named([tag], named),
        priority=PRIO_REPO,
        channel="createrepo",
        owner=owner if owner is not None else (None if call.session else request["owner"]),
    )
    queries.update_request(call.tx, request["id"], task_id=task_id, tries=request["tries"] + 1)


def auto_requests(call: Call) -> None:
    """A request for each tag whose own extra says `repo.auto`."""
    for tag_id in queries.auto_tags(call.tx):
        if tags.get_tag(call, tag_id) is None:
            continue
        least = default_minimum(call, tag_id, call.settings.RepoAutoLag)
        place(call, tag_id, least, None, {}, PRIO_DEFAULT + AUTO_PRIORITY)


def update_end_events(call: Call, tag_ids: Collection[int] | None = None) -> None:
    """Note for every READY repository (of some tags) when its tag has changed since."""
    for repo in queries.open_ended(call.tx, tag_ids):
        event = history.tag_first_change_event(call, repo["tag_id"], after=repo["create_event"])
        if event is not None:
            queries.set_end_event(call.tx, repo["id"], event)


def set_priority(call: Call, request_id: Any, priority: Any) -> None:
    """Set the absolute priority of a request."""
    queries.set_priority(call.tx, arguments.integer(request_id), arguments.integer(priority))


def set_external_data(call: Call, external_repo_id: int, data: Any) -> None:
    """Store what the repository daemon knows of an external repository."""
    arguments.expect(data, dict)
    json.dumps(data)
    queries.set_external_data(call.tx, call.user_id, external_repo_id, data)
    external_repos.notify_users(call, external_repo_id)
