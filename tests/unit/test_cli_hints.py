"""What a person reads of an error."""

from __future__ import annotations

from moromi.errors import Fault, GenericError
from moromi_cli.hints import person_line

BROKEN = Fault(1, "Traceback (most recent call last):\n  File \"x.py\", line 1, in f\nKeyError: 'yeast'\n")


def test_of_a_traceback_its_last_line() -> None:
    assert person_line(BROKEN, "moromi") == "moromi: error: KeyError: 'yeast'"


def test_of_a_text_one_line() -> None:
    assert person_line(GenericError("it is\n  sour"), "moromi") == "moromi: error: it is sour"
    refused = Fault(1, "CheckViolation: not that\nDETAIL:  row 5\n")
    assert person_line(refused, "moromi") == "moromi: error: CheckViolation: not that DETAIL: row 5"
    assert person_line(Fault(1, ""), "moromi") == "moromi: error: Fault"


def test_what_to_try() -> None:
    line = person_line(GenericError("No such tag: nosuch-1-2"), "moromi")
    assert line == "moromi: error: No such tag: nosuch-1-2 (moromi list-tags '*nosuch*')"
