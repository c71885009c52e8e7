"""Which calls there are, and who may make them.

A call is a plain function `def get_build(call: Call, buildInfo, strict=False)` in a
domain's `calls.py`; `@exported("getBuild", access=ANYONE)` gives it its wire name
and states who may call it. A call without a stated access cannot be written: the
parameter has no default. The names of parameters are those of the wire.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import moromi_hub
from moromi.errors import GenericError, ParameterError
from moromi_hub.auth import permissions
from moromi_hub.call import Call

Function = Callable[..., Any]


@dataclass(frozen=True)
class Access:
    """Who may make a call: `check` raises for everybody else; `words` say it in the documentation."""

    words: str
    check: Callable[[Call, Callable[[], dict[str, Any]]], None] | None = None


ANYONE = Access("anyone")
"""Public: the call answers anonymous callers."""

LOGIN = Access("any logged-in user", lambda call, arguments: permissions.assert_login(call))

HOST = Access(
    "a builder with an exclusive session", lambda call, arguments: _ignore(permissions.assert_host(call))
)


def permission(name: str) -> Access:
    """Users with this permission, and admins."""
    return Access(f"permission {name}", lambda call, arguments: permissions.assert_perm(call, name))


ADMIN = permission("admin")


def task_host(parameter: str = "task_id") -> Access:
    """The builder that runs the open task which the argument `parameter` names."""

    def check(call: Call, arguments: Callable[[], dict[str, Any]]) -> None:
        permissions.assert_host(call)
        task_id = arguments()[parameter]
        if not isinstance(task_id, int):
            raise ParameterError(
                f"Invalid type for value '{task_id}': {type(task_id)}, expected type <class 'int'>"
            )
        permissions.assert_host_owns_task(call, task_id)

    return Access(f"the builder that runs the task {parameter}", check)


def checked(words: str) -> Access:
    """The call decides by itself (an owner, a policy, a state); `words` say how."""
    return Access(words)


def _ignore(value: object) -> None:
    """Drop a value where only the exception matters."""


@dataclass(frozen=True)
class Export:
    """One registered call."""

    name: str
    function: Function
    access: Access
    signature: inspect.Signature
    """As callers see it: without the leading `call`."""
    surround: Callable[[Call], AbstractContextManager[None]] | None = None
    """Set for a function without the parameter `call`: it runs inside of this, which holds the call."""

    def __call__(self, call: Call, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Check who calls, then call. Raises ParameterError when the arguments do not fit."""
        if self.access.check is not None:
            self.access.check(call, lambda: self._bind(args, kwargs))
        if self.surround is None:
            return self._run([call, *args], kwargs)
        with self.surround(call):
            return self._run(args, kwargs)

    def _run(self, args: list[Any], kwargs: dict[str, Any]) -> Any:
        try:
            return self.function(*args, **kwargs)
        except TypeError as error:
            if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
                raise
            raise ParameterError(self._argument_error(str(error))) from None

    def _bind(self, args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
        try:
            bound = self.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise ParameterError(f"{self.name}() {error}") from None
        bound.apply_defaults()
        return bound.arguments

    def _argument_error(self, text: str) -> str:
        """Python's own words, with the wire name and without counting the leading `call`."""
        text = re.sub(r"^[\w.<>]+\(\)", f"{self.name}()", text)
        counted = re.match(r"(.* takes )(?:from (\d+) to )?(\d+) positional arguments? but (\d+)", text)
        if counted is None or self.surround:
            return text
        head, low, high, given = counted[1], counted[2], int(counted[3]) - 1, int(counted[4]) - 1
        takes = f"from {int(low) - 1} to {high}" if low else f"{high}"
        noun = "argument" if takes == "1" else "arguments"
        return f"{head}{takes} positional {noun} but {given} {'was' if given == 1 else 'were'} given"


_declared: dict[str, Export] = {}


def exported(name: str, *, access: Access) -> Callable[[Function], Function]:
    """Register a function as the call `name`."""

    def register(function: Function) -> Function:
        if name in _declared and _declared[name].function.__module__ != function.__module__:
            raise RuntimeError(f"{name} is registered twice")
        _declared[name] = declare(name, function, access)
        return function

    return register


def declare(name: str, function: Function, access: Access) -> Export:
    """The call `name`, registered nowhere yet."""
    full = inspect.signature(function)
    signature = full.replace(parameters=list(full.parameters.values())[1:])
    return Export(name, function, access, signature)


class Registry:
    """The calls of a hub by wire name."""

    def __init__(self, exports: dict[str, Export]) -> None:
        self._exports = exports

    @classmethod
    def load(cls, further: Iterable[Export] = ()) -> Registry:
        """Import `calls` of every domain folder of the hub; what they register is the API.

        `further` are calls of plugins, which replace ours of the same name.
        """
        for package in pkgutil.iter_modules(moromi_hub.__path__, "moromi_hub."):
            if package.ispkg:
                names = {module.name for module in pkgutil.iter_modules(_path_of(package.name))}
                if "calls" in names:
                    importlib.import_module(f"{package.name}.calls")
        return cls(_declared | {export.name: export for export in further})

    def find(self, name: Any) -> Export:
        """The call of that name. Raises GenericError `Invalid method: …`."""
        export = self._exports.get(name) if isinstance(name, str) else None
        if export is None:
            raise GenericError(f"Invalid method: {name}")
        return export

    def __iter__(self) -> Iterator[Export]:
        """In the order that `_listapi` shows: introspection, plain names, then dotted ones."""
        return iter(sorted(self._exports.values(), key=lambda export: _listing_order(export.name)))

    def __contains__(self, name: str) -> bool:
        return name in self._exports


def _path_of(package: str) -> list[str]:
    return list(importlib.import_module(package).__path__)


def _listing_order(name: str) -> tuple[int, str]:
    if name == "_listapi" or name.startswith("system."):
        return (0, name)
    group = name.partition(".")[0] if "." in name else ""
    return ({"": 1, "host": 2, "scheduler": 3, "repo": 4}.get(group, 5), name)
