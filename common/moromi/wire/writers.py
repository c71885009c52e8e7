"""Choosing how a value is written by its type, the same for every wire format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Writer = Callable[[Any], str]


class Writers(dict[type, Writer]):
    """Writers by exact type; the first use of a subclass adds an entry for it.

    Other mappings are written by `mapping`, other iterators by `sequence`; the rest
    cannot be: TypeError `cannot marshal <class '…'> objects`.
    """

    def __init__(self, writers: Mapping[type, Writer], *, mapping: Writer, sequence: Writer) -> None:
        super().__init__(writers)
        self._mapping = mapping
        self._sequence = sequence

    def __missing__(self, kind: type) -> Writer:
        for base in kind.__mro__[1:]:
            if base in self:
                self[kind] = self[base]
                return self[base]
        if issubclass(kind, Mapping):
            return self._mapping
        if issubclass(kind, Iterator):
            return self._sequence
        raise TypeError(f"cannot marshal {kind} objects")
