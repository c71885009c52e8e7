"""Sessions, call numbers, lock-out, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from moromi.errors import (
    ActionNotAllowed,
    AuthError,
    AuthExpired,
    AuthLockError,
    ParameterError,
    RetryError,
    SequenceError,
    ServerOffline,
)
from moromi_hub.auth import queries
from moromi_hub.auth.password import Verifier, hash_password
from moromi_hub.db.embedded import EmbeddedPostgres
from moromi_hub.db.transaction import Transaction
from moromi_hub.operator import operate
from support import database
from support.hub import Client, HubUnderTest, count_statements, running_hub


def test_a_logged_in_echo_costs_one_statement_and_no_commit(hub: HubUnderTest) -> None:
    alice = hub.client("alice")
    alice("echo", 1)
    position = _log_position(hub)
    with count_statements(hub.hub.engine) as statements:
        assert alice("echo", 1, "x") == [1, "x"]
    assert len(statements) == 1
    assert _log_position(hub) == position


def _log_position(hub: HubUnderTest) -> str:
    """How far the database's log has come: a commit moves it."""
    with hub.hub.engine.connect() as connection:
        return str(connection.execute(text("SELECT pg_current_wal_insert_lsn()")).scalar_one())


def test_an_anonymous_echo_costs_nothing(hub: HubUnderTest) -> None:
    with count_statements(hub.hub.engine) as statements:
        assert hub.client()("echo") == []
    assert statements == []


def test_passwords_and_keys_are_stored_as_digests(hub: HubUnderTest) -> None:
    alice = hub.client("alice")
    key = alice.headers["HTTP_KOJI_SESSION_KEY"]
    with hub.hub.engine.connect() as connection:
        stored = connection.execute(text("SELECT password FROM users WHERE name = 'alice'")).scalar_one()
        keys = connection.execute(text("SELECT key FROM sessions")).scalars().all()
    assert stored.startswith("scrypt$") and "alice" not in stored
    assert key not in keys


def test_a_plain_password_of_an_older_database_is_replaced(hub: HubUnderTest) -> None:
    with hub.hub.engine.begin() as connection:
        connection.execute(text("UPDATE users SET password = 'plain' WHERE name = 'bob'"))
    assert hub.client()("login", "bob", "plain")["session-key"]
    with hub.hub.engine.connect() as connection:
        stored = connection.execute(text("SELECT password FROM users WHERE name = 'bob'")).scalar_one()
    assert stored.startswith("scrypt$")
    assert hub.client()("login", "bob", "plain")["session-key"]


def test_a_right_password_is_known_again_and_a_wrong_one_never(hub: HubUnderTest) -> None:
    passwords = hub.hub.passwords
    for _ in range(3):
        assert hub.client()("login", "alice", "alice")["session-key"]
    assert (passwords.derivations, len(passwords)) == (1, 1)
    for user, password in [("alice", "wrong"), ("alice", "wrong"), ("bob", "alice"), ("nobody", "alice")]:
        with pytest.raises(AuthError, match="invalid username or password"):
            hub.client()("login", user, password)
    assert (passwords.derivations, len(passwords)) == (5, 1)


def test_what_was_remembered_of_an_old_password_is_of_no_use(hub: HubUnderTest) -> None:
    assert hub.client()("login", "alice", "alice")["session-key"]
    with operate(hub.hub) as operator:
        operator.set_password("alice", "new")
    with pytest.raises(AuthError, match="invalid username or password"):
        hub.client()("login", "alice", "alice")
    assert hub.client()("login", "alice", "new")["session-key"]


def test_a_disabled_user_is_refused_with_a_known_password(hub: HubUnderTest, admin: Client) -> None:
    assert hub.client()("login", "alice", "alice")["session-key"]
    admin("disableUser", "alice")
    with pytest.raises(AuthError, match="logins by alice are not allowed"):
        hub.client()("login", "alice", "alice")


def test_so_many_passwords_are_remembered_and_no_more() -> None:
    verifier = Verifier(limit=2)
    stored = {word: hash_password(word) for word in ("first", "second", "third")}
    for word in stored:
        assert verifier.verify(word, stored[word])
    assert (verifier.derivations, len(verifier)) == (3, 2)
    assert verifier.verify("third", stored["third"])
    assert verifier.derivations == 3
    assert verifier.verify("first", stored["first"])
    assert verifier.derivations == 4, "the oldest had to go"


def test_passwords_are_remembered_for_a_time() -> None:
    verifier, stored = Verifier(seconds=0), hash_password("word")
    assert verifier.verify("word", stored)
    assert verifier.verify("word", stored)
    assert verifier.derivations == 2


def test_a_lost_reply_of_a_write_is_not_done_twice(hub: HubUnderTest) -> None:
    admin = hub.client("kojiadmin")
    admin.callnum = 10
    admin("createTag", "once")
    admin.callnum = 10
    with pytest.raises(RetryError, match=r"unable to retry call 10 \(method createTag\) for session"):
        admin("createTag", "once")
    admin.callnum = 9
    with pytest.raises(SequenceError, match="10 > 9"):
        admin("echo")


def test_a_reading_call_can_be_repeated(hub: HubUnderTest) -> None:
    admin = hub.client("kojiadmin")
    admin.callnum = 5
    assert admin("getTag", "none") is None
    admin.callnum = 5
    assert admin("getTag", "none") is None


def test_the_same_call_twice_at_once_commits_once(hub: HubUnderTest) -> None:
    """Both have passed the check of the number when the first one commits."""
    admin = hub.client("kojiadmin")
    session_id = int(admin.headers["HTTP_KOJI_SESSION_ID"])
    first, second = Transaction(hub.hub.engine), Transaction(hub.hub.engine)
    assert queries.record_call(first, session_id, 7, repeatable=False)
    first.commit()
    assert not queries.record_call(second, session_id, 7, repeatable=False)
    second.rollback()


def test_a_stranger_cannot_renew_a_session(hub: HubUnderTest) -> None:
    alice = hub.client("alice")
    _age(hub, alice)
    with pytest.raises(AuthExpired):
        alice("echo")
    with pytest.raises(AuthError, match="another user"):
        alice("login", "bob", "bob", renew=True)


def test_renewal_keeps_the_session_and_starts_numbers_anew(hub: HubUnderTest) -> None:
    admin = hub.client("kojiadmin")
    admin.callnum = 100
    admin("createTag", "before")
    _age(hub, admin)
    answer = admin("login", "kojiadmin", "kojiadmin", renew=True)
    assert str(answer["session-id"]) == admin.headers["HTTP_KOJI_SESSION_ID"]
    with pytest.raises(AuthError, match="Invalid session or bad credentials"):
        admin("echo")
    renewed = replace(admin, headers={**admin.headers, "HTTP_KOJI_SESSION_KEY": answer["session-key"]})
    renewed.callnum = 0
    assert renewed("createTag", "after")


def test_subsessions_expire_with_their_master(hub: HubUnderTest) -> None:
    alice = hub.client("alice")
    child = alice("subsession")
    sub = Client(hub.application)
    sub.headers = {
        "HTTP_KOJI_SESSION_ID": str(child["session-id"]),
        "HTTP_KOJI_SESSION_KEY": child["session-key"],
    }
    assert len(sub("getSessionInfo", user_id="alice")) == 2
    _age(hub, alice)
    with pytest.raises(AuthExpired):
        alice("echo")
    with pytest.raises(AuthExpired):
        sub("echo")
    assert hub.client("kojiadmin")("getSessionInfo", user_id="alice") == []


def _age(hub: HubUnderTest, client: Client) -> None:
    with hub.hub.engine.begin() as connection:
        connection.execute(
            text("UPDATE sessions SET start_time = now() - interval '10 days' WHERE id = :id"),
            {"id": int(client.headers["HTTP_KOJI_SESSION_ID"])},
        )


def test_an_exclusive_session_locks_the_others_out(hub: HubUnderTest) -> None:
    builder = hub.client("builder1.example.org")
    other = Client(hub.application)
    session = other("login", "builder1.example.org", "builder1.example.org")
    other.headers = {
        "HTTP_KOJI_SESSION_ID": str(session["session-id"]),
        "HTTP_KOJI_SESSION_KEY": session["session-key"],
    }
    with pytest.raises(AuthLockError):
        other("echo")
    child = builder("subsession")
    sub = Client(hub.application)
    sub.headers = {
        "HTTP_KOJI_SESSION_ID": str(child["session-id"]),
        "HTTP_KOJI_SESSION_KEY": child["session-key"],
    }
    assert sub("host.getID") == 1


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"HTTP_KOJI_SESSION_ID": "x", "HTTP_KOJI_SESSION_KEY": "k"}, "Invalid session id"),
        ({"HTTP_KOJI_SESSION_ID": "1"}, "not specified"),
        ({"HTTP_KOJI_SESSION_ID": "1", "HTTP_KOJI_SESSION_KEY": "k"}, "Invalid session or bad credentials"),
    ],
)
def test_bad_session_headers(hub: HubUnderTest, headers: dict[str, str], message: str) -> None:
    client = hub.client()
    client.headers = headers
    with pytest.raises(AuthError, match=message):
        client("echo")


def test_arguments_that_do_not_fit(hub: HubUnderTest) -> None:
    client = hub.client()
    with pytest.raises(
        ParameterError, match=r"^getTag\(\) takes from 1 to 4 positional arguments but 5 were"
    ):
        client("getTag", 1, 2, 3, 4, 5)
    with pytest.raises(ParameterError, match=r"^error\(\) takes 0 positional arguments but 1 was given$"):
        client("error", 1)
    with pytest.raises(ParameterError, match=r"^multiCall\(\) takes 1 positional argument but 2 were given$"):
        client("multiCall", [], [])
    with pytest.raises(
        ParameterError, match=r"^getTag\(\) missing 1 required positional argument: 'tagInfo'"
    ):
        client("getTag")
    admin = hub.client("kojiadmin")
    with pytest.raises(ParameterError, match=r"^make_task\(\) missing a required argument: 'arglist'"):
        admin("makeTask", "sleep")
    with pytest.raises(ParameterError, match=r"^make_task\(\) got an unexpected keyword argument 'size'"):
        admin("makeTask", "sleep", [], size=1)
    with pytest.raises(ParameterError, match=r"^Invalid name or id value: \{'id': 'x'\}"):
        client("getTag", {"id": "x"})


@pytest.fixture
def locked(postgres: EmbeddedPostgres, state: str, tmp_path: Path) -> Iterator[HubUnderTest]:
    with database.clone(postgres, state) as dsn, running_hub(dsn, tmp_path, LockOut=True) as made:
        yield made


def test_only_admins_work_during_a_lockout(locked: HubUnderTest) -> None:
    with pytest.raises(ServerOffline, match="Server disabled for maintenance"):
        locked.client()("echo")
    alice = locked.client("alice")
    with pytest.raises(ServerOffline):
        alice("echo")
    assert locked.client("kojiadmin")("echo", 1) == [1]


def test_options_are_shown_to_admins_without_secrets(hub: HubUnderTest) -> None:
    with pytest.raises(ActionNotAllowed):
        hub.client("alice")("showOpts")
    shown = hub.client("kojiadmin")("showOpts")
    assert "DBConnectionString': '***'" in shown
