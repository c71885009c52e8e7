"""The operations on packages (copr.md, section 1.4)."""

from __future__ import annotations

from flask import Response

from .. import legacy, uploaded
from ..errors import BadRequest
from . import shapes
from .endpoint import Answer, Api, created, endpoint, read_form

_K = "/coprs/<owner>/<name>/packages"


@endpoint("GET", _K)
def get_all(api: Api) -> Answer:
    """The packages of a copr, by name."""
    found = uploaded.listing(api.call, api.project())
    return {"packages": [shapes.package(api.call, each[0], each) for each in found]}


@endpoint("GET", f"{_K}/<package>")
def get_one(api: Api) -> Answer:
    """A package, or one version of it."""
    return _shown(api, api.path["package"])


def _shown(api: Api, name: str) -> Answer:
    found = uploaded.get(api.call, api.project(), name)
    return {"package": shapes.package(api.call, *found)}


def _may_build(api: Api) -> None:
    legacy.assert_may_build(api.call, api.who, api.project())


@endpoint("POST", _K, login=True, before_upload=_may_build)
def post(api: Api) -> Response:
    """A new package, or a new version of one, from a source package that comes with the request."""
    project = legacy.get(api.call, api.owner(api.path["owner"]), api.path["name"], lock=True)
    legacy.assert_may_build(api.call, api.who, project)
    body = read_form(api, "srpm", "release")
    upload = body.files.get("srpm")
    if upload is None:
        raise BadRequest("Missing argument srpm")
    given = body.values.get("release", [])
    releases = [given] if isinstance(given, str) else list(given)
    name, tasks = uploaded.upload(api.call, api.who, project, upload.path, releases)
    return created({**_shown(api, name), "tasks": tasks}, project.owner.name, project.name, "packages", name)


@endpoint("DELETE", f"{_K}/<package>", login=True)
def delete(api: Api) -> Answer:
    """Forget a package, or one version of it, with what was built."""
    uploaded.delete(api.call, api.editable(), api.path["package"])
    return {"deleted": api.path["package"]}
