"""`moshimoshi` and `version`: is there a hub, and who does it take us for?"""

import random

from moromi.constants import AuthType
from moromi.version import VERSION
from moromi_cli.lazy import command, listing
from moromi_cli.output import Shown, say
from moromi_cli.session import Cli
from moromi_cli.table import GREETINGS


@command("moshimoshi", "[options]")
def moshimoshi(cli: Cli) -> None:
    """Greet the user and show how the login went."""
    session = cli.session
    user = session.getLoggedInUser()
    if not user:
        say("Not authenticated")
        user = {"name": "anonymous user"}
    version = session.getKojiVersion()
    say(f"{random.choice(GREETINGS)}, {user['name']}!")
    say()
    say(f"You are using the hub at {session.baseurl} (Koji {version})")
    authtype = user.get("authtype")
    if authtype == AuthType.NORMAL:
        say("Authenticated via password")
    elif authtype == AuthType.GSSAPI:
        say("Authenticated via GSSAPI")
    elif authtype == AuthType.KERBEROS:
        say(f"Authenticated via Kerberos principal {user.get('krb_principal')}")
    elif authtype == AuthType.SSL:
        say(f"Authenticated via client certificate {cli.settings.cert}")


@listing("version", "[options]")
def version(cli: Cli) -> Shown:
    """Versions of client and hub."""
    hub = cli.session.getKojiVersion()
    return Shown({"client": VERSION, "hub": hub}, [f"Client: {VERSION}", f"Hub:    {hub}"])
