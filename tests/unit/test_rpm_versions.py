"""The order of versions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moromi.rpm.versions import compare

ASCENDING = [
    ("1.0~rc1", "1.0"),
    ("1.0~rc1", "1.0~rc2"),
    ("1.0~~", "1.0~"),
    ("1.0", "1.0^git1"),
    ("1.0^git1", "1.0.1"),
    ("1.0^git1", "1.01"),
    ("1.0", "1.0.1"),
    ("1.9", "1.10"),
    ("1.0a", "1.0.1"),
    ("a", "1"),
    ("1.0a", "1.0b"),
    ("2.0.1", "2.0.1a"),
    ("5.5p1", "5.5p10"),
    ("10xyz", "10.1xyz"),
    ("xyz.4", "8"),
    ("20240101", "20240102"),
    ("99999999999999999998", "99999999999999999999"),
]
EQUAL = [("1.0", "1.0"), ("1.0", "1_0"), ("1.01", "1.1"), ("1..0", "1.0"), ("1.0-", "1.0"), ("1.é", "1.")]


@pytest.mark.parametrize(("older", "newer"), ASCENDING)
def test_older_and_newer(older: str, newer: str) -> None:
    assert compare(older, newer) == -1
    assert compare(newer, older) == 1


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_equal(one: str, other: str) -> None:
    assert compare(one, other) == compare(other, one) == 0


VERSIONS = st.text("01239abz.~^_-", max_size=12)


@given(VERSIONS, VERSIONS, VERSIONS)
def test_it_is_an_order(one: str, two: str, three: str) -> None:
    assert compare(one, two) == -compare(two, one)
    if compare(one, two) <= 0 and compare(two, three) <= 0:
        assert compare(one, three) <= 0
