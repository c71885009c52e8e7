"""The endpoints of projects."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from .. import access, chroots, forking, projects
from ..errors import Forbidden, Invalid, NotFound
from ..model import Chroot, Settings
from . import shapes
from .endpoint import Answer, Api, endpoint
from .form import Form, is_true, is_url, page, paged

PAGE = ("limit", "offset", "order", "order_type")
FIELDS = (
    "name",
    "chroots",
    "description",
    "instructions",
    "homepage",
    "contact",
    "additional_repos",
    "runtime_dependencies",
    "enable_net",
    "unlisted_on_hp",
    "devel_mode",
    "persistent",
    "auto_prune",
    "bootstrap",
    "isolation",
    "delete_after_days",
    "multilib",
    "fedora_review",
    "module_hotfixes",
    "appstream",
    "follow_fedora_branching",
    "repo_priority",
    "packit_forge_projects_allowed",
    "storage",
)
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+|[^@\s]+@localhost")
_SWITCHES = (
    "enable_net",
    "devel_mode",
    "auto_prune",
    "multilib",
    "fedora_review",
    "module_hotfixes",
    "appstream",
    "follow_fedora_branching",
)
_ALIASES = {"repos": "additional_repos", "disable_createrepo": "devel_mode"}
BOOTSTRAP = ("default", "on", "off", "image")
ISOLATION = ("default", "nspawn", "simple")


def project_form(values: dict[str, Any]) -> Form:
    """The fields, older names replaced by today's."""
    given = dict(values)
    for old, new in _ALIASES.items():
        if old in given:
            given.setdefault(new, given.pop(old))
    if "use_bootstrap_container" in given:
        given.setdefault("bootstrap", "on" if is_true(given["use_bootstrap_container"]) else "off")
    return Form(given)


def read_settings(api: Api, form: Form) -> dict[str, Any]:
    """The settings that are given; what is wrong with them is noted in the form."""
    found: dict[str, Any] = {name: form.boolean(name) for name in _SWITCHES if name in form}
    if "instructions" in form:
        found["instructions"] = form.text("instructions")
    if "homepage" in form:
        found["homepage"] = form.url("homepage")
    if "contact" in form:
        found["contact"] = _contact(form)
    for name in ("additional_repos", "runtime_dependencies"):
        if name in form:
            found[name] = form.urls(name, "http", "https", "copr")
            form.fail(name, *projects.missing_references(api.call, found[name]))
    if "bootstrap" in form:
        found["bootstrap"] = form.choice("bootstrap", "default", BOOTSTRAP)
    if "isolation" in form:
        found["isolation"] = form.choice("isolation", "default", ISOLATION)
    if form.values.get("repo_priority") not in (None, ""):
        found["repo_priority"] = form.integer("repo_priority", 1, 1)
    if "packit_forge_projects_allowed" in form:
        patterns = form.words("packit_forge_projects_allowed")
        found["packit_forge_projects_allowed"] = [re.sub("^[a-z]+://", "", text) for text in patterns]
    if form.text("storage", "backend") not in ("", "backend"):
        form.fail("storage", "Not a valid choice.")
    return found


def _contact(form: Form) -> str | None:
    text = form.text("contact").strip()
    if text and not _MAIL.fullmatch(text) and not is_url(text):
        form.fail("contact", "Contact must be email address or URL")
    return text or None


def read_deletion(form: Form) -> int | None:
    """After how many days a project is to go; -1 is never, None as before."""
    if form.values.get("delete_after_days") in (None, ""):
        return None
    return form.integer("delete_after_days", -1, -1, 720)


def read_chroots(api: Api, form: Form) -> list[Chroot]:
    """The chroots that are given."""
    try:
        return chroots.choose(api.call, form.words("chroots"))
    except Invalid as error:
        form.fail("chroots", *error.messages["chroots"])
        return []


def _refuse_admins_fields(api: Api, form: Form) -> None:
    """Raise Forbidden for what only administrators of the hub may set."""
    if api.who.is_admin:
        return
    if form.boolean("persistent"):
        raise Forbidden("Non-admin cannot create persistent project.")
    if "auto_prune" in form and not form.boolean("auto_prune", True):
        raise Forbidden("Non-admin cannot disable auto-prunning.")
    if form.text("storage"):
        raise Forbidden("Non-admin cannot set storage")


@endpoint("GET", "/project", query=("ownername", "projectname"))
def get_project(api: Api) -> Answer:
    """A project."""
    found = projects.get(api.call, api.argument("ownername"), api.argument("projectname"))
    return shapes.project(api.call, found)


@endpoint("GET", "/project/list", query=("ownername", *PAGE))
def list_projects(api: Api) -> Answer:
    """The projects of an owner, or all."""
    wanted = page(api.query)
    found = projects.listing(api.call, wanted, api.query.get("ownername") or None)
    return paged(shapes.project_list(api.call, found), wanted)


@endpoint("GET", "/project/search", query=("query", *PAGE))
def search_projects(api: Api) -> Answer:
    """The projects that a text fits."""
    text, wanted = api.argument("query"), page(api.query)
    found = projects.search(api.call, wanted, text)
    return paged(shapes.project_list(api.call, found), wanted)


@endpoint("POST", "/project/add/<ownername>", login=True, query=("exist_ok",), fields=FIELDS)
def add_project(api: Api) -> Answer:
    """A new project."""
    owner = projects.owner_for(api.call, api.who, api.path["ownername"])
    form = project_form(api.body.values)
    name = form.text("name").strip()
    if is_true(api.query.get("exist_ok", "")):
        # without one of that name it is made
        with suppress(NotFound):
            return shapes.project(api.call, projects.get(api.call, owner.name, name))
    _refuse_admins_fields(api, form)
    settings = projects.settings_with(Settings(), read_settings(api, form))
    if form.boolean("persistent"):
        settings = projects.settings_with(settings, {"persistent": True})
    days = read_deletion(form)
    if settings.persistent and days is not None:
        form.fail("delete_after_days", "'delete after' can not be combined with persistent")
    if not name:
        form.fail("name", "This field is required.")
    else:
        form.fail("name", *projects.name_problems(api.call, owner, name))
    wanted = read_chroots(api, form)
    if not wanted and "chroots" not in form.errors:
        form.fail("chroots", "At least one chroot must be selected")
    description = form.text("description")
    form.check()
    found = projects.create(
        api.call,
        owner,
        name,
        wanted,
        settings,
        description=description,
        unlisted_on_hp=form.boolean("unlisted_on_hp"),
        delete_after_days=days,
    )
    return shapes.project(api.call, found)


@endpoint(
    "PUT", "/project/edit/<ownername>/<projectname>", login=True, deprecated=("POST",), fields=FIELDS[1:]
)
def edit_project(api: Api) -> Answer:
    """Change a project: what is given, and nothing else."""
    found = projects.get_editable(api.call, api.who, api.path["ownername"], api.path["projectname"])
    form = project_form(api.body.values)
    _refuse_admins_fields(api, form)
    settings = projects.settings_with(found.settings, read_settings(api, form))
    wanted = read_chroots(api, form)
    days = read_deletion(form)
    description = form.text("description") if "description" in form else None
    form.check()
    changed = projects.edit(
        api.call,
        found,
        settings,
        chroot_list=wanted or None,
        description=description,
        unlisted_on_hp=form.boolean("unlisted_on_hp") if "unlisted_on_hp" in form else None,
        delete_after_days=days,
    )
    return shapes.project(api.call, changed)


@endpoint("DELETE", "/project/delete/<ownername>/<projectname>", login=True, deprecated=("POST",))
def delete_project(api: Api) -> Answer:
    """Delete a project with all that was built in it."""
    found = projects.get(api.call, api.path["ownername"], api.path["projectname"], lock=True)
    projects.check_deletable(api.call, api.who, found)
    shape = shapes.project(api.call, found)
    projects.delete(api.call, found)
    return shape


@endpoint("PUT", "/project/regenerate-repos/<ownername>/<projectname>", login=True, deprecated=("POST",))
def regenerate(api: Api) -> Answer:
    """Have the metadata of all repositories written again."""
    found = projects.get_administrable(api.call, api.who, api.path["ownername"], api.path["projectname"])
    projects.regenerate(api.call, found)
    return shapes.project(api.call, found)


@endpoint("POST", "/webhook/generate/<ownername>/<projectname>", login=True)
def new_secret(api: Api) -> Answer:
    """A new secret for the webhooks of a project."""
    found = projects.get_administrable(api.call, api.who, api.path["ownername"], api.path["projectname"])
    return {
        "id": found.id,
        "name": found.name,
        "ownername": found.owner.name,
        "full_name": found.full_name,
        "webhook_secret": projects.new_webhook_secret(api.call, found),
    }


@endpoint(
    "POST",
    "/project/fork/<ownername>/<projectname>",
    login=True,
    deprecated=("PUT",),
    fields=("name", "ownername", "confirm"),
)
def fork_project(api: Api) -> Answer:
    """A copy of a project in one's own name, or that of one's group."""
    source = projects.get(api.call, api.path["ownername"], api.path["projectname"])
    form = Form(api.body.values)
    name, owner = form.text("name") or source.name, form.text("ownername")
    form.check()
    made = forking.fork(api.call, api.who, source, owner, name, confirm=form.boolean("confirm"))
    return shapes.project(api.call, made)


def may_build(api: Api, ownername: str, projectname: str, text: str) -> Any:
    """A project that the caller may build in. Raises NotFound; Forbidden with a text of the endpoint."""
    found = projects.get(api.call, ownername, projectname)
    if not access.may_build(api.call, api.who, found):
        raise Forbidden(text.format(user=api.who.name, project=found.full_name))
    return found
