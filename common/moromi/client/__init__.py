"""The client side of the hub's protocol: what the builder, the command line and scripts talk through.

`ClientSession` is the object everybody wants; `Push` wakes pollers early; `moromi.client.config` reads
profiles. Names are loaded when they are first used, so that reading a configuration does not cost the import
of an HTTP library.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moromi.client.multicall import MultiCallInProgress, MultiCallNotReady, MultiCallSession, VirtualCall
    from moromi.client.options import SessionOptions
    from moromi.client.push import Push, follow
    from moromi.client.session import ClientSession, SessionInfo
    from moromi.client.trouble import CertificateError, TransportError

__all__ = [
    "CertificateError",
    "ClientSession",
    "MultiCallInProgress",
    "MultiCallNotReady",
    "MultiCallSession",
    "Push",
    "SessionInfo",
    "SessionOptions",
    "TransportError",
    "VirtualCall",
    "follow",
]

_HOME = {
    "CertificateError": "trouble",
    "ClientSession": "session",
    "MultiCallInProgress": "multicall",
    "MultiCallNotReady": "multicall",
    "MultiCallSession": "multicall",
    "Push": "push",
    "SessionInfo": "session",
    "SessionOptions": "options",
    "TransportError": "trouble",
    "VirtualCall": "multicall",
    "follow": "push",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
