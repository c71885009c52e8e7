"""The order of events beside the order of commits.

An event is drawn when a change begins and seen by others when it is committed, so that a later
event may be seen earlier. Who promises to know all changes up to an event (a repository does) has to
wait for those under way. So a transaction holds a lock from before it draws the event of its changes
until its end. All share this lock and nobody takes it alone: it holds no change up, it is there to be seen.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Select, case, column, func, select, table

_LOCK: Final = (0x6D6F726F, 1)
"""Any constants will do. Their two halves are how the server's list of locks shows it."""
_TWO_NUMBERS: Final = 2
"""What that list says of a lock with two numbers."""

_lock = func.pg_advisory_xact_lock_shared(*_LOCK)

DRAW: Final = select(case((_lock.is_not(None), func.get_event())))
"""Draws an event for changes; the lock comes first."""

_locks = table(
    "pg_locks",
    *map(column, ("locktype", "database", "classid", "objid", "objsubid", "pid", "virtualtransaction")),
)
_databases = table("pg_database", column("oid"), column("datname"))
_here: Final[Select[Any]] = select(_databases.c.oid).where(_databases.c.datname == func.current_database())

_others: Final = (
    _locks.c.locktype == "advisory",
    _locks.c.database == _here.scalar_subquery(),
    _locks.c.classid == _LOCK[0],
    _locks.c.objid == _LOCK[1],
    _locks.c.objsubid == _TWO_NUMBERS,
    _locks.c.pid != func.pg_backend_pid(),
)

UNDER_WAY: Final[Select[Any]] = select(_locks.c.virtualtransaction).where(*_others)
"""Other transactions that have drawn an event for changes, or are about to."""

_drawn = select(func.get_event().label("event")).cte("drawn")

DRAW_AND_LOOK: Final[Select[Any]] = select(
    _drawn.c.event,
    # what is drawn first is named in it, so that nobody is looked for before
    func.array(UNDER_WAY.where(_drawn.c.event.is_not(None)).correlate(_drawn).scalar_subquery()),
)
"""Draws an event for no changes, then gives it with those transactions."""
