"""`buildContainer` and `buildSourceContainer`: the requests that container builders serve.

For sites whose builders have the container plugin and whose hub does not need the
rest of its hub side, or has none.
"""

from __future__ import annotations

from typing import Any

from moromi_hub.plugin_api import LOGIN, Call, arguments, exported, task_requests, tasks


@exported("buildContainer", access=LOGIN)
def build_container(
    call: Call,
    src: Any,
    target: Any,
    opts: Any = None,
    priority: Any = None,
    channel: Any = "container-binary",
) -> int:
    """Build a container image from a source URL; the task's id."""
    arguments.expect(src, str)
    return _make(call, "buildContainer", [src], target, opts, priority, channel)


@exported("buildSourceContainer", access=LOGIN)
def build_source_container(
    call: Call, target: Any, opts: Any = None, priority: Any = None, channel: Any = "container-source"
) -> int:
    """Build a container image of the sources of another; the task's id."""
    return _make(call, "buildSourceContainer", [], target, opts, priority, channel)


def _make(
    call: Call, method: str, leading: list[str], target: Any, opts: Any, priority: Any, channel: Any
) -> int:
    request = [*leading, arguments.expect(target, str), arguments.expect({} if opts is None else opts, dict)]
    absolute = task_requests.absolute_priority(call, priority)
    return tasks.make_task(call, method, request, channel=channel, priority=absolute)
