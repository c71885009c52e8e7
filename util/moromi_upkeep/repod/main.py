"""The program `moromi-repod`: the repository daemon (spec: builder, section 6).

0 stopped by SIGTERM or Ctrl-C; 1 it could not begin, or the hub ended its session; 2 wrong usage.
"""

from __future__ import annotations

import logging
import logging.handlers
import signal
import sys
from collections.abc import Sequence

from moromi.client import ClientSession, TransportError
from moromi.errors import AuthError, AuthExpired, AuthLockError, ConfigurationError, Fault, GenericError
from moromi.process import daemonise
from moromi_upkeep.connection import LoginFailed, open_session
from moromi_upkeep.options import Values
from moromi_upkeep.repod import settings
from moromi_upkeep.repod.daemon import Daemon

logger = logging.getLogger(__name__)

FORMAT = "%(asctime)s [%(levelname)s] %(name)s: %(message)s"
SESSION_KEYS = ("retry_interval", "max_retries", "offline_retry", "offline_retry_interval")


def log_in(options: Values) -> ClientSession:
    """Open the exclusive session. LoginFailed."""
    session = open_session(options, {key: options.table[key] for key in SESSION_KEYS})
    try:
        session.exclusiveSession(force=options.force_lock)
    except AuthLockError as error:
        session.logout()
        raise LoginFailed("Error: Unable to get lock. Trying using --force-lock") from error
    return session


def set_up_logging(options: Values) -> None:
    """Log to the file, in the foreground to stderr too. ConfigurationError if it cannot be written."""
    level = logging.DEBUG if options.debug else logging.INFO if options.verbose else logging.WARNING
    root = logging.getLogger()
    root.setLevel(logging.ERROR if options.quiet else level)
    handlers: list[logging.Handler] = [logging.StreamHandler()] if options.foreground else []
    if options.logfile:
        try:
            handlers.append(logging.handlers.WatchedFileHandler(options.logfile))
        except OSError as error:
            raise ConfigurationError(f"Cannot write the log {options.logfile}: {error.strerror}") from None
    for handler in handlers:
        handler.setFormatter(logging.Formatter(FORMAT))
        root.addHandler(handler)


def show(options: Values) -> None:
    """Print the configuration, without what is secret."""
    for name, value in sorted(options.table.items()):
        print(f"{name} = {'********' if name == 'password' and value else value}")


def serve(options: Values) -> None:
    """Log in and run. AuthError or AuthExpired when the hub ends the session."""
    session = log_in(options)
    if options.skip_main:
        session.logout()
        return
    if not options.foreground:
        daemonise()
        session.new_session()
    daemon = Daemon(session, options)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, daemon.request_stop)
    daemon.run()
    session.opts.max_retries = 0
    session.logout()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program."""
    try:
        options, obsolete = settings.read(argv)
        if options.show_config:
            show(options)
            return 0
        set_up_logging(options)
        for key in obsolete:
            logger.warning("the option %s has no meaning any more", key)
        serve(options)
    except (ConfigurationError, LoginFailed) as error:
        print(error, file=sys.stderr)
        return 1
    except (AuthError, AuthExpired, GenericError, Fault, TransportError) as error:
        logger.critical("%s: %s", type(error).__name__, error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
