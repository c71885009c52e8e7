"""One leader per kind of work, however many workers run.

The leader holds a session-level advisory lock on a connection of its own; the
database gives it up when the process or its connection dies, so nobody has to
notice a death. Should a leader lose its connection without knowing, two may work
for a moment: every job is safe against that by row locks.
"""

from __future__ import annotations

import hashlib
import logging

from sqlalchemy import BigInteger, Connection, Engine, cast, func, literal, select
from sqlalchemy.exc import SQLAlchemyError

log = logging.getLogger(__name__)


def lock_number(name: str) -> int:
    """The advisory lock of a kind of work: 64 bits of a digest, as PostgreSQL has no named ones."""
    digest = hashlib.sha256(f"moromi:{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


class Leadership:
    """The claim of one worker to one kind of work."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._name = name
        self._connection: Connection | None = None

    @property
    def held(self) -> bool:
        """Whether this worker led when it last looked."""
        return self._connection is not None

    def hold(self) -> bool:
        """Be (or stay) the leader; False if somebody else is. Raises SQLAlchemyError without a database."""
        try:
            if self._connection is not None:
                self._connection.execute(select(literal(1)))
                return True
            return self._claim()
        except SQLAlchemyError:
            self.release()
            raise

    def _claim(self) -> bool:
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        number = cast(literal(lock_number(self._name)), BigInteger)
        try:
            claimed = bool(connection.execute(select(func.pg_try_advisory_lock(number))).scalar())
        except SQLAlchemyError:
            connection.invalidate()
            connection.close()
            raise
        if not claimed:
            connection.close()
            return False
        self._connection = connection
        log.info("this worker leads: %s", self._name)
        return True

    def release(self) -> None:
        """Let go. The connection is closed for good: the pool must not hand it out with the lock on it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()
