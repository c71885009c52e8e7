"""What a session can be told: time limits, retries, TLS, uploads (client-session spec, section 2).

The names are those of the configuration keys, so a profile, a mapping or an argparse-like object can be
handed over whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

DEFAULT_REQUEST_TIMEOUT = 12 * 3600.0
DEFAULT_AUTH_TIMEOUT = 60.0


@dataclass
class SessionOptions:
    """Options of one session; times are seconds, sizes bytes.

    `serverca` is a path ('' or None: the system's authorities), `cert` a PEM file with key, or a (cert, key)
    pair of paths. `use_fast_upload` None means: ask the hub. `patience` is how long after the first failure a
    call is still retried; None: as often as `max_retries` says.
    """

    user: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout: float = DEFAULT_REQUEST_TIMEOUT
    auth_timeout: float = DEFAULT_AUTH_TIMEOUT
    max_retries: int = 30
    retry_interval: float = 20.0
    anon_retry: bool = False
    patience: float | None = None
    offline_retry: bool = False
    offline_retry_interval: float | None = None
    serverca: str | None = None
    no_ssl_verify: bool = False
    cert: str | tuple[str, str] | None = None
    use_fast_upload: bool | None = None
    upload_blocksize: int = 1 << 20
    debug: bool = False
    debug_xmlrpc: bool = False

    @property
    def offline_interval(self) -> float:
        """Pause between tries while the hub reports an outage; the retry interval unless set."""
        if self.offline_retry_interval is None:
            return self.retry_interval
        return self.offline_retry_interval

    def copy(self) -> "SessionOptions":
        """An independent copy, for a subsession."""
        return replace(self)


def make_options(source: SessionOptions | Mapping[str, Any] | None) -> SessionOptions:
    """A copy of `source`; of a mapping only the known keys with a value are taken, as configurations hold
    many more.
    """
    if source is None:
        return SessionOptions()
    if isinstance(source, SessionOptions):
        return source.copy()
    known = {item.name for item in fields(SessionOptions)}
    return SessionOptions(**{k: v for k, v in source.items() if k in known and v is not None})
