"""`queryOpts`: count, order and slices that callers of listing calls may ask for.

Spec: hub-protocol.md section 4.4. The fields a caller may order by are those of
the call's own field map; no text of a caller ever reaches SQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from moromi.errors import ParameterError
from moromi.wire.listing import Listing
from moromi_hub.db.transaction import Transaction

Fields = Mapping[str, ColumnElement[Any]]


def run_query(
    tx: Transaction,
    fields: Fields,
    statement: Select[Any],
    query_opts: Mapping[str, Any] | None = None,
    *,
    stream: bool = False,
    narrow: Select[Any] | None = None,
) -> Any:
    """Run a listing: `statement` is the FROM and WHERE part, `fields` the result keys and their columns.

    `narrow` selects the same rows as ids of one table alone: a page of it is found there, and joined
    afterwards, so that the rows that are passed over cost an index entry each.

    Returns a list of dictionaries (a Listing when `stream`), lists of values in
    alphabetical order of the keys with `asList`, or the number of rows with `countOnly`.
    """
    opts = check_options(query_opts)
    if opts.get("countOnly"):
        return _count(tx, fields, statement, opts)
    query: Select[Any] = statement.with_only_columns(*(column.label(key) for key, column in fields.items()))
    query = _paged(query, fields, opts, narrow)
    if opts.get("asList"):
        names = sorted(fields)
        return [[row[name] for name in names] for row in tx.execute(query).mappings()]
    if stream:
        return Listing(list(fields), tx.stream(query))
    return tx.rows(query)


def _paged(
    query: Select[Any], fields: Fields, opts: Mapping[str, Any], narrow: Select[Any] | None
) -> Select[Any]:
    """Order and slice; a page that is not the first by way of `narrow`, if its table has what orders it."""
    terms = order_terms(fields, opts.get("order"))
    if narrow is None or not terms or not (opts.get("offset") and opts.get("limit")):
        return slice_rows(query.order_by(*terms.values()), opts)
    (key,) = narrow.selected_columns
    if any(getattr(fields[name], "table", None) is not key.table for name in terms):
        return slice_rows(query.order_by(*terms.values()), opts)
    page = slice_rows(narrow.order_by(*terms.values()), opts).subquery("page")
    return query.join(page, page.c[key.name] == key).order_by(*terms.values())


def check_options(query_opts: Any) -> Mapping[str, Any]:
    """`query_opts` as a mapping; None is none. Keys that mean nothing here are left alone.

    Raises ParameterError for other types.
    """
    if query_opts is None:
        return {}
    if not isinstance(query_opts, Mapping):
        raise ParameterError(
            f"Invalid type for value '{query_opts}': {type(query_opts)}, expected type <class 'dict'>"
        )
    return query_opts


def order_terms(fields: Fields, order: str | None) -> dict[str, ColumnElement[Any]]:
    """What a comma separated list of field names orders by, by name; `-` in front is descending."""
    terms: dict[str, ColumnElement[Any]] = {}
    for term in (order or "").split(","):
        name = term.strip().removeprefix("-")
        if not name:
            continue
        # Koji's client orders buildroots by `buildroot.id`, a column name of Koji's hub.
        key = name if name in fields else name.rpartition(".")[2]
        if key not in fields:
            # a plain exception, because the wire says so: fault code 1, `<class 'Exception'>: …`
            raise Exception(f"Invalid order: {name}")
        # what a second mention of a field says about equal rows is nothing
        terms.setdefault(key, fields[key].desc() if term.strip().startswith("-") else fields[key])
    return terms


def slice_rows(query: Select[Any], opts: Mapping[str, Any]) -> Select[Any]:
    """Apply `offset` and `limit`; 0 and None mean none."""
    if opts.get("offset"):
        query = query.offset(int(opts["offset"]))
    if opts.get("limit"):
        query = query.limit(int(opts["limit"]))
    return query


def _count(tx: Transaction, fields: Fields, statement: Select[Any], opts: Mapping[str, Any]) -> int:
    first = next(iter(fields.values())).label("one")
    inner = slice_rows(statement.with_only_columns(first, maintain_column_froms=True).order_by(None), opts)
    return int(tx.scalar(select(func.count()).select_from(inner.subquery())))


def apply_in_memory(
    rows: Iterable[Mapping[str, Any]],
    query_opts: Mapping[str, Any] | None = None,
    as_list: Sequence[str] | None = None,
) -> Any:
    """queryOpts on a list in memory: one order key, slices, count; `as_list` has the columns of `asList`."""
    found = list(rows)
    opts = check_options(query_opts)
    if order := opts.get("order"):
        key = order.removeprefix("-")
        found.sort(key=lambda row: (row[key] is None, row[key]), reverse=order.startswith("-"))
    if opts.get("offset"):
        found = found[opts["offset"] :]
    if opts.get("limit"):
        found = found[: opts["limit"]]
    if opts.get("countOnly"):
        return len(found)
    if opts.get("asList") and as_list is not None:
        return [[row[key] for key in as_list] for row in found]
    return found
