"""Builder plugins: more task methods, and callbacks at named points (hub-protocol spec, section 7.5).

A plugin is a Python file `<pluginpath>/<name>.py`. It registers handlers with
`moromi_builder.tasks.registry.task` and callbacks with `callback`:

    @callback("postSCMCheckout")
    def note(kind, *, scminfo, srcdir, **rest): ...
"""

from __future__ import annotations

import importlib.util
import logging
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from moromi.errors import CallbackError, PluginError
from moromi_builder.settings import Settings

logger = logging.getLogger(__name__)

KINDS = frozenset({"preSCMCheckout", "postSCMCheckout", "postCreateRepo", "postCreateDistRepo"})
F = TypeVar("F", bound=Callable[..., None])

_callbacks: dict[str, list[Callable[..., None]]] = {}


def callback(*kinds: str) -> Callable[[F], F]:
    """Register a function for kinds of events. PluginError for an unknown kind."""

    def register(function: F) -> F:
        for kind in kinds:
            if kind not in KINDS:
                raise PluginError(f"No such callback type: {kind}")
            _callbacks.setdefault(kind, []).append(function)
        return function

    return register


def run_callbacks(kind: str, **arguments: Any) -> None:
    """Call the functions registered for a kind. CallbackError, with the traceback, if one raises."""
    for function in _callbacks.get(kind, []):
        try:
            function(kind, **arguments)
        except Exception as exc:
            text = f"Error running {kind} callback from {function.__module__}:\n{traceback.format_exc()}"
            raise CallbackError(text) from exc


def load_plugins(settings: Settings) -> None:
    """Load the configured plugins in order. PluginError if one is missing or broken."""
    for name in settings.plugins:
        for directory in settings.pluginpath.split(":"):
            path = Path(directory) / f"{name}.py"
            if path.is_file():
                _load(name, path)
                break
        else:
            raise PluginError(f"no plugin {name} in {settings.pluginpath}")


def _load(name: str, path: Path) -> None:
    module_name = f"moromi_builder_plugin_{name}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None and spec.loader is not None, "a .py file has a loader"
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as exc:
        raise PluginError(f"plugin {name} cannot be loaded: {exc}") from exc
    logger.info("loaded plugin %s", name)
