"""The database of Moromi: Koji's tables, column by column, as SQLAlchemy metadata.

`tables` re-exports every table under its own name, `upgrade` creates, checks and upgrades a database,
`initial_rows` holds what a fresh one contains, `additions` what we add to a Koji database.
"""

from .base import metadata

__all__ = ["metadata"]
