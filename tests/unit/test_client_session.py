"""The client session against a small real HTTP server: numbering, retries, renewal, uploads, forks, push."""

import json
import multiprocessing
import os
import socketserver
import threading
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from moromi import errors
from moromi.client import (
    ClientSession,
    MultiCallInProgress,
    MultiCallNotReady,
    Push,
    TransportError,
)
from moromi.client.push import Stream
from moromi.wire.named import split_named
from moromi.wire.xmlrpc import decode_request, encode_fault, encode_response
from support.worker import eventually

FAST = {"retry_interval": 0.01, "offline_retry_interval": 0.01, "max_retries": 3}
LOGIN = {"session-id": 7, "session-key": "1-secret", "header-auth": True}


class Hub(socketserver.ThreadingMixIn, HTTPServer):
    """Answers calls by functions; keeps what it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.calls: list[tuple[str, list[Any], dict[str, Any]]] = []
        self.headers_seen: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.connections: list[tuple[str, int]] = []
        self.trouble: list[str] = []
        self.files: dict[str, bytes] = {}
        self.greeted = threading.Event()
        """A client has heard the greeting of a stream, and may hear more."""
        self.over = threading.Event()
        self.functions: dict[str, Callable[..., Any]] = {
            "echo": lambda *args, **kwargs: [list(args), kwargs],
            "login": lambda *args, **kwargs: LOGIN,
            "logout": lambda *args, **kwargs: None,
            "getKojiVersion": lambda: "1.30.2",
            "checkUpload": self.check_upload,
            "multiCall": self.multi_call,
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/kojihub"

    def check_upload(self, path: str, name: str, verify: str | None = None) -> dict[str, Any] | None:
        data = self.files.get(f"{path}/{name}")
        if data is None:
            return None
        return {"size": len(data), "mtime": 1.0, "hexdigest": f"{zlib.adler32(data):08x}"}

    def multi_call(self, calls: list[dict[str, Any]]) -> list[Any]:
        answers: list[Any] = []
        for item in calls:
            args, kwargs = split_named(item["params"])
            try:
                answers.append([self.functions[item["methodName"]](*args, **kwargs)])
            except errors.GenericError as err:
                answers.append({"faultCode": err.faultCode, "faultString": str(err), "traceback": []})
        return answers


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        hub = self.server
        hub.headers_seen.append(dict(self.headers))
        hub.paths.append(self.path)
        hub.connections.append(self.client_address)
        trouble = hub.trouble.pop(0) if hub.trouble else ""
        if trouble == "cut":
            self.close_connection = True
            return
        if trouble.isdigit():
            self.answer(int(trouble), b"out of order")
            return
        if trouble == "expired":
            self.answer(200, encode_fault(1007, "session has expired"))
            return
        self.answer(200, b"<not><xml" if trouble == "garbage" else self.run(body))

    def run(self, body: bytes) -> bytes:
        hub = self.server
        if self.headers["Content-Type"] == "application/octet-stream":
            return encode_response(self.store(body))
        name, params = decode_request(body)
        args, kwargs = split_named(params)
        hub.calls.append((str(name), args, kwargs))
        if name not in hub.functions:
            return encode_fault(1000, f"Invalid method: {name}")
        try:
            return encode_response(hub.functions[name](*args, **kwargs))
        except errors.GenericError as err:
            return encode_fault(err.faultCode, str(err))

    def store(self, body: bytes) -> dict[str, Any]:
        query = {key: value[0] for key, value in parse_qs(urlsplit(self.path).query).items()}
        key = f"{query['filepath']}/{query['filename']}"
        offset = int(query["offset"])
        self.server.files[key] = self.server.files.get(key, b"")[:offset] + body
        return {"size": len(body), "hexdigest": f"{zlib.adler32(body):08x}", "offset": offset}

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.close_connection = True
        told = {"key": self.headers.get("Koji-Session-Key")}
        self.wfile.write(b"event: hello\ndata: " + json.dumps(told).encode() + b"\n\n")
        event = {"type": "task", "id": 12, "state": 1}
        self.server.greeted.wait(60)
        self.wfile.write(b": still here\n\nevent: task\ndata: " + json.dumps(event).encode() + b"\n\n")
        self.server.over.wait(60)

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Koji-Version", "1.36.1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Keep the test output clean."""


@pytest.fixture
def hub() -> Iterator[Hub]:
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()
    thread.join()


def logged_in(hub: Hub, **opts: Any) -> ClientSession:
    session = ClientSession(hub.url, {**FAST, **opts})
    assert session.login("alice", "pw")
    return session


def test_named_arguments_and_nested_names(hub: Hub) -> None:
    session = ClientSession(hub.url)
    assert session.echo(1, None, x=[2]) == [[1, None], {"x": [2]}]
    hub.functions["host.echo"] = hub.functions["echo"]
    assert session.host.echo("ü") == [["ü"], {}]


def test_calls_are_described_by_the_hub(hub: Hub) -> None:
    api = [
        {"name": "_listapi", "argdesc": "()", "doc": None},
        {"name": "host.openTask", "argdesc": "(task_id)", "doc": "Begin it."},
    ]
    hub.functions["_listapi"] = lambda: api
    session = ClientSession(hub.url)
    session.multicall = True
    assert session.host.openTask.__doc__ == "host.openTask(task_id)\nBegin it."
    assert session.host.closeTask.__doc__ is None
    assert [name for name, _, _ in hub.calls] == ["_listapi"]
    assert session.multiCall() == []
    assert session._listapi() == api
    with pytest.raises(AttributeError):
        session._of_ours()


def test_fault_becomes_the_class_of_its_code(hub: Hub) -> None:
    def refuse() -> None:
        raise errors.ActionNotAllowed("no")

    hub.functions["refuse"] = refuse
    with pytest.raises(errors.ActionNotAllowed, match=r"^no$"):
        ClientSession(hub.url).refuse()
    assert len(hub.calls) == 1, "a fault is never sent again"


def test_session_headers_and_call_numbers(hub: Hub) -> None:
    session = logged_in(hub)
    session.echo()
    session.echo()
    sent = [seen.get("Koji-Session-Callnum") for seen in hub.headers_seen]
    assert sent == [None, "0", "1"]
    assert hub.headers_seen[1]["Koji-Session-Id"] == "7"
    assert hub.headers_seen[1]["Koji-Session-Key"] == "1-secret"
    assert "?" not in hub.paths[1]


def test_old_hub_gets_the_session_in_the_url(hub: Hub) -> None:
    session = ClientSession(hub.url, sinfo={"session-id": 7, "session-key": "k"})
    session.echo()
    assert hub.paths[0].endswith("?session-id=7&session-key=k&callnum=0")


def test_connections_are_kept_alive(hub: Hub) -> None:
    session = ClientSession(hub.url)
    for _ in range(3):
        session.echo()
    assert len(set(hub.connections)) == 1


def test_cut_connection_is_repeated_at_once_with_the_same_number(hub: Hub) -> None:
    session = logged_in(hub)
    hub.trouble = ["cut"]
    session.echo()
    assert [seen.get("Koji-Session-Callnum") for seen in hub.headers_seen] == [None, "0", "0"]


@pytest.mark.parametrize("trouble", ["500", "404", "garbage"])
def test_errors_are_retried_when_logged_in(hub: Hub, trouble: str) -> None:
    session = logged_in(hub)
    hub.trouble = [trouble] * 3
    assert session.echo(5) == [[5], {}]
    assert session.retries == 3
    assert [seen.get("Koji-Session-Callnum") for seen in hub.headers_seen[1:]] == ["0"] * 4


def test_patience_ends(hub: Hub) -> None:
    session = logged_in(hub)
    hub.trouble = ["503"] * 10
    with pytest.raises(TransportError) as caught:
        session.echo()
    assert caught.value.status == 503
    assert len(hub.headers_seen) == 1 + 4, "one attempt and three retries"


def test_anonymous_calls_are_retried_only_on_request(hub: Hub) -> None:
    hub.trouble = ["500"]
    with pytest.raises(TransportError):
        ClientSession(hub.url, FAST).echo()
    hub.trouble = ["500"]
    ClientSession(hub.url, {**FAST, "anon_retry": True}).echo()


def test_unreachable_hub_names_no_secret() -> None:
    session = ClientSession("http://127.0.0.1:1/hub", sinfo={"session-id": 7, "session-key": "hush"})
    session.opts.max_retries = 0
    with pytest.raises(TransportError) as caught:
        session.echo()
    assert "hush" not in str(caught.value)


def test_offline_hub_is_waited_for(hub: Hub) -> None:
    tries: list[int] = []

    def offline() -> str:
        tries.append(1)
        if len(tries) < 8:
            raise errors.ServerOffline("server is offline")
        return "back"

    hub.functions["offline"] = offline
    with pytest.raises(errors.ServerOffline):
        ClientSession(hub.url, FAST).offline()
    assert ClientSession(hub.url, {**FAST, "offline_retry": True}).offline() == "back"


def test_expired_session_is_renewed_once(hub: Hub) -> None:
    session = logged_in(hub)
    session.echo()
    expired = [True]

    def once() -> str:
        if expired.pop() if expired else False:
            raise errors.AuthExpired('session "7" has expired')
        return "done"

    hub.functions["once"] = once
    assert session.once() == "done"
    assert [name for name, _, _ in hub.calls] == ["login", "echo", "once", "login", "once"]
    assert hub.calls[3][2] == {"opts": None, "renew": True, "exclusive": False}
    assert [seen.get("Koji-Session-Callnum") for seen in hub.headers_seen] == [None, "0", "1", "2", "0"]


def test_a_session_that_expires_within_an_upload_is_renewed(hub: Hub, tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(b"abc" * 1000)
    session = logged_in(hub, use_fast_upload=True)
    hub.trouble = ["", "expired"]
    session.upload(str(path), "d", blocksize=1000)
    assert hub.files["d/x.bin"] == path.read_bytes()
    assert [name for name, _, _ in hub.calls] == ["login", "login", "checkUpload"]


def test_expired_session_without_a_way_to_renew(hub: Hub) -> None:
    def expired() -> None:
        raise errors.AuthExpired("session has expired")

    hub.functions["expired"] = expired
    with pytest.raises(errors.AuthExpired):
        ClientSession(hub.url, sinfo=LOGIN).expired()


def test_logout_is_tried_once_and_forgets(hub: Hub) -> None:
    session = logged_in(hub)
    hub.trouble = ["500"]
    with pytest.raises(TransportError):
        session.logout()
    session.logout()
    assert not session.logged_in
    session.logout()
    assert [name for name, _, _ in hub.calls] == ["login", "logout"]


def test_hub_version_comes_from_the_header(hub: Hub) -> None:
    session = ClientSession(hub.url)
    session.echo()
    assert session.hub_version == (1, 36, 1)
    assert [name for name, _, _ in hub.calls] == ["echo"]


def test_multicall(hub: Hub) -> None:
    def fail() -> None:
        raise errors.TagError("not in the list")

    hub.functions["fail"] = fail
    session = ClientSession(hub.url)
    with session.multicall(batch=2) as m:
        one, two, three = m.echo(1), m.fail(), m.echo(x=3)
        with pytest.raises(MultiCallNotReady):
            _ = one.result
    assert one.result == [[1], {}]
    assert three.result == [[], {"x": 3}]
    with pytest.raises(errors.TagError, match="not in the list"):
        _ = two.result
    assert [name for name, _, _ in hub.calls] == ["multiCall", "multiCall"]
    with pytest.raises(errors.TagError), session.multicall(strict=True) as m:
        m.fail()


def test_multicall_without_calls_sends_nothing(hub: Hub) -> None:
    with ClientSession(hub.url).multicall() as m:
        pass
    assert m.call_all() == []
    assert not hub.calls


def test_old_style_multicall(hub: Hub) -> None:
    session = ClientSession(hub.url)
    session.multicall = True
    assert session.echo(1) is MultiCallInProgress
    session.echo(2)
    assert session.multicall
    assert session.multiCall() == [[[[1], {}]], [[[2], {}]]]
    assert not session.multicall
    with pytest.raises(errors.GenericError):
        session.multiCall()


@pytest.mark.parametrize("size", [0, 1, 1000, 2500])
def test_upload(hub: Hub, tmp_path: Path, size: int) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(os.urandom(size))
    laps: list[int] = []
    logged_in(hub).upload(
        str(path), "cli-build/1", blocksize=1000, callback=lambda done, total, *rest: laps.append(done)
    )
    assert hub.files["cli-build/1/x.bin"] == path.read_bytes()
    assert laps[0] == 0
    assert laps[-1] == size


def test_upload_checks_the_whole_after_a_repeat(hub: Hub, tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(b"abc" * 1000)
    session = logged_in(hub, use_fast_upload=True)
    hub.trouble = ["", "cut"]
    session.upload(str(path), "d", blocksize=1000)
    assert hub.files["d/x.bin"] == path.read_bytes()
    assert hub.calls[-1] == ("checkUpload", ["d", "x.bin"], {"verify": "adler32"})


def test_upload_notices_a_short_file(hub: Hub, tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(b"abc")
    hub.functions["checkUpload"] = lambda *args, **kwargs: {"size": 2}
    with pytest.raises(errors.GenericError, match="2 bytes at the hub, 3 here"):
        logged_in(hub).fastUpload(str(path), "d")


def test_upload_needs_a_login(hub: Hub, tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(b"abc")
    with pytest.raises(errors.ActionNotAllowed):
        ClientSession(hub.url).fastUpload(str(path), "d")


def _echo_in_child(session: ClientSession, answers: Any) -> None:
    answers.put(session.echo("child"))


def test_forked_child_gets_its_own_connection(hub: Hub) -> None:
    session = ClientSession(hub.url)
    session.echo()
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=_echo_in_child, args=(session, answers))
    child.start()
    assert answers.get(timeout=60) == [["child"], {}]
    child.join()
    session.echo()
    first, other, again = hub.connections
    assert first == again
    assert other != first


def test_push_wakes_the_poller(hub: Hub) -> None:
    base = hub.url.rsplit("/", 1)[0]
    hub.functions["getPushInfo"] = lambda: {"url": f"{base}/events"}
    with Push(ClientSession(hub.url), "/task/12", poll_interval=60, fallback_interval=60) as push:
        assert push.wait(60), "the greeting"
        assert push.up
        hub.greeted.set()
        assert push.wait(60)
        assert push.drain()[-1] == ("task", {"type": "task", "id": 12, "state": 1})


def test_a_stream_speaks_only_while_its_owner_lives(hub: Hub) -> None:
    """It carries the headers it is given; without life it is let go, and not connected again."""
    lives = True
    base = hub.url.rsplit("/", 1)[0]
    stream = Stream(
        f"{base}/events/host/x", headers=lambda: {"Koji-Session-Key": "secret"}, alive=lambda: lives
    )
    events = iter(stream)
    assert next(events) == ("hello", {"key": "secret"})
    lives = False
    rest: list[object] = []
    reader = threading.Thread(target=lambda: rest.extend(events))
    reader.start()
    hub.greeted.set()
    eventually(lambda: not stream.connected)
    stream.close()
    reader.join(60)
    assert rest == []


def test_push_without_the_service_is_a_sleep(hub: Hub) -> None:
    push = Push(ClientSession(hub.url), "/task/12", poll_interval=0.05)
    assert push.url is None
    assert not push.wait()
    push.close()


def test_push_at_a_dead_service_polls(hub: Hub) -> None:
    hub.functions["getPushInfo"] = lambda: {"url": "http://127.0.0.1:1/events"}
    with Push(ClientSession(hub.url), "/task/12", poll_interval=0.05) as push:
        assert not push.wait()
        assert not push.up
