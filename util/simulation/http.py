"""The hub's protocol over asyncio: calls, and event streams, of a thousand builders in one process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

from moromi.wire import xmlrpc
from moromi.wire.named import join_named
from simulation.rows import Account

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Caller:
    """A session's calls, one at a time over one connection, which is opened again when the hub closes it."""

    def __init__(self, url: str, account: Account | None = None) -> None:
        parts = urlsplit(url)
        self._host, self._port, self._path = parts.hostname or "", parts.port or 80, parts.path
        self._account = account
        self._number = 0
        self._lock = asyncio.Lock()
        self._stream: Stream | None = None
        self.requests = 0

    async def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Make a call; faults are raised as their exceptions."""
        body = xmlrpc.encode_request(method, join_named(list(args), kwargs))
        async with self._lock:
            self.requests += 1
            headers = self._headers(len(body))
            for _ in range(2):
                reader, writer = await self._connected()
                writer.write(headers + body)
                status, answer = await _answer(reader)
                if status:
                    return xmlrpc.decode_response(answer)
                await self._drop()  # the connection had been closed while it was idle
        raise ConnectionError(f"no answer to {method}")

    async def many(self, *calls: tuple[Any, ...]) -> list[Any]:
        """Several calls `(name, *args)` in one request; their answers, each `[value]` or a fault's map."""
        batch = [{"methodName": name, "params": list(args)} for name, *args in calls]
        answers = await self.call("multiCall", batch)
        return [answer[0] if isinstance(answer, list) else answer for answer in answers]

    async def close(self) -> None:
        """End the connection."""
        await self._drop()

    def _headers(self, length: int) -> bytes:
        lines = [
            f"POST {self._path} HTTP/1.1",
            f"Host: {self._host}:{self._port}",
            "Content-Type: text/xml",
            f"Content-Length: {length}",
        ]
        if self._account is not None:
            lines += [
                f"Koji-Session-Id: {self._account.session_id}",
                f"Koji-Session-Key: {self._account.key}",
                f"Koji-Session-Callnum: {self._number}",
            ]
            self._number += 1
        return "\r\n".join([*lines, "", ""]).encode()

    async def _connected(self) -> Stream:
        if self._stream is None:
            self._stream = await asyncio.open_connection(self._host, self._port)
        return self._stream

    async def _drop(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream[1].close()


async def _head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]]:
    """The status line and the headers of an answer; an empty line when there is none."""
    try:
        text = (await reader.readuntil(b"\r\n\r\n")).decode()
    except (asyncio.IncompleteReadError, ConnectionError):
        return "", {}
    status, *lines = text.strip().split("\r\n")
    return status, {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


async def _answer(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    status, headers = await _head(reader)
    if "content-length" in headers:
        return status, await reader.readexactly(int(headers["content-length"]))
    body = b""
    while status:
        size = int(await reader.readline(), 16)
        body += (await reader.readexactly(size + 2))[:size]
        if not size:
            break
    return status, body


async def follow(url: str, account: Account) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """The events `(name, payload)` of a builder's stream of the push service, until it ends."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        lines = [
            f"GET {parts.path} HTTP/1.1",
            f"Host: {parts.netloc}",
            f"Koji-Session-Id: {account.session_id}",
            f"Koji-Session-Key: {account.key}",
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        status, _ = await _head(reader)
        if " 200 " not in status:
            raise ConnectionError(f"{url}: {status}")
        name = ""
        while line := (await reader.readline()).decode():
            key, _, value = line.rstrip("\r\n").partition(": ")
            if key == "event":
                name = value
            elif key == "data":
                yield name, json.loads(value)
    finally:
        writer.close()
