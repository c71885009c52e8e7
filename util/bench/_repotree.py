"""Made-up rpms for the benchmark of repositories, with their fragments as a hub keeps them.

A build has twenty rpms of sixty files; names are random words, so that compression is not flattered. One
directory holds the rpms (where createrepo_c is to read them), the packs, one for each build, and the
lines of entries.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from moromi.repodata import PackStore, pack_fragments, pack_name, render
from rpmmaker import EQUAL, GREATER, Dependency, Package, make_rpm

RPMS_OF_BUILD = 20
FILES = 60
_LETTERS = "etaoinshrdlucmfwypvbgk"
_KINDS = ("", "-libs", "-devel", "-doc", "-tools", "-data", "-common")


@dataclass(frozen=True)
class Tree:
    """The directory and how many builds it holds."""

    directory: Path
    builds: int

    @property
    def rpms(self) -> Path:
        """Where the rpm files are."""
        return self.directory / "rpms"

    def store(self) -> PackStore:
        """The fragments."""
        return PackStore(lambda pack: (self.directory / "packs" / pack).read_bytes())

    def lines(self, changed: Iterable[int] = ()) -> list[bytes]:
        """The entries, those of the changed builds from their next release."""
        found = (self.directory / "lines").read_bytes().split(b"\n")
        for number in changed:
            start = number * RPMS_OF_BUILD
            found[start : start + RPMS_OF_BUILD] = (
                (self.directory / f"lines.{number}").read_bytes().split(b"\n")
            )
        return found


def make_tree(directory: Path, builds: int, changed: list[int], keep_rpms: bool) -> Tree:
    """Make what is not there yet. `changed`: the builds that have a next release."""
    tree = Tree(directory, builds)
    if not (directory / "lines").exists():
        tree.rpms.mkdir(parents=True, exist_ok=True)
        (directory / "packs").mkdir(exist_ok=True)
        work = partial(_make_build, tree, keep_rpms)
        with ProcessPoolExecutor() as pool:
            for number in changed:
                (directory / f"lines.{number}").write_bytes(b"\n".join(work(number, "2")))
            found = [line for lines in pool.map(work, range(builds), chunksize=20) for line in lines]
        (directory / "lines").write_bytes(b"\n".join(found))
    return tree


def _make_build(tree: Tree, keep_rpms: bool, number: int, release: str = "1") -> list[bytes]:
    fragments, entries = [], []
    for package in _packages(number, release):
        path = tree.rpms / package.file_name
        path.write_bytes(make_rpm(package))
        rendered = render(path)
        fragments.append(rendered.fragment)
        entries.append(rendered.entry(f"rpms/{path.name}"))
        if not keep_rpms or release != "1":
            path.unlink()
    pack = pack_fragments(fragments)
    (tree.directory / "packs" / pack_name(pack)).write_bytes(pack)
    return [entry._replace(pack=pack_name(pack)).line() for entry in entries]


def _packages(number: int, release: str) -> Iterator[Package]:
    chance = random.Random(number)
    source = f"{_word(chance)}-{_word(chance)}{number}"
    changelog = [
        (
            1_700_000_000 - 86_400 * day,
            f"{_word(chance)} <{_word(chance)}@example.org>",
            f"- {_words(chance, 8)}",
        )
        for day in range(4)
    ]
    for index in range(RPMS_OF_BUILD):
        name = source + _KINDS[index] if index < len(_KINDS) else f"{source}-{_word(chance)}{index}"
        place = f"/usr/{chance.choice(('lib64', 'share', 'include', 'lib/python3.13'))}/{_word(chance)}"
        yield Package(
            name,
            f"{number % 9}.{number % 7}",
            release,
            "noarch" if index % 5 == 4 else "x86_64",
            source=source,
            summary=_words(chance, 6),
            files=[
                f"{place}/",
                *(f"{place}/{_word(chance)}/{_words(chance, 2, '_')}.x" for _ in range(FILES - 1)),
            ],
            provides=[Dependency(f"lib{_word(chance)}.so.{n}()(64bit)") for n in range(4)],
            requires=[Dependency(_word(chance), GREATER | EQUAL, "1.0") for _ in range(10)],
            changelog=changelog,
        )


def _word(chance: random.Random) -> str:
    return "".join(chance.choices(_LETTERS, range(len(_LETTERS), 0, -1), k=chance.randint(3, 10)))


def _words(chance: random.Random, count: int, between: str = " ") -> str:
    return between.join(_word(chance) for _ in range(count))
