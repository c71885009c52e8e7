"""The addresses that other services call when sources have changed; answers are plain text."""

from __future__ import annotations

import json

from flask import Blueprint, Response, request

from moromi_hub.plugin_api import serving_hub

from . import names, projects, webhooks
from .api_3.body import refuse_unstorable
from .errors import BadRequest, CoprError
from .model import Build

BLUEPRINT = Blueprint("copr_webhooks", __name__, url_prefix="/webhooks")
_LIMIT = 4 << 20


@BLUEPRINT.errorhandler(CoprError)
def _error(error: CoprError) -> Response:
    return Response(f"{error.text}\n", error.status, mimetype="text/plain")


@BLUEPRINT.before_request
def _check_address() -> None:
    refuse_unstorable(request.view_args or {}, request.args.to_dict(flat=False))


@BLUEPRINT.post("/<any(github, gitlab, bitbucket):_forge>/<int:project_id>/<secret>/")
@BLUEPRINT.post("/<any(github, gitlab, bitbucket):_forge>/<int:project_id>/<secret>/<package>/")
def from_forge(_forge: str, project_id: int, secret: str, package: str | None = None) -> Response:
    """Rebuild what follows a repository in which somebody has pushed."""
    if (request.content_length or 0) > _LIMIT:
        raise BadRequest("The request is too large.")
    try:
        payload = json.loads(request.form.get("payload") or request.get_data() or b"null")
    except (ValueError, RecursionError) as error:
        raise BadRequest("The request is no JSON.") from error
    with serving_hub().call("copr.webhook") as call:
        project = webhooks.find(call, project_id)
        webhooks.open_project(call, project, secret)
        webhooks.rebuild_matching(call, project, webhooks.clone_urls(payload), package)
    return Response("OK\n", mimetype="text/plain")


@BLUEPRINT.post("/custom/<int:project_id>/<secret>/<package>/")
def custom(project_id: int, secret: str, package: str) -> Response:
    """Rebuild a package; the number of the build."""
    with serving_hub().call("copr.webhook") as call:
        project = webhooks.find(call, project_id)
        webhooks.open_project(call, project, secret)
        found = webhooks.package_of(call, project, package)
        made = webhooks.rebuild(call, project, found, project.name)
    return _number(made)


@BLUEPRINT.post("/custom-dir/<owner>/<dirname>/<secret>/<package>/")
def custom_directory(owner: str, dirname: str, secret: str, package: str) -> Response:
    """The same into a directory of the project."""
    with serving_hub().call("copr.webhook") as call:
        project = projects.get(call, owner, names.project_of(dirname))
        webhooks.open_project(call, project, secret)
        found = webhooks.package_of(call, project, package)
        made = webhooks.rebuild(call, project, found, webhooks.directory_of(call, project, dirname))
    return _number(made)


def _number(build: Build) -> Response:
    return Response(f"{build.id}\n", mimetype="text/plain")
