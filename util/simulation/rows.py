"""Hosts, sessions and tasks put into a hub's database at once.

A thousand hosts made and logged in by calls would take longer than what is measured, so
they are rows; everything that is measured afterwards goes through the hub.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, literal, literal_column, select, text

from moromi.constants import AuthType, TaskState, UserStatus, UserType
from moromi.wire import xmlrpc
from moromi_hub.tasks import model
from moromi_schema import tables as t

ADDRESS = "-"
"""What the hub stores where it does not check addresses."""
DEFAULT_CHANNEL = 1


@dataclass(frozen=True)
class Account:
    """A host, and the session that it is logged in with."""

    host_id: int
    name: str
    session_id: int
    key: str


def add_hosts(connection: Connection, count: int, capacity: float = 5.0) -> list[Account]:
    """Hosts of arch x86_64 in the default channel, ready, each with an exclusive session.

    Somebody must be there to have made them.
    """
    maker = connection.scalar(select(func.min(t.users.c.id)))
    event = connection.scalar(select(func.get_event()))
    now = datetime.now(UTC)
    names = [f"simulated{number:04}.example.org" for number in range(count)]
    account = {"status": int(UserStatus.NORMAL), "usertype": int(UserType.HOST)}
    users = connection.scalars(
        insert(t.users).returning(t.users.c.id, sort_by_parameter_order=True),
        [{"name": name, **account} for name in names],
    ).all()
    hosts = connection.scalars(
        insert(t.host).returning(t.host.c.id, sort_by_parameter_order=True),
        [
            {"name": name, "user_id": user, "ready": True, "update_time": now}
            for name, user in zip(names, users, strict=True)
        ],
    ).all()
    made = {"create_event": event, "creator_id": maker}
    config = {"arches": "x86_64", "capacity": capacity, **made}
    connection.execute(insert(t.host_config), [{"host_id": host, **config} for host in hosts])
    channel = {"channel_id": DEFAULT_CHANNEL, **made}
    connection.execute(insert(t.host_channels), [{"host_id": host, **channel} for host in hosts])
    keys = [secrets.token_hex(16) for _ in names]
    login = {"authtype": int(AuthType.NORMAL), "hostip": ADDRESS, "exclusive": True}
    sessions = connection.scalars(
        insert(t.sessions).returning(t.sessions.c.id, sort_by_parameter_order=True),
        [
            {"user_id": user, "key": hashlib.sha256(key.encode()).hexdigest(), **login}
            for user, key in zip(users, keys, strict=True)
        ],
    ).all()
    return [Account(*fields) for fields in zip(hosts, names, sessions, keys, strict=True)]


def add_administrator(connection: Connection, name: str) -> Account:
    """A person with permission `admin`, logged in. (`host_id` is 0.)"""
    key = secrets.token_hex(16)
    person = {"name": name, "status": int(UserStatus.NORMAL), "usertype": int(UserType.NORMAL)}
    user = connection.scalar(insert(t.users).values(person).returning(t.users.c.id))
    permission = select(t.permissions.c.id).where(t.permissions.c.name == "admin").scalar_subquery()
    event = connection.scalar(select(func.get_event()))
    granted = {"user_id": user, "perm_id": permission, "create_event": event, "creator_id": user}
    connection.execute(insert(t.user_perms).values(granted))
    session = {"user_id": user, "key": hashlib.sha256(key.encode()).hexdigest(), "hostip": "-"}
    query = insert(t.sessions).values(**session, authtype=int(AuthType.NORMAL)).returning(t.sessions.c.id)
    return Account(0, name, connection.scalars(query).one(), key)


def add_free_tasks(connection: Connection, count: int, arch: str = "noarch") -> None:
    """Tasks that wait for a host."""
    row = {
        "state": int(TaskState.FREE),
        "channel_id": DEFAULT_CHANNEL,
        "owner": connection.scalar(select(func.min(t.users.c.id))),
        "method": "sleep",
        "request": model.encode_request("sleep", [1]),
        "arch": arch,
        "priority": 20,
    }
    connection.execute(insert(t.task), [row] * count)


def add_finished_tasks(connection: Connection, count: int) -> None:
    """Closed tasks of the last year, and that the scheduler gave them away."""
    number = func.generate_series(1, count).table_valued("n").render_derived(name="numbers")
    n = number.c.n
    created = func.now() - literal_column("interval '1 s'") * n * (365 * 86400 / count)
    columns: dict[str, ColumnElement[Any]] = {
        "state": literal(int(TaskState.CLOSED)),
        "channel_id": literal(DEFAULT_CHANNEL),
        "host_id": select(func.min(t.host.c.id)).scalar_subquery(),
        "owner": select(func.min(t.users.c.id)).scalar_subquery(),
        "method": literal("buildArch"),
        "request": literal(model.encode_request("buildArch", ["hello-1.0-1.src.rpm", 1, "x86_64"])),
        "result": literal(xmlrpc.encode_response([None]).decode()),
        "arch": literal("x86_64"),
        "priority": literal(19),
        "create_time": created,
        "start_time": created,
        "completion_time": created + literal_column("interval '90 s'"),
    }
    found = select(*columns.values()).select_from(number)
    connection.execute(insert(t.task).from_select(list(columns), found))
    over = select(t.task.c.id, t.task.c.host_id, t.task.c.create_time, literal(False))
    over = over.where(t.task.c.state == TaskState.CLOSED)
    runs = ["task_id", "host_id", "create_time", "active"]
    connection.execute(insert(t.scheduler_task_runs).from_select(runs, over))
    connection.execute(text("ANALYZE task, scheduler_task_runs"))
