"""The parameters of task methods (client-session.md 11).

Task requests are stored as positional parameters, and hubs, policies and people want
names. A request can also be new style: one struct whose member `__method__` says
that the other members are the parameters.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from moromi.constants import NEW_STYLE_TASK_MARK
from moromi.errors import ParameterError
from moromi.wire.named import split_named


@dataclass(frozen=True)
class Signature:
    """Parameter names in order; those with a default come last."""

    required: tuple[str, ...] = ()
    optional: Mapping[str, Any] = field(default_factory=dict)
    #: Names under which further positional and named arguments are collected.
    rest: str | None = None
    named_rest: str | None = None

    def match(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments by name. ValueError says why they do not fit."""
        names = (*self.required, *self.optional)
        if len(args) > len(names) and self.rest is None:
            raise ValueError("too many args")
        params = dict(zip(names, args, strict=False))
        others = {}
        for name, value in kwargs.items():
            if name in params:
                raise ValueError(f"got multiple values for argument {name!r}")
            if name in names:
                params[name] = value
            elif self.named_rest is None:
                raise ValueError(f"unexpected keyword argument {name!r}")
            else:
                others[name] = value
        for position, name in enumerate(self.required):
            if name not in params:
                raise ValueError(f"missing required argument {name!r} (#{position})")
        for name, default in self.optional.items():
            if name not in params:
                params[name] = copy.copy(default)
        if self.rest is not None:
            params[self.rest] = tuple(args[len(names) :])
        if self.named_rest is not None:
            params[self.named_rest] = others
        return params


def _signature(required: str = "", /, **optional: Any) -> tuple[Signature, ...]:
    return (Signature(tuple(required.split()), optional),)


_IMAGE_STEP: Final = "name version release arch target_info build_tag repo_info"

#: Method -> its signatures, the current one first.
SIGNATURES: Final[dict[str, tuple[Signature, ...]]] = {
    "appliance": _signature("name version arch target ksfile", opts=None),
    "build": _signature("src target", opts=None),
    "buildArch": _signature("pkg root arch keep_srpm", opts=None),
    "buildMaven": _signature("url build_tag", opts=None),
    "buildNotification": _signature("recipients build target weburl"),
    "buildSRPMFromSCM": _signature("url build_tag", opts=None),
    "chainbuild": _signature("srcs target", opts=None),
    "chainmaven": _signature("builds target", opts=None),
    "createAppliance": _signature(f"{_IMAGE_STEP} ksfile", opts=None),
    "createImage": _signature(f"{_IMAGE_STEP} inst_tree", opts=None),
    "createLiveCD": _signature(f"{_IMAGE_STEP} ksfile", opts=None),
    "createLiveMedia": _signature(f"{_IMAGE_STEP} ksfile", opts=None),
    "createdistrepo": _signature("tag repo_id arch keys opts"),
    "createrepo": _signature("repo_id arch oldrepo"),
    "default": (Signature(rest="args", named_rest="opts"),),
    "dependantTask": _signature("wait_list task_list"),
    "distRepo": _signature("tag repo_id keys task_opts"),
    "fork": _signature(n=5, m=37),
    "image": _signature("name version arches target inst_tree", opts=None),
    "indirectionimage": _signature("opts"),
    "livecd": _signature("name version arch target ksfile", opts=None),
    "livemedia": _signature("name version arches target ksfile", opts=None),
    "maven": _signature("url target", opts=None),
    "newRepo": (
        *_signature("tag", event=None, src=False, debuginfo=False, separate_src=False),
        *_signature("tag", event=None, src=None, debuginfo=None, separate_src=None, opts=None),
    ),
    "rebuildSRPM": _signature("srpm build_tag", opts=None),
    "restart": _signature("host"),
    "restartHosts": _signature(options=None),
    "restartVerify": _signature("task_id host"),
    "runroot": _signature(
        "root arch command",
        keep=False,
        packages=[],
        mounts=[],
        repo_id=None,
        skip_setarch=False,
        weight=None,
        upload_logs=None,
        new_chroot=False,
    ),
    "saveFailedTree": _signature("buildrootID", full=False),
    "shutdown": _signature(),
    "sleep": _signature("n"),
    "someMethod": (Signature(rest="args"),),
    "subtask": _signature(n=4),
    "tagBuild": _signature("tag_id build_id", force=False, fromtag=None, ignore_success=False),
    "tagNotification": _signature(
        "recipients is_successful tag_info from_info build_info user_info",
        ignore_success=None,
        failure_msg="",
    ),
    "vmExec": _signature("name task_info opts"),
    "waitrepo": _signature("tag", newer_than=None, nvrs=None, min_event=None),
    "waittest": _signature("count", seconds=10),
    "winbuild": _signature("name source_url target opts"),
    "wrapperRPM": _signature("spec_url build_target build task", opts=None),
}


def is_known(method: str) -> bool:
    """Say whether `parse_task_params` knows the parameters of a method."""
    return method in SIGNATURES


def parse_task_params(method: str, params: Sequence[Any] | Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a task request by name.

    ParameterError `Invalid signature for …`: they do not fit the method. TypeError
    `No legacy signature for …`: the method is not known (a plugin's, say), which is no
    reason to refuse the task. The request is not changed.
    """
    if isinstance(params, Mapping):
        params = [params]
    if len(params) == 1 and isinstance(params[0], Mapping) and NEW_STYLE_TASK_MARK in params[0]:
        return {name: value for name, value in params[0].items() if name != NEW_STYLE_TASK_MARK}
    signatures = SIGNATURES.get(method)
    if signatures is None:
        raise TypeError(f"No legacy signature for {method}")
    args, kwargs = split_named(params)
    first_error = None
    for signature in signatures:
        try:
            return signature.match(args, kwargs)
        except ValueError as error:
            first_error = first_error or error
    raise ParameterError(f"Invalid signature for {method}: {first_error}")
