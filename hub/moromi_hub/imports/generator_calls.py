"""Calls of content generators."""

from __future__ import annotations

from typing import Any

from moromi.constants import BuildState
from moromi_hub import arguments
from moromi_hub.call import Call
from moromi_hub.imports import generator, reservations
from moromi_hub.rpc.registry import checked, exported

_ACCESS = checked("users with access to the content generator")


@exported("CGInitBuild", access=_ACCESS)
def cg_init_build(call: Call, cg: Any, data: Any) -> dict[str, Any]:
    """Reserve a build: {build_id, token}.

    Raises AuthError without access, GenericError for a name that is taken or not allowed.
    """
    return reservations.init_build(call, cg, arguments.expect(data, dict))


@exported("CGRefundBuild", access=_ACCESS)
def cg_refund_build(
    call: Call, cg: Any, build_id: Any, token: Any, state: int = int(BuildState.FAILED)
) -> None:
    """Give a reserved build up; `state` FAILED or CANCELED. Raises GenericError for what does not fit."""
    reservations.refund_build(call, cg, build_id, token, state)


@exported("CGImport", access=_ACCESS)
def cg_import(call: Call, metadata: Any, directory: Any, token: Any = None) -> dict[str, Any]:
    """Import a build with its files from `directory` below work: Build.

    `metadata` is a map, JSON text, the name of a `.json` file in the directory, or nil (metadata.json).
    Raises AuthError without access, GenericError for metadata or files that do not fit.
    """
    return generator.import_build(call, metadata, arguments.expect(directory, str), token)
