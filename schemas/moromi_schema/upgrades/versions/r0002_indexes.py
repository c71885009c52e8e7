"""Our own indexes on Koji's tables (`moromi_schema.additions`)."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the indexes that are not there yet; a large database takes its time."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())
