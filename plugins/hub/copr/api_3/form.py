"""Reading the fields of a request, with the standard messages for those that do not fit (section 2.3)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from ..errors import Invalid
from ..paging import Page

_TRUE = frozenset({"true", "1", "yes", "y", "on"})
_GAP = re.compile(r"[\s\x00-\x1f\x7f]")
"""What no address has, and what would begin a line of its own where one is written to a file."""
_LARGEST = 1 << 63
_NOT_A_LIST = (
    "A list of http[s] URLs separated by whitespace characters is needed"
    " ('{}' doesn't seem to be a valid URL)."
)


def is_true(value: object) -> bool:
    """A boolean, or the text of one as clients write it."""
    return value if isinstance(value, bool) else str(value).strip().lower() in _TRUE


def is_url(text: str, *schemes: str) -> bool:
    """Whether a text is an absolute URL, of http or https unless others are named."""
    if _GAP.search(text):
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in (schemes or ("http", "https")) and bool(parts.hostname or parts.netloc)
    except ValueError:
        return False


class Form:
    """Fields, and what is wrong with them; `check` raises that all at once."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values
        self.errors: dict[str, list[str]] = {}

    def __contains__(self, name: str) -> bool:
        return self.values.get(name) is not None

    def fail(self, name: str, *messages: str) -> None:
        """Note what is wrong with a field."""
        if messages:
            self.errors.setdefault(name, []).extend(messages)

    def check(self) -> None:
        """Raise Invalid if anything is wrong."""
        if self.errors:
            raise Invalid(self.errors)

    def text(self, name: str, default: str = "") -> str:
        """A text."""
        value = self.values.get(name)
        if value is None:
            return default
        if isinstance(value, (dict, list)) or "\0" in (text := str(value)):
            self.fail(name, "Not a valid choice.")
            return default
        return text

    def required(self, name: str) -> str:
        """A text that may not be empty."""
        text = self.text(name).strip()
        if not text:
            self.fail(name, "This field is required.")
        return text

    def boolean(self, name: str, default: bool = False) -> bool:
        """A truth value."""
        value = self.values.get(name)
        return default if value is None or value == "" else is_true(value)

    def integer(self, name: str, default: int, low: int | None = None, high: int | None = None) -> int:
        """A number, which may be a text."""
        value = self.values.get(name)
        if value is None or value == "":
            return default
        try:
            if isinstance(value, (bool, float, dict, list)):
                raise ValueError
            number = int(value)
            if low is not None and high is None and number >= _LARGEST:
                raise ValueError
        except ValueError:
            self.fail(name, "Not a valid integer value.")
            return default
        if high is not None and low is not None and not low <= number <= high:
            self.fail(name, f"Number must be between {low} and {high}.")
            return default
        if low is not None and number < low:
            self.fail(name, f"Number must be at least {low}.")
            return default
        return number

    def choice(self, name: str, default: str, choices: Collection[str]) -> str:
        """One of some words."""
        text = self.text(name, default) or default
        if text not in choices:
            self.fail(name, "Not a valid choice.")
            return default
        return text

    def words(self, name: str, separator: str | None = None) -> list[str]:
        """A list, or a text of words."""
        value = self.values.get(name)
        if value is None:
            return []
        items = value if isinstance(value, list) else str(value).split(separator)
        if any(isinstance(item, (dict, list)) or "\0" in str(item) for item in items):
            self.fail(name, "Not a valid choice.")
            return []
        return [text for item in items if (text := str(item).strip())]

    def url(self, name: str) -> str | None:
        """An address, None for an empty text."""
        text = self.text(name).strip()
        if text and not is_url(text):
            self.fail(name, "Invalid URL.")
        return text or None

    def urls(self, name: str, *schemes: str, field: str | None = None) -> list[str]:
        """A list of addresses."""
        found = self.words(name)
        for text in found:
            if not is_url(text, *schemes):
                self.fail(field or name, _NOT_A_LIST.format(text))
        return found


def page(query: Mapping[str, str], order_type: str = "ASC") -> Page:
    """The page of a list that is asked for. Raises Invalid with the messages as one text (2.4)."""
    form = Form(query)
    given = Page(
        limit=form.integer("limit", -1, 0) if query.get("limit") else None,
        offset=form.integer("offset", 0, 0),
        order=query.get("order") or "id",
        order_type=form.choice("order_type", order_type, ("ASC", "DESC")),
    )
    if form.errors:
        raise BadPage(form.errors)
    return given


class BadPage(Invalid):
    """Arguments of a page are told in another form than fields are."""

    def __init__(self, messages: Mapping[str, list[str]]) -> None:
        super().__init__(messages)
        self.text = str(self.messages)

    @property
    def as_parameters(self) -> str:
        """The same text everywhere."""
        return self.text


def paged(items: list[Any], page: Page) -> dict[str, Any]:
    """The answer that is a list."""
    meta = {
        "limit": page.limit,
        "offset": page.offset,
        "order": page.order,
        "order_type": page.order_type,
    }
    return {"items": items, "meta": meta}
