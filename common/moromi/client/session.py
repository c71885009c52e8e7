"""The session object: calls, call numbers, retries, renewal (client-session spec, sections 2 to 6).

A logged-in session numbers its calls, and the hub refuses a number below the last, so such calls go out one
at a time; an anonymous session may be used by many threads. After a fork the child gets connections of its
own, but a *login* must not be used on both sides: a child opens a `subsession()`.
"""

import base64
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

from moromi.client import login as logins
from moromi.client.http import Http
from moromi.client.multicall import MultiCallInProgress, MultiCallSwitch, VirtualMethod, run_calls
from moromi.client.options import SessionOptions, make_options
from moromi.client.retry import RetryPolicy
from moromi.client.transport import Answer, Transport
from moromi.client.trouble import Failure, TransportError, logger
from moromi.constants import AuthType
from moromi.errors import AuthExpired, Fault, GenericError, ParameterError, ServerOffline
from moromi.wire.named import join_named
from moromi.wire.xmlrpc import ParseError, decode_response, encode_request

if TYPE_CHECKING:
    from logging import Logger

    from moromi.client.negotiate import Negotiation
    from moromi.client.upload import Progress

SessionInfo = Mapping[str, Any]
OLDEST_HUB = "1.22.0"


class ClientSession:
    """A conversation with one hub. Any public name that is not an attribute is a call:
    `session.host.openTask(5)`.

    The hub's errors are raised as the classes of `moromi.errors`; TransportError when the hub cannot be
    reached. As a context manager it logs out at the end.
    """

    def __init__(
        self,
        baseurl: str,
        opts: SessionOptions | Mapping[str, Any] | None = None,
        sinfo: SessionInfo | None = None,
        auth_method: dict[str, Any] | None = None,
    ) -> None:
        if not baseurl:
            raise ValueError("the hub's URL is empty")
        self.baseurl = baseurl.rstrip("/")
        self.opts = make_options(opts)
        self.transport = Transport(self.baseurl, self.opts)
        self.authtype: AuthType | None = None
        self.auth_method = auth_method
        self.exclusive = False
        self.retries = 0
        self.sinfo: SessionInfo | None = None
        self.callnum: int | None = None
        self.logged_in = False
        self.on_retry: Callable[[Exception, float], None] | None = None
        """Told of each failure that is retried after a pause (seconds), for a person who waits."""
        self._hub_version: str | None = None
        self._descriptions: dict[str, str] | None = None
        self._collected: list[dict[str, Any]] | None = None
        self._lock = threading.RLock()
        self._lock_pid = os.getpid()
        self.setSession(sinfo)

    def __getattr__(self, name: str) -> VirtualMethod:
        if name.startswith("_") and name != "_listapi":
            raise AttributeError(name)
        return VirtualMethod(name, self.call, self._description)

    def __repr__(self) -> str:
        return f"<ClientSession {self.baseurl}{' logged in' if self.logged_in else ''}>"

    def __enter__(self) -> "ClientSession":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.logout()

    # -- state

    def setSession(self, sinfo: SessionInfo | None) -> None:
        """Use the session that a login answered with, from call number 0; None: nobody."""
        self.sinfo = sinfo
        self.logged_in = sinfo is not None
        self.callnum = 0 if sinfo is not None else None
        if sinfo is None:
            self.authtype = None
            self.exclusive = False

    def new_session(self) -> None:
        """Start with fresh connections."""
        self.transport.drop()

    def adopt(self, sinfo: SessionInfo, authtype: AuthType, method: str, kwargs: dict[str, Any]) -> None:
        """A login succeeded: use its session and remember how to renew it."""
        self.setSession(sinfo)
        self.authtype = authtype
        self.auth_method = {"method": method, "kwargs": kwargs}

    def _forget(self) -> None:
        """Drop connections and login without telling the hub, as a forked child does before it opens its
        own.
        """
        self.transport.drop()
        self.setSession(None)

    @property
    def logger(self) -> "Logger":
        """Where it says what it gets over by itself: `moromi.client`."""
        return logger()

    @property
    def rsession(self) -> Http:
        """The HTTP connections of this process."""
        return self.transport.http

    @property
    def hub_version_str(self) -> str:
        """The hub's release, from the last answer's header or by asking; `1.22.0` for hubs that cannot
        tell.
        """
        if self._hub_version is None:
            try:
                asked = str(self.call("getKojiVersion"))
            except GenericError as err:
                if "Invalid method" not in str(err):
                    raise
                asked = OLDEST_HUB
            self._hub_version = self._hub_version or asked
        return self._hub_version

    @property
    def hub_version(self) -> tuple[int, ...]:
        """`hub_version_str` as numbers, for comparison."""
        return tuple(int(part) for part in self.hub_version_str.split(".") if part.isdigit())

    # -- logging in and out

    def login(
        self,
        user: str | None = None,
        password: str | None = None,
        opts: dict[str, Any] | None = None,
        renew: bool = False,
    ) -> bool:
        """Log in by password (arguments, else the session's options). AuthError when refused."""
        return logins.password_login(self, user, password, opts, renew)

    def ssl_login(
        self,
        cert: str | None = None,
        ca: str | None = None,
        serverca: str | None = None,
        proxyuser: str | None = None,
        proxyauthtype: int | None = None,
        renew: bool = False,
    ) -> bool:
        """Log in by client certificate; `ca` is accepted and unused. AuthError when refused."""
        kwargs = {"cert": cert, "serverca": serverca, "proxyuser": proxyuser, "proxyauthtype": proxyauthtype}
        return logins.certificate_login(self, kwargs, renew)

    def gssapi_login(
        self,
        principal: str | None = None,
        keytab: str | None = None,
        ccache: str | None = None,
        proxyuser: str | None = None,
        proxyauthtype: int | None = None,
        renew: bool = False,
    ) -> bool:
        """Log in by Kerberos ticket. GSSAPIAuthError when refused; the built-in ImportError without the
        add-on.
        """
        kwargs = {"principal": principal, "keytab": keytab, "ccache": ccache}
        proxy = {"proxyuser": proxyuser, "proxyauthtype": proxyauthtype}
        return logins.gssapi_login(self, {**kwargs, **proxy}, renew)

    def subsession(self) -> "ClientSession":
        """A session of its own under the same login, for another process."""
        sinfo = self.call("subsession")
        child = type(self)(self.baseurl, self.opts, sinfo, self.auth_method)
        child.authtype = self.authtype
        return child

    def exclusiveSession(self, force: bool = False) -> None:
        """Keep the user's other sessions out; `force` ends the one that holds the lock. AuthLockError
        otherwise.
        """
        self.call("exclusiveSession", force=force)
        self.exclusive = True

    def sharedSession(self) -> None:
        """Give the exclusive mark back."""
        self.call("sharedSession")
        self.exclusive = False

    def logout(self, session_id: int | None = None) -> None:
        """End this session, or the one named. One attempt; an expired session counts as ended."""
        if not self.logged_in:
            return
        try:
            self._call_once("logout", session_id)
        except AuthExpired:
            self.logger.debug("the session had expired before the logout")
        if session_id is None or (self.sinfo and session_id == self.sinfo.get("session-id")):
            self.setSession(None)

    def _call_once(self, name: str, session_id: int | None) -> None:
        try:
            self._exchange(
                name, encode_request(name, join_named((), {"session_id": session_id})), retry=False
            )
        except ParameterError:
            self._exchange(name, encode_request(name, []), retry=False)

    # -- calls

    def call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """Make one call. An expired session is renewed once, by the way that it was opened."""
        if self._collected is not None:
            self._collected.append({"methodName": name, "params": join_named(args, kwargs)})
            return MultiCallInProgress
        return self._renewed(name, encode_request(name, join_named(args, kwargs)))

    callMethod = call

    def _renewed(
        self, name: str, body: bytes, kind: str = "text/xml", query: Iterable[tuple[str, str]] = ()
    ) -> Any:
        """An exchange, repeated once with a renewed session where that had expired."""
        try:
            return self._exchange(name, body, content_type=kind, query=query)
        except AuthExpired:
            if not self.renew():
                raise
        return self._exchange(name, body, content_type=kind, query=query)

    def _description(self, name: str) -> str | None:
        """Signature and text of a call, as the hub tells it; None for one that it does not have."""
        if self._descriptions is None:
            told = self.call_briefly("_listapi")
            self._descriptions = {
                item["name"]: f"{item['name']}{item.get('argdesc') or ''}\n{item.get('doc') or ''}".rstrip()
                for item in told
            }
        return self._descriptions.get(name)

    def renew(self) -> bool:
        """Repeat the last login for this session; False when there was none or the hub gives no new key."""
        if self.auth_method is None:
            return False
        self.logger.info("the session has expired, logging in again")
        method = getattr(self, self.auth_method["method"])
        return bool(method(renew=True, **self.auth_method["kwargs"]))

    def call_briefly(
        self,
        name: str,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        path: str = "",
        auth: "Negotiation | None" = None,
        retry: bool = True,
    ) -> Any:
        """A call that no hub needs long for, with the time limit of logins; never part of a multicall."""
        body = encode_request(name, join_named(args, kwargs or {}))
        limit = min(self.opts.auth_timeout, self.opts.timeout)
        return self._exchange(name, body, path=path, timeout=limit, auth=auth, retry=retry)

    def send_chunk(self, data: bytes, query: list[tuple[str, str]]) -> Any:
        """One raw upload request (see `moromi.client.upload`)."""
        return self._renewed("rawUpload", data, "application/octet-stream", query)

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """One call at a time on a logged-in session. A lock that was held in the parent of a fork is not
        ours.
        """
        if self._lock_pid != os.getpid():
            self._lock, self._lock_pid = threading.RLock(), os.getpid()
        if not self.logged_in:
            yield
            return
        with self._lock:
            yield

    def _identify(self) -> tuple[dict[str, str], list[tuple[str, str]]]:
        """Session headers of the next call number (and query arguments for hubs that do not read the
        headers).
        """
        if self.sinfo is None or self.callnum is None:
            return {}, []
        number, self.callnum = self.callnum, self.callnum + 1
        ident, key = str(self.sinfo["session-id"]), str(self.sinfo["session-key"])
        headers = {
            "Koji-Session-Id": ident,
            "Koji-Session-Key": key,
            "Koji-Session-Callnum": str(number),
        }
        if self.sinfo.get("header-auth"):
            return headers, []
        return headers, [("session-id", ident), ("session-key", key), ("callnum", str(number))]

    def _exchange(
        self,
        name: str,
        body: bytes,
        *,
        content_type: str = "text/xml",
        query: Iterable[tuple[str, str]] = (),
        path: str = "",
        timeout: float | None = None,
        auth: "Negotiation | None" = None,
        retry: bool = True,
    ) -> Any:
        """Send one numbered request until it is answered or patience ends; decode the answer, raise its
        fault.
        """
        with self._in_turn():
            headers, arguments = self._identify()
            headers["Content-Type"] = content_type

            def post() -> Answer:
                return self.transport.post(
                    body,
                    headers,
                    path=path,
                    query=[*arguments, *query],
                    timeout=timeout or self.opts.timeout,
                    auth=auth,
                )

            return self._persist(name, post, retry)

    def _persist(self, name: str, post: Any, retry: bool) -> Any:
        """Run the attempts of one request (section 4's table)."""
        opts = self.opts
        policy = RetryPolicy(
            opts.max_retries if retry else 0, opts.retry_interval, opts.anon_retry, opts.patience
        )
        failures = 0
        away_since = 0.0
        while True:
            self.retries = failures
            began = time.monotonic()
            try:
                return self._decode(self._once_or_twice(post, retry))
            except ServerOffline as err:
                if not (retry and opts.offline_retry):
                    raise
                self.logger.info("the hub is offline (%s), next try in %s s", err, opts.offline_interval)
                failures = 0
                time.sleep(opts.offline_interval)
            except TransportError as err:
                failures += 1
                now = time.monotonic()
                if failures == 1:  # a connection that was cut after an hour was no hour of waiting
                    away_since = began if err.failure is Failure.SILENT else now
                pause = policy.delay(failures, self.logged_in, now - away_since)
                if pause is None or err.failure.final:
                    raise
                self.logger.info("try #%i for call %s (%s) failed: %s", failures, self.callnum, name, err)
                self.transport.drop()
                if pause and self.on_retry:
                    self.on_retry(err, pause)
                time.sleep(pause)

    def _once_or_twice(self, post: Any, repeat: bool) -> Answer:
        """One attempt; a cut connection (an idle one closed by the server, mostly) is tried again at once."""
        try:
            answer: Answer = post()
        except TransportError as err:
            if err.failure is not Failure.DROPPED or not repeat:
                raise
            self.transport.drop()
            self.retries += 1
            answer = post()
        return answer

    def _decode(self, answer: Answer) -> Any:
        self._hub_version = answer.headers.get("Koji-Version") or self._hub_version
        try:
            return decode_response(answer.body)
        except ParseError as err:
            said = f" ({answer.said})" if answer.said else ""
            raise TransportError(f"{self.baseurl} does not answer as a hub does: {err}{said}") from err

    # -- several calls at once

    @property
    def collecting(self) -> bool:
        """True while an old-style multicall is open."""
        return self._collected is not None

    @property
    def multicall(self) -> MultiCallSwitch:
        """`with session.multicall(strict=…, batch=…) as m`; assigning True opens an old-style multicall."""
        return MultiCallSwitch(self)

    @multicall.setter
    def multicall(self, value: bool) -> None:
        self._collected = [] if value else None

    def multiCall(self, strict: bool = False, batch: int | None = None) -> list[Any]:
        """Send what an old-style multicall collected; the raw answers."""
        if self._collected is None:
            raise GenericError("ClientSession.multicall must be set to True before calling multiCall()")
        calls, self._collected = self._collected, None
        return run_calls(self, calls, strict, batch) if calls else []

    # -- files

    def upload(
        self,
        localfile: str,
        path: str,
        name: str | None = None,
        callback: "Progress | None" = None,
        blocksize: int | None = None,
        overwrite: bool = True,
        volume: str | None = None,
    ) -> None:
        """Put a file at `<work>/<path>/<name>`, raw where the hub can. `callback(done, total, piece, lap_s,
        total_s)`.
        """
        from moromi.client.upload import base64_upload, hub_takes_raw

        self._outside_multicall("uploads")
        name = name or os.path.basename(localfile)
        if hub_takes_raw(self, path, name, volume):
            self.fastUpload(localfile, path, name, callback, blocksize, overwrite, volume)
            return
        size = blocksize or self.opts.upload_blocksize
        base64_upload(self, localfile, path, name, callback=callback, blocksize=size, volume=volume)

    uploadWrapper = upload

    def fastUpload(
        self,
        localfile: str,
        path: str,
        name: str | None = None,
        callback: "Progress | None" = None,
        blocksize: int | None = None,
        overwrite: bool = False,
        volume: str | None = None,
    ) -> None:
        """The raw upload. ActionNotAllowed without a login, GenericError when sizes or sums differ."""
        from moromi.client.upload import raw_upload

        self._outside_multicall("uploads")
        raw_upload(
            self,
            localfile,
            path,
            name or os.path.basename(localfile),
            callback=callback,
            blocksize=blocksize or self.opts.upload_blocksize,
            overwrite=overwrite,
            volume=volume,
        )

    def downloadTaskOutput(
        self, taskID: int, fileName: str, offset: int = 0, size: int = -1, volume: str | None = None
    ) -> bytes:
        """`size` bytes (-1: all) of a file of a task, from `offset` (negative: from the end)."""
        self._outside_multicall("downloads")
        extra = {} if volume in (None, "DEFAULT") else {"volume": volume}
        text = self.call("downloadTaskOutput", taskID, fileName, offset=offset, size=size, **extra)
        return base64.b64decode(text)

    def _outside_multicall(self, what: str) -> None:
        if self._collected is not None:
            raise GenericError(f"{what} cannot be part of a multicall")


HubFault = (GenericError, Fault)
"""What an `except` names to catch every answer that is a fault, whatever its code."""
