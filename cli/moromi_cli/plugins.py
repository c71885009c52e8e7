"""Commands from plugins (command-line spec, "Configuration", "Plugins").

A plugin is a Python file in one of a few directories. To import them all would cost every run of the program,
so a file is imported when the command that is asked for stands in its text, or when all commands are wanted.
This module itself is imported in every run and imports nothing.

A plugin's commands are its functions marked by `export_cli`, as Koji's client has them, and those declared
with `moromi_cli.plugin_api`. A plugin that does not load is told of in one line, and the others go on.
"""

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from moromi_cli.table import CATEGORIES

if TYPE_CHECKING:
    from types import ModuleType

    from moromi.client.config import Settings
    from moromi_cli.lazy import MoromiCommand

INSTALLED = ("koji_cli_plugins", "moromi_cli_plugins")
"""Directories beside Python's installed packages."""
OURS = frozenset({"dud", "kiwi", "runroot", "save_failed_tree", "sidetag_cli"})
"""Plugins that come with Koji's client, whose commands the program has itself."""
OF_USER = ("~/.koji/plugins", "~/.moromi/plugins")
FALLBACK = "misc"


class Plugged(NamedTuple):
    """A command of a plugin: the category that lists it, its help, and itself."""

    category: str
    help: str
    command: "MoromiCommand"


def files(settings: "Settings") -> list[str]:
    """The files of all plugins; a command of a later one replaces that of an earlier one."""
    found = []
    for name in INSTALLED:
        for place in sys.path:
            paths = _python_files(os.path.join(place, name))
            found += [path for path in paths if os.path.basename(path)[:-3] not in OURS]
    configured = [part for part in (settings.plugin_paths or "").split(":") if part]
    for place in (*OF_USER, *reversed(configured)):
        found += _python_files(os.path.expanduser(place))
    return found


def _python_files(directory: str) -> list[str]:
    try:
        names = os.listdir(directory)
    except OSError:
        return []
    return [os.path.join(directory, name) for name in sorted(names) if name.endswith(".py")]


def find(name: str, settings: "Settings") -> "MoromiCommand | None":
    """The command of a plugin that names it in its text; of several the one that comes last."""
    function = name.replace("-", "_")
    for path in reversed(files(settings)):
        if _mentions(path, f"handle_{function}", f'"{name}"', f"'{name}'"):
            found = _load(path, settings.debug).get(name)
            if found is not None:
                return found.command
    return None


def everything(settings: "Settings") -> dict[str, Plugged]:
    """The commands of all plugins."""
    found: dict[str, Plugged] = {}
    for path in files(settings):
        found.update(_load(path, settings.debug))
    return found


def _mentions(path: str, *texts: str) -> bool:
    try:
        with open(path, encoding="utf-8", errors="replace") as source:
            content = source.read()
    except OSError:
        return False
    return any(text in content for text in texts)


def _load(path: str, debug: bool) -> dict[str, Plugged]:
    """The commands of one plugin; none, and a warning, when it does not load."""
    import re

    from moromi.errors import PluginError
    from moromi.plugins import FILE_MODULE, Loader
    from moromi_cli.output import describe, warn

    directory, name = os.path.split(path)
    try:
        # plugins of the same name in several places are several
        loader = Loader([directory], prefix=FILE_MODULE + re.sub(r"\W", "_", directory) + "_")
        return dict(_commands(loader.load(name[:-3])))
    except PluginError as err:
        if debug:
            raise
        warn(f"plugin {path}: {describe(err.__cause__ or err)}")
        return {}


def _commands(module: "ModuleType") -> Iterator[tuple[str, Plugged]]:
    from moromi.plugins import marked
    from moromi_cli.exported import exported_command
    from moromi_cli.lazy import MoromiCommand

    for function in marked(module, "exported_cli"):
        made = exported_command(function)
        yield str(made.name), Plugged(*described(function.__doc__), made)
    for value in vars(module).values():
        if isinstance(value, MoromiCommand):
            category, value.help = described(value.help)
            yield str(value.name), Plugged(category, value.help, value)


def described(text: str | None) -> tuple[str, str]:
    """Category and help from a doc string, `[category] help` as Koji has it; without one it is `misc`."""
    line, _, rest = (text or "").strip().partition("\n")
    category, bracket, about = line.removeprefix("[").partition("]")
    if not (line.startswith("[") and bracket and category in CATEGORIES):
        category, about = FALLBACK, line
    return category, f"{about.strip()}\n{rest}".strip()
