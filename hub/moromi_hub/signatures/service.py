"""Signatures of rpms: stored headers, signed copies, checksums (data-model.md section 6.2)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moromi.errors import GenericError
from moromi.names import nvra
from moromi.rpm import get_sighdr_key, padded, rip_rpm_sighdr, sighdr_sigmd5
from moromi_hub import files
from moromi_hub.builds import service as builds
from moromi_hub.call import Call
from moromi_hub.rpms import service as rpms
from moromi_hub.signatures import queries

Info = Mapping[str, Any]


def store_own_signature(call: Call, rpm: Info, build: Info, path: Path) -> None:
    """Store the signature header that an imported file (at `path`) comes with; its key may be ''."""
    _store(call, rpm, build, rip_rpm_sighdr(path))


def add_signature(call: Call, rpm_info: Any, sighdr: bytes) -> None:
    """Store another signature header of an rpm.

    Raises GenericError for an external rpm, a build without files, a header of
    another package, or a key that is there already.
    """
    rpm = rpms.require_internal(call, rpm_info)
    build = builds.require_build(call, rpm["build_id"])
    directory = builds.build_directory(call, build)
    if not directory.is_dir():
        raise GenericError(f"No such directory: {directory}")
    digest = sighdr_sigmd5(sighdr)
    if digest != rpm["payloadhash"]:
        raise GenericError(f"wrong md5 for {nvra(rpm)}: {digest}")
    _store(call, rpm, build, sighdr)


def _store(call: Call, rpm: Info, build: Info, sighdr: bytes) -> None:
    sigkey = get_sighdr_key(sighdr) or ""
    content = padded(sighdr)
    sighash = hashlib.md5(content, usedforsecurity=False).hexdigest()
    details = {"sigkey": sigkey, "sighash": sighash, "build": build, "rpm": rpm}
    call.run_callbacks("preRPMSign", **details)
    if not queries.add(call.tx, rpm["id"], sigkey, sighash):
        raise GenericError(f"Signature already exists for package {nvra(rpm)}, key {sigkey}")
    target = builds.build_directory(call, build) / call.paths.sighdr(rpm, sigkey)
    files.write(call.tx, target, content)
    call.run_callbacks("postRPMSign", **details)
