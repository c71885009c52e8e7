"""One transaction a request; the only place that commits (see `Transaction.commit`).

A transaction connects at its first statement, so a call that needs no database
costs none. It knows whether anything was written: a call that only read is
rolled back, which saves the commit and its sync. The event id that stamps
versioned rows is drawn at first need and shared by all changes of a call (spec:
data-model.md section 1.2). Push messages are collected and sent with one
statement as part of the commit, so a listener never hears of what did not happen.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Executable, RowMapping, Select, Text, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import CursorResult

log = logging.getLogger(__name__)

PUSH_CHANNEL = "moromi"
_STREAM_ROWS = 1000


class Transaction:
    """A lazily opened transaction on one connection of `engine`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._event: int | None = None
        self._messages: list[str] = []
        self._after_commit: list[Callable[[], None]] = []
        self._on_rollback: list[Callable[[], None]] = []
        self.wrote = False

    # statements

    @property
    def connection(self) -> Connection:
        """The connection, opened at first use."""
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def execute(self, statement: Executable, params: Any = None) -> CursorResult[Any]:
        """Run any statement; one that changes data marks the transaction as written."""
        if getattr(statement, "is_dml", False):
            self.wrote = True
        result: Any = self.connection.execute(statement, params)
        return result  # type: ignore[no-any-return]

    def rows(self, statement: Executable, params: Any = None) -> list[dict[str, Any]]:
        """All rows as dictionaries."""
        return [dict(row) for row in self.execute(statement, params).mappings()]

    def row(self, statement: Executable, params: Any = None) -> dict[str, Any] | None:
        """The first row as a dictionary, or None."""
        found: RowMapping | None = self.execute(statement, params).mappings().first()
        return None if found is None else dict(found)

    def scalars(self, statement: Executable, params: Any = None) -> list[Any]:
        """The first column of all rows."""
        return list(self.execute(statement, params).scalars())

    def scalar(self, statement: Executable, params: Any = None) -> Any:
        """The first column of the first row, or None."""
        return self.execute(statement, params).scalar()

    def stream(self, statement: Select[Any]) -> Iterator[Sequence[Any]]:
        """Rows as tuples through a server-side cursor, in steady memory.

        To be consumed before the transaction ends: while the answer is encoded.
        """
        # options of a connection would stay with it and break the next UPDATE; those of a statement do not
        options = {"stream_results": True, "yield_per": _STREAM_ROWS}
        for part in self.connection.execute(statement, execution_options=options).partitions():
            yield from part

    # events

    def event(self) -> int:
        """The event that this call's changes carry; drawn once (SQL function `get_event`)."""
        if self._event is None:
            self._event = self.fresh_event()
        return self._event

    def fresh_event(self) -> int:
        """A new event, for the few writers that must not share the call's (data-model.md 1.2)."""
        self.wrote = True
        return int(self.scalar(select(func.get_event())))

    def forget_event(self) -> None:
        """Let the next change draw a new event."""
        self._event = None

    # side effects that follow the outcome

    def notify(self, message: Mapping[str, Any]) -> None:
        """Queue a push message (see docs/push.md); sent with the commit, dropped with a rollback."""
        text = json.dumps(message, separators=(",", ":"))
        if text not in self._messages:
            self._messages.append(text)

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run `action` once the commit has happened: the place to remove files no row promises any more.

        The transaction counts as written from now on: it has an outcome to decide.
        """
        self.wrote = True
        self._after_commit.append(action)

    def on_rollback(self, action: Callable[[], None]) -> None:
        """Run `action` if the transaction (or the savepoint around it) is rolled back.

        The transaction counts as written from now on, though it may have changed files only.
        """
        self.wrote = True
        self._on_rollback.append(action)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A nested unit: an exception undoes it alone, with its messages, actions and event."""
        messages, actions = len(self._messages), len(self._after_commit)
        undoings = len(self._on_rollback)
        nested = self.connection.begin_nested()
        try:
            yield
        except BaseException:
            nested.rollback()
            del self._messages[messages:], self._after_commit[actions:]
            undo = self._on_rollback[undoings:]
            del self._on_rollback[undoings:]
            _run_all(reversed(undo))
            raise
        else:
            nested.commit()
        finally:
            self._event = None

    # the end

    def finish(self) -> None:
        """End a successful call: commit if anything was written, else let go."""
        if self.wrote:
            self.commit()
        else:
            self.rollback()

    def commit(self) -> None:
        """Send the queued messages and commit, then run the after-commit actions."""
        if self._messages:
            texts = func.unnest(literal(self._messages, ARRAY(Text)))
            values = texts.table_valued("message").render_derived()
            self.execute(select(func.pg_notify(PUSH_CHANNEL, values.c.message)))
        if self._connection is not None:
            self._connection.commit()
        self._close()
        actions, self._after_commit = self._after_commit, []
        self._on_rollback = []
        _run_all(actions)

    def rollback(self) -> None:
        """Undo everything; harmless on a finished transaction."""
        try:
            if self._connection is not None:
                self._connection.rollback()
        finally:
            self._close()
            undo, self._on_rollback = self._on_rollback, []
            _run_all(reversed(undo))

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        self._messages = []
        self._event = None
        self.wrote = False
        if connection is not None:
            connection.close()


def _run_all(actions: Iterator[Callable[[], None]] | Sequence[Callable[[], None]]) -> None:
    """Run every action: the outcome is decided, so a failing one is logged, not raised."""
    for action in actions:
        try:
            action()
        except Exception:
            log.exception("clean-up after a transaction failed")
