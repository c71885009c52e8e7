"""Options that have one name in a configuration file and on the command line, stated once in a table.

The command line wins over the file, the file over the default. Texts in the file are converted by the
option's kind; what cannot be converted is a ConfigurationError that names the option.
"""

from __future__ import annotations

import argparse
import enum
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moromi.config import Section, read_config
from moromi.errors import ConfigurationError
from moromi_upkeep.durations import parse_duration


class Kind(enum.Enum):
    """What an option's value is."""

    TEXT = "text"
    PATH = "path"
    NUMBER = "number"
    FLAG = "flag"
    WORDS = "words"
    """Several, with commas or blanks between them in a file, repeated on the command line."""
    DURATION = "duration"
    """Words such as `5 days`; the value is in seconds."""


@dataclass(frozen=True)
class Option:
    """One option. `flags` are its spellings on the command line; empty: `--name`; None: only in files."""

    name: str
    kind: Kind
    default: Any
    help: str
    flags: tuple[str, ...] | None = ()
    metavar: str | None = None

    def add_to(self, parser: argparse._ActionsContainer) -> None:
        """Declare it for the command line, without a default: None tells that it was not given."""
        if self.flags is None:
            return
        flags = self.flags or (f"--{self.name.replace('_', '-')}",)
        text = f"{self.help} (default: {self._shown()})" if self._shown() else self.help
        options: dict[str, Any] = {"dest": self.name, "default": None, "help": text.replace("%", "%%")}
        if self.kind is Kind.FLAG:
            if self.default is True:
                parser.add_argument(*flags, action=argparse.BooleanOptionalAction, **options)
            else:
                parser.add_argument(*flags, action="store_const", const=True, **options)
            return
        options["metavar"] = self.metavar or self.name.rpartition("_")[2].upper()
        if self.kind is Kind.WORDS:
            options["action"] = "append"
        parser.add_argument(*flags, **options)

    def _shown(self) -> str:
        if self.default in (None, "", False, True, ()):
            return ""
        return " ".join(self.default) if isinstance(self.default, tuple) else str(self.default)

    def convert(self, given: Any) -> Any:
        """Turn a text (of the command line: or a list of them) into the value."""
        if given is None or isinstance(given, bool):
            return given
        if self.kind is Kind.WORDS:
            texts = [given] if isinstance(given, str) else given
            return tuple(word for text in texts for word in text.replace(",", " ").split())
        try:
            return _CONVERTERS[self.kind](given)
        except ValueError as error:
            raise ConfigurationError(f"Invalid value for {self.name}: {error}") from None


def _flag(text: str) -> bool:
    return Section("", {"value": text}).boolean("value", False)


_CONVERTERS: Mapping[Kind, Callable[[str], Any]] = {
    Kind.TEXT: str,
    Kind.PATH: os.path.expanduser,
    Kind.NUMBER: int,
    Kind.FLAG: _flag,
    Kind.DURATION: parse_duration,
}


@dataclass(frozen=True)
class Values:
    """The value of every option, as attributes."""

    table: Mapping[str, Any]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.table[name]
        except KeyError:
            raise AttributeError(name) from None


def resolve(options: Sequence[Option], section: Mapping[str, str], given: argparse.Namespace) -> Values:
    """Bring command line, file and defaults together. ConfigurationError."""
    found: dict[str, Any] = {}
    for option in options:
        value = option.convert(getattr(given, option.name, None))
        if value is None and option.name in section:
            text = section[option.name].strip()
            value = option.convert(text) if text or option.kind is not Kind.NUMBER else None
        if value is None:
            default = option.default
            value = option.convert(default) if option.kind is Kind.DURATION else default
        found[option.name] = value
    return Values(found)


def read_sections(path: Path | None, default: Path) -> dict[str, Section]:
    """Read a configuration file; the default one need not exist. ConfigurationError."""
    if path is None:
        return read_config(default) if default.exists() else {}
    return read_config(path)
