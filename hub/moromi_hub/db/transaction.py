"""One transaction a request; the only place that commits (see `Transaction.commit`).

A transaction connects at its first statement, so a call that needs no database
costs none. It knows whether anything was written: a call that only read is
rolled back, which saves the commit and its sync. The event id that stamps
versioned rows is drawn at first need and shared by all changes of a call (spec:
data-model.md section 1.2). Push messages are collected and sent with one
statement as part of the commit, so a listener never hears of what did not happen.

A unit (an element of a multicall) that fails is undone alone. What undoes it depends
on what is at stake: while nothing has been written before the unit, that is the end
of the whole transaction, which costs nothing; later it is a savepoint, set before
the first statement of the unit, since even a reading that fails would spoil the writes
before it. A unit that needs no statement has none.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Executable,
    NestedTransaction,
    RowMapping,
    Select,
    Text,
    bindparam,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import OperationalError

from moromi_hub.db import event_order

log = logging.getLogger(__name__)

PUSH_CHANNEL = "moromi"
_STREAM_ROWS = 1000


def _notify() -> Select[Any]:
    texts = func.unnest(bindparam("texts", type_=ARRAY(Text)))
    return select(func.pg_notify(PUSH_CHANNEL, texts.table_valued("message").render_derived().c.message))


DO_NOT_WAIT = func.set_config("synchronous_commit", "off", literal(True))
"""Goes with a statement in a `fleeting` block, so that its commit does not wait for the disk."""
_WAIT = select(func.set_config("synchronous_commit", None, literal(True)))
_FRESH_EVENT = select(func.get_event())
_NOTIFY = _notify()
"""Built once: every change ends with it."""


@dataclass
class _Unit:
    """A unit at work, and how long the lists of the transaction were when it began."""

    wrote_before: bool
    messages: int
    actions: int
    undoings: int
    savepoint: NestedTransaction | None = None


class Transaction:
    """A lazily opened transaction on one connection of `engine`."""

    def __init__(
        self, engine: Engine, told: Callable[[Mapping[str, Any]], None] = lambda message: None
    ) -> None:
        """`told` hears each push message after the commit, before anybody else can ask what came of it."""
        self._engine = engine
        self._told = told
        self._connection: Connection | None = None
        self._used = False
        self._units: list[_Unit] = []
        self._event: int | None = None
        self._messages: dict[str, Mapping[str, Any]] = {}
        self._after_commit: list[Callable[[], None]] = []
        self._on_rollback: list[Callable[[], None]] = []
        self.wrote = False
        self.changes = 0
        """Counts what changed the transaction's view of the data: the same number, the same view."""
        self._fleeting = 0
        """How many of them may be lost in a crash of the database."""

    # statements

    def execute(self, statement: Executable, params: Any = None) -> CursorResult[Any]:
        """Run any statement; one that changes data marks the transaction as written."""
        result = self._run(statement, params)
        if getattr(statement, "is_dml", False):
            self.wrote = True
            self.changes += 1
        return result

    def _run(
        self, statement: Executable, params: Any = None, options: Mapping[str, Any] | None = None
    ) -> CursorResult[Any]:
        self._protect()
        try:
            result = self._connected().execute(statement, params, execution_options=options or {})
        except OperationalError as error:
            if self._used or not error.connection_invalidated:
                raise
            # The database has dropped the connection since its last use; nothing has happened on it yet.
            self._disconnect()
            result = self._connected().execute(statement, params, execution_options=options or {})
        self._used = True
        return result

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        self._used = False
        if connection is not None:
            connection.close()

    @contextmanager
    def fleeting(self) -> Iterator[None]:
        """What is changed in here is made anew soon, so a crash of the database may undo it.

        With `DO_NOT_WAIT` a transaction without other changes does not wait for the disk. Nothing is lost
        from in between: a database that has a later change after a crash has the earlier ones, too.
        """
        before = self.changes
        try:
            yield
        finally:
            self._fleeting += self.changes - before

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
        for part in self._run(statement, options=options).partitions():
            yield from part

    def copy(self, statement: Select[Any], write: Callable[[bytes], object]) -> None:
        """Give `write` each row as a line of COPY's text form: the quickest way for many rows.

        The database goes on while a line is worked on.
        """
        options = {"render_postcompile": True}
        compiled = statement.compile(dialect=self._engine.dialect, compile_kwargs=options)
        self._protect()
        driver: Any = self._connected().connection.cursor()
        self._used = True
        with driver as cursor:
            query = cursor.mogrify(str(compiled), compiled.params)
            cursor.copy_expert(b"COPY (" + query + b") TO STDOUT", _Sink(write))

    # events

    def event(self) -> int:
        """The event that this call's changes carry; drawn once (SQL function `get_event`)."""
        if self._event is None:
            self._event = self._drawn(event_order.DRAW)
        return self._event

    def fresh_event(self) -> int:
        """A new event, for the few writers that must not share the call's (data-model.md 1.2).

        It is none of a change of versioned rows: nobody waits for it.
        """
        return self._drawn(_FRESH_EVENT)

    def event_among_others(self) -> tuple[int, set[str]]:
        """A new event like `fresh_event`, and the transactions that may have changes with an older one."""
        self.wrote = True
        self.changes += 1
        found: Any = self.execute(event_order.DRAW_AND_LOOK).one()
        return int(found[0]), set(found[1])

    def _drawn(self, statement: Select[Any]) -> int:
        self.wrote = True
        self.changes += 1
        return int(self.scalar(statement))

    def forget_event(self) -> None:
        """Let the next change draw a new event."""
        self._event = None

    # side effects that follow the outcome

    def notify(self, message: Mapping[str, Any]) -> None:
        """Queue a push message (see docs/push.md); sent with the commit, dropped with a rollback."""
        self._messages.setdefault(json.dumps(message, separators=(",", ":")), message)

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
    def unit(self) -> Iterator[None]:
        """A nested unit: an exception undoes it alone, with its messages, actions and event."""
        unit = _Unit(self.wrote, len(self._messages), len(self._after_commit), len(self._on_rollback))
        self._units.append(unit)
        try:
            yield
        except BaseException:
            self._units.pop()
            self._undo(unit)
            raise
        else:
            self._units.pop()
            if unit.savepoint is not None:
                unit.savepoint.commit()
        finally:
            self._event = None

    def _protect(self) -> None:
        """Before a statement: set the savepoints of the units at work that need one."""
        for unit in self._units:
            if unit.wrote_before and unit.savepoint is None:
                unit.savepoint = self._connected().begin_nested()

    def _undo(self, unit: _Unit) -> None:
        if self._connection is not None and not self._connection.invalidated:
            if unit.savepoint is not None:
                unit.savepoint.rollback()
            elif not unit.wrote_before:
                self._connection.rollback()
        self.wrote = unit.wrote_before
        self.changes += 1
        for text in list(self._messages)[unit.messages :]:
            del self._messages[text]
        del self._after_commit[unit.actions :]
        undo = self._on_rollback[unit.undoings :]
        del self._on_rollback[unit.undoings :]
        _run_all(reversed(undo))

    # the end

    def finish(self) -> None:
        """End a successful call: commit if anything was written, else let go."""
        if self.wrote:
            self.commit()
        else:
            self.rollback()

    def commit(self) -> None:
        """Send the queued messages and commit, then run the after-commit actions."""
        if 0 < self._fleeting < self.changes:
            self.execute(_WAIT)
        if self._messages:
            self.execute(_NOTIFY, {"texts": list(self._messages)})
        if self._connection is not None:
            self._connection.commit()
        messages = self._messages
        self._close()
        for message in messages.values():
            self._told(message)
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
        self._messages = {}
        self._event = None
        self.wrote = False
        self.changes = self._fleeting = 0
        self._disconnect()


class _Sink:
    """What COPY writes to: anything with a method `write`."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self.write = write


def _run_all(actions: Iterator[Callable[[], None]] | Sequence[Callable[[], None]]) -> None:
    """Run every action: the outcome is decided, so a failing one is logged, not raised."""
    for action in actions:
        try:
            action()
        except Exception:
            log.exception("clean-up after a transaction failed")
