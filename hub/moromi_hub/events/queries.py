"""What the push service asks the database when a stream is opened, and what it tells it of builders."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Engine, Float, Integer, cast, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY

from moromi_schema import tables as t


def host_id(engine: Engine, name: str) -> int | None:
    """The id of a builder."""
    with engine.connect() as connection:
        return connection.execute(select(t.host.c.id).where(t.host.c.name == name)).scalar()


def tag_id(engine: Engine, name: str) -> int | None:
    """The id of a tag."""
    with engine.connect() as connection:
        return connection.execute(select(t.tag.c.id).where(t.tag.c.name == name)).scalar()


def task_tree(engine: Engine, task_id: int) -> dict[int, int]:
    """A task and its descendants with their states; empty when there is no such task."""
    task = t.task.c
    tree = select(task.id, task.state).where(task.id == task_id).cte("tree", recursive=True)
    tree = tree.union(select(task.id, task.state).join(tree, task.parent == tree.c.id))
    with engine.connect() as connection:
        return {row.id: row.state for row in connection.execute(select(tree.c.id, tree.c.state))}


def volume_names(engine: Engine) -> list[str]:
    """The storage volumes."""
    with engine.connect() as connection:
        return list(connection.execute(select(t.volume.c.name).order_by(t.volume.c.id)).scalars())


def is_session_of(
    engine: Engine, host_id: int, session_id: int, key_hash: str, addresses: Sequence[str]
) -> bool:
    """Whether this is the open exclusive session of a host, with this key, from one of these addresses."""
    session = t.sessions.c
    query = (
        select(t.host.c.id)
        .join(t.sessions, session.user_id == t.host.c.user_id)
        .where(t.host.c.id == host_id, session.id == session_id, session.key == key_hash, _exclusive())
        .where(session.hostip.in_(list(addresses)))
    )
    with engine.connect() as connection:
        return connection.execute(query).scalar() is not None


def are_there(engine: Engine, sessions: Sequence[int], proven: float, owed: float) -> None:
    """The hosts of these sessions were there `proven` seconds ago.

    Left out are those whose session is over, or has made no call for `owed` seconds.
    """
    session = t.sessions.c
    then = func.now() - _seconds(proven)
    query = (
        update(t.host)
        .where(session.user_id == t.host.c.user_id, t.host.c.update_time < then)
        .where(session.id == func.any(cast(list(sessions), ARRAY(Integer))), _exclusive())
        .where(session.update_time > func.now() - _seconds(owed))
        .values(update_time=then)
    )
    with engine.begin() as connection:
        connection.execute(query)


def _exclusive() -> ColumnElement[bool]:
    session = t.sessions.c
    return session.exclusive.is_(True) & session.closed.is_(False) & session.expired.is_(False)


def _seconds(count: float) -> ColumnElement[object]:
    return func.make_interval(0, 0, 0, 0, 0, 0, cast(count, Float))
