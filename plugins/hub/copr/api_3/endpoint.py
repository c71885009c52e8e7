"""How an endpoint of API v3 is declared, and the frame around each: who asks, one transaction, JSON.

    @endpoint("GET", "/project", query=("ownername", "projectname"))
    def get_project(api: Api) -> Answer: ...

Rules of the transport: copr.md, sections 2.1 to 2.3.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Response, jsonify, request
from sqlalchemy.exc import DBAPIError
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from moromi.errors import GenericError
from moromi_hub.plugin_api import Call, serving_hub

from .. import people
from ..errors import BadRequest, CoprError, Invalid, Unauthorized
from ..people import Person
from .body import Body, read_body, refuse_unstorable

log = logging.getLogger("moromi_hub.plugins.copr")

BLUEPRINT = Blueprint("copr_api_3", __name__, url_prefix="/api_3")
COOKIE = "session"
"""Of who has logged in with Kerberos (2.2)."""
NO_ENDPOINT = "Such API endpoint doesn't exist"
_BUG = "Request wasn't successful, there is probably a bug in the Copr code."
_GAVE_UP = ("55P03", "57014")
"""What PostgreSQL says when a lock was not to be had in time, or a statement was given up."""

Answer = dict[str, Any]


@dataclass
class Api:
    """A request: its call, who makes it, and what it says."""

    call: Call
    path: dict[str, Any]
    query: MultiDict[str, str]
    _body: Body | CoprError
    _who: Person | None

    @property
    def body(self) -> Body:
        """What was sent. What is wrong with it is told when it is needed: other checks come before."""
        if isinstance(self._body, CoprError):
            raise self._body
        return self._body

    @property
    def who(self) -> Person:
        """Who asks, at endpoints that need somebody."""
        assert self._who is not None, "declared with login"
        return self._who

    def argument(self, name: str) -> str:
        """A query argument that must be given."""
        value = self.query.get(name)
        if value is None:
            raise BadRequest(f"Missing argument {name}")
        return value


View = Callable[[Api], Any]


@dataclass(frozen=True)
class Endpoint:
    """What the documentation shows of one."""

    method: str
    path: str
    login: bool
    query: tuple[str, ...]
    deprecated: tuple[str, ...]
    upload: bool
    fields: tuple[str, ...]
    summary: str


ENDPOINTS: list[Endpoint] = []


@dataclass(frozen=True)
class _Frame:
    """Runs a view."""

    endpoint: Endpoint
    view: View
    parameters: bool
    _methods: tuple[str, ...] = field(default=())

    def __call__(self, **path: Any) -> Response:
        try:
            answer = self._run(path)
            response = answer if isinstance(answer, Response) else jsonify(answer)
        except CoprError as error:
            response = error_response(error, parameters=self.parameters)
        if request.method in self.endpoint.deprecated:
            response.headers["Warning"] = (
                f"This method is deprecated: Use {self.endpoint.method} method instead of {request.method}"
            )
        return response

    def _run(self, path: dict[str, Any]) -> Any:
        hub = serving_hub()
        refuse_unstorable(path, request.args.to_dict(flat=False))
        if self.endpoint.upload:
            # whoever may not build is told before the file is sent, as far as it can be known
            with hub.call("copr.login") as call:
                identify(call)
        body: Body | CoprError
        try:
            body = read_body(upload=self.endpoint.upload)
        except CoprError as error:
            body = error
        try:
            with hub.call(f"copr {self.endpoint.path}") as call:
                who = identify(call) if self.endpoint.login else None
                return self.view(Api(call, path, request.args, body, who))
        finally:
            if isinstance(body, Body):
                body.close()


def identify(call: Call) -> Person:
    """Who asks, by the pair or the cookie in the request; goes on as that user. Raises Unauthorized."""
    given = request.authorization
    cookie = request.cookies.get(COOKIE)
    if given is None and cookie:
        return people.by_cookie(call, cookie)
    if given is None or given.type != "basic" or not given.username or not given.password:
        raise people.refusal(call)
    if "\0" in given.username:
        raise people.refusal(call)
    return people.log_in(call, given.username, given.password)


def endpoint(
    method: str,
    path: str,
    *,
    login: bool = False,
    query: Sequence[str] = (),
    fields: Sequence[str] = (),
    deprecated: Sequence[str] = (),
    upload: bool = False,
    parameters: bool = False,
) -> Callable[[View], View]:
    """Declare an endpoint. `deprecated`: other methods that are taken too; `parameters`: bad fields are
    told as requests to build do (2.3).
    """

    def register(view: View) -> View:
        summary = (view.__doc__ or "").strip().splitlines()[0]
        about = Endpoint(method, path, login, tuple(query), tuple(deprecated), upload, tuple(fields), summary)
        ENDPOINTS.append(about)
        frame = _Frame(about, view, parameters)
        BLUEPRINT.add_url_rule(
            path, f"{method} {path}".replace(".", "_"), frame, methods=[method, *deprecated]
        )
        return view

    return register


def error_response(error: CoprError, *, parameters: bool = False) -> Response:
    """The answer to a request that failed."""
    text = error.as_parameters if parameters and isinstance(error, Invalid) else error.text
    answer = {"error": text}
    if isinstance(error, Unauthorized):
        answer["output"] = "notok"
    return _json(answer, error.status)


def _json(answer: Answer, status: int) -> Response:
    response = jsonify(answer)
    response.status_code = status
    return response


@BLUEPRINT.app_errorhandler(HTTPException)
def _http_error(error: HTTPException) -> Response | HTTPException:
    """Unknown paths and methods: routing fails before the blueprint is known."""
    if request.path.split("/")[1] not in ("api_0", "api_3"):
        return error
    text = NO_ENDPOINT if error.code == 404 else error.description or error.name
    response = _json({"error": text}, error.code or 500)
    for name in ("Allow",):
        if name in (headers := error.get_response().headers):
            response.headers[name] = headers[name]
    return response


@BLUEPRINT.errorhandler(GenericError)
def _refused(error: GenericError) -> Response:
    """The hub itself says no: a name that it cannot have, a policy."""
    return _json({"error": str(error)}, 400)


@BLUEPRINT.errorhandler(Exception)
def _failed(error: Exception) -> Response | HTTPException:
    if isinstance(error, HTTPException):
        return _http_error(error)
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    if isinstance(error, DBAPIError) and getattr(error.orig, "pgcode", "") in _GAVE_UP:
        return _json({"error": "The API request timeouted"}, 504)
    return _json({"error": _BUG}, 500)
