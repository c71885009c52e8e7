"""Signatures of rpms: stored headers, signed copies, checksums (data-model.md section 6.2)."""

from __future__ import annotations

import filecmp
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from moromi.constants import ChecksumType
from moromi.errors import GenericError
from moromi.names import nvra
from moromi.rpm import (
    get_sighdr_key,
    padded,
    sighdr_sigmd5,
    splice_rpm_sighdr,
    spliced,
)
from moromi_hub import files
from moromi_hub.builds import service as builds
from moromi_hub.call import Call
from moromi_hub.repodata import service as repodata
from moromi_hub.rpms import service as rpms
from moromi_hub.signatures import queries

Info = Mapping[str, Any]


def store_own_signatures(
    call: Call, build: Info, headers: Sequence[tuple[Info, bytes]], sigkey: str | None = None
) -> None:
    """Store the signature headers that imported files of a build come with, each beside its rpm.

    The key is that in the header, which may have none (''), or a given one. The number of statements does not
    depend on how many there are. Raises GenericError for a key that names no file.
    """
    _store(call, build, headers, None if sigkey is None else _checked_key(sigkey))


def add_signature(call: Call, rpm_info: Any, sighdr: bytes, sigkey: str | None = None) -> None:
    """Store another signature header of an rpm, under the key in it or a given one.

    Raises GenericError for an external rpm, a build without files, a header of
    another package, a key that is there already or that names no file.
    """
    key = None if sigkey is None else _checked_key(sigkey)
    rpm = rpms.require_internal(call, rpm_info)
    build = builds.require_build(call, rpm["build_id"])
    directory = builds.build_directory(call, build)
    if not directory.is_dir():
        raise GenericError(f"No such directory: {directory}")
    digest = sighdr_sigmd5(sighdr)
    if digest != rpm["payloadhash"]:
        raise GenericError(f"wrong md5 for {nvra(rpm)}: {digest}")
    _store(call, build, [(rpm, sighdr)], key)


def _checked_key(sigkey: str) -> str:
    """The key as it is kept: it names directories."""
    if not re.fullmatch(r"[0-9a-fA-F]{1,64}", sigkey):
        raise GenericError(f"Invalid signature key: {sigkey}")
    return sigkey.lower()


def _store(call: Call, build: Info, headers: Sequence[tuple[Info, bytes]], sigkey: str | None = None) -> None:
    contents = [padded(sighdr) for _rpm, sighdr in headers]
    notes = [
        _note(build, rpm, content, sigkey) for (rpm, _sighdr), content in zip(headers, contents, strict=True)
    ]
    for note in notes:
        call.run_callbacks("preRPMSign", **note)
    rows = [{**note, "rpm_id": note["rpm"]["id"]} for note in notes]
    added = queries.add(call.tx, rows)
    for note in notes:
        if note["rpm"]["id"] not in added:
            raise _exists_already(note["rpm"], note["sigkey"])
    directory = builds.build_directory(call, build)
    for note, content in zip(notes, contents, strict=True):
        _keep_header(call, directory, note["rpm"], note["sigkey"], content)
    for note in notes:
        call.run_callbacks("postRPMSign", **note)


def _exists_already(rpm: Info, sigkey: str) -> GenericError:
    return GenericError(f"Signature already exists for package {nvra(rpm)}, key {sigkey}")


def _not_stored(rpm: Info, sigkey: str) -> GenericError:
    return GenericError(f"No cached signature for package {nvra(rpm)}, key {sigkey}")


def _note(build: Info, rpm: Info, content: bytes, sigkey: str | None) -> dict[str, Any]:
    """What callbacks are told of a signature."""
    sighash = hashlib.md5(content, usedforsecurity=False).hexdigest()
    key = sigkey or get_sighdr_key(content) or ""
    return {"sigkey": key, "sighash": sighash, "build": build, "rpm": rpm}


def _keep_header(call: Call, directory: Path, rpm: Info, sigkey: str, content: bytes) -> None:
    if sigkey:
        # what a deletion that was cut off left behind would be taken for a copy with this signature
        (directory / call.paths.signed(rpm, sigkey)).unlink(missing_ok=True)
    files.write(call.tx, directory / call.paths.sighdr(rpm, sigkey), content)


def rpm_id_of(call: Call, rpm_info: Any) -> int | None:
    """The id of the rpm that a query names; an id is not looked up."""
    if isinstance(rpm_info, int):
        return rpm_info
    found = rpms.get_rpm(call, rpm_info)
    return None if found is None else int(found["id"])


# signed copies


def write_signed(call: Call, rpm_info: Any, sigkey: str, force: bool = False) -> None:
    """Make the copy of an rpm that carries a stored signature, and store its checksums.

    A copy that is there is kept unless `force`. Raises GenericError for an external
    rpm, a missing file, or a key whose signature is not stored.
    """
    kinds = checksum_kinds(call, None)
    rpm = rpms.require_internal(call, rpm_info)
    build = builds.require_build(call, rpm["build_id"])
    sigkey = sigkey.lower()
    source = _plain_file(builds.build_directory(call, build) / call.paths.rpm(rpm))
    if not queries.of_rpm(call.tx, rpm["id"], sigkey):
        raise _not_stored(rpm, sigkey)
    target = builds.build_directory(call, build) / call.paths.signed(rpm, sigkey)
    if force or not target.exists():
        sighdr = _stored_header(call, rpm, build, sigkey).read_bytes()
        files.make_directories(target.parent)
        splice_rpm_sighdr(sighdr, source, target)
        files.sync_directory(target.parent)
        repodata.keep_signed(call, builds.build_directory(call, build), rpm, sigkey)
    found = queries.checksums(call.tx, rpm["id"], kinds)
    _keep(call, rpm["id"], sigkey, _digests(_blocks(target), kinds), found)


def _plain_file(path: Path) -> Path:
    if not path.exists():
        raise GenericError(f"No such path: {path}")
    if not path.is_file():
        raise GenericError(f"Not a regular file: {path}")
    return path


def _stored_header(call: Call, rpm: Info, build: Info, sigkey: str) -> Path:
    return _plain_file(builds.build_directory(call, build) / call.paths.sighdr(rpm, sigkey))


def _blocks(path: Path) -> Iterable[bytes]:
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            yield block


def _digests(blocks: Iterable[bytes], kinds: Sequence[ChecksumType]) -> dict[ChecksumType, str]:
    made = {kind: hashlib.new(kind.wire_name, usedforsecurity=False) for kind in kinds}
    for block in blocks:
        for digest in made.values():
            digest.update(block)
    return {kind: digest.hexdigest() for kind, digest in made.items()}


def _keep(
    call: Call,
    rpm_id: int,
    sigkey: str,
    computed: Mapping[ChecksumType, str],
    stored: Mapping[tuple[str, int], str],
) -> None:
    """Store checksums; GenericError if one differs from what is stored."""
    for kind, value in computed.items():
        old = stored.get((sigkey, kind))
        if old is None:
            queries.add_checksum(call.tx, rpm_id, sigkey, kind, value)
        elif old != value:
            raise GenericError(
                f"Calculate checksum is different than checksum in DB for rpm ID {rpm_id}, "
                f"sigkey {sigkey} and checksum type {kind.wire_name}."
            )


def checksum_kinds(call: Call, names: Sequence[str] | None) -> list[ChecksumType]:
    """Types by their names; None: those of the option RPMDefaultChecksums.

    Raises GenericError `Checksum_type … isn't supported`.
    """
    kinds = []
    for name in call.settings.RPMDefaultChecksums.split() if names is None else names:
        kind = ChecksumType.named(name)
        if kind is None:
            raise GenericError(f"Checksum_type {name} isn't supported")
        kinds.append(kind)
    return kinds


def rpm_checksums(
    call: Call, rpm_id: int, names: Sequence[str] | None, cache_only: bool
) -> dict[str, dict[str, str | None]]:
    """{key: {type: hex digits or None}} of the signed forms of an rpm.

    What is not stored is computed (from the signed copy, or spliced in memory) and
    stored, unless `cache_only`.
    """
    kinds = checksum_kinds(call, names)
    rpm = rpms.require_rpm(call, rpm_id)
    keys = [row["sigkey"] for row in queries.of_rpm(call.tx, rpm_id)]
    stored = queries.checksums(call.tx, rpm_id, kinds)
    if not cache_only:
        build = builds.require_build(call, rpm["build_id"]) if keys else {}
        for key in keys:
            missing = [kind for kind in kinds if (key, kind) not in stored]
            if missing:
                computed = _digests(_signed_form(call, rpm, build, key), missing)
                _keep(call, rpm_id, key, computed, stored)
                stored |= {(key, int(kind)): value for kind, value in computed.items()}
    return {key: {kind.wire_name: stored.get((key, kind)) for kind in kinds} for key in keys}


def _signed_form(call: Call, rpm: Info, build: Info, sigkey: str) -> Iterable[bytes]:
    directory = builds.build_directory(call, build)
    copy = directory / call.paths.signed(rpm, sigkey)
    if copy.is_file():
        yield from _blocks(copy)
        return
    sighdr = _stored_header(call, rpm, build, sigkey).read_bytes()
    with open(_plain_file(directory / call.paths.rpm(rpm)), "rb") as source:
        yield from spliced(source, sighdr)


# another key


def rename_signature(call: Call, rpm_info: Any, old: str, new: str) -> None:
    """Record a signature under another key, with its header, signed copy and checksums.

    The files are there under both keys until the commit. Raises GenericError for a key that the rpm has
    no signature of, one that it has already, one that is no hexadecimal number.
    """
    old, new = old.lower(), _checked_key(new)
    rpm = rpms.require_internal(call, rpm_info)
    build = builds.require_build(call, rpm["build_id"])
    keys = {row["sigkey"] for row in queries.of_rpm(call.tx, rpm["id"])}
    if old not in keys:
        raise _not_stored(rpm, old)
    if new in keys:
        raise _exists_already(rpm, new)
    directory = builds.build_directory(call, build)
    header = _stored_header(call, rpm, build, old)
    _keep_header(call, directory, rpm, new, header.read_bytes())
    call.tx.after_commit(_unlinking(header))
    copy = directory / call.paths.signed(rpm, old)
    if old and copy.exists():
        files.copy(call.tx, _plain_file(copy), directory / call.paths.signed(rpm, new))
        call.tx.after_commit(_unlinking(copy))
    queries.rename(call.tx, rpm["id"], old, new)
    if old:
        repodata.rename_signed(call, rpm["id"], old, new)


def _unlinking(path: Path) -> Callable[[], None]:
    return lambda: path.unlink(missing_ok=True)


# deletion


def delete_signatures(call: Call, rpm_info: Any, sigkey: str | None, all_sigs: bool) -> None:
    """Forget signatures of an rpm; signed copies go, stored headers are kept aside, after the commit.

    Raises GenericError `No signature specified`, `… has no matching signatures to delete`, or for a
    file that is in the way.
    """
    if all_sigs:
        sigkey = None
    elif not sigkey:
        raise GenericError("No signature specified")
    rpm = rpms.require_internal(call, rpm_info)
    build = builds.require_build(call, rpm["build_id"])
    rows = queries.of_rpm(call.tx, rpm["id"], sigkey)
    if not rows:
        raise GenericError(f"{nvra(rpm)} has no matching signatures to delete")
    directory = builds.build_directory(call, build)
    for row in rows:
        copy = directory / call.paths.signed(rpm, row["sigkey"])
        header = directory / call.paths.sighdr(rpm, row["sigkey"])
        aside = header.with_name(f"{header.name}.{row['sighash']}.save")
        for path in (copy, header):
            if path.exists() and not path.is_file():
                raise GenericError(f"Not a regular file: {path}")
        if header.exists() and aside.exists() and not filecmp.cmp(header, aside, shallow=False):
            raise GenericError(f"Stray header backup file: {aside}")
        call.tx.after_commit(_removal(copy, header, aside))
    keys = [row["sigkey"] for row in rows]
    queries.remove(call.tx, rpm["id"], keys)
    repodata.forget_signed(call, rpm["id"], [key for key in keys if key])


def _removal(copy: Path, header: Path, aside: Path) -> Callable[[], None]:
    def remove() -> None:
        copy.unlink(missing_ok=True)
        if header.exists():
            os.replace(header, aside)

    return remove


def forget_build(call: Call, build_id: int) -> None:
    """Delete the rows of all signatures and checksums of a build's rpms."""
    queries.remove_of_build(call.tx, build_id)
