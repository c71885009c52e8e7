"""What plugins written for Koji's hub use of its package `kojihub`, over Moromi's hub.

Known to be enough for koji-osbuild, koji-containerbuild and koji-fedoramessaging:
`make_task`, `get_user`, `get_host`, `Task` and `context`. Such plugins take the
context from `koji.context` of Koji's published package, which they bring along;
that module gets the one of here. Nothing works outside of the functions that the
hub calls.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from moromi.errors import GenericError
from moromi_hub.auth import permissions
from moromi_hub.call import Call
from moromi_hub.hosts import service as hosts
from moromi_hub.plugins.current import current_call
from moromi_hub.tasks import service as tasks
from moromi_hub.users import service as users

__all__ = ["Task", "context", "get_host", "get_user", "make_task"]


class Session:
    """`context.session`: who calls."""

    @property
    def logged_in(self) -> bool:
        """Whether somebody is logged in."""
        return current_call().session is not None

    @property
    def user_id(self) -> int | None:
        """The caller, None for an anonymous one."""
        session = current_call().session
        return None if session is None else session.user_id

    @property
    def user_data(self) -> dict[str, Any]:
        """The caller as `{id, name, status, usertype}`."""
        return users.require_user(current_call(), current_call().user_id)

    def hasPerm(self, name: str) -> bool:
        """Literal membership: admin does not imply the others here."""
        return permissions.has_perm(current_call(), name)

    def assertPerm(self, name: str) -> None:
        """Raise ActionNotAllowed unless the caller has the permission, or is an admin."""
        permissions.assert_perm(current_call(), name)

    def assertLogin(self) -> None:
        """Raise ActionNotAllowed for an anonymous caller."""
        permissions.assert_login(current_call())


class Context:
    """The call at work. What plugins set on it stays until the call is over."""

    session = Session()

    @property
    def method(self) -> str:
        """The name of the call."""
        return current_call().method

    @property
    def opts(self) -> dict[str, Any]:
        """The options of the hub."""
        return dict(vars(current_call().settings))

    @property
    def environ(self) -> Mapping[str, Any]:
        """The WSGI environment; of work that nobody called for, what the site's address says."""
        call = current_call()
        return call.environ or _own_environ(call)

    @property
    def event_id(self) -> int:
        """The event of the call's changes."""
        return current_call().tx.event()

    def __getattr__(self, name: str) -> Any:
        try:
            return current_call().plugin_data[name]
        except KeyError:
            raise AttributeError(f"the context has no attribute {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        current_call().plugin_data[name] = value

    def __delattr__(self, name: str) -> None:
        getattr(self, name)
        del current_call().plugin_data[name]


def _own_environ(call: Call) -> dict[str, Any]:
    web = urlsplit(call.settings.KojiWebURL)
    return {"SERVER_NAME": web.netloc, "wsgi.url_scheme": web.scheme}


context = Context()


def make_task(method: str, arglist: Sequence[Any], **opts: Any) -> int:
    """A new task's id. Options: parent, label, owner, channel, arch, priority (absolute), assign."""
    return tasks.make_task(current_call(), method, arglist, **opts)


def get_user(userInfo: Any = None, strict: bool = False, krb_princs: bool = True) -> dict[str, Any] | None:
    """The user of that name or id (None: the caller) with `krb_principals`, or None."""
    return users.get_user(current_call(), userInfo, strict, krb_princs)


def get_host(hostInfo: Any, strict: bool = False, event: int | None = None) -> dict[str, Any] | None:
    """The host of that name or id, or None."""
    return hosts.find_host(current_call(), hostInfo, strict, event)


class Task:
    """A task by its id."""

    def __init__(self, id: int) -> None:
        self.id = id

    def getInfo(self, strict: bool = True, request: bool = False) -> dict[str, Any] | None:
        """Its row, with `request` the decoded request too."""
        return tasks.get_task(current_call(), self.id, strict, request)

    def getRequest(self) -> list[Any]:
        """Its arguments."""
        return tasks.get_request(current_call(), self.id)

    def getResult(self, raise_fault: bool = True) -> Any:
        """Its result; the fault of a failed one is raised, or is the result."""
        return tasks.get_result(current_call(), self.id, raise_fault)

    def getChildren(self, request: bool = False, strict: bool = False) -> list[dict[str, Any]]:
        """Its subtasks."""
        return tasks.get_children(current_call(), self.id, request, strict)

    def getState(self) -> int:
        """Its state."""
        info = self.getInfo()
        if info is None:
            raise GenericError(f"No such task: {self.id}")
        return int(info["state"])

    def isFinished(self) -> bool:
        """Whether it is closed, failed or cancelled."""
        return tasks.is_finished(current_call(), self.id)


def _lend_context() -> None:
    """Give Koji's published package our context, and load what plugins use without importing it."""
    if importlib.util.find_spec("koji") is None:
        return
    importlib.import_module("koji.plugin")
    importlib.import_module("koji.context").context = context  # type: ignore[attr-defined]


_lend_context()
