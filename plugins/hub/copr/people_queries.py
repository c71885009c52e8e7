"""SQL of users and tokens."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from moromi_hub.plugin_api import Transaction, t

from .tables import token


def find(tx: Transaction, name: str, kind: int) -> int | None:
    """The id of the user of a type with a name."""
    where = (t.users.c.name == name, t.users.c.usertype == kind)
    found: int | None = tx.scalar(select(t.users.c.id).where(*where))
    return found


def names_of(tx: Transaction, ids: Collection[int]) -> dict[int, str]:
    """Names of users by id."""
    rows = tx.rows(select(t.users.c.id, t.users.c.name).where(t.users.c.id.in_(ids)))
    return {row["id"]: row["name"] for row in rows}


def token_of(tx: Transaction, login: str) -> dict[str, Any] | None:
    """The stored pair of a login, with the status of its user."""
    columns = (token.c.user_id, token.c.token_hash, token.c.expires, t.users.c.status)
    joined = token.join(t.users, t.users.c.id == token.c.user_id)
    return tx.row(select(*columns).select_from(joined).where(token.c.login == login))


def put_token(tx: Transaction, user_id: int, login: str, token_hash: str, expires: date) -> None:
    """Store a user's only pair."""
    values = {"login": login, "token_hash": token_hash, "expires": expires}
    statement = insert(token).values(user_id=user_id, **values)
    tx.execute(statement.on_conflict_do_update(index_elements=["user_id"], set_=values))
