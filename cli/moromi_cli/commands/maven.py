"""Building what is no RPM to begin with: Maven projects, the RPMs around them, Windows programs."""

from typing import Any

import click

from moromi.errors import GenericError
from moromi_cli import mavenini, options
from moromi_cli.commands.build import check_target
from moromi_cli.lazy import command
from moromi_cli.output import say
from moromi_cli.session import Cli
from moromi_cli.watch import submitted

LISTS = {
    "goals": "goal",
    "profiles": "profile",
    "packages": "package",
    "jvm_options": "jvm_option",
    "maven_options": "maven_option",
}
specfile_option = click.option("--specfile", metavar="URL", help="URL of a spec fragment for wrapper RPMs")
patches_option = click.option("--patches", metavar="URL", help="URL of a directory of patches")
scratch_option = click.option("--scratch", is_flag=True, help="throw-away build")
skip_tag_option = click.option("--skip-tag", is_flag=True, help="do not tag the result")
ini_option = click.option("--ini", multiple=True, metavar="FILE", help="read the parameters from this file")
section_option = click.option("-s", "--section", metavar="SECTION", help="section of the file")


def priority(background: bool) -> int | None:
    """What `--background` asks for."""
    return options.BACKGROUND_PRIORITY if background else None


@command("maven-build", "[options] <target> <URL>")
@patches_option
@click.option("-G", "--goal", multiple=True, help="run this goal before `deploy`")
@click.option("-P", "--profile", multiple=True, help="switch this profile on")
@click.option("-D", "--property", multiple=True, metavar="NAME=VALUE", help="system property for Maven")
@click.option("-E", "--env", multiple=True, metavar="NAME=VALUE", help="environment variable")
@click.option("-p", "--package", multiple=True, help="install this package too")
@click.option("-J", "--jvm-option", multiple=True, metavar="OPTION", help="option of the JVM")
@click.option("-M", "--maven-option", multiple=True, metavar="OPTION", help="option of mvn")
@ini_option
@section_option
@click.option("--debug", is_flag=True, help="run Maven verbosely")
@specfile_option
@skip_tag_option
@scratch_option
@options.wait
@options.quiet
@options.background
@click.argument("target")
@click.argument("source", metavar="URL", required=False)
def maven_build(cli: Cli, target: str, source: str | None, **given: Any) -> int:
    """Build a Maven project."""
    if bool(source) == bool(given["ini"]):
        raise cli.usage_error("A build target and a source URL are needed, or a build target and --ini")
    if given["ini"]:
        opts = from_ini(cli, given, "maven")
        opts.pop("buildrequires", None)
        source = str(opts.pop("scmurl"))
    else:
        opts = maven_options(given)
    check_target(cli, target)
    if source is None or "://" not in source:
        raise cli.usage_error(f"No such SCM URL: {source}")
    if given["debug"]:
        opts.setdefault("maven_options", []).append("--debug")
    opts |= {key: True for key in ("scratch", "skip_tag") if given[key]}
    task_id = cli.session.mavenBuild(source, target, opts, priority=priority(given["background"]))
    quiet = cli.is_quiet(given["quiet"])
    return submitted(cli, task_id, quiet=quiet, wait=options.should_wait(given["wait"]))


def from_ini(cli: Cli, given: dict[str, Any], kind: str) -> dict[str, Any]:
    """The parameters in the files that the options name."""
    try:
        found = mavenini.one_section(given["ini"], given["section"], kind)
    except ValueError as err:
        raise cli.usage_error(str(err)) from err
    found.pop("type", None)
    return found


def maven_options(given: dict[str, Any]) -> dict[str, Any]:
    """The options that were given, by the hub's names."""
    opts: dict[str, Any] = {key: list(given[option]) for key, option in LISTS.items() if given[option]}
    opts |= {key: given[key] for key in ("patches", "specfile") if given[key]}
    if given["property"]:
        opts["properties"] = mavenini.pairs(given["property"])
    if given["env"]:
        if not all("=" in text for text in given["env"]):
            raise GenericError("Environment variables must be in NAME=VALUE format")
        opts["envs"] = mavenini.pairs(given["env"])
    return opts


@command("maven-chain", "[options] <target> <config> [<config> ...]")
@skip_tag_option
@scratch_option
@click.option("--debug", is_flag=True, help="run Maven verbosely")
@click.option("--force", is_flag=True, help="rebuild what is built already")
@options.wait
@options.background
@click.argument("target")
@click.argument("files", metavar="CONFIG", nargs=-1, required=True)
def maven_chain(
    cli: Cli, target: str, files: tuple[str, ...], wait: bool | None, background: bool, **given: bool
) -> int:
    """Build a set of Maven projects, each after those that it needs."""
    check_target(cli, target)
    try:
        builds = mavenini.chain(files, given["scratch"])
    except ValueError as err:
        raise cli.usage_error(str(err)) from err
    opts = {key: True for key, value in given.items() if value}
    task_id = cli.session.chainMaven(builds, target, opts, priority=priority(background))
    return submitted(cli, task_id, quiet=False, wait=options.should_wait(wait))


@command("wrapper-rpm", "[options] <target> <build-id|n-v-r> <URL>")
@click.option("--create-build", is_flag=True, help="put the wrapper RPMs into a new build")
@ini_option
@section_option
@skip_tag_option
@scratch_option
@options.wait
@options.background
@click.option("--create-draft", is_flag=True, help="put the wrapper RPMs into a new draft build")
@click.option("--wait-repo", is_flag=True, help="wait for an up-to-date repository of the build tag")
@click.option("--wait-build", multiple=True, metavar="NVR", help="wait until this build is in the repository")
@click.argument("target")
@click.argument("build", required=False)
@click.argument("source", metavar="URL", required=False)
def wrapper_rpm(cli: Cli, target: str, build: str | None, source: str | None, **given: Any) -> int:
    """Build RPMs around the archives of a build."""
    if given["create_draft"]:
        say("Will create a draft build instead")
        if given["scratch"]:
            raise cli.usage_error("--scratch and --create-draft exclude each other")
    opts: dict[str, Any] = {"wait_builds": list(given["wait_build"])}
    opts |= {key: True for key in ("create_build", "skip_tag", "scratch", "wait_repo") if given[key]}
    if given["create_draft"]:
        opts |= {"create_build": True, "draft": True}
    if given["ini"] and build is None:
        build, source = wrapped(cli, target, given)
    if build is None or source is None:
        raise cli.usage_error("A build target, a build ID or NVR, and a URL of a spec fragment are needed")
    number: int | str = int(build) if build.isdigit() else build
    task_id = cli.session.wrapperRPM(number, source, target, priority(given["background"]), opts=opts)
    return submitted(cli, task_id, quiet=False, wait=options.should_wait(given["wait"]))


def wrapped(cli: Cli, target: str, given: dict[str, Any]) -> tuple[str, str]:
    """The latest build of the package that a section of an INI file wraps, and the spec's URL."""
    found = from_ini(cli, given, "wrapper")
    package = found["buildrequires"][0]
    tag = cli.session.getBuildTarget(target, strict=True)["dest_tag_name"]
    latest = cli.session.getLatestBuilds(tag, package=package)
    if not latest:
        raise cli.usage_error(f"No build of {package} in {tag}")
    return str(latest[0]["nvr"]), str(found["scmurl"])


@command("win-build", "[options] <target> <URL> <VM>")
@click.option("--winspec", metavar="URL", help="URL of the build descriptor")
@patches_option
@click.option("--cpus", type=int, help="CPUs of the VM (privileged)")
@click.option("--mem", type=int, help="memory of the VM in MB (privileged)")
@click.option("--static-mac", is_flag=True, help="let the VM keep its MAC address")
@specfile_option
@scratch_option
@click.option("--repo-id", type=int, metavar="ID", help="build against this repository")
@skip_tag_option
@options.background
@options.wait
@options.quiet
@click.argument("target")
@click.argument("source", metavar="URL")
@click.argument("machine", metavar="VM")
def win_build(cli: Cli, target: str, source: str, machine: str, **given: Any) -> int:
    """Build Windows programs in a virtual machine."""
    keys = ("winspec", "patches", "cpus", "mem", "static_mac", "specfile", "scratch", "repo_id", "skip_tag")
    opts = {key: given[key] for key in keys if given[key]}
    name: str | None = target
    if target.lower() == "none" and given["repo_id"]:
        name, opts["skip_tag"] = None, True
    else:
        check_target(cli, target, scratch=given["scratch"])
    task_id = cli.session.winBuild(machine, source, name, opts, priority=priority(given["background"]))
    quiet = cli.is_quiet(given["quiet"])
    return submitted(cli, task_id, quiet=quiet, wait=options.should_wait(given["wait"]))
