"""Reading what a package or a build is made from, and how (copr.md, section 2.8)."""

from __future__ import annotations

import re
from typing import Any

from .. import chroots, distgit, names, projects
from ..model import BuildOptions, PackageSettings, Project
from ..settings import CONFIG
from .endpoint import Api
from .form import Form, is_url

TYPES = ("scm", "distgit", "pypi", "rubygems", "custom")
FIELDS = {
    "scm": ("clone_url", "committish", "subdirectory", "spec", "scm_type", "source_build_method"),
    "distgit": ("distgit", "namespace", "committish"),
    "pypi": (
        "pypi_package_name",
        "pypi_package_version",
        "spec_generator",
        "spec_template",
        "python_versions",
    ),
    "rubygems": ("gem_name",),
    "custom": ("script", "chroot", "builddeps", "resultdir", "repos"),
}
OPTIONS = (
    "chroots",
    "exclude_chroots",
    "timeout",
    "background",
    "enable_net",
    "bootstrap",
    "isolation",
    "project_dirname",
    "after_build_id",
    "with_build_id",
    "packit_forge_project",
)
_SCRIPT = 4096
_METHODS = ("rpkg", "tito", "tito_test", "make_srpm")
_BOOTSTRAP = ("unchanged", "default", "on", "off", "image")
_ISOLATION = ("unchanged", "default", "nspawn", "simple")
_SPEC_TEMPLATES = ("", "fedora", "epel7", "mageia", "pld")


def read_source(api: Api, form: Form, kind: str, *, package: str | None = None) -> dict[str, Any]:
    """The source of a type, as it is stored; what is wrong with it is noted in the form.

    `package`: the name of the package, where that is known.
    """
    if kind == "scm":
        return _scm(form)
    if kind == "distgit":
        return _distgit(api, form, package or form.text("package_name"))
    if kind == "pypi":
        return _pypi(form)
    if kind == "rubygems":
        return {"gem_name": form.required("gem_name")}
    return _custom(api, form)


def _scm(form: Form) -> dict[str, Any]:
    url = form.required("clone_url")
    if url and not is_url(url, "http", "https", "git", "ssh", "git+ssh", "svn"):
        form.fail("clone_url", "Invalid URL.")
    spec = form.text("spec")
    if spec and not spec.endswith(".spec"):
        form.fail("spec", "RPM spec file must end with .spec")
    method = form.text("source_build_method") or form.text("srpm_build_method") or "rpkg"
    if method not in _METHODS:
        form.fail("srpm_build_method", "Not a valid choice.")
    return {
        "type": form.choice("scm_type", "git", ("git", "svn")),
        "clone_url": url,
        "committish": form.text("committish"),
        "subdirectory": form.text("subdirectory"),
        "spec": spec,
        "source_build_method": method,
    }


def _distgit(api: Api, form: Form, package: str) -> dict[str, Any]:
    instances = {each.name: each for each in CONFIG.of(api.call).distgit}
    if not names.PACKAGE_NAME.fullmatch(package):
        form.fail("package_name", "Please enter a valid package name in ^[-+_.a-zA-Z0-9]+$")
    chosen = form.text("distgit") or next(iter(instances), "")
    if chosen not in instances:
        form.fail("distgit", "Not a valid choice.")
        if instances:
            form.fail("distgit", f"DistGit ID must be one of: {', '.join(sorted(instances))}")
        return {}
    namespace = form.text("namespace")
    found = {"clone_url": distgit.clone_url(instances[chosen], package, namespace), "distgit": chosen}
    given = {"namespace": namespace, "committish": form.text("committish")}
    return found | {key: value for key, value in given.items() if value}


def _pypi(form: Form) -> dict[str, Any]:
    return {
        "pypi_package_name": form.required("pypi_package_name"),
        "pypi_package_version": form.text("pypi_package_version") or None,
        "spec_generator": form.choice("spec_generator", "pyp2spec", ("pyp2spec", "pyp2rpm")),
        "spec_template": form.choice("spec_template", "", _SPEC_TEMPLATES),
        "python_versions": form.words("python_versions"),
    }


def _custom(api: Api, form: Form) -> dict[str, Any]:
    def text(name: str) -> str:
        return form.text(name) or form.text(f"script_{name}")

    script = form.text("script")
    if not script.strip():
        form.fail("script", "This field is required.")
    elif len(script.encode()) > _SCRIPT:
        form.fail("script", "Maximum script size is 4kB")
    chroot = text("chroot") or "fedora-latest-x86_64"
    known = {each.name for each in chroots.active(api.call)}
    if chroot not in known and not re.fullmatch(r"fedora-latest-\w+", chroot):
        form.fail("chroot", "Not a valid choice.")
    repos = "repos" if form.text("repos") else "script_repos"
    urls = form.urls(repos, "http", "https", "copr", field="repos")
    form.fail("repos", *projects.missing_references(api.call, urls))
    return {
        "script": script,
        "chroot": chroot,
        "builddeps": text("builddeps"),
        "resultdir": text("resultdir"),
        "repos": " ".join(urls),
    }


def read_package_settings(api: Api, form: Form, project: Project, old: PackageSettings) -> PackageSettings:
    """The settings of a package; those that are not given stay."""
    patterns = old.chroot_denylist
    if "chroot_denylist" in form:
        patterns = form.words("chroot_denylist", ",")
        _check_denylist(api, form, project, patterns)
    return PackageSettings(
        webhook_rebuild=form.boolean("webhook_rebuild", old.webhook_rebuild),
        max_builds=form.integer("max_builds", old.max_builds, 0, 100),
        timeout=form.integer("timeout", old.timeout, 0, CONFIG.of(api.call).timeout_max),
        chroot_denylist=patterns,
    )


def _check_denylist(api: Api, form: Form, project: Project, patterns: list[str]) -> None:
    from fnmatch import filter as matching

    enabled = [each.name for each in chroots.of_project(api.call, project)]
    left = set(enabled)
    for pattern in patterns:
        matches = matching(enabled, pattern)
        if not matches:
            form.fail("chroot_denylist", f'no chroot matched by pattern "{pattern}"')
        left -= set(matches)
    if enabled and not left:
        form.fail("chroot_denylist", "patterns are deny-listing all chroots")


def read_options(
    api: Api, form: Form, project: Project, package: PackageSettings | None = None
) -> BuildOptions:
    """How a build is to be made."""
    config = CONFIG.of(api.call)
    default = (package.timeout if package else 0) or config.timeout
    return BuildOptions(
        timeout=form.integer("timeout", default, 0, config.timeout_max) or default,
        background=form.boolean("background"),
        enable_net=form.boolean("enable_net", project.settings.enable_net),
        bootstrap=form.choice("bootstrap", "unchanged", _BOOTSTRAP),
        isolation=form.choice("isolation", "unchanged", _ISOLATION),
    )
