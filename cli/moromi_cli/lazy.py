"""Commands that are imported when they are called.

`command` declares one; `LazyGroup` is the program: it knows the table, imports one module, and prints usage
and errors in the form that scripts for Koji's client expect.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, TypeVar

import click

from moromi_cli.output import Shown
from moromi_cli.plugins import Plugged, everything, find
from moromi_cli.session import JSON
from moromi_cli.table import CATEGORIES, COMMANDS, resolve

F = TypeVar("F", bound=Callable[..., Any])

GLOBAL_USAGE = "[global-options] command [command-options-and-arguments]"
COMMON = "build, download-build, help, latest-build, list-targets, search"


class MoromiCommand(click.Command):
    """A command with its usage line, and whether it needs a login."""

    usage: str = ""
    anonymous: bool = False

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click, with long options also shortened, as scripts for Koji's client may have them."""
        if self.allow_interspersed_args:
            flags = {flag for param in self.get_params(ctx) for flag in (*param.opts, *param.secondary_opts)}
            args = [whole_option(word, flags) for word in args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        ctx.obj.begin(ctx, self.anonymous)
        result = super().invoke(ctx)
        return result.print(ctx.obj.json) if isinstance(result, Shown) else result

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from moromi_cli.examples import EXAMPLES

        prog = ctx.find_root().info_name
        with formatter.section("Examples"):
            for words in EXAMPLES.get(str(self.name), ()):
                formatter.write(f"{' ' * formatter.current_indent}{prog} {words}\n")

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write(usage(ctx) + "\n")


def whole_option(word: str, flags: set[str]) -> str:
    """A shortened long option in full, where only one begins like this; any other word as it is."""
    name, equals, value = word.partition("=")
    if not name.startswith("--") or name == "--" or name in flags:
        return word
    found = [flag for flag in flags if flag.startswith(name)]
    return f"{found[0]}{equals}{value}" if len(found) == 1 else word


def command(name: str, usage: str = "", *, anonymous: bool = False) -> Callable[[F], MoromiCommand]:
    """Declare a command. The function gets the `Cli` first; it returns the exit code, None for 0.

    `usage` follows the command's name in usage lines. Anonymous commands do not log in unless told to.
    """

    def wrap(function: F) -> MoromiCommand:
        made = click.command(name, cls=MoromiCommand)(click.pass_obj(function))
        made.usage = usage
        made.anonymous = anonymous
        return made

    return wrap


def set_json(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    """`--json`: kept with the context, so that listing commands need no parameter for it."""
    ctx.meta[JSON] = value


def listing(name: str, usage: str = "", *, anonymous: bool = True) -> Callable[[F], MoromiCommand]:
    """Declare a command that lists or shows: as `command`, with `--json`.

    The function fetches, and returns `Shown`: the data, and the lines that Koji prints of it. Which of the
    two comes out is not its business; one that must know has `cli.json`.
    """

    def wrap(function: F) -> MoromiCommand:
        option = click.option(
            "--json", is_flag=True, expose_value=False, callback=set_json, help="print the data as JSON"
        )
        return command(name, usage, anonymous=anonymous)(option(function))

    return wrap


def usage(ctx: click.Context | None) -> str:
    """The usage line of the program, or of the command that a context belongs to."""
    if ctx is None:
        return f"Usage: moromi {GLOBAL_USAGE}"
    prog = ctx.find_root().info_name
    if isinstance(ctx.command, MoromiCommand):
        return f"Usage: {prog} {ctx.info_name} {ctx.command.usage}".rstrip()
    return f"Usage: {prog} {GLOBAL_USAGE}"


def list_text(categories: Sequence[str], plugged: Mapping[str, Plugged]) -> str:
    """Names and help of all commands in these categories, with those of plugins."""
    about = {name: (category, text) for name, (category, _, text) in COMMANDS.items()}
    about |= {name: (each.category, each.help.partition("\n")[0]) for name, each in plugged.items()}
    lines = ["Available commands:", ""]
    for category in categories:
        lines.append(f"{CATEGORIES[category]}:")
        names = sorted(name for name, (where, _) in about.items() if where == category)
        lines += [f"        {name:<25s} {about[name][1]}" for name in names]
        lines.append("")
    return "\n".join(lines)


def epilog(prog: str) -> str:
    """How to get more help."""
    categories = ", ".join(sorted([*CATEGORIES, "all"]))
    return (
        f'Try "{prog} --help" for help about global options\n'
        f'Try "{prog} help" to get all available commands\n'
        f'Try "{prog} <command> --help" for help about the options of a particular command\n'
        f'Try "{prog} help <category>" to get commands under a particular category\n'
        f"Available categories are: {categories}"
    )


class LazyGroup(click.Group):
    """The program: its options, and commands from the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = resolve(cmd_name)
        return None if name is None else load(name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        settings, word = ctx.obj.settings, args[0].replace("_", "-")
        found = find(word, settings)
        if found is not None:
            return found.name, found, args[1:]
        name = resolve(args[0])
        if name is not None:
            return name, load(name), args[1:]
        plugged = everything(settings)
        if word in plugged:
            return word, plugged[word].command, args[1:]
        raise UnknownCommand(args[0], plugged)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write(f"{usage(ctx)}\n\nCommon commands: {COMMON}\n\n")
        self.format_options(ctx, formatter)
        formatter.write(f"\n{epilog(str(ctx.info_name))}\n")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        click.Command.format_options(self, ctx, formatter)


class UnknownCommand(Exception):
    """The first word is no command, and none of those that plugins have."""

    def __init__(self, word: str, plugged: Mapping[str, Plugged]) -> None:
        super().__init__(word)
        self.plugged = plugged


def load(name: str) -> click.Command:
    """Import the module of a command of the table. The function has the command's name, with `_` behind a
    reserved word.
    """
    module = import_module(f"moromi_cli.commands.{COMMANDS[name][1]}")
    attribute = name.replace("-", "_")
    found = getattr(module, attribute, None) or getattr(module, attribute + "_")
    if not isinstance(found, click.Command):
        found = getattr(module, attribute + "_")
    assert isinstance(found, click.Command)
    return found
