"""Source packages that people give: what their headers say, and whether it is true.

Nothing is believed of a file's name, nor of a header that the rest of the file does not bear out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from moromi.errors import GenericError
from moromi.rpm import Header, check_sigmd5, read_header

from . import names
from .errors import WrongType

_WORD = re.compile(r"[A-Za-z0-9._+~^]+")
ONLY_SOURCES = "Only source RPM files are accepted"


@dataclass(frozen=True)
class Source:
    """What a source package says of itself."""

    name: str
    epoch: int | None
    version: str
    release: str
    exclusive_arches: tuple[str, ...]
    exclude_arches: tuple[str, ...]
    file_name: str

    @property
    def evr(self) -> str:
        """`[epoch:]version-release`."""
        text = f"{self.version}-{self.release}"
        return text if self.epoch is None else f"{self.epoch}:{text}"

    @property
    def nvr(self) -> str:
        """`name-version-release`."""
        return f"{self.name}-{self.version}-{self.release}"

    def fits(self, arch: str) -> bool:
        """Whether it can be built on an arch."""
        same = {arch, "i386", "i586", "i686"} if arch in ("i386", "i586", "i686") else {arch}
        wanted = set(self.exclusive_arches)
        if wanted and "noarch" not in wanted and not same & wanted:
            return False
        return not same & set(self.exclude_arches)


def read_sound(path: Path, refusal: str, *, source: bool) -> Header:
    """The headers of a package of that kind. Raises WrongType for others, damaged and forged ones."""
    try:
        header = read_header(path)
        # of the whole file after the signature: a header with another payload is found out
        intact = check_sigmd5(path)
    except GenericError as error:
        raise WrongType(refusal) from error
    if header.is_source is not source or not intact or not has_sound_names(header):
        raise WrongType(refusal)
    return header


def read(path: Path) -> Source:
    """Read a source package. Raises WrongType for anything else, and for one that is damaged or forged."""
    header = read_sound(path, ONLY_SOURCES, source=True)
    return Source(
        header.name,
        header.epoch,
        header.version,
        header.release,
        tuple(header["EXCLUSIVEARCH"]),
        tuple(header["EXCLUDEARCH"]),
        f"{header.nvr}.{header.arch}.rpm",
    )


def has_sound_names(header: Header) -> bool:
    """Whether what a package is called can be parts of paths."""
    return are_sound(header.name, header.version, header.release) and bool(_WORD.fullmatch(header.arch))


def are_sound(name: str, version: str, release: str) -> bool:
    """Whether these can be parts of paths."""
    plain = names.PACKAGE_NAME.fullmatch(name) and not name.startswith(".") and len(name) <= 100
    return bool(plain) and all(_WORD.fullmatch(each) for each in (version, release))
