"""The endpoints of permissions (copr.md, section 3)."""

from __future__ import annotations

from .. import permissions, projects
from .endpoint import Answer, Api, endpoint

_PROJECT = "<ownername>/<projectname>"


@endpoint("GET", f"/project/permissions/can_build_in/<who>/{_PROJECT}")
def can_build_in(api: Api) -> Answer:
    """Whether a user may build in a project."""
    found = projects.get(api.call, api.path["ownername"], api.path["projectname"])
    return {
        "who": api.path["who"],
        "ownername": found.owner.name,
        "projectname": found.name,
        "can_build_in": permissions.can_build(api.call, api.path["who"], found),
    }


@endpoint("GET", f"/project/permissions/get/{_PROJECT}", login=True)
def get_permissions(api: Api) -> Answer:
    """The levels of all users of a project."""
    found = projects.get_administrable(api.call, api.who, api.path["ownername"], api.path["projectname"])
    return {"permissions": permissions.stored(api.call, found)}


@endpoint("PUT", f"/project/permissions/set/{_PROJECT}", login=True)
def set_permissions(api: Api) -> Answer:
    """Set levels of users: `{user: {permission: level}}`."""
    found = projects.get_administrable(api.call, api.who, api.path["ownername"], api.path["projectname"])
    return {"updated": permissions.change(api.call, api.who, found, api.body.json_only())}


endpoint("POST", f"/project/permissions/set/{_PROJECT}", login=True)(set_permissions)


@endpoint("PUT", f"/project/permissions/request/{_PROJECT}", login=True, deprecated=("POST",))
def request_permissions(api: Api) -> Answer:
    """Ask for permissions, or give them up: `{permission: true or false}`."""
    found = projects.get(api.call, api.path["ownername"], api.path["projectname"], lock=True)
    return {"updated": permissions.request(api.call, api.who, found, api.body.json_only())}
