"""Named arguments over a protocol that has only positional ones.

The last positional argument carries them, as a struct with a truthy member
`__starstar` (hub-protocol.md 1.3). Calls, multicall entries and stored task
requests all use this convention.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from moromi.constants import NAMED_ARGUMENTS_MARK


def split_named(params: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
    """Split a parameter list into positional and named arguments.

    `params` is left as it is. A last struct without the mark, or with a falsy
    one, is an ordinary argument.
    """
    args = list(params)
    if args and isinstance(args[-1], Mapping) and args[-1].get(NAMED_ARGUMENTS_MARK):
        named = dict(args.pop())
        del named[NAMED_ARGUMENTS_MARK]
        return args, named
    return args, {}


def join_named(args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """Return the parameter list that `split_named` takes apart."""
    if not kwargs:
        return list(args)
    return [*args, {**kwargs, NAMED_ARGUMENTS_MARK: True}]
