"""Write docs/cli.md and docs/moromi.1, reference and manual page of the command line, from the program.

python util/clidocs.py            write the files
python util/clidocs.py --check    say whether they are current (exit status 1: they are not)
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from moromi.version import VERSION
from moromi_cli.examples import EXAMPLES
from moromi_cli.jsonkeys import KEYS
from moromi_cli.lazy import MoromiCommand, load
from moromi_cli.main import program
from moromi_cli.table import ALIASES, CATEGORIES, COMMANDS

DOCS = Path(__file__).resolve().parent.parent / "docs"
INTRODUCTION = DOCS / "cli-introduction.md"
"""What a person wrote; it comes first in both."""

NOTE = "<!-- Made by `util/clidocs.py` of docs/cli-introduction.md and the program; do not edit. -->\n\n"


def commands() -> Iterator[tuple[str, list[MoromiCommand]]]:
    """Each category with its commands, by name."""
    for category in sorted(CATEGORIES):
        names = sorted(name for name, (where, _, _) in COMMANDS.items() if where == category)
        yield category, [found for found in map(load, names) if isinstance(found, MoromiCommand)]


def options(command: click.Command) -> Iterator[tuple[str, str]]:
    """How each option is written, and what it does. `--help` goes without saying."""
    context = click.Context(command)
    for param in command.params:
        if isinstance(param, click.Option) and not param.hidden:
            found = param.get_help_record(context)
            if found is not None:
                yield found[0], found[1]


def aliases(name: str) -> list[str]:
    """Other names of a command."""
    return sorted(alias for alias, target in ALIASES.items() if target == name)


def paragraphs(command: click.Command) -> list[str]:
    """The help of a command."""
    return [" ".join(part.split()) for part in (command.help or "").split("\n\n")]


# The reference


def reference() -> str:
    """The text of docs/cli.md."""
    parts = [NOTE + INTRODUCTION.read_text(encoding="utf-8").rstrip() + "\n", "## Commands\n"]
    found = list(commands())
    for category, group in found:
        names = ", ".join(f"[`{command.name}`](#{command.name})" for command in group)
        parts.append(f"* {CATEGORIES[category]}: {names}")
    parts.append("\n## Global options\n")
    parts += [f"* `{words}`: {text}" for words, text in options(program)]
    for category, group in found:
        parts.append(f"\n## {CATEGORIES[category].capitalize()}\n")
        parts += [entry(command) for command in group]
    return "\n".join(parts).rstrip() + "\n"


def entry(command: MoromiCommand) -> str:
    """One command of the reference."""
    name = str(command.name)
    lines = [f"### {name}\n", f"`moromi {name} {command.usage}`".replace(" `", "`") + "\n"]
    lines += [f"{text}\n" for text in paragraphs(command)]
    if aliases(name):
        lines.append(f"Also: {', '.join(f'`{alias}`' for alias in aliases(name))}.\n")
    listed = [f"* `{words}`: {text}" for words, text in options(command)]
    lines += [*listed, ""] if listed else []
    lines += ["```sh", *(f"moromi {words}" for words in EXAMPLES[name]), "```\n"]
    if name in KEYS:
        lines.append(f"JSON: {json_text(KEYS[name])}\n")
    return "\n".join(lines)


def json_text(keys: str) -> str:
    """The keys in words."""
    kind, *words = keys.split()
    kinds = {"[]": "a list of structs of", "{}": "a struct of", '""': "a list of texts"}
    if kind not in kinds:
        return f"{keys}."
    names = [
        f"`{word.removesuffix('?')}`" + (" (not always)" if word.endswith("?") else "") for word in words
    ]
    return f"{kinds[kind]} {', '.join(names)}".rstrip() + "."


# The manual page


def manual() -> str:
    """The text of docs/moromi.1."""
    lines = [
        f'.TH MOROMI 1 "" "Moromi {VERSION}" "User Commands"',
        ".SH NAME",
        "moromi \\- the command line of a Moromi or Koji hub",
        ".SH SYNOPSIS",
        ".B moromi",
        "[global-options] command [command-options-and-arguments]",
        ".SH DESCRIPTION",
        *roff_of_markdown(INTRODUCTION.read_text(encoding="utf-8")),
        ".SH GLOBAL OPTIONS",
        *roff_options(program),
    ]
    for category, group in commands():
        lines.append(f".SH {CATEGORIES[category].upper()}")
        for command in group:
            lines += manual_entry(command)
    return "\n".join(lines) + "\n"


def manual_entry(command: MoromiCommand) -> Iterator[str]:
    """One command of the manual page."""
    name = str(command.name)
    yield f".SS {roff(f'{name} {command.usage}'.rstrip())}"
    for text in paragraphs(command):
        yield from (".PP", roff(text))
    if aliases(name):
        yield f"Also: {roff(', '.join(aliases(name)))}."
    yield from roff_options(command)
    yield from (".PP", "Examples:", ".PP", ".nf", ".RS")
    yield from (roff(f"moromi {words}") for words in EXAMPLES[name])
    yield from (".RE", ".fi")


def roff_options(command: click.Command) -> Iterator[str]:
    """Tagged paragraphs."""
    for words, text in options(command):
        yield from (".TP", f"\\fB{roff(words)}\\fR", roff(text))


def roff(text: str) -> str:
    """Text that means itself."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text[:1] in (".", "'") else text


def roff_of_markdown(text: str) -> Iterator[str]:
    """The little Markdown that the introduction uses: headings, paragraphs, lists, code."""
    in_code = False
    for line in text.splitlines()[1:]:
        if line.startswith("```"):
            in_code = not in_code
            yield from ((".PP", ".nf", ".RS") if in_code else (".RE", ".fi"))
        elif in_code:
            yield roff(line)
        elif line.startswith("## "):
            yield f".SH {roff(line[3:].upper())}"
        elif line.startswith("* "):
            yield from (".IP \\(bu 2", inline(line[2:]))
        elif line.strip():
            yield inline(line.strip())
        else:
            yield ".PP"


def inline(text: str) -> str:
    """Links and code within a line."""
    text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text)
    parts = text.split("`")
    return "".join(f"\\fB{roff(part)}\\fR" if place % 2 else roff(part) for place, part in enumerate(parts))


def main() -> int:
    """Write, or compare."""
    parser = argparse.ArgumentParser(description="the reference and the manual page of the command line")
    parser.add_argument("--check", action="store_true", help="change nothing, say whether they are current")
    check = parser.parse_args().check
    stale = []
    for name, text in (("cli.md", reference()), ("moromi.1", manual())):
        path = DOCS / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not check:
            path.write_text(text, encoding="utf-8")
    if check and stale:
        print(f"docs/{' and docs/'.join(stale)} out of date: run util/clidocs.py", file=sys.stderr)
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
