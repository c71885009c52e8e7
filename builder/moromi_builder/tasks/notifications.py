"""`buildNotification` and `tagNotification`: mail about what happened to a build (spec: builder, section 9).

The hub decides who gets one and makes the task; here it is written and handed to the SMTP server.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from moromi.mail import MailServer, compose
from moromi_builder.buildreport import read_report
from moromi_builder.tasks.base import Handler, P
from moromi_builder.tasks.registry import task


class MailHandler(Handler[P]):
    """A handler that sends mail."""

    def send(
        self, recipients: list[str], subject: str, body: str, headers: Iterator[tuple[str, str]]
    ) -> None:
        """Send a message from the configured sender. GenericError."""
        settings = self.settings
        message = compose(settings.from_addr, recipients, subject, body, headers)
        server = MailServer(settings.smtphost, settings.smtp_user, settings.smtp_pass)
        server.send(message, recipients)


@dataclass
class BuildNotificationParams:
    """`buildNotification(recipients, build, target, weburl)`: addresses, full records."""

    recipients: list[str]
    build: dict[str, Any]
    target: dict[str, Any] | None
    weburl: str


@task("buildNotification", BuildNotificationParams, weight=0.1)
class BuildNotification(MailHandler[BuildNotificationParams]):
    """Tells about a build that has ended."""

    def run(self) -> str | None:
        """Send the mail; None if there is nobody to tell."""
        params = self.params
        if not params.recipients:
            return None
        report = read_report(
            self.session,
            params.build,
            params.target,
            params.weburl.rstrip("/"),
            self.settings.base_url,
            self.context.info["owner"],
        )
        self.send(params.recipients, report.subject, report.body(), report.headers())
        return f"sent notification of build {params.build['id']} to: {', '.join(params.recipients)}"


@dataclass
class TagNotificationParams:
    """`tagNotification(recipients, is_successful, tag_info, from_info, build_info, user_info, ...)`.

    `ignore_success`: say nothing of what went well; `failure_msg`: what went wrong.
    """

    recipients: list[str]
    is_successful: bool
    tag_info: int | str | None
    from_info: int | str | None
    build_info: int | str
    user_info: int | str | None
    ignore_success: bool | None = None
    failure_msg: str = ""


@dataclass(frozen=True)
class TagOperation:
    """What was done to a build. At least one of the two tags is there."""

    build: dict[str, Any]
    user: str
    successful: bool
    source: str | None
    destination: str | None
    failure: str

    @property
    def verb(self) -> str:
        """What was done, in one word."""
        if self.source and self.destination:
            return "moved"
        return "tagged" if self.destination else "untagged"

    @property
    def status(self) -> str:
        """How it went, in one word."""
        return "complete" if self.successful else "failed"

    @property
    def sentence(self) -> str:
        """What was done and by whom, which is the subject too."""
        places = f" from {self.source}" if self.source else ""
        places += f" into {self.destination}" if self.destination else ""
        how = "successfully" if self.successful else "unsuccessfully"
        return f"{self.build['nvr']} {how} {self.verb}{places} by {self.user}"

    def headers(self) -> Iterator[tuple[str, str]]:
        """Give the headers that mail filters look at."""
        yield "X-Koji-Package", self.build["package_name"]
        yield "X-Koji-NVR", self.build["nvr"]
        yield "X-Koji-Draft", str(bool(self.build.get("draft")))
        yield "X-Koji-User", self.user
        yield "X-Koji-Status", self.status
        for tag in (self.source, self.destination):
            if tag:
                yield "X-Koji-Tag", tag

    def body(self) -> str:
        """Write the text."""
        lines = [
            f"Package: {self.build['package_name']}",
            f"NVR: {self.build['nvr']}",
            f"User: {self.user}",
            f"Status: {self.status}",
            f"Tag Operation: {self.verb}",
        ]
        lines += [f"From Tag: {self.source}"] if self.source else []
        lines += [f"Into Tag: {self.destination}"] if self.destination else []
        lines += ["", self.sentence]
        if not self.successful:
            lines.append("Operation failed with the error:")
            lines += [f"    {line}" for line in self.failure.splitlines()]
        return "\n".join(lines) + "\n"


@task("tagNotification", TagNotificationParams, weight=0.1)
class TagNotification(MailHandler[TagNotificationParams]):
    """Tells about a build that was tagged, moved or untagged, or could not be."""

    def run(self) -> str | None:
        """Send the mail; None if there is nobody to tell, or nothing worth telling."""
        params, session = self.params, self.session
        if not params.recipients or (params.is_successful and params.ignore_success):
            return None
        user = session.getUser(params.user_info) if params.user_info is not None else None
        operation = TagOperation(
            build=session.getBuild(params.build_info, strict=True),
            user=user["name"] if user else "(unknown)",
            successful=params.is_successful,
            source=self._tag(params.from_info),
            destination=self._tag(params.tag_info),
            failure=params.failure_msg,
        )
        self.send(params.recipients, operation.sentence, operation.body(), operation.headers())
        return f"sent notification of tag operation {self.task_id} to: {', '.join(params.recipients)}"

    def _tag(self, info: int | str | None) -> str | None:
        return None if info is None else str(self.session.getTag(info, strict=True)["name"])
