"""Loading the plugins that a hub is configured with (spec: hub-protocol.md section 7).

A plugin is looked for among those that come with Moromi (Koji's plugins of the
same names need Koji's hub), then in `PluginPath`, then among the entry points
`moromi.hub_plugins` of installed packages. Only those named in `Plugins` are loaded.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from flask import Blueprint
from sqlalchemy import Engine

from moromi import plugins
from moromi.policy import PolicyTest
from moromi_hub.plugins import bridge
from moromi_hub.plugins.configuration import Configuration
from moromi_hub.plugins.schema import Schema
from moromi_hub.policies.rules import LeadingRules
from moromi_hub.rpc.registry import Export
from moromi_hub.settings import Settings
from moromi_hub.worker.model import Job

ENTRY_POINTS = "moromi.hub_plugins"
EXPORTS = "moromi_exports"
CALLBACKS = "moromi_callbacks"
"""Attributes that the decorators of `plugin_api` set."""


def _no_callbacks() -> plugins.Callbacks:
    # plugins may register one function for every type there is, also those that only builders run
    return plugins.Callbacks((*plugins.HUB_CALLBACKS, *plugins.BUILDER_CALLBACKS))


@dataclass
class Plugins:
    """What the plugins of one hub add to it."""

    exports: list[Export] = field(default_factory=list)
    callbacks: plugins.Callbacks = field(default_factory=_no_callbacks)
    """Called as `function(call, kind, **arguments)`."""
    tests: list[type[PolicyTest]] = field(default_factory=list)
    configurations: dict[Configuration[Any], Any] = field(default_factory=dict)
    schemas: list[Schema] = field(default_factory=list)
    rules: list[LeadingRules] = field(default_factory=list)
    blueprints: list[Blueprint] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)

    def prepare(self, engine: Engine) -> None:
        """Make or upgrade the tables of all plugins. Raises PluginError."""
        for schema in self.schemas:
            schema.prepare(engine)


def load(settings: Settings) -> Plugins:
    """Load what `Plugins` names, in that order.

    Raises PluginError for a plugin that is missing or broken, and GenericError
    for a configuration file of one that cannot be used.
    """
    found = Plugins()
    names = settings.Plugins.split()
    if not names:
        return found
    bridge.prepare()
    shipped = plugins.shipped("hub")
    path = [str(shipped)] if shipped else []
    loader = plugins.Loader([*path, *settings.PluginPath.split(":")], ENTRY_POINTS)
    for module in loader.load_all(names):
        _add(found, module, Path(settings.PluginConfigDir))
    return found


def _add(found: Plugins, module: ModuleType, directory: Path) -> None:
    for value in vars(module).values():
        if isinstance(value, Configuration):
            found.configurations[value] = value.read(directory)
        elif isinstance(value, Schema):
            found.schemas.append(value)
        elif isinstance(value, LeadingRules):
            found.rules.append(value)
        elif isinstance(value, Blueprint):
            found.blueprints.append(value)
        elif isinstance(value, Job):
            found.jobs.append(value)
    found.exports += [*_own_exports(module), *bridge.exports(module)]
    for kind, function in (*plugins.marked_callbacks(module, CALLBACKS), *bridge.callbacks(module)):
        found.callbacks.register(kind, function)
    found.tests += [*_own_tests(module), *bridge.policy_tests(module)]


def _own_exports(module: ModuleType) -> Iterator[Export]:
    for function in plugins.marked(module, EXPORTS):
        yield from getattr(function, EXPORTS)


def _is_of(value: type, module: ModuleType) -> bool:
    """Whether a class is a plugin's own, which may be a package; it may have imported others."""
    return f"{value.__module__}.".startswith(f"{module.__name__}.")


def _own_tests(module: ModuleType) -> Iterator[type[PolicyTest]]:
    for value in vars(module).values():
        if inspect.isclass(value) and issubclass(value, PolicyTest) and _is_of(value, module):
            yield value
