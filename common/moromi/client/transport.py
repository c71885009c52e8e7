"""HTTP under a session: one kept-alive connection pool, thrown away when it fails or when the process forks.

A forked child must not write into its parent's socket, so every request compares the process id; environment
settings (proxies, CA bundle) are read once here and not per request, and ~/.netrc never (it would add
credentials that nobody asked for).
"""

import logging
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import requests
import requests.utils
from requests.auth import AuthBase

from moromi.client.options import SessionOptions
from moromi.client.retry import Failure, classify

logger = logging.getLogger("moromi.client")

USER_AGENT = "koji/1"
CONNECT_TIMEOUT = 60.0
DEBUG_BODY = 1024

_SECRETS = re.compile(r"(session-key=|session-id=|callnum=)[^&\s'\")]+|(://[^/@\s:]*:)[^/@\s]+(?=@)")


def mask_secrets(text: str) -> str:
    """`text` without the session keys and passwords that URLs in error messages carry."""
    return _SECRETS.sub(r"\1\2XXXXX", text)


class TransportError(OSError):
    """The exchange itself failed: no connection, a cut one, a time-out, an HTTP error status.

    An OSError, as the HTTP library's own errors are. `failure` says whether a repeat can help; `status` is
    the HTTP status or None. The original exception is the cause.
    """

    def __init__(self, message: str, failure: Failure = Failure.OTHER, status: int | None = None) -> None:
        super().__init__(mask_secrets(message))
        self.failure = failure
        self.status = status


class CertificateError(TransportError):
    """The hub's certificate, or ours, was refused."""


@dataclass(frozen=True)
class Answer:
    """Body and headers of a 200 answer."""

    body: bytes
    headers: Mapping[str, str]


def _environment(url: str) -> tuple[dict[str, str], str | None]:
    """Proxies and CA bundle that the environment names for `url`."""
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    return requests.utils.get_environ_proxies(url, no_proxy=None), bundle


class Transport:
    """Posts bytes to the hub. Thread-safe as far as the HTTP library's pool is; fork-safe."""

    def __init__(self, baseurl: str, options: SessionOptions) -> None:
        self.baseurl = baseurl
        self.options = options
        self._session: requests.Session | None = None
        self._pid = os.getpid()

    @property
    def http(self) -> requests.Session:
        """The HTTP session of this process, made at its first use."""
        if self._session is None or self._pid != os.getpid():
            self._session = self._connect()
            self._pid = os.getpid()
        return self._session

    def _connect(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        proxies, bundle = _environment(self.baseurl)
        session.proxies.update(proxies)
        session.headers.clear()
        session.headers["User-Agent"] = USER_AGENT
        session.headers["Accept-Encoding"] = "identity"
        session.verify = self.options.verify
        if session.verify is True and bundle:
            session.verify = bundle
        session.cert = self.options.cert
        return session

    def drop(self) -> None:
        """Forget the connections. Closing a descriptor inherited over a fork does not disturb the
        parent's.
        """
        if self._session is not None:
            self._session.close()
        self._session = None

    def post(
        self,
        body: bytes,
        headers: Mapping[str, str],
        *,
        path: str = "",
        query: Iterable[tuple[str, str]] = (),
        timeout: float,
        auth: AuthBase | None = None,
    ) -> Answer:
        """One POST, no retries. Raises TransportError for everything but a 200 answer."""
        url = self.baseurl + path
        if self.options.debug_xmlrpc:
            logger.debug("POST %s %s", url, body[:DEBUG_BODY])
        try:
            response = self.http.post(
                url,
                params=list(query) or None,
                data=body,
                headers=dict(headers),
                timeout=(min(timeout, CONNECT_TIMEOUT), timeout),
                auth=auth,
            )
        except (requests.RequestException, OSError) as err:
            raise self._failed(err) from err
        if self.options.debug_xmlrpc:
            logger.debug("%s %s", response.status_code, response.content[:DEBUG_BODY])
        if response.status_code >= 400:
            text = response.text.strip()[:300]
            raise TransportError(
                f"{self.baseurl} answered {response.status_code} {response.reason}: {text}",
                status=response.status_code,
            )
        return Answer(response.content, response.headers)

    def _failed(self, err: Exception) -> TransportError:
        failure = classify(err)
        kind = CertificateError if failure is Failure.CERTIFICATE else TransportError
        return kind(f"{self.baseurl}: {_reason(err)}", failure)


def _reason(err: BaseException) -> str:
    """What the operating system or the TLS library said, without the layers that the HTTP library puts around
    it.
    """
    inner: BaseException | None = err
    while inner is not None:
        err, inner = inner, inner.__cause__ or inner.__context__
    return str(err) or type(err).__name__
