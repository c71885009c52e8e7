"""The hub's API itself: `call` and `list-api`."""

import ast
import json
from collections.abc import Iterator
from pprint import pformat
from typing import Any

import click

from moromi_cli.lazy import command, listing
from moromi_cli.output import Shown, convert, say, say_json
from moromi_cli.session import Cli


class Reader:
    """Turns words of the command line into values."""

    def __init__(self, cli: Cli, *, python: bool, from_json: bool, bare: bool) -> None:
        self.cli = cli
        self.python = python
        self.from_json = from_json
        self.bare = bare

    def value(self, text: str) -> Any:
        """One value. A text that cannot be read is a usage error, or with `bare` stays a text."""
        if not (self.python or self.from_json):
            return convert(text)
        try:
            return ast.literal_eval(text) if self.python else json.loads(text)
        except (ValueError, SyntaxError) as err:
            if self.bare:
                return text
            raise self.cli.usage_error(f"Invalid value: {text!r}") from err

    def arguments(self, words: tuple[str, ...], kwargs: str | None) -> tuple[list[Any], dict[str, Any]]:
        """Positional and named arguments; `name=value` is a named one."""
        args: list[Any] = []
        named: dict[str, Any] = {}
        if kwargs:
            try:
                named = dict(json.loads(kwargs) if self.from_json else ast.literal_eval(kwargs))
            except (ValueError, SyntaxError, TypeError) as err:
                raise self.cli.usage_error(f"Invalid value: {kwargs!r}") from err
        for word in words:
            key, equals, text = word.partition("=")
            if equals and key.isidentifier():
                named[key] = self.value(text)
            else:
                args.append(self.value(word))
        return args, named


@command("call", "[options] <name> [<arg> ...]")
@click.option("-p", "--python", is_flag=True, help="arguments are Python literals")
@click.option("--kwargs", help="named arguments as one dict")
@click.option("-j", "--json", "both", is_flag=True, help="JSON in and out")
@click.option("--json-input", is_flag=True, help="JSON in")
@click.option("--json-output", is_flag=True, help="JSON out")
@click.option("-b", "--bare-strings", is_flag=True, help="what cannot be read is a plain string")
@click.argument("name")
@click.argument("words", nargs=-1)
def call(cli: Cli, name: str, words: tuple[str, ...], kwargs: str | None, **given: bool) -> None:
    """Call any API method."""
    from_json = given["both"] or given["json_input"]
    if given["python"] and from_json:
        raise cli.usage_error("The --python and --json-input options conflict")
    reader = Reader(cli, python=given["python"], from_json=from_json, bare=given["bare_strings"])
    args, named = reader.arguments(words, kwargs)
    answer = cli.session.call(name, *args, **named)
    if given["both"] or given["json_output"]:
        say_json(answer)
    else:
        say(pformat(answer))


@listing("list-api", "[method_name ...]")
@click.argument("names", nargs=-1)
def list_api(cli: Cli, names: tuple[str, ...]) -> Shown:
    """API methods of the hub."""
    if names:
        helps = [{"name": name, "help": method_help(cli, name)} for name in names]
        return Shown(helps, (item["help"] for item in helps))
    methods = sorted(cli.session.call("_listapi"), key=lambda item: str(item["name"]))
    return Shown(methods, method_lines(methods))


def method_help(cli: Cli, name: str) -> str:
    """What the hub says of one call."""
    text = cli.session.call("system.methodHelp", name)
    if not text:
        raise cli.usage_error(f"Unknown method: {name}")
    return str(text)


def method_lines(methods: list[dict[str, Any]]) -> Iterator[str]:
    """All calls with what they are for."""
    for method in methods:
        yield f"{method['name']}{signature(method)}"
        if method.get("doc"):
            yield f"  description: {method['doc']}"


def signature(method: dict[str, Any]) -> str:
    """`(a, b=1)`; hubs tell it ready-made, or as names with or without defaults."""
    if method.get("argdesc"):
        return str(method["argdesc"])
    args = [f"{arg[0]}={arg[1]!r}" if isinstance(arg, list) else str(arg) for arg in method.get("args") or []]
    return f"({', '.join(args)})"
