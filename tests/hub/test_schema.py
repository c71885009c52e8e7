"""The database that `upgrade.init` makes is Koji's, as the specification lists it.

`tests/data/schema.csv` has one row a column, `schema-objects.json` everything that is not a column. Both are
compared with PostgreSQL's own catalogue, not with our metadata, which has its own test in test_upgrade.py.
"""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, text

from moromi_schema import tables as t

DATA = Path(__file__).parent.parent / "data"
OBJECTS: dict[str, Any] = json.loads((DATA / "schema-objects.json").read_text())
Column = dict[str, str]
TYPES = {
    "serial (integer)": "integer",
    "timestamptz": "timestamp with time zone",
    "float8 (FLOAT)": "double precision",
}
# Ours, beside Koji's: Alembic's one-row table and everything with this prefix.
OURS = "moromi_"


def read_columns() -> dict[str, dict[str, Column]]:
    tables: dict[str, dict[str, Column]] = defaultdict(dict)
    with (DATA / "schema.csv").open() as handle:
        for row in csv.DictReader(handle):
            tables[row["table"]][row["column"]] = row
    return tables


TABLES = read_columns()


def catalogue(engine: Engine, query: str, **values: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query), values)]


def groups(columns: dict[str, Column], kind: str) -> set[tuple[str, ...]]:
    """The column groups that the CSV gives for `kind` (PK or UNIQUE)."""
    found = re.findall(
        rf"\b{kind}\(([^)]*)\)", "; ".join(column["unique/primary groups"] for column in columns.values())
    )
    return {tuple(group.split(", ")) for group in found}


def constraints(engine: Engine, kind: str) -> dict[str, dict[str, tuple[str, ...]]]:
    """By table: the names of the constraints of `kind` and their columns, in order."""
    query = (
        "SELECT r.relname, c.conname, (SELECT array_agg(a.attname::text ORDER BY k.position)"
        " FROM unnest(c.conkey) WITH ORDINALITY AS k(number, position)"
        " JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = k.number)"
        " FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid"
        " WHERE c.contype = :kind AND r.relnamespace = 'public'::regnamespace"
    )
    found: dict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
    for table, name, columns in catalogue(engine, query, kind=kind):
        if not table.startswith(OURS):
            found[table][name] = tuple(columns or ())
    return found


def test_the_specification_was_read_whole() -> None:
    assert len(TABLES) == 68
    assert sum(len(columns) for columns in TABLES.values()) == 411


def test_columns(engine: Engine) -> None:
    query = (
        "SELECT r.relname, a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,"
        " pg_get_expr(d.adbin, d.adrelid)"
        " FROM pg_attribute a JOIN pg_class r ON r.oid = a.attrelid"
        " LEFT JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum"
        " WHERE r.relkind = 'r' AND r.relnamespace = 'public'::regnamespace"
        " AND a.attnum > 0 AND NOT a.attisdropped"
    )
    found = {
        (table, column): (kind.replace("character varying", "varchar"), nullable, plain(default))
        for table, column, kind, nullable, default in catalogue(engine, query)
        if not table.startswith(OURS)
    }
    wanted = {
        (table, name): (
            TYPES.get(column["type"], column["type"]),
            column["nullable"] == "yes",
            plain(re.sub(r"next of sequence (\w+)", r"nextval('\1')", column["default"])),
        )
        for table, columns in TABLES.items()
        for name, column in columns.items()
    }
    assert found == wanted


def plain(default: str | None) -> str:
    """A default without casts and letter case; a float's default with its point or without."""
    return re.sub(r"::\w+(?: \w+)*|\.0$|(?<=\d)(?:'$)|^'(?=\d)", "", (default or "").lower())


def test_primary_keys(engine: Engine) -> None:
    found = constraints(engine, "p")
    wanted = {table: groups(columns, "PK") for table, columns in TABLES.items()}
    assert {table for table, keys in wanted.items() if not keys} == set(OBJECTS["no_primary_key"])
    assert found == {table: {f"{table}_pkey": next(iter(keys))} for table, keys in wanted.items() if keys}


def test_unique_constraints(engine: Engine) -> None:
    found = constraints(engine, "u")
    assert found == {
        table: {name: tuple(columns) for name, columns in named.items()}
        for table, named in OBJECTS["unique"].items()
    }
    # The two parts of the specification agree with each other.
    from_csv = {table: groups(columns, "UNIQUE") for table, columns in TABLES.items()}
    assert {table: set(named.values()) for table, named in found.items()} == {
        table: found_groups for table, found_groups in from_csv.items() if found_groups
    }


def test_foreign_keys(engine: Engine) -> None:
    query = (
        "SELECT c.conname, pg_get_constraintdef(c.oid) FROM pg_constraint c"
        " WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace"
        " AND c.conname NOT LIKE 'moromi%'"
    )
    wanted = {
        "rpminfo_build_id_draft_fkey": (
            "FOREIGN KEY (build_id, draft) REFERENCES build(id, draft) ON UPDATE CASCADE"
        )
    }
    for table, columns in TABLES.items():
        for name, column in columns.items():
            target = column["references"]
            if not target or target.startswith("("):
                continue
            target = target.replace(" (initially immediate)", "")
            wanted[f"{table}_{name}_fkey"] = f"FOREIGN KEY ({name}) REFERENCES {target}"
    found = dict(catalogue(engine, query))
    assert {name: rule.replace('"', "") for name, rule in found.items()} == wanted


def test_check_constraints(engine: Engine) -> None:
    wanted = {table: set(names) for table, names in OBJECTS["checks"].items()}
    for table in OBJECTS["versioned"]:
        wanted.setdefault(table, set()).update({"active_revoke_sane", f"{table}_active_check"})
    assert {table: set(named) for table, named in constraints(engine, "c").items()} == wanted


def test_indexes(engine: Engine) -> None:
    query = (
        "SELECT r.relname, x.relname, i.indisunique, i.indpred IS NOT NULL,"
        " (SELECT array_agg(a.attname::text ORDER BY k.position)"
        " FROM unnest(i.indkey) WITH ORDINALITY AS k(number, position)"
        " LEFT JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = k.number"
        " WHERE k.position <= i.indnkeyatts)"
        " FROM pg_index i JOIN pg_class r ON r.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid"
        " WHERE r.relnamespace = 'public'::regnamespace"
        " AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = x.oid AND c.contype IN ('p', 'u'))"
    )
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for table, name, unique, partial, columns in catalogue(engine, query):
        if not name.startswith(OURS):
            found[table][name] = {"columns": columns, "unique": unique, "partial": partial}
    assert found == OBJECTS["indexes"]


def test_index_by_file_name(engine: Engine) -> None:
    ((definition,),) = catalogue(engine, "SELECT pg_get_indexdef('rpminfo_filename'::regclass)")
    for part in ("name", "'-'", "version", "release", "'.'", "arch", "'.rpm'", "INCLUDE (id)"):
        assert part in definition


def test_functions(engine: Engine) -> None:
    query = (
        "SELECT proname, pg_get_function_identity_arguments(oid), pg_get_function_result(oid)"
        " FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    )
    found = {name: [arguments, result] for name, arguments, result in catalogue(engine, query)}
    assert found == OBJECTS["functions"]


def test_get_event_counts_and_tells_the_time(engine: Engine) -> None:
    with engine.begin() as connection:
        first = connection.scalar(text("SELECT get_event()"))
        second = connection.scalar(text("SELECT get_event()"))
        assert (first, second) == (1, 2)
        rows = connection.execute(select(t.events).order_by(t.events.c.id)).all()
        assert [row.id for row in rows] == [1, 2]
        assert rows[0].time < rows[1].time, "two events of one transaction have two moments"
        assert rows[0].time.tzinfo is not None
        asked = connection.scalar(text("SELECT get_event_time(2)"))
        assert asked == rows[1].time


def test_grants(engine: Engine) -> None:
    query = (
        "SELECT r.relname FROM pg_class r, aclexplode(r.relacl) g"
        " WHERE r.relnamespace = 'public'::regnamespace AND g.grantee = 0"
    )
    assert sorted(name for (name,) in catalogue(engine, query)) == sorted(OBJECTS["select_granted_to_public"])


@pytest.mark.parametrize("name", sorted(OBJECTS["rows"]))
def test_initial_rows(engine: Engine, name: str) -> None:
    table = t.metadata.tables[name]
    names = ["id", "name"] + (["extensions", "compression_type"] if name == "archivetypes" else [])
    with engine.connect() as connection:
        found = connection.execute(select(*(table.c[n] for n in names)).order_by(table.c.id))
        assert [list(row) for row in found] == OBJECTS["rows"][name]
        # The next row's id follows, except that a hand-written 0 is not counted.
        following = connection.scalar(text(f"SELECT nextval('{name}_id_seq')"))
    assert following == OBJECTS["rows"][name][-1][0] + 1


def test_locks_and_nothing_else(engine: Engine) -> None:
    with engine.connect() as connection:
        assert set(connection.scalars(select(t.locks.c.name))) == set(OBJECTS["locks"])
        filled = {
            table.name
            for table in t.metadata.sorted_tables
            if connection.execute(select(table).limit(1)).first() is not None
        }
    assert filled == {*OBJECTS["rows"], "locks"}
