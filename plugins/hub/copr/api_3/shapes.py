"""What projects, packages and builds look like in answers (copr.md, section 2.5)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from moromi_hub.plugin_api import Call

from .. import builds, mock_options, names, packages, projects, results
from ..model import Build, ChrootState, Package, Project, ProjectChroot
from ..settings import CONFIG

Shape = dict[str, Any]


def seconds(moment: datetime | None) -> int | None:
    """A time on the wire."""
    return None if moment is None else int(moment.timestamp())


# projects


def project_list(call: Call, found: Collection[Project]) -> list[Shape]:
    """Projects with the addresses of their repositories."""
    chroots = projects.chroot_names(call, found)
    return [_project(call, each, chroots[each.id]) for each in found]


def project(call: Call, found: Project) -> Shape:
    """One project."""
    return project_list(call, [found])[0]


_PLAIN = (
    "homepage",
    "contact",
    "instructions",
    "devel_mode",
    "persistent",
    "auto_prune",
    "enable_net",
    "module_hotfixes",
    "appstream",
    "follow_fedora_branching",
    "additional_repos",
    "packit_forge_projects_allowed",
    "bootstrap",
    "isolation",
    "repo_priority",
)


def _project(call: Call, found: Project, chroots: Sequence[str]) -> Shape:
    owner = found.owner.name
    urls = {chroot: results.chroot_url(call, owner, found.name, chroot) for chroot in chroots}
    return {
        "id": found.id,
        "name": found.name,
        "ownername": owner,
        "full_name": found.full_name,
        "description": found.description,
        "unlisted_on_hp": found.unlisted_on_hp,
        "chroot_repos": urls,
        "storage": "backend",
        **{name: getattr(found.settings, name) for name in _PLAIN},
    }


# chroots of projects


def project_chroot(call: Call, found: Project, chroot: ProjectChroot) -> Shape:
    """A chroot of a project."""
    settings = chroot.settings
    days = None
    if chroot.disabled_on is not None:
        ends = chroot.disabled_on + timedelta(days=CONFIG.of(call).grace_days)
        days = max(0, (ends - datetime.now(ends.tzinfo)).days)
    return {
        "mock_chroot": chroot.name,
        "ownername": found.owner.name,
        "projectname": found.name,
        "comps_name": settings.comps_name,
        "additional_repos": settings.additional_repos,
        "additional_packages": settings.additional_packages,
        "additional_modules": settings.additional_modules,
        "with_opts": settings.with_opts,
        "without_opts": settings.without_opts,
        "delete_after_days": days,
        "isolation": settings.isolation,
    }


def build_config(call: Call, found: Project, chroot: ProjectChroot, dirname: str | None = None) -> Shape:
    """What is built with in a chroot of a project."""
    settings = chroot.settings
    config: Shape = {
        "chroot": chroot.name,
        "repos": repos(call, found, chroot, dirname),
        "additional_repos": _raw_repos(found, chroot),
        "additional_packages": settings.additional_packages,
        "additional_modules": settings.additional_modules,
        "with_opts": settings.with_opts,
        "without_opts": settings.without_opts,
        "enable_net": found.settings.enable_net,
        "isolation": mock_options.effective(settings.isolation, found.settings.isolation),
    }
    bootstrap = mock_options.effective(settings.bootstrap, found.settings.bootstrap)
    if bootstrap != "default":
        config["bootstrap"] = bootstrap
        config["bootstrap_image"] = settings.bootstrap_image
    return config


def _raw_repos(found: Project, chroot: ProjectChroot) -> list[str]:
    own = [f"copr://{found.full_name}"]
    if found.settings.devel_mode:
        own.append(f"copr://{found.full_name}/devel")
    return [*own, *chroot.settings.additional_repos, *found.settings.additional_repos]


def repos(call: Call, found: Project, chroot: ProjectChroot, dirname: str | None) -> list[Shape]:
    """The repositories that are built with, in their order."""
    owner = found.owner.name
    base = results.chroot_url(call, owner, found.name, chroot.name)
    entries = [_repo("copr_base", "Copr repository", base, found, gpgcheck=False)]
    if found.settings.devel_mode:
        entries.append(_repo("copr_base_devel", "Copr buildroot", f"{base}{results.DEVEL}/", found))
    if dirname is not None and dirname != found.name:
        url = results.chroot_url(call, owner, dirname, chroot.name)
        entries.append(_repo("copr_coprdir", "Coprdir repository", url, found))
    for url in (*found.settings.additional_repos, *chroot.settings.additional_repos):
        entries.append(_additional(call, chroot, url))
    return entries


def _repo(name: str, title: str, url: str, found: Project, *, gpgcheck: bool | None = None) -> Shape:
    return {
        "id": name,
        "name": title,
        "baseurl": url,
        "module_hotfixes": found.settings.module_hotfixes or None,
        "priority": found.settings.repo_priority,
        "repo_gpgcheck": gpgcheck,
    }


def _additional(call: Call, chroot: ProjectChroot, given: str) -> Shape:
    url, priority = split_priority(given)
    name = names.url_id(url)
    return {
        "id": name,
        "name": f"Additional repo {name}",
        "baseurl": address(call, chroot, url),
        "module_hotfixes": None,
        "priority": priority,
        "repo_gpgcheck": None,
    }


def split_priority(url: str) -> tuple[str, int | None]:
    """A repository's URL, and the priority that was written behind it."""
    base, mark, query = url.partition("?")
    priority = None
    kept = []
    for part in query.split("&") if mark else ():
        key, _, value = part.partition("=")
        if key == "priority" and value.isdecimal() and len(value) < 10:
            priority = int(value)
        else:
            kept.append(part)
    return base + ("?" + "&".join(kept) if kept else ""), priority


def address(call: Call, chroot: ProjectChroot, url: str) -> str:
    """Where the packages of a repository are for a chroot."""
    reference = names.copr_reference(url)
    if reference is not None:
        return results.chroot_url(call, *reference, chroot.name)
    each = chroot.chroot
    return url.replace("$chroot", each.name).replace("$distname", each.os)


# packages


def package_list(
    call: Call, found: Collection[Package], owner: Project, *, latest: bool, succeeded: bool
) -> list[Shape]:
    """Packages, with the builds that are asked for."""
    newest = packages.latest(call, found) if latest else {}
    good = packages.latest(call, found, succeeded=True) if succeeded else {}
    return [package(call, each, owner, newest.get(each.id), good.get(each.id)) for each in found]


def package(
    call: Call, found: Package, owner: Project, latest: Build | None = None, good: Build | None = None
) -> Shape:
    """One package."""
    return {
        "id": found.id,
        "name": found.name,
        "ownername": owner.owner.name,
        "projectname": owner.name,
        "source_type": found.source_type,
        "source_dict": found.source,
        "auto_rebuild": found.settings.webhook_rebuild,
        "builds": {
            "latest": None if latest is None else build(call, latest),
            "latest_succeeded": None if good is None else build(call, good),
        },
    }


# builds


def build(call: Call, found: Build) -> Shape:
    """One build."""
    starts = [each.started_on for each in found.chroots if each.started_on]
    ends = [each.ended_on for each in found.chroots if each.ended_on]
    ended = bool(ends) and len(ends) == len(found.chroots)
    return {
        "id": found.id,
        "state": found.state.name,
        "ownername": found.owner,
        "projectname": found.project,
        "project_dirname": found.dirname,
        "repo_url": results.url(call, found.owner, found.project),
        "source_package": {
            "name": found.package,
            "version": found.version,
            "url": None if found.srpm is None else f"{results.source_url(call, found)}{found.srpm}",
        },
        "submitted_on": seconds(found.submitted_on),
        "started_on": seconds(min(starts)) if starts else None,
        "ended_on": seconds(max(ends)) if ended else None,
        "submitter": found.submitter,
        "chroots": [each.name for each in found.chroots],
        "is_background": found.options.background,
    }


def build_chroot(call: Call, found: Build, chroot: ChrootState) -> Shape:
    """A chroot of a build."""
    return {
        "name": chroot.name,
        "state": chroot.state.name,
        "started_on": seconds(chroot.started_on),
        "ended_on": seconds(chroot.ended_on),
        "result_url": results.result_url(call, found, chroot),
    }


def source_chroot(call: Call, found: Build) -> Shape:
    """The step that gets the sources."""
    return {"state": found.source_state.name, "result_url": results.source_url(call, found)}


def built(call: Call, found: Build, chroots: Sequence[ChrootState]) -> dict[str, Shape]:
    """What was built: `{chroot: {packages: [NEVRA]}}`."""
    made = builds.built_packages(call, chroots)
    return {name: {"packages": packages_} for name, packages_ in made.items()}
