"""The HTTP face: XML-RPC, JSON-RPC, uploads, the file tree."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import Client as Browser

from moromi.errors import GenericError, ParameterError
from moromi_hub.app import Application
from moromi_hub.web.tree import FileTree
from support.hub import Client, HTTPError, HubUnderTest


def _json(hub: HubUnderTest, body: Any) -> Any:
    status, text = hub.client().post(json.dumps(body).encode(), "application/json")
    return status, json.loads(text) if text else None


def test_json_rpc_on_the_same_address(hub: HubUnderTest) -> None:
    status, answer = _json(hub, {"jsonrpc": "2.0", "method": "echo", "params": [1, None, "x"], "id": 7})
    assert (status, answer) == ("200 OK", {"jsonrpc": "2.0", "result": [1, None, "x"], "id": 7})
    _, answer = _json(
        hub, {"jsonrpc": "2.0", "method": "getTag", "params": {"tagInfo": "no", "strict": True}, "id": 1}
    )
    assert answer["error"] == {"code": 1000, "message": "No such tagInfo: 'no'"}


def test_json_batches_and_notifications(hub: HubUnderTest) -> None:
    calls = [{"jsonrpc": "2.0", "method": "hello", "id": n} for n in (1, 2)]
    _, answer = _json(hub, [*calls, {"jsonrpc": "2.0", "method": "hello"}, 5])
    assert [each.get("id") for each in answer] == [1, 2, None]
    assert _json(hub, {"jsonrpc": "2.0", "method": "hello"}) == ("204 No Content", None)
    assert _json(hub, {})[1]["error"]["code"] == -32600


def test_a_plugin_that_fails_at_the_commit_is_no_fault(hub: HubUnderTest) -> None:
    def refuse(*_arguments: Any, **_details: Any) -> None:
        raise RuntimeError("not today")

    admin = hub.client("kojiadmin")
    hub.hub.callbacks.register("preCommit", refuse)
    with pytest.raises(HTTPError, match="500 Internal Server Error"):
        admin("addBType", "crate")
    batch = [
        {"jsonrpc": "2.0", "method": name, "params": ["crate"], "id": 1} for name in ("addBType", "hello")
    ]
    _, answer = admin.post(json.dumps(batch).encode(), "application/json")
    failed, greeted = json.loads(answer)
    assert failed["error"] == {"code": -32603, "message": "Internal error"}
    assert greeted["result"] == "Hello World"
    assert "crate" not in [each["name"] for each in admin("listBTypes")]


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("listArchives", {"filename": 7}),
    ("listArchives", {"size": "large"}),
    ("listBuilds", {"pattern": ["x"]}),
    ("listRPMs", {"hostID": {}}),
    ("listTags", {"pattern": 7}),
    ("listTagged", {"tag": "f40", "latest": "yes"}),
    ("listTagged", {"tag": "f40", "type": ["maven"]}),
    ("queryRPMSigs", {"sigkey": 7}),
    ("repo.query", {"clauses": 7}),
    ("scheduler.getTaskRuns", {"fields": 7}),
    ("evalPolicy", {"name": ["tag"], "data": {}}),
    ("uploadFile", {"path": "x", "name": "x", "size": 1, "md5sum": 7, "offset": 0, "data": "eA=="}),
]


def test_arguments_of_wrong_types(hub: HubUnderTest) -> None:
    admin = hub.client("kojiadmin")
    admin("createTag", "f40")
    for method, arguments in WRONG:
        with pytest.raises(ParameterError, match=r"^Invalid (type|checksum)"):
            admin(method, **arguments)
    with pytest.raises(ParameterError, match=r"^upload data is not base64"):
        admin("uploadFile", "x", "x", 1, None, 0, b"e")
    with pytest.raises(GenericError, match=r"^Invalid method: \['x'\]$"):
        admin("count", ["x"])


def test_a_long_listing_is_the_same_in_both_encodings(hub: HubUnderTest) -> None:
    plain = hub.client()("listUsers", queryOpts={"order": "id"})
    _, answer = _json(
        hub, {"jsonrpc": "2.0", "method": "listUsers", "params": {"queryOpts": {"order": "id"}}, "id": 1}
    )
    assert answer["result"] == plain
    assert [user["name"] for user in plain][:2] == ["kojiadmin", "alice"]


NAMES = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        ["..", "../x", "/etc/passwd", "a/../../b", "x\0y", ".user", "a" * 5000, "é" * 200, "-rf"]
    ),
)


@pytest.fixture
def alice(hub: HubUnderTest) -> Client:
    """A session of alice."""
    return hub.client("alice")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(directory=NAMES, name=NAMES)
def test_no_upload_leaves_its_directory(hub: HubUnderTest, alice: Client, directory: str, name: str) -> None:
    top = Path(hub.hub.settings.KojiDir)
    around = {path.name for path in top.parent.iterdir()}
    with contextlib.suppress(GenericError, HTTPError):
        alice("uploadFile", directory, name, 1, None, 0, "eA==")
    assert {path.name for path in top.iterdir()} <= {"work"}
    assert {path.name for path in top.parent.iterdir()} == around


def test_a_body_that_ends_early_is_a_bad_request(hub: HubUnderTest) -> None:
    cut = Client(hub.application, {"CONTENT_LENGTH": "1000"})
    ended = ("400 Bad Request", b"Invalid request: the request ended early\n")
    assert cut.post(b"<methodCall>") == ended
    assert cut.post(b"{", "application/json") == ended


def test_a_client_that_is_silent(hub: HubUnderTest) -> None:
    alice = hub.client("alice")
    here, there = socket.socketpair()
    with here, there, there.makefile("rb") as body:
        there.settimeout(0.05)
        here.sendall(b"begun")
        environ: dict[str, Any] = {**alice.headers, "wsgi.input": body, "CONTENT_LENGTH": "1000"}
        environ |= {"REQUEST_METHOD": "POST", "REMOTE_ADDR": "127.0.0.1"}
        environ |= {"QUERY_STRING": "filename=a&filepath=b", "CONTENT_TYPE": "application/octet-stream"}
        answer = _get(hub.application, "/kojihub", **environ)
    assert answer == ("408 Request Timeout", b"timed out\n")


def test_uploads_do_not_follow_links(hub: HubUnderTest) -> None:
    alice = hub.client("alice")
    alice.upload("cli-build/1", "a", b"x")
    work = Path(hub.hub.settings.KojiDir) / "work" / "cli-build" / "1"
    outside = Path(hub.hub.settings.KojiDir) / "outside"
    outside.mkdir()
    (work / "link").symlink_to(outside)
    (work / "file").symlink_to(outside / "f")
    with pytest.raises(GenericError, match="Invalid upload directory"):
        alice.upload("cli-build/1/link", "x", b"x")
    with pytest.raises(GenericError, match="destination is a symlink"):
        alice.upload("cli-build/1", "file", b"x")
    with pytest.raises(GenericError, match="Not a regular file"):
        alice("checkUpload", "cli-build/1", "file")
    assert list(outside.iterdir()) == []


def test_a_repeated_chunk_is_harmless(hub: HubUnderTest) -> None:
    alice = hub.client("alice")

    def chunk(offset: int, data: bytes) -> Any:
        from moromi.wire import xmlrpc

        query = f"filename=f&filepath=up/1&fileverify=adler32&offset={offset}"
        return xmlrpc.decode_response(alice.post(data, "application/octet-stream", query)[1])

    chunk(0, b"abc")
    assert chunk(3, b"def")["size"] == 3
    assert chunk(3, b"def")["offset"] == 3
    assert alice("checkUpload", "up/1", "f", "md5")["size"] == 6
    with pytest.raises(GenericError, match="upload path exists"):
        chunk(0, b"abc")


def _get(tree: Any, path: str, **environ: Any) -> tuple[str, bytes]:
    status: list[str] = []
    request = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "SCRIPT_NAME": "",
        "SERVER_NAME": "h",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        **environ,
    }
    parts = tree(request, lambda line, headers: status.append(line))
    return status[0], b"".join(parts)


def test_the_file_tree(tmp_path: Path) -> None:
    top = tmp_path / "top"
    (top / "repos").mkdir(parents=True)
    (top / "repos" / "a.log").write_text("hello log")
    (top / "repos" / ".user").write_text("5")
    (top / "repos" / "in").symlink_to(top)
    (top / "repos" / "out").symlink_to(tmp_path)
    (tmp_path / "secret").write_text("no")
    tree = FileTree(top)
    assert _get(tree, "/repos/a.log") == ("200 OK", b"hello log")
    assert _get(tree, "/repos/a.log", HTTP_RANGE="bytes=0-4") == ("206 PARTIAL CONTENT", b"hello")
    assert _get(tree, "/repos/in/repos/a.log")[0] == "200 OK"
    assert b"a.log" in _get(tree, "/repos/")[1]
    for path in ("/repos/.user", "/repos/out/secret", "/../secret", "/repos/../../secret", "/nothing"):
        assert _get(tree, path)[0].startswith("404"), path


@pytest.mark.parametrize("name", ["page.html", "comps.xml", "drawing.svg"])
def test_what_users_have_uploaded_runs_nowhere(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("<script xmlns='http://www.w3.org/1999/xhtml'>steal()</script>")
    with Browser(FileTree(tmp_path)).get(f"/{name}") as answer:
        assert answer.status_code == 200
        assert answer.headers["Content-Security-Policy"] == "sandbox"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_what_is_not_there(hub: HubUnderTest) -> None:
    application: Application = hub.application
    assert _get(application, "/")[0] == "200 OK"
    assert _get(application, "/nothing")[0] == "404 Not Found"
    assert _get(application, "/kojihub")[0] == "405 Method Not Allowed"
    assert os.path.isdir(hub.hub.settings.KojiDir)
