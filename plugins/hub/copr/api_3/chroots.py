"""The endpoints of the chroots of a project."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from .. import chroots, comps, projects
from ..errors import BadRequest
from ..model import ChrootSettings, Project, ProjectChroot
from . import shapes
from .endpoint import Answer, Api, endpoint
from .form import Form

_WHERE = ("ownername", "projectname", "chrootname")
_FIELDS = (
    "additional_repos",
    "additional_packages",
    "additional_modules",
    "with_opts",
    "without_opts",
    "bootstrap",
    "bootstrap_image",
    "isolation",
    "delete_comps",
    "reset_fields",
    "upload_comps",
)
_IMAGE = re.compile(r"[a-z0-9][a-z0-9._/-]*(:[0-9]+/[a-z0-9._/-]+)?(:[\w.-]+)?")
_BAD_IMAGE = (
    "Enter valid bootstrap image id (<name>[:<tag>], e.g. fedora:33 or"
    " registry.fedoraproject.org/fedora:rawhide)."
)
_BOOTSTRAP = ("unchanged", "default", "on", "off", "image", "custom_image")
_ISOLATION = ("unchanged", "default", "nspawn", "simple")


def _find(api: Api) -> tuple[Project, ProjectChroot]:
    project = projects.get(api.call, api.argument("ownername"), api.argument("projectname"))
    return project, chroots.get(api.call, project, api.argument("chrootname"))


@endpoint("GET", "/project-chroot", query=_WHERE)
def get_chroot(api: Api) -> Answer:
    """What a project sets for a chroot."""
    return shapes.project_chroot(api.call, *_find(api))


@endpoint("GET", "/project-chroot/build-config", query=_WHERE)
def build_config(api: Api) -> Answer:
    """What is built with in a chroot of a project."""
    return shapes.build_config(api.call, *_find(api))


@endpoint(
    "PUT",
    "/project-chroot/edit/<ownername>/<projectname>/<chrootname>",
    login=True,
    deprecated=("POST",),
    fields=_FIELDS,
    upload=True,
)
def edit_chroot(api: Api) -> Answer:
    """Change what a project sets for a chroot."""
    project = projects.get_editable(api.call, api.who, api.path["ownername"], api.path["projectname"])
    found = chroots.get(api.call, project, api.path["chrootname"])
    form = Form(api.body.values)
    settings = _reset(project, found, form)
    settings = dataclasses.replace(settings, **_read(api, form))
    form.check()
    upload = api.body.files.get("upload_comps")
    if upload is not None:
        settings = comps.keep(api.call, found, settings, upload.path, upload.name)
    elif form.boolean("delete_comps"):
        settings = comps.drop(api.call, settings)
    return shapes.project_chroot(api.call, project, chroots.store(api.call, project, found, settings))


def _reset(project: Project, chroot: ProjectChroot, form: Form) -> ChrootSettings:
    """The settings, those that are to be as in the beginning reset."""
    known = {each.name: each for each in dataclasses.fields(ChrootSettings)}
    for name in form.words("reset_fields"):
        if name not in known or name.startswith("comps_"):
            raise BadRequest(
                f"Trying to reset an invalid attribute: {name}\n"
                f"See `copr-cli get-chroot {project.full_name}/{chroot.name}' for all the possible attributes"
            )
    plain = ChrootSettings()
    again = {name: getattr(plain, name) for name in form.words("reset_fields")}
    return dataclasses.replace(chroot.settings, **again)


def _read(api: Api, form: Form) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "additional_repos" in form:
        urls = form.urls("additional_repos", "http", "https", "copr", field="repos")
        form.fail("repos", *projects.missing_references(api.call, urls))
        found["additional_repos"] = urls
    if "additional_packages" in form:
        found["additional_packages"] = form.words("additional_packages")
        for name in found["additional_packages"]:
            if not re.fullmatch(r"[A-Za-z0-9@][-A-Za-z0-9+._()/]*", name):
                form.fail("buildroot_pkgs", f"'{name}' is not the name of a package.")
    if "additional_modules" in form:
        found["additional_modules"] = _modules(form)
    for name in ("with_opts", "without_opts"):
        if name in form:
            found[name] = form.words(name)
            for text in found[name]:
                if not re.fullmatch(r"[A-Za-z0-9_]+", text):
                    form.fail(name, f"'{text}' is not a valid choice for this field.")
    if "isolation" in form:
        found["isolation"] = form.choice("isolation", "unchanged", _ISOLATION)
    if "bootstrap" in form or "bootstrap_image" in form:
        found |= _bootstrap(form)
    return found


def _modules(form: Form) -> list[str]:
    names = form.words("additional_modules", ",")
    for name in names:
        if not re.fullmatch(r"!?[^-:\s][^:\s]*:[^:\s]+", name):
            form.fail(
                "module_toggle",
                f"Module name '{name}' must consist of two parts separated with colon, e.g. module:stream",
            )
            return names
    modules = [name.partition(":")[0] for name in names]
    twice = next((module for module in modules if modules.count(module) > 1), None)
    if twice is not None:
        form.fail("module_toggle", f"Module name '{twice}' specified multiple times")
    return names


def _bootstrap(form: Form) -> dict[str, Any]:
    image = form.text("bootstrap_image").strip()
    kind = form.choice("bootstrap", "custom_image" if image else "unchanged", _BOOTSTRAP)
    if kind == "custom_image" and not image:
        form.fail("bootstrap_image", "Custom image is selected, but not specified")
    elif image and not _IMAGE.fullmatch(image):
        form.fail("bootstrap_image", _BAD_IMAGE)
    return {"bootstrap": kind, "bootstrap_image": image or None}
