"""Types of arguments, and names of new things: the checks that calls of every domain share.

Texts and codes: hub-protocol.md sections 1.7 and 6.3, data-model.md section 0.3.
"""

from __future__ import annotations

import math
from typing import Any, TypeVar

from moromi.arches import parse_text
from moromi.errors import ParameterError
from moromi.names import NameRules
from moromi_hub.settings import Settings

INT4_MAX = 2**31 - 1

T = TypeVar("T")


def wrong_type(value: Any, kind: type) -> ParameterError:
    """The error for an argument `value` that is no `kind`."""
    if value is None:
        return ParameterError(f"Invalid type, expected type {kind}")
    return ParameterError(f"Invalid type for value '{value}': {type(value)}, expected type {kind}")


def expect(value: Any, kind: type[T]) -> T:
    """`value` if it is a `kind`. Raises ParameterError otherwise."""
    if not isinstance(value, kind):
        raise wrong_type(value, kind)
    return value


def integer(value: Any) -> int:
    """`value` as an integer; text that spells one is accepted. Raises ParameterError otherwise."""
    try:
        return int(value)
    except (TypeError, ValueError):
        raise wrong_type(value, int) from None


def optional_integer(value: Any) -> int | None:
    """`integer`, with None as it is."""
    return None if value is None else integer(value)


def optional_text(value: Any) -> str | None:
    """`value` if it is a text or None. Raises ParameterError otherwise."""
    return None if value is None else expect(value, str)


def number(value: Any) -> float:
    """`value` as a finite float; text that spells one is accepted. Raises ParameterError otherwise."""
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        raise wrong_type(value, float) from None
    if not math.isfinite(found):
        raise wrong_type(value, float)
    return found


def fits_id(value: int) -> bool:
    """Whether a number can be an id at all; a larger one would be a database error, not a miss."""
    return -INT4_MAX - 1 <= value <= INT4_MAX


def verify_name(settings: Settings, name: Any) -> str:
    """A new internal name (tag, target, package, …). Raises GenericError when the site forbids it."""
    return _rules(settings).check_internal(name)


def verify_user_name(settings: Settings, name: Any) -> str:
    """A new user's name."""
    return _rules(settings).check_user(name)


def verify_host_name(settings: Settings, name: Any) -> str:
    """A new host's name, which is also a user's."""
    return _rules(settings).check_host(name)


def verify_principal(settings: Settings, principal: Any) -> str:
    """A new Kerberos principal."""
    return _rules(settings).check_principal(principal)


def _rules(settings: Settings) -> NameRules:
    return NameRules(settings.MaxNameLengthInternal, settings.RegexNameInternal, settings.RegexUserName)


def arch_string(arches: Any, loose: bool = False) -> str:
    """A list of arches, or text with blanks (`loose`: or commas) between them, in the form that is stored.

    None is the empty string. Raises GenericError for other characters, ParameterError for another type.
    """
    if arches is not None and not isinstance(arches, (str, list, tuple)):
        raise wrong_type(arches, str)
    return parse_text(arches, strict=not loose, allow_none=True)
