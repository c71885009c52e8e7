"""The web pages and REST interfaces that plugins add, at the root of the hub's address.

A plugin brings Flask blueprints. Their views find the hub with `serving_hub`, and
run what they do in `hub.call`, which commits.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from flask import Blueprint, Flask, current_app, request

from moromi_hub.auth.gate import Gate
from moromi_hub.auth.model import Caller
from moromi_hub.hub import Hub

_KEY, _GATE = "moromi_hub", "moromi_hub.gate"


def make_site(hub: Hub, gate: Gate, blueprints: Iterable[Blueprint]) -> Flask:
    """The WSGI application of these blueprints."""
    site = Flask(_KEY, static_folder=None)
    site.url_map.strict_slashes = False
    site.url_map.merge_slashes = False
    site.extensions |= {_KEY: hub, _GATE: gate}
    for blueprint in blueprints:
        site.register_blueprint(blueprint)
    return site


def serving_hub() -> Hub:
    """The hub whose request is being answered."""
    return cast(Hub, current_app.extensions[_KEY])


def sender(*, login: bool = False) -> Caller:
    """Who sends the request that is being answered; with `login` a ticket counts. Raises Challenge."""
    gate = cast(Gate, current_app.extensions[_GATE])
    return gate.admit(request.environ, login=login)
