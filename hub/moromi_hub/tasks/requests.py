"""What users may ask for: the tasks behind `build` and its kin (spec: data-model.md section 9.3).

A priority argument of these calls is relative to the default; a negative one is for admins.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moromi.constants import PRIO_DEFAULT, PRIO_REPO
from moromi.errors import ActionNotAllowed, GenericError, ParameterError, PreBuildError
from moromi.wire.named import join_named
from moromi_hub import arguments
from moromi_hub.auth import permissions
from moromi_hub.builds import service as builds
from moromi_hub.call import Call
from moromi_hub.policies import service as policies
from moromi_hub.rpms import service as rpms
from moromi_hub.tags import service as tags
from moromi_hub.targets import service as targets
from moromi_hub.tasks import service

IMAGE_TYPES = ("livecd", "appliance", "livemedia")


def absolute_priority(call: Call, relative: Any) -> int | None:
    """The priority of a task from the argument of a request; None for the default.

    Raises ActionNotAllowed for a negative one of somebody else than an admin.
    """
    if relative is None or relative == 0:
        return None
    amount = arguments.integer(relative)
    permissions.assert_priority(call, amount)
    return PRIO_DEFAULT + amount


def _make(
    call: Call, method: str, request: list[Any], priority: Any, channel: Any, arch: str | None = None
) -> int:
    """The task of a request; `priority` is relative."""
    absolute = absolute_priority(call, priority)
    return service.make_task(call, method, request, priority=absolute, channel=channel, arch=arch)


def _options(opts: Any) -> dict[str, Any]:
    return {} if opts is None else arguments.expect(opts, dict)


def build(call: Call, src: Any, target: Any, opts: Any, priority: Any, channel: Any) -> int:
    """`build [src, target, opts]`."""
    arguments.expect(src, str)
    if target is not None:
        arguments.expect(target, str)
    request = [src, target, _options(opts)]
    return _make(call, "build", request, priority, channel)


def chain_build(call: Call, srcs: Any, target: Any, opts: Any, priority: Any, channel: Any) -> int:
    """`chainbuild [srcs, target, opts]`; `srcs` is a list of lists."""
    arguments.expect(srcs, list)
    arguments.expect(target, str)
    request = [srcs, target, _options(opts)]
    return _make(call, "chainbuild", request, priority, channel)


def maven_build(call: Call, url: Any, target: Any, opts: Any, priority: Any, channel: Any) -> int:
    """`maven [url, target, opts]`."""
    _assert_maven(call)
    arguments.expect(url, str)
    arguments.expect(target, str)
    request = [url, target, _options(opts)]
    return _make(call, "maven", request, priority, channel)


def chain_maven(call: Call, wanted: Any, target: Any, opts: Any, priority: Any, channel: Any) -> int:
    """`chainmaven [builds, target, opts]`; `builds` is a map by package."""
    _assert_maven(call)
    arguments.expect(wanted, dict)
    arguments.expect(target, str)
    request = [wanted, target, _options(opts)]
    return _make(call, "chainmaven", request, priority, channel)


def _assert_maven(call: Call) -> None:
    if not call.settings.EnableMaven:
        raise GenericError("Maven support not enabled")


def wrapper_rpm(
    call: Call, build_info: Any, url: Any, target: Any, priority: Any, channel: Any, opts: Any
) -> int:
    """`wrapperRPM [url, target, build, nil, opts]` with target and build as full records."""
    _assert_maven(call)
    arguments.expect(url, str)
    arguments.expect(target, str)
    arguments.expect(channel, str)
    options = dict(_options(opts))
    found = builds.require_build(call, build_info)
    made = bool(options.get("scratch") or options.get("create_build"))
    if not made and rpms.has_rpms(call, found["id"]):
        raise PreBuildError(f"wrapper rpms for {found['nvr']} have already been built")
    build_target = _target(call, target)
    options.pop("repo_id", None)
    request = [url, build_target, found, None, options]
    return _make(call, "wrapperRPM", request, priority, channel)


def win_build(call: Call, vm: Any, url: Any, target: Any, opts: Any, priority: Any, channel: Any) -> int:
    """`winbuild [vm, url, target, opts]`, if the policy `vm` lets the caller use that machine."""
    if not call.settings.EnableWin:
        raise GenericError("Windows support not enabled")
    for text in (vm, url, target):
        arguments.expect(text, str)
    build_target = _target(call, target)
    policies.assert_allowed(call, "vm", {"vm_name": vm, "tag": build_target["dest_tag"]})
    request = [vm, url, target, _options(opts)]
    return _make(call, "winbuild", request, priority, channel)


def _target(call: Call, name: str) -> dict[str, Any]:
    target = targets.get_target(call, name)
    if target is None:
        raise GenericError(f"No such build target: {name}")
    return target


def build_image(
    call: Call,
    name: Any,
    version: Any,
    arch: Any,
    target: Any,
    ksfile: Any,
    img_type: Any,
    opts: Any,
    priority: Any,
) -> int:
    """A `livecd`, `appliance` or `livemedia` task in the channel of that name; its permission too."""
    if img_type not in IMAGE_TYPES:
        raise GenericError(f"Unrecognized image type: {img_type}")
    permissions.assert_perm(call, img_type)
    for text in (name, version, target, ksfile):
        arguments.expect(text, str)
    live = img_type == "livemedia"
    arguments.expect(arch, list if live else str)
    if opts is not None:
        arguments.expect(opts, dict)
    request = [name, version, arch, target, ksfile, opts]
    return _make(call, img_type, request, priority, img_type, arch="noarch" if live else arch)


def build_image_oz(
    call: Call,
    name: Any,
    version: Any,
    arches: Any,
    target: Any,
    inst_tree: Any,
    opts: Any,
    priority: Any,
) -> int:
    """`image [name, version, arches, target, inst_tree, opts]`."""
    for text in (name, version, target, inst_tree):
        arguments.expect(text, str)
    arguments.expect(arches, list)
    request = [name, version, arches, target, inst_tree, _options(opts)]
    return _make(call, "image", request, priority, "image")


def build_image_indirection(call: Call, opts: Any, priority: Any) -> int:
    """`indirectionimage [opts]`; a build that stays needs `indirection_template_url`."""
    options = _options(opts)
    if not options.get("scratch") and not options.get("indirection_template_url"):
        raise ActionNotAllowed("Non-scratch builds must provide url for the indirection template")
    return _make(call, "indirectionimage", [options], priority, "image", arch=options.get("arch"))


def new_repo(call: Call, tag: Any, options: Mapping[str, Any]) -> int:
    """`newRepo [tag, {options}]` with those options that were given."""
    if not call.settings.AllowNewRepo:
        raise ActionNotAllowed("newRepo api call is disabled")
    if not permissions.has_perm(call, "repo"):
        permissions.assert_perm(call, "regen-repo")
    tags.get_tag(call, tag, strict=True, event=options["event"])
    given = {key: value for key, value in options.items() if value}
    return service.make_task(
        call, "newRepo", join_named([tag], given), channel="createrepo", priority=PRIO_REPO
    )


def restart_hosts(call: Call, priority: Any, options: Any) -> int:
    """`restartHosts [options]`; the priority is absolute."""
    if options is not None and not isinstance(options, dict):
        raise ParameterError(f"Invalid type of options: {type(options)}")
    request = [] if options is None else [options]
    return service.make_task(call, "restartHosts", request, priority=arguments.integer(priority))
