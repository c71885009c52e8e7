"""Lists of builds: what they can be narrowed down by (data-model.md section 5.9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moromi.errors import GenericError, ParameterError
from moromi_hub import arguments
from moromi_hub.builds import queries, searches
from moromi_hub.call import Call
from moromi_hub.db.query_options import apply_in_memory, run_query
from moromi_hub.packages import service as packages
from moromi_hub.users import service as users
from moromi_hub.volumes import service as volumes

untagged = searches.untagged
Range = tuple[Any, Any]


@dataclass(frozen=True)
class Wanted:
    """The filters of `listBuilds`, as the caller gave them; None is no filter."""

    package: Any = None
    user: Any = None
    task_id: int | None = None
    prefix: str | None = None
    state: int | None = None
    volume: Any = None
    source: str | None = None
    created: Range = (None, None)
    """After and before."""
    completed: Range = (None, None)
    promoted: Range = (None, None)
    btype: str | None = None
    type_info: Any = None
    pattern: str | None = None
    generator: Any = None
    draft: bool | None = None
    promoter: Any = None


def list_builds(call: Call, wanted: Wanted, query_opts: Any = None) -> Any:
    """`listBuilds`: shape `BuildRow`, streamed unless queryOpts say otherwise.

    Something unknown to filter by (but an unknown btype, GenericError) leaves nothing.
    """
    ids = _resolve(call, wanted)
    if ids is None:
        return apply_in_memory([], query_opts)
    search = searches.Search(
        **ids,
        task_id=arguments.optional_integer(wanted.task_id),
        prefix=arguments.optional_text(wanted.prefix),
        state=arguments.optional_integer(wanted.state),
        source=arguments.optional_text(wanted.source),
        pattern=arguments.optional_text(wanted.pattern),
        draft=wanted.draft,
        created=_times(wanted.created),
        completed=_times(wanted.completed),
        promoted=_times(wanted.promoted),
        btype=_btype(call, wanted.btype),
        type_info=_type_info(wanted.type_info),
    )
    listed = searches.builds(search)
    return run_query(call.tx, listed.fields, listed.statement, query_opts, stream=True, narrow=listed.narrow)


def _resolve(call: Call, wanted: Wanted) -> dict[str, int] | None:
    """Ids of what is named; None if something is unknown."""
    ids: dict[str, int] = {}
    if wanted.package is not None:
        package = packages.find_package(call, wanted.package)
        if package is None:
            return None
        ids["package_id"] = package["id"]
    for key, info in (("user_id", wanted.user), ("promoter_id", wanted.promoter)):
        if info is not None:
            found = users.find_user_id(call, info)
            if found is None:
                return None
            ids[key] = found
    if wanted.volume is not None:
        volume = volumes.find_volume(call, wanted.volume)
        if volume is None:
            return None
        ids["volume_id"] = volume["id"]
    if wanted.generator is not None:
        generator = searches.generator_id(call.tx, wanted.generator)
        if generator is None:
            return None
        ids["generator_id"] = generator
    return ids


def _btype(call: Call, name: str | None) -> str | None:
    if name is not None and not searches.btype_exists(call.tx, name):
        raise GenericError(f"unsupported build type: {name}")
    return name


def _type_info(info: Any) -> Mapping[str, str]:
    return {} if info is None else arguments.expect(info, dict)


def _times(between: Range) -> tuple[datetime | float | None, datetime | float | None]:
    return _time(between[0]), _time(between[1])


def _time(value: Any) -> datetime | float | None:
    """Seconds, or the moment that a text names. Raises ParameterError for anything else."""
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        return value
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        raise ParameterError(f"Invalid time: {value}") from None


def list_btypes(call: Call, query: Any, query_opts: Any) -> Any:
    """`listBTypes`: [{id, name}], those that agree with `query` (`{id}` or `{name}`)."""
    fields, statement = queries.list_btypes()
    for key, value in (arguments.expect(query, dict) if query is not None else {}).items():
        if key not in fields:
            raise GenericError(f"Invalid type query: {query!r}")
        statement = statement.where(fields[key] == value)
    return run_query(call.tx, fields, statement, query_opts)


def add_btype(call: Call, name: Any) -> None:
    """A new btype. Raises GenericError for a name that is not allowed or taken."""
    name = arguments.verify_name(call.settings, name)
    if searches.btype_exists(call.tx, name):
        raise GenericError("btype already exists")
    queries.add_btype(call.tx, name)
