"""What the database itself refuses and does: CHECK rules, live uniqueness, the draft cascade.

Rules are compared by what they accept, since PostgreSQL rewrites their text.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from psycopg2.errors import CheckViolation, UniqueViolation
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

SEED = (
    "INSERT INTO users (name, status, usertype) VALUES ('kim', 0, 0)",
    "INSERT INTO tag (name) VALUES ('f50')",
    "INSERT INTO tag (name) VALUES ('f50-build')",
    "INSERT INTO package (name) VALUES ('hello')",
    "INSERT INTO content_generator (name) VALUES ('osbuild')",
    "INSERT INTO host (user_id, name) VALUES (1, 'builder1')",
    "INSERT INTO task (channel_id, owner, arch) VALUES (1, 1, 'noarch')",
    "INSERT INTO repo (tag_id) VALUES (1)",
    "INSERT INTO sessions (user_id) VALUES (1)",
    "INSERT INTO external_repo (name) VALUES ('base')",
    "INSERT INTO build (volume_id, pkg_id, version, release, state, owner) VALUES (0, 1, '1', '1', 0, 1)",
    "INSERT INTO build (volume_id, pkg_id, version, release, state, owner, draft)"
    " VALUES (0, 1, '1', '2,draft_2', 0, 1, true)",
)

BUILD = "INSERT INTO build (volume_id, pkg_id, version, owner, release, state, "
CONFIG = "INSERT INTO tag_config (tag_id, creator_id, active, revoke_event, revoker_id) VALUES "
RPM = (
    "INSERT INTO rpminfo (name, version, release, arch, payloadhash, size, buildtime,"
    " build_id, draft, external_repo_id) VALUES "
)
SESSION = "INSERT INTO sessions (user_id, exclusive, master, closed) VALUES "
QUEUE = "INSERT INTO repo_queue (owner, priority, tag_id, opts, active, at_event, min_event, repo_id) VALUES "

# The constraint, a statement that it refuses, and its nearest neighbour that it lets pass.
RULES = [
    ("tag_config_active_check", CONFIG + "(1, 1, false, NULL, NULL)", CONFIG + "(1, 1, true, NULL, NULL)"),
    ("active_revoke_sane", CONFIG + "(1, 1, NULL, NULL, 1)", CONFIG + "(1, 1, NULL, 1, 1)"),
    ("active_revoke_sane", CONFIG + "(1, 1, NULL, 1, NULL)", CONFIG + "(1, 1, NULL, 1, 1)"),
    ("active_revoke_sane", CONFIG + "(1, 1, true, 1, 1)", CONFIG + "(1, 1, true, NULL, NULL)"),
    ("completion_sane", BUILD + "completion_time) VALUES (0, 1, '3', 1, '1', 0, now())",
     BUILD + "completion_time) VALUES (0, 1, '3', 1, '1', 0, NULL)"),
    ("completion_sane", BUILD + "completion_time) VALUES (0, 1, '3', 1, '1', 1, NULL)",
     BUILD + "completion_time) VALUES (0, 1, '3', 1, '1', 1, now())"),
    ("promotion_sane", "UPDATE build SET promoter = 1 WHERE id = 2",
     "UPDATE build SET promoter = 1 WHERE id = 1"),
    ("promotion_sane", "UPDATE build SET promotion_time = now() WHERE id = 2",
     "UPDATE build SET promotion_time = now() WHERE id = 1"),
    ("draft_release_sane", BUILD + "draft) VALUES (0, 1, '3', 1, '1', 0, true)",
     BUILD + "draft) VALUES (0, 1, '3', 1, '1', 0, false)"),
    ("draft_release_sane", "UPDATE build SET release = '2,draft_22' WHERE id = 2",
     "UPDATE build SET release = '22,draft_2' WHERE id = 2"),
    ("cg_sane", "INSERT INTO buildroot (br_type, cg_id) VALUES (1, 1)",
     "INSERT INTO buildroot (br_type, cg_id, cg_version) VALUES (1, 1, '2')"),
    ("cg_sane", "INSERT INTO buildroot (br_type, cg_version) VALUES (1, '2')",
     "INSERT INTO buildroot (br_type) VALUES (0)"),
    ("container_sane", "INSERT INTO buildroot (br_type, container_type) VALUES (0, 'chroot')",
     "INSERT INTO buildroot (br_type, container_type, container_arch) VALUES (0, 'chroot', 'x86_64')"),
    ("host_task_load_check", "UPDATE host SET task_load = -0.1", "UPDATE host SET task_load = 0"),
    ("host_config_capacity_check",
     "INSERT INTO host_config (host_id, creator_id, capacity) VALUES (1, 1, 1.0)",
     "INSERT INTO host_config (host_id, creator_id, capacity) VALUES (1, 1, 1.1)"),
    ("only_one_event", QUEUE + "(1, 1, 1, '{}', true, 1, 1, NULL)",
     QUEUE + "(1, 1, 1, '{}', true, 1, NULL, NULL)"),
    ("active_sane", QUEUE + "(1, 1, 1, '{}', true, NULL, NULL, 1)",
     QUEUE + "(1, 1, 1, '{}', false, NULL, NULL, 1)"),
    ("build_id_draft_external_repo_id_sane", RPM + "('a', '1', '1', 'noarch', 'x', 1, 1, 1, false, 1)",
     RPM + "('a', '1', '1', 'noarch', 'x', 1, 1, 1, false, 0)"),
    ("build_id_draft_external_repo_id_sane", RPM + "('a', '1', '1', 'noarch', 'x', 1, 1, NULL, NULL, 0)",
     RPM + "('a', '1', '1', 'noarch', 'x', 1, 1, NULL, NULL, 1)"),
    ("build_id_draft_external_repo_id_sane", RPM + "('a', '1', '1', 'noarch', 'x', 1, 1, 1, NULL, 0)",
     RPM + "('a', '1', '1', 'noarch', 'x', 1, 1, 1, false, 0)"),
    ("sessions_exclusive_check", SESSION + "(1, false, NULL, false)", SESSION + "(1, true, NULL, false)"),
    ("no_exclusive_subsessions", SESSION + "(1, true, 1, false)", SESSION + "(1, NULL, 1, false)"),
    ("no_closed_exclusive", SESSION + "(1, true, NULL, true)", SESSION + "(1, NULL, NULL, true)"),
    ("parent_label_sane", "UPDATE task SET label = 'srpm'", "UPDATE task SET label = 'srpm', parent = 1"),
    ("task_weight_check", "UPDATE task SET weight = -1", "UPDATE task SET weight = 0"),
]  # fmt: skip


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """A connection to a database with one row of each kind that the statements refer to."""
    with engine.connect() as made:
        for statement in SEED:
            made.execute(text(statement))
        yield made


def refused(connection: Connection, statement: str) -> IntegrityError:
    with pytest.raises(IntegrityError) as caught, connection.begin_nested():
        connection.execute(text(statement))
    return caught.value


def broken(error: IntegrityError) -> str:
    """The name of the constraint."""
    assert isinstance(error.orig, (CheckViolation, UniqueViolation))
    return str(error.orig.diag.constraint_name)


def test_checks(connection: Connection) -> None:
    for name, bad, good in RULES:
        assert broken(refused(connection, bad)) == name, bad
        with connection.begin_nested() as savepoint:
            connection.execute(text(good))
            savepoint.rollback()


def test_only_live_rows_are_unique(connection: Connection) -> None:
    live = CONFIG + "(1, 1, true, NULL, NULL)"
    connection.execute(text(live))
    assert broken(refused(connection, live)) == "tag_config_tag_id_active_key"
    for _ in range(2):
        connection.execute(text(CONFIG + "(1, 1, NULL, 1, 1)"))


def test_promotion_reaches_the_rpms(connection: Connection) -> None:
    connection.execute(text(RPM + "('hello', '1', '2', 'noarch', 'x', 1, 1, 2, true, 0)"))
    connection.execute(
        text(
            "UPDATE build SET draft = false, release = '2', promoter = 1, promotion_time = now() WHERE id = 2"
        )
    )
    assert connection.scalar(text("SELECT draft FROM rpminfo")) is False


def test_only_drafts_repeat_an_nvra(connection: Connection) -> None:
    draft = RPM + "('hello', '1', '1', 'noarch', 'x', 1, 1, 2, true, 0)"
    final = RPM + "('hello', '1', '1', 'noarch', 'x', 1, 1, 1, false, 0)"
    for statement in (draft, draft, final):
        connection.execute(text(statement))
    assert broken(refused(connection, final)) == "rpminfo_unique_nvra_not_draft"
    external = RPM + "('hello', '1', '1', 'noarch', 'x', 1, 1, NULL, NULL, 1)"
    connection.execute(text(external))
    assert broken(refused(connection, external)) == "rpminfo_unique_nvra_not_draft"


def test_a_label_is_used_once_a_parent(connection: Connection) -> None:
    labelled = (
        "INSERT INTO task (channel_id, owner, arch, parent, label) VALUES (1, 1, 'noarch', 1, 'x86_64')"
    )
    connection.execute(text(labelled))
    assert broken(refused(connection, labelled)) == "task_parent_label_key"


def test_a_session_key_fits_as_a_digest(connection: Connection) -> None:
    connection.execute(text("UPDATE sessions SET key = encode(sha256('a key'), 'hex')"))
    assert connection.scalar(text("SELECT length(key) FROM sessions")) == 64
