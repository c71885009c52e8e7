"""What the hub tells about its calls: `_listapi`, `system.methodHelp`, `rpc.discover`, docs/api.md."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from moromi_hub.rpc.discover import schema
from support.hub import HubUnderTest

TOP = Path(__file__).resolve().parents[2]


def test_the_reference_is_current() -> None:
    """docs/api.md is what util/apidocs.py makes now."""
    made = subprocess.run([sys.executable, "util/apidocs.py", "--check"], cwd=TOP, capture_output=True)
    assert made.returncode == 0, made.stderr.decode()


def test_method_help_tells_signature_documentation_and_permission(hub: HubUnderTest) -> None:
    """The form of Koji's answer, and who may call."""
    text = hub.client()("system.methodHelp", "createTag")
    first, second, *rest = text.splitlines()
    assert first.startswith("createTag(name, parent=None, arches=None, ")
    assert second == "description: A new tag's id."
    assert rest[-1] == "Access: permission tag"
    assert hub.client()("system.methodHelp", "noSuchCall") == ""


def test_listapi_describes_every_call(hub: HubUnderTest) -> None:
    """Each element has Koji's keys; the documentation names the permission."""
    calls = {each["name"]: each for each in hub.client()("_listapi")}
    assert set(calls) == set(hub.client()("system.listMethods"))
    tag = calls["getTag"]
    assert set(tag) == {"name", "doc", "argdesc", "args", "argspec"}
    assert tag["argdesc"] == "(tagInfo, strict=False, event=None, blocked=False)"
    assert tag["args"] == ["tagInfo", ["strict", False], ["event", None], ["blocked", False]]
    assert tag["doc"].endswith("\n\nAccess: anyone")
    assert calls["host.getHost"]["doc"].endswith("Access: a builder with an exclusive session")


def test_every_call_is_documented(hub: HubUnderTest) -> None:
    """A call without a docstring would be a hole in the reference."""
    assert [export.name for export in hub.hub.registry if not (export.function.__doc__ or "").strip()] == []


def test_discover_is_an_openrpc_document(hub: HubUnderTest) -> None:
    """Over JSON-RPC as over XML-RPC: every call with parameters, result and permission."""
    document = hub.client()("rpc.discover")
    body = json.dumps({"jsonrpc": "2.0", "method": "rpc.discover", "params": [], "id": 1}).encode()
    assert json.loads(hub.client().post(body, "application/json")[1])["result"] == document

    assert document["openrpc"].startswith("1.3.")
    assert {"title", "version"} <= set(document["info"])
    methods = {method["name"]: method for method in document["methods"]}
    assert set(methods) == set(hub.client()("system.listMethods"))
    for method in methods.values():
        names = [parameter["name"] for parameter in method["params"]]
        assert len(names) == len(set(names))
        assert all("schema" in parameter for parameter in method["params"])
        assert "schema" in method["result"]
    assert methods["getTag"]["x-permission"] == "anyone"
    assert methods["getTag"]["params"][:2] == [
        {"name": "tagInfo", "schema": {}, "required": True},
        {"name": "strict", "schema": {"type": "boolean", "default": False}, "required": False},
    ]
    assert document["components"]["errors"]["ActionNotAllowed"]["code"] == 1004


def test_schemas_of_annotations() -> None:
    """Alternatives, lists of maps, and what says nothing."""
    assert schema("int | None") == {"type": ["integer", "null"]}
    assert schema("list[dict[str, str | None]]") == {"type": "array", "items": {"type": "object"}}
    assert schema("Any") == {}
    assert schema("int | Listing") == {}
