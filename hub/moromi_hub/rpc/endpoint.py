"""The HTTP face of the call interface (spec: hub-protocol.md section 1).

One URL takes XML-RPC, raw uploads (`application/octet-stream`) and JSON-RPC
(`application/json`). Everything below the base path is the same endpoint, which
lets a web server demand credentials at `<base>/ssllogin`.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from moromi.errors import AuthError, Fault
from moromi.version import KOJI_VERSION, VERSION
from moromi.wire import jsonrpc, xmlrpc
from moromi.wire.listing import Listing
from moromi_hub import logs
from moromi_hub.auth.gate import Challenge, Gate
from moromi_hub.auth.model import Caller, Credentials
from moromi_hub.call import Call
from moromi_hub.rpc import dispatch
from moromi_hub.rpc.body import Body, collect
from moromi_hub.uploads import raw

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from moromi_hub.hub import Hub

_NOT_ALLOWED = "Method Not Allowed\nThis is an XML-RPC server. Only POST requests are accepted.\n"
_BLOCK = 1 << 16


class BadRequest(Exception):
    """A body that is no call: HTTP 400 and a line of text."""


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    status: str
    content_type: str
    body: Body
    headers: tuple[tuple[str, str], ...] = ()


class Endpoint:
    """WSGI application of the call interface."""

    def __init__(self, hub: Hub, gate: Gate) -> None:
        self.hub = hub
        self._gate = gate

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        reply = self._reply(environ)
        headers = [
            ("Content-Type", reply.content_type),
            ("Content-Length", str(len(reply.body))),
            ("Koji-Version", KOJI_VERSION),
            ("Moromi-Version", VERSION),
            *reply.headers,
        ]
        start_response(reply.status, headers)
        return [reply.body] if isinstance(reply.body, bytes) else reply.body

    def _reply(self, environ: WSGIEnvironment) -> Reply:
        if environ["REQUEST_METHOD"] != "POST":
            body = b"" if environ["REQUEST_METHOD"] == "HEAD" else _NOT_ALLOWED.encode()
            return Reply("405 Method Not Allowed", "text/plain", body, (("Allow", "POST"),))
        settings = self.hub.settings
        if settings.ServerOffline:
            text = settings.OfflineMessage or "server is offline"
            return _xml(xmlrpc.encode_fault(1014, text))
        if self.hub.plugin_failure is not None:
            return _xml(xmlrpc.encode_fault(1014, "configuration error"))
        try:
            return self._admitted(environ)
        except (BadRequest, raw.ReadError, xmlrpc.ParseError, Fault) as error:
            return Reply("400 Bad Request", "text/plain", f"Invalid request: {error}\n".encode())
        except dispatch.CommitFailed:
            return Reply("500 Internal Server Error", "text/plain", b"Internal Server Error\n")

    def _admitted(self, environ: WSGIEnvironment) -> Reply:
        try:
            caller = self._gate.admit(environ)
        except Challenge as challenge:
            # what the client has sent is read, so that it can repeat it on the same connection
            _read_body(environ, self.hub.settings.MaxRequestLength)
            return _unauthorized(challenge)
        content_type = environ.get("CONTENT_TYPE", "")
        if content_type == "application/octet-stream":
            reply = self._upload(environ, caller)
        elif content_type.partition(";")[0].strip() == "application/json":
            reply = self._json(environ, caller)
        else:
            reply = self._xml(environ, caller)
        return replace(reply, headers=caller.headers)

    def _xml(self, environ: WSGIEnvironment, caller: Caller) -> Reply:
        method, params = xmlrpc.decode_request(_read_body(environ, self.hub.settings.MaxRequestLength))
        call = self._call(environ, caller)
        body = dispatch.answer(
            call,
            lambda: credentials_of(environ, self.hub.settings.DisableURLSessions),
            method,
            params,
            _encoded,
            xmlrpc.encode_fault,
        )
        return _xml(body)

    def _json(self, environ: WSGIEnvironment, caller: Caller) -> Reply:
        """JSON-RPC 2.0; each call of a batch is a request of its own."""
        body = _read_body(environ, self.hub.settings.MaxRequestLength)
        try:
            request = jsonrpc.decode_request(body)
        except xmlrpc.ParseError as error:
            return _json(jsonrpc.encode_error(None, jsonrpc.PARSE_ERROR, str(error)))
        answers = [(item, self._json_element(environ, caller, item)) for item in request.calls]
        wanted = [
            text for item, text in answers if isinstance(item, jsonrpc.Refused) or not item.notification
        ]
        if not wanted:
            return Reply("204 No Content", "application/json", b"")
        return _json(jsonrpc.encode_batch(wanted) if request.batch else wanted[0])

    def _json_element(
        self, environ: WSGIEnvironment, caller: Caller, item: jsonrpc.Call | jsonrpc.Refused
    ) -> bytes:
        if isinstance(item, jsonrpc.Refused):
            return jsonrpc.encode_error(*item)
        try:
            return dispatch.answer(
                self._call(environ, caller),
                lambda: credentials_of(environ, self.hub.settings.DisableURLSessions),
                item.method,
                item.params,
                lambda value: jsonrpc.encode_result(item.id, value),
                lambda code, text: jsonrpc.encode_error(item.id, code, text),
            )
        except dispatch.CommitFailed:
            return jsonrpc.encode_error(item.id, jsonrpc.INTERNAL_ERROR, "Internal error")

    def _upload(self, environ: WSGIEnvironment, caller: Caller) -> Reply:
        """A raw upload: the chunk is the body, everything else is in the query (section 3.2)."""
        call = self._call(environ, caller)
        call.method = "upload"
        with logs.about(call):
            return self._received(call, environ)

    def _received(self, call: Call, environ: WSGIEnvironment) -> Reply:
        query = dict(urllib.parse.parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        try:
            found = credentials_of(environ, self.hub.settings.DisableURLSessions)
            dispatch.establish(call, found, "None")
            result = raw.receive(call, query, _body_blocks(environ))
            body = xmlrpc.encode_response(result)
            dispatch.finish(call)
        except raw.ReadError as error:
            status = "408 Request Timeout" if error.timed_out else "400 Bad Request"
            return Reply(status, "text/plain", f"{error}\n".encode())
        except dispatch.CommitFailed:
            raise
        except Exception as error:
            body = xmlrpc.encode_fault(*dispatch.failure(call, error))
        finally:
            call.tx.rollback()
        return _xml(body)

    def _call(self, environ: WSGIEnvironment, caller: Caller) -> Call:
        return Call(
            self.hub,
            self.hub.transaction(),
            identity=caller.identity,
            identity_failure=caller.failure,
            remote_address=caller.address,
            environ=environ,
        )


def _unauthorized(challenge: Challenge) -> Reply:
    body = f"Unauthorized\n{challenge}\n".encode()
    return Reply("401 Unauthorized", "text/plain", body, (("WWW-Authenticate", "Negotiate"),))


def _xml(body: Body) -> Reply:
    return Reply("200 OK", "text/xml", body)


def _encoded(value: Any) -> Body:
    """What may be long is encoded in pieces, all else at once."""
    if isinstance(value, (Listing, list, tuple)):
        return collect(xmlrpc.iter_encode(value))
    return xmlrpc.encode_response(value)


def _json(body: bytes) -> Reply:
    return Reply("200 OK", "application/json", body)


def _read_body(environ: WSGIEnvironment, limit: int) -> bytes:
    """The whole body, refused with BadRequest when empty or longer than `limit` (0 = unlimited)."""
    parts: list[bytes] = []
    size = 0
    for block in _body_blocks(environ):
        size += len(block)
        if limit and size > limit:
            raise BadRequest("Request too long")
        parts.append(block)
    if not size:
        raise BadRequest("Empty request")
    return b"".join(parts)


def _body_blocks(environ: WSGIEnvironment) -> Iterable[bytes]:
    """The body in blocks, never beyond its stated length. Raises ReadError where it ends early."""
    stream = environ["wsgi.input"]
    length = environ.get("CONTENT_LENGTH")
    left = int(length) if length else None
    while left is None or left > 0:
        try:
            block: bytes = stream.read(_BLOCK if left is None else min(_BLOCK, left))
        except OSError as error:
            raise raw.ReadError(str(error), timed_out=isinstance(error, TimeoutError)) from error
        if not block:
            if left:
                raise raw.ReadError("the request ended early")
            return
        if left is not None:
            left -= len(block)
        yield block


def credentials_of(environ: WSGIEnvironment, ignore_url: bool) -> Credentials | None:
    """The session that a request presents: by headers, else by the query (section 2.2)."""
    if (session_id := environ.get("HTTP_KOJI_SESSION_ID")) is not None:
        key = environ.get("HTTP_KOJI_SESSION_KEY")
        callnum = environ.get("HTTP_KOJI_SESSION_CALLNUM", environ.get("HTTP_KOJI_CALLNUM"))
        return _credentials(session_id, key, callnum)
    text = environ.get("QUERY_STRING", "")
    if ignore_url or not text:
        return None
    try:
        query = dict(urllib.parse.parse_qsl(text, strict_parsing=True, keep_blank_values=True))
    except ValueError:
        raise AuthError("cannot parse the session arguments in the URL") from None
    for name in ("session-id", "session-key"):
        if name not in query:
            raise AuthError(f"'{name}' not specified in session args")
    return _credentials(query["session-id"], query["session-key"], query.get("callnum"))


def _credentials(session_id: Any, key: str | None, callnum: Any) -> Credentials:
    if key is None:
        raise AuthError("'session-key' not specified in session args")
    try:
        number = int(session_id)
    except ValueError:
        raise AuthError(f"Invalid session id: {session_id!r}") from None
    try:
        return Credentials(number, key, None if callnum is None else int(callnum))
    except ValueError:
        raise AuthError(f"Invalid callnum: {callnum!r}") from None
