"""Nothing of the published client is missing, and nothing of it goes uncompared unsaid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest

from cliparity import options_of, page, used
from moromi_cli.lazy import load
from moromi_cli.main import program
from moromi_cli.table import ALIASES, CATEGORIES, COMMANDS
from support.cli_cases import all_cases, exemptions

ROOT = Path(__file__).resolve().parents[2]
SPEC: dict[str, Any] = json.loads((ROOT / "tests" / "data" / "cli-commands.json").read_text(encoding="utf-8"))


def test_all_commands_and_aliases_are_there() -> None:
    assert SPEC["commands"].keys() <= COMMANDS.keys()
    assert SPEC["aliases"] == ALIASES
    assert {name: COMMANDS[name][0] for name in SPEC["commands"]} == {
        name: command["category"] for name, command in SPEC["commands"].items()
    }
    assert SPEC["categories"].keys() <= CATEGORIES.keys()


@pytest.mark.parametrize("name", SPEC["commands"])
def test_all_options_are_there(name: str) -> None:
    wanted = {flag for option in SPEC["commands"][name]["options"] for flag in option["flags"]}
    assert wanted - {"-h", "--help"} <= options_of(load(name))


@pytest.mark.parametrize("name", sorted(SPEC["commands"].keys() - {"help"}))
def test_whether_a_login_is_needed(name: str) -> None:
    assert getattr(load(name), "anonymous", None) == SPEC["commands"][name]["anonymous"]


@pytest.mark.parametrize("name", SPEC["commands"])
def test_which_options_take_an_argument(name: str) -> None:
    takes = {
        flag: option["action"] in ("store", "append")
        for option in SPEC["commands"][name]["options"]
        for flag in option["flags"]
    }
    found = {
        flag: not option.is_flag
        for option in load(name).params
        if isinstance(option, click.Option)
        for flag in (*option.opts, *option.secondary_opts)
    }
    assert {flag: found[flag] for flag in takes if flag in found} == {
        flag: value for flag, value in takes.items() if flag in found
    }


def test_all_global_options_are_there() -> None:
    wanted = {flag for option in SPEC["global_options"] for flag in option["flags"]}
    assert wanted - {"-h", "--help"} <= options_of(program)


def test_every_command_and_option_is_compared() -> None:
    seen = used()
    missing = {
        f"{name} {option['flags'][-1]}"
        for name, command in SPEC["commands"].items()
        for option in command["options"]
        if not seen[name] & set(option["flags"])
    }
    assert not missing
    assert all("" in seen[name] for name in SPEC["commands"])


def test_every_exception_is_about_a_case() -> None:
    cases = list(all_cases())
    for exemption in exemptions():
        assert any(exemption.covers(case, set()) for case in cases), exemption.commands


def test_the_table_is_current() -> None:
    path = ROOT / "docs" / "cli-parity.md"
    assert path.read_text(encoding="utf-8") == page(), "run util/cliparity.py"
