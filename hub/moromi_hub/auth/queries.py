"""SQL of sessions."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Float,
    Integer,
    Select,
    Update,
    bindparam,
    case,
    cast,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY

from moromi_hub.db.transaction import Transaction
from moromi_schema import tables as t

_s, _u = t.sessions, t.users


def session_row(tx: Transaction, session_id: int, key_hash: str, hostip: str) -> dict[str, Any] | None:
    """The open session with its user, host, permissions and the user's exclusive session: one statement."""
    return tx.row(_SESSION_ROW, {"wanted": session_id, "digest": key_hash, "address": hostip})


def _session_query() -> Select[Any]:
    """The statement of `session_row`: every logged-in call runs it, so it is put together only once."""
    other = t.sessions.alias("other")
    exclusive = (
        select(other.c.id)
        .where(other.c.user_id == _s.c.user_id, other.c.exclusive.is_(True), other.c.closed.is_(False))
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(
            _s,
            _u.c.name.label("user_name"),
            _u.c.status.label("user_status"),
            _u.c.usertype.label("user_type"),
            func.now().label("now"),
            exclusive.label("exclusive_id"),
            select(t.host.c.id).where(t.host.c.user_id == _s.c.user_id).scalar_subquery().label("host_id"),
            _permission_names().label("permissions"),
        )
        .join(_u, _u.c.id == _s.c.user_id)
        .where(
            _s.c.id == bindparam("wanted"),
            _s.c.key == bindparam("digest"),
            _s.c.hostip == bindparam("address"),
            _s.c.closed.is_(False),
        )
    )


def _permission_names() -> Any:
    """Names of the permissions of the session's user and of the groups the user is in."""
    groups = (
        select(t.user_groups.c.group_id)
        .where(t.user_groups.c.user_id == _s.c.user_id, t.user_groups.c.active.is_(True))
        # Named, or the nested query would look at the sessions of everybody.
        .correlate(_s)
    )
    return (
        select(func.array_agg(t.permissions.c.name))
        .select_from(t.user_perms.join(t.permissions, t.permissions.c.id == t.user_perms.c.perm_id))
        .where(
            t.user_perms.c.active.is_(True),
            or_(t.user_perms.c.user_id == _s.c.user_id, t.user_perms.c.user_id.in_(groups)),
        )
        .correlate(_s)
        .scalar_subquery()
    )


_SESSION_ROW = _session_query()


def user_by_name(tx: Transaction, name: str) -> dict[str, Any] | None:
    """`{id, name, password, status, usertype}`."""
    return tx.row(select(_u).where(_u.c.name == name))


def set_password(tx: Transaction, user_id: int, stored: str) -> None:
    """Replace what is stored of a password."""
    tx.execute(update(_u).where(_u.c.id == user_id).values(password=stored))


def is_member(tx: Transaction, user_id: int, group_id: int) -> bool:
    """Whether a user is in a group now."""
    groups = t.user_groups.c
    live = groups.active.is_(True)
    member = select(groups.user_id).where(groups.user_id == user_id, groups.group_id == group_id, live)
    return tx.scalar(member) is not None


def task_holder(tx: Transaction, task_id: int) -> dict[str, Any] | None:
    """`{state, host_id}` of a task."""
    return tx.row(select(t.task.c.state, t.task.c.host_id).where(t.task.c.id == task_id))


def insert_session(tx: Transaction, **values: Any) -> int:
    """A new session's id."""
    return int(tx.execute(insert(_s).values(**values).returning(_s.c.id)).scalar_one())


def update_session(tx: Transaction, session_id: int, **values: Any) -> None:
    """Change columns of one session."""
    tx.execute(update(_s).where(_s.c.id == session_id).values(**values))


def record_call(
    tx: Transaction, session_id: int, callnum: int, repeatable: bool, key_hash: str | None = None
) -> bool:
    """Store the call number of a call that is about to commit.

    False means that the same call has committed meanwhile: the caller must roll back.
    """
    given: dict[str, Any] = {"session": session_id, "number": callnum}
    if key_hash is not None:
        given["digest"] = key_hash
    return tx.execute(number_update(repeatable, key_hash is not None), given).rowcount == 1


@cache
def number_update(repeatable: bool, keyed: bool) -> Update:
    """The statement of `record_call`, of `session` and `number`.

    `keyed`: only while the session may be used, with the key whose hash is `digest`.
    """
    number = bindparam("number", type_=Integer)
    condition = or_(_s.c.callnum.is_(None), _s.c.callnum <= number if repeatable else _s.c.callnum < number)
    query = update(_s).where(_s.c.id == bindparam("session", type_=Integer), condition)
    if keyed:
        query = query.where(_s.c.key == bindparam("digest"), _s.c.closed.is_(False), _s.c.expired.is_(False))
    return query.values(callnum=number, update_time=func.clock_timestamp())


def renew(tx: Transaction, session_id: int, key_hash: str, exclusive: bool | None) -> None:
    """A new key for a session, which starts its numbers and its age anew."""
    update_session(
        tx,
        session_id,
        key=key_hash,
        expired=False,
        callnum=None,
        update_time=func.now(),
        renew_time=func.now(),
        exclusive=exclusive,
    )


def expire_tree(tx: Transaction, session_id: int) -> None:
    """Let a session and its subsessions expire."""
    tx.execute(update(_s).where(or_(_s.c.id == session_id, _s.c.master == session_id)).values(expired=True))


def close_tree(tx: Transaction, session_id: int) -> None:
    """Close a session and its subsessions."""
    tx.execute(
        update(_s)
        .where(or_(_s.c.id == session_id, _s.c.master == session_id))
        .values(closed=True, exclusive=None)
    )


def close_child(tx: Transaction, session_id: int, master: int) -> None:
    """Close a session if it is a subsession of `master`."""
    tx.execute(
        update(_s).where(_s.c.id == session_id, _s.c.master == master).values(closed=True, exclusive=None)
    )


def lock_user(tx: Transaction, user_id: int) -> None:
    """Serialise the changes of who holds a user exclusively."""
    tx.execute(select(_u.c.id).where(_u.c.id == user_id).with_for_update())


def exclusive_session(tx: Transaction, user_id: int) -> int | None:
    """The open exclusive session of a user."""
    found = tx.scalar(
        select(_s.c.id).where(_s.c.user_id == user_id, _s.c.exclusive.is_(True), _s.c.closed.is_(False))
    )
    return None if found is None else int(found)


def close_displaced(tx: Transaction, session_id: int) -> None:
    """Close the holder that `exclusiveSession(force=True)` pushes out."""
    update_session(tx, session_id, exclusive=None, expired=True, closed=True)


def is_open(tx: Transaction, session_id: int) -> bool:
    """Whether a session is not closed."""
    return bool(tx.scalar(select(~_s.c.closed).where(_s.c.id == session_id)))


def session_owner(tx: Transaction, session_id: int) -> int | None:
    """The user of an open session."""
    found = tx.scalar(select(_s.c.user_id).where(_s.c.id == session_id, _s.c.closed.is_(False)))
    return None if found is None else int(found)


def describe(where_user: int | None = None, session_id: int | None = None) -> Select[Any]:
    """The rows that `getSessionInfo` shows."""
    query = select(
        _s.c.id,
        _s.c.hostip,
        _s.c.user_id,
        _s.c.expired,
        _s.c.master,
        _s.c.authtype,
        _s.c.callnum,
        _s.c.start_time,
        epoch(_s.c.start_time).label("start_ts"),
        _s.c.update_time,
        epoch(_s.c.update_time).label("update_ts"),
        _s.c.renew_time,
        epoch(_s.c.renew_time).label("renew_ts"),
        case((_s.c.exclusive.is_(True), True)).label("exclusive"),
    ).order_by(_s.c.id)
    if session_id is not None:
        return query.where(_s.c.id == session_id)
    return query.where(_s.c.user_id == where_user, _s.c.expired.is_(False), _s.c.closed.is_(False))


def epoch(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A timestamp as seconds since the epoch."""
    return cast(func.date_part("epoch", column), Float)


def touch(tx: Transaction, seen: dict[int, datetime]) -> None:
    """Store when sessions were last used, in one statement."""
    values = (
        func.unnest(
            literal(list(seen), ARRAY(Integer)), literal(list(seen.values()), ARRAY(DateTime(timezone=True)))
        )
        .table_valued("id", "at")
        .render_derived()
    )
    tx.execute(
        update(_s)
        .where(_s.c.id == values.c.id, _s.c.update_time < values.c.at)
        .values(update_time=values.c.at)
    )
