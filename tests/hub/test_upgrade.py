"""`upgrade.init`, `check` and `upgrade` on databases in every state, and the commands over them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from click.testing import CliRunner
from sqlalchemy import Engine, NullPool, create_engine, text

from moromi_hub.commands.db import db
from moromi_hub.db.embedded import EmbeddedPostgres
from moromi_schema import tables as t
from moromi_schema import upgrade
from moromi_schema.errors import SchemaMismatch
from support import database

# A change of the database, and what `check` says about it.
CHANGES = [
    ("ALTER TABLE tag_extra DROP COLUMN value", "column tag_extra.value is missing"),
    ("DROP TABLE proton_queue", "table proton_queue is missing"),
    ("ALTER TABLE build ALTER COLUMN epoch TYPE text", "column build.epoch is TEXT instead of INTEGER"),
    ("ALTER TABLE sessions ALTER COLUMN key TYPE varchar(40)",
     "column sessions.key is VARCHAR(40) instead of VARCHAR(255)"),
    ("ALTER TABLE task ALTER COLUMN eta SET NOT NULL", "column task.eta refuses NULL"),
    ("ALTER TABLE task ALTER COLUMN arch DROP NOT NULL", "column task.arch allows NULL"),
    ("ALTER TABLE host ALTER COLUMN ready DROP DEFAULT",
     "column host.ready has the default NULL instead of false"),
    ("ALTER TABLE tag_config ALTER COLUMN create_event SET DEFAULT 7",
     "column tag_config.create_event has the default 7 instead of get_event()"),
    ("ALTER TABLE btype RENAME CONSTRAINT btype_pkey TO btype_key",
     "the primary key of btype is named btype_key instead of btype_pkey"),
    ("ALTER TABLE build_types DROP CONSTRAINT build_types_pkey",
     "the primary key of build_types is () instead of (build_id, btype_id)"),
    ("ALTER TABLE task DROP CONSTRAINT task_parent_label_key",
     "unique constraint task_parent_label_key of task on (parent, label) is missing"),
    ("ALTER TABLE build DROP CONSTRAINT completion_sane",
     "check constraint completion_sane of build is missing"),
    ("ALTER TABLE repo DROP CONSTRAINT repo_tag_id_fkey",
     "foreign key repo_tag_id_fkey of repo (tag_id) is missing"),
    ("DROP INDEX task_by_state", "index task_by_state of task is missing"),
    ("DROP INDEX moromi_task_free", "index moromi_task_free of task is missing"),
    ("DROP INDEX tag_updates_by_tag; CREATE INDEX tag_updates_by_tag ON tag_updates (id)",
     "index tag_updates_by_tag of tag_updates is on (id) instead of (tag_id)"),
    ("DROP INDEX rpminfo_nvra; CREATE INDEX rpminfo_nvra ON rpminfo"
     " (name, version, release, arch, external_repo_id) WHERE draft",
     "index rpminfo_nvra of rpminfo is partial"),
    ("DROP FUNCTION get_event_time(integer)", "function get_event_time(integer) is missing"),
    ("DELETE FROM volume", "the row DEFAULT of volume is missing"),
]  # fmt: skip


def test_the_newest_revision_is_known_without_alembic() -> None:
    """The constant follows the scripts."""
    scripts = ScriptDirectory(str(Path(upgrade.__file__).parent / "upgrades"))
    assert scripts.get_current_head() == upgrade.NEWEST


@pytest.fixture
def empty(postgres: EmbeddedPostgres) -> Iterator[Engine]:
    """An engine on a database without tables."""
    with database.empty_database(postgres) as dsn:
        yield create_engine(dsn, poolclass=NullPool)


def change(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def test_init_makes_what_check_wants(empty: Engine) -> None:
    upgrade.init(empty)
    assert upgrade.check(empty) == []


def test_check_of_an_empty_database(empty: Engine) -> None:
    first, second = upgrade.check(empty)
    assert first.startswith("the database is at revision none instead of ")
    assert second == "the database has none of the tables"


@pytest.mark.parametrize(("statement", "problem"), CHANGES, ids=[said for _, said in CHANGES])
def test_check_reports(engine: Engine, statement: str, problem: str) -> None:
    change(engine, statement)
    assert upgrade.check(engine) == [problem]


def test_check_reports_an_older_revision(engine: Engine) -> None:
    change(engine, "UPDATE moromi_schema_version SET version_num = '0001'")
    (problem,) = upgrade.check(engine)
    assert problem.startswith("the database is at revision 0001 instead of ")


def test_check_does_not_mind_more(engine: Engine) -> None:
    change(engine, "CREATE TABLE site_notes (note text); ALTER TABLE tag ADD COLUMN note text")
    change(engine, "CREATE INDEX site_tag_note ON tag (note); DROP TABLE site_notes")
    assert upgrade.check(engine) == []


def test_init_refuses_a_database_in_use(engine: Engine) -> None:
    with pytest.raises(SchemaMismatch, match="not empty"):
        upgrade.init(engine)


def test_a_koji_database_is_adopted(engine: Engine) -> None:
    """Without our additions it is what Koji makes; its rows stay as they are."""
    make_koji(engine)
    change(engine, "UPDATE channels SET name = 'renamed' WHERE name = 'vm'")
    change(engine, "INSERT INTO users (name, status, usertype) VALUES ('kim', 0, 0)")
    assert len(upgrade.check(engine)) > 10
    upgrade.upgrade(engine)
    assert upgrade.check(engine) == []
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM channels")) == 8
        assert connection.scalar(text("SELECT name FROM users")) == "kim"
    upgrade.upgrade(engine)
    assert upgrade.check(engine) == []


def test_a_koji_database_of_an_older_level_is_refused_whole(engine: Engine) -> None:
    make_koji(engine)
    change(engine, "DROP TABLE repo_queue; ALTER TABLE build DROP COLUMN promoter")
    with pytest.raises(SchemaMismatch) as caught:
        upgrade.upgrade(engine)
    assert caught.value.problems == ["column build.promoter is missing", "table repo_queue is missing"]
    with engine.connect() as connection:
        assert upgrade.revision(connection) is None
        ours = "SELECT count(*) FROM pg_class WHERE relname LIKE 'moromi%'"
        assert connection.scalar(text(ours)) == 0, "a refused database is left as it was"


def make_koji(engine: Engine) -> None:
    """Take from a fresh database everything that Koji does not have."""
    for table in t.metadata.sorted_tables:
        for index in table.indexes:
            if str(index.name).startswith("moromi_"):
                change(engine, f"DROP INDEX {index.name}")
    for table in reversed(t.metadata.sorted_tables):
        if table.name.startswith("moromi_"):
            change(engine, f"DROP TABLE {table.name}")
    change(engine, f"DROP TABLE {upgrade.VERSION_TABLE}")


def test_commands_on_a_dsn(empty: Engine) -> None:
    dsn = empty.url.render_as_string(hide_password=False)
    run = CliRunner().invoke
    assert run(db, ["check", "--dsn", dsn]).exit_code == 1
    assert run(db, ["init", "--dsn", dsn]).output == "The database is ready.\n"
    assert run(db, ["check", "--dsn", dsn]).output == "The database fits.\n"
    again = run(db, ["init", "--dsn", dsn])
    assert (again.exit_code, again.output.splitlines()[0]) == (1, "Error: the database is not empty")
    change(empty, "DROP INDEX task_by_state")
    told = run(db, ["check", "--dsn", dsn])
    assert (told.exit_code, told.output) == (1, "index task_by_state of task is missing\n")
    assert run(db, ["upgrade", "--dsn", dsn]).output == "The database is up to date.\n"


def test_commands_on_an_embedded_database(tmp_path: Path) -> None:
    with database.server_directory() as place:
        config = tmp_path / "hub.conf"
        config.write_text(f"[hub]\nEmbeddedDatabase = {place / 'postgres'}\n")
        arguments = ["--config", str(config)]
        run = CliRunner().invoke
        # Nobody runs the server: each command does, for itself.
        assert run(db, ["init", *arguments]).output == "The database is ready.\n"
        assert run(db, ["check", *arguments]).output == "The database fits.\n"
        # The hub runs it.
        with EmbeddedPostgres(place / "postgres") as server:
            assert run(db, ["check", *arguments]).output == "The database fits.\n"
            assert server.running


def test_unreachable_database_is_one_line(tmp_path: Path) -> None:
    told = CliRunner().invoke(db, ["check", "--dsn", f"postgresql+psycopg2:///hub?host={tmp_path}"])
    assert told.exit_code == 1
    assert told.output.startswith("Error: the database cannot be used: connection to server on socket")
