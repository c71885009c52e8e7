"""How an endpoint of the historic API is declared, and the frame around each.

    @endpoint("GET", "/coprs/<owner>/<name>")
    def get_one(api: Api) -> Answer: ...

Whoever shows credentials must show right ones, also where none are needed. Rules: copr.md, section 1.1.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from moromi.errors import AuthError, GenericError
from moromi_hub.plugin_api import Call, serving_hub

from .. import legacy, people
from ..api_3.body import UNREADABLE, Body, read_body, refuse_unstorable
from ..errors import BadRequest, CoprError, Unauthorized
from ..model import Project
from ..people import Person

log = logging.getLogger("moromi_hub.plugins.copr")

BLUEPRINT = Blueprint("copr_api_0", __name__, url_prefix="/api_0")
OWN = "~"
"""Whoever asks, as an owner in an address."""

Answer = dict[str, Any]


@dataclass
class Api:
    """A request: its call, who makes it, and what it says."""

    call: Call
    path: Mapping[str, str]
    _body: Body | CoprError
    _who: Person | None

    @property
    def who(self) -> Person:
        """Who asks. Raises Unauthorized for nobody."""
        if self._who is None:
            raise _refusal()
        return self._who

    @property
    def body(self) -> Body:
        """What was sent. What is wrong with it is told when it is needed: other checks come before."""
        if isinstance(self._body, CoprError):
            raise self._body
        return self._body

    def owner(self, given: str) -> str:
        """The name of an owner in an address or a list."""
        return self.who.name if given == OWN else given

    def project(self) -> Project:
        """The copr that the address names. Raises NotFound."""
        return legacy.get(self.call, self.owner(self.path["owner"]), self.path["name"])

    def editable(self) -> Project:
        """The same, for who may edit it. Raises NotFound, Forbidden."""
        return legacy.get_editable(self.call, self.who, self.owner(self.path["owner"]), self.path["name"])

    def given(self, *allowed: str) -> Given:
        """The attributes that were sent, of those that there are. Raises BadRequest."""
        body = self.body
        if not body.is_json or not isinstance(body.document, dict):
            raise BadRequest(UNREADABLE)
        _refuse_others(body.document, allowed)
        return Given(body.values)


def _refuse_others(names: Iterable[str], allowed: Iterable[str]) -> None:
    unknown = sorted(set(names) - set(allowed))
    if unknown:
        raise BadRequest(f"Unknown attribute '{unknown[0]}'")


@dataclass(frozen=True)
class Given:
    """Attributes by name; null is as good as none."""

    values: Mapping[str, Any]

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str, default: str | None = None) -> str:
        """A text; without default it must be there. Raises BadRequest."""
        value = self.values.get(name, default)
        if value is None or (value == "" and default is None):
            raise BadRequest(f"Missing argument {name}")
        if not isinstance(value, str):
            raise BadRequest(f"Invalid value of argument {name}")
        return value

    def texts(self, name: str) -> list[str]:
        """A list of texts, or one text, that must be there; once each. Raises BadRequest."""
        if name not in self.values:
            raise BadRequest(f"Missing argument {name}")
        value = self.values[name]
        found = [value] if isinstance(value, str) else value
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            raise BadRequest(f"Invalid value of argument {name}")
        return list(dict.fromkeys(found))

    def some_texts(self, name: str) -> list[str]:
        """The same, but not an empty list."""
        found = self.texts(name)
        if not found:
            raise BadRequest(f"Missing argument {name}")
        return found


View = Callable[[Api], Any]


def endpoint(
    method: str, path: str, *, login: bool = False, before_upload: Callable[[Api], object] | None = None
) -> Callable[[View], View]:
    """Declare an endpoint. `before_upload`: it takes a file, and this is asked before that is read."""

    def register(view: View) -> View:
        def run(**parts: str) -> Response:
            try:
                return _run(view, path, parts, login, before_upload)
            except CoprError as error:
                return _refused(error)

        BLUEPRINT.add_url_rule(path, f"{method} {path}", run, methods=[method])
        return view

    return register


def _run(
    view: View,
    path: str,
    parts: Mapping[str, str],
    login: bool,
    before_upload: Callable[[Api], object] | None,
) -> Response:
    hub = serving_hub()
    refuse_unstorable(parts, request.args.to_dict(flat=False))
    if before_upload is not None:
        with hub.call("copr.check") as call:
            before_upload(Api(call, parts, Body(), _identify(call, required=login)))
    body: Body | CoprError
    try:
        body = read_body(upload=before_upload is not None)
    except CoprError as error:
        body = error
    try:
        with hub.call(f"copr /api_0{path}") as call:
            answer = view(Api(call, parts, body, _identify(call, required=login)))
    finally:
        if isinstance(body, Body):
            body.close()
    return answer if isinstance(answer, Response) else jsonify(answer)


def _identify(call: Call, *, required: bool) -> Person | None:
    """Who asks, by name and password of the hub; goes on as that user. Raises Unauthorized."""
    given = request.authorization
    if given is None and "Authorization" not in request.headers:
        if required:
            raise _refusal()
        return None
    if given is None or given.type != "basic" or not given.username or not given.password:
        raise _refusal()
    if "\0" in given.username:
        raise _refusal()
    try:
        return people.by_password(call, given.username, given.password)
    except AuthError as error:
        raise _refusal() from error


def _refusal() -> Unauthorized:
    return Unauthorized("Invalid user name or password")


def created(answer: Answer, *place: str) -> Response:
    """The answer to a request that made something, which has an address of its own."""
    response = jsonify(answer)
    response.status_code = 201
    response.headers["Location"] = "/".join(["/api_0/coprs", *place])
    return response


def read_form(api: Api, *allowed: str) -> Body:
    """A body with fields, if they are those that there are. Raises BadRequest."""
    body = api.body
    _refuse_others([*body.values, *body.files], allowed)
    return body


def _refused(error: CoprError) -> Response:
    response = _json(error.text, error.status)
    if isinstance(error, Unauthorized):
        response.headers["WWW-Authenticate"] = 'Basic realm="Copr"'
    return response


def _json(text: str, status: int) -> Response:
    response = jsonify({"error": text})
    response.status_code = status
    return response


@BLUEPRINT.errorhandler(GenericError)
def _not_by_the_hub(error: GenericError) -> Response:
    """The hub itself says no: a name that it cannot have, a policy."""
    return _json(str(error), 400)


@BLUEPRINT.errorhandler(Exception)
def _failed(error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return _json(error.description or error.name, error.code or 500)
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return _json("The request failed: there is probably a bug in the server.", 500)
