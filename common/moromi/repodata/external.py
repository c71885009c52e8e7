"""External repositories, taken in once for each state that they are in.

A state is known by its `repomd.xml`. Its metadata is downloaded (what an interrupted download left is used),
checked against the sums that it states, read in a stream, and kept in the form that local packages have:
packs of fragments and lines of entries. Below the store's directory:

    <hash of the URL>/repomd.xml                 the one last seen
    <hash of the URL>/<revision>/entries         lines, in package order; written last
    <hash of the URL>/<revision>/<number>.fragments
    <hash of the URL>/<revision>/modules.yaml    if there is module metadata
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin, urlsplit
from urllib.request import url2pathname

import createrepo_c

from moromi.client.connection import Limits
from moromi.client.download import Observer, fetch
from moromi.client.trouble import TransportError
from moromi.errors import GenericError
from moromi.repodata.files import place
from moromi.repodata.fragments import facts_of, rendered
from moromi.repodata.packs import pack_fragments

_PACK_SIZE: Final = 200
_DOCUMENTS: Final = ("primary", "filelists", "other")
_DIGESTS: Final = {
    "sha": "sha1",
    **{name: name for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")},
}
_PKGID: Final = re.compile("[0-9a-fA-F]+")
_DAY: Final = 86_400.0
_MONTH: Final = 30 * _DAY
#: Bytes of a document; those of the largest distributions have a tenth.
_MOST: Final = 2 << 30
#: Shorter than for people: others wait for their repositories meanwhile.
_LIMITS: Final = Limits(connect=20.0, silence=60.0)


@dataclass(frozen=True)
class ExternalRepo:
    """A repository in one of its states. `revision`: the SHA-256 of its repomd.xml; `lines`: its entries."""

    url: str
    revision: str
    lines: Sequence[bytes]
    modules: bytes | None = None

    @property
    def origin(self) -> str:
        """The URL as files of origins have it."""
        return f"{self.url.rstrip('/')}/"


class ExternalStore:
    """External repositories below a directory that several processes may share."""

    def __init__(self, directory: Path) -> None:
        # entries name their packs by absolute paths
        self._directory = directory.absolute()

    def take_in(self, url: str) -> ExternalRepo:
        """Return a repository as it is now; `url` is http, https or file.

        GenericError: it cannot be had, is damaged, or changes while it is read.
        """
        place_of = self._directory / hashlib.sha256(url.encode()).hexdigest()[:32]
        place_of.mkdir(parents=True, exist_ok=True)
        with _locked(place_of):
            repomd = place_of / "repomd.xml"
            repomd.unlink(missing_ok=True)
            _download(_below(url, "repodata/repomd.xml"), repomd)
            revision = hashlib.sha256(repomd.read_bytes()).hexdigest()
            state = place_of / revision
            if not (state / "entries").exists():
                _take_in(url, repomd, state)
            os.utime(state)
            _forget_old_states(place_of)
            return _load(url, revision, state)

    def prune(self) -> None:
        """Forget repositories that nobody has asked for in a month."""
        for place_of in self._directory.glob("*"):
            # whoever asks replaces repomd.xml
            if place_of.stat().st_mtime < time.time() - _MONTH:
                with _locked(place_of):
                    shutil.rmtree(place_of)


def _take_in(url: str, repomd: Path, state: Path) -> None:
    state.mkdir(exist_ok=True)
    try:
        records = {record.type: record for record in createrepo_c.Repomd(str(repomd)).records}
    except (createrepo_c.CreaterepoCError, OSError) as exc:
        raise GenericError(f"cannot read repomd.xml of {url}: {exc}") from exc
    missing = [kind for kind in _DOCUMENTS if kind not in records]
    if missing:
        raise GenericError(f"external repository {url} has no {', '.join(missing)}")
    files = {kind: _obtain(url, records[kind], state) for kind in (*_DOCUMENTS, "modules") if kind in records}
    modules = files.pop("modules", None)
    if modules is not None:
        createrepo_c.decompress_file(
            str(modules), str(state / "modules.yaml"), createrepo_c.AUTO_DETECT_COMPRESSION
        )
        modules.unlink()
    try:
        lines = sorted(_read(url, files, state))
    except (createrepo_c.CreaterepoCError, OSError) as exc:
        raise GenericError(f"cannot read external repository {url}: {exc}") from exc
    place(state / "entries", b"\n".join(lines))
    for path in files.values():
        path.unlink()


def _obtain(url: str, record: Any, state: Path) -> Path:
    """Download a document and check it; return its path."""
    path = state / f"{record.type}{Path(record.location_href).suffix}"
    where = _below(record.location_base or url, record.location_href)
    if urlsplit(where).scheme == "file" and urlsplit(url).scheme != "file":
        raise GenericError(f"external repository {url} leads to a file of this machine: {where}")
    if not _is_whole(path, record):
        _download(where, path)
    if not _is_whole(path, record):
        path.unlink()
        raise GenericError(
            f"{record.type} of external repository {url} does not have the checksum that it states"
        )
    return path


def _is_whole(path: Path, record: Any) -> bool:
    if not path.exists():
        return False
    name = _DIGESTS.get(record.checksum_type)
    if name is None:
        raise GenericError(f"unknown type of checksum: {record.checksum_type}")
    with path.open("rb") as source:
        return bool(hashlib.file_digest(source, name).hexdigest() == record.checksum.lower())


def _read(url: str, files: dict[str, Path], state: Path) -> Iterator[bytes]:
    """Yield the entries' lines; the fragments go into packs."""
    packages = createrepo_c.PackageIterator(**{f"{kind}_path": str(path) for kind, path in files.items()})
    batch: list[Any] = []
    number = 0
    for package in packages:
        batch.append(package)
        if len(batch) == _PACK_SIZE:
            yield from _keep(url, batch, state / f"{number}.fragments")
            number += 1
            batch.clear()
    yield from _keep(url, batch, state / f"{number}.fragments")


def _keep(url: str, packages: Sequence[Any], path: Path) -> Iterator[bytes]:
    fragments = []
    for package in packages:
        base, href = package.location_base or url.rstrip("/"), package.location_href
        if not _PKGID.fullmatch(package.pkgId or ""):
            raise GenericError(f"external repository {url}: {package.nevra()} has no checksum")
        found = rendered(package, facts_of(package))
        fragments.append(found.fragment)
        yield found.entry(href, str(path), base).line()
    path.write_bytes(pack_fragments(fragments))


def _load(url: str, revision: str, state: Path) -> ExternalRepo:
    modules = state / "modules.yaml"
    text = (state / "entries").read_bytes()
    lines = text.split(b"\n") if text else []
    return ExternalRepo(url, revision, lines, modules.read_bytes() if modules.exists() else None)


def _forget_old_states(directory: Path) -> None:
    """Remove states that were not asked for since yesterday; repositories of them are made by now."""
    for state in directory.iterdir():
        if state.is_dir() and state.stat().st_mtime < time.time() - _DAY:
            shutil.rmtree(state)


def _below(url: str, path: str) -> str:
    return urljoin(f"{url.rstrip('/')}/", path)


def _download(url: str, path: Path) -> None:
    if urlsplit(url).scheme == "file":
        try:
            shutil.copyfile(url2pathname(urlsplit(url).path), path)
        except OSError as exc:
            raise GenericError(f"cannot read {url}: {exc.strerror}") from exc
        return
    try:
        fetch(url, str(path), limits=_LIMITS, observer=_SizeLimit())
    except TransportError as exc:
        raise GenericError(f"cannot get {url}: {exc}") from exc


class _SizeLimit(Observer):
    """Ends a download that does not: a server may send for ever."""

    def progress(self, done: int, total: int) -> None:
        if max(done, total) > _MOST:
            raise GenericError(f"a document of an external repository has more than {_MOST} bytes")


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Let one process at a time take in a repository; the lock ends with the process."""
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
