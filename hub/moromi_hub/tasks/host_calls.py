"""The calls of builders about their tasks."""

from __future__ import annotations

from typing import Any

from moromi.wire.named import join_named
from moromi_hub import arguments
from moromi_hub.auth.permissions import calling_host
from moromi_hub.call import Call
from moromi_hub.hosts import polling
from moromi_hub.rpc.registry import HOST, exported, task_host
from moromi_hub.tasks import service, states, waiting


@exported("host.getHostTasks", access=HOST)
def host_get_host_tasks(call: Call) -> list[dict[str, Any]]:
    """Open tasks of the calling host: `{id, waiting, weight[, alert: true]}`."""
    return polling.facts(call, calling_host(call).id).open_tasks


@exported("host.openTask", access=HOST)
def host_open_task(call: Call, task_id: Any) -> dict[str, Any] | None:
    """Begin a task: its data with the raw request, or nil if it is not (any more) for this host."""
    return service.open_task(call, arguments.integer(task_id), calling_host(call).id)


@exported("host.closeTask", access=task_host())
def host_close_task(call: Call, task_id: Any, response: Any) -> None:
    """Report success: `response` is the text of an XML-RPC answer."""
    text = arguments.expect(response, str)
    states.finish(call, arguments.integer(task_id), calling_host(call).id, text, failed=False)


@exported("host.failTask", access=task_host())
def host_fail_task(call: Call, task_id: Any, response: Any) -> None:
    """Report failure: `response` is the text of an XML-RPC fault."""
    text = arguments.expect(response, str)
    states.finish(call, arguments.integer(task_id), calling_host(call).id, text, failed=True)


@exported("host.freeTasks", access=HOST)
def host_free_tasks(call: Call, tasks: Any) -> None:
    """Give open tasks back; those that are not open on this host are skipped."""
    ids = [arguments.integer(task_id) for task_id in arguments.expect(tasks, list)]
    service.free_held(call, ids, calling_host(call).id)


@exported("host.setTaskWeight", access=task_host())
def host_set_task_weight(call: Call, task_id: Any, weight: Any) -> None:
    """Set the load that a task puts on its host."""
    states.set_weight(call, arguments.integer(task_id), arguments.number(weight))


@exported("host.subtask", access=task_host("parent"))
def host_subtask(call: Call, method: Any, arglist: Any, parent: Any, **opts: Any) -> int:
    """Make a child of `parent`, or find the one with the same label; its id."""
    kwargs = opts.pop("kwargs", None) or {}
    params = join_named(arguments.expect(arglist, list), kwargs)
    return service.subtask(call, arguments.integer(parent), method, params, opts)


@exported("host.subtask2", access=task_host("parent"))
def host_subtask2(call: Call, parent: Any, taskopts: Any, method: Any, /, *args: Any, **opts: Any) -> int:
    """`host.subtask` with the subtask's arguments as one's own; its id."""
    options = dict(arguments.expect(taskopts, dict))
    return service.subtask(call, arguments.integer(parent), method, join_named(args, opts), options)


@exported("host.taskSetWait", access=HOST)
def host_task_set_wait(call: Call, parent: Any, tasks: Any) -> None:
    """Let a task wait for these children (nil: all)."""
    ids = None if tasks is None else [arguments.integer(task) for task in arguments.expect(tasks, list)]
    waiting.set_wait(call, arguments.integer(parent), ids)


@exported("host.taskWait", access=HOST)
def host_task_wait(call: Call, parent: Any) -> tuple[list[int], list[int]]:
    """`[finished, unfinished]` of the awaited children."""
    return waiting.look(call, arguments.integer(parent))


@exported("host.taskWaitResults", access=HOST)
def host_task_wait_results(call: Call, parent: Any, tasks: Any, canfail: Any = None) -> list[list[Any]]:
    """`[id, result]` of children (nil: all finished ones); ends the wait."""
    ids = None if tasks is None else [arguments.integer(task) for task in arguments.expect(tasks, list)]
    may_fail = {arguments.integer(task) for task in arguments.expect(canfail or [], list)}
    return waiting.results(call, arguments.integer(parent), ids, may_fail)
