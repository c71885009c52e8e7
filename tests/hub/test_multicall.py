"""Many calls in one request: each is undone alone, none pays for the protection that it does not need."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, literal, select, text

from moromi.errors import ActionNotAllowed, GenericError, ServerOffline
from moromi_hub.call import Call
from moromi_hub.hosts import service as hosts
from moromi_hub.rpc.registry import ANYONE, Registry, declare
from support.hub import Client, HubUnderTest, count_statements

_names = (f"channel{number}" for number in count())


def add(call: Call, name: str) -> int:
    """Write."""
    return hosts.add_channel(call, name)


def add_and_raise(call: Call, name: str) -> None:
    """Write, then fail in Python."""
    hosts.add_channel(call, name)
    raise GenericError("after writing")


def add_and_break(call: Call, name: str) -> None:
    """Write, then fail in the database."""
    hosts.add_channel(call, name)
    break_reading(call)


def break_reading(call: Call) -> None:
    """Fail in the database without having written."""
    call.tx.scalar(select(1 / (literal(1) - func.length("x"))))


def read(call: Call) -> int:
    """Read what is there."""
    return len(hosts.list_channels(call))


def cut(call: Call) -> None:
    """Lose the connection to the database."""
    call.tx.scalar(select(func.pg_terminate_backend(func.pg_backend_pid())))


@pytest.fixture
def odd(hub: HubUnderTest) -> HubUnderTest:
    """A hub with calls that write and fail in all orders."""
    functions = (add, add_and_raise, add_and_break, break_reading, read, cut)
    hub.hub.registry = Registry.load([declare(each.__name__, each, ANYONE) for each in functions])
    return hub


def batch(*calls: Any) -> list[dict[str, Any]]:
    return [{"methodName": name, "params": list(args)} for name, *args in calls]


def channels(client: Client) -> set[str]:
    return {str(row["name"]) for row in client("listChannels")}


def test_elements_that_read_cost_only_what_they_read(odd: HubUnderTest) -> None:
    client = odd.client()
    with count_statements(odd.hub.engine) as seen:
        client("multiCall", batch(("read",), ("echo", 1), ("break_reading",), ("read",), ("echo", 2)))
    assert len(seen) == 3, seen


def test_a_savepoint_is_set_only_when_there_is_something_to_lose(odd: HubUnderTest) -> None:
    client = odd.client()
    with count_statements(odd.hub.engine) as seen:
        client("multiCall", batch(("read",), ("add", "first"), ("echo", 1), ("echo", 2)))
    assert not [statement for statement in seen if "SAVEPOINT" in statement], seen
    with count_statements(odd.hub.engine) as seen:
        client("multiCall", batch(("add", "second"), ("read",), ("echo", 1)))
    assert len([statement for statement in seen if "SAVEPOINT" in statement]) == 2, seen


def test_what_fails_is_logged_without_what_was_sent(
    odd: HubUnderTest, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "moromi_hub")
    (refused,) = odd.client()("multiCall", batch(("login", "kojiadmin", "almost the password")))
    assert refused["faultString"] == "invalid username or password"
    assert "login failed in a multicall: invalid username or password" in caplog.messages
    assert "almost the password" not in caplog.text


KINDS = st.sampled_from(["add", "add_and_raise", "add_and_break", "break_reading", "read", "echo"])
BATCHES = st.recursive(
    st.lists(KINDS, max_size=5),
    lambda inner: st.lists(st.one_of(KINDS, inner), max_size=5),
    max_leaves=12,
)


def calls_of(plan: list[Any], wanted: set[str]) -> Iterator[tuple[Any, ...]]:
    """The calls of a plan; the channels that must be there afterwards go into `wanted`."""
    for kind in plan:
        if isinstance(kind, list):
            yield "multiCall", batch(*calls_of(kind, wanted))
        elif kind.startswith("add"):
            name = next(_names)
            if kind == "add":
                wanted.add(name)
            yield kind, name
        else:
            yield (kind,)


def outcomes(plan: list[Any], answers: list[Any]) -> None:
    """Every element failed or not as its kind says."""
    assert len(plan) == len(answers)
    for kind, answer in zip(plan, answers, strict=True):
        if isinstance(kind, list):
            outcomes(kind, answer[0])
        else:
            assert isinstance(answer, dict) == (kind not in ("add", "read", "echo")), (kind, answer)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=BATCHES)
def test_whatever_fails_is_undone_alone(odd: HubUnderTest, plan: list[Any]) -> None:
    client = odd.client("kojiadmin")
    before, wanted = channels(client), set[str]()
    answers = client("multiCall", batch(*calls_of(plan, wanted)))
    outcomes(plan, answers)
    assert channels(client) - before == wanted


def test_a_lost_database_fails_the_request_and_keeps_nothing(odd: HubUnderTest) -> None:
    client = odd.client("kojiadmin")
    for calls in ([("add", "lost"), ("cut",), ("read",)], [("cut",), ("add", "lost")]):
        with pytest.raises(ServerOffline, match="database outage"):
            client("multiCall", batch(*calls))
    assert "lost" not in channels(client)


def test_a_connection_that_was_dropped_while_idle_is_replaced(odd: HubUnderTest) -> None:
    client = odd.client()
    for calls in ([("read",)], [("add", "kept"), ("read",)]):
        client("read")
        with odd.hub.engine.connect() as other:
            other.execute(
                text(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
            # this one is in use, so all that is left in the pool is dead
            answers = client("multiCall", batch(*calls))
        assert all(isinstance(answer, list) for answer in answers), answers
    assert "kept" in channels(client)


def test_all_or_nothing(hub: HubUnderTest, admin: Client) -> None:
    first, second = next(_names), next(_names)
    calls = batch(("addChannel", first), ("addChannel", second), ("addChannel", first))
    with pytest.raises(GenericError, match=rf"^call 3 \(addChannel\): .*{first}"):
        admin("multiCallAtomic", calls)
    assert not {first, second} & {channel["name"] for channel in admin("listChannels")}
    made, hidden = admin("multiCallAtomic", batch(("addChannel", first), ("getChannel", second)))
    assert admin("getChannel", made)["name"] == first
    assert hidden is None
    with pytest.raises(ActionNotAllowed, match=r"^call 2 \(addChannel\): "):
        hub.client()("multiCallAtomic", batch(("echo", 1), ("addChannel", second)))
