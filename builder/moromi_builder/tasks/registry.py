"""Which class runs which task method, and how a request becomes its parameters.

A handler is declared with its method's wire name and a dataclass of parameters, whose fields in order are
the method's positional signature (spec: builder, section 2.10):

    @task("sleep", SleepParams, weight=0.25)
    class Sleep(Handler[SleepParams]): ...

A later registration of a method replaces the earlier one; that is how a plugin takes one over.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from moromi.errors import ParameterError
from moromi.wire.named import split_named

if TYPE_CHECKING:
    from moromi_builder.tasks.base import Handler

H = TypeVar("H", bound="type[Handler[Any]]")
P = TypeVar("P")


@dataclass(frozen=True)
class Registration:
    """One method: who runs it, with what parameters, and what it weighs. `foreground` ones run in the
    daemon.
    """

    method: str
    handler: type[Handler[Any]]
    params: type[Any]
    weight: float
    foreground: bool


@dataclass
class AnyParams:
    """Whatever a request holds, for methods without a signature."""

    args: list[Any] = dataclasses.field(default_factory=list)
    opts: dict[str, Any] = dataclasses.field(default_factory=dict)


_registry: dict[str, Registration] = {}


def task(
    method: str, params: type[Any], *, weight: float = 1.0, foreground: bool = False
) -> Callable[[H], H]:
    """Register a handler class for a task method."""

    def register(handler: H) -> H:
        _registry[method] = Registration(method, handler, params, weight, foreground)
        return handler

    return register


def lookup(method: str) -> Registration | None:
    """Find who runs a method; None if nobody here does."""
    return _registry.get(method)


def methods() -> list[str]:
    """List the methods this builder handles."""
    return sorted(_registry)


def bind(method: str, params: type[P], request: Any) -> P:
    """Make the parameters of a request: a list (with keyword struct) or a dict with `__method__`.

    None for a field that has a default factory means the default. Raises ParameterError when they do not fit.
    """
    positional, named = _arguments(request)
    if issubclass(params, AnyParams):
        return params(list(positional), dict(named))
    fields = dataclasses.fields(params)  # type: ignore[arg-type]  # registered ones are dataclasses
    names = [field.name for field in fields]
    if len(positional) > len(names):
        raise ParameterError(f"Invalid signature for {method}: too many positional arguments")
    values = dict(zip(names, positional, strict=False))
    for name, value in named.items():
        if name not in names:
            raise ParameterError(
                f"Invalid signature for {method}: got an unexpected keyword argument '{name}'"
            )
        if name in values:
            raise ParameterError(f"Invalid signature for {method}: multiple values for argument '{name}'")
        values[name] = value
    for field in fields:
        optional = field.default is not dataclasses.MISSING
        made = field.default_factory is not dataclasses.MISSING
        if field.name not in values and not optional and not made:
            raise ParameterError(
                f"Invalid signature for {method}: missing a required argument: '{field.name}'"
            )
        if made and values.get(field.name, 0) is None:
            del values[field.name]
    return params(**values)


def _arguments(request: Any) -> tuple[list[Any], Mapping[str, Any]]:
    if isinstance(request, dict):
        return [], {key: value for key, value in request.items() if key != "__method__"}
    if len(request) == 1 and isinstance(request[0], dict) and "__method__" in request[0]:
        return _arguments(request[0])
    return split_named(request)
