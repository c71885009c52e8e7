"""`CoprClient`: the operations of the historic Copr API, one method for each.

    client = CoprClient(username="alice", password="secret", url="https://hub.example.org")
    client.copr_create("tools", "Some tools", ["fedora-42"], ["bob/base"])

A copr is `name`, one's own, or `owner/name`. Every method returns the decoded JSON object of the answer.

CoprClientError        `.status` is the HTTP status, or None if there was no answer; `.message` the text
  CoprAuthError        401 and 403
  CoprNotFoundError    404
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os.path
import secrets
import ssl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO
from urllib.parse import quote, urlencode, urlsplit

Answer = dict[str, Any]
Releases = str | Iterable[str]
_SECONDS = 600.0
"""How long a single step of a conversation may take; a server keeps a large upload before it answers."""
_BLOCK = 1 << 16


class CoprClientError(Exception):
    """The operation failed."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


class CoprAuthError(CoprClientError):
    """Credentials are missing or wrong, or their user may not do this."""


class CoprNotFoundError(CoprClientError):
    """What was named is not there."""


_ERRORS = {401: CoprAuthError, 403: CoprAuthError, 404: CoprNotFoundError}


class CoprClient:
    """A user, or nobody without a password, of the service at `url`."""

    def __init__(
        self, username: str | None = None, password: str | None = None, url: str | None = None
    ) -> None:
        self.username = username
        self.password = password
        self.url = (url or "http://localhost").rstrip("/") + "/api_0"

    # coprs

    def copr_list(self, owner: str | None = None) -> Answer:
        """All coprs, or those of a user or `@group`: `{"coprs": [...]}`."""
        return self._send("GET", "coprs" + (f"?{urlencode({'owner': owner})}" if owner else ""))

    def copr_info(self, copr_name: str) -> Answer:
        """A copr: `{"copr": {...}}`."""
        return self._send("GET", self._copr(copr_name))

    def copr_create(
        self,
        copr_name: str,
        copr_description: str,
        release: Releases = (),
        dependency_list: Iterable[str] = (),
    ) -> Answer:
        """A new copr for at least one release, built with the packages of others: `{"copr": {...}}`."""
        owner, _, name = copr_name.rpartition("/")
        given = {
            "copr_name": name,
            "copr_description": copr_description,
            "release": _releases(release),
            "dependency_list": list(dependency_list),
        }
        if owner:
            given["owner"] = owner
        return self._send("POST", "coprs", given)

    def copr_edit(
        self,
        copr_name: str,
        copr_description: str | None = None,
        release: Releases | None = None,
        dependency_list: Iterable[str] | None = None,
    ) -> Answer:
        """Replace what is given of a copr: `{"copr": {...}}`."""
        given: Answer = {}
        if copr_description is not None:
            given["copr_description"] = copr_description
        if release is not None:
            given["release"] = _releases(release)
        if dependency_list is not None:
            given["dependency_list"] = list(dependency_list)
        return self._send("PUT", self._copr(copr_name), given)

    def copr_delete(self, copr_name: str) -> Answer:
        """Delete a copr with all its packages: `{"deleted": full name}`."""
        return self._send("DELETE", self._copr(copr_name))

    def copr_add_releases(self, copr_name: str, releases: Releases) -> Answer:
        """Build for more releases: `{"copr": {...}}`."""
        return self._change(copr_name, "add_releases", release=_releases(releases))

    def copr_remove_releases(self, copr_name: str, releases: Releases) -> Answer:
        """Build for some releases no more, and delete what was built: `{"copr": {...}}`."""
        return self._change(copr_name, "remove_releases", release=_releases(releases))

    def copr_add_dependencies(self, copr_name: str, dependency_list: Iterable[str]) -> Answer:
        """Build with more coprs: `{"copr": {...}}`."""
        return self._change(copr_name, "add_dependencies", dependency_list=list(dependency_list))

    def copr_remove_dependencies(self, copr_name: str, dependency_list: Iterable[str]) -> Answer:
        """Build with some coprs no more: `{"copr": {...}}`."""
        return self._change(copr_name, "remove_dependencies", dependency_list=list(dependency_list))

    def copr_grant(self, copr_name: str, user: str, permission: str) -> Answer:
        """Give a user the permission `builder` or `admin`: `{"copr": {...}}`."""
        return self._change(copr_name, "grant", user=user, permission=permission)

    def copr_revoke(self, copr_name: str, user: str, permission: str) -> Answer:
        """Take a permission from a user: `{"copr": {...}}`."""
        return self._change(copr_name, "revoke", user=user, permission=permission)

    # packages

    def pkg_list(self, copr_name: str) -> Answer:
        """The packages of a copr: `{"packages": [...]}`."""
        return self._send("GET", f"{self._copr(copr_name)}/packages")

    def pkg_info(self, copr_name: str, pkg_name: str) -> Answer:
        """A package by its name, or one version of it by name-version-release: `{"package": {...}}`."""
        return self._send("GET", self._package(copr_name, pkg_name))

    def pkg_create(self, copr_name: str, srpm_path: str, releases: Releases | None = None) -> Answer:
        """Upload a source package, to be built for all releases or some.

        `{"package": {...}, "tasks": [int]}`, at once: builds are not waited for. Raises OSError for a file
        that cannot be read.
        """
        fields = [] if releases is None else _releases(releases)
        with open(srpm_path, "rb") as file:
            form = _Form([("release", each) for each in fields], "srpm", file)
            return self._exchange("POST", f"{self._copr(copr_name)}/packages", form, form.kind)

    def pkg_delete(self, copr_name: str, pkg_name: str) -> Answer:
        """Delete a package, or one version of it, with what was built: `{"deleted": name}`."""
        return self._send("DELETE", self._package(copr_name, pkg_name))

    # addresses

    def _copr(self, copr_name: str) -> str:
        owner, _, name = copr_name.rpartition("/")
        return "/".join(["coprs", _part(owner or self.username or "~"), _part(name)])

    def _package(self, copr_name: str, pkg_name: str) -> str:
        return f"{self._copr(copr_name)}/packages/{_part(pkg_name)}"

    # conversation

    def _change(self, copr_name: str, operation: str, **given: Any) -> Answer:
        return self._send("POST", f"{self._copr(copr_name)}/{operation}", given)

    def _send(self, method: str, path: str, given: Mapping[str, Any] | None = None) -> Answer:
        if given is None:
            return self._exchange(method, path, None, None)
        return self._exchange(method, path, json.dumps(given).encode(), "application/json")

    def _exchange(self, method: str, path: str, body: bytes | _Form | None, kind: str | None) -> Answer:
        headers = {"Accept": "application/json"}
        if kind is not None:
            headers["Content-Type"] = kind
        if isinstance(body, _Form):
            headers["Content-Length"] = str(body.size)
        if self.username is not None and self.password is not None:
            pair = f"{self.username}:{self.password}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        with self._connected() as (connection, prefix):
            # a server that refuses an upload answers before it has all of it
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, f"{prefix}/{path}", body, headers)
            response = connection.getresponse()
            return _answer(response.status, response.reason, response.read())

    @contextlib.contextmanager
    def _connected(self) -> Iterator[tuple[http.client.HTTPConnection, str]]:
        """A connection, and the path that the service is under. What breaks it is a CoprClientError."""
        try:
            connection, prefix = self._connection()
        except (ValueError, http.client.InvalidURL) as error:
            raise CoprClientError(f"Not the address of a service: {self.url}") from error
        with contextlib.closing(connection):
            try:
                yield connection, prefix
            except (OSError, http.client.HTTPException) as error:
                raise CoprClientError(f"No answer from {self.url}: {error}") from error

    def _connection(self) -> tuple[http.client.HTTPConnection, str]:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(self.url)
        if parts.scheme == "http":
            return http.client.HTTPConnection(parts.hostname, parts.port, timeout=_SECONDS), parts.path
        context = ssl.create_default_context()
        secure = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=_SECONDS, context=context)
        return secure, parts.path


def _part(text: str) -> str:
    """A part of a path."""
    return quote(text, safe="@~")


def _releases(given: Releases) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def _answer(status: int, reason: str, body: bytes) -> Answer:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _ERRORS.get(status, CoprClientError)(f"{status} {reason}", status)
    if status >= 300 or "error" in found:
        raise _ERRORS.get(status, CoprClientError)(str(found.get("error", reason)), status)
    return found


class _Form:
    """A body of fields and one file, which is read while it is sent."""

    def __init__(self, fields: Sequence[tuple[str, str]], name: str, file: BinaryIO) -> None:
        boundary = secrets.token_hex(16)
        file_name = "".join(
            each for each in os.path.basename(file.name) if each.isprintable() and each != '"'
        )
        start = [_head(boundary, f'name="{key}"') + value + "\r\n" for key, value in fields]
        start.append(_head(boundary, f'name="{name}"; filename="{file_name}"', "application/x-rpm"))
        self.kind = f"multipart/form-data; boundary={boundary}"
        self._start = "".join(start).encode()
        self._end = f"\r\n--{boundary}--\r\n".encode()
        self._file = file
        length = file.seek(0, os.SEEK_END)
        file.seek(0)
        self.size = len(self._start) + length + len(self._end)
        self._parts = self._blocks()

    def _blocks(self) -> Iterator[bytes]:
        yield self._start
        while block := self._file.read(_BLOCK):
            yield block
        yield self._end

    def __iter__(self) -> Iterator[bytes]:
        return self._parts


def _head(boundary: str, about: str, kind: str | None = None) -> str:
    lines = [f"--{boundary}", f"Content-Disposition: form-data; {about}"]
    if kind is not None:
        lines.append(f"Content-Type: {kind}")
    return "\r\n".join([*lines, "", ""])
