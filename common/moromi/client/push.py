"""Being woken by the hub instead of asking it every few seconds.

A Moromi hub tells by `getPushInfo` where its event streams are; a Koji hub does not know the call. Pollers
keep their loop and replace the sleep by `Push.wait`: it returns as soon as something happened, after a slow
interval while the stream is up, and after the usual poll interval while it is not. A lost stream therefore
costs latency only. After every (re)connection `wait` returns at once, because what happened before was not
seen.

    push = Push(session, "/task/12")
    while not finished():
        push.wait()
    push.close()
"""

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Protocol

from moromi.client.connection import Limits
from moromi.client.http import Http, Response
from moromi.client.options import SessionOptions
from moromi.client.trouble import TransportError
from moromi.errors import Fault, GenericError

logger = logging.getLogger("moromi.client.push")

Event = tuple[str, dict[str, Any]]
FALLBACK_INTERVAL = 60.0
LIMITS = Limits(connect=10.0, silence=45.0)
"""A stream without even a keep-alive comment (sent every 15 s) counts as dead."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
KEPT_EVENTS = 1000
LONGEST_LINE = 1 << 20


class Hub(Protocol):
    """The part of a session that push needs."""

    opts: SessionOptions

    def call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """One call."""


def parse_stream(lines: Iterator[bytes]) -> Iterator[Event]:
    """The events of a server-sent event stream, given its lines; those whose data is not a JSON object are
    left out.
    """
    name: str = "message"
    data: list[str] = []
    for raw in lines:
        line = raw.rstrip(b"\r\n").decode("utf-8", "replace")
        if not line:
            if data:
                with suppress(ValueError):  # a foreign or cut payload: the slow poll finds what it said
                    payload = json.loads("\n".join(data))
                    if isinstance(payload, dict):
                        yield name, payload
            name, data = "message", []
            continue
        key, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if key == "event":
            name = value
        elif key == "data":
            data.append(value)


class Stream:
    """One stream, connected again whenever it ends until it is closed. Iterate it in one thread, close it
    from any.
    """

    def __init__(
        self,
        url: str,
        options: SessionOptions | None = None,
        *,
        headers: Callable[[], Mapping[str, str]] = dict,
        alive: Callable[[], bool] = lambda: True,
    ) -> None:
        """`headers` are sent with each connection. The stream is let go while `alive` says no."""
        self.url = url
        self.connected = False
        self._headers = headers
        self._alive = alive
        self._http = Http(options)
        self._closed = threading.Event()
        self._response: Response | None = None

    def __iter__(self) -> Iterator[Event]:
        pause = FIRST_PAUSE
        while not self._closed.is_set():
            began = time.monotonic()
            try:
                if self._alive():
                    yield from self._connection()
            except TransportError as err:
                logger.debug("event stream %s: %s", self.url, err)
            finally:
                self.connected = False
            if time.monotonic() - began > LONGEST_PAUSE:
                pause = FIRST_PAUSE
            self._closed.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _connection(self) -> Iterator[Event]:
        headers = {"Accept": "text/event-stream", **self._headers()}
        with self._http.request("GET", self.url, limits=LIMITS, headers=headers) as response:
            if response.status >= 400:
                raise TransportError(f"{self.url} answered {response.status}", status=response.status)
            self._response = response
            for name, payload in parse_stream(self._while_alive(response.lines(LONGEST_LINE))):
                self.connected = True
                yield name, payload

    def _while_alive(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        for line in lines:
            if self._closed.is_set() or not self._alive():
                return
            yield line

    def close(self) -> None:
        """End the stream; a thread that waits in it wakes up."""
        self._closed.set()
        if self._response is not None:
            self._response.abort()


def follow(url: str, options: SessionOptions | None = None) -> Iterator[Event]:
    """(event name, payload) of the stream at `url`, for ever, connecting again with growing pauses.

    Each connection begins with the event `hello`: then what was missed must be asked from the hub.
    """
    yield from Stream(url, options)


def push_url(session: Hub) -> str | None:
    """Where this hub's streams are; None for a Koji hub, a hub without the service, or one that cannot be
    asked now.
    """
    try:
        info = session.call("getPushInfo")
    except (GenericError, Fault, TransportError) as err:
        logger.debug("no push service: %s", err)
        return None
    url = info.get("url") if isinstance(info, dict) else None
    return str(url).rstrip("/") if url else None


class Push:
    """Wakes a poller. `path` is the stream below the service's URL: `/host/<name>`, `/task/<id>`,
    `/tag/<name>`.

    `poll_interval` and `fallback_interval` are seconds between polls without and with a living stream. More
    streams may be added with `add`. Not to be used on both sides of a fork.
    """

    def __init__(
        self,
        session: Hub,
        path: str | None = None,
        *,
        poll_interval: float = 6.0,
        fallback_interval: float = FALLBACK_INTERVAL,
        discover: Callable[[Hub], str | None] = push_url,
    ) -> None:
        self.poll_interval = poll_interval
        self.fallback_interval = fallback_interval
        self.url = discover(session)
        self._options = session.opts.copy()
        self._streams: dict[str, Stream] = {}
        self._woken = threading.Event()
        self._events: deque[Event] = deque(maxlen=KEPT_EVENTS)
        if path is not None:
            self.add(path)

    def __enter__(self) -> "Push":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def up(self) -> bool:
        """True while every stream is connected."""
        return bool(self._streams) and all(stream.connected for stream in self._streams.values())

    def add(self, path: str) -> None:
        """Listen to one more stream; nothing happens where there is no push service, or a second time."""
        if self.url is None or path in self._streams:
            return
        stream = self._streams[path] = Stream(self.url + path, self._options)
        threading.Thread(target=self._read, args=(stream,), name=f"push {path}", daemon=True).start()

    def _read(self, stream: Stream) -> None:
        for event in stream:
            self._events.append(event)
            self._woken.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Sleep until an event comes (True) or the interval, at most `timeout` seconds, is over (False)."""
        interval = self.fallback_interval if self.up else self.poll_interval
        limit = interval if timeout is None else min(interval, timeout)
        woken = self._woken.wait(limit)
        self._woken.clear()
        return woken

    def wake(self) -> None:
        """End the present or next `wait`, from any thread (for a stop signal)."""
        self._woken.set()

    def drain(self) -> list[Event]:
        """The events since the last call, oldest first (the newest 1,000); `hello` means: ask for
        everything.
        """
        events: list[Event] = []
        while self._events:
            events.append(self._events.popleft())
        return events

    def close(self) -> None:
        """End the streams."""
        for stream in self._streams.values():
            stream.close()
        self._streams.clear()
