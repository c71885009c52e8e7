"""The hub of one process: settings, engine, paths and registered calls, made once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from moromi.errors import GenericError
from moromi.paths import PathInfo
from moromi_hub.auth.activity import Activity
from moromi_hub.auth.password import Verifier
from moromi_hub.call import Call
from moromi_hub.db.engine import make_engine
from moromi_hub.db.transaction import Transaction
from moromi_hub.memory import Memory
from moromi_hub.plugins import loading
from moromi_hub.policies.rules import Policies
from moromi_hub.rpc.registry import Registry
from moromi_hub.settings import Settings


class Hub:
    """Everything that outlives a request. Shared by the threads of a process; holds no request's state."""

    def __init__(self, settings: Settings, engine: Engine | None = None) -> None:
        self.settings = settings
        self.engine = engine or make_engine(settings.dsn)
        self.paths = PathInfo(settings.KojiDir)
        self.log = logging.getLogger("moromi_hub")
        self.plugin_failure: GenericError | None = None
        """Why a plugin cannot be loaded: the hub is offline then (hub-protocol.md section 1.10)."""
        self.plugins = self._load_plugins()
        self.callbacks = self.plugins.callbacks
        self.registry = Registry.load(self.plugins.exports)
        # rules may use tests of the plugin that is missing
        rules = settings.policy if self.plugin_failure is None else {}
        self.policies = Policies(rules, self.plugins.tests, self.plugins.rules)
        self.activity = Activity(self.engine)
        self.memory = Memory(self.engine)
        self.passwords = Verifier()
        self._prepared = not self.plugins.schemas
        self._try_to_prepare()

    def _load_plugins(self) -> loading.Plugins:
        try:
            return loading.load(self.settings)
        except GenericError as error:
            self.log.exception("the hub is offline: a plugin cannot be loaded")
            self.plugin_failure = error
            return loading.Plugins()

    def _try_to_prepare(self) -> None:
        """Make the tables of plugins now; where the database is away, before the first call that needs it."""
        try:
            self._prepare()
        except OperationalError as error:
            self.log.warning("the tables of plugins were not looked at: %s", error)

    def _prepare(self) -> None:
        if not self._prepared:
            self.plugins.prepare(self.engine)
            self._prepared = True

    def start(self) -> None:
        """Begin what goes on between the requests of a web process."""
        self.activity.start()
        self.memory.start()

    def transaction(self) -> Transaction:
        """A transaction that is not begun yet."""
        return Transaction(self.engine, self.memory.hear)

    @contextmanager
    def call(self, method: str) -> Iterator[Call]:
        """A call of the hub itself (worker, admin commands): committed on return, else rolled back."""
        self._prepare()
        call = Call(self, self.transaction(), method)
        try:
            yield call
            if call.tx.wrote:
                call.run_callbacks("preCommit")
                call.tx.commit()
                call.run_callbacks("postCommit")
        finally:
            call.tx.rollback()

    def close(self) -> None:
        """Flush what is pending and drop the connections."""
        self.memory.stop()
        self.activity.flush()
        self.engine.dispose()
