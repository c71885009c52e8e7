"""The command line without a hub: the table of commands, conversions, tables, time options."""

from __future__ import annotations

import importlib
import pkgutil
import time

import click
import pytest

import moromi_cli.commands
from moromi_cli import output
from moromi_cli.commands.admin_repos import split_tag
from moromi_cli.commands.tags import flags, tree_lines
from moromi_cli.lazy import MoromiCommand, load
from moromi_cli.options import TIME
from moromi_cli.progress import bar, unique_path
from moromi_cli.table import CATEGORIES, COMMANDS, resolve


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_loads(name: str) -> None:
    command = load(name)
    assert isinstance(command, MoromiCommand)
    assert command.name == name
    assert command.help
    assert COMMANDS[name][0] in CATEGORIES


def test_every_command_of_the_modules_is_in_the_table() -> None:
    found = set()
    for info in pkgutil.iter_modules(moromi_cli.commands.__path__):
        module = importlib.import_module(f"moromi_cli.commands.{info.name}")
        found |= {item.name for item in vars(module).values() if isinstance(item, MoromiCommand)}
    assert found == COMMANDS.keys()


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("list_tagged", "list-tagged"),
        ("cxl", "cancel"),
        ("Hello", "moshimoshi"),
        ("watch-tasks", "watch-task"),
        ("nosuch", None),
    ],
)
def test_resolve(word: str, name: str | None) -> None:
    assert resolve(word) == name


@pytest.mark.parametrize(
    ("text", "value"),
    [("5", 5), ("5.5", 5.5), ("None", None), ("True", True), ("False", False), ("x", "x"), ("", "")],
)
def test_convert(text: str, value: object) -> None:
    assert output.convert(text) == value


def test_texts() -> None:
    assert [output.size_text(size) for size in (0, 1023, 1536, 5 << 20, 3 << 30)] == [
        "0.00 B",
        "1023.00 B",
        "1.50 KiB",
        "5.00 MiB",
        "3.00 GiB",
    ]
    assert [output.join_words(list("abc"[:n])) for n in range(4)] == ["", "a", "a and b", "a, b, and c"]
    assert output.truncate("a\nb" + "c" * 50) == "a b" + "c" * 44 + "..."
    assert bar(1, 2) == "[" + "=" * 18 + " " * 18 + "]  50%"
    assert unique_path("cli-build") != unique_path("cli-build")


def test_time_option() -> None:
    when = time.mktime((2025, 12, 31, 12, 35, 0, 0, 0, -1))
    assert TIME.convert("2025-12-31 12:35", None, None) == when
    assert TIME.convert("17.5", None, None) == 17.5
    with pytest.raises(click.UsageError, match="invalid time specification: 'soon'"):
        TIME.convert("soon", None, None)


def test_priority_of_an_external_repo() -> None:
    assert [split_tag(text, 3) for text in ("t", "t::7", "t::auto")] == [("t", 3), ("t", 7), ("t", 3)]


def link(name: str, number: int, depth: int, **changes: object) -> dict[str, object]:
    plain = {"maxdepth": None, "pkg_filter": "", "intransitive": False, "noconfig": False}
    return {**plain, "name": name, "parent_id": number, "currdepth": depth, **changes}


def test_inheritance_tree() -> None:
    links = [
        link("demo-40", 11, 1),
        link("demo-base", 10, 2, maxdepth=0, pkg_filter="^k", intransitive=True),
        link("demo-39", 9, 1, noconfig=True),
        link("demo-38", 8, 2),
    ]
    assert tree_lines(links, False) == [
        "....  ├─demo-40 (11)",
        "MFI.  │  └─demo-base (10)",
        "...N  └─demo-39 (9)",
        "....     └─demo-38 (8)",
    ]
    assert flags(links[1]) == "MFI."
