"""Many calls in one request (client-session spec, section 5).

    with session.multicall(batch=100) as m:
        builds = [m.getBuild(nvr) for nvr in nvrs]
    print([b.result for b in builds])

Each batch is one transaction on the hub; an element that fails does not stop the others.
"""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol

from moromi.errors import from_fault
from moromi.wire.named import join_named


class MultiCallNotReady(Exception):
    """A result was read before the calls were sent, or a call does not fit into the open multicall."""


class MultiCallInProgress:
    """What a call returns while an old-style multicall collects (never instantiated)."""


class Caller(Protocol):
    """The part of a session that a multicall needs."""

    def call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """One call."""

    @property
    def collecting(self) -> bool:
        """True during an old-style multicall."""


class VirtualMethod:
    """`session.a.b`: an attribute that is a call, or the first part of a longer name. Its `__doc__` is what
    the hub says of it (asked once a session), None where the hub does not have it.
    """

    __slots__ = ("_describe", "_invoke", "_name")

    def __init__(
        self,
        name: str,
        invoke: Callable[..., Any],
        describe: Callable[[str], str | None] = lambda name: None,
    ) -> None:
        self._name = name
        self._invoke = invoke
        self._describe = describe

    def __getattr__(self, name: str) -> "VirtualMethod":
        if name.startswith("__"):
            raise AttributeError(name)
        return VirtualMethod(f"{self._name}.{name}", self._invoke, self._describe)

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]  # of each object, not of the class
        return self._describe(self._name)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self._invoke(self._name, *args, **kwargs)

    def __repr__(self) -> str:
        return f"<call {self._name}>"


class VirtualCall:
    """A call of a multicall; `result` once it was sent."""

    def __init__(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.method = method
        self.args = args
        self.kwargs = kwargs
        self._answer: Any = MultiCallInProgress

    def format(self) -> dict[str, Any]:
        """The element of the request."""
        return {"methodName": self.method, "params": join_named(self.args, self.kwargs)}

    def answer(self, raw: Any) -> None:
        """Store the hub's element: `[value]` or a fault struct."""
        self._answer = raw

    @property
    def result(self) -> Any:
        """The value, or the call's own error raised. MultiCallNotReady before the multicall ran."""
        if self._answer is MultiCallInProgress:
            raise MultiCallNotReady(f"the call to {self.method} was not sent yet")
        return unwrap(self._answer)


def unwrap(raw: Any) -> Any:
    """The value of one element of a multicall's answer; its fault is raised."""
    if isinstance(raw, dict):
        raise from_fault(int(raw["faultCode"]), str(raw["faultString"]))
    (value,) = raw
    return value


def run_calls(session: Caller, calls: list[dict[str, Any]], strict: bool, batch: int | None) -> list[Any]:
    """Send the elements in pieces of `batch`; the raw answers. `strict`: the first fault is raised, after its
    batch.
    """
    answers: list[Any] = []
    step = batch or max(len(calls), 1)
    for start in range(0, len(calls), step):
        part = session.call("multiCall", calls[start : start + step])
        if strict:
            for raw in part:
                if isinstance(raw, dict):
                    unwrap(raw)
        answers += part
    return answers


class MultiCallSession:
    """Collects calls and sends them together, at the end of its `with` block or by `call_all`."""

    def __init__(self, session: Caller, strict: bool = False, batch: int | None = None) -> None:
        self._session = session
        self._strict = strict
        self._batch = batch
        self._calls: list[VirtualCall] = []

    def __getattr__(self, name: str) -> VirtualMethod:
        if name.startswith("_"):
            raise AttributeError(name)
        return VirtualMethod(name, self.call)

    def call(self, name: str, /, *args: Any, **kwargs: Any) -> VirtualCall:
        """Store one call."""
        item = VirtualCall(name, args, kwargs)
        self._calls.append(item)
        return item

    callMethod = call

    def call_all(self, strict: bool | None = None, batch: int | None = None) -> list[Any]:
        """Send what was collected. Raw answers in order; `[]` and nothing sent when there is nothing."""
        if self._session.collecting:
            raise MultiCallNotReady("an old-style multicall is open on this session")
        calls, self._calls = self._calls, []
        strict = self._strict if strict is None else strict
        step = batch or self._batch or max(len(calls), 1)
        answers: list[Any] = []
        for start in range(0, len(calls), step):
            part = calls[start : start + step]
            raw = run_calls(self._session, [item.format() for item in part], False, None)
            for item, answer in zip(part, raw, strict=True):
                item.answer(answer)
            if strict:
                for item in part:
                    _ = item.result
            answers += raw
        return answers

    multiCall = call_all

    def __enter__(self) -> "MultiCallSession":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.call_all()


class MultiCallSwitch:
    """`session.multicall`: called, it opens a new-style multicall; as a truth value, it is the old style's
    flag.
    """

    def __init__(self, session: Caller) -> None:
        self._session = session

    def __bool__(self) -> bool:
        return self._session.collecting

    def __call__(self, strict: bool = False, batch: int | None = None) -> MultiCallSession:
        return MultiCallSession(self._session, strict, batch)
