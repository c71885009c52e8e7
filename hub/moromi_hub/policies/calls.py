"""Calls that ask a policy."""

from __future__ import annotations

from typing import Any

from moromi_hub.call import Call
from moromi_hub.policies import service
from moromi_hub.rpc.registry import ANYONE, HOST, exported


@exported("evalPolicy", access=ANYONE)
def eval_policy(call: Call, name: Any, data: Any) -> str | None:
    """The action of a policy for some data, nil when no rule matched."""
    return service.evaluate(call, name, data)


@exported("host.evalPolicy", access=HOST)
def host_eval_policy(call: Call, name: Any, data: Any) -> str | None:
    """The action of a policy for some data, nil when no rule matched."""
    return service.evaluate(call, name, data)


@exported("host.checkPolicy", access=HOST)
def host_check_policy(
    call: Call, name: Any, data: Any, default: str = "deny", strict: bool = False
) -> tuple[bool, str]:
    """`[allowed, reason]` of an allow/deny policy."""
    return service.check(call, name, data, default, strict)


@exported("host.assertPolicy", access=HOST)
def host_assert_policy(call: Call, name: Any, data: Any, default: str = "deny") -> None:
    """Refuse unless the policy allows."""
    service.assert_allowed(call, name, data, default)
