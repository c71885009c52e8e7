"""Sending mail: one message to some people through the site's SMTP server (spec: builder, section 9).

Used by builders, which tell people about their builds, and by the garbage collection, which tells owners what
will be deleted.
"""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from moromi.errors import GenericError

__all__ = ["MailServer", "compose"]

logger = logging.getLogger(__name__)

_TIMEOUT = 60.0


def compose(
    sender: str,
    recipients: Sequence[str],
    subject: str,
    body: str,
    headers: Iterable[tuple[str, str]] = (),
) -> EmailMessage:
    """Write a message in UTF-8. GenericError if something that goes into a header has a line break."""
    message = EmailMessage(policy.SMTP)
    fields = [("From", sender), ("To", ", ".join(recipients)), ("Subject", subject)]
    try:
        for name, value in (*fields, *headers):
            message[name] = value
    except ValueError as error:
        raise GenericError(f"not a mail header: {error}") from None
    message["Date"] = formatdate(localtime=True)
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2].rstrip("> ") or None)
    message.set_content(body, charset="utf-8")
    return message


@dataclass(frozen=True)
class MailServer:
    """An SMTP server, `host` or `host:port`, with an account where it wants one."""

    host: str
    user: str | None = None
    password: str | None = None

    def send(self, message: EmailMessage, recipients: Sequence[str]) -> None:
        """Hand a message over. GenericError if the server takes it for nobody or cannot be reached."""
        try:
            with smtplib.SMTP(self.host, timeout=_TIMEOUT) as server:
                if self.user and self.password:
                    server.ehlo()
                    if server.has_extn("starttls"):
                        server.starttls()
                    server.login(self.user, self.password)
                refused = server.send_message(message, to_addrs=list(recipients))
        except (OSError, smtplib.SMTPException) as error:
            raise GenericError(f"cannot send mail through {self.host}: {error}") from error
        for address, (code, text) in refused.items():
            logger.warning(
                "the mail server refused %s: %s %s", address, code, text.decode("utf-8", "replace")
            )
