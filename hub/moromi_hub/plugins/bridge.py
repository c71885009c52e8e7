"""Plugins written for Koji: functions and classes without a `call`, made to look like ours.

Their exceptions, context and callbacks are those of Koji's published package,
which such plugins bring along as their own requirement; nothing here needs it.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from moromi import plugins
from moromi.policy import PolicyData, PolicyTest
from moromi_hub.call import Call
from moromi_hub.plugins.current import running
from moromi_hub.policies import facts
from moromi_hub.rpc.registry import Export, checked

Function = Callable[..., Any]
_PLUGIN_DECIDES = checked("as the plugin decides")


def prepare() -> None:
    """Make `kojihub` importable.

    It is imported here and now: some plugins put the directory of Koji's hub
    first in the path before they import it themselves.
    """
    directory = plugins.shipped("compat")
    if directory is None:
        return
    if str(directory) not in sys.path:
        sys.path.append(str(directory))
    importlib.import_module("kojihub")


def exports(module: ModuleType) -> Iterator[Export]:
    """The calls that a plugin marks with `export` and its kin."""
    for function in plugins.marked(module, "exported"):
        name = plugins.exported_name(function)
        yield Export(name, function, _PLUGIN_DECIDES, inspect.signature(function), surround=running)


def callbacks(module: ModuleType) -> Iterator[tuple[str, Function]]:
    """The callbacks that a plugin marks, or registers with Koji's `register_callback`, by type."""
    for kind, function in plugins.marked_callbacks(module):
        yield kind, _with_call(function)
    published = sys.modules.get("koji.plugin")
    registered: dict[str, list[Function]] = getattr(published, "callbacks", {})
    for kind, functions in registered.items():
        for function in functions:
            if getattr(function, "__module__", None) == module.__name__:
                yield kind, _with_call(function)


def _with_call(function: Function) -> Function:
    @functools.wraps(function)
    def run(call: Call, kind: str, /, **arguments: Any) -> None:
        with running(call):
            function(kind, **arguments)

    return run


def policy_tests(module: ModuleType) -> Iterator[type[PolicyTest]]:
    """The classes derived from Koji's base of policy tests."""
    base = getattr(sys.modules.get("koji.policy"), "BaseSimpleTest", None)
    if base is None:
        return
    for value in list(vars(module).values()):
        if inspect.isclass(value) and issubclass(value, base) and value.__module__ == module.__name__:
            yield _policy_test(value)


def _policy_test(kind: type[Any]) -> type[PolicyTest]:
    class Bridged(PolicyTest):
        """A test of a plugin."""

        name = getattr(kind, "name", None) or kind.__name__.removesuffix("Test")
        policy = getattr(kind, "policy", None)

        def __init__(self, text: str) -> None:
            super().__init__(text)
            self._test = kind(text)

        def run(self, data: PolicyData) -> bool:
            """What the plugin's test says."""
            with running(facts.call_of(data)):
                holds = bool(self._test.run(data))
            return holds

    return Bridged
