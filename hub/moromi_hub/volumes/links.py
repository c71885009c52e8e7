"""The link that makes every build reachable below `<top>/packages` (data-model.md section 5.8)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moromi.constants import DEFAULT_VOLUME, DEFAULT_VOLUME_ID
from moromi.errors import GenericError
from moromi_hub import files
from moromi_hub.call import Call


def keep_default_link(call: Call, build: Mapping[str, Any]) -> None:
    """For a build on another volume, a relative link at its place on the default one.

    Raises GenericError `Unexpected build content: …`, `Missing volume dir: …`, `Missing volume toplink: …`.
    """
    if build["volume_id"] == DEFAULT_VOLUME_ID:
        return
    usual = Path(call.paths.build({**build, "volume_name": DEFAULT_VOLUME}))
    if usual.exists() and not usual.is_symlink():
        raise GenericError(f"Unexpected build content: {usual}")
    volume = Path(call.paths.volumedir(build["volume_name"]))
    if not volume.is_dir():
        raise GenericError(f"Missing volume dir: {volume}")
    if not (volume / "toplink").is_symlink():
        raise GenericError(f"Missing volume toplink: {volume / 'toplink'}")
    files.link(Path(call.paths.build(build)), usual)
    call.tx.on_rollback(lambda: usual.unlink(missing_ok=True))
