"""What the codecs share: the types that exist only on the wire, and their limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: Containers nested deeper than this are refused in requests and answers. The
#: deepest real ones (content generator metadata in a multicall) stay below 20.
MAX_DEPTH: Final = 200

INT_MIN: Final = -(2**31)
INT_MAX: Final = 2**31 - 1
LONG_MIN: Final = -(2**63)
LONG_MAX: Final = 2**63 - 1


class ParseError(ValueError):
    """A request or an answer is malformed; `str()` is what to tell the sender."""


@dataclass(frozen=True, slots=True)
class DateTime:
    """A received `dateTime.iso8601`, as the text that came: it is not interpreted."""

    value: str

    def __str__(self) -> str:
        return self.value
