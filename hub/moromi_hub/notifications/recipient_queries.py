"""SQL of who gets mail about a build."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.sql.expression import FromClause

from moromi.constants import UserStatus, UserType
from moromi_hub.db.transaction import Transaction
from moromi_schema import tables as t


def _matching(table: FromClause, package_id: int, tag_id: int | None) -> list[ColumnElement[bool]]:
    any_tag = table.c.tag_id.is_(None)
    return [
        or_(table.c.package_id.is_(None), table.c.package_id == package_id),
        any_tag if tag_id is None else or_(any_tag, table.c.tag_id == tag_id),
    ]


def subscribed(
    tx: Transaction, package_id: int, tag_id: int | None, successful: bool
) -> list[dict[str, Any]]:
    """`{user_id, email}` of the subscriptions of people and groups that are not blocked."""
    table = t.build_notifications
    query = (
        select(table.c.user_id, table.c.email)
        .join_from(table, t.users, t.users.c.id == table.c.user_id)
        .where(
            *_matching(table, package_id, tag_id),
            t.users.c.status == UserStatus.NORMAL,
            t.users.c.usertype.in_((UserType.NORMAL, UserType.GROUP)),
        )
        .order_by(table.c.id)
    )
    if not successful:
        query = query.where(table.c.success_only.is_(False))
    return tx.rows(query)


def opted_out(tx: Transaction, package_id: int, tag_id: int | None) -> set[int]:
    """Users who want nothing of this package and tag."""
    table = t.build_notifications_block
    return set(tx.scalars(select(table.c.user_id).where(*_matching(table, package_id, tag_id))))


def active_person(tx: Transaction, user_id: int) -> dict[str, Any] | None:
    """`{id, name}` of a user who is a person and not blocked."""
    user = t.users.c
    where = (user.id == user_id, user.status == UserStatus.NORMAL, user.usertype == UserType.NORMAL)
    return tx.row(select(user.id, user.name).where(*where))
