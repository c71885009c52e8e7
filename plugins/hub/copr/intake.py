"""Sources that come with a request: checked, and put where builders find them."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from moromi_hub.plugin_api import Call, files

from . import names, sources
from .errors import WrongType
from .settings import CONFIG

WORK = "copr"
"""The directory of uploads below the hub's work area."""


def take(call: Call, path: Path, name: str) -> dict[str, Any]:
    """Keep an uploaded file, which moves away: the source of a build, with `path` below the work area.

    Its name is what its header says. Raises WrongType for what is neither source package nor spec file.
    """
    if name.endswith(".spec"):
        safe = name if names.PACKAGE_NAME.fullmatch(name) and not name.startswith(".") else "package.spec"
        _assert_text(path)
    else:
        safe = sources.read(path).file_name
    return keep(call, path, safe)


def keep(call: Call, path: Path, safe: str) -> dict[str, Any]:
    """Keep a file that was checked, by a name that can be part of paths."""
    tmp = secrets.token_hex(8)
    relative = f"{WORK}/{tmp}/{safe}"
    target = call.settings.topdir / "work" / relative
    files.make_directories(target.parent)
    path.chmod(0o644)
    path.rename(target)
    files.sync_directory(target.parent)
    call.tx.on_rollback(lambda: files.remove_tree(target.parent))
    return {"url": f"{CONFIG.of(call).url}/kojifiles/work/{relative}", "pkg": safe, "tmp": tmp}


def work_path(source: dict[str, Any]) -> str:
    """Where the file of an uploaded source is, below the work area."""
    return f"{WORK}/{source['tmp']}/{source['pkg']}"


def _assert_text(path: Path) -> None:
    try:
        text = path.read_bytes()[: 1 << 20].decode()
    except UnicodeDecodeError as error:
        raise WrongType(sources.ONLY_SOURCES) from error
    if "\0" in text:
        raise WrongType(sources.ONLY_SOURCES)
