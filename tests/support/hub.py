"""A hub in the test process, in the initial state of the conformance corpus."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import make_url

from moromi.wire import xmlrpc
from moromi.wire.named import join_named
from moromi_hub.app import Application
from moromi_hub.db.embedded import EmbeddedPostgres
from moromi_hub.db.engine import make_engine
from moromi_hub.hub import Hub
from moromi_hub.operator import operate
from moromi_hub.settings import Settings
from support import database

PLUGINS = "runroot_hub save_failed_tree sidetag_hub rpm2maven"
PLUGIN_CONFIG = Path(__file__).resolve().parent.parent / "data" / "hub-plugins"
BUILDERS = {"builder1.example.org": "x86_64 i686", "builder2.example.org": "aarch64"}
USERS = ("kojiadmin", "alice", "bob", "carol")


def conformance_settings(topdir: Path, **changes: Any) -> Settings:
    """The options of the conformance corpus's initial state."""
    return Settings(
        KojiDir=str(topdir),
        LoginCreatesUser=False,
        CheckClientIP=False,
        EnableMaven=True,
        EnableWin=True,
        DisableNotifications=True,
        NotifyOnSuccess=False,
        EmailDomain="example.org",
        MaxRequestLength=268435456,
        KojiTraceback="normal",
        Plugins=PLUGINS,
        PluginConfigDir=str(PLUGIN_CONFIG),
    ).replace(**changes)


def make_initial_state(hub: Hub) -> None:
    """Users and hosts of the conformance corpus; every password is the name."""
    with operate(hub) as operator:
        for name in USERS:
            operator.add_user(name, name, admin=name == "kojiadmin")
        for name, arches in BUILDERS.items():
            operator.add_host(name, arches, name)
    # The recorded hub had used five events for this; some recorded answers spell later ones out.
    with hub.call("initial events") as call:
        while call.tx.fresh_event() < 5:
            pass


class HTTPError(Exception):
    """An answer that is neither a value nor a fault."""


@dataclass
class Client:
    """A caller that talks XML-RPC to the WSGI application in this process."""

    application: Any
    headers: dict[str, str] = field(default_factory=dict)
    callnum: int = 0

    def __call__(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Make a call; faults are raised as their exceptions."""
        status, answer = self.post(xmlrpc.encode_request(method, join_named(list(args), kwargs)))
        if not status.startswith("200"):
            raise HTTPError(status)
        return xmlrpc.decode_response(answer)

    def post(
        self, body: bytes, content_type: str = "text/xml", query: str = "", path: str = "/kojihub"
    ) -> tuple[str, bytes]:
        """A bare request: status line and body of the answer."""
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": content_type,
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.input": io.BytesIO(body),
            **self.headers,
        }
        if self.headers:
            environ["HTTP_KOJI_SESSION_CALLNUM"] = str(self.callnum)
            self.callnum += 1
        status: list[str] = []
        parts = self.application(environ, lambda line, headers: status.append(line))
        return status[0], b"".join(parts)

    def upload(self, directory: str, name: str, data: bytes) -> Any:
        """A raw upload of one chunk."""
        query = f"filename={name}&filepath={directory}&fileverify=adler32&offset=0&overwrite=1"
        return xmlrpc.decode_response(self.post(data, "application/octet-stream", query)[1])


@dataclass
class HubUnderTest:
    """A hub on a database of its own."""

    hub: Hub
    application: Application

    def client(self, user: str | None = None) -> Client:
        """A caller: anonymous, or logged in with a session of its own (exclusive for builders)."""
        client = Client(self.application)
        if user is not None:
            session: Mapping[str, Any] = client("login", user, user)
            client.headers = {
                "HTTP_KOJI_SESSION_ID": str(session["session-id"]),
                "HTTP_KOJI_SESSION_KEY": session["session-key"],
            }
            if user.startswith("builder"):
                client("exclusiveSession", force=True)
        return client


@contextmanager
def count_statements(engine: Engine) -> Iterator[list[str]]:
    """Collect the statements that run inside the block (BEGIN, COMMIT and ROLLBACK are none)."""
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


@contextmanager
def state_template(server: EmbeddedPostgres, plain: str) -> Iterator[str]:
    """The name of a database in the corpus's initial state, made from the template `plain`."""
    with database.clone(server, plain) as dsn, tempfile.TemporaryDirectory() as top:
        hub = Hub(conformance_settings(Path(top)), make_engine(dsn))
        make_initial_state(hub)
        hub.close()
        yield str(make_url(dsn).database)


@contextmanager
def state_database() -> Iterator[str]:
    """The DSN of a database in that state, on a server of its own."""
    with (
        database.running_server() as server,
        database.template(server) as plain,
        state_template(server, plain) as state,
        database.clone(server, state) as dsn,
    ):
        yield dsn


@contextmanager
def running_hub(dsn: str, topdir: Path, **changes: Any) -> Iterator[HubUnderTest]:
    """A hub on a database of its own, in this process."""
    topdir.mkdir(exist_ok=True)
    hub = Hub(conformance_settings(topdir, DBConnectionString=dsn, **changes), make_engine(dsn))
    try:
        yield HubUnderTest(hub, Application(hub))
    finally:
        hub.close()
