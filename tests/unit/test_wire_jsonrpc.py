"""JSON-RPC: the same values, its own envelope."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moromi import errors
from moromi.wire import jsonrpc
from moromi.wire.listing import Listing
from moromi.wire.values import ParseError

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]))
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(TEXT, inner, max_size=6),
    max_leaves=25,
)


@given(VALUES)
def test_results_round_trip(value: Any) -> None:
    body = jsonrpc.encode_result(7, value)
    assert json.loads(body) == {"jsonrpc": "2.0", "result": value, "id": 7}
    assert repr(jsonrpc.decode_response(body)) == repr(value)


@given(
    st.lists(TEXT, unique=True, max_size=4), st.lists(st.lists(SCALARS, min_size=4, max_size=4), max_size=8)
)
def test_listings(columns: list[str], rows: list[list[Any]]) -> None:
    rows = [row[: len(columns)] for row in rows]
    expected = [dict(zip(columns, row, strict=True)) for row in rows]
    assert repr(jsonrpc.decode_response(jsonrpc.encode_result(1, Listing(columns, rows)))) == repr(expected)


def test_values_without_a_form_in_json() -> None:
    moment = datetime(2026, 11, 21, 22, 53, 32, tzinfo=UTC)
    body = jsonrpc.encode_result(1, [b"hi", moment, (n for n in (1, 2))])
    assert jsonrpc.decode_response(body) == ["aGk=", "2026-11-21 22:53:32+00:00", [1, 2]]


@pytest.mark.parametrize(
    ("value", "error"),
    [(2**63, OverflowError), (float("nan"), OverflowError), ({1: 2}, TypeError), ({1}, TypeError)],
)
def test_what_cannot_be_sent(value: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        jsonrpc.encode_result(1, value)


def test_calls() -> None:
    body = jsonrpc.encode_request("getTag", ["x", 1], id="a")
    assert jsonrpc.decode_request(body) == ([jsonrpc.Call("getTag", ["x", 1], "a", False)], False)
    named = b'{"jsonrpc": "2.0", "method": "getTag", "params": {"tagInfo": "x"}}'
    assert jsonrpc.decode_request(named).calls == [
        jsonrpc.Call("getTag", [{"tagInfo": "x", "__starstar": True}], None, True)
    ]


def test_batches() -> None:
    body = b'[{"jsonrpc": "2.0", "method": "a", "id": 1}, 5, {"jsonrpc": "1.0", "method": "a", "id": 2}]'
    request = jsonrpc.decode_request(body)
    assert request.batch
    assert request.calls[0] == jsonrpc.Call("a", [], 1, False)
    assert [type(call) for call in request.calls[1:]] == [jsonrpc.Refused, jsonrpc.Refused]
    assert request.calls[2].id == 2
    answer = jsonrpc.encode_batch([jsonrpc.encode_result(1, None), jsonrpc.encode_error(2, -32600, "no")])
    assert [each["id"] for each in json.loads(answer)] == [1, 2]


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'{"method": "a"}',
        b'{"jsonrpc": "2.0", "method": 5}',
        b'{"jsonrpc": "2.0", "method": "a", "params": 5}',
        b'{"jsonrpc": "2.0", "method": "a", "id": []}',
        b'{"jsonrpc": "2.0", "method": "a", "id": true}',
    ],
)
def test_what_is_no_call(body: bytes) -> None:
    (call,) = jsonrpc.decode_request(body).calls
    assert isinstance(call, jsonrpc.Refused)
    assert call.code == jsonrpc.INVALID_REQUEST


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b'{"a": NaN}',
        b"[" * 100_000,
        b'"\\ud800"',
        b'"\\u0000"',
        b'"a\\u001fb"',
        b'"\\\\\\b"',
        b"9" * 5000,
    ],
)
def test_malformed_bodies(body: bytes) -> None:
    with pytest.raises(ParseError):
        jsonrpc.decode_request(body)


@pytest.mark.parametrize("text", ["\\u0001", "\\\\b", "\t\n", "\U0001f37a", "\\f", '"\\"'])
def test_backslashes_and_pairs_are_text(text: str) -> None:
    body = json.dumps({"jsonrpc": "2.0", "method": "a", "params": [text]}).encode()
    (call,) = jsonrpc.decode_request(body).calls
    assert isinstance(call, jsonrpc.Call)
    assert call.params == [text]


def test_errors() -> None:
    with pytest.raises(errors.TagError, match="no"):
        jsonrpc.decode_response(jsonrpc.encode_error(1, 1003, "no"))
    with pytest.raises(errors.Fault):
        jsonrpc.decode_response(jsonrpc.encode_error(1, jsonrpc.PARSE_ERROR, "no"))
    with pytest.raises(ParseError):
        jsonrpc.decode_response(b'{"jsonrpc": "2.0", "error": {"code": "x"}}')
    with pytest.raises(ParseError):
        jsonrpc.decode_response(b'{"result": 1}')
