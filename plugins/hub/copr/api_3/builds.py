"""The endpoints of builds: asking for them, looking at them, ending them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .. import batches, builds, chroots, intake, mock_options, names, prebuilt, projects
from ..batches import Batch
from ..builds import Order
from ..errors import BadRequest, CoprError, Forbidden, Invalid, NotFound
from ..model import Build, Package, Project
from . import shapes
from .body import Upload
from .endpoint import Answer, Api, View, endpoint
from .form import BadPage, Form, is_url, page, paged
from .projects import PAGE, may_build
from .sources import FIELDS, OPTIONS, read_options, read_source

_WHERE = ("ownername", "projectname")
_SUFFIXES = (".src.rpm", ".nosrc.rpm", ".spec")
_NOT_ALLOWED = "User {user} is not allowed to build in the copr: {project}"
_BAD_SUFFIX = "URLs must end with .src.rpm, .nosrc.rpm, or .spec ('{}' doesn't seem to be a valid URL)."
_ONLY_SOURCES = "You can upload only .src.rpm, .nosrc.rpm, and .spec files"


@endpoint("GET", "/build/<int:build_id>")
def get_build(api: Api) -> Answer:
    """A build."""
    return shapes.build(api.call, builds.get(api.call, api.path["build_id"]))


@endpoint("GET", "/build/list", query=(*_WHERE, "packagename", "status", *PAGE))
def list_builds(api: Api) -> Answer:
    """The builds of a project, newest first."""
    project = projects.get(api.call, api.argument("ownername"), api.argument("projectname"))
    wanted = page(api.query, "DESC")
    package, status = (api.query.get(name) or None for name in ("packagename", "status"))
    found = builds.listing(api.call, wanted, project, package, status)
    return paged([shapes.build(api.call, each) for each in found], wanted)


@endpoint("GET", "/build/source-chroot/<int:build_id>")
def source_chroot(api: Api) -> Answer:
    """How the sources of a build were got."""
    return shapes.source_chroot(api.call, builds.get(api.call, api.path["build_id"]))


@endpoint("GET", "/build/source-build-config/<int:build_id>")
def source_build_config(api: Api) -> Answer:
    """What the sources of a build are got from."""
    found = builds.get(api.call, api.path["build_id"])
    return {
        "source_type": found.source_type,
        "source_dict": found.source,
        "memory_limit": 2048,
        "timeout": found.options.timeout,
        "is_background": found.options.background,
    }


@endpoint("GET", "/build/built-packages/<int:build_id>")
def built_packages(api: Api) -> Answer:
    """The packages that a build made, by chroot."""
    found = builds.get(api.call, api.path["build_id"])
    return shapes.built(api.call, found, found.chroots)


# asking


def submit(
    api: Api,
    form: Form,
    project: Project,
    kind: str,
    source: Mapping[str, Any],
    package: Package | None = None,
) -> Build:
    """A new build of a source with the options of a request."""
    order = read_order(api, form, project, kind, source, package)
    form.check()
    return builds.submit(api.call, api.who, project, order)


def read_order(
    api: Api,
    form: Form,
    project: Project,
    kind: str,
    source: Mapping[str, Any],
    package: Package | None = None,
) -> Order:
    """What is asked for; what is wrong with it is noted in the form, or raised."""
    _check_forge(form, project)
    dirname = form.text("project_dirname") or project.name
    names.check_dirname(project.name, dirname)
    if not chroots.of_project(api.call, project):
        raise BadRequest(f"Can't create build - project {project.full_name} has no active chroots")
    order = Order(
        kind,
        source,
        read_options(api, form, project, package.settings if package else None),
        dirname,
        form.words("chroots") if form.values.get("chroots") else None,
        form.words("exclude_chroots"),
        package,
        _batch(api, form),
    )
    try:
        builds.select(api.call, project, order)
    except Invalid as error:
        for name, texts in error.messages.items():
            form.fail(name, *texts)
    return order


def _check_forge(form: Form, project: Project) -> None:
    forge = form.text("packit_forge_project")
    if forge and not builds.forge_allowed(project, forge):
        raise Forbidden(f"Forge project {forge} can't build in this Copr via Packit.")


def _batch(api: Api, form: Form) -> Batch | None:
    after, along = (form.integer(name, 0) for name in ("after_build_id", "with_build_id"))
    if not after and not along:
        return None
    name = "after_build_id" if after else "with_build_id"
    if after and along:
        form.fail("with_build_id", "Only one batch option can be specified")
        return None
    try:
        return batches.find(api.call, api.who, after or along, along=bool(along))
    except BadRequest as error:
        form.fail(name, error.text)
        return None


def _project(api: Api) -> Project:
    body = api.body
    found: Project = may_build(api, body.text("ownername"), body.text("projectname"), _NOT_ALLOWED)
    return found


@endpoint("POST", "/build/check-before-build", login=True, fields=(*_WHERE, *OPTIONS), parameters=True)
def check_before_build(api: Api) -> Answer:
    """Whether a build would be taken."""
    body = api.body
    text = "User '{user}' is not allowed to build in '{project}'"
    project = may_build(api, body.text("ownername"), body.text("projectname"), text)
    form = Form(body.values)
    read_order(api, form, project, "link", {})
    form.check()
    return {"message": "It should be safe to submit this build."}


@endpoint("POST", "/build/create/url", login=True, fields=(*_WHERE, "pkgs", *OPTIONS), parameters=True)
def create_url(api: Api) -> Answer:
    """Build source packages at some addresses, each in a build."""
    project = _project(api)
    form = Form(api.body.values)
    urls = form.words("pkgs")
    if not urls:
        form.fail("pkgs", "URLs to packages are required")
    for url in urls:
        if not is_url(url) or not url.endswith(_SUFFIXES):
            form.fail("pkgs", _BAD_SUFFIX.format(url))
            break
    made = [submit(api, form, project, "link", {"url": url}) for url in urls or [""]]
    items = [shapes.build(api.call, each) for each in made]
    return {"items": items, "meta": dict.fromkeys(PAGE)}


def _takes_package(path: str) -> Callable[[View], View]:
    """An endpoint to which a package is sent, to build it or to publish it."""
    fields = (*_WHERE, "pkgs", *OPTIONS)
    return endpoint("POST", path, login=True, fields=fields, upload=True, parameters=True)


@_takes_package("/build/create/upload")
def create_upload(api: Api) -> Answer:
    """Build a source package, or a spec file, that comes with the request."""
    project = _project(api)
    form = Form(api.body.values)
    upload = _package(api)
    if not upload.name.endswith(_SUFFIXES):
        raise Invalid({"pkgs": [_ONLY_SOURCES]})
    try:
        source = intake.take(api.call, upload.path, upload.name)
    except CoprError as error:
        raise Invalid({"pkgs": [_ONLY_SOURCES]}) from error
    return shapes.build(api.call, submit(api, form, project, "upload", source))


@_takes_package("/build/create/rpm-upload")
def create_rpm_upload(api: Api) -> Answer:
    """Publish a finished package that comes with the request."""
    project = _project(api)
    form = Form(api.body.values)
    upload = _package(api)
    try:
        binary = prebuilt.read(upload.path) if upload.name.endswith(".rpm") else None
    except CoprError:
        binary = None
    if binary is None:
        raise Invalid({"pkgs": [prebuilt.ONLY_RPMS]})
    order = read_order(api, form, project, prebuilt.KIND, {})
    form.check()
    made = prebuilt.submit(api.call, api.who, project, order, upload.path, binary)
    return shapes.build(api.call, made)


def _package(api: Api) -> Upload:
    upload = api.body.files.get("pkgs")
    if upload is None:
        raise Invalid({"pkgs": ["This field is required."]})
    return upload


def _create(api: Api, kind: str) -> Answer:
    project = _project(api)
    form = Form(api.body.values)
    source = read_source(api, form, kind)
    return shapes.build(api.call, submit(api, form, project, kind, source))


def _declare(kind: str) -> None:
    fields = (*_WHERE, *FIELDS[kind], *OPTIONS)

    def create(api: Api) -> Answer:
        return _create(api, kind)

    create.__doc__ = f"Build from a source of type {kind}."
    endpoint("POST", f"/build/create/{kind}", login=True, fields=fields, parameters=True)(create)


for _kind in FIELDS:
    _declare(_kind)


# ending


@endpoint("PUT", "/build/cancel/<int:build_id>", login=True, deprecated=("POST",))
def cancel(api: Api) -> Answer:
    """Cancel a build; what has finished stays."""
    return shapes.build(api.call, builds.cancel(api.call, api.who, api.path["build_id"]))


@endpoint("DELETE", "/build/delete/<int:build_id>", login=True, deprecated=("POST",))
def delete(api: Api) -> Answer:
    """Delete a build with its packages."""
    found = builds.get(api.call, api.path["build_id"])
    builds.assert_deletable(api.call, api.who, found)
    shape = shapes.build(api.call, found)
    builds.delete(api.call, [found])
    return shape


@endpoint("DELETE", "/build/delete/list", login=True, deprecated=("POST",), fields=("builds",))
def delete_list(api: Api) -> Answer:
    """Delete builds: all of them, or none."""
    form = Form(api.body.values)
    given = form.words("builds")
    if not given:
        raise BadRequest("Missing argument builds")
    ids = []
    for text in given:
        number = Form({"builds": text})
        ids.append(number.integer("builds", -1))
        number.check()
    builds.delete_many(api.call, api.who, ids)
    return {"builds": ids}


# chroots of builds


def _number(text: str) -> int:
    form = Form({"build_id": text or "none"})
    number = form.integer("build_id", -1)
    if number < 0:
        raise BadPage({"build_id": ["Not a valid integer value."]})
    return number


def _chroot(api: Api, build_id: str, name: str) -> tuple[Build, Any]:
    found = builds.get(api.call, _number(build_id))
    if names.split_chroot(name) is None:
        raise NotFound("Chroot identification is not valid")
    for chroot in found.chroots:
        if chroot.name == name:
            return found, chroot
    if name not in {each.name for each in chroots.active(api.call)}:
        raise NotFound(f"Chroot {name} does not exist")
    raise NotFound(f"Build {found.id} was not submitted to {name} chroot.")


def _named(api: Api) -> tuple[Build, Any]:
    if "build_id" in api.path:
        return _chroot(api, str(api.path["build_id"]), api.path["chrootname"])
    return _chroot(api, api.argument("build_id"), api.argument("chrootname"))


@endpoint("GET", "/build-chroot/<int:build_id>/<chrootname>")
@endpoint("GET", "/build-chroot", query=("build_id", "chrootname"))
def build_chroot(api: Api) -> Answer:
    """Where a build has come in a chroot."""
    return shapes.build_chroot(api.call, *_named(api))


@endpoint("GET", "/build-chroot/list/<int:build_id>", query=PAGE)
@endpoint("GET", "/build-chroot/list", query=("build_id", *PAGE))
def list_build_chroots(api: Api) -> Answer:
    """The chroots of a build."""
    given = str(api.path["build_id"]) if "build_id" in api.path else api.argument("build_id")
    wanted = page(api.query)
    number = _number(given)
    wanted = wanted.checked("build_chroot", ("id",))
    found = builds.chroots_of(api.call, number, wanted)
    if not found:
        return paged([], wanted)
    build = builds.get(api.call, number)
    return paged([shapes.build_chroot(api.call, build, each) for each in found], wanted)


@endpoint("GET", "/build-chroot/build-config/<int:build_id>/<chrootname>")
@endpoint("GET", "/build-chroot/build-config", query=("build_id", "chrootname"))
def build_chroot_config(api: Api) -> Answer:
    """What a build is built with in a chroot."""
    found, chroot = _named(api)
    project = projects.by_id(api.call, found.project_id)
    own = chroots.get_any(api.call, project, chroot.name)
    config = shapes.build_config(api.call, project, own, found.dirname)
    for name in ("chroot", "additional_modules", "isolation"):
        del config[name]
    bootstrap = mock_options.effective(found.options.bootstrap, config.get("bootstrap", "default"))
    config |= {
        "bootstrap": None if bootstrap == "default" else bootstrap,
        "memory_limit": 2048,
        "timeout": found.options.timeout,
        "is_background": found.options.background,
        "enable_net": found.options.enable_net,
    }
    return {key: value for key, value in config.items() if value is not None}


@endpoint("GET", "/build-chroot/built-packages/<int:build_id>/<chrootname>")
@endpoint("GET", "/build-chroot/built-packages", query=("build_id", "chrootname"))
def build_chroot_packages(api: Api) -> Answer:
    """The packages that a build made in a chroot."""
    found, chroot = _named(api)
    return shapes.built(api.call, found, [chroot]).get(chroot.name, {"packages": []})
