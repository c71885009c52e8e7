"""When a failed call is sent again (client-session spec, section 4).

Kept free of sockets and clocks so that each rule can be tested by itself: `classify` says what kind of
failure an exception is, `RetryPolicy.delay` whether and after what pause another attempt is due.
"""

import errno
from dataclasses import dataclass
from enum import Enum

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


class Failure(Enum):
    """What went wrong with one exchange."""

    DROPPED = "the connection was cut: the same bytes go out again at once, once"
    CERTIFICATE = "the peer or our certificate is refused: trying again cannot help"
    OTHER = "anything else: the hub may be away for a while"


def _chain(exc: BaseException) -> list[BaseException]:
    """The exception and all that it wraps, through causes and through arguments (as urllib3 nests them)."""
    found: list[BaseException] = []
    pending: list[BaseException] = [exc]
    while pending:
        item = pending.pop()
        if item in found:
            continue
        found.append(item)
        pending += [inner for inner in (item.__cause__, item.__context__) if inner is not None]
        pending += [arg for arg in item.args if isinstance(arg, BaseException)]
        reason = getattr(item, "reason", None)
        if isinstance(reason, BaseException):
            pending.append(reason)
    return found


def classify(exc: BaseException) -> Failure:
    """Tell a cut connection and a certificate problem from everything else."""
    chain = _chain(exc)
    texts = " ".join(f"{type(item).__name__}: {item}" for item in chain)
    if any(text in texts for text in CERTIFICATE_TEXTS):
        return Failure.CERTIFICATE
    if any(isinstance(item, OSError) and item.errno in DROPPED_ERRNOS for item in chain):
        return Failure.DROPPED
    if any(text in texts for text in DROPPED_TEXTS):
        return Failure.DROPPED
    return Failure.OTHER


@dataclass(frozen=True)
class RetryPolicy:
    """How patient a session is. `interval` is in seconds; `max_retries` 0 means one attempt; `patience`, if
    set, is the longest time in seconds between the first failure and the last attempt.
    """

    max_retries: int = 30
    interval: float = 20.0
    anonymous: bool = False
    patience: float | None = None

    def delay(self, failures: int, logged_in: bool, since_first: float = 0.0) -> float | None:
        """Seconds to wait after the `failures`-th failed attempt (1 is the first), or None to give up.

        `since_first`: seconds since the first failure.
        """
        if failures > self.max_retries or not (logged_in or self.anonymous):
            return None
        pause = 0.0 if failures == 1 else self.interval
        if self.patience is None:
            return pause
        left = self.patience - since_first
        return min(pause, left) if left > 0 else None
