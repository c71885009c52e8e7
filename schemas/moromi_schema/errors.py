"""Errors of this package."""

from collections.abc import Sequence


class SchemaMismatch(Exception):
    """The database is not one that these programs can work on; `problems` says why, one in a line."""

    def __init__(self, summary: str, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n  ".join([summary, *self.problems]))
