"""The calls about tasks: reading, ending, their output.

`request_calls` (asking for work) and `host_calls` (of builders) are registered from here too.
"""

from __future__ import annotations

from typing import Any

from moromi_hub import arguments
from moromi_hub.auth import permissions
from moromi_hub.call import Call
from moromi_hub.rpc.registry import ADMIN, ANYONE, checked, exported
from moromi_hub.tasks import host_calls as host_calls
from moromi_hub.tasks import listing, output, service, states
from moromi_hub.tasks import request_calls as request_calls


@exported("getTaskInfo", access=ANYONE)
def get_task_info(call: Call, task_id: Any, request: bool = False, strict: bool = False) -> Any:
    """A task, or nil; for a list of ids a list."""
    if isinstance(task_id, list):
        return service.get_tasks(call, task_id, strict, request)
    return service.get_task(call, task_id, strict, request)


@exported("getTaskRequest", access=ANYONE)
def get_task_request(call: Call, taskId: Any) -> list[Any]:
    """The argument list of a task."""
    return service.get_request(call, arguments.integer(taskId))


@exported("getTaskResult", access=ANYONE)
def get_task_result(call: Call, taskId: Any, raise_fault: bool = True) -> Any:
    """The result of a finished task; its fault is raised, or returned as `{faultCode, faultString}`."""
    return service.get_result(call, arguments.integer(taskId), raise_fault)


@exported("getTaskChildren", access=ANYONE)
def get_task_children(
    call: Call, task_id: Any, request: bool = False, strict: bool = False
) -> list[dict[str, Any]]:
    """The subtasks of a task."""
    return service.get_children(call, arguments.integer(task_id), request, strict)


@exported("getTaskDescendents", access=ANYONE)
def get_task_descendents(call: Call, task_id: Any, request: bool = False) -> dict[str, list[dict[str, Any]]]:
    """Subtasks by the id (text) of their parent, an entry for each task of the tree."""
    return service.get_descendants(call, arguments.integer(task_id), request)


@exported("listTasks", access=ANYONE)
def list_tasks(call: Call, opts: Any = None, queryOpts: Any = None) -> Any:
    """Tasks by many filters, with request, result and owner."""
    return listing.list_tasks(call, opts, queryOpts)


@exported("taskFinished", access=ANYONE)
def task_finished(call: Call, taskId: Any) -> bool:
    """Whether a task is closed, failed or cancelled."""
    return service.is_finished(call, arguments.integer(taskId))


@exported("cancelTask", access=checked("owner, its host, or admin"))
def cancel_task(call: Call, task_id: Any, recurse: bool = True) -> None:
    """Cancel a task and what is below it."""
    wanted = arguments.integer(task_id)
    service.assert_may_cancel(call, wanted)
    service.cancel_task(call, wanted, recurse)


@exported("cancelTaskChildren", access=checked("owner, its host, or admin"))
def cancel_task_children(call: Call, task_id: Any) -> None:
    """Cancel what is below a task."""
    permissions.assert_login(call)
    wanted = arguments.integer(task_id)
    service.assert_may_cancel(call, wanted)
    service.cancel_children(call, wanted)


@exported("cancelTaskFull", access=ADMIN)
def cancel_task_full(call: Call, task_id: Any, strict: bool = True) -> None:
    """Cancel the whole group of a task; with `strict` only if it is the top of it."""
    service.cancel_full(call, arguments.integer(task_id), strict)


@exported("freeTask", access=ADMIN)
def free_task(call: Call, task_id: Any) -> None:
    """Give an assigned or open task back."""
    states.require_free(call, arguments.integer(task_id))


@exported("setTaskPriority", access=ADMIN)
def set_task_priority(call: Call, task_id: Any, priority: Any, recurse: bool = True) -> None:
    """Set the (absolute) priority of a task and of everything below it."""
    service.set_priority(call, arguments.integer(task_id), arguments.integer(priority), recurse)


@exported("listTaskOutput", access=ANYONE)
def list_task_output(
    call: Call, taskID: Any, stat: bool = False, all_volumes: bool = False, strict: bool = False
) -> Any:
    """Files of a task: `[name]`; `stat`: `{name: stat}`; `all_volumes`: `{name: [volume]}`; both: nested."""
    return output.listing(call, arguments.integer(taskID), stat, all_volumes, strict)


@exported("downloadTaskOutput", access=ANYONE)
def download_task_output(
    call: Call, taskID: Any, fileName: Any, offset: Any = 0, size: Any = -1, volume: Any = None
) -> str:
    """Base64 of a file of a task, from `offset` (negative: from the end), `size` bytes (-1: the rest)."""
    return output.read(
        call,
        arguments.integer(taskID),
        arguments.expect(fileName, str),
        arguments.integer(offset),
        arguments.integer(size),
        volume,
    )
