"""One place to sleep: until a signal, a push event, a descriptor, or the end of an interval.

The supervisor and the waiting tasks are single-threaded except for the readers of push streams. Those
threads and the signal handlers only write a byte into a pipe that the sleeper polls; a `threading.Event`
would not do, since a signal handler that sets it can meet its own thread inside the event's lock.

Not shared over a fork: the child makes its own, which also takes the signals' wake-up descriptor over.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from collections import deque
from typing import Any

from moromi.client import ClientSession
from moromi.client.push import Stream, push_url

SESSION_HEADERS = ("koji-session-id", "koji-session-key")
REDISCOVER = 300.0
"""Seconds after which a hub that had no push service is asked again."""


STUCK = 90.0
"""Seconds without coming by after which a daemon is not spoken for any more."""


def _credentials(session: ClientSession) -> dict[str, str]:
    info = session.sinfo or {}
    return {name: str(info[name.removeprefix("koji-")]) for name in SESSION_HEADERS} if info else {}


class Wakeup:
    """A self-pipe with push streams and signals writing to it."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._events: deque[tuple[str, dict[str, Any]]] = deque(maxlen=10_000)
        self._streams: dict[str, Stream] = {}
        self._extra: set[int] = set()
        self._poll = select.poll()
        self._poll.register(self._reader, select.POLLIN)
        self._url: str | None = None
        self._asked: float | None = None
        self._turned = time.monotonic()

    def catch_signals(self) -> None:
        """Let every handled signal end a `wait`; main thread only."""
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)

    def wake(self) -> None:
        """End the present or next `wait`, from any thread or signal handler."""
        with contextlib.suppress(BlockingIOError):  # a full pipe wakes as well as one more byte
            os.write(self._writer, b"\0")

    def watch(self, descriptor: int) -> None:
        """Also wake when a descriptor becomes readable or is closed at its other end."""
        self._poll.register(descriptor, select.POLLIN)
        self._extra.add(descriptor)

    def unwatch(self, descriptor: int) -> None:
        """Stop watching a descriptor."""
        if descriptor in self._extra:
            self._poll.unregister(descriptor)
            self._extra.discard(descriptor)

    def listen(self, session: ClientSession, path: str, *, speaks: bool = False) -> None:
        """Follow one stream of the hub's push service, if it has one; repeated calls are cheap.

        `speaks`: the stream also tells the hub that this daemon is there, as long as it comes by here.
        """
        if path in self._streams:
            return
        now = time.monotonic()
        if self._url is None and (self._asked is None or now - self._asked > REDISCOVER):
            self._asked = now
            self._url = push_url(session)
        if self._url is None:
            return
        if speaks:
            stream = Stream(
                self._url + path, session.opts, headers=lambda: _credentials(session), alive=self._is_turning
            )
        else:
            stream = Stream(self._url + path, session.opts)
        self._streams[path] = stream
        threading.Thread(target=self._follow, args=(stream,), name=f"push {path}", daemon=True).start()

    def _follow(self, stream: Stream) -> None:
        for event in stream:
            self._events.append(event)
            self.wake()

    def _is_turning(self) -> bool:
        return time.monotonic() - self._turned < STUCK

    @property
    def pushed(self) -> bool:
        """True while every stream that was asked for is connected (and there is one)."""
        return bool(self._streams) and all(stream.connected for stream in self._streams.values())

    def wait(self, timeout: float) -> bool:
        """Sleep until something happens (True) or `timeout` seconds are over (False)."""
        self._turned = time.monotonic()
        ready = self._poll.poll(max(0, int(timeout * 1000 + 0.999)))
        self._turned = time.monotonic()
        with contextlib.suppress(BlockingIOError):  # the pipe is empty again
            while os.read(self._reader, 4096):
                continue
        return bool(ready)

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """Take the events since the last call: (name, payload); `hello` means that some may have been
        missed.
        """
        taken = []
        with contextlib.suppress(IndexError):  # a reader may add while we take: the end is where it is empty
            while True:
                taken.append(self._events.popleft())
        return taken

    def close(self) -> None:
        """End the streams and free the pipe."""
        for stream in self._streams.values():
            stream.close()
        self._streams.clear()
