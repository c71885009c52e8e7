"""Tables of plugins: made by the first hub that loads them, upgraded by the next, refused to an older one."""

from __future__ import annotations

import pytest
from sqlalchemy import DDL, Column, Engine, Integer, MetaData, Table, inspect
from sqlalchemy.schema import ExecutableDDLElement

from moromi.errors import PluginError
from moromi_hub.plugin_api import Schema

Statement = ExecutableDDLElement


def add(column: str) -> Statement:
    """The statement that adds a column."""
    return DDL(f"ALTER TABLE kura_cask ADD COLUMN {column} integer")  # type: ignore[no-untyped-call]


def schema(*columns: str, more: tuple[Statement, ...] = ()) -> Schema:
    """The schema of a plugin: each column after the first came with a revision of its own."""
    metadata = MetaData()
    made = [Column("id", Integer, primary_key=True), *(Column(name, Integer) for name in columns)]
    Table("kura_cask", metadata, *made)
    upgrades = [(add(name),) for name in columns[1:]]
    return Schema("kura", metadata, (*upgrades, more) if more else tuple(upgrades))


def columns_of(engine: Engine) -> list[str]:
    """What the database has."""
    return [column["name"] for column in inspect(engine).get_columns("kura_cask")]


def test_made_and_upgraded(engine: Engine) -> None:
    schema("size").prepare(engine)
    assert columns_of(engine) == ["id", "size"]
    schema("size").prepare(engine)
    newer = schema("size", "age", "kind")
    assert newer.revision == 3
    newer.prepare(engine)
    newer.prepare(engine)
    assert columns_of(engine) == ["id", "size", "age", "kind"]
    with pytest.raises(
        PluginError, match="the tables of plugin kura are at revision 3, and this plugin knows 2"
    ):
        schema("size", "age").prepare(engine)


def test_made_new_as_they_are_now(engine: Engine) -> None:
    schema("size", "age").prepare(engine)
    assert columns_of(engine) == ["id", "size", "age"]


def test_an_upgrade_is_whole_or_not(engine: Engine) -> None:
    schema("size").prepare(engine)
    broken = schema("size", "age", more=(add("kind"), add("size")))
    with pytest.raises(Exception, match="already exists"):
        broken.prepare(engine)
    assert columns_of(engine) == ["id", "size"]
    schema("size", "age").prepare(engine)
    assert columns_of(engine) == ["id", "size", "age"]
