"""The program `moromi-gc`: one run of the garbage collection (spec: builder, section 7.1).

0 done, also with builds that could not be dealt with (they are named); 1 it could not begin; 2 wrong usage.
"""

from __future__ import annotations

import contextlib
import fcntl
import sys
import time
from collections.abc import Iterator, Sequence

from moromi.client import TransportError
from moromi.errors import ConfigurationError, Fault, GenericError
from moromi_upkeep.connection import LoginFailed, open_session
from moromi_upkeep.gc import settings, trash
from moromi_upkeep.gc.collector import Collector
from moromi_upkeep.gc.prune import prune
from moromi_upkeep.options import Values

LOCK_PAUSE = 10.0


class Locked(Exception):
    """Another run goes on."""


@contextlib.contextmanager
def locked(options: Values) -> Iterator[None]:
    """Keep a second run out. Locked if one goes on and is not to be waited for."""
    try:
        stream = open(options.lock_file, "a", encoding="ascii")  # noqa: SIM115 - closed below
    except OSError as error:
        raise ConfigurationError(f"Cannot open the lock file: {error}") from None
    with stream:
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if options.exit_on_lock:
                    raise Locked(f"Another run holds {options.lock_file}") from None
                time.sleep(LOCK_PAUSE)
        yield


def collect(options: Values, policy: str) -> None:
    """Log in and do the actions in their order."""
    session = open_session(options, {"timeout": options.timeout} if options.timeout else None)
    with session:
        if options.skip_main:
            return
        gc = Collector(session, options, settings.aliases(options.key_aliases))
        actions = {
            "trash": lambda: trash.trash(gc),
            "delete": lambda: trash.delete(gc),
            "salvage": lambda: trash.salvage(gc),
            "prune": lambda: prune(gc, policy),
        }
        for action in options.action:
            actions[action]()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program."""
    try:
        options, policy, unknown = settings.read(argv)
        for key in unknown:
            print(f"Unknown option in the configuration: {key}", file=sys.stderr)
        with locked(options):
            collect(options, policy)
    except Locked as error:
        print(error, file=sys.stderr)
        return 1
    except (ConfigurationError, LoginFailed) as error:
        print(error, file=sys.stderr)
        return 1
    except (GenericError, Fault, TransportError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
