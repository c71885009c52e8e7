"""Compare a live database with the metadata, in words.

What the database has beyond the metadata is no difference: sites add columns and indexes, and upgraded
installations keep leftovers (spec/schema-objects.md, section 11). CHECK constraints are compared by name,
since PostgreSQL stores its own wording of their rules; indexes by columns, uniqueness and whether they are
partial.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    Index,
    Inspector,
    Table,
    UniqueConstraint,
    func,
    inspect,
    select,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine.interfaces import (
    ReflectedColumn,
    ReflectedForeignKeyConstraint,
    ReflectedIndex,
    ReflectedUniqueConstraint,
)

from . import tables as t
from .events import FUNCTIONS

DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]

# Rows without which the hub cannot work, by name (spec/schema-objects.md, section 10).
NEEDED_ROWS = (
    (t.volume, "DEFAULT"),
    (t.external_repo, "INTERNAL"),
    (t.permissions, "admin"),
    (t.channels, "default"),
    (t.btype, "rpm"),
    (t.locks, "scheduler"),
    (t.locks, "repo-queue"),
    (t.locks, "protonmsg-plugin"),
)


@dataclass
class Live:
    """What the inspector found, by table name."""

    columns: dict[str, dict[str, ReflectedColumn]]
    primary: dict[str, tuple[str | None, list[str]]]
    unique: dict[str, dict[str, ReflectedUniqueConstraint]]
    foreign: dict[str, dict[str, ReflectedForeignKeyConstraint]]
    checks: dict[str, set[str]]
    indexes: dict[str, dict[str, ReflectedIndex]]


@dataclass
class Missing:
    """Whether any of our tables exist at all, and which tables and columns do not."""

    tables_found: bool
    problems: list[str]


def missing(connection: Connection, *, ours: bool = True) -> Missing:
    """Tables and columns that the database lacks; `ours=False` leaves out what Koji does not have."""
    live = _columns(inspect(connection))
    wanted = [table for table in t.metadata.sorted_tables if ours or not table.name.startswith("moromi_")]
    problems = []
    for table in wanted:
        if table.name not in live:
            problems.append(f"table {table.name} is missing")
        else:
            absent = [column.name for column in table.columns if column.name not in live[table.name]]
            problems += [f"column {table.name}.{name} is missing" for name in absent]
    return Missing(any(table.name in live for table in wanted), problems)


def differences(connection: Connection) -> list[str]:
    """Every way in which the database does not fit the metadata; an empty list means that it fits."""
    absent = missing(connection)
    if not absent.tables_found:
        return ["the database has none of the tables"]
    problems = absent.problems
    live = _read(inspect(connection))
    for table in t.metadata.sorted_tables:
        if table.name in live.columns:
            problems += _table(table, live)
    problems += _functions(connection)
    if not problems:
        problems += _rows(connection)
    return problems


def _columns(inspector: Inspector) -> dict[str, dict[str, ReflectedColumn]]:
    found = inspector.get_multi_columns().items()
    return {name: {column["name"]: column for column in columns} for (_, name), columns in found}


def _read(inspector: Inspector) -> Live:
    primary = inspector.get_multi_pk_constraint()
    unique = inspector.get_multi_unique_constraints()
    foreign = inspector.get_multi_foreign_keys()
    checks = inspector.get_multi_check_constraints()
    indexes = inspector.get_multi_indexes()
    return Live(
        columns=_columns(inspector),
        primary={k[1]: (v.get("name"), v["constrained_columns"]) for k, v in primary.items() if v},
        unique={k[1]: {str(u["name"]): u for u in v} for k, v in unique.items()},
        foreign={k[1]: {str(f["name"]): f for f in v} for k, v in foreign.items()},
        checks={k[1]: {str(c["name"]) for c in v} for k, v in checks.items()},
        indexes={k[1]: {str(i["name"]): i for i in v} for k, v in indexes.items()},
    )


def _table(table: Table, live: Live) -> Iterator[str]:
    """The differences of one table that exists."""
    name = table.name
    for column in table.columns:
        if column.name in live.columns[name]:
            yield from _column(column, live.columns[name][column.name])
    yield from _primary(table, live)
    for constraint in sorted(table.constraints, key=lambda constraint: str(constraint.name)):
        if isinstance(constraint, UniqueConstraint):
            found = live.unique.get(name, {}).get(str(constraint.name))
            columns = [column.name for column in constraint.columns]
            if found is None or found["column_names"] != columns:
                yield f"unique constraint {constraint.name} of {name} on {_list(columns)} is missing"
        elif isinstance(constraint, CheckConstraint) and constraint.name not in live.checks.get(name, set()):
            yield f"check constraint {constraint.name} of {name} is missing"
    yield from _foreign(table, live.foreign.get(name, {}))
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        yield from _index(table, index, live.indexes.get(name, {}).get(str(index.name)))


def _column(column: Column[object], found: ReflectedColumn) -> Iterator[str]:
    where = f"column {column.table.name}.{column.name}"
    wanted, actual = column.type.compile(DIALECT), found["type"].compile(DIALECT)
    if wanted != actual:
        yield f"{where} is {actual} instead of {wanted}"
    if bool(column.nullable) != found["nullable"]:
        yield f"{where} {'refuses' if column.nullable else 'allows'} NULL"
    default = _wanted_default(column)
    actual_default = _plain(found["default"])
    if default != actual_default:
        yield f"{where} has the default {actual_default or 'NULL'} instead of {default or 'NULL'}"


def _wanted_default(column: Column[object]) -> str | None:
    if column.name == "id" and column.primary_key:
        return f"nextval({column.table.name}_id_seq)"
    if column.server_default is None:
        return None
    argument = getattr(column.server_default, "arg", None)
    return _plain(str(argument))


def _plain(default: str | None) -> str | None:
    """A default without casts, quotes and letter case, so that two wordings of one default are equal."""
    if default is None:
        return None
    return re.sub(r"::[a-z ]+|['\"]|\.0\b", "", default.lower()).removeprefix("(").strip()


def _primary(table: Table, live: Live) -> Iterator[str]:
    wanted = [column.name for column in table.primary_key.columns]
    name, found = live.primary.get(table.name, (None, []))
    if wanted != found:
        yield f"the primary key of {table.name} is {_list(found)} instead of {_list(wanted)}"
    elif wanted and name != table.primary_key.name:
        yield f"the primary key of {table.name} is named {name} instead of {table.primary_key.name}"


def _foreign(table: Table, found: dict[str, ReflectedForeignKeyConstraint]) -> Iterator[str]:
    for key in sorted(table.foreign_key_constraints, key=lambda key: str(key.name)):
        actual = found.get(str(key.name))
        columns = [element.parent.name for element in key.elements]
        target = [element.column.name for element in key.elements]
        wanted = (columns, key.referred_table.name, target, key.onupdate, key.deferrable)
        what = f"foreign key {key.name} of {table.name} {_list(columns)}"
        if actual is None:
            yield f"{what} is missing"
            continue
        options = actual.get("options", {})
        is_now = (
            actual["constrained_columns"],
            actual["referred_table"],
            actual["referred_columns"],
            options.get("onupdate"),
            options.get("deferrable"),
        )
        if is_now != wanted:
            yield f"{what} is {is_now} instead of {wanted}"


def _index(table: Table, index: Index, found: ReflectedIndex | None) -> Iterator[str]:
    what = f"index {index.name} of {table.name}"
    if found is None:
        yield f"{what} is missing"
        return
    wanted = [e.name if isinstance(e, Column) else None for e in index.expressions]
    if found["column_names"] != wanted:
        yield f"{what} is on {_list(found['column_names'])} instead of {_list(wanted)}"
    if bool(index.unique) != found["unique"]:
        yield f"{what} is {'not ' if index.unique else ''}unique"
    partial = index.dialect_options["postgresql"]["where"] is not None
    if partial != ("postgresql_where" in found.get("dialect_options", {})):
        yield f"{what} is {'not ' if partial else ''}partial"


def _functions(connection: Connection) -> Iterator[str]:
    query = text(
        "SELECT proname, pg_get_function_identity_arguments(oid) FROM pg_proc"
        " WHERE pronamespace = current_schema()::regnamespace"
    )
    found = {(name, arguments) for name, arguments in connection.execute(query)}
    for name, arguments in FUNCTIONS.items():
        if (name, arguments) not in found:
            yield f"function {name}({arguments}) is missing"


def _rows(connection: Connection) -> Iterator[str]:
    for table, name in NEEDED_ROWS:
        query = select(func.count()).select_from(table).where(table.c.name == name)
        if not connection.scalar(query):
            yield f"the row {name} of {table.name} is missing"


def _list(names: list[str] | list[str | None]) -> str:
    return "(" + ", ".join(name or "expression" for name in names) + ")"
