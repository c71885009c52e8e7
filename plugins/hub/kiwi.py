"""`kiwiBuild`: images made by KIWI from a description in source control (spec: builder.md section 8.8)."""

from __future__ import annotations

from typing import Any

from moromi.errors import GenericError
from moromi_hub.plugin_api import Call, arguments, exported, permission, targets, task_requests, tasks

TEXTS = ("profile", "release", "type", "result_bundle_name_format", "version", "repo_releasever")
LISTS = ("optional_arches", "type_attr", "repos")
FLAGS = ("scratch", "make_prep", "use_buildroot_repo")


@exported("kiwiBuild", access=permission("image"))
def kiwi_build(
    call: Call,
    target: Any,
    arches: Any,
    desc_url: Any,
    desc_path: Any,
    optional_arches: Any = None,
    profile: Any = None,
    scratch: bool = False,
    priority: Any = None,
    make_prep: bool = False,
    repos: Any = None,
    release: Any = None,
    type: Any = None,
    type_attr: Any = None,
    result_bundle_name_format: Any = None,
    use_buildroot_repo: bool = True,
    version: Any = None,
    repo_releasever: Any = None,
) -> int:
    """Build images for `arches` (none: those of the build tag) from a description; the task's id."""
    given = dict(locals())
    for text in (target, desc_url, desc_path):
        arguments.expect(text, str)
    if targets.get_target(call, target) is None:
        raise GenericError(f"No such build target: {target}")
    arguments.arch_string(arguments.expect(arches, list))
    opts: dict[str, Any] = {name: True for name in FLAGS if given[name]}
    for names, kind in ((TEXTS, str), (LISTS, list)):
        opts |= {name: arguments.expect(given[name], kind) for name in names if given[name]}
    return tasks.make_task(
        call,
        "kiwiBuild",
        [target, arches, desc_url, desc_path, opts],
        channel="image",
        priority=task_requests.absolute_priority(call, priority),
    )
