"""The endpoints that belong to no project: version, tokens, chroots."""

from __future__ import annotations

from flask import Response, jsonify, request

from moromi.errors import AuthError
from moromi_hub.plugin_api import web_login

from .. import chroots, people
from ..errors import Forbidden, Unauthorized
from ..settings import CONFIG
from .endpoint import COOKIE, Answer, Api, endpoint, identify


@endpoint("GET", "/")
def version(api: Api) -> Answer:
    """The version of this interface."""
    return {"version": 3}


@endpoint("GET", "/auth-check", login=True)
def auth_check(api: Api) -> Answer:
    """Who the token belongs to."""
    return {"id": api.who.id, "name": api.who.name}


@endpoint("POST", "/api-token")
def new_token(api: Api) -> Answer:
    """A new token, for who shows the present one or the password of the hub."""
    user_id = _by_token_or_password(api)
    token = people.renew_token(api.call, user_id)
    return {
        "api_login": token.login,
        "api_token": token.token,
        "expiration": token.expires.isoformat(),
    }


def _by_token_or_password(api: Api) -> int:
    try:
        return identify(api.call).id
    except Unauthorized:
        given = request.authorization
        if given is None or not given.username or not given.password:
            raise
        try:
            return people.by_password(api.call, given.username, given.password).id
        except AuthError as error:
            raise people.refusal(api.call) from error


@endpoint("GET", "/gssapi_login")
def gssapi_login(api: Api) -> Response:
    """Log in with a Kerberos ticket; the cookie then stands for a token."""
    begun = None
    reason = "no credentials provided"
    try:
        begun = web_login.begin(api.call)
    except AuthError as error:
        if "Authorization" in request.headers:
            reason = str(error)
    if begun is None:
        raise Forbidden(f"Can't log-in using GSSAPI: Kerberos authentication failed ({reason})")
    who = people.begin_as(api.call, begun.user_id)
    response = jsonify({"id": who.id, "name": who.name})
    secure = CONFIG.of(api.call).url.startswith("https:")
    # no page of another site can make a browser send it
    response.set_cookie(COOKIE, begun.cookie, httponly=True, secure=secure, samesite="Strict")
    response.headers.extend(begun.headers)
    return response


@endpoint("GET", "/mock-chroots/list")
def list_chroots(api: Api) -> Answer:
    """The chroots that can be built in, with a comment on each."""
    return {each.name: each.comment for each in chroots.active(api.call)}
