"""The sqlite databases that old clients read instead of the XML; made only where they are asked for.

They hold the same as the documents, which is why they are made from these.
"""

from __future__ import annotations

import bz2
import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import createrepo_c

from moromi.repodata.files import new_file
from moromi.repodata.repomd import Record

_MAKERS: Final = {
    "primary": createrepo_c.PrimarySqlite,
    "filelists": createrepo_c.FilelistsSqlite,
    "other": createrepo_c.OtherSqlite,
}
_VERSION: Final = 10
_BLOCK: Final = 1 << 20


def write_databases(repodata: Path, documents: Iterable[Record]) -> list[Record]:
    """Write the three databases beside the documents; return their records."""
    found = {record.kind: record for record in documents}
    paths = {f"{kind}_path": str(repodata / record.name) for kind, record in found.items()}
    with tempfile.TemporaryDirectory(dir=repodata, prefix=".") as scratch:
        places = {kind: Path(scratch, f"{kind}.sqlite") for kind in _MAKERS}
        databases = {kind: make(str(places[kind])) for kind, make in _MAKERS.items()}
        for package in createrepo_c.PackageIterator(**paths):
            for database in databases.values():
                database.add_pkg(package)
        for kind, database in databases.items():
            database.dbinfo_update(found[kind].checksum)
            database.close()
        return [_compressed(kind, path, repodata) for kind, path in places.items()]


def _compressed(kind: str, database: Path, repodata: Path) -> Record:
    compressor = bz2.BZ2Compressor()
    closed, opened = hashlib.sha256(), hashlib.sha256()
    with database.open("rb") as source, new_file(repodata) as target:
        while block := source.read(_BLOCK):
            opened.update(block)
            closed.update(data := compressor.compress(block))
            target.write(data)
        closed.update(data := compressor.flush())
        target.write(data)
        target.flush()
        name = f"{closed.hexdigest()}-{kind}.sqlite.bz2"
        os.replace(target.name, repodata / name)
        size, open_size = target.tell(), source.tell()
    return Record(f"{kind}_db", name, closed.hexdigest(), size, opened.hexdigest(), open_size, _VERSION)
