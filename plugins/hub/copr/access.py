"""What people may do in projects (copr.md, section 3.2)."""

from __future__ import annotations

from moromi_hub.plugin_api import Call

from . import people, project_queries
from .model import Level, Project
from .people import Person


def may_build(call: Call, who: Person, project: Project) -> bool:
    """Letter B: owner, member, builder, admin, hub admin."""
    return _may(call, who, project, "builder", "admin")


def may_edit(call: Call, who: Person, project: Project) -> bool:
    """Letter E: owner, member, admin, hub admin."""
    return _may(call, who, project, "admin")


def may_delete(call: Call, who: Person, project: Project) -> bool:
    """Letter X: as for editing."""
    return may_edit(call, who, project)


def _may(call: Call, who: Person, project: Project, *permissions: str) -> bool:
    if who.is_admin or people.owns(who, project.owner):
        return True
    levels = project_queries.level(call.tx, project.id, who.id)
    return any(levels[name] == Level.approved for name in permissions)
