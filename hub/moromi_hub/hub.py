"""The hub of one process: settings, engine, paths and registered calls, made once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from moromi.paths import PathInfo
from moromi.plugins import HUB_CALLBACKS, Callbacks
from moromi_hub.auth.activity import Activity
from moromi_hub.call import Call
from moromi_hub.db.engine import make_engine
from moromi_hub.db.transaction import Transaction
from moromi_hub.policies.rules import Policies
from moromi_hub.rpc.registry import Registry
from moromi_hub.settings import Settings


class Hub:
    """Everything that outlives a request. Shared by the threads of a process; holds no request's state."""

    def __init__(self, settings: Settings, engine: Engine | None = None) -> None:
        self.settings = settings
        self.engine = engine or make_engine(settings.dsn)
        self.paths = PathInfo(settings.KojiDir)
        self.registry = Registry.load()
        self.callbacks = Callbacks(HUB_CALLBACKS)
        self.policies = Policies(settings.policy)
        self.activity = Activity(self.engine)
        self.log = logging.getLogger("moromi_hub")

    @contextmanager
    def call(self, method: str) -> Iterator[Call]:
        """A call of the hub itself (worker, admin commands): committed on return, else rolled back."""
        call = Call(self, Transaction(self.engine), method)
        try:
            yield call
            call.tx.finish()
        finally:
            call.tx.rollback()

    def close(self) -> None:
        """Flush what is pending and drop the connections."""
        self.activity.flush()
        self.engine.dispose()
