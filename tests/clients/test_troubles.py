"""What is said when the hub cannot be talked to: one line with what was wrong and what to try, in time."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

from moromi.wire.xmlrpc import encode_fault, encode_response
from samplesite.site import BIN
from support.canned import answer, canned
from support.commands import Command
from support.terminal import on_terminal

PAGE = b"<!DOCTYPE html>\n<html><head><title>%s</title></head><body><h1>Sorry</h1>" + b"x" * 5000 + b"</body>"
LATER = "the hub or what stands before it is in trouble: try again later"
WHERE = "`server` is like https://HOST/kojihub"


def page(title: str, status: str) -> bytes:
    """What web servers answer in place of a hub."""
    return answer(PAGE % title.encode(), status, Content_Type="text/html; charset=utf-8")


BROKEN = page("500 Internal Server Error", "500 Internal Server Error")
CLOSED = page("Back at noon", "503 Service Unavailable")
MISSING = answer(b"no page", "404 Not Found", Content_Type="text/plain")
MOVED = answer(status="301 Moved", Location="https://other/kojihub")
EXPIRED = answer(encode_fault(1007, 'session "7" has expired'))
OFFLINE = answer(encode_fault(1014, "database outage"))

# What the hub says -> what is said of it, and what to try.
TROUBLES: dict[str, tuple[bytes, str, str]] = {
    "500": (BROKEN, "answered 500 Internal Server Error", LATER),
    "502": (page("502\n Bad Gateway", "502 Bad Gateway"), "answered 502 Bad Gateway", LATER),
    "503": (CLOSED, "answered 503 Service Unavailable: Back at noon", LATER),
    "404": (MISSING, "answered 404 Not Found: no page", WHERE),
    "moved": (MOVED, "moved to https://other/kojihub", "--server"),
    "page": (page("Welcome", "200 OK"), r"does not answer as a hub does: .*html.* \(Welcome\)", WHERE),
    "empty": (answer(), "does not answer as a hub does: no element found", WHERE),
    "half an answer": (answer(encode_response(1)[:90]), "does not answer as a hub does: ", WHERE),
    "cut answer": (answer(encode_response(1))[:-40], "the connection was cut: .* 40 more", "try again"),
    "no answer": (b"", "closed connection without response", "try again"),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", "the answer is not HTTP: 'SSH-2.0-OpenSSH_9.2", WHERE),
    "expired": (EXPIRED, 'session "7" has expired', "run the command again"),
    "offline": (OFFLINE, "database outage", "the hub is down for maintenance"),
}


def moromi(home: Path, server: str, **settings: Any) -> Command:
    """The command with a profile for that server: one attempt a call."""
    lines = [f"{name} = {value}" for name, value in {"max_retries": 0, **settings}.items()]
    (home / "config").write_text("\n".join(["[moromi]", f"server = {server}", *lines, ""]), encoding="utf-8")
    argv = [str(BIN / "moromi"), "--config", str(home / "config")]
    return Command("moromi", argv, home, {"no_proxy": "*"})


def complaints(command: Command, *words: str) -> tuple[str, str]:
    """What is said on stderr to a script, and to a person."""
    done = command.run(*words)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    with on_terminal(command, *words) as terminal:
        assert terminal.finish() == 1
        return done.stderr, terminal.text


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_hub_in_trouble(tmp_path: Path, trouble: str) -> None:
    said, reason, advice = TROUBLES[trouble]
    with canned(*[said] * 9, hang_up=True) as server:
        script, person = complaints(moromi(tmp_path, server.url), "list-tags")
    assert re.search(reason, script)
    assert len(script.splitlines()) <= 2
    assert re.fullmatch(rf"moromi: error: .*{reason}.* \({advice}.*\)\n", person), person


@pytest.mark.parametrize(
    ("server", "reason", "advice"),
    [
        (
            "http://127.0.0.1:1/kojihub",
            "http://127.0.0.1:1/kojihub: Connection refused",
            "is the hub running",
        ),
        ("http://no..such/kojihub", "(?:not known|name resolution)", "check `server` in the profile"),
        ("hub.example.org/kojihub", "not an address that begins with http", "`server` is like https://"),
    ],
)
def test_a_hub_that_is_not_there(tmp_path: Path, server: str, reason: str, advice: str) -> None:
    script, person = complaints(moromi(tmp_path, server), "list-tags")
    assert re.fullmatch(rf"Error: Unable to connect to server\n.*{reason}.*\n", script)
    assert re.fullmatch(rf"moromi: error: .*{reason}.* \({advice}.*\)\n", person), person


@pytest.mark.parametrize("words", [["list-tags"], ["--user=a", "--password=b", "hello"]])
def test_a_silent_hub_is_an_error_after_the_configured_time(tmp_path: Path, words: list[str]) -> None:
    with canned(*[None] * 9) as server:
        command = moromi(tmp_path, server.url, auth_timeout=1, patience=1, max_retries=30)
        start = time.monotonic()
        with on_terminal(command, *words) as terminal:
            assert terminal.finish() == 1
        assert time.monotonic() - start < 60
        assert len(server.asked) == 1, "the time is over with the first attempt"
    assert re.fullmatch(r"moromi: error: .*: timed out, no answer for 1 s \(the hub .*\)\n", terminal.text)


def test_only_a_debugger_gets_a_traceback(tmp_path: Path) -> None:
    with canned(*[EXPIRED] * 9) as server:
        command = moromi(tmp_path, server.url)
        assert "Traceback" not in command.run("call", "x", "-d").stderr, "not the program's own option"
        assert "Traceback (most recent call last):" in command.run("-d", "list-tags").stderr
        command = moromi(tmp_path, server.url, debug="yes")
        assert "Traceback (most recent call last):" in command.run("list-tags").stderr
