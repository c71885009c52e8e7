"""The daemon's loop, and the threads beside it that remind the hub (spec: builder, section 6.2).

Each thread has a session of its own. What goes wrong in one is logged and tried again in the next round, but
for a session that the hub does not take any more: then all ends.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from moromi.client import ClientSession, TransportError
from moromi.errors import AuthError, AuthExpired, Fault, GenericError
from moromi_upkeep.options import Values
from moromi_upkeep.repod import external, strays
from moromi_upkeep.repod.directories import Directories
from moromi_upkeep.repod.keeper import Keeper
from moromi_upkeep.repod.removals import Removals

logger = logging.getLogger(__name__)

PRUNE_INTERVAL = 60.0
STEP = 0.5
"""Seconds between looks at removals under way."""


@dataclass(frozen=True)
class Duty:
    """What a thread does in every round."""

    name: str
    work: Callable[[ClientSession], object]


DUTIES = (
    Duty("currency", lambda session: session.repo.updateEndEvents()),
    Duty("regen", lambda session: session.repo.checkQueue()),
    Duty("autoregen", lambda session: session.repo.autoRequests()),
)
EXTERNAL = Duty("check_external", external.check)


class Daemon:
    """All of it. `session` is logged in and exclusive."""

    def __init__(self, session: ClientSession, options: Values) -> None:
        self._session = session
        self._options = options
        self._stop = threading.Event()
        self._refused: AuthError | AuthExpired | None = None
        self._removals = Removals(options.max_delete_processes)
        self._directories = Directories(options.topdir, options.ignore_other_volumes)
        self._keeper = Keeper(session, options, self._directories, self._removals)
        self._pruned = -PRUNE_INTERVAL

    def request_stop(self, *_signal: object) -> None:
        """Make `run` return; may be used as a signal handler."""
        self._stop.set()

    def run(self) -> None:
        """Serve until told to stop. AuthError or AuthExpired when the hub does not want us any more."""
        duties = [*DUTIES, *([EXTERNAL] if self._options.check_external_repos else [])]
        threads = [threading.Thread(target=self._serve, args=(duty,), daemon=True) for duty in duties]
        for thread in threads:
            thread.start()
        try:
            while not self._stop.is_set():
                self._attempt("main", self._round)
                self._wait()
        finally:
            self._stop.set()
            self._removals.stop()
        if self._refused is not None:
            raise self._refused

    def _round(self) -> None:
        self._keeper.round()
        self._removals.step()
        if not len(self._removals) and time.monotonic() - self._pruned >= PRUNE_INTERVAL:
            self._pruned = time.monotonic()
            tracked = {int(repo["id"]) for repo in self._keeper.repos}
            strays.prune(self._session, self._options, self._directories, self._removals, tracked)

    def _wait(self) -> None:
        """Pause between rounds; removals go on meanwhile."""
        end = time.monotonic() + self._options.sleeptime
        while not self._stop.is_set() and (left := end - time.monotonic()) > 0:
            self._removals.step()
            self._stop.wait(min(STEP, left) if len(self._removals) else left)

    def _serve(self, duty: Duty) -> None:
        """Be the thread of a duty."""
        session: ClientSession | None = None

        def work() -> None:
            nonlocal session
            session = session or self._session.subsession()
            duty.work(session)

        while not self._stop.is_set():
            self._attempt(duty.name, work)
            self._stop.wait(self._options.sleeptime)

    def _attempt(self, name: str, work: Callable[[], object]) -> None:
        """Do something; errors that may pass are logged."""
        try:
            work()
        except (AuthExpired, AuthError) as error:
            logger.error("%s: the hub ended our session: %s", name, error)
            self._refused = error
            self._stop.set()
        except (GenericError, Fault, TransportError, OSError) as error:
            logger.error("%s: %s: %s", name, type(error).__name__, error)
        except Exception:
            logger.exception("%s failed", name)
