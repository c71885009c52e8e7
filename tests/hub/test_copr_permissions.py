"""Permissions of projects over HTTP: every check in its order, and the mail, through a real SMTP server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from samplesite.site import free_port
from support.copr import LOGIN_INVALID, PROJECT, Api, CoprHub
from support.worker import eventually

SET = "/project/permissions/set/alice/proj"
GET = "/project/permissions/get/alice/proj"
REQUEST = "/project/permissions/request/alice/proj"
FORM = (
    "request is not a dictionary, expected format:"
    " {'username': {'admin': 'nothing', 'builder': 'request'} ...}"
)
NOT_SEEN = "User 'bob' can not see permissions for project 'alice/proj' (missing admin rights)"
NOT_JSON = "Did not attempt to load JSON data because the request Content-Type was not 'application/json'."
BROKEN = "The browser (or proxy) sent a request that this server could not understand."
JSON = {"Content-Type": "application/json"}


@dataclass
class Mailbox:
    """What a mail server was given."""

    mails: list[tuple[str, str, list[str]]] = field(default_factory=list)
    """Recipient, subject, lines."""
    refuses: bool = False
    refused: int = 0
    unknown: frozenset[str] = frozenset()
    """Addresses that there are not."""

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        """Take a recipient."""
        if address in self.unknown:
            return "550 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        """Take a message."""
        if self.refuses:
            self.refused += 1
            return "451 not now"
        message = message_from_bytes(envelope.content, policy=policy.default)
        body = message.get_body()
        assert body is not None and message["From"] == "copr@example.org"
        lines = [line for line in body.get_content().splitlines() if line]
        self.mails.append((envelope.rcpt_tos[0], message["Subject"], lines))
        return "250 OK"

    def take(self, count: int) -> list[tuple[str, str, list[str]]]:
        """Wait for so many mails; they are taken out."""
        eventually(lambda: len(self.mails) >= count)
        found, self.mails = sorted(self.mails), []
        return found


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, str]]:
    """A mail server, and where it is."""
    box = Mailbox()
    port = free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, f"127.0.0.1:{port}"
    controller.stop()


@pytest.fixture
def copr_options(mailbox: tuple[Mailbox, str]) -> dict[str, Any]:
    """Mail is sent."""
    return {"mail_server": mailbox[1], "mail_sender": "copr@example.org", "email_domain": "example.org"}


def test_checks_of_set(copr: CoprHub, alice: Api, bob: Api, mailbox: tuple[Mailbox, str]) -> None:
    refused = (401, LOGIN_INVALID.format("http://copr.example.org"))
    assert copr.anonymous().error("PUT", SET, {}) == refused
    assert copr.anonymous().error("PUT", SET.removesuffix("proj") + "none", {}) == refused
    unknown = (404, "Project alice/none does not exist.")
    assert alice.error("PUT", SET.removesuffix("proj") + "none", {}) == unknown
    assert alice.error("PUT", SET.replace("alice", "@none"), {}) == (404, "Group none does not exist.")
    assert bob.error("PUT", SET, data="{", headers=JSON) == (403, NOT_SEEN)
    assert alice.error("PUT", SET, data={"bob": "x"}) == (415, NOT_JSON)
    assert alice.error("PUT", SET) == (415, NOT_JSON)
    assert alice.error("PUT", SET, data="{", headers=JSON) == (400, BROKEN)
    for other in ([], "x", 1, ["bob"]):
        assert alice.error("PUT", SET, other) == (400, FORM), other
    assert alice.error("PUT", SET, {}) == (400, "no permission change requested")
    rows: list[tuple[dict[str, Any], str]] = [
        ({"nosuch": 1}, "user 'nosuch' doesn't exist in database"),
        ({"bob": "approved"}, FORM),
        ({"bob": {"owner": "x"}}, "invalid permission 'owner', allowed admin|builder"),
        (
            {"bob": {"builder": "maybe"}},
            "invalid 'builder' permission state 'maybe', use nothing|request|approved",
        ),
        ({"bob": {"admin": 2}}, "invalid 'admin' permission state '2', use nothing|request|approved"),
        ({"alice": {"admin": "approved"}}, "user 'alice' is owner of the 'alice/proj' project"),
    ]
    for wrong, text in rows:
        # all or nothing: carol, who comes first, gets nothing either
        body = {"carol": {"builder": "approved"}, **wrong}
        assert alice.error("PUT", SET, body) == (400, text), wrong
        assert alice.error("POST", SET, body) == (400, text)
    assert alice.error("GET", GET) == (404, "No permissions set on alice/proj project")
    assert mailbox[0].mails == []


def test_set(copr: CoprHub, alice: Api, bob: Api, mailbox: tuple[Mailbox, str]) -> None:
    box, _ = mailbox
    body = {"bob": {"admin": "approved", "builder": "approved"}, "carol": {"builder": "request"}}
    assert alice.ok("PUT", SET, body) == {"updated": ["bob", "carol"]}
    url = "alice/proj: http://copr.example.org/coprs/alice/proj/"
    told = "[Copr] alice/proj: your permissions changed"
    both = ["builder: nothing -> approved", "admin: nothing -> approved"]
    changed = ["Changed by alice.", url]
    assert box.take(2) == [
        ("bob@example.org", told, [*both, *changed]),
        ("carol@example.org", told, ["builder: nothing -> request", *changed]),
    ]
    # setting the present level again changes nothing and tells nobody
    assert alice.ok("POST", SET, {"bob": {"builder": "approved"}}) == {"updated": []}
    assert alice.ok("GET", GET) == {
        "permissions": {
            "bob": {"admin": "approved", "builder": "approved"},
            "carol": {"admin": "nothing", "builder": "request"},
        }
    }
    # an admin does what the owner does, and may step down
    assert bob.ok("PUT", SET, {"carol": {"builder": "approved"}}) == {"updated": ["carol"]}
    assert bob.ok("PUT", "/project/edit/alice/proj", {"description": "ours"})["description"] == "ours"
    assert bob.ok("PUT", SET, {"bob": {"admin": "nothing"}}) == {"updated": ["bob"]}
    assert [mail[0] for mail in box.take(2)] == ["bob@example.org", "carol@example.org"]
    assert bob.error("GET", GET) == (403, NOT_SEEN)
    assert copr.user("kojiadmin").ok("GET", GET)["permissions"]["bob"]["builder"] == "approved"


def test_can_build_in(copr: CoprHub, alice: Api) -> None:
    nobody = copr.anonymous()

    def can(who: str, owner: str = "alice") -> bool:
        answer = nobody.ok("GET", f"/project/permissions/can_build_in/{who}/{owner}/proj")
        assert {**answer, "can_build_in": 0} == {
            "who": who,
            "ownername": owner,
            "projectname": "proj",
            "can_build_in": 0,
        }
        return bool(answer["can_build_in"])

    assert [can(who) for who in ("alice", "bob", "carol", "kojiadmin")] == [True, False, False, True]
    levels = {"bob": {"builder": "approved"}, "carol": {"admin": "request", "builder": "request"}}
    alice.ok("PUT", SET, levels)
    assert [can(who) for who in ("bob", "carol")] == [True, False]
    alice.ok("PUT", SET, {"bob": {"builder": "nothing"}, "carol": {"admin": "approved"}})
    assert [can(who) for who in ("bob", "carol")] == [False, True]
    unknown = nobody.error("GET", "/project/permissions/can_build_in/nosuch/alice/proj")
    assert unknown == (404, "No such user `nosuch'")
    admin = copr.admin()
    admin("newGroup", "brewers")
    admin("addGroupMember", "brewers", "alice")
    alice.ok("POST", "/project/add/@brewers", PROJECT)
    admin("addGroupMember", "brewers", "bob")
    assert [can(who, "@brewers") for who in ("alice", "bob", "carol")] == [True, True, False]
    admin("dropGroupMember", "brewers", "alice")
    assert [can(who, "@brewers") for who in ("alice", "bob")] == [False, True]


def test_checks_of_request(copr: CoprHub, alice: Api, bob: Api) -> None:
    assert copr.anonymous().error("PUT", REQUEST, {})[0] == 401
    assert bob.error("PUT", REQUEST.removesuffix("proj") + "none", {})[0] == 404
    assert bob.error("PUT", REQUEST, data={"builder": "True"}) == (415, NOT_JSON)
    assert bob.error("PUT", REQUEST, data="{", headers=JSON) == (400, BROKEN)
    text = "invalid 'roles' dict format, expected: {'admin': True, 'builder': False}"
    assert bob.error("PUT", REQUEST, ["builder"]) == (400, text)
    assert bob.error("PUT", REQUEST, {}) == (400, "no permission requested")
    values: tuple[Any, ...] = (0, 1, "True", "request", [])
    for value in values:
        text = f"invalid 'admin' permission request '{value}', expected True or False"
        assert bob.error("PUT", REQUEST, {"admin": value}) == (400, text)
    text = "invalid permission 'owner', allowed admin|builder"
    assert bob.error("PUT", REQUEST, {"builder": True, "owner": True}) == (400, text)
    text = "user 'alice' is owner of the 'alice/proj' project"
    assert alice.error("PUT", REQUEST, {"builder": True}) == (400, text)
    assert alice.error("GET", GET)[0] == 404


def test_request(copr: CoprHub, alice: Api, bob: Api, mailbox: tuple[Mailbox, str]) -> None:
    box, _ = mailbox
    alice.ok("PUT", SET, {"carol": {"admin": "approved"}})
    box.take(1)
    # a request without effect leaves an entry all the same
    assert bob.ok("PUT", REQUEST, {"builder": False}) == {"updated": False}
    assert alice.ok("GET", GET)["permissions"]["bob"] == {"admin": "nothing", "builder": "nothing"}
    assert bob.ok("PUT", REQUEST, {"builder": True, "admin": False}) == {"updated": True}
    subject = "[Copr] alice/proj: bob requests other permissions"
    lines = ["builder: nothing -> request", "alice/proj: http://copr.example.org/coprs/alice/proj/"]
    assert box.take(2) == [
        ("alice@example.org", subject, lines),
        ("carol@example.org", subject, lines),
    ]
    old = bob("POST", REQUEST, {"builder": True})
    assert old.json() == {"updated": False}
    assert old.headers["Warning"] == "This method is deprecated: Use PUT method instead of POST"
    assert bob.ok("PUT", REQUEST, {"builder": False}) == {"updated": True}
    alice.ok("PUT", SET, {"bob": {"builder": "approved"}})
    text = "You already are 'builder' in 'alice/proj'"
    assert bob.error("PUT", REQUEST, {"admin": True, "builder": True}) == (400, text)
    assert alice.ok("GET", GET)["permissions"]["bob"]["admin"] == "nothing"
    assert bob.ok("PUT", REQUEST, {"builder": False}) == {"updated": True}
    assert len(box.take(5)) == 5


def test_mail_server_is_away(copr: CoprHub, alice: Api, mailbox: tuple[Mailbox, str]) -> None:
    box, _ = mailbox

    box.refuses = True
    assert alice.ok("PUT", SET, {"bob": {"builder": "approved"}}) == {"updated": ["bob"]}
    assert alice.ok("GET", GET)["permissions"]["bob"]["builder"] == "approved"
    eventually(lambda: box.refused > 0)


def test_an_address_is_wrong(
    alice: Api, mailbox: tuple[Mailbox, str], caplog: pytest.LogCaptureFixture
) -> None:
    """The others are told all the same, and the answer is what it would be."""
    box, _ = mailbox
    box.unknown = frozenset({"bob@example.org"})
    body = {name: {"builder": "approved"} for name in ("bob", "carol")}
    assert alice.ok("PUT", SET, body) == {"updated": ["bob", "carol"]}
    assert [mail[0] for mail in box.take(1)] == ["carol@example.org"]
    eventually(lambda: "mail to bob@example.org was not sent" in caplog.text)
    assert alice.ok("GET", GET)["permissions"]["bob"]["builder"] == "approved"
