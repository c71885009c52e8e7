"""What a word on the command line may become, for the completion functions of shells.

Commands and options come from the program itself and from the text of its plugins; tags, targets, packages
and the like from the hub of the profile, kept in the user's cache for some minutes. A hub that does not
answer within seconds is not asked again soon: what was known before serves.
"""

import hashlib
import os
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from moromi.client.config import Settings, chosen_profile
from moromi.errors import ConfigurationError
from moromi_cli.lazy import load
from moromi_cli.main import apply_options, program
from moromi_cli.outlines import Outline, outlines
from moromi_cli.plugins import files, find
from moromi_cli.table import ALIASES, COMMANDS, resolve

Word = tuple[str, str]
"""A candidate, and what it is."""

KEPT = {"tag": 300, "target": 300, "package": 3600, "user": 3600, "host": 600, "channel": 3600, "repo": 600}
"""Seconds for which names are kept."""
PATIENCE = 3.0
CALLS = {
    "tag": ("listTags", "name"),
    "target": ("getBuildTargets", "name"),
    "package": ("listPackagesSimple", "package_name"),
    "user": ("listUsers", "name"),
    "host": ("listHosts", "name"),
    "channel": ("listChannels", "name"),
    "repo": ("listExternalRepos", "name"),
}
#: Names of options and arguments, also those of the usage line (`<hostname>`) -> what they take.
KINDS = {
    "tag": "tag tags basetag sidetag sidetags parent dest_tag latestfrom patterns",
    "target": "target targets",
    "package": "package packages pkg",
    "user": "user users owner username",
    "host": "host hosts hostname",
    "channel": "channel channels",
    "repo": "external_repo repo-name",
}


def answer(prog: str, args: Sequence[str], request: str) -> int:
    """Print the candidates for word `<number>` in the form that `<shell>` wants (`request`: shell:number)."""
    shell, _, number = request.partition(":")
    place = int(number) - 1
    words = list(args[:place])
    start = args[place] if place < len(args) else ""
    for word, about in candidates(prog, words, start):
        print(formed(shell, word, about))
    return 0


def formed(shell: str, word: str, about: str) -> str:
    """A candidate, with its description where the shell shows one."""
    if shell == "zsh":
        word = word.replace(":", "\\:")
        return f"{word}:{about}" if about else word
    return f"{word}\t{about}" if shell == "fish" and about else word


def candidates(prog: str, words: list[str], start: str) -> Iterator[Word]:
    """What may stand after `words`, of what begins with `start`."""
    place, given = skip_options(program, words)
    found: Iterator[Word] = iter(())
    if place < len(words):
        settings = settings_of(prog, given)
        found = in_command(settings, words[place], words[place + 1 :], start)
    elif option_of(program, words[-1:]):
        pass
    elif start.startswith("-"):
        found = options(program)
    else:
        found = commands(settings_of(prog, given))
    yield from sorted(word for word in found if word[0].startswith(start))


def skip_options(command: click.Command, words: list[str]) -> tuple[int, dict[str, Any]]:
    """Where the first word is that is neither a global option nor its value; and these options."""
    given: dict[str, Any] = {}
    place = 0
    while place < len(words) and words[place].startswith("-"):
        name, equals, value = words[place].partition("=")
        option = option_of(command, [name], joined=bool(equals))
        if option is not None and option.name:
            given[option.name] = value if equals else "".join(words[place + 1 : place + 2])
            place += 0 if equals else 1
        place += 1
    return place, given


def option_of(command: click.Command, words: list[str], joined: bool = False) -> click.Option | None:
    """The option that the last word is, if a value follows it."""
    for param in command.params:
        if isinstance(param, click.Option) and words and words[-1] in (*param.opts, *param.secondary_opts):
            return None if param.is_flag or param.count else param
    return None


def options(command: click.Command) -> Iterator[Word]:
    """The long options of a command."""
    yield "--help", "show help"
    for param in command.params:
        if isinstance(param, click.Option) and not param.hidden:
            for word in (*param.opts, *param.secondary_opts):
                if word.startswith("--"):
                    yield word, param.help or ""


def commands(settings: Settings | None) -> Iterator[Word]:
    """All commands."""
    found = {alias: COMMANDS[name][2] for alias, name in ALIASES.items()}
    found |= {name: row[2] for name, row in COMMANDS.items()}
    found |= {name: each.help for name, each in plugged(settings).items()}
    yield from found.items()


def plugged(settings: Settings | None) -> dict[str, Outline]:
    """The commands of plugins."""
    return outlines(files(settings)) if settings else {}


def in_command(settings: Settings | None, word: str, words: list[str], start: str) -> Iterator[Word]:
    """Options, values of options and arguments of one command."""
    name = resolve(word)
    found = load(name) if name else None
    outline = plugged(settings).get(word.replace("_", "-"))
    if outline and outline.exported:
        yield from (("--help", "show help"), *outline.options) if start.startswith("-") else ()
        return
    if outline and settings:
        found = find(word.replace("_", "-"), settings)
    if found is not None:
        yield from in_declared(settings, found, words, start)


def in_declared(
    settings: Settings | None, command: click.Command, words: list[str], start: str
) -> Iterator[Word]:
    """The same of a command that says what it takes."""
    option = option_of(command, words)
    if option is not None:
        yield from values(settings, option)
    elif start.startswith("-"):
        yield from options(command)
    else:
        place = count_arguments(command, words)
        argument = argument_at(command, place)
        if argument is not None:
            yield from values(settings, argument, placeholder(command, place))


def count_arguments(command: click.Command, words: list[str]) -> int:
    """How many of the words are neither options nor their values."""
    count = 0
    for place, word in enumerate(words):
        if not word.startswith("-") and option_of(command, words[:place]) is None:
            count += 1
    return count


def argument_at(command: click.Command, place: int) -> click.Argument | None:
    """The argument that the `place`-th word is; the last one may take many."""
    arguments = [param for param in command.params if isinstance(param, click.Argument)]
    if place < len(arguments):
        return arguments[place]
    return arguments[-1] if arguments and arguments[-1].nargs == -1 else None


def placeholder(command: click.Command, place: int) -> str:
    """What the usage line calls the `place`-th argument."""
    words = re.findall(r"<([^<>]+)>", getattr(command, "usage", ""))
    return str(words[place]) if place < len(words) else str(words[-1]) if words else ""


def values(settings: Settings | None, param: click.Parameter, shown: str = "") -> Iterator[Word]:
    """Choices, or names of the hub; nothing for what only the person knows."""
    if isinstance(param.type, click.Choice):
        yield from ((str(choice), "") for choice in param.type.choices)
        return
    for kind, called in KINDS.items():
        if settings and (param.name in called.split() or shown in called.split()):
            yield from ((name, "") for name in names(settings, kind))


def settings_of(prog: str, given: dict[str, Any]) -> Settings | None:
    """The configuration, with what global options say; None when there is none."""
    try:
        settings = chosen_profile(given.get("profile"), prog, given.get("config"))
    except ConfigurationError:
        return None
    apply_options(settings, {**dict.fromkeys(param.name or "" for param in program.params), **given})
    return settings


def names(settings: Settings, kind: str) -> list[str]:
    """The hub's names of a kind, from the cache if they are fresh."""
    path = cache_file(settings.server, kind)
    if path.is_file() and time.time() - path.stat().st_mtime < KEPT[kind]:
        return path.read_text(encoding="utf-8").split("\n")
    return fetch(settings.server, settings.session_options(), kind, path)


def cache_file(server: str, kind: str) -> Path:
    """Where the names of a hub are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "moromi" / hashlib.sha256(server.encode()).hexdigest()[:16] / kind


def fetch(server: str, session_options: dict[str, Any], kind: str, path: Path) -> list[str]:
    """Ask the hub and keep the answer; what was kept before when it does not answer."""
    from moromi.client import ClientSession, TransportError
    from moromi.errors import Fault, GenericError

    method, key = CALLS[kind]
    patience = {"max_retries": 0, "timeout": PATIENCE}
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        found = ClientSession(server, {**session_options, **patience}).call(method)
    except (GenericError, Fault, TransportError):
        path.touch()  # not again with every key
        return path.read_text(encoding="utf-8").split("\n")
    text = "\n".join(sorted(str(item[key]) for item in found))
    temporary = path.with_name(f"{kind}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
    return text.split("\n")
