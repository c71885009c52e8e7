"""The HTTP client below a session: messages, connections, redirects, proxies, certificates."""

from __future__ import annotations

import gzip
import os
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from moromi.client import CertificateError, ClientSession, SessionOptions, TransportError
from moromi.client.connection import Limits
from moromi.client.download import fetch
from moromi.client.http import Http
from moromi.client.proxies import find_proxy
from moromi.client.trouble import Failure
from moromi.errors import AuthError
from moromi.wire.xmlrpc import encode_fault, encode_response
from support.canned import Canned, answer, canned
from support.tls import Authority
from support.worker import eventually

LIMITS = Limits(silence=20)
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


# -- messages

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKS = b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("text", "method", "body", "connections"),
    [
        (HEAD + b"Content-Length: 3\r\n\r\nabc", "GET", b"abc", 1),
        (HEAD + b"content-length:3\r\nConnection: Close\r\n\r\nabc", "GET", b"abc", 2),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", "GET", b"abc", 2),
        (HEAD + CHUNKS + b"2\r\nab\r\n 1;x=y\r\nc\r\n0\r\nTrailer: 1\r\n\r\n", "GET", b"abc", 1),
        (HEAD + CHUNKS + b"0\r\n\r\n", "GET", b"", 1),
        (HEAD + b"Content-Length: 3\r\n\r\n", "HEAD", b"", 1),
        (b"HTTP/1.1 204\r\n\r\n", "GET", b"", 1),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 1\r\n\r\na", "POST", b"a", 1),
    ],
)
def test_answers(text: bytes, method: str, body: bytes, connections: int) -> None:
    with canned(text, answer(b"next")) as server:
        http = Http()
        with http.request(method, server.url, limits=LIMITS) as response:
            assert response.read() == body
            assert response.read() == b""
        with http.request("GET", server.url, limits=LIMITS) as response:
            assert response.read() == b"next"
        assert server.connections == connections


def test_an_answer_without_a_length_goes_on_until_the_server_hangs_up() -> None:
    with (
        canned(HEAD + b"\r\nuntil the end", hang_up=True) as server,
        Http().request("GET", server.url, limits=LIMITS) as response,
    ):
        assert response.read() == b"until the end"


@pytest.mark.parametrize(
    ("text", "reason", "failure"),
    [
        (b"", "closed connection without response", Failure.DROPPED),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "the answer is not HTTP: 'SSH", Failure.DROPPED),
        (b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70_000, "more than 65536 bytes .* header", Failure.OTHER),
        (HEAD + b"A: 1\r\n" * 300 + b"\r\n", "more than 100 headers", Failure.OTHER),
        (HEAD + b"Content-Length: 3\r\n\r\nab", "connection was cut: .* 1 more", Failure.DROPPED),
        (HEAD + CHUNKS + b"5\r\nab", "connection was cut", Failure.DROPPED),
        (HEAD + CHUNKS + b"5\r\nabcde\r\n", "connection was cut", Failure.DROPPED),
        (HEAD + CHUNKS + b"x\r\nabcde\r\n", "connection was cut", Failure.DROPPED),
    ],
)
def test_answers_that_are_none(text: bytes, reason: str, failure: Failure) -> None:
    for whole in (True, False):
        with (
            canned(text, hang_up=True) as server,
            pytest.raises(TransportError, match=reason) as caught,
            Http().request("GET", server.url, limits=LIMITS) as response,
        ):
            _ = response.read() if whole else list(response.blocks(2))
        assert caught.value.failure is failure


def test_lines_go_over_chunks() -> None:
    text = HEAD + CHUNKS + b"3\r\neve\r\n4\r\nnt\nd\r\n4\r\nata\n\r\n0\r\n\r\n"
    with canned(text, text[:-10], HEAD + b"Content-Length: 9\r\n\r\nevent\n", hang_up=True) as server:
        with Http().request("GET", server.url, limits=LIMITS) as response:
            assert list(response.lines(100)) == [b"event\n", b"data\n"]
        for _ in range(2):
            with Http().request("GET", server.url, limits=LIMITS) as response:
                lines = response.lines(100)
                assert next(lines) == b"event\n"
                with pytest.raises(TransportError, match="connection was cut"):
                    list(lines)


def test_a_header_stays_one() -> None:
    with canned(answer()) as server:
        with pytest.raises(ValueError, match="Invalid header"):
            Http().request("GET", server.url, limits=LIMITS, headers={"A": "1\r\nB: 2"})
        assert not server.asked


def test_a_small_request_is_one_packet() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/kojihub"
        asking = threading.Thread(target=ClientSession(url).echo, args=("x",))
        asking.start()
        with listener.accept()[0] as client:
            request = client.recv(1 << 16)
            client.sendall(answer(encode_response("x")))
        asking.join()
    assert request.startswith(b"POST /kojihub HTTP/1.1\r\n")
    assert request.endswith(b"</methodCall>\n")


def test_a_server_that_does_not_read_on_says_why() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=too_much, args=(listener,), daemon=True).start()
        with pytest.raises(TransportError, match="answered 413 Too Large") as caught:
            ClientSession(f"http://127.0.0.1:{listener.getsockname()[1]}/kojihub").echo("x" * (32 << 20))
    assert caught.value.status == 413


def too_much(listener: socket.socket) -> None:
    """A server that refuses a request for its length, and reads no more of it."""
    client, _ = listener.accept()
    with client:
        client.recv(100)
        client.sendall(answer(status="413 Too Large", Connection="close"))


# -- connections


def test_connections_are_used_again_when_the_answer_was_read() -> None:
    with canned(*[answer(b"abc")] * 3) as server:
        http = Http()
        for _ in range(2):
            with http.request("GET", server.url, limits=LIMITS) as response:
                assert response.read() == b"abc"
        assert server.connections == 1
        http.request("GET", server.url, limits=LIMITS).close()
        server.answers = [answer(b"abc")]
        with http.request("GET", server.url, limits=LIMITS) as response:
            assert response.read() == b"abc"
        assert server.connections == 2, "one with half an answer in it is of no use"


def test_a_connection_that_the_server_closed_while_it_was_idle_is_no_error() -> None:
    with canned(answer(b"1"), answer(b"2"), hang_up=True) as server:
        http = Http()
        for expected in (b"1", b"2"):
            with http.request("GET", server.url, limits=LIMITS) as response:
                assert response.read() == expected
            eventually(lambda: server.hung_up == server.connections, 30)
        assert server.connections == 2


def test_addresses_are_quoted_and_bad_ones_named() -> None:
    with canned(answer()) as server:
        with Http().request("GET", f"{server.url}/a b%20ü?q=a b", limits=LIMITS) as response:
            response.read()
        assert server.head()[0] == "GET /kojihub/a%20b%20%C3%BC?q=a%20b HTTP/1.1"
    for url in ("hub.example.org/kojihub", "ftp://hub:21/x", "http:///x", "http://hub:99999/"):
        with pytest.raises(TransportError) as caught:
            Http().request("GET", url, limits=LIMITS)
        assert caught.value.failure.final


def test_a_user_in_the_address_logs_in() -> None:
    with canned(answer()) as server:
        url = server.url.replace("http://", "http://me:p%40w@")
        Http().request("GET", url, limits=LIMITS).close()
        assert "Authorization: Basic bWU6cEB3" in server.head()
        assert f"Host: 127.0.0.1:{server.port}" in server.head()


def test_an_answer_packed_without_being_asked_to_is_unpacked() -> None:
    packed = gzip.compress(encode_response("x" * 1000))
    with canned(
        answer(packed, Content_Encoding="gzip"), answer(packed[:-20], Content_Encoding="gzip")
    ) as server:
        assert ClientSession(server.url).echo() == "x" * 1000
        with pytest.raises(TransportError, match="the compressed answer is damaged"):
            ClientSession(server.url).echo()


def test_a_download_goes_on_where_it_was_cut(tmp_path: Path) -> None:
    whole = os.urandom(3000)
    rest = answer(whole[1000:], "206 Partial Content", Content_Range="bytes 1000-2999/3000")
    with canned(answer(whole)[:-2000], rest, hang_up=True) as server:
        target = tmp_path / "file"
        with pytest.raises(TransportError, match=r"connection was cut: .* 2000 more"):
            fetch(server.url, str(target))
        assert target.read_bytes() == whole[:1000]
        fetch(server.url, str(target))
        assert "Range: bytes=1000-" in server.head()
        assert target.read_bytes() == whole


# -- redirects


def moved(target: str, status: int = 302) -> bytes:
    return answer(b"gone", f"{status} Moved", Location=target)


def test_a_redirect_to_another_server_takes_nothing_secret_along() -> None:
    with canned(answer(b"there")) as other, canned(moved(other.url)) as server:
        url = server.url.replace("http://", "http://me:pw@")
        headers = {"Range": "bytes=5-", "Koji-Session-Key": "secret"}
        with Http().request("GET", url, limits=LIMITS, headers=headers) as response:
            assert response.read() == b"there"
            assert response.url == other.url
        assert "Koji-Session-Key: secret" in server.head()
        sent = other.head()
        assert "Range: bytes=5-" in sent
        assert not [line for line in sent if line.startswith(("Koji", "Authorization"))]


def test_a_redirect_on_the_same_server_keeps_what_is_sent() -> None:
    with canned(moved("/new", 308), answer(encode_response(5))) as server:
        assert (
            ClientSession(server.url, sinfo={"session-id": 7, "session-key": "k", "header-auth": 1}).echo()
            == 5
        )
        assert server.head()[0] == "POST /new HTTP/1.1"
        assert "Koji-Session-Key: k" in server.head()
        assert server.asked[0].split(b"\r\n\r\n")[1] == server.asked[1].split(b"\r\n\r\n")[1]


@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_call_is_never_sent_to_another_server(status: int) -> None:
    with canned() as other, canned(*[moved(other.url, status)] * 9) as server:
        session = ClientSession(server.url, {"anon_retry": True, "retry_interval": 0, "password": "x"})
        with pytest.raises(TransportError, match=f"answered {status}: moved to {other.url}"):
            session.login("alice", "secret")
        assert not other.asked
        assert len(server.asked) == 1, "another try would not help"


def test_redirects_end() -> None:
    with canned(*[moved("/again")] * 20) as server:
        with pytest.raises(TransportError, match="moved to"):
            Http().request("GET", server.url, limits=LIMITS)
        assert len(server.asked) == 11


# -- proxies


@pytest.mark.parametrize(
    ("environment", "url", "found"),
    [
        ({}, ("http", "hub", 80), None),
        ({"http_proxy": "http://p:3128"}, ("http", "hub", 80), ("p", 3128)),
        ({"http_proxy": "http://p:3128"}, ("https", "hub", 443), None),
        ({"HTTPS_PROXY": "p:3128"}, ("https", "hub", 443), ("p", 3128)),
        ({"https_proxy": "http://a", "HTTPS_PROXY": "http://b"}, ("https", "hub", 443), ("a", 80)),
        ({"all_proxy": "http://p"}, ("https", "hub", 443), ("p", 80)),
        ({"HTTP_PROXY": "http://p", "REQUEST_METHOD": "GET"}, ("http", "hub", 80), None),
        ({"http_proxy": "http://p", "no_proxy": "*"}, ("http", "hub", 80), None),
        ({"http_proxy": "http://p", "no_proxy": "x, .example.org"}, ("http", "hub.example.org", 80), None),
        ({"http_proxy": "http://p", "no_proxy": "example.org"}, ("http", "badexample.org", 80), ("p", 80)),
        ({"http_proxy": "http://p", "no_proxy": "hub:81"}, ("http", "hub", 80), ("p", 80)),
        ({"http_proxy": "http://p", "no_proxy": "HUB:80"}, ("http", "hub", 80), None),
        ({"http_proxy": "http://p", "no_proxy": "10.0.0.0/8"}, ("http", "10.1.2.3", 80), None),
        ({"http_proxy": "http://p", "no_proxy": "10.0.0.0/8"}, ("http", "11.1.2.3", 80), ("p", 80)),
        ({"http_proxy": "http://p", "no_proxy": "[::1]:80"}, ("http", "::1", 80), None),
        ({"http_proxy": "http://p", "no_proxy": "::1"}, ("http", "::1", 80), None),
    ],
)
def test_which_proxy(
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    url: tuple[str, str, int],
    found: tuple[str, int] | None,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    proxy = find_proxy(*url)
    assert (proxy and (proxy.host, proxy.port)) == found


def test_plain_http_goes_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with canned(answer(encode_response("by proxy"))) as proxy:
        monkeypatch.setenv("http_proxy", f"http://me:pw@127.0.0.1:{proxy.port}")
        assert ClientSession("http://hub.example.org/kojihub").echo() == "by proxy"
        first, *fields = proxy.head()
        assert first == "POST http://hub.example.org/kojihub HTTP/1.1"
        assert {"Host: hub.example.org", "Proxy-Authorization: Basic bWU6cHc="} <= set(fields)


def test_a_proxy_of_another_kind_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:1")
    with pytest.raises(TransportError, match="not at an http address: socks5"):
        ClientSession("http://hub.example.org/kojihub").echo()


def test_https_goes_through_a_tunnel(
    secured: Canned, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        heads: list[bytes] = []
        threading.Thread(target=tunnel, args=(listener, secured.port, heads), daemon=True).start()
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{listener.getsockname()[1]}")
        session = ClientSession(secured.url, {"serverca": str(authority.certificate)})
        assert [session.echo(), session.echo()] == ["secured"] * 2
    assert [head.split()[:2] for head in heads] == [[b"CONNECT", f"localhost:{secured.port}".encode()]]


def tunnel(listener: socket.socket, port: int, heads: list[bytes]) -> None:
    """A proxy for one connection."""
    client, _ = listener.accept()
    heads.append(client.recv(1 << 16))
    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    with client, socket.create_connection(("127.0.0.1", port)) as server:
        ways = {client: server, server: client}
        while True:
            for source in select.select(list(ways), [], [])[0]:
                data = source.recv(1 << 16)
                if not data:
                    return
                ways[source].sendall(data)


def test_a_proxy_that_refuses_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with canned(answer(status="407 Proxy Authentication Required")) as proxy:
        monkeypatch.setenv("https_proxy", f"http://me:pw@127.0.0.1:{proxy.port}")
        with pytest.raises(TransportError, match="failed: 407 Proxy Authentication Required"):
            ClientSession("https://hub.example.org/kojihub").echo()
        first, *fields = proxy.head()
        assert first.startswith("CONNECT hub.example.org:443 HTTP/1.")
        assert "Proxy-Authorization: Basic bWU6cHc=" in fields


# -- certificates


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "authority").create()


def server_context(authority: Authority, name: str = "localhost") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue(name, f"/CN={name}", f"subjectAltName=DNS:{name}"))
    context.load_verify_locations(authority.certificate)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


@pytest.fixture
def secured(authority: Authority) -> Iterator[Canned]:
    with canned(*[answer(encode_response("secured"))] * 3, tls=server_context(authority)) as server:
        yield server


def test_the_server_must_have_a_certificate_of_an_authority(
    secured: Canned, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = {"anon_retry": True, "retry_interval": 60}
    with pytest.raises(CertificateError, match="certificate verify failed"):
        ClientSession(secured.url, patient).echo()
    with pytest.raises(CertificateError, match=r"IP address mismatch"):
        ClientSession(
            secured.url.replace("localhost", "127.0.0.1"), {**patient, "serverca": str(authority.certificate)}
        ).echo()
    assert ClientSession(secured.url, {"serverca": str(authority.certificate)}).echo() == "secured"
    assert ClientSession(secured.url, {"no_ssl_verify": True}).echo() == "secured"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.certificate))
    assert ClientSession(secured.url).echo() == "secured"


def test_files_of_certificates_that_are_none_are_named(secured: Canned, tmp_path: Path) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_text("nothing")
    for options in ({"serverca": str(bad)}, {"serverca": str(tmp_path / "absent")}, {"cert": str(bad)}):
        with pytest.raises(CertificateError, match=f"{tmp_path}.*there: "):
            ClientSession(secured.url, {**options, "anon_retry": True, "retry_interval": 60}).echo()


def test_a_client_certificate_is_for_one_server(authority: Authority) -> None:
    alice = str(authority.issue("alice", "/CN=alice"))
    with (
        canned(answer(b"x"), tls=server_context(authority)) as other,
        canned(moved(other.url), tls=server_context(authority)) as server,
    ):
        http = Http(SessionOptions(serverca=str(authority.certificate), cert=alice))
        with http.request("GET", server.url, limits=LIMITS) as response:
            assert response.read() == b"x"
        assert server.peers[0]
        assert not other.peers[0]


def test_a_login_by_certificate_that_fails_leaves_all_as_it_was(authority: Authority) -> None:
    alice = str(authority.issue("alice", "/CN=alice"))
    with canned(answer(encode_fault(1, "out of order")), tls=server_context(authority)) as server:
        session = ClientSession(server.url.replace("https", "http"))
        with pytest.raises(AuthError, match=r"ssl auth failed: .*out of order"):
            session.ssl_login(alice, serverca=str(authority.certificate))
        assert (session.baseurl, session.opts.cert) == (server.url.replace("https", "http"), None)


def test_tls_and_no_tls_are_told_apart(secured: Canned) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=refuse, args=(listener,), daemon=True).start()
        with pytest.raises(TransportError, match="wrong version number") as caught:
            ClientSession(f"https://localhost:{listener.getsockname()[1]}/kojihub").echo()
    assert caught.value.failure is Failure.OTHER
    with pytest.raises(TransportError):
        ClientSession(secured.url.replace("https", "http")).echo()


def refuse(listener: socket.socket) -> None:
    """A server that takes a greeting of TLS for a bad request."""
    client, _ = listener.accept()
    with client:
        client.recv(1 << 16)
        client.sendall(answer(status="400 Bad Request"))
