"""The XML-RPC codec: against the standard library where both agree, by the table where not."""

from __future__ import annotations

import enum
import re
import xmlrpc.client
from collections import OrderedDict, defaultdict
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moromi import errors
from moromi.wire.listing import Listing
from moromi.wire.named import join_named, split_named
from moromi.wire.xmlrpc import (
    DateTime,
    ParseError,
    decode_request,
    decode_response,
    encode_fault,
    encode_request,
    encode_response,
    iter_encode,
)

# What XML can hold and a parser leaves alone (it turns CR into LF).
TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
    | st.sampled_from("\t\n&<>\"'")
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | TEXT
    | st.binary()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(TEXT, inner, max_size=6),
    max_leaves=25,
)
ROWS = st.integers(0, 5).flatmap(
    lambda width: st.tuples(
        st.lists(TEXT, min_size=width, max_size=width, unique=True),
        st.lists(st.lists(SCALARS, min_size=width, max_size=width).map(tuple), max_size=12),
    )
)


def same(one: Any, two: Any) -> bool:
    """Equality that tells 1, 1.0 and True apart."""
    return repr(one) == repr(two)


def stdlib_loads(body: bytes) -> tuple[tuple[Any, ...], str | None]:
    return xmlrpc.client.loads(body, use_builtin_types=True)


@given(VALUES)
def test_answers_round_trip(value: Any) -> None:
    body = encode_response(value)
    assert same(decode_response(body), value)
    assert b"".join(iter_encode(value)) == body


@given(VALUES)
def test_the_standard_library_reads_our_answers(value: Any) -> None:
    assert same(stdlib_loads(encode_response(value))[0][0], value)


@given(st.lists(VALUES, max_size=4), TEXT.filter(bool))
def test_the_standard_library_reads_our_calls(params: list[Any], method: str) -> None:
    read, name = stdlib_loads(encode_request(method, params))
    assert (name, same(list(read), params)) == (method, True)
    assert same(decode_request(encode_request(method, params)), (method, params))


@given(st.lists(VALUES.filter(lambda value: "i8" not in repr(value)), max_size=4))
def test_we_read_calls_of_the_standard_library(params: list[Any]) -> None:
    try:
        body = xmlrpc.client.dumps(tuple(params), "some.method", allow_none=True).encode()
    except OverflowError:
        return  # it refuses what needs i8, which is tested above
    method, read = decode_request(body)
    assert (method, same(read, params)) == ("some.method", True)


@given(ROWS)
def test_a_listing_is_the_same_as_its_dictionaries(case: tuple[list[str], list[tuple[Any, ...]]]) -> None:
    columns, rows = case
    dicts = [dict(zip(columns, row, strict=True)) for row in rows]
    listing = Listing(columns, rows)
    assert same(list(listing), dicts)
    body = encode_response(listing)
    assert same(decode_response(body), dicts)
    assert body == encode_response(item for item in dicts)
    assert b"".join(iter_encode(Listing(columns, iter(rows)))) == body


@given(st.lists(st.tuples(TEXT, st.integers(-(2**63), 2**63 - 1), st.none() | TEXT), min_size=1, max_size=9))
def test_a_listing_of_several_chunks(rows: list[tuple[str, int, str | None]]) -> None:
    rows = (rows * 1100)[:1100]
    pieces = list(iter_encode([Listing(["a", "b%s", "c"], iter(rows)), Listing(["x"], [])]))
    first, second = decode_response(b"".join(pieces))
    assert first == [{"a": a, "b%s": b, "c": c} for a, b, c in rows]
    assert second == []
    assert len(pieces) > 4


def test_listing_with_a_character_that_joins_columns() -> None:
    rows = [("a\0<b",), ("c",)]
    assert b"a\0&lt;b</string>" in encode_response(Listing(["x"], rows))
    assert b"<string>c</string>" in encode_response(Listing(["x"], rows))


@pytest.mark.parametrize("rows", [[(1, 2), (3,)], [(1,), (2,)], [(1, 2, 3)]])
def test_ragged_listing(rows: list[tuple[int, ...]]) -> None:
    with pytest.raises(ValueError):
        encode_response(Listing(["a", "b"], rows))


class Color(enum.IntEnum):
    RED = 7


@pytest.mark.parametrize(
    ("value", "xml"),
    [
        (None, "<nil/>"),
        (True, "<boolean>1</boolean>"),
        (2**31 - 1, "<int>2147483647</int>"),
        (-(2**31), "<int>-2147483648</int>"),
        (2**31, "<i8>2147483648</i8>"),
        (-(2**63), "<i8>-9223372036854775808</i8>"),
        (0.1, "<double>0.1</double>"),
        ("a<b>&\"'", "<string>a&lt;b&gt;&amp;\"'</string>"),
        (Color.RED, "<int>7</int>"),
        (re.compile("a+"), "<string>re.compile('a+')</string>"),
        (DateTime("20260101T00:00:00"), "<dateTime.iso8601>20260101T00:00:00</dateTime.iso8601>"),
        (
            datetime(2026, 11, 21, 22, 53, 32, 149969, UTC),
            "<string>2026-11-21 22:53:32.149969+00:00</string>",
        ),
        (
            datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=1))),
            "<string>2026-01-02 00:00:00+01:00</string>",
        ),
        ((), "<array><data></data></array>"),
        ({}, "<struct></struct>"),
        (
            OrderedDict(a=1),
            "<struct><member><name>a</name><value><int>1</int></value></member></struct>",
        ),
        (
            defaultdict(int, a=1),
            "<struct><member><name>a</name><value><int>1</int></value></member></struct>",
        ),
    ],
)
def test_written_form(value: Any, xml: str) -> None:
    assert f"<value>{xml}</value>" in encode_response(value).decode()


def test_generators_and_iterators_are_drained() -> None:
    assert decode_response(encode_response([range(3).__iter__(), (n for n in "ab"), map(str, [1])])) == [
        [0, 1, 2],
        ["a", "b"],
        ["1"],
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({1, 2}, "cannot marshal <class 'set'> objects"),
        (Decimal(1), "cannot marshal <class 'decimal.Decimal'> objects"),
        ([object()], "cannot marshal <class 'object'> objects"),
        ({1: 2}, "dictionary key must be string"),
        ([{1: 2}] * 5, "dictionary key must be string"),
    ],
)
def test_what_cannot_be_sent(value: Any, text: str) -> None:
    with pytest.raises(TypeError, match=re.escape(text)):
        encode_response(value)
    with pytest.raises(TypeError, match=re.escape(text)):
        b"".join(iter_encode(value))


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, [1, 2**64]])
def test_integers_beyond_64_bits(value: Any) -> None:
    with pytest.raises(OverflowError, match="long int exceeds XML-RPC limits"):
        encode_response(value)
    with pytest.raises(OverflowError, match="long int exceeds XML-RPC limits"):
        encode_response(Listing(["n"], [(1,), (2**63,)]))


def test_endless_values_are_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(TypeError, match="nested too deeply"):
        encode_response(value)


def call(value: str) -> bytes:
    params = f"<params><param><value>{value}</value></param></params>"
    return f"<?xml version='1.0'?>\n<methodCall><methodName>echo</methodName>{params}</methodCall>".encode()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", ""),
        (" bare ", " bare "),
        ("<string> a </string>", " a "),
        ("<string/>", ""),
        ("\n <string>a</string>\n", "a"),
        ("<nil/>", None),
        ("<nil></nil>", None),
        ('<ex:nil xmlns:ex="http://ws.apache.org/xmlrpc/namespaces/extensions"/>', None),
        ("<ex:i8>5</ex:i8>", 5),
        ("<i8>5000000000</i8>", 5000000000),
        ("<i1>1</i1>", 1),
        ("<i2>1</i2>", 1),
        ("<i4> 1\n</i4>", 1),
        ("<biginteger>36893488147419103232</biginteger>", 2**65),
        ("<double>1.5</double>", 1.5),
        ("<float>-1e3</float>", -1000.0),
        ("<bigdecimal>1.50</bigdecimal>", Decimal("1.50")),
        ("<base64>aGk=</base64>", b"hi"),
        ("<base64>\n aG!k=\u00e9 </base64>", b"hi"),
        ("<dateTime.iso8601>whatever</dateTime.iso8601>", DateTime("whatever")),
        ("<array><data/></array>", []),
        ("<struct/>", {}),
        ("<struct> <member> <name>a</name> <value>b</value> </member> </struct>", {"a": "b"}),
        ("<string>a<![CDATA[<b>]]>&amp;&#233;</string>", "a<b>&\u00e9"),
        ("<string>a<!-- c -->b</string>", "ab"),
    ],
)
def test_read_form(value: str, expected: Any) -> None:
    method, params = decode_request(call(value))
    assert method == "echo"
    assert same(params, [expected])


@pytest.mark.parametrize(
    "value",
    [
        "<int>twelve</int>",
        "<int></int>",
        "<int>1_000</int>",
        f"<int>{'9' * 5000}</int>",
        "<boolean>5</boolean>",
        "<boolean>true</boolean>",
        "<double>x</double>",
        "<double>1_0</double>",
        "<bigdecimal>x</bigdecimal>",
        "<base64>a</base64>",
        "<string>a\u0001b</string>",
        "<struct><member><name>a</name></member></struct>",
        "<struct><member><value>a</value></member></struct>",
        "<struct><member><value><int>1</int></value><name>a</name></member></struct>",
        "<struct><member><name>a</name><value><array><data/></array></value><value>x</value></member></struct>",
        "<string>&undefined;</string>",
    ],
)
def test_malformed_values(value: str) -> None:
    with pytest.raises(ParseError):
        decode_request(call(value))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "Empty request"),
        (b"this is not xml", "syntax error: line 1, column 0"),
        (b"<methodCall>", "no element found: line 1, column 12"),
        (b"<methodCall><methodName>hello</methodName><params>", "no element found: line 1, column 50"),
        (call("<widget>5</widget>"), "ResponseError(\"unknown tag 'widget'\")"),
        (b"<html/>", "ResponseError(\"unknown tag 'html'\")"),
        (b"<value/>", "not an XML-RPC message"),
        (encode_fault(5, "s"), "<Fault 5: 's'>"),
        (b"<?xml version='1.0' encoding='none'?><methodCall/>", "unknown encoding: none"),
    ],
)
def test_what_is_said_about_malformed_bodies(body: bytes, text: str) -> None:
    with pytest.raises(ParseError) as caught:
        decode_request(body)
    assert str(caught.value) == text


@given(st.binary(max_size=200))
def test_garbage_never_does_more_than_fail_to_parse(body: bytes) -> None:
    with pytest.raises(ParseError):
        decode_request(body)


TAGS = st.sampled_from(
    (
        "value",
        "int",
        "string",
        "struct",
        "member",
        "name",
        "array",
        "data",
        "nil",
        "params",
        "fault",
        "boolean",
    )
)
TREES = st.recursive(
    st.sampled_from(("", "1", "x")),
    lambda inner: st.builds(
        lambda tag, content: f"<{tag}>{''.join(content)}</{tag}>", TAGS, st.lists(inner, max_size=4)
    ),
    max_leaves=30,
)


@given(TREES)
def test_wrong_nesting_never_does_more_than_fail_to_parse(tree: str) -> None:
    try:
        decode_request(f"<methodCall>{tree}</methodCall>".encode())
    except ParseError as error:
        assert str(error)


def test_a_call_without_parameters_or_method() -> None:
    assert decode_request(b"<methodCall><methodName>a</methodName></methodCall>") == ("a", [])
    assert decode_request(b"<methodCall><methodName>a</methodName><params/></methodCall>") == ("a", [])
    assert decode_request(b"<methodCall><params/></methodCall>") == (None, [])


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "utf-16"])
def test_encodings_of_the_declaration(encoding: str) -> None:
    text = f"<?xml version='1.0' encoding='{encoding}'?>" + call("<string>k\u00f6ji</string>").decode()[21:]
    assert decode_request(text.encode(encoding)) == ("echo", ["k\u00f6ji"])


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "doctype",
    [
        f'[<!ENTITY l0 "ha">{LAUGHS}]',
        '[<!ENTITY a SYSTEM "file:///etc/hostname">]',
        '[<!ENTITY % a SYSTEM "http://127.0.0.1:9/x"> %a;]',
        '[<!ENTITY a "b">]',
    ],
)
def test_entities_are_refused(doctype: str) -> None:
    body = f"<?xml version='1.0'?><!DOCTYPE x {doctype}>" + call("<string>&a;</string>").decode()[21:]
    with pytest.raises(ParseError, match="entity declarations are not allowed"):
        decode_request(body.encode())


def test_a_doctype_without_entities_is_tolerated() -> None:
    body = b"<?xml version='1.0'?><!DOCTYPE methodCall SYSTEM 'x.dtd'>" + call("a")[21:]
    assert decode_request(body) == ("echo", ["a"])


def test_entities_of_an_outside_doctype_are_refused() -> None:
    body = b"<?xml version='1.0'?><!DOCTYPE methodCall SYSTEM 'x.dtd'>" + call("&a;")[21:]
    with pytest.raises(ParseError):
        decode_request(body)


def test_depth_is_limited() -> None:
    def nested(depth: int) -> bytes:
        start, end = "<array><data><value>" * depth, "</value></data></array>" * depth
        return call(f"{start}<int>1</int>{end}")

    assert decode_request(nested(200))[0] == "echo"
    with pytest.raises(ParseError, match="nested more than 200 deep"):
        decode_request(nested(201))
    with pytest.raises(ParseError, match="nested more than 200 deep"):
        decode_request(nested(100_000))


def test_faults() -> None:
    with pytest.raises(errors.RetryError, match="again <&") as caught:
        decode_response(encode_fault(1009, "again <&"))
    assert caught.value.fromFault
    with pytest.raises(errors.Fault) as other:
        decode_response(encode_fault(1, "<class 'KeyError'>: 'x'"))
    assert (other.value.faultCode, other.value.faultString) == (1, "<class 'KeyError'>: 'x'")
    with pytest.raises(xmlrpc.client.Fault) as theirs:
        stdlib_loads(encode_fault(1003, "t"))
    assert (theirs.value.faultCode, theirs.value.faultString) == (1003, "t")
    with pytest.raises(errors.GenericError, match=r"^Invalid upload filename: a\?\?é\?$"):
        decode_response(encode_fault(1000, "Invalid upload filename: a\x00\x01é\ud800"))


@pytest.mark.parametrize("value", [{"faultCode": "1", "faultString": "x"}, {"faultCode": 1}, [], 5])
def test_malformed_faults(value: Any) -> None:
    body = (
        encode_response(value)
        .replace(b"<params>\n<param>", b"<fault>")
        .replace(b"</param>\n</params>", b"</fault>")
    )
    with pytest.raises(ParseError, match="malformed fault"):
        decode_response(body)


def test_a_call_is_no_response() -> None:
    with pytest.raises(ParseError):
        decode_response(encode_request("a", []))


@given(st.lists(SCALARS, max_size=3), st.dictionaries(TEXT.filter(lambda t: t != "__starstar"), SCALARS))
def test_named_arguments(args: list[Any], kwargs: dict[str, Any]) -> None:
    params = join_named(args, kwargs)
    before = repr(params)
    assert same(split_named(params), (args, kwargs))
    assert repr(params) == before


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ([], ([], {})),
        ([{"a": 1}], ([{"a": 1}], {})),
        ([{"a": 1, "__starstar": False}], ([{"a": 1, "__starstar": False}], {})),
        ([{"a": 1, "__starstar": "x"}], ([], {"a": 1})),
        ([{"__starstar": True}, 1], ([{"__starstar": True}, 1], {})),
        ([{"__starstar": True}], ([], {})),
    ],
)
def test_split_named(params: list[Any], expected: tuple[list[Any], dict[str, Any]]) -> None:
    assert split_named(params) == expected


def test_every_code_of_the_error_tree() -> None:
    assert sorted(errors.BY_CODE) == list(range(1000, 1025))
    for code, kind in errors.BY_CODE.items():
        error = errors.from_fault(code, "text")
        assert type(error) is kind
        assert str(error) == "text"
    assert isinstance(errors.from_fault(1006, ""), errors.AuthError)
    assert str(errors.from_fault(7, "x")) == "<Fault 7: 'x'>"
