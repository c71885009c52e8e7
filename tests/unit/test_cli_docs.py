"""Help, manual page and reference of the command line: complete, current, and their examples are right."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from moromi_cli.examples import EXAMPLES
from moromi_cli.lazy import load
from moromi_cli.table import COMMANDS, resolve

TOP = Path(__file__).resolve().parents[2]
FILES = ("hub.yaml", "hello-2.12-3.fc44.src.rpm", "hello-2.12-3.fc44.x86_64.rpm")


def test_reference_and_manual_are_current() -> None:
    made = subprocess.run(
        [sys.executable, "util/clidocs.py", "--check"], cwd=TOP, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr


def test_every_command_has_an_example() -> None:
    assert EXAMPLES.keys() == COMMANDS.keys()


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_right(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in FILES:
        (tmp_path / file).touch()
    monkeypatch.chdir(tmp_path)
    for example in EXAMPLES[name]:
        words = shlex.split(example.partition("    #")[0])
        words = [word for word in words if not word.startswith(">")]
        assert resolve(words[0]) == name
        load(name).make_context(name, words[1:])  # raises click's usage errors


def test_help_shows_examples() -> None:
    command = load("build")
    with click.Context(
        command, info_name="build", parent=click.Context(command, info_name="moromi")
    ) as context:
        text = command.get_help(context)
    assert f"\nExamples:\n  moromi {EXAMPLES['build'][0]}\n" in text
