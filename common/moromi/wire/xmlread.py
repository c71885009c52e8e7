"""XML-RPC text to Python values (hub-protocol.md 1.2, the decoding table).

Decoding is done in the handlers of expat, on one stack of finished values: an
array or a struct remembers where its own values begin. Nothing here recurses,
so depth is a limit we choose. Entity declarations are refused before they can be
used, and expat is given no way to load anything.
"""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from xml.parsers import expat

from moromi.wire.values import MAX_DEPTH, DateTime, ParseError

if TYPE_CHECKING:
    from decimal import Decimal


class Message(NamedTuple):
    """What a body holds: its outer element, the method name of a call, and the values."""

    kind: str
    method: str | None
    values: list[Any]


def _read_int(text: str) -> int:
    if "_" in text:
        raise ValueError(f"invalid literal for int() with base 10: {text!r}")
    return int(text)


def _read_float(text: str) -> float:
    if "_" in text:
        raise ValueError(f"could not convert string to float: {text!r}")
    return float(text)


def _read_decimal(text: str) -> Decimal:
    from decimal import Decimal  # hardly anybody sends one

    try:
        return Decimal(text.strip())
    except ArithmeticError:
        raise ValueError(f"invalid literal for a decimal: {text!r}") from None


def _read_boolean(text: str) -> bool:
    if text == "1":
        return True
    if text == "0":
        return False
    raise ValueError("bad boolean value")


def _read_base64(text: str) -> bytes:
    try:
        return a2b_base64(text.encode())
    except Base64Error as error:
        raise ValueError(str(error)) from None


def _read_nil(_text: str) -> None:
    return None


def _read_string(text: str) -> str:
    return text


_SCALARS: Final[dict[str, Callable[[str], Any]]] = {
    "string": _read_string,
    "int": _read_int,
    "i4": _read_int,
    "i8": _read_int,
    "i1": _read_int,
    "i2": _read_int,
    "biginteger": _read_int,
    "boolean": _read_boolean,
    "double": _read_float,
    "float": _read_float,
    "nil": _read_nil,
    "base64": _read_base64,
    "dateTime.iso8601": DateTime,
    "bigdecimal": _read_decimal,
}
_MESSAGES: Final = frozenset({"methodCall", "methodResponse", "fault"})
#: Elements that only group others.
_SILENT: Final = frozenset({"member", "data", "params", "param"})
#: Elements whose start needs no work.
_PLAIN: Final = frozenset({"value", "name", "methodName"}).union(_SILENT, _SCALARS, _MESSAGES)


def _refuse_entity(*_declaration: Any) -> None:
    raise ParseError("entity declarations are not allowed")


def _make_struct(items: list[Any]) -> dict[str, Any]:
    names = items[::2]
    if len(items) % 2 or not all([type(name) is str for name in names]):
        raise ParseError("a struct has a member without a name or without a value")
    return dict(zip(names, items[1::2], strict=True))


class _Reader:
    """The state of one parse, and expat's handlers over it.

    The handlers are closures: they run several times for every value, and a
    name of the enclosing function costs less than an attribute.
    """

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.text: list[str] = []
        self.marks: list[int] = []
        self.method: str | None = None
        self.kind: str | None = None

    def handlers(self) -> tuple[Callable[[str, Any], None], Callable[[str], None]]:
        """Return the handlers for the start and the end of an element."""
        stack, text = self.stack, self.text
        push, clear, end_special = stack.append, text.clear, self._end_special
        # Whether the value that is open has had its typed element; if not, its
        # text is a string.
        typed = False

        def start(tag: str, _attributes: Any) -> None:
            nonlocal typed
            if tag == "value":
                typed = False
            elif tag not in _PLAIN:
                self._start_special(tag)
            if text:
                clear()

        def end(tag: str) -> None:
            nonlocal typed
            if tag == "value":
                if not typed:
                    push("".join(text))
                    typed = True
            elif tag == "string" or tag == "name":
                push("".join(text))
                typed = True
            elif tag in _SCALARS:
                push(_SCALARS[tag]("".join(text)))
                typed = True
            elif tag not in _SILENT:
                end_special(tag)
                typed = True
            if text:
                clear()

        return start, end

    def _start_special(self, tag: str) -> None:
        if tag == "struct" or tag == "array":
            if len(self.marks) >= MAX_DEPTH:
                raise ParseError(f"values are nested more than {MAX_DEPTH} deep")
            self.marks.append(len(self.stack))
        elif tag.rpartition(":")[2] not in _SCALARS:
            raise ParseError(f'ResponseError("unknown tag {tag!r}")')

    def _end_special(self, tag: str) -> None:
        stack = self.stack
        if tag == "struct" or tag == "array":
            mark = self.marks.pop()
            items = stack[mark:]
            del stack[mark:]
            stack.append(_make_struct(items) if tag == "struct" else items)
        elif tag == "methodName":
            self.method = "".join(self.text)
        elif tag in _MESSAGES:
            # The outermost ends last; a fault is told by its own element.
            self.kind = self.kind or tag
        else:
            stack.append(_SCALARS[tag.rpartition(":")[2]]("".join(self.text)))


def read(body: bytes) -> Message:
    """Parse a whole body. ParseError: it is not XML, or not XML-RPC."""
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.buffer_size = 1 << 18
    parser.StartElementHandler, parser.EndElementHandler = reader.handlers()
    parser.CharacterDataHandler = reader.text.append
    parser.EntityDeclHandler = _refuse_entity
    parser.SkippedEntityHandler = _refuse_entity
    try:
        parser.Parse(body, True)
    except ParseError:
        raise
    except (expat.ExpatError, ValueError, LookupError) as error:
        # LookupError: the declaration names an encoding that does not exist.
        raise ParseError(str(error)) from None
    if reader.kind is None:
        raise ParseError("not an XML-RPC message")
    return Message(reader.kind, reader.method, reader.stack)
