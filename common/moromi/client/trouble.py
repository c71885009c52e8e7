"""What can go wrong with one exchange with a server, and whether another try can help (client-session spec,
section 4).

Kept free of sockets, so that each rule can be tested by itself: `classify` says what kind of failure an
exception is; TransportError is what every part of this package raises for it.
"""

import errno
import re
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Logger

DROPPED_TEXTS = ("BadStatusLine", "RemoteDisconnected", "ConnectionReset", "IncompleteRead")
DROPPED_ERRNOS = frozenset({errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE})
CERTIFICATE_TEXTS = (
    "certificate verify failed",
    "certificate revoked",
    "certificate expired",
    "certificate has expired",
    "doesn't match",
    "Hostname mismatch",
    "Permission denied",
)

_SECRETS = re.compile(r"(session-key=|session-id=|callnum=)[^&\s'\")]+|(://[^/@\s:]*:)[^/@\s]+(?=@)")

_NUMBER = re.compile(r"^\[Errno -?\d+\] | \(_ssl\.c:\d+\)$")


def mask_secrets(text: str) -> str:
    """`text` without the session keys and passwords that URLs in error messages carry."""
    return _SECRETS.sub(r"\1\2XXXXX", text)


class Failure(Enum):
    """What went wrong with one exchange."""

    DROPPED = "the connection was cut: the same bytes go out again at once, once"
    SILENT = "no answer within the time limit"
    CERTIFICATE = "the peer or our certificate is refused: trying again cannot help"
    ADDRESS = "nothing can be asked at such an address: trying again cannot help"
    OTHER = "anything else: the hub may be away for a while"

    @property
    def final(self) -> bool:
        """Whether another try cannot end otherwise."""
        return self in (Failure.CERTIFICATE, Failure.ADDRESS)


class TransportError(OSError):
    """The exchange itself failed: no connection, a cut one, a time-out, an HTTP error status.

    `failure` says whether a repeat can help; `status` is the HTTP status or None. The original exception is
    the cause.
    """

    def __init__(self, message: str, failure: Failure = Failure.OTHER, status: int | None = None) -> None:
        super().__init__(mask_secrets(message))
        self.failure = failure
        self.status = status


class CertificateError(TransportError):
    """The server's certificate, or ours, was refused."""

    def __init__(self, message: str) -> None:
        super().__init__(message, Failure.CERTIFICATE)


def logger() -> "Logger":
    """Where a session says what it gets over by itself. Imported at the first word: most runs of the command
    line say none, and the module takes longer to import than a call.
    """
    import logging

    return logging.getLogger("moromi.client")


def transport_error(url: str, err: Exception, limit: float) -> TransportError:
    """What to raise for an exception of the operating system, the TLS or the HTTP library. `limit`: seconds
    that were waited for at most.
    """
    failure = classify(err)
    kind = type(err).__name__
    said = _NUMBER.sub("", str(err)) or kind
    if kind == "BadStatusLine":  # a name will do: the HTTP library is not needed to tell what failed
        said = f"the answer is not HTTP: {said[:80]!r}"
    elif kind == "IncompleteRead":
        said = f"the connection was cut: {said}"
    if failure is Failure.CERTIFICATE:
        return CertificateError(f"{url}: {said}")
    if failure is Failure.SILENT:
        return TransportError(f"{url}: timed out, no answer for {limit:.0f} s", failure)
    return TransportError(f"{url}: {said}", failure)


def _chain(exc: BaseException) -> list[BaseException]:
    """The exception and all that it wraps, through causes and through arguments."""
    found: list[BaseException] = []
    pending: list[BaseException] = [exc]
    while pending:
        item = pending.pop()
        if item in found:
            continue
        found.append(item)
        pending += [inner for inner in (item.__cause__, item.__context__) if inner is not None]
        pending += [arg for arg in item.args if isinstance(arg, BaseException)]
    return found


def classify(exc: BaseException) -> Failure:
    """Tell a cut connection, a silent server and a certificate problem from everything else."""
    chain = _chain(exc)
    texts = " ".join(f"{type(item).__name__}: {item}" for item in chain)
    if any(text in texts for text in CERTIFICATE_TEXTS):
        return Failure.CERTIFICATE
    if any(isinstance(item, OSError) and item.errno in DROPPED_ERRNOS for item in chain):
        return Failure.DROPPED
    if any(text in texts for text in DROPPED_TEXTS):
        return Failure.DROPPED
    if any(isinstance(item, TimeoutError) for item in chain):
        return Failure.SILENT
    return Failure.OTHER
