"""Bodies of requests: JSON, plain fields, or fields with files, which go to disk as they come.

Section 2.1, rules 5 to 9. A file of more bytes than the limit is refused while it is read.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from moromi_hub.plugin_api import serving_hub

from ..errors import BadRequest, TooLarge, WrongType
from ..settings import CONFIG

UNREADABLE = "The browser (or proxy) sent a request that this server could not understand."
_NOT_JSON = "Did not attempt to load JSON data because the request Content-Type was not 'application/json'."
_HALF = re.compile("[\ud800-\udfff]")
_FIELDS = 16 << 20
"""Bytes that everything besides a file may have."""
_PARTS = 1000
"""How many fields and files may come at once: each file is one on the disk."""


@dataclass(frozen=True)
class Upload:
    """A file that came with a request. It is gone with the request unless it is moved."""

    name: str
    """As its sender calls it, without directories."""
    path: Path


@dataclass
class Body:
    """Fields and files."""

    values: dict[str, Any] = field(default_factory=dict)
    files: dict[str, Upload] = field(default_factory=dict)
    is_json: bool = False
    document: Any = None
    """What was sent as JSON, which need not be an object."""

    def text(self, name: str) -> str:
        """A field that must be given."""
        value = self.values.get(name)
        if value is None or value == "":
            raise BadRequest(f"Missing argument {name}")
        return str(value)

    def json_only(self) -> Any:
        """The document, at endpoints that take JSON only. Raises WrongType."""
        if not self.is_json:
            raise WrongType(_NOT_JSON)
        return self.document

    def close(self) -> None:
        """Remove the files that nobody took."""
        for upload in self.files.values():
            upload.path.unlink(missing_ok=True)


def refuse_unstorable(*given: object) -> None:
    """Raise BadRequest for text that no database takes: with NUL, or with half a character."""
    for value in given:
        if isinstance(value, str):
            if "\0" in value or _HALF.search(value):
                raise BadRequest(UNREADABLE)
        elif isinstance(value, Mapping):
            refuse_unstorable(*value.keys(), *value.values())
        elif isinstance(value, list):
            refuse_unstorable(*value)


def read_body(*, upload: bool) -> Body:
    """Read the body of the request at hand."""
    body = _read(upload)
    try:
        refuse_unstorable(body.document, body.values)
    except (BadRequest, RecursionError) as error:
        body.close()
        raise BadRequest(UNREADABLE) from error
    return body


def _read(upload: bool) -> Body:
    if request.is_json:
        return _read_json()
    if request.mimetype in ("multipart/form-data", "application/x-www-form-urlencoded"):
        return _read_form(upload)
    return Body()


def _read_json() -> Body:
    limit = request.content_length or 0
    if limit > _FIELDS:
        raise TooLarge(f"The request exceeds the limit of {_FIELDS} bytes")
    try:
        document = json.loads(request.get_data(cache=False) or b"null")
    except (ValueError, RecursionError) as error:
        raise BadRequest(UNREADABLE) from error
    return Body(_given(document), is_json=True, document=document)


def _given(document: Any) -> dict[str, Any]:
    """The members of an object that are not null."""
    if not isinstance(document, dict):
        return {}
    return {key: value for key, value in document.items() if value is not None}


class _Limited:
    """A new file that refuses to become too large."""

    def __init__(self, directory: Path, limit: int) -> None:
        descriptor, name = tempfile.mkstemp(dir=directory, prefix=".upload-")
        self.path = Path(name)
        self._file = os.fdopen(descriptor, "w+b")
        self._limit = limit
        self._size = 0

    def write(self, data: bytes) -> int:
        self._size += len(data)
        if self._size > self._limit:
            raise TooLarge(f"Uploaded file exceeds the limit of {self._limit} bytes")
        return self._file.write(data)

    def seek(self, position: int, whence: int = 0) -> int:
        return self._file.seek(position, whence)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def close(self) -> None:
        self._file.close()


def _read_form(upload: bool) -> Body:
    hub = serving_hub()
    limit = hub.plugins.configurations[CONFIG].upload_limit if upload else _FIELDS
    place = hub.settings.topdir / "work" / "copr"
    place.mkdir(parents=True, exist_ok=True)
    taken: list[_Limited] = []

    def make(*_about: Any, **_more: Any) -> IO[bytes]:
        taken.append(_Limited(place, limit))
        return cast("IO[bytes]", taken[-1])

    parser = FormDataParser(
        make, max_form_memory_size=_FIELDS, max_content_length=limit + _FIELDS, max_form_parts=_PARTS
    )
    try:
        _stream, form, files = parser.parse_from_environ(request.environ)
        body = _form_body(form.lists(), files.items(multi=True))
    except RequestEntityTooLarge as error:
        _discard(taken)
        raise TooLarge(f"Uploaded file exceeds the limit of {limit} bytes") from error
    except BaseException:
        _discard(taken)
        raise
    finally:
        for each in taken:
            each.close()
    kept = {upload_.path for upload_ in body.files.values()}
    _discard(each for each in taken if each.path not in kept)
    return body


def _discard(files: Iterable[_Limited]) -> None:
    for each in files:
        each.close()
        with contextlib.suppress(FileNotFoundError):
            each.path.unlink()


def _form_body(form: Iterable[tuple[str, list[str]]], files: Iterable[tuple[str, Any]]) -> Body:
    values: dict[str, Any] = {key: texts[0] if len(texts) == 1 else texts for key, texts in form}
    body = Body(values)
    documents = [values.pop("json")] if "json" in values else []
    for name, each in files:
        if name == "json":
            documents.append(each.stream.read())
        elif each.filename:
            body.files[name] = Upload(os.path.basename(each.filename), each.stream.path)
    for text in documents:
        try:
            values.update(_given(json.loads(text)))
        except (ValueError, RecursionError) as error:
            raise BadRequest(UNREADABLE) from error
    return body
