"""Configuration files: INI as Koji's programs read it (hub-protocol.md 6.1, client-session.md 7).

UTF-8, `%` is literal, `#` and `;` begin a comment only at the start of a line, indented
lines continue a value, option names are not case-sensitive. A section or an option twice in
one file is an error; in several files the later value counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from configparser import ConfigParser, Error, RawConfigParser

from moromi.errors import ConfigurationError

__all__ = ["Section", "conf_files", "read_config", "read_config_files", "read_file"]

Path = str | os.PathLike[str]

_TRUE = frozenset({"1", "yes", "true", "on"})
_FALSE = frozenset({"0", "no", "false", "off"})


class Section(Mapping[str, str]):
    """The options of one section; names in any case. Absent ones take the default that is asked with."""

    def __init__(self, name: str, options: Mapping[str, str] | None = None) -> None:
        self.name = name
        self._options = {option.lower(): value for option, value in (options or {}).items()}

    def __getitem__(self, option: str) -> str:
        return self._options[option.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._options)

    def __len__(self) -> int:
        return len(self._options)

    def __contains__(self, option: object) -> bool:
        return isinstance(option, str) and option.lower() in self._options

    def integer(self, option: str, default: int) -> int:
        """Return a number. ConfigurationError: it is none."""
        text = self.get(option)
        if text is None:
            return default
        try:
            return int(text)
        except ValueError:
            raise self._invalid(option, text, "an integer") from None

    def boolean(self, option: str, default: bool) -> bool:
        """Return `1 yes true on` or `0 no false off` (any case). ConfigurationError: neither."""
        text = self.get(option)
        if text is None:
            return default
        word = text.strip().lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
        raise self._invalid(option, text, "a boolean")

    def words(self, option: str, default: Iterable[str] = ()) -> list[str]:
        """Return the blank-separated words of a value."""
        text = self.get(option)
        return list(default) if text is None else text.split()

    def _invalid(self, option: str, text: str, kind: str) -> ConfigurationError:
        return ConfigurationError(f"Invalid value for [{self.name}] {option}: {text!r} is not {kind}")


def conf_files(directory: Path) -> list[str]:
    """Return the `*.conf` files of a directory in sorted order; none if there is no such directory."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    return sorted(os.path.join(directory, name) for name in names if name.endswith(".conf"))


def read_file(path: Path) -> dict[str, dict[str, str]]:
    """Read one file: section -> option in lower case -> value. ConfigurationError: it cannot be read."""
    parser = RawConfigParser(interpolation=None, default_section="", comment_prefixes=("#", ";"))
    _read_into(parser, path)
    return {name: dict(parser[name]) for name in parser.sections()}


def read_config(main: Path, fragments: Path | None = None) -> dict[str, Section]:
    """Read a main file and the directory of its fragments; the main file has the last word.

    ConfigurationError: the main file is missing, or one cannot be read.
    """
    found: dict[str, dict[str, str]] = {}
    for path in [*(conf_files(fragments) if fragments is not None else []), os.fspath(main)]:
        for name, options in read_file(path).items():
            found.setdefault(name, {}).update(options)
    return {name: Section(name, options) for name, options in found.items()}


def read_config_files(items: Iterable[Path | tuple[Path, bool]], raw: bool = False) -> RawConfigParser:
    """Read files and directories in order into one parser, as clients do.

    An item is a path, or a path and whether it must exist (a directory: must have
    `*.conf` files), else ConfigurationError. `raw`: `%` is literal.
    """
    parser = RawConfigParser() if raw else ConfigParser()
    for item in items:
        path, strict = item if isinstance(item, tuple) else (item, False)
        paths = _existing(path)
        if strict and not paths:
            raise ConfigurationError(f"No configuration file: {os.fspath(path)}")
        for found in paths:
            _read_into(parser, found)
    return parser


def _existing(path: Path) -> list[str]:
    if os.path.isdir(path):
        return conf_files(path)
    return [os.fspath(path)] if os.path.exists(path) else []


def _read_into(parser: RawConfigParser, path: Path) -> None:
    try:
        with open(path, encoding="utf-8") as source:
            parser.read_file(source)
    except (OSError, UnicodeDecodeError, Error) as error:
        raise ConfigurationError(f"Cannot read {os.fspath(path)}: {error}") from error
