"""Durations as people write them: `4 weeks`, `1 day 12 hours`, `90min`."""

from __future__ import annotations

import re

_UNITS = {
    ("second", "seconds", "sec", "secs", "s"): 1,
    ("minute", "minutes", "min", "mins"): 60,
    ("hour", "hours", "hr", "hrs"): 3600,
    ("day", "days"): 86400,
    ("week", "weeks", "wk", "wks"): 7 * 86400,
}
_SECONDS = {word: seconds for words, seconds in _UNITS.items() for word in words}
_PART = re.compile(r"\s*(\d+)\s*([a-zA-Z]+)")


def parse_duration(text: str) -> int:
    """Give the seconds of a sequence of numbers with units. ValueError."""
    total, at = 0, 0
    for part in _PART.finditer(text):
        unit = _SECONDS.get(part[2].lower())
        if part.start() != at or unit is None:
            raise ValueError(f"not a duration: {text!r}")
        total += int(part[1]) * unit
        at = part.end()
    if not at or text[at:].strip():
        raise ValueError(f"not a duration: {text!r}")
    return total


def describe_age(seconds: float) -> str:
    """Write an age with its two largest units, e.g. `3 days, 2 hours`; seconds only below a minute."""
    if seconds < 60:
        return f"{int(seconds)} seconds"
    rest = int(seconds)
    words: list[str] = []
    for name, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count, rest = divmod(rest, size)
        if count and len(words) < 2:
            words.append(f"{count} {name}{'' if count == 1 else 's'}")
    return ", ".join(words)
