"""Plugin callbacks: which there are, who registered, and running them (hub-protocol.md section 7)."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from moromi.errors import CallbackError, PluginError

if TYPE_CHECKING:
    from moromi_hub.call import Call

_PAIRED = (
    "PackageListChange",
    "TaskStateChange",
    "BuildStateChange",
    "Import",
    "RPMSign",
    "Tag",
    "Untag",
    "RepoInit",
    "RepoDone",
    "BuildPromote",
    "Commit",
)
KINDS = frozenset(f"{when}{what}" for what in _PAIRED for when in ("pre", "post"))

Callback = Callable[..., Any]


class Callbacks:
    """The registered callbacks, run in the order of their registration."""

    def __init__(self) -> None:
        self._registered: dict[str, list[Callback]] = {kind: [] for kind in KINDS}

    def register(self, kind: str, callback: Callback) -> None:
        """Add one. Raises PluginError for an unknown kind or something that cannot be called."""
        if kind not in KINDS:
            raise PluginError(f'"{kind}" is not a valid callback type')
        if not callable(callback):
            raise PluginError(f"{callback} is not callable")
        self._registered[kind].append(callback)

    def wanted(self, kind: str) -> bool:
        """Whether anybody listens: spares the caller the preparation of arguments."""
        return bool(self._registered[kind])

    def run(self, call: Call, kind: str, arguments: dict[str, Any]) -> None:
        """Run all of `kind`; the first failure becomes a CallbackError, which undoes the call."""
        if kind not in KINDS:
            raise PluginError(f'"{kind}" is not a valid callback type')
        for callback in self._registered[kind]:
            try:
                callback(kind, **arguments)
            except Exception as error:
                if getattr(callback, "failure_is_an_option", False):
                    call.hub.log.warning("callback %s failed", callback, exc_info=True)
                    continue
                text = traceback.format_exc()
                raise CallbackError(
                    f"Error running {kind} callback from {callback.__module__}:\n{text}"
                ) from error
