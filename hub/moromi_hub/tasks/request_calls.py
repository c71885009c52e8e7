"""The calls that ask for work: `build` and its kin."""

from __future__ import annotations

import inspect
from typing import Any

from moromi.errors import ParameterError
from moromi_hub import arguments
from moromi_hub.call import Call
from moromi_hub.rpc.registry import ADMIN, LOGIN, checked, exported, permission
from moromi_hub.tasks import requests, service

_MAKE_TASK = inspect.signature(service.make_task_as_asked)


@exported("build", access=LOGIN)
def build(
    call: Call, src: Any, target: Any, opts: Any = None, priority: Any = None, channel: Any = None
) -> int:
    """Build a package from an SCM URL or an uploaded source rpm; the task's id."""
    return requests.build(call, src, target, opts, priority, channel)


@exported("chainBuild", access=LOGIN)
def chain_build(
    call: Call, srcs: Any, target: Any, opts: Any = None, priority: Any = None, channel: Any = None
) -> int:
    """Build groups of sources one after the other; the task's id."""
    return requests.chain_build(call, srcs, target, opts, priority, channel)


@exported("mavenBuild", access=LOGIN)
def maven_build(
    call: Call, url: Any, target: Any, opts: Any = None, priority: Any = None, channel: Any = "maven"
) -> int:
    """Build a Maven project; the task's id."""
    return requests.maven_build(call, url, target, opts, priority, channel)


@exported("chainMaven", access=LOGIN)
def chain_maven(
    call: Call, builds: Any, target: Any, opts: Any = None, priority: Any = None, channel: Any = "maven"
) -> int:
    """Build Maven projects in the order of their requirements; the task's id."""
    return requests.chain_maven(call, builds, target, opts, priority, channel)


@exported("wrapperRPM", access=LOGIN)
def wrapper_rpm(
    call: Call,
    build: Any,
    url: Any,
    target: Any,
    priority: Any = None,
    channel: Any = "maven",
    opts: Any = None,
) -> int:
    """Wrap the files of a build into rpms; the task's id."""
    return requests.wrapper_rpm(call, build, url, target, priority, channel, opts)


@exported("winBuild", access=LOGIN)
def win_build(
    call: Call,
    vm: Any,
    url: Any,
    target: Any,
    opts: Any = None,
    priority: Any = None,
    channel: Any = "vm",
) -> int:
    """Build in a Windows machine that the policy vm allows; the task's id."""
    return requests.win_build(call, vm, url, target, opts, priority, channel)


@exported("buildImage", access=checked("permission of the image type"))
def build_image(
    call: Call,
    name: Any,
    version: Any,
    arch: Any,
    target: Any,
    ksfile: Any,
    img_type: Any,
    opts: Any = None,
    priority: Any = None,
) -> int:
    """Build a live CD, appliance or live medium; the task's id."""
    return requests.build_image(call, name, version, arch, target, ksfile, img_type, opts, priority)


@exported("buildImageOz", access=permission("image"))
def build_image_oz(
    call: Call,
    name: Any,
    version: Any,
    arches: Any,
    target: Any,
    inst_tree: Any,
    opts: Any = None,
    priority: Any = None,
) -> int:
    """Build a disk image; the task's id."""
    return requests.build_image_oz(call, name, version, arches, target, inst_tree, opts, priority)


@exported("buildImageIndirection", access=permission("image"))
def build_image_indirection(call: Call, opts: Any = None, priority: Any = None) -> int:
    """Build an image on top of another; the task's id."""
    return requests.build_image_indirection(call, opts, priority)


@exported("newRepo", access=checked("permission repo or regen-repo"))
def new_repo(
    call: Call,
    tag: Any,
    event: Any = None,
    src: bool = False,
    debuginfo: bool = False,
    separate_src: bool = False,
) -> int:
    """Regenerate the repository of a tag; the task's id."""
    options = {"event": event, "src": src, "debuginfo": debuginfo, "separate_src": separate_src}
    return requests.new_repo(call, tag, options)


@exported("restartHosts", access=permission("host"))
def restart_hosts(call: Call, priority: Any = 5, options: Any = None) -> int:
    """Restart builders, all or chosen by `options`; the task's id."""
    return requests.restart_hosts(call, priority, options)


@exported("makeTask", access=ADMIN)
def make_task(call: Call, *args: Any, **opts: Any) -> int:
    """Make any task: `(method, arglist, parent=, label=, channel=, arch=, priority=, assign=)`; its id."""
    try:
        _MAKE_TASK.bind(call, *args, **opts)
    except TypeError as error:
        raise ParameterError(f"make_task() {error}") from None
    return service.make_task_as_asked(call, *args, **opts)


@exported("resubmitTask", access=LOGIN)
def resubmit_task(call: Call, taskID: Any) -> int:
    """A new task with the request of a failed or cancelled one; its id."""
    return service.resubmit(call, arguments.integer(taskID))
