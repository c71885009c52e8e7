"""Rebuilding packages because their sources have changed elsewhere (copr.md, section 2.7)."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import Any

from moromi_hub.plugin_api import Call

from . import builds, package_queries, people, project_queries, projects
from .builds import Order
from .errors import Forbidden, NotFound
from .model import Build, BuildOptions, Package, Project
from .paging import Page
from .settings import CONFIG


def open_project(call: Call, project: Project, secret: str) -> None:
    """Go on for a project as the service account. Raises Forbidden for a wrong secret."""
    if not hmac.compare_digest(project.webhook_secret.encode(), secret.encode()):
        raise Forbidden("Wrong webhook secret")
    people.act_as_service(call)


def find(call: Call, project_id: int) -> Project:
    """A project by its number. Raises NotFound."""
    found = project_queries.get(call.tx, project_id) if 0 < project_id < 2**31 else None
    if found is None:
        raise NotFound(f"Project {project_id} does not exist.")
    return found


def clone_urls(payload: Any) -> set[str]:
    """The addresses of the repository that GitHub, GitLab or Bitbucket tell of, in one form."""
    found: set[str] = set()
    if not isinstance(payload, dict):
        return found
    for part in (payload.get("repository"), payload.get("project")):
        if isinstance(part, dict):
            links = part.get("links")
            html = links.get("html") if isinstance(links, dict) else None
            values = [
                part.get(key) for key in ("clone_url", "git_url", "html_url", "git_http_url", "web_url")
            ]
            values.append(html.get("href") if isinstance(html, dict) else None)
            found |= {plain(value) for value in values if isinstance(value, str) and value}
    return found


def plain(url: str) -> str:
    """An address without what makes no difference."""
    return url.rstrip("/").removesuffix(".git").partition("://")[2].lower()


def rebuild_matching(call: Call, project: Project, urls: Iterable[str], only: str | None) -> list[Build]:
    """Rebuild the packages that follow one of some repositories."""
    wanted = set(urls)
    found = []
    for package in package_queries.listing(call.tx, Page(), project.id):
        follows = package.source_type == "scm" and package.settings.webhook_rebuild
        if follows and plain(package.source["clone_url"]) in wanted and only in (None, package.name):
            found.append(rebuild(call, project, package, project.name))
    return found


def rebuild(call: Call, project: Project, package: Package, dirname: str) -> Build:
    """Rebuild a package, in the name of its project's owner."""
    timeout = package.settings.timeout or CONFIG.of(call).timeout
    options = BuildOptions(timeout=timeout, background=True, enable_net=project.settings.enable_net)
    order = Order(package.source_type, package.source, options, dirname, package=package)
    return builds.submit(call, people.person(call, _submitter(call, project)), project, order)


def _submitter(call: Call, project: Project) -> int:
    """The owner; for a group the first of those who are in it now."""
    members = sorted(people.owner_ids(call, project.owner))
    if not members:
        raise NotFound(f"Nobody owns {project.full_name}.")
    return members[0]


def package_of(call: Call, project: Project, name: str) -> Package:
    """A package that can be rebuilt. Raises NotFound."""
    found = package_queries.find(call.tx, project.id, name)
    if found is None or found.source_type in ("unset", "link", "upload"):
        raise NotFound(f"No package with name {name} in copr {project.name}")
    return found


def directory_of(call: Call, project: Project, dirname: str) -> str:
    """A directory of a project, which is made if it is not there. Raises BadRequest."""
    return projects.add_directory(call, project, dirname).name
