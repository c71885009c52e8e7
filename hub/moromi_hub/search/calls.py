"""The call `search` (data-model.md section 5.9)."""

from __future__ import annotations

from typing import Any

from moromi.errors import GenericError
from moromi_hub import arguments
from moromi_hub.call import Call
from moromi_hub.db import query_options
from moromi_hub.rpc.registry import ANYONE, exported
from moromi_hub.search import queries


@exported("search", access=ANYONE)
def search(call: Call, terms: Any, type: Any, matchType: Any, queryOpts: Any = None) -> Any:
    """`[{id, name}]` of what matches.

    `type`: package, build, tag, target, user, host, rpm, maven or win (`file` finds
    nothing). `matchType`: glob, regexp, or anything else for equality.
    """
    if not terms:
        raise GenericError("empty search terms")
    if type == "file":
        return 0 if query_options.check_options(queryOpts).get("countOnly") else []
    searched = queries.types().get(type)
    if searched is None:
        raise GenericError(f"No such search type: {type}")
    statement = searched.matching(arguments.expect(terms, str), matchType)
    return query_options.run_query(call.tx, searched.fields(), statement, queryOpts)
