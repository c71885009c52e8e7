"""Sending mail: one message to one recipient each, over SMTP.

A failure is logged and nothing else happens: what the mail tells of has been committed.
"""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Iterable
from dataclasses import dataclass
from email.message import EmailMessage

log = logging.getLogger(__name__)

_SECONDS = 10.0


@dataclass(frozen=True)
class Mail:
    """A message. Line ends in the subject or an address cannot become headers: they are refused."""

    recipient: str
    subject: str
    text: str


@dataclass(frozen=True)
class Mailer:
    """The mail server of a site, and who its mail is from."""

    server: str
    """`host` or `host:port`."""
    sender: str

    def send(self, mails: Iterable[Mail]) -> None:
        """Send in one conversation, which ends after at most some seconds without an answer."""
        mails = list(mails)
        if not mails:
            return
        host, _, port = self.server.partition(":")
        try:
            with smtplib.SMTP(host, int(port or 25), timeout=_SECONDS) as server:
                for mail in mails:
                    self._send_one(server, mail)
        except (OSError, smtplib.SMTPException):
            log.exception("mail to %s was not sent", ", ".join(mail.recipient for mail in mails))

    def _send_one(self, server: smtplib.SMTP, mail: Mail) -> None:
        message = EmailMessage()
        try:
            message["From"] = self.sender
            message["To"] = mail.recipient
            message["Subject"] = mail.subject
            message.set_content(mail.text)
            server.send_message(message)
        except (smtplib.SMTPRecipientsRefused, ValueError):
            log.exception("mail to %r was not sent", mail.recipient)
