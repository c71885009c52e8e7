"""Calls of builders that change the state of builds."""

from __future__ import annotations

from typing import Any

from moromi_hub.builds import service
from moromi_hub.call import Call
from moromi_hub.rpc.registry import exported, task_host


@exported("host.failBuild", access=task_host())
def fail_build(call: Call, task_id: int, build_id: Any) -> None:
    """BUILDING to FAILED. Raises GenericError `cannot update build …` from any other state."""
    service.fail_build(call, build_id)
