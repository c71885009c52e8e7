"""Rules of tasks: making, reading, cancelling, waiting (spec: data-model.md sections 9.3 to 9.6)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moromi import arches
from moromi.constants import FINISHED_TASKS, PRIO_DEFAULT, TaskState
from moromi.errors import ActionNotAllowed, GenericError, ParameterError
from moromi_hub import arguments
from moromi_hub.auth import permissions
from moromi_hub.builds import service as builds
from moromi_hub.call import Call
from moromi_hub.hosts import service as hosts
from moromi_hub.policies import service as policies
from moromi_hub.scheduler import service as scheduler
from moromi_hub.tasks import model, queries, states

_SUBTASK_OPTIONS = frozenset({"label", "channel", "arch", "priority", "assign"})


# making


@dataclass
class _Plan:
    """A task about to be made."""

    owner: int
    arch: str
    priority: int
    parent: int | None = None
    label: str | None = None
    parent_channel: int | None = None
    channel_id: int | None = None


def make_task(
    call: Call,
    method: str,
    arglist: Sequence[Any],
    *,
    parent: int | None = None,
    label: str | None = None,
    owner: int | None = None,
    channel: Any = None,
    arch: str | None = None,
    priority: int | None = None,
    assign: Any = None,
) -> int:
    """Make a task; its id.

    `channel`: name or id of the channel asked for; the policies `channel` and
    `priority` have the last word. `assign`: a host that gets the task at once.
    `priority` is absolute. Raises GenericError for a parent that is not open, an
    unknown or disabled channel, an unknown host; ParameterError for wrong types.
    """
    arguments.expect(method, str)
    if label is not None:
        arguments.expect(label, str)
    if priority is not None:
        priority = arguments.integer(priority)
    if arch is not None:
        arches.check(arguments.expect(arch, str))
    plan = _plan(call, parent, label, owner, arch, priority)
    host_id = None if assign is None else hosts.require_host(call, assign)["id"]
    _apply_policies(call, plan, method, arglist, channel)
    values = {
        "method": method,
        "request": model.encode_request(method, arglist),
        "owner": plan.owner,
        "arch": plan.arch,
        "priority": plan.priority,
        "channel_id": plan.channel_id,
        "parent": plan.parent,
        "label": plan.label,
    }
    task = states.create(call, values, host_id)
    scheduler.refuse_unfit_hosts(call, task, arglist)
    return int(task["id"])


def _plan(
    call: Call,
    parent: Any,
    label: str | None,
    owner: int | None,
    arch: str | None,
    priority: int | None,
) -> _Plan:
    if parent is None:
        if owner is None:
            if call.session is None:
                raise GenericError("task must have an owner")
            owner = call.session.user_id
        return _Plan(owner, arch or "noarch", PRIO_DEFAULT if priority is None else priority)
    parent_id = arguments.integer(parent)
    row = queries.stored(call.tx, parent_id)
    if row is None:
        raise GenericError(f"Invalid parent task: {parent}")
    if row["state"] != TaskState.OPEN:
        raise GenericError(f"Parent task (id {parent}) is not open")
    return _Plan(
        owner=row["owner"] if owner is None else owner,
        arch=row["arch"] if arch is None else arch,
        priority=row["priority"] - 1 if priority is None else priority,
        parent=parent_id,
        label=label,
        parent_channel=row["channel_id"],
    )


def _apply_policies(call: Call, plan: _Plan, method: str, arglist: Sequence[Any], channel: Any) -> None:
    data: dict[str, Any] = {
        "method": method,
        "arch": plan.arch,
        "parent": plan.parent,
        "label": plan.label,
        "owner": plan.owner,
        "user_id": plan.owner,
    }
    asked = None
    if channel is not None:
        asked = _open_channel(call, channel)
        data["req_channel"] = asked["name"]
    data.update(policies.task_data(call, method, list(arglist)))
    plan.channel_id = _chosen_channel(call, policies.evaluate(call, "channel", data), plan, asked)
    plan.priority = _chosen_priority(policies.evaluate(call, "priority", data), plan.priority)


def _open_channel(call: Call, info: Any) -> dict[str, Any]:
    channel = hosts.find_channel(call, info)
    if channel is None:
        raise GenericError(f"No such channel: {info}")
    if not channel["enabled"]:
        raise GenericError(f"Channel {channel['name']} is disabled.")
    return channel


def _chosen_channel(call: Call, action: str | None, plan: _Plan, asked: Mapping[str, Any] | None) -> int:
    words = (action or "use default").split(maxsplit=1)
    if words[0] == "req" and asked is not None:
        return int(asked["id"])
    if words[0] == "use" and len(words) > 1:
        return int(_open_channel(call, words[1].strip())["id"])
    if words[0] == "parent" and plan.parent_channel is not None:
        return int(_open_channel(call, plan.parent_channel)["id"])
    raise GenericError("invalid channel policy")


def _chosen_priority(action: str | None, priority: int) -> int:
    if action is None:
        return priority
    word, _, amount = action.strip().partition(" ")
    try:
        if word == "stay":
            return priority
        if word == "set":
            return int(amount)
        if word == "adjust":
            return priority + int(amount)
    except ValueError:
        raise GenericError("invalid priority policy") from None
    raise GenericError("invalid priority policy")


def subtask(call: Call, parent: int, method: str, arglist: Sequence[Any], options: Mapping[str, Any]) -> int:
    """A child of `parent` for a builder; an existing one with the same label is given instead.

    `options`: label, arch, channel, priority, assign. Raises ActionNotAllowed for `owner`,
    ParameterError for others.
    """
    _check_options(options, _SUBTASK_OPTIONS)
    label = options.get("label")
    if label is not None:
        existing = queries.child_with_label(call.tx, parent, arguments.expect(label, str))
        if existing is not None:
            return existing
    return make_task(call, method, arglist, **{**options, "parent": parent})


def make_task_as_asked(call: Call, method: Any, arglist: Any, **options: Any) -> int:
    """`makeTask`: options as a caller gives them."""
    _check_options(options, _SUBTASK_OPTIONS | {"parent"})
    return make_task(call, method, arguments.expect(arglist, list), **options)


def _check_options(options: Mapping[str, Any], known: Collection[str]) -> None:
    if "owner" in options:
        raise ActionNotAllowed("The owner option is not allowed here")
    for name in options:
        if name not in known:
            raise ParameterError(f"make_task() got an unexpected keyword argument {name!r}")


def resubmit(call: Call, task_id: int) -> int:
    """A new task with the request of a failed or cancelled one; the caller owns it."""
    row = _stored(call, task_id)
    if row["state"] not in (TaskState.CANCELED, TaskState.FAILED):
        raise GenericError("only canceled or failed tasks may be resubmitted")
    if row["parent"] is not None:
        raise GenericError("only top-level tasks may be resubmitted")
    if not permissions.is_user(call, row["owner"]):
        raise GenericError("only the task owner or an admin may resubmit a task")
    return make_task(
        call,
        row["method"],
        model.decode_request(row["request"]),
        arch=row["arch"],
        channel=row["channel_id"],
        priority=row["priority"],
    )


# reading


def get_task(call: Call, task_id: Any, strict: bool = False, request: bool = False) -> dict[str, Any] | None:
    """A task as Koji's Task (`request` decoded, when asked for), or None.

    Raises GenericError `query returned no rows` with `strict`.
    """
    return get_tasks(call, [task_id], strict, request)[0]


def get_tasks(
    call: Call, task_ids: Sequence[Any], strict: bool = False, request: bool = False
) -> list[dict[str, Any] | None]:
    """`get_task` for many ids, in one statement."""
    wanted = [arguments.integer(task_id) for task_id in task_ids]
    ids = [task_id for task_id in wanted if arguments.fits_id(task_id)]
    found = queries.tasks(call.tx, ids, request) if ids else {}
    if strict and any(task_id not in found for task_id in wanted):
        raise GenericError("query returned no rows")
    if request:
        _decode_requests(list(found.values()))
    return [found.get(task_id) for task_id in wanted]


def _decode_requests(rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        row["request"] = model.decode_request(row["request"])


def get_children(call: Call, task_id: int, request: bool, strict: bool) -> list[dict[str, Any]]:
    """The subtasks of a task."""
    found = queries.children(call.tx, task_id, request) if arguments.fits_id(task_id) else []
    if strict and not found:
        get_task(call, task_id, strict=True)
    if request:
        _decode_requests(found)
    return found


def unfinished(call: Call, method: str) -> list[dict[str, Any]]:
    """The tasks of a method that are not finished, requests decoded."""
    found = queries.unfinished(call.tx, method)
    _decode_requests(found)
    return found


def get_descendants(call: Call, task_id: int, request: bool) -> dict[str, list[dict[str, Any]]]:
    """Subtasks by the id (as text) of their parent, for every task of the tree; one statement."""
    rows = queries.descendants(call.tx, task_id, request) if arguments.fits_id(task_id) else []
    if request:
        _decode_requests(rows)
    tree: dict[str, list[dict[str, Any]]] = {str(task_id): []}
    for row in rows:
        tree[str(row["id"])] = []
    for row in rows:
        tree[str(row["parent"])].append(row)
    return tree


def _stored(call: Call, task_id: int) -> dict[str, Any]:
    row = queries.stored(call.tx, task_id) if arguments.fits_id(task_id) else None
    if row is None:
        raise GenericError("query returned no rows")
    return row


def get_request(call: Call, task_id: int) -> list[Any]:
    """The argument list of a task."""
    return model.decode_request(_stored(call, task_id)["request"])


def is_finished(call: Call, task_id: int) -> bool:
    """Whether a task is closed, failed or cancelled."""
    return _stored(call, task_id)["state"] in FINISHED_TASKS


def get_result(call: Call, task_id: int, raise_fault: bool = True) -> Any:
    """The result of a task; its fault is raised, or given as `{faultCode, faultString}`.

    Raises GenericError for one that is unknown, cancelled or not finished.
    """
    row = queries.stored(call.tx, task_id) if arguments.fits_id(task_id) else None
    if row is None:
        raise GenericError("No such task")
    return _result_of(row, raise_fault)


def _result_of(row: Mapping[str, Any], raise_fault: bool) -> Any:
    if row["state"] == TaskState.CANCELED:
        raise GenericError(f"Task {row['id']} is canceled")
    if row["state"] not in FINISHED_TASKS:
        raise GenericError(f"Task {row['id']} is not finished")
    try:
        return model.decode_result(row["result"])
    except model.UnreadableTask:
        raise
    except Exception as error:
        if raise_fault:
            raise
        return model.fault_map(error)


# ending and changing


def cancel_task(call: Call, task_id: int, recurse: bool = True) -> list[int]:
    """Cancel a task with what is below it, and the builds under way of those; nobody asks who calls.

    Does not go below finished tasks. Raises GenericError `No such task: …`.
    """
    if queries.stored(call.tx, task_id) is None:
        raise GenericError(f"No such task: {task_id}")
    ids = queries.with_descendants(call.tx, [task_id]) if recurse else [task_id]
    return _cancel(call, ids)


def cancel_children(call: Call, task_id: int) -> None:
    """Cancel what is below a task."""
    ids = [row["id"] for row in queries.children(call.tx, task_id)]
    if ids:
        _cancel(call, queries.with_descendants(call.tx, ids))


def cancel_full(call: Call, task_id: int, strict: bool) -> None:
    """Cancel the whole group that a task belongs to, below finished tasks too.

    `strict`: raises GenericError unless the task is the top of its group.
    """
    _cancel(call, _group(call, task_id, strict))


def lock_group(call: Call, task_id: int) -> None:
    """Let nobody else change the tasks of a task's group until the transaction ends.

    For who changes a build and its tasks: tasks are locked before builds, everywhere.
    """
    queries.lock(call.tx, _group(call, task_id, strict=False))


def _group(call: Call, task_id: int, strict: bool) -> list[int]:
    chain = queries.ancestors(call.tx, task_id)
    if not chain:
        raise GenericError("query returned no rows")
    top, parent = chain[-1]
    if strict and task_id != top:
        raise GenericError(f"Task {task_id} is not top-level (parent={chain[0][1]})")
    if parent is not None:
        raise GenericError(f"Task LOOP at task {parent}")
    return queries.with_descendants(call.tx, [top], through_finished=True)


def _cancel(call: Call, ids: Sequence[int]) -> list[int]:
    cancelled = states.cancel(call, ids)
    if cancelled:
        builds.cancel_of_tasks(call, cancelled)
    return cancelled


def assert_may_cancel(call: Call, task_id: int) -> None:
    """Raise ActionNotAllowed unless the caller owns the task, runs it, or is an admin."""
    row = queries.tasks(call.tx, [task_id]).get(task_id) if arguments.fits_id(task_id) else None
    if row is None:
        raise GenericError(f"No such task: {task_id}")
    session = call.session
    if session is not None and session.host_id is not None and session.host_id == row["host_id"]:
        return
    if not permissions.is_user(call, row["owner"]):
        raise ActionNotAllowed("Cannot cancel task, not owner")


def set_priority(call: Call, task_id: int, priority: int, recurse: bool) -> None:
    """Set the priority (absolute) of a task and of everything below it."""
    row = _stored(call, task_id)
    if row["state"] in FINISHED_TASKS:
        raise GenericError("Finished task's priority can't be updated")
    ids = queries.with_descendants(call.tx, [task_id], through_finished=True) if recurse else [task_id]
    states.set_priority(call, ids, priority)


def free_held(call: Call, task_ids: Sequence[int], host_id: int) -> None:
    """Give back those of the tasks that are open on a host; others are left."""
    states.free(call, task_ids, lambda row: row["host_id"] == host_id and row["state"] == TaskState.OPEN)


def open_task(call: Call, task_id: int, host_id: int) -> dict[str, Any] | None:
    """Let a host begin a task: its row with the request as stored text, or None if it is not to have it."""
    before = states.open_task(call, task_id, host_id)
    if before is None:
        return None
    if before == TaskState.FREE:
        scheduler.lease(call, task_id, host_id)
    return queries.tasks(call.tx, [task_id], request=True)[task_id]
