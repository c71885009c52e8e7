"""Uploads that break off: nobody takes a part for the whole, and a client that goes on gets there."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from moromi.client import ClientSession, TransportError
from samplesite.services import wait_for
from samplesite.site import ADMIN, Site
from support.proxy import Proxy, proxy_to

SIZE = 24 * 1024 * 1024


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of many chunks, none like another."""
    path = tmp_path_factory.mktemp("upload") / "large.bin"
    path.write_bytes(b"".join(hashlib.sha512(str(n).encode()).digest() for n in range(SIZE // 64)))
    return path


@pytest.fixture
def proxy(site: Site) -> Iterator[Proxy]:
    """A network to the hub that can be cut."""
    with proxy_to(int(site.facts["port"])) as made:
        yield made


def connect(site: Site, proxy: Proxy, **options: int) -> ClientSession:
    """A session through the proxy."""
    session = ClientSession(f"http://127.0.0.1:{proxy.port}/kojihub", {"retry_interval": 1, **options})
    session.login(ADMIN, site.facts["admin_password"])
    return session


def test_cut_upload_goes_on(site: Site, proxy: Proxy, file: Path) -> None:
    with connect(site, proxy) as session:
        proxy.cut_after(SIZE // 2)

        def mend() -> None:
            wait_for(lambda: proxy.refused > 0, 120)
            proxy.up()

        mender = threading.Thread(target=mend)
        mender.start()
        session.upload(str(file), "faults/cut-upload")
        mender.join()
    assert proxy.refused, "nothing was cut"
    stored = site.tree / "work" / "faults" / "cut-upload" / file.name
    assert hashlib.sha256(stored.read_bytes()).digest() == hashlib.sha256(file.read_bytes()).digest()


def test_upload_that_gives_up_is_an_error(site: Site, proxy: Proxy, file: Path) -> None:
    session = connect(site, proxy, max_retries=1)
    proxy.cut_after(SIZE // 2)
    with pytest.raises(TransportError):
        session.upload(str(file), "faults/given-up")
    with site.session() as admin:
        part = admin.call("checkUpload", "faults/given-up", file.name)
        assert part is not None and 0 < part["size"] < SIZE
        assert admin.call("getAPIVersion") == 1


def test_request_that_ends_too_early_is_no_success(site: Site) -> None:
    """A client that announces more than it sends must not be told that all is well."""
    with site.session() as session:
        info = session.sinfo
        assert info is not None
        query = "filename=short.bin&filepath=faults/short&fileverify=adler32&offset=0&overwrite=1"
        head = (
            f"POST /kojihub?{query} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
            f"Koji-Session-Id: {info['session-id']}\r\nKoji-Session-Key: {info['session-key']}\r\n"
            f"Koji-Session-Callnum: {session.callnum}\r\nContent-Length: 100000\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", int(site.facts["port"])), timeout=60) as connection:
            connection.sendall(head.encode() + b"x" * 5000)
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert b"hexdigest" not in answer, answer.decode()
        assert session.call("getAPIVersion") == 1
