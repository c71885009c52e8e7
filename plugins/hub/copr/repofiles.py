"""How a machine enables the repositories of a project (copr.md, section 4.5)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from moromi_hub.plugin_api import Call

from . import chroots, names, project_queries, projects, results, signing
from .errors import NotFound
from .model import Chroot, Directory, Project
from .settings import CONFIG

_BY_RELEASEVER = frozenset({"fedora", "centos-stream", "opensuse-leap", "mageia"})


class NoSuchChroot(NotFound):
    """The project is there, but not for that release; `header` tells dnf what there is."""

    def __init__(self, text: str, available: list[str]) -> None:
        super().__init__(text)
        data = json.dumps({"available chroots": available}).encode()
        self.header = base64.b64encode(data).decode()


def find(call: Call, owner: str, dirname: str) -> tuple[Project, Directory]:
    """A directory of a project. Raises NotFound."""
    project = projects.get(call, owner, names.project_of(dirname))
    directory = project_queries.find_directory(call.tx, project.id, dirname)
    if directory is None:
        raise NotFound(f"Project {owner}/{dirname} does not exist.")
    return project, directory


def repo_file(call: Call, owner: str, dirname: str, release: str, arch: str | None) -> str:
    """The text of a .repo file. Raises NotFound, NoSuchChroot."""
    project, _directory = find(call, owner, dirname)
    enabled = [each.chroot for each in chroots.of_project(call, project)]
    fitting = [each for each in enabled if each.release == release and arch in (None, each.arch)]
    if not fitting:
        wanted = release if arch is None else f"{release}-{arch}"
        raise NoSuchChroot(f"Chroot {wanted} does not exist in {owner}/{dirname}", [c.name for c in enabled])
    sections = [_section(call, project, dirname, fitting[0])]
    if arch == "x86_64" and project.settings.multilib:
        sections += [
            _multilib(call, project, dirname, each)
            for each in enabled
            if each.release == release and each.arch == "i386"
        ]
    sections += _dependencies(call, project, fitting[0])
    return "\n".join(sections)


def section_id(call: Call, owner: str, dirname: str, kind: str = "copr") -> str:
    """What the repository of a directory is called on machines."""
    return f"{kind}:{CONFIG.of(call).host}:{owner.replace('@', 'group_')}:{dirname}"


def _version(chroot: Chroot) -> str:
    plain = chroot.os in _BY_RELEASEVER and chroot.version != "cauldron"
    return "$releasever" if plain else chroot.version


def _lines(
    call: Call, project: Project, name: str, title: str, url: str, owner: str, dirname: str
) -> list[str]:
    signed = signing.is_configured(call)
    lines = [f"[{name}]", f"name={title}", f"baseurl={url}", "type=rpm-md", "skip_if_unavailable=True"]
    lines.append(f"gpgcheck={int(signed)}")
    if signed:
        lines.append(f"gpgkey={results.url(call, owner, dirname, signing.PUBLIC_KEY)}")
    lines += ["repo_gpgcheck=0", "enabled=1", "enabled_metadata=1"]
    if project.settings.module_hotfixes:
        lines.append("module_hotfixes=1")
    if project.settings.repo_priority:
        lines.append(f"priority={project.settings.repo_priority}")
    return lines


def _section(call: Call, project: Project, dirname: str, chroot: Chroot) -> str:
    owner = project.owner.name
    url = f"{results.url(call, owner, dirname)}/{chroot.os}-{_version(chroot)}-$basearch/"
    title = f"Copr repo for {dirname} owned by {owner}"
    lines = _lines(call, project, section_id(call, owner, dirname), title, url, owner, dirname)
    return "\n".join([*lines, ""])


def _multilib(call: Call, project: Project, dirname: str, chroot: Chroot) -> str:
    owner = project.owner.name
    url = f"{results.url(call, owner, dirname)}/{chroot.os}-{_version(chroot)}-i386/"
    title = f"Copr repo for {dirname} owned by {owner} (i386)"
    name = f"{section_id(call, owner, dirname)}:ml"
    return "\n".join([*_lines(call, project, name, title, url, owner, dirname), "cost=1100", ""])


# dependencies


def _walk(call: Call, project: Project) -> Iterator[tuple[str, Project | None]]:
    """The repositories that a project's packages need, and those that these need; each once."""
    seen = {project.full_name}
    todo = list(project.settings.runtime_dependencies)
    while todo:
        url = todo.pop(0)
        if url in seen:
            continue
        seen.add(url)
        reference = names.copr_reference(url)
        if reference is None:
            yield url, None
            continue
        try:
            found = projects.get(call, reference[0], names.project_of(reference[1]))
        except NotFound:
            yield url, None
            continue
        if found.full_name not in seen:
            seen.add(found.full_name)
            todo += found.settings.runtime_dependencies
            yield url, found


def _dependencies(call: Call, project: Project, chroot: Chroot) -> list[str]:
    sections = []
    for number, (url, found) in enumerate(_walk(call, project), start=1):
        about = f"Copr {CONFIG.of(call).host}/{project.full_name}"
        if found is not None:
            sections.append(_copr_dependency(call, found, chroot, f"{about} runtime dependency #{number}"))
        elif names.copr_reference(url) is not None:
            sections.append(
                f"# This repository is configured to have a runtime dependency {url}, which is gone\n"
            )
        else:
            name = names.url_id(url)
            expanded = url.replace("$chroot", f"{chroot.os}-{_version(chroot)}-$basearch")
            title = f"{about} external runtime dependency #{number} - {name}"
            lines = [f"[coprdep:{name}]", f"name={title}", f"baseurl={expanded}"]
            lines += ["type=rpm-md", "skip_if_unavailable=True", "gpgcheck=0", "repo_gpgcheck=0"]
            sections.append("\n".join([*lines, "enabled=1", "enabled_metadata=1", ""]))
    return sections


def _copr_dependency(call: Call, found: Project, chroot: Chroot, title: str) -> str:
    owner = found.owner.name
    name = section_id(call, owner, found.name, "coprdep")
    url = f"{results.url(call, owner, found.name)}/{chroot.os}-{_version(chroot)}-$basearch/"
    lines = _lines(call, found, name, f"{title} - {found.full_name}", url, owner, found.name)
    return "\n".join([*lines, ""])


# for dnf 5


def description(call: Call, owner: str, dirname: str) -> dict[str, Any]:
    """What dnf 5 makes a .repo file of."""
    try:
        project, _directory = find(call, owner, dirname)
    except NotFound as error:
        raise NotFound(f"{owner}/{dirname} copr doesn't exist") from error
    found: dict[str, Any] = {
        "results_url": CONFIG.of(call).results_url,
        "repos": _releases(call, project),
        "directories": {
            each.name: _until(_directory_end(call, each)) for each in projects.directories(call, project)
        },
        "dependencies": [_dependency(call, project, *each) for each in enumerate(_walk(call, project), 1)],
    }
    return found | _until(project.delete_on)


def _directory_end(call: Call, directory: Directory) -> datetime | None:
    if ":pr:" not in directory.name or directory.last_build_on is None:
        return None
    return directory.last_build_on + timedelta(days=CONFIG.of(call).pull_request_days)


def _until(moment: datetime | None) -> dict[str, int]:
    """In how many days something is deleted, where that is settled."""
    if moment is None:
        return {}
    return {"delete_after_days": max(0, (moment - datetime.now(UTC)).days)}


def _releases(call: Call, project: Project) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if project.settings.repo_priority:
        options["priority"] = project.settings.repo_priority
    if project.settings.module_hotfixes:
        options["module_hotfixes"] = "1"
    enabled = [each.chroot for each in chroots.of_project(call, project)]
    releases: dict[str, Any] = {}
    for chroot in enabled:
        entry: dict[str, Any] = {"opts": dict(options)}
        partners = [c for c in enabled if c.release == chroot.release and c.arch == "i386"]
        if chroot.arch == "x86_64" and project.settings.multilib and partners:
            entry["multilib"] = {"i386": {"opts": {**options, "cost": "1100"}}}
        releases.setdefault(chroot.release, {"arch": {}})["arch"][chroot.arch] = entry
    return releases


def _dependency(
    call: Call, project: Project, number: int, found: tuple[str, Project | None]
) -> dict[str, Any]:
    url, other = found
    about = f"Copr {CONFIG.of(call).host}/{project.full_name}"
    if other is not None:
        name = section_id(call, other.owner.name, other.name, "coprdep")
        title = f"{about} runtime dependency #{number} - {other.full_name}"
        data = {"owner": other.owner.name, "projectname": other.name}
        return {"type": "copr", "opts": {"id": name, "name": title}, "data": data}
    name = names.url_id(url)
    title = f"{about} external runtime dependency #{number} - {name}"
    options = {"id": f"coprdep:{name}", "name": title}
    return {"type": "external_baseurl", "opts": options, "data": {"pattern": url}}
