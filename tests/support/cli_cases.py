"""The commands that both programs are compared on, and where they may differ.

`tests/cli/cases/*.txt` hold scenarios: a title line `== title`, then a command a line, as a shell would read
it; `alice$ ` before it makes alice run it (else the administrator), `-$ ` nobody. `@DIR@` is the folder of
small files beside the cases, `@DATA@` the sample packages, `@TOP@` the hub's tree, `@URL@` its address. Files
named `reading*` only read: both programs run on one hub. In the others each has a hub of its own, and after
each command the two are compared, tables and files.

`tests/cli/exceptions.toml` says which commands may differ in what, and why; one that makes no difference any
more fails the tests.
"""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parents[1] / "cli"
ADMIN = "kojiadmin"


@dataclass(frozen=True)
class Case:
    """One command."""

    line: str
    user: str
    words: tuple[str, ...]

    @property
    def told(self) -> str:
        """The line with who runs it, as the files have it."""
        return self.line if self.user == ADMIN else f"{self.user}$ {self.line}"

    @property
    def command(self) -> str:
        """The word that names the command, after the global options; '' if there is none."""
        return next((word for word in self.words if not word.startswith("-")), "")


@dataclass(frozen=True)
class Scenario:
    """Commands that follow each other."""

    file: str
    title: str
    cases: tuple[Case, ...]

    @property
    def reads(self) -> bool:
        """Whether nothing is changed."""
        return self.file.startswith("reading")


@dataclass(frozen=True, eq=False)
class Exemption:
    """A difference that is meant to be: `kind` is `better` (ours does more or says more), or `reference` (the
    published client is plainly wrong there).
    """

    kind: str
    commands: tuple[str, ...]
    differs: frozenset[str]
    why: str

    def covers(self, case: Case, differing: set[str]) -> bool:
        """Whether it allows these differences."""
        return differing <= self.differs and any(fnmatchcase(case.told, each) for each in self.commands)


def parse(line: str) -> Case:
    """One line of a file."""
    user = ADMIN
    first, _, rest = line.partition(" ")
    if first.endswith("$"):
        user, line = first[:-1], rest
    words = [word.replace(r"\n", "\n") for word in shlex.split(line)]
    return Case(line, user, tuple(words))


def scenarios(file: str) -> list[Scenario]:
    """Those of a file."""
    found: list[tuple[str, list[Case]]] = []
    for line in (HERE / "cases" / f"{file}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            found.append((line[3:], []))
        elif line.strip():
            found[-1][1].append(parse(line.strip()))
    return [Scenario(file, title, tuple(cases)) for title, cases in found]


def all_cases() -> Iterator[Case]:
    """Every command that is compared."""
    for path in sorted((HERE / "cases").glob("*.txt")):
        for scenario in scenarios(path.stem):
            yield from scenario.cases


@cache
def exemptions() -> tuple[Exemption, ...]:
    """The table."""
    table = tomllib.loads((HERE / "exceptions.toml").read_text(encoding="utf-8"))
    return tuple(
        Exemption(
            each["kind"],
            tuple(each["commands"]),
            frozenset(each["differs"]),
            each["why"],
        )
        for each in table["exception"]
    )
