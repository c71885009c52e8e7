"""`listTasks`: tasks by many filters (spec: data-model.md section 9.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, cast, func, literal

from moromi_hub import arguments
from moromi_hub.call import Call
from moromi_hub.db.query_options import check_options, run_query
from moromi_hub.tasks import model, queries
from moromi_schema import tables as t
from moromi_schema.base import Timestamp

_t = t.task
_LISTS = {"arch": _t.c.arch, "state": _t.c.state}
_REFERENCES = {
    "owner": _t.c.owner,
    "host_id": _t.c.host_id,
    "channel_id": _t.c.channel_id,
    "parent": _t.c.parent,
}
_TIMES = {
    "created": _t.c.create_time,
    "started": _t.c.start_time,
    "complete": _t.c.completion_time,
    "completed": _t.c.completion_time,
}


def list_tasks(call: Call, opts: Any, query_opts: Any) -> Any:
    """Tasks with request, result and owner; `decode` in `opts` decodes request and result.

    Unknown filters are ignored. Raises ParameterError for values of wrong types.
    """
    filters = {} if opts is None else arguments.expect(opts, dict)
    statement = _filtered(queries.listing(), filters)
    narrow = _filtered(queries.ids(), filters)
    fields = {**queries.FIELDS, **queries.REQUEST, **queries.result_field(), **queries.OWNER}
    decode = bool(filters.get("decode"))
    found = run_query(call.tx, fields, statement, query_opts, stream=not decode, narrow=narrow)
    if not decode or isinstance(found, int):
        return found
    if check_options(query_opts).get("asList"):
        names = sorted(fields)
        request, result = names.index("request"), names.index("result")
        for values in found:
            values[request], values[result] = _request(values[request]), _result(values[result])
        return found
    for row in found:
        row["request"], row["result"] = _request(row["request"]), _result(row["result"])
    return found


def _request(text: str | None) -> Any:
    """Decoded, or as it is when it cannot be read: one odd row does not spoil a listing."""
    try:
        return None if text is None else model.decode_request(text)
    except model.UnreadableTask:
        return text


def _result(text: str | None) -> Any:
    """The value in a list, or a fault's map."""
    if text is None:
        return None
    try:
        return [model.decode_result(text)]
    except model.UnreadableTask:
        return text
    except Exception as error:
        return model.fault_map(error)


def _filtered(query: Select[Any], filters: Mapping[str, Any]) -> Select[Any]:
    for name, column in _LISTS.items():
        if name in filters:
            query = query.where(column.in_(_list(filters[name])))
        if f"not_{name}" in filters:
            query = query.where(column.not_in(_list(filters[f"not_{name}"])))
    for name, column in _REFERENCES.items():
        if name in filters:
            query = query.where(_refers(column, filters[name]))
        if f"not_{name}" in filters:
            query = query.where(~_refers(column, filters[f"not_{name}"]))
    if "method" in filters:
        query = query.where(_t.c.method == filters["method"])
    for name, column in _TIMES.items():
        if filters.get(f"{name}Before") is not None:
            query = query.where(column < _time(filters[f"{name}Before"]))
        if filters.get(f"{name}After") is not None:
            query = query.where(column > _time(filters[f"{name}After"]))
    return query


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _refers(column: ColumnElement[Any], value: Any) -> ColumnElement[bool]:
    if value is None:
        return column.is_(None)
    if isinstance(value, list | tuple):
        return column.in_([arguments.integer(item) for item in value])
    return column == arguments.integer(value)


def _time(value: Any) -> ColumnElement[Any]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return func.to_timestamp(value)
    return cast(literal(arguments.expect(value, str)), Timestamp)
