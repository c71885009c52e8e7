"""Tables of a plugin: made and upgraded when a hub that loads the plugin starts.

A plugin declares them at its top, in a metadata of its own (foreign keys to the hub's
tables are columns of `plugin_api.t`):

    SCHEMA = Schema("kura", metadata, upgrades=((DDL("ALTER TABLE cask ADD COLUMN size integer"),),))

A database that has none of it gets the tables as the metadata has them; one that has an
earlier revision gets the upgrades since then, in order, in one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, MetaData
from sqlalchemy.schema import ExecutableDDLElement

from moromi.errors import PluginError
from moromi_hub.plugins import queries


@dataclass(frozen=True)
class Schema:
    """What a plugin keeps in the database. Its revision is 1 and one more for each upgrade."""

    name: str
    metadata: MetaData
    upgrades: tuple[tuple[ExecutableDDLElement, ...], ...] = ()

    @property
    def revision(self) -> int:
        """The revision that this plugin needs."""
        return 1 + len(self.upgrades)

    def prepare(self, engine: Engine) -> None:
        """Make or upgrade the tables; one process at a time, and nothing if they fit.

        Raises PluginError when the database is of a later revision.
        """
        with engine.begin() as connection:
            if queries.revision(connection, self.name) == self.revision:
                return
            queries.lock(connection)
            found = queries.revision(connection, self.name)
            if found == 0:
                self.metadata.create_all(connection)
            elif found > self.revision:
                raise PluginError(
                    f"the tables of plugin {self.name} are at revision {found},"
                    f" and this plugin knows {self.revision}"
                )
            for statements in self.upgrades[found - 1 :] if found else ():
                for statement in statements:
                    connection.execute(statement)
            queries.record(connection, self.name, self.revision)
