"""Files that appear whole, under a name that may be known only at the end."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def new_file(directory: Path) -> Iterator[IO[bytes]]:
    """Open a file for the caller to fill and rename to its place; on an error it disappears."""
    with tempfile.NamedTemporaryFile(dir=directory, prefix=".", delete=False) as target:
        try:
            os.fchmod(target.fileno(), 0o644)
            yield target
        except BaseException:
            os.unlink(target.name)
            raise


def place(path: Path, data: bytes) -> None:
    """Write a file as a whole."""
    with new_file(path.parent) as target:
        target.write(data)
        target.flush()
        os.replace(target.name, path)
