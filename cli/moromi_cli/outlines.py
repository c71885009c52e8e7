"""What plugins offer, read from their text, for completion.

To import plugins at every press of a key would be slow, and whatever they print or do would happen then. What
is declared in another way than by decorators at the top of a file is not seen.
"""

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from moromi_cli.plugins import described
from moromi_cli.table import PREFIXES

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Outline(NamedTuple):
    """A command of a plugin: its help, and its long options with theirs. `exported`: in the form of Koji's
    client, so that only its text tells its options.
    """

    help: str
    exported: bool
    options: tuple[tuple[str, str], ...]


def outlines(paths: Iterable[str]) -> dict[str, Outline]:
    """Name -> command, of files in their order; nothing of one that cannot be read."""
    found: dict[str, Outline] = {}
    for path in paths:
        try:
            with open(path, encoding="utf-8") as source:
                tree = ast.parse(source.read(), path)
        except (OSError, SyntaxError, ValueError):
            continue
        for node in tree.body:
            if isinstance(node, Function):
                found.update(_commands(node))
    return found


def _commands(function: Function) -> Iterator[tuple[str, Outline]]:
    _, text = described(ast.get_docstring(function))
    about = text.partition("\n")[0]
    for decorator in function.decorator_list:
        words = _words(decorator) if isinstance(decorator, ast.Call) else []
        kind = _called(decorator)
        if kind in ("command", "listing") and words:
            yield words[0], Outline(about, False, ())
        elif kind == "export_cli":
            for prefix in PREFIXES:
                name = function.name.removeprefix(prefix)
                if name != function.name:
                    yield name.replace("_", "-"), Outline(about, True, tuple(_options(function)))
                    break


def _options(function: Function) -> Iterator[tuple[str, str]]:
    """Of the parser that the function makes, with optparse or argparse."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and _called(node) in ("add_option", "add_argument"):
            told = [keyword.value for keyword in node.keywords if keyword.arg == "help"]
            if any(_called(each).startswith("SUPPRESS") for each in told):
                continue
            about = next((_text(each) for each in told), "")
            yield from ((word, about) for word in _words(node) if word.startswith("--"))


def _called(node: ast.expr) -> str:
    """The last name in an expression: `option` of `click.option(…)`."""
    if isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _words(node: ast.Call) -> list[str]:
    """The texts among the arguments."""
    return [text for text in map(_text, node.args) if text]


def _text(node: ast.expr) -> str:
    """A text, also one that is to be translated; '' of anything else."""
    if isinstance(node, ast.Call) and node.args:
        node = node.args[0]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
