"""Subscriptions to mail about builds, and opting out of it (data-model.md section 2.2).

Everybody manages their own, admins everybody's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table

from moromi.errors import GenericError
from moromi_hub import arguments
from moromi_hub.auth import permissions
from moromi_hub.call import Call
from moromi_hub.db import lookup
from moromi_hub.notifications import queries
from moromi_hub.users import service as users
from moromi_schema import tables as t


@dataclass(frozen=True)
class Kind:
    """Subscriptions or blocks: the same rules, other words."""

    table: Table
    word: str


SUBSCRIPTION = Kind(queries.WANTED, "notification")
BLOCK = Kind(queries.UNWANTED, "notification block")


def get(call: Call, kind: Kind, row_id: Any, strict: bool = False) -> dict[str, Any] | None:
    """One row, or None. Strict: GenericError `No notification with ID … found`."""
    number = arguments.integer(row_id)
    found = queries.row(call.tx, kind.table, number) if arguments.fits_id(number) else None
    if found is None and strict:
        raise GenericError(f"No {kind.word} with ID {row_id} found")
    return found


def of_user(call: Call, kind: Kind, user_info: Any) -> list[dict[str, Any]]:
    """The rows of a user (None: the caller)."""
    return queries.rows(call.tx, kind.table, users.require_user(call, user_info)["id"])


def create(call: Call, kind: Kind, user_info: Any, subject: Mapping[str, Any], **values: Any) -> None:
    """A new row for a user (None: the caller) about `subject`: `package_id` and `tag_id`, None for any."""
    if call.session is None:
        raise GenericError("Not logged-in")
    user = users.get_user(call, user_info, krb_princs=False)
    if user is None:
        raise GenericError(f"No such user ID: {user_info}")
    if user["id"] != call.session.user_id and not permissions.is_admin(call):
        raise GenericError(
            f"user {call.session.user_name} cannot create {kind.word}s for user {user['name']}"
        )
    row = {"user_id": user["id"], **_subject(call, subject), **values}
    _refuse_twin(call, kind, row)
    if kind is SUBSCRIPTION:
        row["email"] = f"{user['name']}@{call.settings.EmailDomain}"
    queries.insert_row(call.tx, kind.table, row)


def _subject(call: Call, subject: Mapping[str, Any]) -> dict[str, int | None]:
    """The ids of the package and the tag. Raises GenericError for unknown ones."""
    found: dict[str, int | None] = {}
    for key, table in (("package_id", t.package), ("tag_id", t.tag)):
        info = subject[key]
        row = None if info is None else lookup.find_row(call.tx, table, info, strict=True)
        found[key] = None if row is None else row["id"]
    return found


def _refuse_twin(call: Call, kind: Kind, row: Mapping[str, Any]) -> None:
    if queries.exists(call.tx, kind.table, row):
        raise GenericError("notification already exists")


def change(call: Call, row_id: Any, subject: Mapping[str, Any], success_only: bool) -> None:
    """Change what a subscription is about."""
    if call.session is None:
        raise GenericError("Not logged-in")
    found = _own(call, SUBSCRIPTION, row_id, "update")
    values = {**_subject(call, subject), "success_only": success_only}
    _refuse_twin(call, SUBSCRIPTION, {"user_id": found["user_id"], **values})
    queries.update_row(call.tx, SUBSCRIPTION.table, found["id"], values)


def remove(call: Call, kind: Kind, row_id: Any) -> None:
    """Remove a subscription or a block."""
    queries.delete_row(call.tx, kind.table, _own(call, kind, row_id, "delete")["id"])


def _own(call: Call, kind: Kind, row_id: Any, verb: str) -> dict[str, Any]:
    """A row that the caller may change. Raises GenericError otherwise."""
    found = get(call, kind, row_id, strict=True)
    if call.session is None or found is None:
        raise GenericError("Not logged-in")
    if found["user_id"] != call.session.user_id and not permissions.is_admin(call):
        raise GenericError(
            f"user {call.session.user_id} cannot {verb} {kind.word}s for user {found['user_id']}"
        )
    return found
