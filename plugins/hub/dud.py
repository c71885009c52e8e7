"""`dudBuild`: driver update disks of packages (spec: builder.md section 8.9)."""

from __future__ import annotations

from typing import Any

from moromi_hub.plugin_api import Call, arguments, exported, permission, task_requests, tasks


@exported("dudBuild", access=permission("image"))
def dud_build(
    call: Call,
    dud_name: Any,
    dud_version: Any,
    arches: Any,
    target: Any,
    pkg_list: Any,
    optional_arches: Any = None,
    scratch: bool = False,
    alldeps: bool = False,
    scmurl: Any = None,
    priority: Any = None,
) -> int:
    """Build a driver update disk of the packages `pkg_list` for each of `arches`; the task's id.

    Of the relative priority only a negative one counts.
    """
    for text in (dud_name, dud_version, target):
        arguments.expect(text, str)
    arguments.arch_string(arguments.expect(arches, list))
    arguments.expect(pkg_list, list)
    opts = {
        "scratch": bool(scratch),
        "alldeps": bool(alldeps),
        "scmurl": scmurl,
        "optional_arches": optional_arches,
    }
    urgent = priority is not None and arguments.integer(priority) < 0
    return tasks.make_task(
        call,
        "dudBuild",
        [dud_name, dud_version, arches, target, pkg_list, opts],
        channel="image",
        priority=task_requests.absolute_priority(call, priority) if urgent else None,
    )
