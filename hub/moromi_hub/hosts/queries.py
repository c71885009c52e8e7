"""SQL of hosts, their configuration, channels and check-ins (spec: data-model.md section 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Float,
    Integer,
    Select,
    Update,
    and_,
    bindparam,
    cast,
    false,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT
from sqlalchemy.dialects.postgresql import insert as pg_insert

from moromi_hub.db import versions
from moromi_hub.db.columns import seconds
from moromi_hub.db.transaction import DO_NOT_WAIT, Transaction
from moromi_schema import tables as t

_h, _hc, _ch, _c = t.host, t.host_config, t.host_channels, t.channels

HOST_FIELDS: Mapping[str, ColumnElement[Any]] = {
    "id": _h.c.id,
    "user_id": _h.c.user_id,
    "name": _h.c.name,
    "update_ts": seconds(_h.c.update_time),
    "ready": _h.c.ready,
    "task_load": _h.c.task_load,
    "arches": _hc.c.arches,
    "capacity": _hc.c.capacity,
    "description": _hc.c.description,
    "comment": _hc.c.comment,
    "enabled": _hc.c.enabled,
}
CHANNEL_FIELDS = (_c.c.id, _c.c.name, _c.c.description, _c.c.enabled, _c.c.comment)


def hosts(event: int | None = None) -> Select[Any]:
    """The select of hosts with their configuration, now or at `event`."""
    return (
        select(*(column.label(key) for key, column in HOST_FIELDS.items()))
        .select_from(_h.join(_hc, _hc.c.host_id == _h.c.id))
        .where(versions.visible(_hc, event))
    )


def host(tx: Transaction, key: str, value: Any, event: int | None = None) -> dict[str, Any] | None:
    """One host by `id` or `name`."""
    return tx.row(hosts(event).where(_h.c[key] == value))


def list_hosts(
    *,
    arches: Sequence[str] | None = None,
    channel_id: int | None = None,
    ready: bool | None = None,
    enabled: bool | None = None,
    user_id: int | None = None,
) -> Select[Any]:
    """The select of hosts by the filters of `listHosts`."""
    query = hosts()
    if arches is not None:
        words = func.regexp_split_to_array(_hc.c.arches, literal(r"\s+"))
        query = query.where(words.op("&&")(cast(list(arches), ARRAY(TEXT))))
    if channel_id is not None:
        query = query.join(_ch, and_(_ch.c.host_id == _h.c.id, versions.visible(_ch)))
        query = query.where(_ch.c.channel_id == channel_id)
    if ready is not None:
        query = query.where(_h.c.ready.is_(bool(ready)))
    if enabled is not None:
        query = query.where(_hc.c.enabled.is_(bool(enabled)))
    if user_id is not None:
        query = query.where(_h.c.user_id == user_id)
    return query


def last_activity(tx: Transaction, host_id: int) -> dict[str, Any] | None:
    """When a host was last heard of, by its sessions or its stream: `{time, ts}`."""
    newest = func.max(func.greatest(t.sessions.c.update_time, _h.c.update_time))
    return tx.row(
        select(newest.label("time"), seconds(newest).label("ts"))
        .select_from(t.sessions.join(_h, _h.c.user_id == t.sessions.c.user_id))
        .where(_h.c.id == host_id)
    )


def arch_texts(tx: Transaction) -> list[str]:
    """The arches of every enabled host, as stored."""
    query = select(_hc.c.arches).where(versions.visible(_hc), _hc.c.enabled, _hc.c.arches.is_not(None))
    return [str(text) for text in tx.scalars(query)]


def insert_host(tx: Transaction, user_id: int, name: str) -> int:
    """A new host row's id."""
    return int(tx.scalar(insert(_h).values(user_id=user_id, name=name).returning(_h.c.id)))


def configuration(tx: Transaction, host_id: int) -> dict[str, Any] | None:
    """The live configuration of a host, locked."""
    columns = (_hc.c.arches, _hc.c.capacity, _hc.c.description, _hc.c.comment, _hc.c.enabled)
    return tx.row(select(*columns).where(_hc.c.host_id == host_id, versions.visible(_hc)).with_for_update())


def set_configuration(
    tx: Transaction, by: int, host_id: int, values: Mapping[str, Any], *, new: bool = False
) -> None:
    """Replace the configuration of a host (all of it in `values`)."""
    if not new:
        versions.revoke(tx, _hc, by, _hc.c.host_id == host_id)
    versions.create(tx, _hc, by, {"host_id": host_id, **values})


# channels


def channel(tx: Transaction, key: str, value: Any) -> dict[str, Any] | None:
    """One channel by `id` or `name`."""
    return tx.row(select(*CHANNEL_FIELDS).where(_c.c[key] == value))


def list_channels(
    tx: Transaction, host_id: int | None = None, event: int | None = None, enabled: bool | None = None
) -> list[dict[str, Any]]:
    """All channels, or those of a host (at `event`), by id."""
    query = select(*CHANNEL_FIELDS).order_by(_c.c.id)
    if host_id is not None:
        query = query.join(_ch, _ch.c.channel_id == _c.c.id)
        query = query.where(_ch.c.host_id == host_id, versions.visible(_ch, event))
    if enabled is not None:
        query = query.where(_c.c.enabled.is_(bool(enabled)))
    return tx.rows(query)


def insert_channel(tx: Transaction, name: str, description: str | None = None) -> int:
    """A new channel's id."""
    return int(tx.scalar(insert(_c).values(name=name, description=description).returning(_c.c.id)))


def update_channel(tx: Transaction, channel_id: int, values: Mapping[str, Any]) -> None:
    """Change a channel in place (channels are not versioned)."""
    tx.execute(update(_c).where(_c.c.id == channel_id).values(**values))


def is_subscribed(tx: Transaction, host_id: int, channel_id: int) -> bool:
    """Whether a host is in a channel now."""
    query = select(_ch.c.host_id).where(
        _ch.c.host_id == host_id, _ch.c.channel_id == channel_id, versions.visible(_ch)
    )
    return tx.scalar(query) is not None


def subscribe(tx: Transaction, by: int, host_id: int, channel_id: int) -> None:
    """Put a host into a channel."""
    versions.create(tx, _ch, by, {"host_id": host_id, "channel_id": channel_id})


def unsubscribe(tx: Transaction, by: int, host_id: int, channel_id: int) -> int:
    """Take a host out of a channel; the number of rows is returned."""
    return versions.revoke(tx, _ch, by, _ch.c.host_id == host_id, _ch.c.channel_id == channel_id)


def channel_hosts(tx: Transaction, channel_id: int) -> list[dict[str, Any]]:
    """`{id, arches}` of the enabled hosts of a channel, by id."""
    return tx.rows(
        select(_h.c.id, _hc.c.arches)
        .select_from(_h.join(_hc, _hc.c.host_id == _h.c.id).join(_ch, _ch.c.host_id == _h.c.id))
        .where(versions.visible(_hc), versions.visible(_ch), _hc.c.enabled, _ch.c.channel_id == channel_id)
        .order_by(_h.c.id)
    )


# check-ins


def check_in(
    tx: Transaction,
    host_id: int,
    task_load: float,
    ready: bool,
    data: Mapping[str, Any] | None,
    record: tuple[Update, Mapping[str, Any]] | None,
) -> tuple[bool, bool, float]:
    """Record a check-in in one statement, with `record`, which stores the number of the call.

    Whether load, readiness or data differ from the last one; whether `record` changed a row; the time.
    """
    statement, given = (None, {}) if record is None else record
    values = {"host": host_id, "load": task_load, "ready": ready, **given}
    if data is not None:
        values["data"] = dict(data)
    row = tx.row(_check_in(data is not None, statement), values)
    return (False, False, 0.0) if row is None else (bool(row["changed"]), row["recorded"], row["at"])


@cache
def _check_in(with_data: bool, record: Update | None) -> Update:
    host, load = bindparam("host", type_=Integer), bindparam("load", type_=Float)
    ready = bindparam("ready", type_=Boolean)
    stored = t.scheduler_host_data
    before = (
        select(_h.c.id, _h.c.task_load, _h.c.ready, stored.c.data)
        .select_from(_h.outerjoin(stored, stored.c.host_id == _h.c.id))
        .where(_h.c.id == host)
        .cte("before")
    )
    changed = (before.c.task_load != load) | (before.c.ready != ready)
    query = (
        update(_h).where(_h.c.id == before.c.id).values(update_time=func.now(), task_load=load, ready=ready)
    )
    if with_data:
        data = bindparam("data", type_=JSONB)
        query = query.add_cte(_store_data(host, data).cte("stored"))
        changed = changed | before.c.data.is_distinct_from(data)
    recorded: ColumnElement[bool] = false()
    if record is not None:
        number = record.returning(t.sessions.c.id).cte("number")
        recorded = select(number.c.id).exists()
        query = query.add_cte(number)
    at = seconds(_h.c.update_time)
    return query.returning(
        changed.label("changed"), recorded.label("recorded"), at.label("at"), DO_NOT_WAIT.label("waits")
    )


def set_data(tx: Transaction, host_id: int, data: Mapping[str, Any]) -> None:
    """Replace the scheduler data of a host."""
    tx.execute(_store_data(literal(host_id), literal(dict(data), JSONB)))


def _store_data(host: ColumnElement[Any], data: ColumnElement[Any]) -> Any:
    query = pg_insert(t.scheduler_host_data).values(host_id=host, data=data)
    changed = t.scheduler_host_data.c.data.is_distinct_from(query.excluded.data)
    return query.on_conflict_do_update(
        index_elements=["host_id"], set_={"data": query.excluded.data}, where=changed
    )
