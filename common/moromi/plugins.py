"""The markers of plugins, and how plugins are found and loaded (hub-protocol.md 7).

A plugin is a module that imports the markers from here or from Koji's own
`koji.plugin`. They only set attributes, with the names that Koji's use, so that
plugins written for Koji are understood and setting an attribute by hand works
too. Who runs plugins (hub, builder, command line) looks the marked functions up
with `marked` and registers them; callbacks go through a `Callbacks`.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import inspect
import logging
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeVar

from moromi.errors import CallbackError, PluginError

__all__ = [
    "BUILDER_CALLBACKS",
    "HUB_CALLBACKS",
    "Callbacks",
    "Loader",
    "callback",
    "convert_datetime",
    "export",
    "export_as",
    "export_cli",
    "export_in",
    "exported_name",
    "ignore_error",
    "marked",
    "marked_callbacks",
    "shipped",
]

F = TypeVar("F", bound=Callable[..., Any])

FILE_MODULE: Final = "_koji_plugin__"
_NAME: Final = re.compile(r"\w[\w-]*")

#: Callback types that a hub runs, each before (`pre`) and after (`post`) the event.
HUB_CALLBACKS: Final = tuple(
    f"{when}{event}"
    for event in (
        "PackageListChange",
        "TaskStateChange",
        "BuildStateChange",
        "Import",
        "RPMSign",
        "Tag",
        "Untag",
        "RepoInit",
        "RepoDone",
        "BuildPromote",
        "Commit",
    )
    for when in ("pre", "post")
)
#: Callback types that a builder runs; `preBuildRoot` is ours, before a chroot's configuration is written.
BUILDER_CALLBACKS: Final = (
    "preBuildRoot",
    "preSCMCheckout",
    "postSCMCheckout",
    "postCreateDistRepo",
    "postCreateRepo",
)

_logger = logging.getLogger("moromi.plugins")


def _mark(function: F, **attributes: Any) -> F:
    for name, value in attributes.items():
        setattr(function, name, value)
    return function


def export(function: F) -> F:
    """Make a function an API method under its own name."""
    return _mark(function, exported=True)


def export_as(alias: str) -> Callable[[F], F]:
    """Make a function an API method under another name."""
    return lambda function: _mark(function, exported=True, export_alias=alias)


def export_in(module: str, alias: str | None = None) -> Callable[[F], F]:
    """Make a function the API method `<module>.<alias or own name>`."""
    return lambda function: _mark(function, exported=True, export_module=module, export_alias=alias)


def export_cli(function: F) -> F:
    """Make a function named `handle_<cmd>` or `anon_handle_<cmd>` a command."""
    return _mark(function, exported_cli=True)


def callback(*types: str) -> Callable[[F], F]:
    """Have a function called at these events."""
    return lambda function: _mark(function, callbacks=types)


def ignore_error(function: F) -> F:
    """Have a callback's failure logged and not raised."""
    return _mark(function, failure_is_an_option=True)


def convert_datetime(function: F) -> F:
    """Have times in a callback's arguments turned into text (ISO form, a blank in the middle) first."""
    return _mark(function, convert_datetime=True)


def exported_name(function: Callable[..., Any]) -> str:
    """Return the API name of an exported function."""
    name = getattr(function, "export_alias", None) or function.__name__
    module = getattr(function, "export_module", None)
    # Koji's own marker writes the module into the alias too
    return name if not module or name.startswith(f"{module}.") else f"{module}.{name}"


def marked(module: ModuleType, attribute: str) -> Iterator[Callable[..., Any]]:
    """Yield a plugin's functions with a truthy attribute: `exported`, `exported_cli`, `callbacks`.

    Each once, in the order in which the module names them. Classes are not looked at, nor are other
    objects: some (of SQL libraries) have every attribute that one asks for.
    """
    seen = set()
    for value in list(vars(module).values()):
        if not inspect.isroutine(value) or id(value) in seen:
            continue
        if getattr(value, attribute, None):
            seen.add(id(value))
            yield value


def marked_callbacks(
    module: ModuleType, attribute: str = "callbacks"
) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield a plugin's callbacks, each with a type of event that it is for: the attribute lists them."""
    for function in marked(module, attribute):
        for kind in getattr(function, attribute):
            yield kind, function


def shipped(side: str) -> Path | None:
    """Return the directory of the plugins that come with Moromi, for `hub`, `builder` or `compat`.

    In an installation it is in the package `moromi_plugins`, in a checkout at the top.
    """
    installed = Path(__file__).resolve().parent.parent
    for directory in (installed / "moromi_plugins" / side, installed.parent / "plugins" / side):
        if directory.is_dir():
            return directory
    return None


class Loader:
    """Loads plugins by name, each once, as `_koji_plugin__<name>`.

    A name is looked for in a search path, then among the entry points of a group.
    """

    def __init__(
        self, path: str | Iterable[str], group: str | None = None, prefix: str = FILE_MODULE
    ) -> None:
        #: Directories; as text, separated by colons.
        self.path = path.split(":") if isinstance(path, str) else list(path)
        #: Entry points that installed Python packages may offer plugins under.
        self.group = group
        #: Of the names of modules: a hub's and a builder's plugin may have the same name.
        self.prefix = prefix
        self.plugins: dict[str, ModuleType] = {}

    def load(self, name: str) -> ModuleType:
        """Load a plugin, or return it if it is loaded.

        PluginError: there is none of this name, or it fails to load (the cause is chained).
        """
        if name not in self.plugins:
            if not _NAME.fullmatch(name):
                raise PluginError(f"Invalid plugin name: {name}")
            self.plugins[name] = self._load_file(name) or self._load_entry_point(name)
        return self.plugins[name]

    def _load_file(self, name: str) -> ModuleType | None:
        """A module of the search path; a process that loads the same file again gets the same module."""
        found = importlib.machinery.PathFinder.find_spec(name, [part for part in self.path if part])
        if found is None or found.origin is None or not os.path.isfile(found.origin):
            return None
        full_name = f"{self.prefix}{name}"
        loaded = sys.modules.get(full_name)
        if loaded is not None:
            if loaded.__file__ != found.origin:
                raise PluginError(f"module name conflict: {full_name}")
            return loaded
        spec = importlib.util.spec_from_file_location(
            full_name, found.origin, submodule_search_locations=found.submodule_search_locations
        )
        if spec is None or spec.loader is None:
            raise PluginError(f"Cannot load plugin {name}: {found.origin} is no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[full_name] = module
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            del sys.modules[full_name]
            raise PluginError(f"Cannot load plugin {name}: {error}") from error
        return module

    def _load_entry_point(self, name: str) -> ModuleType:
        for entry_point in entry_points(group=self.group, name=name) if self.group else ():
            try:
                module = entry_point.load()
            except Exception as error:
                raise PluginError(f"Cannot load plugin {name}: {error}") from error
            if not isinstance(module, ModuleType):
                raise PluginError(f"Cannot load plugin {name}: {entry_point.value} is no module")
            return module
        raise PluginError(f"No such plugin: {name}")

    def load_all(self, names: Iterable[str]) -> list[ModuleType]:
        """Load plugins in the order of the list. PluginError: as `load`."""
        return [self.load(name) for name in names]


class Callbacks:
    """The functions to call at events, in the order of registration."""

    def __init__(self, types: Iterable[str]) -> None:
        self._functions: dict[str, list[Callable[..., Any]]] = {kind: [] for kind in types}

    def register(self, kind: str, function: Callable[..., Any]) -> None:
        """Have a function called. PluginError: no such type, or it is not callable."""
        functions = self._of(kind)
        if not callable(function):
            raise PluginError(f"{function} is not callable")
        functions.append(function)

    def register_plugin(self, module: ModuleType) -> None:
        """Register all callbacks of a plugin. PluginError: as `register`."""
        for kind, function in marked_callbacks(module):
            self.register(kind, function)

    def wanted(self, kind: str) -> bool:
        """Say whether anything is registered, so that arguments need not be made in vain."""
        return bool(self._of(kind))

    def run(self, kind: str, /, *leading: Any, **kwargs: Any) -> None:
        """Call the functions as `f(*leading, kind, **kwargs)`.

        CallbackError: one failed, unless it is marked as one that may; those after it are
        not called.
        """
        for function in self._of(kind):
            arguments = kwargs
            if getattr(function, "convert_datetime", False):
                arguments = _without_datetimes(kwargs)
            try:
                function(*leading, kind, **arguments)
            except Exception as error:
                module = getattr(function, "__module__", "unknown")
                text = f"Error running {kind} callback from {module}:\n{traceback.format_exc()}"
                if not getattr(function, "failure_is_an_option", False):
                    raise CallbackError(text) from error
                _logger.warning("%s", text)

    def _of(self, kind: str) -> list[Callable[..., Any]]:
        functions = self._functions.get(kind)
        if functions is None:
            raise PluginError(f'"{kind}" is not a valid callback type')
        return functions


def _without_datetimes(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, Mapping):
        return {key: _without_datetimes(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_without_datetimes(item) for item in value]
        return items if isinstance(value, list) else tuple(items)
    return value
