"""Builder plugins: more task methods, and callbacks at named points (hub-protocol spec, section 7.5).

A plugin named in the option `plugins` is looked for among those that come with Moromi, then in
`pluginpath`, then among the entry points `moromi.builder_plugins` of installed packages. It registers
task methods and callbacks with what `moromi_builder.plugin_api` offers; functions that are marked with
the callback marker of `moromi.plugins` are callbacks too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from moromi.plugins import BUILDER_CALLBACKS, HUB_CALLBACKS, Callbacks, Loader, shipped
from moromi_builder.settings import Settings

logger = logging.getLogger(__name__)

ENTRY_POINTS = "moromi.builder_plugins"
FILE_MODULE = "_koji_builder_plugin__"
"""What the names of modules begin with that are loaded from files."""
F = TypeVar("F", bound=Callable[..., None])

# Plugins may register one function for every type there is, also those that only hubs run.
_callbacks = Callbacks((*BUILDER_CALLBACKS, *HUB_CALLBACKS))


def callback(*kinds: str) -> Callable[[F], F]:
    """Register a function for kinds of events. PluginError for an unknown kind."""

    def register(function: F) -> F:
        for kind in kinds:
            _callbacks.register(kind, function)
        return function

    return register


def run_callbacks(kind: str, **arguments: Any) -> None:
    """Call the functions registered for a kind. CallbackError, with the traceback, if one raises."""
    _callbacks.run(kind, **arguments)


def load_plugins(settings: Settings) -> None:
    """Load the configured plugins in order. PluginError if one is missing or broken."""
    directory = shipped("builder")
    path = [str(directory)] if directory else []
    loader = Loader([*path, *settings.pluginpath.split(":")], ENTRY_POINTS, FILE_MODULE)
    for name in settings.plugins:
        _callbacks.register_plugin(loader.load(name))
        logger.info("loaded plugin %s", name)
