"""The mail that tells owners which of their builds will be deleted (spec: builder, section 9.5)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from moromi.errors import ConfigurationError
from moromi.mail import MailServer, compose
from moromi_upkeep.gc.settings import DEFAULT_TEMPLATE
from moromi_upkeep.options import Values

TEMPLATE = """\
The following builds of ${owner} are in no tag and not signed. They have been put into the trashcan and will
be deleted unless somebody tags or signs them.

${builds}
"""


class Notices:
    """The sender of such mail. ConfigurationError if the configured text cannot be read."""

    def __init__(self, options: Values) -> None:
        self._options = options
        self._server = MailServer(options.smtp_host, options.smtp_user, options.smtp_pass)
        path = options.email_template or (DEFAULT_TEMPLATE if os.path.exists(DEFAULT_TEMPLATE) else None)
        try:
            self._template = Template(Path(path).read_text(encoding="utf-8") if path else TEMPLATE)
        except OSError as error:
            raise ConfigurationError(f"Cannot read the mail's text {path}: {error.strerror}") from None

    def send(self, owner: str, builds: Sequence[Mapping[str, Any]]) -> None:
        """Tell an owner. GenericError if it cannot be sent."""
        options = self._options
        address = f"{owner}@{options.email_domain}"
        count = len(builds)
        subject = f"{count} build{'' if count == 1 else 's'} marked for deletion"
        listed = "\n\n".join(
            f"Build: {build['nvr']}\n{options.weburl}/buildinfo?buildID={build['id']}" for build in builds
        )
        body = self._template.safe_substitute(owner=owner, builds=listed)
        headers = [("X-Koji-Builder", owner)]
        if options.cc_addr:
            headers.append(("Cc", ", ".join(options.cc_addr)))
        message = compose(options.from_addr, [address], subject, body, headers)
        self._server.send(message, [address, *options.cc_addr, *options.bcc_addr])
