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

Besides, a plugin may have at its top a `Configuration` (its file), a `Schema` (tables of
its own), `Job`s (work in the background process), `LeadingRules` (of policies) and Flask
blueprints (pages and interfaces at the root of the hub's address, whose views begin a
call with `serving_hub().call(name)` and choose with `act_as` who makes it).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from moromi.config import Section
from moromi.plugins import convert_datetime, ignore_error
from moromi.policy import PolicyData, PolicyTest
from moromi_hub import arguments, files
from moromi_hub.archives import service as archives
from moromi_hub.auth import permissions, sessions
from moromi_hub.buildroots import service as buildroots
from moromi_hub.builds import lifecycle as build_lifecycle
from moromi_hub.builds import service as builds
from moromi_hub.call import Call
from moromi_hub.db import query_options, versions
from moromi_hub.db.transaction import Transaction
from moromi_hub.external_repos import service as external_repos
from moromi_hub.groups import editing as group_editing
from moromi_hub.groups import service as groups
from moromi_hub.hosts import service as hosts
from moromi_hub.imports import archives as archive_imports
from moromi_hub.imports import legacy as build_types
from moromi_hub.imports import pom
from moromi_hub.imports import rpms as rpm_imports
from moromi_hub.operator import act_as
from moromi_hub.packages import lists as package_lists
from moromi_hub.packages import service as packages
from moromi_hub.plugins import loading
from moromi_hub.plugins.configuration import Configuration, Sections, section
from moromi_hub.plugins.schema import Schema
from moromi_hub.policies import service as policies
from moromi_hub.policies.facts import call_of
from moromi_hub.policies.rules import LeadingRules
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
from moromi_hub.uploads import service as uploads
from moromi_hub.users import membership
from moromi_hub.users import service as users
from moromi_hub.web import login as web_login
from moromi_hub.web.site import serving_hub
from moromi_hub.web.tree import FileTree
from moromi_hub.worker.model import Job
from moromi_schema import tables as t

__all__ = [
    "ADMIN",
    "ANYONE",
    "HOST",
    "LOGIN",
    "Access",
    "Call",
    "Configuration",
    "FileTree",
    "Job",
    "LeadingRules",
    "PolicyData",
    "PolicyTest",
    "Schema",
    "Section",
    "Sections",
    "Transaction",
    "act_as",
    "archive_imports",
    "archives",
    "arguments",
    "build_lifecycle",
    "build_types",
    "buildroots",
    "builds",
    "call_of",
    "callback",
    "checked",
    "convert_datetime",
    "exported",
    "external_repos",
    "files",
    "group_editing",
    "groups",
    "hosts",
    "ignore_error",
    "membership",
    "package_lists",
    "packages",
    "permission",
    "permissions",
    "policies",
    "pom",
    "query_options",
    "repo_requests",
    "rpm_imports",
    "rpms",
    "section",
    "serving_hub",
    "sessions",
    "t",
    "tag_editing",
    "tagging",
    "tags",
    "targets",
    "task_host",
    "task_requests",
    "tasks",
    "uploads",
    "users",
    "versions",
    "web_login",
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
