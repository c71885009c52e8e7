"""When sessions were last used, written in batches.

A logged-in call must cost one statement and no commit, so its time of use is
remembered in the process and flushed by a thread twice a minute. Losing the
last half minute in a crash harms nobody: the value serves people who look, and
the sweeper, which thinks in days.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from moromi_hub.auth import queries
from moromi_hub.db.transaction import Transaction

log = logging.getLogger(__name__)
FLUSH_SECONDS = 30.0


class Activity:
    """Collects the last use of sessions; `start` runs the flushing thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._seen: dict[int, datetime] = {}
        self._lock = threading.Lock()

    def saw(self, session_id: int) -> None:
        """Note that a session was used now."""
        self._seen[session_id] = datetime.now(UTC)

    def start(self) -> None:
        """Flush every half minute from a daemon thread."""
        threading.Thread(target=self._run, name="session-activity", daemon=True).start()

    def flush(self) -> None:
        """Write what was collected."""
        with self._lock:
            seen, self._seen = self._seen, {}
        if not seen:
            return
        tx = Transaction(self._engine)
        try:
            queries.touch(tx, seen)
            tx.commit()
        except SQLAlchemyError as error:
            log.warning("cannot store when %d sessions were used: %s", len(seen), error)
        finally:
            tx.rollback()

    def _run(self) -> None:
        pause = threading.Event()
        while not pause.wait(FLUSH_SECONDS):
            self.flush()
