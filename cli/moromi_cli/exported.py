"""Commands in the form of Koji's client: a function of options, session and arguments.

`handle_<name>` and `anon_handle_<name>` read their arguments themselves, and log in themselves by
`activate_session`, that of `koji_cli.lib` or that of `moromi_cli.plugin_api`. A plugin that imports the
published package `koji` gets a session of that package, since the errors that it expects are that package's.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import click

from moromi.errors import PluginError
from moromi_cli.lazy import MoromiCommand
from moromi_cli.session import Cli, activate
from moromi_cli.table import PREFIXES

#: Global options that no configuration has.
GIVEN = ("user", "password", "runas", "noauth", "quiet")


class Options(SimpleNamespace):
    """The configuration with the global options applied, an attribute each."""

    def __init__(self, cli: Cli) -> None:
        super().__init__(**cli.settings.as_dict(), skip_main=False)
        for name in GIVEN:
            setattr(self, name, getattr(cli, name))
        self._cli = cli


class ExportedCommand(MoromiCommand):
    """One such function."""

    function: Callable[[Any, Any, list[str]], Any]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The function does so."""
        ctx.args = args
        return []

    def invoke(self, ctx: click.Context) -> Any:
        cli: Cli = ctx.obj
        cli.begin(ctx, anonymous=True)
        with _session(cli, sys.modules[self.function.__module__]) as session:
            return self.function(Options(cli), session, list(ctx.args)) or 0


@contextmanager
def _session(cli: Cli, plugin: Any) -> Iterator[Any]:
    """A session that has not logged in; it is logged out at the end."""
    koji = sys.modules.get("koji")
    if koji is None or not _imports(plugin, "koji"):
        yield cli.new_session()
        return
    session = koji.ClientSession(cli.settings.server, koji.grab_session_options(Options(cli)))
    try:
        yield session
    finally:
        if session.logged_in:
            session.logout()


def _imports(plugin: Any, package: str) -> bool:
    """Whether a module has names of a package, or of its client."""
    for value in vars(plugin).values():
        home = getattr(value, "__module__", None) or getattr(value, "__name__", None)
        if str(home).partition(".")[0] in (package, f"{package}_cli"):
            return True
    return False


def exported_command(function: Callable[..., Any]) -> ExportedCommand:
    """The command of a marked function. PluginError: it is not named as one."""
    for prefix in PREFIXES:
        name = function.__name__.removeprefix(prefix)
        if name != function.__name__:
            made = ExportedCommand(name.replace("_", "-"))
            made.function = function
            return made
    raise PluginError(f"{function.__name__} is exported, but is not named handle_… or anon_handle_…")


def activate_session(session: Any, options: Options) -> None:
    """Log in as the options say; exit 1 when that is impossible."""
    activate(session, options._cli)
