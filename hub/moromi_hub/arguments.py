"""Types of arguments, and names of new things: the checks that calls of every domain share.

Texts and codes: hub-protocol.md sections 1.7 and 6.3, data-model.md section 0.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TypeVar

from moromi.errors import GenericError, ParameterError
from moromi_hub.settings import Settings

_ARCH = re.compile(r"^[a-zA-Z0-9_-]*$")
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


def number(value: Any) -> float:
    """`value` as a float; text that spells one is accepted. Raises ParameterError otherwise."""
    try:
        return float(value)
    except (TypeError, ValueError):
        raise wrong_type(value, float) from None


def fits_id(value: int) -> bool:
    """Whether a number can be an id at all; a larger one would be a database error, not a miss."""
    return -INT4_MAX - 1 <= value <= INT4_MAX


def verify_name(settings: Settings, name: Any) -> str:
    """A new internal name (tag, target, package, …). Raises GenericError when the site forbids it."""
    _check(name, "Name", settings.MaxNameLengthInternal)
    _match(settings.RegexNameInternal, name, f"Name {name} does not match RegexNameInternal value")
    return str(name)


def verify_user_name(settings: Settings, name: Any) -> str:
    """A new user's name."""
    _check(name, "Name", settings.MaxNameLengthInternal)
    _match(settings.RegexUserName, name, f"Name {name} does not match RegexUserName value")
    return str(name)


def verify_host_name(settings: Settings, name: Any) -> str:
    """A new host's name, which is also a user's."""
    verify_name(settings, name)
    return verify_user_name(settings, name)


def verify_principal(settings: Settings, principal: Any) -> str:
    """A new Kerberos principal."""
    _check(principal, "Kerberos principal", settings.MaxNameLengthInternal)
    _match(
        settings.RegexUserName,
        principal,
        f"Kerberos principal {principal} does not match RegexUserName value",
    )
    return str(principal)


def _check(name: Any, what: str, longest: int) -> None:
    if not isinstance(name, str):
        raise GenericError(f"{what} should be string")
    if longest and len(name) > longest:
        raise GenericError(f"{what} {name} is too long. Max length is {longest} characters")


def _match(pattern: str, name: str, text: str) -> None:
    if pattern and not re.match(pattern, name):
        raise GenericError(text)


def arch_string(arches: Any, loose: bool = False) -> str:
    """A list of arches, or text with blanks (`loose`: or commas) between them, in the form that is stored.

    None is the empty string. Raises GenericError for other characters.
    """
    if arches is None:
        return ""
    if not isinstance(arches, str) and not isinstance(arches, Iterable):
        raise wrong_type(arches, str)
    if isinstance(arches, str):
        items = (arches.replace(",", " ") if loose else arches).split()
    else:
        items = [str(arch) for arch in arches]
    for arch in items:
        if not _ARCH.match(arch):
            raise GenericError("Architecture can be only [a-zA-Z0-9_-]")
    return " ".join(items)
