"""A task in one line, `method (what it works on)`, for lists and logs (builder.md 2.11)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from moromi.errors import ParameterError
from moromi.names import build_label
from moromi.tasks.signatures import parse_task_params

Params = Mapping[str, Any]

_MALFORMED: Final = "malformed task"
_URL: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")


def task_label(task: Mapping[str, Any]) -> str:
    """Return the label of a task with `method`, `arch` and the decoded `request`.

    Never fails: a task that is not understood is shown as far as it is.
    """
    try:
        return _label(task)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return _MALFORMED


def _label(task: Mapping[str, Any]) -> str:
    method, arch = task["method"], task["arch"]
    describe = _DETAILS.get(method)
    if describe is None:
        return f"{method} ({arch})"
    try:
        params = parse_task_params(method, task["request"])
    except ParameterError:
        return f"{method} ({arch}, unknown args)"
    return f"{method} ({describe(params) or arch})"


def _source(source: str) -> str:
    """Return what matters of a source: path, module and revision of a URL, or a file's name."""
    if not _URL.match(source):
        return posixpath.basename(source)
    url = urlsplit(source)
    module = f":{url.query}" if url.query else ""
    revision = f":{url.fragment}" if "#" in source else ""
    return f"{url.path}{module}{revision}"


def _name(thing: Any) -> Any:
    return thing["name"] if isinstance(thing, Mapping) else thing


def _build(params: Params) -> str:
    return f"{_name(params['target'])}, {_source(params['src'] if 'src' in params else params['url'])}"


def _wrapper(params: Params) -> str:
    target: str = params["build_target"]["name"]
    return f"{target}, {build_label(params['build'])}" if params["build"] else target


def _waitrepo(params: Params) -> str:
    return ", ".join([str(_name(params["tag"])), *(params.get("nvrs") or [])])


def _dependant(params: Params) -> str:
    return ", ".join([subtask[0] for subtask in params["task_list"]])


def _image(arch: str, recipe: str) -> Callable[[Params], str]:
    return lambda params: f"{params[arch]}, {params['name']}-{params['version']}, {params[recipe]}"


def _image_step(recipe: str) -> Callable[[Params], str]:
    def describe(params: Params) -> str:
        release = f"{params['name']}-{params['version']}-{params['release']}"
        return f"{params['target_info']['name']}, {release}, {params[recipe]}, {params['arch']}"

    return describe


def _indirection(params: Params) -> str:
    opts = params["opts"]
    return f"{opts['name']}, {opts['version']}, {opts['release']}"


def _tag(params: Params) -> str:
    return str(_name(params["tag"]))


_DETAILS: Final[dict[str, Callable[[Params], str]]] = {
    "build": _build,
    "maven": _build,
    "buildSRPMFromSCM": lambda params: _source(params["url"]),
    "buildArch": lambda params: f"{posixpath.basename(params['pkg'])}, {params['arch']}",
    "buildMaven": lambda params: str(_name(params["build_tag"])),
    "buildNotification": lambda params: build_label(params["build"]),
    "wrapperRPM": _wrapper,
    "winbuild": lambda params: f"{params['target']}, {_source(params['source_url'])}",
    "vmExec": lambda params: str(params["name"]),
    "newRepo": _tag,
    "distRepo": _tag,
    "createrepo": lambda params: str(params["arch"]),
    "createdistrepo": lambda params: f"{params['repo_id']}, {params['arch']}",
    "waitrepo": _waitrepo,
    "dependantTask": _dependant,
    "chainbuild": lambda params: str(params["target"]),
    "chainmaven": lambda params: str(params["target"]),
    "livecd": _image("arch", "ksfile"),
    "appliance": _image("arch", "ksfile"),
    "livemedia": _image("arches", "ksfile"),
    "image": _image("arches", "inst_tree"),
    "createLiveCD": _image_step("ksfile"),
    "createAppliance": _image_step("ksfile"),
    "createLiveMedia": _image_step("ksfile"),
    "createImage": _image_step("inst_tree"),
    "indirectionimage": _indirection,
    "restart": lambda params: str(_name(params["host"])),
    "restartVerify": lambda params: str(_name(params["host"])),
}
