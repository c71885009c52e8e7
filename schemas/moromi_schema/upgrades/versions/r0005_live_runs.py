"""The run entries that count, among the history (`moromi_scheduler_task_runs_live`)."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the index."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())
