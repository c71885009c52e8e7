"""The description of this interface, as a document for machines and as a page.

Both are made of what the endpoints declare, so they cannot tell of others than there are.
"""

from __future__ import annotations

import html
import re
from typing import Any

from flask import Response

from .endpoint import ENDPOINTS, Answer, Api, Endpoint, endpoint

_PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")
_TYPES = {"int": "integer"}
_ERRORS = {
    "400": "The request makes no sense.",
    "404": "There is no such thing.",
}
_LOGIN_ERRORS = {
    "401": "The token is missing, wrong or expired.",
    "403": "The owner of the token may not do that.",
}


@endpoint("GET", "/swagger.json")
def swagger(api: Api) -> Answer:
    """This description."""
    paths: dict[str, dict[str, Any]] = {}
    for each in sorted(ENDPOINTS, key=lambda each: each.path):
        path = _PARAMETER.sub(r"{\2}", each.path)
        for method in (each.method, *each.deprecated):
            paths.setdefault(path, {})[method.lower()] = _operation(each, method)
    return {
        "swagger": "2.0",
        "basePath": "/api_3",
        "info": {"title": "Copr API", "version": "v3"},
        "consumes": ["application/json", "multipart/form-data"],
        "produces": ["application/json"],
        "securityDefinitions": {"basic": {"type": "basic"}},
        "paths": paths,
    }


def _operation(each: Endpoint, method: str) -> dict[str, Any]:
    errors = _ERRORS | (_LOGIN_ERRORS if each.login else {})
    responses = {"200": {"description": "It is done, or here."}}
    responses |= {code: {"description": text} for code, text in errors.items()}
    found: dict[str, Any] = {
        "summary": each.summary,
        "operationId": f"{method.lower()}_{re.sub('[^a-z0-9]+', '_', each.path.lower()).strip('_')}",
        "tags": [each.path.split("/")[1] or "general"],
        "parameters": _parameters(each),
        "responses": responses,
    }
    if each.login:
        found["security"] = [{"basic": []}]
    if method != each.method:
        found["deprecated"] = True
    return found


def _parameters(each: Endpoint) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "type": _TYPES.get(kind, "string")}
        for kind, name in _PARAMETER.findall(each.path)
    ]
    found += [{"name": name, "in": "query", "type": "string"} for name in each.query]
    if each.upload:
        found += [
            {"name": name, "in": "formData", "type": "file" if name in ("pkgs", "upload_comps") else "string"}
            for name in each.fields
        ]
    elif each.fields:
        properties: dict[str, Any] = {name: {} for name in each.fields}
        found.append({"name": "body", "in": "body", "schema": {"type": "object", "properties": properties}})
    return found


_HEAD = """<!DOCTYPE html><meta charset="utf-8"><title>Copr API v3</title>
<style>body{font:15px sans-serif;max-width:60em;margin:2em auto;padding:0 1em}
code{background:#eee;padding:0 .2em}td,th{text-align:left;vertical-align:top;padding:.2em .6em}
table{border-collapse:collapse}tr{border-top:1px solid #ddd}</style>
<h1>Copr API v3</h1>
<p>Paths are below <code>/api_3</code>; <a href="swagger.json">the same for machines</a>. Calls that are
marked take a token: HTTP Basic with the pair from <a href="/api/">the token page</a>. Errors have a body
<code>{"error": "…"}</code>.</p>
<table><tr><th>Call<th>Token<th>What<th>Arguments</tr>
"""


@endpoint("GET", "/docs")
def page(api: Api) -> Response:
    """This page."""
    rows = []
    for each in sorted(ENDPOINTS, key=lambda each: (each.path, each.method)):
        given = ", ".join([*each.query, *each.fields])
        path = html.escape(_PARAMETER.sub(r"{\2}", each.path))
        old = f" ({', '.join(each.deprecated)} is deprecated)" if each.deprecated else ""
        rows.append(
            f"<tr><td><code>{each.method} {path}</code>{old}<td>{'yes' if each.login else ''}"
            f"<td>{html.escape(each.summary)}<td>{html.escape(given)}</tr>\n"
        )
    return Response(_HEAD + "".join(rows) + "</table>\n", mimetype="text/html")
