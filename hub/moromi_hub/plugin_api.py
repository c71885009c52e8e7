"""What plugins of the hub use: everything that they may import of it is here.

A plugin is a module of ordinary calls, callbacks and policy tests:

    from moromi_hub.plugin_api import ANYONE, Call, callback, exported

    @exported("greet", access=ANYONE)
    def greet(call: Call, name: str) -> str: ...

    @callback("postTag")
    def note(call: Call, kind: str, /, *, tag, build, **rest) -> None: ...

A callback runs in the transaction of the call that it is told of; what it raises
undoes that call, unless it is marked with `ignore_error`. The names in lower case
are the services of the hub's domains, which take the `Call` first; `t` has the tables.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from moromi.config import Section
from moromi.plugins import convert_datetime, ignore_error
from moromi.policy import PolicyData, PolicyTest
from moromi_hub import arguments
from moromi_hub.archives import service as archives
from moromi_hub.auth import permissions
from moromi_hub.buildroots import service as buildroots
from moromi_hub.builds import service as builds
from moromi_hub.call import Call
from moromi_hub.db import query_options, versions
from moromi_hub.hosts import service as hosts
from moromi_hub.imports import archives as archive_imports
from moromi_hub.imports import legacy as build_types
from moromi_hub.imports import pom
from moromi_hub.plugins import loading
from moromi_hub.plugins.configuration import Configuration, Sections, section
from moromi_hub.policies import service as policies
from moromi_hub.policies.facts import call_of
from moromi_hub.repos import requests as repo_requests
from moromi_hub.rpc.registry import (
    ADMIN,
    ANYONE,
    HOST,
    LOGIN,
    Access,
    checked,
    declare,
    permission,
    task_host,
)
from moromi_hub.rpms import service as rpms
from moromi_hub.tagging import service as tagging
from moromi_hub.tags import editing as tag_editing
from moromi_hub.tags import service as tags
from moromi_hub.targets import service as targets
from moromi_hub.tasks import requests as task_requests
from moromi_hub.tasks import service as tasks
from moromi_hub.users import service as users
from moromi_schema import tables as t

__all__ = [
    "ADMIN",
    "ANYONE",
    "HOST",
    "LOGIN",
    "Access",
    "Call",
    "Configuration",
    "PolicyData",
    "PolicyTest",
    "Section",
    "Sections",
    "archive_imports",
    "archives",
    "arguments",
    "build_types",
    "buildroots",
    "builds",
    "call_of",
    "callback",
    "checked",
    "convert_datetime",
    "exported",
    "hosts",
    "ignore_error",
    "permission",
    "permissions",
    "policies",
    "pom",
    "query_options",
    "repo_requests",
    "rpms",
    "section",
    "t",
    "tag_editing",
    "tagging",
    "tags",
    "targets",
    "task_host",
    "task_requests",
    "tasks",
    "users",
    "versions",
]

F = TypeVar("F", bound=Callable[..., Any])


def exported(name: str, *, access: Access) -> Callable[[F], F]:
    """Make a function the call `name`; it replaces a call of that name."""
    return lambda function: _marked(function, loading.EXPORTS, declare(name, function, access))


def callback(*kinds: str) -> Callable[[F], F]:
    """Have a function called as `f(call, kind, **arguments)` at these events (hub-protocol.md 7.4)."""

    def mark(function: F) -> F:
        for kind in kinds:
            _marked(function, loading.CALLBACKS, kind)
        return function

    return mark


def _marked(function: F, attribute: str, value: object) -> F:
    setattr(function, attribute, [*getattr(function, attribute, ()), value])
    return function
