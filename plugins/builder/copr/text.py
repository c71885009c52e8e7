"""Texts of somebody else's in spec files of our own making."""

from __future__ import annotations

from typing import Any


def one_line(value: Any, most: int = 200) -> str:
    """A text, cut after some characters, as a line in which rpm finds no macro."""
    text = " ".join(str(value or "").split())[:most]
    return text.replace("%", "%%").replace("{", "(").replace("}", ")")
