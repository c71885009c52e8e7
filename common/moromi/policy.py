"""The language in which administrators say what is allowed (hub-protocol.md 6.5 and 6.6).

A policy is a list of rules, `tests :: action`, tried from the top; the first whose tests
hold gives the action. Blocks in braces nest. The tests that look only at the data of the
question are here; a hub adds those that ask its database, plugins add their own. All
are classes: made once, when the rules are read (wrong arguments are found then), run
for each question.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, ClassVar, Final

from moromi.errors import GenericError

__all__ = [
    "PURE_TESTS",
    "MakeTest",
    "PolicyData",
    "PolicyTest",
    "Result",
    "Rule",
    "RuleSet",
    "matches_any",
    "name_of_test",
    "parse_rules",
]

#: What a policy is asked about. Tests may store what they found under keys with an underscore.
PolicyData = MutableMapping[str, Any]


class PolicyTest:
    """A test; subclasses implement `run`.

    `name` is how rules call it; left empty, the class name without a trailing `Test`. `policy`
    limits where it is known: a name, several, or None for everywhere.
    """

    name: ClassVar[str] = ""
    policy: ClassVar[str | Iterable[str] | None] = None

    def __init__(self, text: str) -> None:
        #: The test as written: its name and arguments.
        self.text = text
        self.args = text.split()[1:]

    def run(self, data: PolicyData) -> bool:
        """Say whether the test holds. GenericError: the data cannot be judged."""
        raise TypeError(f"{type(self).__name__} does not say how it is run")

    def __str__(self) -> str:
        return self.text


#: Makes a test of its text; every class of tests is one. GenericError: wrong arguments.
MakeTest = Callable[[str], PolicyTest]


def name_of_test(kind: type[PolicyTest]) -> str:
    """Return the name by which rules call a class of tests."""
    return kind.name or kind.__name__.removesuffix("Test")


@dataclass(frozen=True)
class Rule:
    """One line: tests, and an action or nested rules. `negated` is `!!`."""

    tests: tuple[PolicyTest, ...]
    negated: bool
    action: str | RuleSet

    def applies(self, data: PolicyData) -> bool:
        """Say whether the line's action or block is to be used."""
        return all(test.run(data) for test in self.tests) != self.negated

    def __str__(self) -> str:
        mark = "!!" if self.negated else "::"
        return f"{' && '.join(map(str, self.tests))} {mark} "


@dataclass(frozen=True)
class Result:
    """What a policy says: the action (None: no rule matched) and the rule it came from, as text."""

    action: str | None
    rule: str

    def verdict(self, default: str = "deny") -> tuple[bool, str]:
        """Read the action as `allow` or `deny` (any case) and a reason.

        Without a match `default` decides, as `not covered by policy`; any other word
        refuses, as `error in policy`.
        """
        text = default if self.action is None else self.action
        words = text.split(None, 1)
        word = words[0].lower() if words else ""
        if word not in ("allow", "deny"):
            return False, "error in policy"
        if self.action is None:
            return word == "allow", "not covered by policy"
        return word == "allow", words[1] if len(words) > 1 else ""


@dataclass(frozen=True)
class RuleSet:
    """The rules of a policy, or of a block in one."""

    rules: tuple[Rule, ...] = field(default=())

    def apply(self, data: PolicyData) -> Result:
        """Return the first action whose tests hold. Tests may add underscore keys to `data`."""
        trace: list[str] = []
        action = self._find(data, trace)
        last = "(no match)" if action is None else action
        return Result(action, f"{'... '.join(trace)}{last}")

    def _find(self, data: PolicyData, trace: list[str]) -> str | None:
        for rule in self.rules:
            if not rule.applies(data):
                continue
            trace.append(str(rule))
            if isinstance(rule.action, str):
                return rule.action
            action = rule.action._find(data, trace)
            if action is not None:
                return action
            # Nothing inside matched: the rules after the block have their turn.
            trace.pop()
        return None

    def tests(self) -> Iterator[PolicyTest]:
        """Yield every test, also those of nested blocks."""
        for rule in self.rules:
            yield from rule.tests
            if isinstance(rule.action, RuleSet):
                yield from rule.action.tests()


def parse_rules(text: str, tests: Mapping[str, MakeTest]) -> RuleSet:
    """Read the text of a policy; `tests` are the known ones by name.

    GenericError: `bad policy line: …`, `missing test handler: …`, `nesting error in rule
    set`, or what a test says about its arguments.
    """
    open_blocks: list[list[Rule]] = [[]]
    heads: list[tuple[tuple[PolicyTest, ...], bool]] = []
    for raw in text.splitlines():
        line = raw.partition("#")[0].strip()
        if not line:
            continue
        if line == "}":
            if not heads:
                raise GenericError("nesting error in rule set")
            block = RuleSet(tuple(open_blocks.pop()))
            open_blocks[-1].append(Rule(*heads.pop(), block))
            continue
        condition, negated, action = _split_line(line)
        found = _parse_tests(line, condition, tests)
        if action == "{":
            heads.append((found, negated))
            open_blocks.append([])
        else:
            open_blocks[-1].append(Rule(found, negated, action))
    if heads:
        raise GenericError("nesting error in rule set")
    return RuleSet(tuple(open_blocks[0]))


def _split_line(line: str) -> tuple[str, bool, str]:
    # Only without any `::` is `!!` the separator, so an action may hold `!!`.
    for mark, negated in (("::", False), ("!!", True)):
        condition, found, action = line.rpartition(mark)
        if found:
            return condition, negated, action.strip()
    raise GenericError(f"bad policy line: {line}")


def _parse_tests(line: str, condition: str, known: Mapping[str, MakeTest]) -> tuple[PolicyTest, ...]:
    found = []
    for part in condition.split("&&"):
        words = part.split()
        if not words:
            raise GenericError(f"bad policy line: {line}")
        factory = known.get(words[0])
        if factory is None:
            raise GenericError(f"missing test handler: {words[0]}")
        found.append(factory(" ".join(words)))
    return tuple(found)


def matches_any(value: str, patterns: Iterable[str]) -> bool:
    """Say whether a text matches a glob: case-sensitive, as a whole."""
    return any(fnmatchcase(value, pattern) for pattern in patterns)


class TrueTest(PolicyTest):
    """Always holds."""

    name = "true"

    def run(self, data: PolicyData) -> bool:
        """True."""
        return True


class AllTest(TrueTest):
    """Always holds."""

    name = "all"


class FalseTest(PolicyTest):
    """Never holds."""

    name = "false"

    def run(self, data: PolicyData) -> bool:
        """False."""
        return False


class NoneTest(FalseTest):
    """Never holds."""

    name = "none"


class FieldTest(PolicyTest):
    """Base of the tests whose first argument, or `field`, names an entry of the data."""

    field: ClassVar[str] = ""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.key = self.field
        if not self.key:
            if not self.args:
                raise GenericError("Invalid or missing field in policy test")
            self.key = self.args.pop(0)

    def run(self, data: PolicyData) -> bool:
        """Whether the entry is truthy."""
        return bool(data.get(self.key))


class HasTest(FieldTest):
    """`has KEY`: the data has the entry."""

    name = "has"

    def run(self, data: PolicyData) -> bool:
        """Whether the key is present."""
        return self.key in data


class BoolTest(FieldTest):
    """`bool KEY`: the entry is truthy; a text is so unless it is empty."""

    name = "bool"


class IsChildTaskTest(FieldTest):
    """The task has a parent."""

    name = "is_child_task"
    field = "parent"


class SkipTagTest(FieldTest):
    """The build will not be tagged."""

    name = "skip_tag"
    field = "skip_tag"


class MatchTest(FieldTest):
    """`match KEY GLOB…`: the entry is a text that matches."""

    name = "match"

    def run(self, data: PolicyData) -> bool:
        """Whether it matches. GenericError: it is neither a text nor nil."""
        value = data.get(self.key)
        if value is None:
            return False
        if not isinstance(value, str):
            raise GenericError(f"Policy data {self.key} is not a string: {value!r}")
        return matches_any(value, self.args)


class TargetTest(MatchTest):
    """`target GLOB…`."""

    name = "target"
    field = "target"


class OperationTest(MatchTest):
    """`operation GLOB…`."""

    name = "operation"
    field = "operation"


class MethodTest(MatchTest):
    """`method GLOB…`."""

    name = "method"
    field = "method"


class VMNameTest(MatchTest):
    """`vm_name GLOB…`."""

    name = "vm_name"
    field = "vm_name"


class MatchAnyTest(FieldTest):
    """`match_any KEY GLOB…`: the entry is a list and one item, as text, matches."""

    name = "match_any"

    def run(self, data: PolicyData) -> bool:
        """Whether an item matches."""
        value = data.get(self.key)
        if not isinstance(value, (list, tuple, set, frozenset)):
            return False
        return any(matches_any(str(item), self.args) for item in value)


class MatchAllTest(FieldTest):
    """`match_all KEY GLOB…`: the entry is a list with items, and all match; nil does not."""

    name = "match_all"

    def run(self, data: PolicyData) -> bool:
        """Whether all items match."""
        value = data.get(self.key)
        if not value or not isinstance(value, (list, tuple, set, frozenset)):
            return False
        return all(item is not None and matches_any(str(item), self.args) for item in value)


#: The signs of tests that compare numbers.
COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
}


class CompareTest(PolicyTest):
    """`compare KEY OP NUMBER`."""

    name = "compare"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        if len(self.args) != 3 or self.args[1] not in COMPARISONS:
            raise GenericError("Invalid comparison in test.")
        self.key, sign, number = self.args
        self.compare = COMPARISONS[sign]
        try:
            self.number = float(number)
        except ValueError:
            raise GenericError("Invalid comparison in test.") from None

    def run(self, data: PolicyData) -> bool:
        """Whether the comparison holds; False without the entry. GenericError: it is no number."""
        value = data.get(self.key)
        if value is None:
            return False
        try:
            return self.compare(float(value), self.number)
        except (TypeError, ValueError):
            raise GenericError(f"Policy data {self.key} is not a number: {value!r}") from None


#: The tests that need nothing but the data.
PURE_TESTS: Final[dict[str, type[PolicyTest]]] = {
    name_of_test(kind): kind
    for kind in (
        TrueTest,
        AllTest,
        FalseTest,
        NoneTest,
        HasTest,
        BoolTest,
        IsChildTaskTest,
        SkipTagTest,
        MatchTest,
        TargetTest,
        OperationTest,
        MethodTest,
        VMNameTest,
        MatchAnyTest,
        MatchAllTest,
        CompareTest,
    )
}
