"""Content generators reserve builds and give them back (data-model.md section 5.6)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from moromi.constants import BuildState
from moromi.errors import GenericError
from moromi.names import check_NVR
from moromi_hub.builds import service as builds
from moromi_hub.call import Call
from moromi_hub.users import membership


def init_build(call: Call, cg: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    """A BUILDING entry of the caller and the token that completes it: `{build_id, token}`."""
    generator = membership.assert_generator_access(call, cg)
    entry = dict(data)
    entry |= {"owner": call.user_id, "state": int(BuildState.BUILDING), "completion_time": None}
    entry["cg_id"] = generator["id"]
    entry.setdefault("epoch", None)
    if entry.get("version") is not None and entry.get("release") is not None:
        check_NVR({"version": str(entry["version"]), "release": str(entry["release"])}, strict=True)
    build_id = builds.new_build(call, entry)
    token = secrets.token_hex(32)
    builds.reserve(call, build_id, token)
    return {"build_id": build_id, "token": token}


def refund_build(call: Call, cg: Any, build_info: Any, token: Any, state: Any) -> None:
    """Give a reserved build up: FAILED or CANCELED."""
    if state not in (BuildState.FAILED, BuildState.CANCELED):
        raise GenericError("Only FAILED/CANCELED build states are allowed")
    generator = membership.assert_generator_access(call, cg)
    build = builds.require_build(call, build_info)
    builds.lock(call, build["id"])
    build = builds.require_build(call, build["id"])
    if build["state"] != BuildState.BUILDING:
        raise GenericError(f"Build ID {build['id']} is not in BUILDING state")
    builds.check_reservation(call, build["id"], token)
    if build["cg_id"] != generator["id"]:
        raise GenericError(f"Build ID {build['id']} is not reserved by this CG")
    builds.set_state(call, build, BuildState(state))
    builds.drop_reservation(call, build["id"])
