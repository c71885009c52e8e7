"""Long answers: what they take in memory, how they are sent, and how they fail."""

from __future__ import annotations

import http.client
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url, text

from moromi.errors import Fault
from moromi.wire import xmlrpc
from moromi_hub.rpc import body
from moromi_hub.rpc.body import StoredBody, collect
from samplesite.services import wait_for
from samplesite.site import BIN, free_port
from support.hub import HubUnderTest
from support.programs import background, listens

LONG = [{"text": "x" * 1000, "number": number} for number in range(6000)]


def post(hub: HubUnderTest, request: bytes) -> tuple[dict[str, str], Any]:
    """Headers and parts of an answer."""
    seen: dict[str, str] = {}
    environ: Any = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/kojihub",
        "CONTENT_TYPE": "text/xml",
        "CONTENT_LENGTH": str(len(request)),
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": io.BytesIO(request),
    }
    start: Any = lambda status, headers: seen.update(headers)  # noqa: E731 - as WSGI calls it
    return seen, hub.application(environ, start)


def test_short_in_memory_and_long_in_a_file() -> None:
    assert collect([b"a", b"b"]) == b"ab"
    block = b"x" * (1 << 20)
    stored = collect([block] * 5 + [b"end"])
    assert isinstance(stored, StoredBody)
    assert len(stored) == 5 * len(block) + 3
    assert b"".join(stored) == block * 5 + b"end"
    stored.close()


def test_a_late_failure_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    make = tempfile.TemporaryFile

    def note() -> Any:
        opened.append(make())
        return opened[-1]

    def pieces() -> Iterator[bytes]:
        yield b"x" * (body.IN_MEMORY + 1)
        raise ValueError("too late?")

    monkeypatch.setattr(tempfile, "TemporaryFile", note)
    with pytest.raises(ValueError, match="too late"):
        collect(pieces())
    assert [file.closed for file in opened] == [True]


def test_length_and_content_agree(hub: HubUnderTest) -> None:
    headers, parts = post(hub, xmlrpc.encode_request("echo", [LONG]))
    assert isinstance(parts, StoredBody)
    answer = b"".join(parts)
    parts.close()
    assert headers["Content-Length"] == str(len(answer))
    assert xmlrpc.decode_response(answer) == [LONG]


def test_an_unreadable_row_after_megabytes_is_a_fault(hub: HubUnderTest) -> None:
    admin = hub.client("kojiadmin")
    build_id = admin("createEmptyBuild", "hello", "1.0", "1", None)
    with hub.hub.engine.begin() as connection:
        connection.execute(
            text(
                """INSERT INTO rpminfo(build_id, name, version, release, arch, draft, external_repo_id,
                       payloadhash, size, buildtime, extra)
                   SELECT :build, 'hello-' || g, '1.0', '1', 'x86_64', false, 0, repeat('a', 600), 1, 1,
                       CASE WHEN g = 9000 THEN 'not JSON' END
                   FROM generate_series(1, 9000) g"""
            ),
            {"build": build_id},
        )
    options = {"queryOpts": {"order": "id", "limit": 8999}}
    assert len(admin("listRPMs", build_id, **options)) == 8999
    with pytest.raises(Fault):
        admin("listRPMs", build_id, queryOpts={"order": "id"})
    assert admin("echo", "still there") == ["still there"]


def test_over_http_with_a_length_and_on_one_connection(dsn: str, tmp_path: Path) -> None:
    port = free_port()
    url = make_url(dsn).render_as_string(hide_password=False)
    config = tmp_path / "hub.conf"
    config.write_text(
        f"[hub]\nDBConnectionString = {url}\nKojiDir = {tmp_path}\nListen = 127.0.0.1:{port}\nWorkers = 1\n"
        "MaxRequestLength = 67108864\n"
    )
    request = xmlrpc.encode_request("echo", [LONG])
    log = tmp_path / "hub.log"
    with background([str(BIN / "moromi-hub"), "web", "--config", str(config)], log):
        assert wait_for(lambda: listens(port), 120), log.read_text()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for _ in range(2):
            connection.request("POST", "/kojihub", request, {"Content-Type": "text/xml"})
            answer = connection.getresponse()
            content = answer.read()
            assert answer.getheader("Content-Length") == str(len(content))
            assert answer.getheader("Transfer-Encoding") is None
            assert xmlrpc.decode_response(content) == [LONG]
        connection.close()
