"""A real SMTP server that keeps what it is given."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from samplesite.services import wait_for
from samplesite.site import free_port


class Mailbox:
    """What came in, and what is refused: mail for an address that begins with `nobody`."""

    def __init__(self) -> None:
        self.received: list[tuple[list[str], EmailMessage]] = []
        self.raw: list[bytes] = []
        self.logins: list[tuple[str, str]] = []
        self.address = ""

    async def handle_RCPT(
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take or refuse a recipient."""
        if address.startswith("nobody"):
            return "550 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        """Keep a message."""
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.raw.append(envelope.content)
        self.received.append((list(envelope.rcpt_tos), message))
        return "250 kept"

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        """Take any account, and remember it."""
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=True)

    def about(self, text: str, seconds: float = 60) -> tuple[list[str], EmailMessage]:
        """The only message with a text in its subject, as soon as it is there."""

        def found() -> list[tuple[list[str], EmailMessage]]:
            return [each for each in list(self.received) if text in str(each[1]["Subject"])]

        assert wait_for(lambda: bool(found()), seconds), [str(mail["Subject"]) for _, mail in self.received]
        (only,) = found()
        return only


@contextlib.contextmanager
def mailbox() -> Iterator[Mailbox]:
    """Run a mail server."""
    box = Mailbox()
    options: dict[str, Any] = {"auth_require_tls": False, "authenticator": box.authenticate}
    controller = Controller(box, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    box.address = f"127.0.0.1:{controller.port}"
    try:
        yield box
    finally:
        controller.stop()


def text_of(message: EmailMessage) -> str:
    """The text of a message, with plain line ends."""
    content = message.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n")
