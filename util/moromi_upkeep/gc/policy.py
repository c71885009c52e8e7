"""The rules by which builds are pruned: their tests, and what those look at (spec: builder, 7.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Final

from moromi.errors import GenericError
from moromi.policy import (
    COMPARISONS,
    MakeTest,
    PolicyData,
    PolicyTest,
    RuleSet,
    matches_any,
    name_of_test,
    parse_rules,
)
from moromi_upkeep.durations import parse_duration

ACTIONS = frozenset({"keep", "skip", "untag"})


class GlobTest(PolicyTest):
    """Base of `NAME PATTERN…`: the text under `key` matches one of the patterns."""

    key: ClassVar[str]

    def __init__(self, text: str) -> None:
        super().__init__(text)
        if not self.args:
            raise GenericError(f"Missing patterns in policy test: {text}")

    def run(self, data: PolicyData) -> bool:
        """Compare."""
        return matches_any(data[self.key], self.args)


class TagTest(GlobTest):
    """The tag that is pruned."""

    name = "tag"
    key = "tagname"


class PackageTest(GlobTest):
    """The build's package."""

    name = "package"
    key = "pkgname"


class VolumeTest(GlobTest):
    """The build's volume."""

    name = "volume"
    key = "volname"


class SigTest(GlobTest):
    """A key that a package of the build is signed with, or its alias."""

    name = "sig"
    key = "keys"

    def run(self, data: PolicyData) -> bool:
        """Compare all."""
        return any(matches_any(key, self.args) for key in data[self.key])


class HasTagTest(SigTest):
    """A tag that the build is in."""

    name = "hastag"
    key = "tags"


class NumberTest(PolicyTest):
    """Base of `NAME OP NUMBER`."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        if len(self.args) < 2 or self.args[0] not in COMPARISONS:
            raise GenericError(f"Invalid comparison in policy test: {text}")
        self.compare = COMPARISONS[self.args[0]]
        try:
            self.limit = self.read(" ".join(self.args[1:]))
        except ValueError as error:
            raise GenericError(f"Invalid policy test: {text}: {error}") from None

    def read(self, text: str) -> int:
        """Read the number."""
        return int(text)

    def run(self, data: PolicyData) -> bool:
        """Compare."""
        return self.compare(self.value(data), self.limit)

    def value(self, data: PolicyData) -> float:
        """Give what is compared."""
        raise TypeError(f"{type(self).__name__} compares nothing")


class OrderTest(NumberTest):
    """How many builds of the package were tagged later."""

    name = "order"

    def value(self, data: PolicyData) -> float:
        """Give the place, 0 for the latest."""
        return float(data["order"])


class AgeTest(NumberTest):
    """How long ago the build was tagged."""

    name = "age"

    def read(self, text: str) -> int:
        """Read a duration."""
        return parse_duration(text)

    def value(self, data: PolicyData) -> float:
        """Give the seconds."""
        return float(data["now"] - data["ts"])


_TESTS: Final[dict[str, MakeTest]] = {
    name_of_test(kind): kind
    for kind in (TagTest, PackageTest, VolumeTest, SigTest, HasTagTest, OrderTest, AgeTest)
}


def parse_policy(text: str) -> RuleSet:
    """Read the rules. GenericError for tests and actions that there are not."""
    rules = parse_rules(text, _TESTS)
    for action in _actions(rules):
        if action not in ACTIONS:
            raise GenericError(f"Invalid action: {action}")
    return rules


def _actions(rules: RuleSet) -> Iterator[str]:
    for rule in rules.rules:
        if isinstance(rule.action, str):
            yield rule.action
        else:
            yield from _actions(rule.action)


def asks_for(rules: RuleSet, kind: type[PolicyTest]) -> bool:
    """Say whether any rule has a test of exactly a kind: what it looks at costs a request for each build."""
    return any(type(test) is kind for test in rules.tests())


def action_for(rules: RuleSet, data: dict[str, Any]) -> str:
    """Give what is to be done; `keep` when no rule matches."""
    return rules.apply(data).action or "keep"
