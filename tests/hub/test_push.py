"""Taking push messages from the database."""

from __future__ import annotations

import select
from typing import Any

from sqlalchemy import Engine, text

from moromi_hub import push


def test_an_odd_message_does_not_keep_the_next_one_away(engine: Engine) -> None:
    connection = push.connect(engine, "test")
    taken: list[Any] = []

    def publish(message: dict[str, Any]) -> None:
        taken.append((message["type"], message.get("id")))

    try:
        with engine.begin() as other:
            for payload in ("no json", "[]", '"text"', "{}", '{"type":"task","id":7}'):
                other.execute(text("SELECT pg_notify('moromi', :payload)"), {"payload": payload})
        while not taken:
            assert select.select([connection], [], [], 60)[0], "no message came"
            push.take(connection, publish)
    finally:
        connection.close()
    assert taken == [("task", 7)]
