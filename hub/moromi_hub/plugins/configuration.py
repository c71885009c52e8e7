"""The configuration files of plugins, read and checked when the hub starts.

A plugin declares what it wants at its top:

    CONFIG = Configuration("sidetag", read_options)

`read_options` makes one value of the file's sections (none, if there is no such
file), and raises GenericError for what makes no sense, which keeps the hub from
starting. Calls of the plugin get the value with `CONFIG.of(call)`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from moromi.config import Section, read_config
from moromi_hub.call import Call

T = TypeVar("T")
Sections = Mapping[str, Section]


@dataclass(frozen=True)
class Configuration(Generic[T]):
    """The file `<name>.conf` of a plugin. Two of the same name in one plugin would be the same."""

    name: str
    parse: Callable[[Sections], T]

    def read(self, directory: Path) -> T:
        """Read the file in a directory. Raises GenericError when it cannot be used."""
        path = directory / f"{self.name}.conf"
        return self.parse(read_config(path) if path.exists() else {})

    def of(self, call: Call) -> T:
        """The value that was read when this hub started."""
        value: T = call.hub.plugins.configurations[self]
        return value


def section(sections: Sections, name: str) -> Section:
    """A section, which may be missing: then it is empty."""
    return sections.get(name) or Section(name)
