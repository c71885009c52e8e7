"""The command line of the builder daemon: `moromi-builder --config FILE [--foreground] ...`.

Options are kojid's (spec: builder, section 1.2), so its service unit and scripts work with this program.
"""

from __future__ import annotations

import argparse
import logging
import logging.handlers
import os
import smtplib
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from moromi.client import CertificateError, ClientSession, TransportError
from moromi.errors import AuthError, AuthLockError, GenericError
from moromi.process import daemonise
from moromi_builder import settings as config
from moromi_builder.settings import Settings, SettingsError

logger = logging.getLogger("moromi_builder")

LOG_FILE = "/var/log/kojid.log"
LOG_FORMAT = "%(asctime)s [%(levelname)s] %(name)s: %(message)s"
OVERRIDES = {
    "server": ("-s", "--server"),
    "user": ("--user",),
    "password": ("--password",),
    "topdir": ("--topdir",),
    "topurl": ("--topurl",),
    "workdir": ("--workdir",),
    "chroot_tmpdir": ("--chroot-tmpdir",),
    "mockdir": ("--mockdir",),
    "mockuser": ("--mockuser",),
    "pluginpath": ("--pluginpath",),
    "admin_emails": ("--admin-emails",),
}
NUMBERS = {"maxjobs": "--maxjobs", "minspace": "--minspace", "sleeptime": "--sleeptime"}


class StartError(Exception):
    """The daemon cannot start; the text is meant for the administrator."""


def parser() -> argparse.ArgumentParser:
    """Describe the options."""
    options = argparse.ArgumentParser(prog="moromi-builder", description="Run tasks of a build hub.")
    options.add_argument("-c", "--config", type=Path, help="configuration file or directory of *.conf")
    options.add_argument(
        "-f", "--fg", "--foreground", dest="foreground", action="store_true", help="stay in the foreground"
    )
    options.add_argument("--force-lock", action="store_true", help="take over an existing exclusive session")
    options.add_argument("-v", "--verbose", action="store_true", help="log what happens")
    options.add_argument("-d", "--debug", action="store_true", help="log everything")
    options.add_argument("--debug-task", action="store_true", help="log everything about tasks")
    options.add_argument("--debug-xmlrpc", action="store_true", help="log the requests")
    options.add_argument("--skip-main", action="store_true", help="log in, then exit (with --fg)")
    options.add_argument("--plugin", action="append", help="plugin to load (may be repeated)")
    for name, flags in OVERRIDES.items():
        options.add_argument(*flags, dest=name, help=f"override {name} of the configuration")
    for name, flag in NUMBERS.items():
        options.add_argument(flag, dest=name, type=int, help=f"override {name} of the configuration")
    options.add_argument("--debug-mock", action="store_true", help=argparse.SUPPRESS)
    options.add_argument("--pkgurl", help=argparse.SUPPRESS)
    return options


def read_settings(arguments: argparse.Namespace) -> Settings:
    """Combine the command line and the configuration file."""
    path = arguments.config
    if path is None and os.path.exists(config.DEFAULT_CONFIG):
        path = Path(config.DEFAULT_CONFIG)
    overrides: dict[str, Any] = {name: getattr(arguments, name) for name in (*OVERRIDES, *NUMBERS)}
    if arguments.plugin:
        overrides["plugins"] = tuple(arguments.plugin)
    return config.load(path, overrides)


def set_up_logging(arguments: argparse.Namespace, settings: Settings) -> None:
    """Log to the file if it can be written, to stderr in the foreground, errors by mail where asked for."""
    root = logging.getLogger()
    level = logging.DEBUG if arguments.debug else logging.INFO if arguments.verbose else logging.WARNING
    if settings.log_level and not (arguments.debug or arguments.verbose):
        level = logging.getLevelName(settings.log_level.upper())
    root.setLevel(level)
    if arguments.debug_task:
        logging.getLogger("moromi_builder.tasks").setLevel(logging.DEBUG)
    formatter = logging.Formatter(LOG_FORMAT)
    handlers: list[logging.Handler] = []
    if arguments.foreground:
        handlers.append(logging.StreamHandler())
    elif os.access(LOG_FILE, os.W_OK) or os.access(os.path.dirname(LOG_FILE), os.W_OK):
        handlers.append(logging.handlers.WatchedFileHandler(LOG_FILE))
    if settings.admin_emails:
        handlers.append(_mail_handler(settings.admin_emails))
    for handler in handlers:
        handler.setFormatter(formatter)
        root.addHandler(handler)


def _mail_handler(addresses: str) -> logging.Handler:
    name = socket.getfqdn()
    sender = f"{os.environ.get('USER', 'root')}@{name}"
    handler = logging.handlers.SMTPHandler("localhost", sender, addresses.split(","), f"{name}: error notice")
    handler.setLevel(logging.ERROR)
    return handler


def log_in(settings: Settings, *, force_lock: bool, debug_xmlrpc: bool) -> ClientSession:
    """Open the daemon's exclusive session by the first applicable method. Raises StartError."""
    options = settings.session_opts() | {"debug_xmlrpc": debug_xmlrpc}
    session = ClientSession(settings.server, options)
    try:
        if settings.cert and os.path.isfile(settings.cert):
            good = session.ssl_login(settings.cert, None, settings.serverca)
        elif settings.user:
            good = session.login()
        else:
            good = _kerberos_login(settings, session)
    except AuthError as exc:
        raise StartError(f"Error: Unable to log in: {exc}") from exc
    except CertificateError as exc:
        raise StartError(f"Error: Unable to log in: {exc}") from exc
    except TransportError as exc:
        raise StartError(f"Error: Unable to connect to server {settings.server}: {exc}") from exc
    if not good:
        raise StartError("Error: Unable to log in. Bad credentials?")
    try:
        session.exclusiveSession(force=force_lock)
    except AuthLockError as exc:
        session.logout()
        raise StartError("Error: Unable to get lock. Trying using --force-lock") from exc
    answer = session.echo("OK")
    if answer != ["OK"]:
        raise StartError(f"Error: incorrect server response: {answer!r}")
    return session


def _kerberos_login(settings: Settings, session: ClientSession) -> bool:
    if os.path.isfile(settings.ccache) and not os.path.getsize(settings.ccache):
        os.unlink(settings.ccache)
    principal = settings.krb_principal or settings.host_principal_format.replace("%s", socket.getfqdn())
    try:
        return session.gssapi_login(principal, settings.keytab, settings.ccache)
    except ModuleNotFoundError as exc:
        text = "No username/password/certificate supplied and Kerberos missing or not configured"
        raise StartError(text) from exc


def serve(arguments: argparse.Namespace, settings: Settings) -> int:
    """Log in and run until told to stop; the exit code."""
    # Heavy imports come before the fork of any task and after --help.
    import moromi_builder.handlers  # noqa: F401 - registers the handlers
    from moromi_builder.plugins import load_plugins
    from moromi_builder.supervisor import Supervisor, run_again

    session = log_in(settings, force_lock=arguments.force_lock, debug_xmlrpc=arguments.debug_xmlrpc)
    if arguments.skip_main and arguments.foreground:
        session.logout()
        return 0
    if not arguments.foreground:
        daemonise()
    config.apply_limits(settings)
    load_plugins(settings)
    try:
        again = Supervisor(settings, session).run()
    except AuthError as exc:
        logger.error("%s: %s", type(exc).__name__, exc)
        return 1
    if again:
        logger.warning("restarting")
        run_again()
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; texts for the administrator go to stderr."""
    arguments, rest = parser().parse_known_args(argv)
    if rest:
        print(f"incorrect number of arguments: {' '.join(rest)}", file=sys.stderr)
        return 2
    try:
        settings = read_settings(arguments)
        set_up_logging(arguments, settings)
        return serve(arguments, settings)
    except (SettingsError, StartError) as exc:
        print(exc, file=sys.stderr)
    except (GenericError, TransportError, OSError, smtplib.SMTPException) as exc:
        logger.critical("%s: %s", type(exc).__name__, exc)
        print(f"Error: {exc}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
