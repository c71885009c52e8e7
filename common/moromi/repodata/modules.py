"""Module metadata of several repositories as one, as mergerepo_c leaves it.

Readers refuse two descriptions of the same module stream, and two opinions on its default, in one file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import yaml

from moromi.errors import GenericError

_BEGIN: Final = re.compile(rb"^---(?=\s|$)", re.MULTILINE)
_END: Final = re.compile(rb"^\.\.\.\s*\Z", re.MULTILINE)
_DEFAULTS: Final = "modulemd-defaults"
_STREAM: Final = ("name", "stream", "version", "context", "arch")
_Key = tuple[Any, ...]


def merge_modules(files: Iterable[bytes]) -> bytes | None:
    """Return one file of module metadata, None without any.

    Of a stream (name, stream, version, context, arch) the first description is kept, of translations those
    modified last. The default stream is the one set last, none where two were set at the same time;
    profiles are those of all. GenericError: a file is not YAML of modules.
    """
    given = list(files)
    if len(given) < 2:
        return given[0] if given else None
    kept: dict[_Key, dict[str, Any]] = {}
    texts: dict[_Key, bytes] = {}
    for text, document in _documents(given):
        key = _key(document)
        known = kept.get(key)
        if known is not None and key[0] == _DEFAULTS:
            kept[key] = both = _both_defaults(known, document)
            texts[key] = yaml.safe_dump(both, explicit_start=True, explicit_end=True).encode()
        elif known is None or _modified(known) < _modified(document):
            kept[key], texts[key] = document, text
    return b"".join(texts.values())


def _documents(files: Iterable[bytes]) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Yield each document as text that ends with its mark, and read."""
    for content in files:
        for part in _BEGIN.split(content)[1:]:
            text = b"---%b\n...\n" % _END.sub(b"", part).rstrip()
            try:
                document = yaml.load(text, yaml.CSafeLoader)
            except yaml.YAMLError as exc:
                raise GenericError(f"damaged module metadata: {exc}") from exc
            if not isinstance(document, dict) or not isinstance(document.get("data"), dict):
                raise GenericError("damaged module metadata: a document without data")
            yield text, document


def _key(document: dict[str, Any]) -> _Key:
    """What makes a document the same as another one."""
    kind, data = str(document.get("document")), document["data"]
    if kind == _DEFAULTS:
        return kind, str(data.get("module"))
    if kind == "modulemd-translations":
        return kind, str(data.get("module")), str(data.get("stream"))
    if kind == "modulemd-obsoletes":
        return kind, *(str(data.get(name)) for name in ("module", "stream", "context", "modified"))
    return kind, *(str(data.get(name)) for name in _STREAM)


def _modified(document: dict[str, Any]) -> int:
    modified = document["data"].get("modified")
    return modified if isinstance(modified, int) and document["document"] != "modulemd-obsoletes" else 0


def _both_defaults(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    older, newer = sorted((one, other), key=_modified)
    data = dict(newer["data"])
    if _modified(older) == _modified(newer) and older["data"].get("stream") != data.get("stream"):
        data.pop("stream", None)
    profiles = {**(older["data"].get("profiles") or {}), **(data.get("profiles") or {})}
    return {**newer, "data": {**data, "profiles": profiles}}
