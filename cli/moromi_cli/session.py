"""The state of one run of the program: settings, and the session, opened when a command first needs it."""

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from moromi.client.config import Settings
from moromi_cli.output import Failure, for_person, say, warn

if TYPE_CHECKING:
    from moromi.client import ClientSession
    from moromi.paths import PathInfo

API_VERSION = 1
#: How many seconds a person is made to wait for a hub that cannot be reached, unless the profile says.
PATIENCE = 60.0
#: Where a command's context keeps that `--json` was given.
JSON = "moromi.json"


@dataclass
class Cli:
    """What every command gets: the profile's settings with the global options applied, and the hub."""

    settings: Settings
    prog: str = "moromi"
    user: str | None = None
    password: str | None = None
    runas: str | None = None
    noauth: bool = False
    quiet: bool = False
    anonymous: bool = False
    json: bool = False
    command: click.Context | None = None
    _session: "ClientSession | None" = field(default=None, repr=False)
    _told_retry: bool = False

    def begin(self, ctx: click.Context, anonymous: bool) -> None:
        """A command starts; called before its function."""
        self.command = ctx
        self.json = bool(ctx.meta.get(JSON))
        mine = bool(ctx.params.get("mine"))
        self.anonymous = anonymous and not self.settings.force_auth and not mine

    @property
    def session(self) -> "ClientSession":
        """The hub: connected, and logged in unless the command is anonymous."""
        if self._session is None:
            self._session = self.open_session()
            if self.anonymous:
                check_version(self._session)
            else:
                activate(self._session, self)
        return self._session

    def new_session(self) -> "ClientSession":
        """A session for a command that logs in by itself; it is logged out like any."""
        self._session = self.open_session()
        return self._session

    def open_session(self) -> "ClientSession":
        """A session that has not talked to the hub yet."""
        from moromi.client import ClientSession

        options = self.settings.session_options()
        if self.settings.patience is None and for_person():
            options["patience"] = PATIENCE
        session = ClientSession(self.settings.server, options)
        session.on_retry = self._tell_retry
        return session

    def _tell_retry(self, error: Exception, pause: float) -> None:
        """Nobody should look at a silent terminal for minutes."""
        if not (self.quiet or self._told_retry):
            assert self._session is not None
            patience = self._session.opts.patience
            limit = f" for {patience:.0f} s" if patience is not None else ""
            warn(f"{error}\nTrying again every {pause:.0f} s{limit} (Ctrl-C ends it)")
        self._told_retry = True

    def login(self) -> "ClientSession":
        """The session, logged in also where the command does not ask for it."""
        session = self.session
        if not session.logged_in and not self.noauth:
            activate(session, self)
        return session

    def logout(self) -> None:
        """End the session at the hub; a hub that is gone ends it itself."""
        if self._session is None or not self._session.logged_in:
            return
        from moromi.client import TransportError
        from moromi.errors import Fault, GenericError

        try:
            self._session.logout()
        except (GenericError, Fault, TransportError) as err:
            if self.settings.debug:
                warn(f"logout: {err}")
            self._session.setSession(None)

    @property
    def files(self) -> "PathInfo":
        """Paths as a user of the file tree sees them: below the topurl, where one is set, else the topdir."""
        from moromi.paths import PathInfo

        return PathInfo(self.settings.topurl or self.settings.topdir)

    @property
    def disk(self) -> "PathInfo":
        """Paths below the local topdir."""
        from moromi.paths import PathInfo

        return PathInfo(self.settings.topdir)

    def usage_error(self, text: str) -> click.UsageError:
        """To be raised: prints usage and text, exit code 2."""
        return click.UsageError(text, self.command)

    def is_quiet(self, quiet: bool) -> bool:
        """A command's own `--quiet`, or the global one."""
        return quiet or self.quiet


def check_version(session: "ClientSession") -> None:
    """Warn of a hub with another API; exit 1 when it cannot be reached."""
    from moromi.client import TransportError

    try:
        version = session.call_briefly("getAPIVersion")
    except TransportError as err:
        if for_person():
            raise
        raise Failure(f"Error: Unable to connect to server\n{err}") from err
    if version != API_VERSION:
        warn(f"WARNING: The server is at API version {version} and the client is at {API_VERSION}")


def activate(session: "ClientSession", cli: Cli) -> None:
    """Log in by the first rule that fits (command-line spec, "Authentication"), then check the API
    version.
    """
    settings = cli.settings
    if not (cli.noauth or settings.authtype == "noauth" or session.logged_in):
        if not log_in(session, cli):
            raise Failure("Unable to log in, no authentication methods available")
        if settings.debug:
            say("successfully connected to hub")
    check_version(session)


def log_in(session: "ClientSession", cli: Cli) -> bool:
    """Try the method that the options choose; False when there is none to try."""
    import os

    settings, authtype = cli.settings, cli.settings.authtype
    user = cli.user or settings.user
    if authtype == "ssl" or (authtype is None and settings.cert and os.path.isfile(settings.cert)):
        return session.ssl_login(settings.cert, None, settings.serverca, proxyuser=cli.runas)
    if authtype == "password" and not user:
        raise Failure("A login by password needs a user: --user NAME, or `user` in ~/.moromi/config")
    if authtype == "password" or (authtype is None and user):
        return session.login(user, cli.password or settings.password or ask_password(user))
    if authtype in (None, "kerberos"):
        return kerberos_login(session, settings, cli.runas)
    return False


def ask_password(user: str | None) -> str:
    """From the terminal; '' (which no hub takes) when there is none."""
    if not sys.stdin.isatty():
        return ""
    from getpass import getpass

    return getpass(f"Password for {user}: ")


def kerberos_login(session: "ClientSession", settings: Settings, runas: str | None) -> bool:
    """By ticket, or with principal and keytab. False when the GSSAPI add-on is not installed."""
    arguments: dict[str, Any] = {"proxyuser": runas}
    if settings.principal:
        arguments.update(principal=settings.principal, keytab=settings.keytab)
    try:
        return session.gssapi_login(**arguments)
    except ModuleNotFoundError:
        return False
