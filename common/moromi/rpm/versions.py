"""The order of versions as rpm sees them.

A version is read as runs of digits and of letters; everything else only
separates. Digits compare as numbers and are newer than letters; `~` is older
than the end, `^` newer than the end but older than anything else.
"""

from __future__ import annotations

import re
from itertools import zip_longest

__all__ = ["compare"]

_TOKEN = re.compile(r"[0-9]+|[A-Za-z]+|[~^]")


def compare(first: str, second: str) -> int:
    """-1, 0 or 1, as `first` is older than, as old as, or newer than `second`."""
    for one, other in zip_longest(_TOKEN.findall(first), _TOKEN.findall(second)):
        if one != other and (found := _compare_tokens(one, other)):
            return found
    return 0


def _compare_tokens(one: str | None, other: str | None) -> int:
    for mark, older, newer in (("~", -1, 1), (None, -1, 1), ("^", -1, 1)):
        if one == mark:
            return older
        if other == mark:
            return newer
    if one is None or other is None:
        raise AssertionError("an end was decided above")
    if one[0].isdigit() != other[0].isdigit():
        return 1 if one[0].isdigit() else -1
    left, right = _key(one), _key(other)
    return (left > right) - (left < right)


def _key(token: str) -> tuple[int, str]:
    """Numbers compare by length first, without converting what may have thousands of digits."""
    digits = token.lstrip("0")
    return (len(digits), digits) if token[0].isdigit() else (0, token)
