"""`repomd.xml`, the table of contents of a repository."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr


@dataclass(frozen=True)
class Record:
    """One file of a repository.

    `kind` is the type that clients look for (`primary`), `name` the file name. `checksum` and
    `open_checksum` are SHA-256 in hex, of the file and of what it expands to; sizes are in bytes.
    The open ones are None for files that are not compressed.
    """

    kind: str
    name: str
    checksum: str
    size: int
    open_checksum: str | None = None
    open_size: int | None = None
    database_version: int | None = None


def write_repomd(records: Iterable[Record], timestamp: int) -> str:
    """Return the text. `timestamp`, in seconds, is the revision and the time of each file."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">',
        f"  <revision>{timestamp}</revision>",
    ]
    for record in records:
        lines += _record(record, timestamp)
    lines += ["</repomd>", ""]
    return "\n".join(lines)


def _record(record: Record, timestamp: int) -> list[str]:
    lines = [
        f"  <data type={quoteattr(record.kind)}>",
        f'    <checksum type="sha256">{record.checksum}</checksum>',
    ]
    if record.open_checksum is not None:
        lines.append(f'    <open-checksum type="sha256">{record.open_checksum}</open-checksum>')
    lines += [
        f"    <location href={quoteattr('repodata/' + record.name)}/>",
        f"    <timestamp>{timestamp}</timestamp>",
        f"    <size>{record.size}</size>",
    ]
    if record.open_size is not None:
        lines.append(f"    <open-size>{record.open_size}</open-size>")
    if record.database_version is not None:
        lines.append(f"    <database_version>{record.database_version}</database_version>")
    return [*lines, "  </data>"]
