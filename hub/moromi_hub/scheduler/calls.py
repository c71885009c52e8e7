"""The calls of the scheduler."""

from __future__ import annotations

from typing import Any

from moromi_hub import arguments
from moromi_hub.auth.permissions import calling_host
from moromi_hub.call import Call
from moromi_hub.rpc.registry import ADMIN, ANYONE, HOST, exported
from moromi_hub.scheduler import explain, queries, run, service


@exported("scheduler.doRun", access=ADMIN)
def do_run(call: Call, force: Any = False) -> bool:
    """Run the scheduler; whether it ran. `force`: even if it ran a moment ago."""
    return run.run(call, force=arguments.expect(force, bool))


@exported("scheduler.getTaskRuns", access=ANYONE)
def get_task_runs(call: Call, clauses: Any = None, fields: Any = None, opts: Any = None) -> Any:
    """Which host a task was given to, and when (clause query). `host_id` may be a host's name."""
    return queries.TASK_RUNS.run(call.tx, _by_host_name(clauses), fields, opts)


@exported("scheduler.getTaskRefusals", access=ANYONE)
def get_task_refusals(call: Call, clauses: Any = None, fields: Any = None) -> Any:
    """Which hosts will not have a task (clause query)."""
    return queries.TASK_REFUSALS.run(call.tx, clauses, fields)


@exported("scheduler.getLogMessages", access=ANYONE)
def get_log_messages(call: Call, clauses: Any = None, fields: Any = None, opts: Any = None) -> Any:
    """What the scheduler did (clause query). `host_id` may be a host's name."""
    return queries.LOG_MESSAGES.run(call.tx, _by_host_name(clauses), fields, opts)


def _by_host_name(clauses: Any) -> Any:
    """Let `host_id` be compared with a name: `koji scheduler-info --host` passes on what was typed."""
    if not isinstance(clauses, list):
        return clauses
    return [["host_name", *clause[1:]] if _names_host(clause) else clause for clause in clauses]


def _names_host(clause: Any) -> bool:
    if not isinstance(clause, list) or not clause or clause[0] != "host_id":
        return False
    return isinstance(clause[-1], str) and not clause[-1].isdecimal()


@exported("scheduler.getHostData", access=ANYONE)
def get_host_data(call: Call, hostID: Any = None) -> list[dict[str, Any]]:
    """`{host_id, data}` of one host or all: what hosts said of themselves."""
    return queries.host_data(call.tx, arguments.optional_integer(hostID))


@exported("scheduler.getReasons", access=ANYONE)
def get_reasons(call: Call, taskID: Any = None, hostID: Any = None) -> list[dict[str, Any]]:
    """Why free tasks wait and hosts are given nothing: `{task_id, host_id, msg, since_ts}`. Our own."""
    return service.get_reasons(call, taskID, hostID)


@exported("scheduler.explain", access=ANYONE)
def explain_task(call: Call, task_id: Any) -> dict[str, Any]:
    """Why a task is not running, in words. Our own.

    `{task_id, state, summary, details, position, waiting_for}`: `details` are lines about hosts or subtasks,
    `position` is the place in the queue of its channel and arch. Raises GenericError `No such task: …`.
    """
    return explain.explain(call, task_id)


@exported("assignTask", access=ADMIN)
def assign_task(call: Call, task_id: Any, host: Any, force: bool = False, override: bool = False) -> bool:
    """Assign a task by hand; whether it worked."""
    return service.assign_task(call, arguments.integer(task_id), host, bool(force), bool(override))


@exported("host.getTasks", access=HOST)
def host_get_tasks(call: Call) -> list[dict[str, Any]]:
    """Tasks assigned to the calling host, by priority and age."""
    return service.tasks_for(call, calling_host(call).id)


@exported("host.getLoadData", access=HOST)
def host_get_load_data(call: Call) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """`[[own host with channels], [own assigned tasks]]`, for older builders."""
    return service.load_data(call, calling_host(call).id)


@exported("host.refuseTask", access=HOST)
def host_refuse_task(call: Call, task_id: Any, soft: Any = True, msg: Any = "") -> None:
    """Give an assigned task back for good (`soft`: for a while)."""
    service.refuse_task(
        call,
        arguments.integer(task_id),
        calling_host(call).id,
        arguments.expect(soft, bool),
        arguments.expect(msg, str),
    )
