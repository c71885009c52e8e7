"""The rule language: grammar, evaluation, and the tests that need no database."""

from __future__ import annotations

from typing import Any

import pytest

from moromi.errors import GenericError
from moromi.policy import PURE_TESTS, PolicyData, PolicyTest, name_of_test, parse_rules


def action(text: str, **data: Any) -> str | None:
    return parse_rules(text, PURE_TESTS).apply(data).action


def holds(test: str, **data: Any) -> bool:
    return action(f"{test} :: yes", **data) == "yes"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("# all :: no", None),
        ("all :: allow", "allow"),
        ("all::x", "x"),
        ("  all   ::   deny  because of that  ", "deny  because of that"),
        ("false :: a\ntrue :: b\nall :: c", "b"),
        ("all ::", ""),
        ("all :: allow # comment :: deny", "allow"),
        ("false !! allow", "allow"),
        ("true !! allow", None),
        ("true && true !! a\nall :: b", "b"),
        ("true && false !! a\nall :: b", "a"),
        ("true && false :: a\nall :: b", "b"),
        # The last `::` separates; `!!` only if there is no `::`.
        ("all :: use !! x", "use !! x"),
        # … and of several `!!` the last, so that `!! a` is an argument of the test.
        ("false !! a !! b", "b"),
        ("all :: { brace", "{ brace"),
    ],
)
def test_rules(text: str, expected: str | None) -> None:
    assert action(text) == expected


def test_the_last_double_colon_separates() -> None:
    assert action("match x a::b :: c", x="a::b") == "c"
    assert action("match x b :: c :: d", x=":") is None
    assert action("match x b :: c :: d", x="::") == "d"


NESTED = """
has a :: {
    match a one :: first
    match a two :: {
        has b :: both
        # nothing for others
    }
    match a three !! {
        match a four :: not three but four
    }
}
has a !! {
    all :: no a
}
match a five :: after the blocks
"""


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"a": "one"}, "first"),
        ({"a": "two", "b": 1}, "both"),
        ({"a": "two"}, None),
        ({"a": "four"}, "not three but four"),
        ({"a": "three"}, None),
        ({"a": "five"}, "after the blocks"),
        ({}, "no a"),
    ],
)
def test_nesting(data: dict[str, Any], expected: str | None) -> None:
    assert action(NESTED, **data) == expected


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("all allow", "bad policy line: all allow"),
        (":: allow", "bad policy line: :: allow"),
        ("all && :: allow", "bad policy line: all && :: allow"),
        ("} else :: {", "missing test handler: }"),
        ("nonsense :: allow", "missing test handler: nonsense"),
        ("all :: {", "nesting error in rule set"),
        ("}", "nesting error in rule set"),
        ("all :: {\n}\n}", "nesting error in rule set"),
        ("all :: {\nall :: {\n}", "nesting error in rule set"),
        ("has :: allow", "Invalid or missing field in policy test"),
        ("compare a ~ 5 :: allow", "Invalid comparison in test."),
        ("compare a < :: allow", "Invalid comparison in test."),
        ("compare a < b :: allow", "Invalid comparison in test."),
    ],
)
def test_malformed_rules(text: str, error: str) -> None:
    with pytest.raises(GenericError) as caught:
        parse_rules(text, PURE_TESTS)
    assert str(caught.value) == error


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        ({"a": "one"}, "has a :: ... match a one :: first"),
        ({"a": "two", "b": 1}, "has a :: ... match a two :: ... has b :: both"),
        ({"a": "two"}, "(no match)"),
        ({"a": "four"}, "has a :: ... match a three !! ... match a four :: not three but four"),
        ({}, "has a !! ... all :: no a"),
    ],
)
def test_rule_text(data: dict[str, Any], rule: str) -> None:
    assert parse_rules(NESTED, PURE_TESTS).apply(data).rule == rule


def test_rule_text_of_several_tests() -> None:
    assert parse_rules("has a&&has  b::x", PURE_TESTS).apply({"a": 1, "b": 1}).rule == "has a && has b :: x"


@pytest.mark.parametrize(
    ("test", "data", "expected"),
    [
        ("all", {}, True),
        ("none", {}, False),
        ("has k", {"k": None}, True),
        ("has k", {}, False),
        ("bool k", {"k": "no"}, True),
        ("bool k", {"k": ""}, False),
        ("bool k", {}, False),
        ("match k a* b?", {"k": "abc"}, True),
        ("match k a* b?", {"k": "bx"}, True),
        ("match k a* b?", {"k": "bxx"}, False),
        ("match k [ab]*", {"k": "b"}, True),
        ("match k A*", {"k": "abc"}, False),
        ("match k *", {"k": None}, False),
        ("match k *", {}, False),
        ("match k", {"k": "a"}, False),
        ("match_any k 1 b*", {"k": [2, "bc"]}, True),
        ("match_any k 1", {"k": (1,)}, True),
        ("match_any k *", {"k": []}, False),
        ("match_any k *", {"k": "text"}, False),
        ("match_any k *", {}, False),
        ("match_all k a* b*", {"k": ["a", "b"]}, True),
        ("match_all k a*", {"k": {"a", "b"}}, False),
        ("match_all k *", {"k": []}, False),
        ("match_all k *", {"k": ["a", None]}, False),
        ("match_all k *", {}, False),
        ("compare k < 5", {"k": 4}, True),
        ("compare k <= 5", {"k": 5}, True),
        ("compare k > 5", {"k": 5}, False),
        ("compare k >= 5.5", {"k": "6"}, True),
        ("compare k = 5", {"k": 5}, True),
        ("compare k == 5", {"k": 5.0}, True),
        ("compare k != 5", {"k": 5}, False),
        ("compare k != 5", {}, False),
        ("target a*", {"target": "abc"}, True),
        ("operation tag", {"operation": "move"}, False),
        ("method build*", {"method": "buildArch"}, True),
        ("vm_name w*", {"vm_name": "win"}, True),
        ("is_child_task", {"parent": 5}, True),
        ("is_child_task", {"parent": None}, False),
        ("skip_tag", {"skip_tag": True}, True),
        ("skip_tag", {}, False),
    ],
)
def test_pure_tests(test: str, data: dict[str, Any], expected: bool) -> None:
    assert holds(test, **data) is expected


@pytest.mark.parametrize(("test", "value"), [("match k a", 5), ("compare k < 5", "x"), ("compare k < 5", [])])
def test_data_of_the_wrong_kind(test: str, value: Any) -> None:
    with pytest.raises(GenericError, match="Policy data k is not a"):
        holds(test, k=value)


@pytest.mark.parametrize(
    ("rules", "default", "verdict"),
    [
        ("all :: allow", "deny", (True, "")),
        ("all :: ALLOW for now", "deny", (True, "for now")),
        ("all :: Deny no  good", "allow", (False, "no  good")),
        ("all :: maybe", "allow", (False, "error in policy")),
        ("all ::", "allow", (False, "error in policy")),
        ("", "deny", (False, "not covered by policy")),
        ("", "allow", (True, "not covered by policy")),
    ],
)
def test_verdicts(rules: str, default: str, verdict: tuple[bool, str]) -> None:
    assert parse_rules(rules, PURE_TESTS).apply({}).verdict(default) == verdict


class CountingTest(PolicyTest):
    """Holds, and counts how often it is asked."""

    asked = 0

    def run(self, data: PolicyData) -> bool:
        CountingTest.asked += 1
        data["_asked"] = CountingTest.asked
        return True


def test_other_tests_and_short_circuits() -> None:
    tests = {**PURE_TESTS, name_of_test(CountingTest): CountingTest}
    rules = parse_rules("false && Counting :: a\nCounting && false :: b\nhas _asked :: c", tests)
    assert [str(test) for test in rules.tests()] == ["false", "Counting", "Counting", "false", "has _asked"]
    data: dict[str, Any] = {}
    assert rules.apply(data).action == "c"
    assert data == {"_asked": 1}
