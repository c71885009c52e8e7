"""Koji's database, level 1.37: create it, or adopt one that is there.

An existing database is left as it is: what `missing` reports would make the hub fail, so it is refused;
lesser differences of an upgraded installation (spec/schema-objects.md, section 11) are reported by `check`
only.
"""

from pathlib import Path

from alembic import op

from moromi_schema.compare import missing
from moromi_schema.errors import SchemaMismatch
from moromi_schema.initial_rows import insert_initial_rows

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create all tables and initial rows in an empty database; adopt a complete one; refuse anything else."""
    connection = op.get_bind()
    absent = missing(connection, ours=False)
    if not absent.tables_found:
        connection.exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())
        insert_initial_rows(connection)
    elif absent.problems:
        raise SchemaMismatch("not a Koji database of level 1.37", absent.problems)
