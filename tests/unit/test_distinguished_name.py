"""Names of certificates: the text forms of RFC 2253 and RFC 4514, as openssl writes them and as it might."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moromi_hub.auth.distinguished_name import component, parse


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("CN=alice", [("CN", "alice")]),
        ("CN=alice,O=Example,C=JP", [("CN", "alice"), ("O", "Example"), ("C", "JP")]),
        ("CN = alice, O = Example", [("CN", "alice"), ("O", "Example")]),
        (r"O=Evil\,CN=kojiadmin,CN=carol", [("O", "Evil,CN=kojiadmin"), ("CN", "carol")]),
        (r"O=Evil\2CCN=kojiadmin,CN=carol", [("O", "Evil,CN=kojiadmin"), ("CN", "carol")]),
        ('O="Evil,CN=kojiadmin";CN=carol', [("O", "Evil,CN=kojiadmin"), ("CN", "carol")]),
        (r"O=back\\,CN=carol", [("O", "back\\"), ("CN", "carol")]),
        (r"CN=B\C3\BCcher", [("CN", "Bücher")]),
        (r"CN=\ lead and trail\ ", [("CN", " lead and trail ")]),
        (r"CN=\#hash", [("CN", "#hash")]),
        ("CN=a+UID=b,O=c", [("CN", "a"), ("UID", "b"), ("O", "c")]),
        ("O=,CN=a", [("O", ""), ("CN", "a")]),
        ("1.2.3.4=#0C03616263,CN=a", [("1.2.3.4", "abc"), ("CN", "a")]),
        ("emailAddress=a@example.org,CN=a=b", [("emailAddress", "a@example.org"), ("CN", "a=b")]),
    ],
)
def test_a_name_comes_apart(text: str, parts: list[tuple[str, str]]) -> None:
    assert parse(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alice",
        "/CN=alice",
        "CN=a,",
        "CN=a,,O=b",
        'CN="a',
        'CN=a"b',
        "CN=a\\",
        "CN=\\FF",
        "CN=#05",
        "CN=#0500",
    ],
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)


def test_a_component_is_the_first_in_the_certificate() -> None:
    name = "emailAddress=alice@example.org,CN=second,CN=first,O=Example"
    assert component(name, "CN") == component(name, "cn") == component(name, "CN_0") == "first"
    assert component(name, "CN_1") == "second"
    assert component(name, "CN_2") is None
    assert component(name, "UID") is None
    assert component(name, "Email") == "alice@example.org"


def _escape(value: str) -> str:
    return "".join(
        "".join(f"\\{byte:02X}" for byte in char.encode())
        if not char.isalnum() or not char.isascii()
        else char
        for char in value
    )


_names = st.lists(
    st.tuples(st.sampled_from(["CN", "O", "UID"]), st.text(st.characters(codec="utf-8"))), min_size=1
)


@given(_names)
def test_every_value_survives_escaping(parts: list[tuple[str, str]]) -> None:
    assert parse(",".join(f"{kind}={_escape(value)}" for kind, value in parts)) == parts


@given(_names)
def test_quoted_values_survive_too(parts: list[tuple[str, str]]) -> None:
    def quote(value: str) -> str:
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

    assert parse("+".join(f"{kind}={quote(value)}" for kind, value in parts)) == parts


@given(st.text(alphabet='CNO=,;+"\\#0Aab '))
def test_anything_is_a_name_or_an_error(text: str) -> None:
    try:
        assert parse(text)
    except ValueError as error:
        assert str(error)
