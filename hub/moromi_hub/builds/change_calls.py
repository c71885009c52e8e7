"""Calls that change builds as a whole."""

from __future__ import annotations

from typing import Any

from moromi.errors import GenericError
from moromi_hub.builds import lifecycle, service
from moromi_hub.call import Call
from moromi_hub.rpc.registry import ADMIN, ANYONE, LOGIN, exported
from moromi_hub.users import service as users


@exported("buildReferences", access=ANYONE)
def build_references(call: Call, build: Any, limit: int | None = None, lazy: bool = False) -> dict[str, Any]:
    """{tags, rpms, component_of, archives, last_used, images}: what uses a build.

    `limit` is per file of the build; `lazy` stops after the first kind that is not empty. Errors as
    `getBuild` with strict.
    """
    return lifecycle.references(call, build, limit, bool(lazy))


@exported("deleteBuild", access=ADMIN)
def delete_build(call: Call, build: Any, strict: bool = True, min_ref_age: float = 604800) -> bool | None:
    """True; nil if it was deleted already; GenericError `Cannot delete build, …` (False unless `strict`)."""
    return lifecycle.delete_build(call, build, bool(strict), float(min_ref_age))


@exported("resetBuild", access=ADMIN)
def reset_build(call: Call, build: Any) -> None:
    """Make an entry CANCELED and free of files, so that it can be used again."""
    lifecycle.reset_build(call, build)


@exported("promoteBuild", access=LOGIN)
def promote_build(call: Call, build: Any, force: bool = False) -> dict[str, Any]:
    """Build, promoted from a draft.

    Raises GenericError `Cannot promote build …`, ActionNotAllowed by policy `draft_promotion`.
    """
    return lifecycle.promote_build(call, build, bool(force))


@exported("setBuildOwner", access=ADMIN)
def set_build_owner(call: Call, build: Any, user: Any) -> None:
    """Give a build to a user. Errors as `getBuild` and `getUser` with strict."""
    found = service.require_build(call, build)
    owner = users.get_user(call, user, strict=True)
    if owner is not None:
        service.set_owner(call, found, owner["id"])


@exported("setBuildTimestamp", access=ADMIN)
def set_build_timestamp(call: Call, build: Any, ts: Any) -> None:
    """State when a build was completed (seconds). Raises GenericError `Invalid type for timestamp`."""
    found = service.require_build(call, build)
    if not isinstance(ts, (int, float)) or isinstance(ts, bool):
        raise GenericError("Invalid type for timestamp")
    service.set_completion(call, found, ts)
