"""Run revisions on the connection and in the transaction that `moromi_schema.upgrade` hands over."""

from alembic import context

from moromi_schema.base import metadata
from moromi_schema.upgrade import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
context.run_migrations()
