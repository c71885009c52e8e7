"""The monitor, and what dnf 5 asks for."""

from __future__ import annotations

from .. import monitor, projects, repofiles
from .endpoint import Answer, Api, endpoint


@endpoint("GET", "/monitor", query=("ownername", "projectname", "project_dirname", "additional_fields[]"))
def get_monitor(api: Api) -> Answer:
    """The newest build of every package in every chroot."""
    found = projects.get(api.call, api.argument("ownername"), api.argument("projectname"))
    fields = api.query.getlist("additional_fields[]")
    dirname = api.query.get("project_dirname") or None
    packages = monitor.overview(api.call, found, dirname, fields)
    return {
        "output": "ok",
        "message": "Project monitor request successful",
        "packages": packages,
    }


@endpoint("GET", "/rpmrepo/<ownername>/<dirname>/<name_release>")
def rpmrepo(api: Api) -> Answer:
    """The repositories of a project."""
    return repofiles.description(api.call, api.path["ownername"], api.path["dirname"])
