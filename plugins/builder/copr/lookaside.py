"""The files of dist-git packages that are in no repository: a file `sources` names them by their digests."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from moromi.errors import BuildError
from moromi_builder.plugin_api import check_inside

_NEW = re.compile(r"(\w+) \((.+)\) = ([0-9a-fA-F]+)")
_OLD = re.compile(r"([0-9a-fA-F]{32}) [ *](.+)")
_NAME = re.compile(r"(?!\.)[^/\0]{1,255}")
_DIGESTS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")


@dataclass(frozen=True)
class Entry:
    """A file that a package needs."""

    name: str
    kind: str
    digest: str

    def is_in(self, path: Path) -> bool:
        """Whether a file is that."""
        with path.open("rb") as file:
            found = hashlib.file_digest(file, lambda: hashlib.new(self.kind, usedforsecurity=False))
        return found.hexdigest() == self.digest


def read(checkout: Path) -> list[Entry]:
    """What the file `sources` of a checkout names; nothing where there is none. Raises BuildError."""
    path = checkout / "sources"
    if not path.exists():
        return []
    text = check_inside(path, checkout).read_text(encoding="utf-8", errors="replace")
    return [_entry(line.strip()) for line in text.splitlines() if line.strip()]


def _entry(line: str) -> Entry:
    if found := _NEW.fullmatch(line):
        kind, name, digest = found.groups()
    elif found := _OLD.fullmatch(line):
        kind, name, digest = "md5", found[2], found[1]
    else:
        raise BuildError(f"the file sources has a line that says nothing: {line}")
    if kind.lower() not in _DIGESTS or not _NAME.fullmatch(name):
        raise BuildError(f"the file sources has a line that cannot be used: {line}")
    return Entry(name, kind.lower(), digest.lower())


def fetch(
    entries: list[Entry], pattern: str, target: Path, private: Path, download: Callable[[str, Path], None]
) -> None:
    """Have the files in a directory, from the addresses of a pattern; those that are there stay.

    They are received in `private`, as what is in `target` may lead anywhere. Raises BuildError for a file
    that is another than was named.
    """
    for entry in entries:
        path = target / entry.name
        if os.path.lexists(path):
            continue
        if not pattern:
            raise BuildError(f"{entry.name} is in the lookaside cache, and none is known for this dist-git")
        url = pattern.format(filename=quote(entry.name), hashtype=entry.kind, hash=entry.digest)
        if urlsplit(url).scheme not in ("http", "https"):
            raise BuildError(f"cannot download {url}")
        received = private / entry.name
        download(url, received)
        if not entry.is_in(received):
            raise BuildError(f"{url} is not what the file sources says: another {entry.kind}")
        with received.open("rb") as source, path.open("xb") as out:
            shutil.copyfileobj(source, out)
