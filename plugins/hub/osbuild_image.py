"""`osbuildImage`: the request that builders with the osbuild plugin serve."""

from __future__ import annotations

from typing import Any

from moromi_hub.plugin_api import Call, arguments, exported, permission, task_requests, tasks


@exported("osbuildImage", access=permission("image"))
def osbuild_image(
    call: Call,
    name: Any,
    version: Any,
    distro: Any,
    image_type: Any,
    target: Any,
    arches: Any,
    opts: Any = None,
    priority: Any = None,
) -> int:
    """Build an image of a distribution for each of `arches`; `image_type` is one or a list; the task's id."""
    for text in (name, version, distro, target):
        arguments.expect(text, str)
    types = [image_type] if isinstance(image_type, str) else arguments.expect(image_type, list)
    arguments.arch_string(arguments.expect(arches, list))
    options = arguments.expect({} if opts is None else opts, dict)
    return tasks.make_task(
        call,
        "osbuildImage",
        [name, version, distro, types, target, arches, options],
        channel="image",
        priority=task_requests.absolute_priority(call, priority),
    )
