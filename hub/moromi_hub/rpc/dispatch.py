"""From a decoded request to an encoded answer, in one transaction.

Order of work (hub-protocol.md section 1.4): find the handler, establish the
session, check lock-out, split named arguments, call, encode the result, finish
the transaction. The answer is encoded inside the transaction, since long
listings are read from their cursor while they are written out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy.exc import OperationalError

from moromi.errors import GenericError, ServerOffline
from moromi.wire.named import split_named
from moromi_hub import limits, logs
from moromi_hub.auth import sessions
from moromi_hub.auth.model import Credentials
from moromi_hub.call import Call
from moromi_hub.rpc import faults
from moromi_hub.rpc.registry import Export

log = logging.getLogger(__name__)

Encoded = TypeVar("Encoded")

UNLOCKED_METHODS = frozenset({"login", "sslLogin", "logout"})


class CommitFailed(Exception):
    """A commit, or a plugin around it, failed: HTTP 500 and no fault (hub-protocol.md section 1.5)."""


def answer(
    call: Call,
    credentials: Callable[[], Credentials | None],
    method: str | None,
    params: list[Any],
    encode: Callable[[Any], Encoded],
    fault: Callable[[int, str], Encoded],
) -> Encoded:
    """Run one request to its encoded answer; every failure but CommitFailed becomes a fault."""
    with logs.about(call), limits.memory_watched(call.settings.MemoryWarnThreshold, method):
        try:
            export = call.hub.registry.find(method)
            call.method = export.name
            establish(call, credentials(), export.name)
            body = encode(invoke(call, export, params))
            finish(call)
            return body
        except CommitFailed:
            raise
        except Exception as error:
            return fault(*failure(call, error))
        finally:
            call.tx.rollback()


def failure(call: Call, error: Exception) -> tuple[int, str]:
    """Roll back and turn an exception into code and text of a fault."""
    call.tx.rollback()
    if not is_outage(error):
        error = _reconsidered(call, error)
    if is_outage(error):
        log.error("database outage in %s: %s", call.method, error)
        error = ServerOffline("database outage")
    level = logging.INFO if isinstance(error, GenericError) else logging.WARNING
    log.log(level, "%s failed: %s", call.method, error, exc_info=level >= logging.WARNING)
    return faults.fault_of(error, call.settings)


def _reconsidered(call: Call, error: Exception) -> Exception:
    """A failure with a session that is only remembered may come of it: that the session is over, or the call
    a repetition, is then what to say.
    """
    try:
        sessions.confirm(call, call.method)
    except Exception as reason:
        error = reason
    call.tx.rollback()
    return error


def establish(call: Call, credentials: Credentials | None, method: str) -> None:
    """Resolve the session, then refuse everybody but admins during a lock-out."""
    sessions.establish(call, credentials, method)
    check_lockout(call, method)


def check_lockout(call: Call, method: str) -> None:
    """Raise ServerOffline during a lock-out (hub-protocol.md section 1.10)."""
    if not call.settings.LockOut or method in UNLOCKED_METHODS:
        return
    if call.session is None or "admin" not in call.session.permissions:
        raise ServerOffline("Server disabled for maintenance")


def invoke(call: Call, export: Export, params: list[Any]) -> Any:
    """Call with the wire's parameters, the named ones split off."""
    args, kwargs = split_named(params)
    return export(call, args, kwargs)


def finish(call: Call) -> None:
    """Commit what was written, with the call number and the commit callbacks; let go of a mere reading.

    Raises CommitFailed; a database that is away is an outage like any other.
    """
    if not call.tx.wrote:
        if call.method in sessions.CONFIRMED_METHODS:
            sessions.confirm(call, call.method)
        call.tx.rollback()
        return
    _at_commit(call, lambda: call.run_callbacks("preCommit"))
    sessions.record(call, call.method)
    _at_commit(call, call.tx.commit)
    _at_commit(call, lambda: call.run_callbacks("postCommit"))


def _at_commit(call: Call, step: Callable[[], None]) -> None:
    try:
        step()
    except Exception as error:
        if is_outage(error):
            raise
        log.exception("%s failed at its commit", call.method)
        raise CommitFailed(str(error)) from error


def is_outage(error: Exception) -> bool:
    """Whether the database is away: the call can be repeated later."""
    return isinstance(error, OperationalError) and (error.connection_invalidated or error.statement is None)
