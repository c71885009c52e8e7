"""The streams as an ASGI application (docs/push.md)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any
from urllib.parse import unquote

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from moromi.constants import FINISHED_TASKS
from moromi.paths import PathInfo
from moromi_hub.db.engine import make_engine
from moromi_hub.events import queries
from moromi_hub.events.broker import Broker, Subscription, encode
from moromi_hub.events.listener import listen
from moromi_hub.events.output import LOOK_SECONDS, Output
from moromi_hub.events.presence import KEEP_ALIVE_SECONDS, SPEAKS_SECONDS, TURN_SECONDS, Presence
from moromi_hub.settings import Settings

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_PREFIX = "/events/"
_KEEP_ALIVE = ": still here\n\n"


class Streams:
    """ASGI application: `/events/` and then `host/NAME`, `task/ID`, `task/ID/output` or `tag/NAME`."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine = engine
        self.broker = Broker()
        self.presence = Presence(engine, settings)
        self.output = Output(PathInfo(settings.KojiDir), partial(queries.volume_names, engine))
        self._work: list[asyncio.Task[None]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._stream(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._work = [
                    asyncio.create_task(listen(self.engine, self.broker.publish, self.broker.end_all)),
                    asyncio.create_task(_note_presence(self.presence)),
                    asyncio.create_task(_tell_output(self.output, self.broker)),
                ]
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                self.broker.end_all()
                for task in self._work:
                    task.cancel()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        if scope["method"] != "GET":
            return await _plain(send, 405, "Method Not Allowed\n")
        subscription = await loop.run_in_executor(None, self._subscription, scope)
        if subscription is None:
            return await _plain(send, 404, "Not Found\n")
        self.broker.subscribe(subscription)
        if (session_id := subscription.speaks_for) is not None:
            self.presence.enter(session_id)
        reader = asyncio.create_task(_forward(subscription, send))
        gone = asyncio.create_task(_until_gone(receive))
        try:
            await asyncio.wait({reader, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.broker.unsubscribe(subscription)
            if session_id is not None:
                self.presence.leave(session_id)
            reader.cancel()
            gone.cancel()

    def _subscription(self, scope: Scope) -> Subscription | None:
        """What a request asks for, or None when there is no such thing."""
        kind, _, name = unquote(scope["path"]).removeprefix(_PREFIX).partition("/")
        if kind == "task":
            return self._of_task(name)
        found = None
        if kind == "host":
            found = queries.host_id(self.engine, name)
        elif kind == "tag":
            found = queries.tag_id(self.engine, name)
        if found is None:
            return None
        return Subscription(
            {(kind, found)}, speaks_for=self._speaks_for(found, scope) if kind == "host" else None
        )

    def _of_task(self, name: str) -> Subscription | None:
        number, slash, more = name.partition("/")
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            return None
        if slash and not (more == "output" and self.output.can_look()):
            return None
        kinds = ("task", "output") if slash else ("task",)
        topics = {
            (kind, task_id)
            for task_id, state in queries.task_tree(self.engine, int(number)).items()
            for kind in kinds
            if not (kind == "output" and state in FINISHED_TASKS)
        }
        return Subscription(topics, follows=kinds) if topics else None

    def _speaks_for(self, host_id: int, scope: Scope) -> int | None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        self.presence.prepare()
        address = scope["client"][0] if scope.get("client") else "-"
        return self.presence.session_of(host_id, headers, address)


async def _note_presence(presence: Presence) -> None:
    while True:
        await asyncio.sleep(TURN_SECONDS)
        await asyncio.get_running_loop().run_in_executor(None, presence.store)


async def _tell_output(output: Output, broker: Broker) -> None:
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        tasks = broker.followed()
        if not tasks:
            continue
        try:
            messages = await loop.run_in_executor(None, output.look, tasks)
        except (SQLAlchemyError, OSError) as error:
            log.warning("cannot look at the output of %d tasks: %s", len(tasks), error)
            continue
        for message in messages:
            broker.publish(message)


async def _forward(subscription: Subscription, send: Send) -> None:
    headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    told = {} if subscription.speaks_for is None else {"checkin": SPEAKS_SECONDS}
    text: str | None = encode("hello", told)
    while text is not None:
        await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
        try:
            text = await asyncio.wait_for(subscription.queue.get(), KEEP_ALIVE_SECONDS)
        except TimeoutError:
            text = _KEEP_ALIVE
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def _plain(send: Send, status: int, text: str) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode(), "more_body": False})


def make_application(settings: Settings) -> Streams:
    """The application, with connections of its own."""
    return Streams(make_engine(settings.dsn, pool_size=2, application="moromi-events"), settings)
