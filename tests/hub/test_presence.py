"""Builders whose streams are open need not say that they are there; nobody else can say it for them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text, update

from moromi_hub.events.presence import Presence
from moromi_hub.settings import Settings
from moromi_schema import tables as t
from support.hub import Client, HubUnderTest

ONE, TWO = "builder1.example.org", "builder2.example.org"


def presence(hub: HubUnderTest, **options: Any) -> Presence:
    settings = Settings(PushListen="127.0.0.1:8081").replace(**options)
    return Presence(hub.hub.engine, settings)


def headers(client: Client) -> Mapping[str, str]:
    """Of a client's requests, as the push service gets them."""
    return {
        "koji-session-id": client.headers["HTTP_KOJI_SESSION_ID"],
        "koji-session-key": client.headers["HTTP_KOJI_SESSION_KEY"],
    }


def silent_for(hub: HubUnderTest, seconds: int | None = None, host_id: int = 1) -> float:
    """How long nothing was heard of a host; with `seconds`, let it be so long."""
    with hub.hub.engine.begin() as connection:
        if seconds is not None:
            connection.execute(
                text("UPDATE host SET update_time = now() - make_interval(secs => :s) WHERE id = :id"),
                {"s": seconds, "id": host_id},
            )
        query = text("SELECT extract(epoch FROM now() - update_time) FROM host WHERE id = :id")
        return float(connection.execute(query, {"id": host_id}).scalar_one())


def test_only_the_exclusive_session_of_a_host_speaks_for_it(hub: HubUnderTest) -> None:
    there = presence(hub)
    one, two, alice = (hub.client(name) for name in (ONE, TWO, "alice"))
    assert there.session_of(1, headers(one), "10.0.0.1") == int(one.headers["HTTP_KOJI_SESSION_ID"])
    for host_id, sent in (
        (2, headers(one)),
        (1, headers(two)),
        (1, headers(alice)),
        (1, {**headers(one), "koji-session-key": "1-guess"}),
        (1, {**headers(one), "koji-session-id": "x"}),
        (1, {}),
    ):
        assert there.session_of(host_id, sent, "10.0.0.1") is None
    one("sharedSession")
    assert there.session_of(1, headers(one), "10.0.0.1") is None


def test_who_is_there_is_not_silent(hub: HubUnderTest, admin: Client) -> None:
    there = presence(hub)
    builder = hub.client(ONE)
    builder("host.updateHost", 0.0, True)
    session_id = there.session_of(1, headers(builder), "-")
    assert session_id is not None
    silent_for(hub, 170)
    silent_for(hub, 170, host_id=2)
    there.enter(session_id)
    there.enter(session_id)
    there.leave(session_id)
    there.store()
    # no later than what the connection proves
    assert 34 < silent_for(hub) < 160
    assert silent_for(hub, host_id=2) > 169
    admin("scheduler.doRun", True)
    assert admin("getHost", ONE)["ready"] is True
    there.leave(session_id)
    silent_for(hub, 170)
    there.store()
    assert silent_for(hub) > 169


GONE: list[dict[str, Any]] = [
    {"closed": True, "exclusive": None},
    {"exclusive": None},
    {"expired": True},
    {"update_time": datetime(2020, 1, 1, tzinfo=UTC)},
]


@pytest.mark.parametrize("change", GONE)
def test_a_stream_speaks_only_for_a_session_that_lives(hub: HubUnderTest, change: dict[str, Any]) -> None:
    """A daemon that hangs owes its check-in; one that was pushed out, or has left, is not there."""
    there = presence(hub)
    builder = hub.client(ONE)
    session_id = there.session_of(1, headers(builder), "-")
    assert session_id is not None
    there.enter(session_id)
    silent_for(hub, 100)
    with hub.hub.engine.begin() as connection:
        connection.execute(update(t.sessions).where(t.sessions.c.id == session_id).values(**change))
    there.store()
    assert silent_for(hub) > 99


@pytest.mark.parametrize("options", [{"PushURL": "https://hub.example.org/events"}, {"ReadyTimeout": 60}])
def test_no_stream_speaks_where_it_proves_too_little(hub: HubUnderTest, options: dict[str, Any]) -> None:
    builder = hub.client(ONE)
    assert presence(hub, **options).session_of(1, headers(builder), "-") is None
