"""The endpoints of packages."""

from __future__ import annotations

from typing import Any

from .. import access, names, packages, projects
from ..errors import BadRequest, Forbidden, NotFound
from ..model import Package, PackageSettings, Project
from . import shapes
from .builds import submit
from .endpoint import Answer, Api, endpoint
from .form import Form, is_true, page, paged
from .projects import PAGE, may_build
from .sources import FIELDS, OPTIONS, TYPES, read_package_settings, read_source

_BUILDS = ("with_latest_build", "with_latest_succeeded_build")
_SETTINGS = ("package_name", "webhook_rebuild", "max_builds", "timeout", "chroot_denylist")
_ALL_FIELDS = (*_SETTINGS, *dict.fromkeys(name for fields in FIELDS.values() for name in fields))
_PATH = "<ownername>/<projectname>/<package_name>"
_CANNOT_BE_BUILT = ("unset", "link", "upload")


def _asked(api: Api) -> tuple[bool, bool]:
    latest, succeeded = (is_true(api.query.get(name, "")) for name in _BUILDS)
    return latest, succeeded


def _editable(api: Api) -> Project:
    found = projects.get(api.call, api.path["ownername"], api.path["projectname"])
    if not access.may_edit(api.call, api.who, found):
        raise Forbidden("You are not allowed to add or edit packages in this copr.")
    return found


def _of_body(api: Api, action: str) -> tuple[Project, Package]:
    """The package that the body names, which the caller may change."""
    body = api.body
    project = projects.get(api.call, body.text("ownername"), body.text("projectname"))
    found = packages.get(api.call, project, body.text("package_name"), lock=True)
    if not access.may_edit(api.call, api.who, project):
        raise Forbidden(f"You are not allowed to {action} package `{found.id}`.")
    return project, found


@endpoint("GET", "/package", query=("ownername", "projectname", "packagename", *_BUILDS))
def get_package(api: Api) -> Answer:
    """A package."""
    project = projects.get(api.call, api.argument("ownername"), api.argument("projectname"))
    found = packages.get(api.call, project, api.argument("packagename"))
    latest, succeeded = _asked(api)
    return shapes.package_list(api.call, [found], project, latest=latest, succeeded=succeeded)[0]


@endpoint("GET", "/package/list", query=("ownername", "projectname", *_BUILDS, *PAGE))
def list_packages(api: Api) -> Answer:
    """The packages of a project."""
    project = projects.get(api.call, api.argument("ownername"), api.argument("projectname"))
    wanted = page(api.query)
    found = packages.listing(api.call, wanted, project)
    latest, succeeded = _asked(api)
    items = shapes.package_list(api.call, found, project, latest=latest, succeeded=succeeded)
    return paged(items, wanted)


@endpoint("POST", f"/package/add/{_PATH}/<source_type>", login=True, fields=_ALL_FIELDS)
def add_package(api: Api) -> Answer:
    """A new package with its source."""
    project = _editable(api)
    name, kind = api.path["package_name"], api.path["source_type"]
    _assert_type(kind)
    form = Form(api.body.values)
    if not names.PACKAGE_NAME.fullmatch(name):
        form.fail("package_name", "Please enter a valid package name in ^[-+_.a-zA-Z0-9]+$")
    elif len(name) > 100:
        form.fail("package_name", "Field cannot be longer than 100 characters.")
    source = read_source(api, form, kind, package=name)
    settings = read_package_settings(api, form, project, PackageSettings())
    form.check()
    return shapes.package(api.call, packages.add(api.call, project, name, kind, source, settings), project)


def _assert_type(kind: str) -> None:
    if kind not in TYPES:
        raise BadRequest(f"Unsupported package source type {kind}")


@endpoint("POST", f"/package/edit/{_PATH}", login=True, fields=_ALL_FIELDS)
@endpoint("POST", f"/package/edit/{_PATH}/<source_type>", login=True, fields=_ALL_FIELDS)
def edit_package(api: Api) -> Answer:
    """Change a package: what is given, and nothing else."""
    project = _editable(api)
    name = api.path["package_name"]
    try:
        found = packages.get(api.call, project, name, lock=True)
    except NotFound as error:
        text = f"Package {name} does not exists in copr {project.full_name}."
        raise NotFound(text) from error
    kind = api.path.get("source_type") or found.source_type
    source: dict[str, Any] = found.source
    form = Form(api.body.values)
    if "source_type" in api.path:
        _assert_type(kind)
    if kind in TYPES:
        before = _as_fields(found) if kind == found.source_type else {}
        form = Form(before | api.body.values)
        source = read_source(api, form, kind, package=name)
    settings = read_package_settings(api, form, project, found.settings)
    form.check()
    packages.change(api.call, found, kind, source, settings)
    return shapes.package(api.call, packages.get(api.call, project, name), project)


def _as_fields(package: Package) -> dict[str, Any]:
    """A stored source as the fields that it was made of."""
    source = dict(package.source)
    if "type" in source:
        source["scm_type"] = source.pop("type")
    return source


@endpoint("PUT", "/package/reset", login=True, deprecated=("POST",), fields=_SETTINGS[:1])
def reset_package(api: Api) -> Answer:
    """Forget the source of a package."""
    project, found = _of_body(api, "reset")
    packages.change(api.call, found, "unset", {}, found.settings)
    return shapes.package(api.call, packages.get(api.call, project, found.name), project)


@endpoint("POST", "/package/build", login=True, fields=("package_name", *OPTIONS), parameters=True)
def build_package(api: Api) -> Answer:
    """Build a package from its source."""
    body = api.body
    names_ = body.text("ownername"), body.text("projectname")
    # what is not there is told before what is not allowed
    project = projects.get(api.call, *names_)
    found = packages.get(api.call, project, body.text("package_name"))
    may_build(api, *names_, "You don't have permissions to build in this copr.")
    if found.source_type in _CANNOT_BE_BUILT:
        raise BadRequest(
            f"Package '{found.name}' doesn't have the default source method set, but it is required for the"
            " rebuild request.  Please configure some source  method first"
        )
    form = Form(body.values)
    return shapes.build(api.call, submit(api, form, project, found.source_type, found.source, found))


@endpoint("DELETE", "/package/delete", login=True, deprecated=("POST",), fields=_SETTINGS[:1])
def delete_package(api: Api) -> Answer:
    """Delete a package with all its builds."""
    project, found = _of_body(api, "delete")
    shape = shapes.package(api.call, found, project)
    packages.delete(api.call, project, found)
    return shape
