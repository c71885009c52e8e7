"""What is done to the scheduler: assigning by hand, refusing, asking for work (data-model.md section 10)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from moromi import arches as arch_names
from moromi.errors import GenericError
from moromi.tasks import parse_task_params
from moromi_hub import arguments
from moromi_hub.call import Call
from moromi_hub.hosts import polling
from moromi_hub.hosts import service as hosts
from moromi_hub.scheduler import queries
from moromi_hub.scheduler import run as runs
from moromi_hub.tags import service as tags
from moromi_hub.tasks import service as tasks
from moromi_hub.tasks import states

log = logging.getLogger(__name__)

_TAG_PARAMETERS = {
    "buildArch": "root",
    "buildMaven": "build_tag",
    "wrapperRPM": "build_target",
    "rebuildSRPM": "build_tag",
    "buildSRPMFromSCM": "build_tag",
}
"""Methods that need a host of one of the build tag's arches, and which parameter names the tag."""


def assign_task(call: Call, task_id: int, host_info: Any, force: bool, override: bool) -> bool:
    """Assign a task by hand; False if it is not free (nor this host's already) and `force` is not given.

    `override`: the scheduler never times the assignment out. A finished task stays finished.
    """
    host_id = hosts.require_host(call, host_info)["id"]
    tasks.get_task(call, task_id, strict=True)
    queries.lock(call.tx, wait=True)
    pairs = [(task_id, host_id)]
    if not states.assign(call, dict(pairs), force=force):
        queries.log_messages(call.tx, pairs, "Assignment failed")
        return False
    if override:
        queries.end_runs(call.tx, [task_id])
        queries.log_messages(call.tx, pairs, "Assigning task (override)")
    else:
        queries.record_runs(call.tx, pairs, "Assigning task")
    return True


def lease(call: Call, task_id: int, host_id: int) -> None:
    """A host has begun a task that nobody gave it: should the host be lost, the task is taken back too."""
    queries.record_run(call.tx, task_id, host_id)


def refuse_task(call: Call, task_id: int, host_id: int, soft: bool, message: str) -> None:
    """A host does not want a task that is assigned to it: it is freed, and not offered to it again (soon).

    Ignored for a task of another host. Raises GenericError for an unknown or finished task.
    """
    task = tasks.get_task(call, task_id, strict=True)
    if task is None or task["host_id"] != host_id:
        log.warning("host %s refused task %s, which is not its own", host_id, task_id)
        return
    pairs = [(task_id, host_id)]
    queries.refuse(call.tx, pairs, soft=soft, by_host=True, message=message)
    queries.log_messages(call.tx, pairs, f"Host refused task: {message}")
    states.require_free(call, task_id)


def refuse_unfit_hosts(call: Call, task: Mapping[str, Any], arglist: Sequence[Any]) -> None:
    """Hard refusals of a new noarch task for the hosts of its channel that share no arch with its build tag.

    Whatever is wrong with the request is for the builder to say: nothing here stops a task from being made.
    """
    if task["arch"] != "noarch" or task["method"] not in _TAG_PARAMETERS:
        return
    try:
        tag = parse_task_params(task["method"], arglist)[_TAG_PARAMETERS[task["method"]]]
        if task["method"] == "wrapperRPM":
            tag = tag["build_tag"]
        wanted = (tags.build_config(call, tag)["arches"] or "").split()
    except (GenericError, KeyError, TypeError, ValueError) as error:
        log.info("no arch check for task %s: %s", task["id"], error)
        return
    wanted = {arch_names.canonical(arch) for arch in wanted}
    if not wanted:
        return
    unfit = [
        (task["id"], host["id"])
        for host in hosts.channel_hosts(call, task["channel_id"])
        if not hosts.share_arch(host["arches"], wanted)
    ]
    if unfit:
        message = "automatic arch refusal"
        queries.refuse(call.tx, unfit, soft=False, by_host=False, message=message)
        queries.log_messages(call.tx, unfit, f"Host refused task: {message}")


def tasks_for(call: Call, host_id: int) -> list[dict[str, Any]]:
    """Tasks assigned to a host; one that has none runs the scheduler, if nobody has for `RunInterval`."""
    known = polling.facts(call, host_id)
    age = known.run_age
    due = age is None or not 0 <= age < call.settings.RunInterval
    if not known.assigned and due and runs.run(call):
        known = polling.facts(call, host_id)
    return known.assigned


def load_data(call: Call, host_id: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What older builders ask for: themselves with their channels, and their tasks."""
    mine = tasks_for(call, host_id)
    host = {**polling.required_host(call, host_id), "channels": queries.channel_ids(call.tx, host_id)}
    return [host], mine


def get_reasons(call: Call, task_id: Any, host_id: Any) -> list[dict[str, Any]]:
    """Why tasks wait and hosts are given nothing, as of the last run: `{task_id, host_id, msg, since_ts}`."""
    task, host = arguments.optional_integer(task_id), arguments.optional_integer(host_id)
    if not arguments.fits_id(task or 0) or not arguments.fits_id(host or 0):
        return []
    return queries.reasons(call.tx, task, host)
