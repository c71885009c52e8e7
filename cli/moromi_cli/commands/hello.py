"""`moshimoshi` and `version`: is there a hub, and who does it take us for?"""

import random
from collections.abc import Iterator
from typing import Any

from moromi.constants import AuthType
from moromi.version import VERSION
from moromi_cli.lazy import listing
from moromi_cli.output import Shown
from moromi_cli.session import Cli
from moromi_cli.table import GREETINGS


@listing("moshimoshi", "[options]", anonymous=False)
def moshimoshi(cli: Cli) -> Shown:
    """Greet the user and show how the login went."""
    session = cli.session
    user = session.getLoggedInUser()
    hub = {"hub": session.baseurl, "version": session.hub_version_str}
    return Shown({"user": user or None, **hub}, greeting(cli, user or {}, **hub))


def greeting(cli: Cli, user: dict[str, Any], hub: str, version: str) -> Iterator[str]:
    """In some language, then who, where and how."""
    if not user:
        yield "Not authenticated"
    yield f"{random.choice(GREETINGS)}, {user.get('name', 'anonymous user')}!"
    yield ""
    yield f"You are using the hub at {hub} (Koji {version})"
    authtype = user.get("authtype")
    if authtype == AuthType.NORMAL:
        yield "Authenticated via password"
    elif authtype == AuthType.GSSAPI:
        yield "Authenticated via GSSAPI"
    elif authtype == AuthType.KERBEROS:
        yield f"Authenticated via Kerberos principal {user.get('krb_principal')}"
    elif authtype == AuthType.SSL:
        yield f"Authenticated via client certificate {cli.settings.cert}"


@listing("version", "[options]")
def version(cli: Cli) -> Shown:
    """Versions of client and hub."""
    if cli.json:
        return Shown({"client": VERSION, "hub": cli.session.hub_version_str}, ())
    return Shown(None, versions(cli))


def versions(cli: Cli) -> Iterator[str]:
    """Ours is known without a hub."""
    yield f"Client: {VERSION}"
    yield f"Hub:    {cli.session.hub_version_str}"
