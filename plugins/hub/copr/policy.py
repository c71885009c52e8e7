"""What the policies of the site are told of builds of projects (copr.md, section 4.2)."""

from __future__ import annotations

from moromi_hub.plugin_api import LeadingRules, PolicyData, PolicyTest, call_of, tags, targets, tasks, users

from . import access, build_queries, chroot_queries, names, people, project_queries


class CoprCanBuildTest(PolicyTest):
    """`copr_can_build`: a draft for a target of a project in which the acting user may build."""

    name = "copr_can_build"

    def run(self, data: PolicyData) -> bool:
        """Whether it is."""
        call = call_of(data)
        if not data.get("draft") or data.get("target") is None:
            return False
        target = targets.get_target(call, data["target"])
        if target is None or not target["name"].startswith(names.TAG_PREFIXES):
            return False
        project_id = chroot_queries.project_of_tag(call.tx, target["dest_tag"])
        project = None if project_id is None else project_queries.get(call.tx, project_id)
        user_id = users.find_user_id(call, data["user_id"]) if "user_id" in data else None
        if user_id is None and call.session is not None:
            user_id = call.session.user_id
        if project is None or user_id is None or tags.get_tag(call, target["dest_tag"]) is None:
            return False
        return access.may_build(call, people.person(call, user_id), project)


GIVEN = "copr_given"
"""Key of a call's plugin data: the call brings finished packages to a project."""


class CoprTaskTest(PolicyTest):
    """`copr_task`: the task in question builds for a project, or the call brings packages to one."""

    name = "copr_task"

    def run(self, data: PolicyData) -> bool:
        """Whether it does."""
        call = call_of(data)
        if GIVEN in call.plugin_data:
            return True
        task = None if data.get("task_id") is None else tasks.get_task(call, data["task_id"])
        parent = None if task is None else task["parent"]
        return parent is not None and build_queries.by_task(call.tx, parent) is not None


FROM_SRPM = LeadingRules("build_from_srpm", "copr_can_build :: allow")
RPM = LeadingRules("build_rpm", "copr_can_build :: allow")
BESIDE = LeadingRules("draft_beside_release", "copr_task :: allow")
"""Projects build what has been released elsewhere on the hub."""
