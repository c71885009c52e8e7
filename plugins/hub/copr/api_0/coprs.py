"""The operations on coprs (copr.md, section 1.3)."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Response, request

from .. import legacy
from ..projects import edit
from . import shapes
from .endpoint import Answer, Api, Given, created, endpoint

_C = "/coprs/<owner>/<name>"


@endpoint("GET", "/coprs")
def get_all(api: Api) -> Answer:
    """The coprs of an owner, or all."""
    owner = request.args.get("owner")
    found = legacy.listing(api.call, api.owner(owner) if owner else None)
    return {"coprs": shapes.coprs(api.call, found)}


@endpoint("GET", _C)
def get_one(api: Api) -> Answer:
    """A copr."""
    return _shown(api)


def _shown(api: Api) -> Answer:
    return {"copr": shapes.copr(api.call, api.project())}


def _full_names(api: Api, found: Iterable[str]) -> list[str]:
    return [legacy.full_name(api.who, each) for each in found]


def _some_dependencies(api: Api) -> list[str]:
    """The full names that are the argument of a request, at least one."""
    return _full_names(api, api.given("dependency_list").some_texts("dependency_list"))


def _dependencies(api: Api, given: Given) -> list[str]:
    """The full names that are given beside other things."""
    return _full_names(api, given.texts("dependency_list"))


@endpoint("POST", "/coprs", login=True)
def post(api: Api) -> Response:
    """A new copr."""
    given = api.given("copr_name", "copr_description", "release", "dependency_list", "owner")
    name = given.text("copr_name")
    owner = legacy.owner_for(api.call, api.who, api.owner(given.text("owner", "~")), name)
    chroots = legacy.chroots_of(api.call, given.texts("release"))
    wanted = _dependencies(api, given) if "dependency_list" in given else []
    dependencies = legacy.checked_dependencies(api.call, f"{owner.name}/{name}", wanted)
    urls = [f"copr://{each}" for each in dependencies]
    description = given.text("copr_description", "")
    found = legacy.create(api.call, owner, name, chroots, description, urls)
    return created({"copr": shapes.copr(api.call, found)}, owner.name, found.name)


@endpoint("PUT", _C, login=True)
def put(api: Api) -> Answer:
    """Change a copr: what is given, and nothing else."""
    project = api.editable()
    given = api.given("copr_description", "release", "dependency_list")
    if "release" in given:
        legacy.set_releases(api.call, project, legacy.chroots_of(api.call, given.texts("release")))
    if "dependency_list" in given:
        wanted = legacy.checked_dependencies(api.call, project.full_name, _dependencies(api, given))
        project = legacy.set_dependencies(api.call, project, wanted)
    if "copr_description" in given:
        edit(api.call, project, project.settings, description=given.text("copr_description", ""))
    return _shown(api)


@endpoint("DELETE", _C, login=True)
def delete(api: Api) -> Answer:
    """Delete a copr with all that was built in it."""
    found = legacy.get(api.call, api.owner(api.path["owner"]), api.path["name"], lock=True)
    legacy.delete(api.call, api.who, found)
    return {"deleted": found.full_name}


@endpoint("POST", f"{_C}/add_dependencies", login=True)
def add_dependencies(api: Api) -> Answer:
    """Build with more coprs."""
    project = api.editable()
    legacy.add_dependencies(api.call, project, _some_dependencies(api))
    return _shown(api)


@endpoint("POST", f"{_C}/remove_dependencies", login=True)
def remove_dependencies(api: Api) -> Answer:
    """Build with some coprs no more."""
    project = api.editable()
    legacy.remove_dependencies(api.call, project, _some_dependencies(api))
    return _shown(api)


@endpoint("POST", f"{_C}/add_releases", login=True)
def add_releases(api: Api) -> Answer:
    """Build for more releases."""
    project = api.editable()
    legacy.add_releases(api.call, project, api.given("release").texts("release"))
    return _shown(api)


@endpoint("POST", f"{_C}/remove_releases", login=True)
def remove_releases(api: Api) -> Answer:
    """Build for some releases no more."""
    project = api.editable()
    legacy.remove_releases(api.call, project, api.given("release").texts("release"))
    return _shown(api)


@endpoint("POST", f"{_C}/grant", login=True)
def grant(api: Api) -> Answer:
    """Give a user a permission."""
    return _permit(api, "approved")


@endpoint("POST", f"{_C}/revoke", login=True)
def revoke(api: Api) -> Answer:
    """Take a permission from a user."""
    return _permit(api, "nothing")


def _permit(api: Api, level: str) -> Answer:
    project = api.editable()
    given = api.given("user", "permission")
    user, permission = given.text("user"), given.text("permission")
    legacy.grant(api.call, api.who, project, user, permission, level)
    return _shown(api)
