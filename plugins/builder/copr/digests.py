"""Whether a download is what its index told of."""

from __future__ import annotations

import hashlib
from pathlib import Path

from moromi.errors import BuildError


def check(path: Path, digest: str) -> None:
    """Raise BuildError for a file with another SHA-256; empty if the index did not tell one."""
    if not digest:
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != digest:
        raise BuildError(f"{path.name} is not what the index tells of: another sha256")
