"""Importing what is no RPM: archives of builds, and package groups from comps files."""

import os
from typing import Any

import click

from moromi_cli import options
from moromi_cli.commands.admin_tags import need_tag
from moromi_cli.lazy import command
from moromi_cli.links import linked_upload
from moromi_cli.output import say
from moromi_cli.progress import unique_path, upload
from moromi_cli.session import Cli

KINDS = ("maven", "win", "image")


@command("import-archive", "[options] <build-id|n-v-r> <archive_path> [<archive_path> ...]")
@options.noprogress
@click.option("--create-build", is_flag=True, help="make the build if it is missing")
@click.option("--link", is_flag=True, help="hard-link in place of uploading")
@click.option("--type", "kind", metavar="TYPE", help="maven, win or image")
@click.option("--type-info", metavar="INFO", help="a .pom file; relpath:platforms[:flags]; architecture")
@click.argument("build")
@click.argument("files", metavar="ARCHIVE", nargs=-1, required=True)
def import_archive(cli: Cli, build: str, files: tuple[str, ...], kind: str | None, **given: Any) -> None:
    """Import archives into a build."""
    if not kind:
        raise cli.usage_error("You must specify an archive type")
    if kind not in KINDS:
        raise cli.usage_error(f"Unsupported archive type: {kind}")
    if not (cli.session.hasPerm("admin") or cli.session.hasPerm(f"{kind}-import")):
        raise cli.usage_error(f"This action requires the {kind}-import privilege")
    if not given["type_info"]:
        raise cli.usage_error("--type-info must be specified")
    name: int | str = int(build) if build.isdigit() else build
    info = type_info(cli, kind, given["type_info"])
    if given["create_build"]:
        make_build(cli, kind, build, info)
    elif not cli.session.getBuild(name):
        raise cli.usage_error(f"No such build: {build}")
    for path in files:
        base = os.path.basename(path)
        say(f"Uploading archive: {base}")
        directory = unique_path("cli-import")
        if given["link"]:
            say(f"Linking rpm to: {cli.disk.work()}/{directory}/{base}")
            sent = linked_upload(cli.disk.work(), path, directory)
        else:
            sent = upload(cli.session, path, directory, silent=given["noprogress"])
        say()
        cli.session.importArchive(sent, name, kind, info)
        say(f"Imported: {base}")


def type_info(cli: Cli, kind: str, text: str) -> dict[str, Any]:
    """What `--type-info` says, as the hub wants it."""
    if kind == "image":
        return {"arch": text}
    if kind == "win":
        parts = text.split(":", 2)
        if len(parts) < 2:
            raise cli.usage_error("For Windows archives --type-info is relpath:platforms[:flags]")
        info: dict[str, Any] = {"relpath": parts[0], "platforms": parts[1].split()}
        return {**info, "flags": parts[2].split()} if len(parts) > 2 else info
    return read_pom(text)


def read_pom(path: str) -> dict[str, Any]:
    """Group, artifact and version of a POM file; its parent's where it has none of its own."""
    from xml.etree import ElementTree

    root = ElementTree.parse(path).getroot()
    found: dict[str, str] = {}
    for place in (root, *root.findall("{*}parent")):
        for key, name in (("group_id", "groupId"), ("artifact_id", "artifactId"), ("version", "version")):
            text = place.findtext(f"{{*}}{name}")
            if text:
                found.setdefault(key, text.strip())
    return found


def make_build(cli: Cli, kind: str, build: str, info: dict[str, Any]) -> None:
    """Make the build, or make it one of this kind."""
    from moromi.names import parse_NVR

    parts = parse_NVR(build)
    wanted = {**{key: parts[key] for key in ("name", "version", "release")}, "epoch": parts["epoch"] or None}
    if kind == "maven":
        cli.session.createMavenBuild(wanted, info)
    elif kind == "win":
        cli.session.createWinBuild(wanted, {"platform": "import"})
    else:
        cli.session.createImageBuild(wanted)


@command("import-comps", "[options] <file> <tag>")
@click.option("--force", is_flag=True, help="override blocks")
@click.argument("path", metavar="FILE")
@click.argument("tag")
def import_comps(cli: Cli, path: str, tag: str, force: bool) -> None:
    """Put the groups of a comps file into a tag."""
    from moromi_cli.comps import read_comps

    name = need_tag(cli, tag)["name"]
    for group in read_comps(path):
        say(f"Group: {group.id} ({group.settings['display_name']})")
        cli.session.groupListAdd(name, group.id, force=force, **group.settings)
        for package, facts in group.packages:
            say(f"  Package: {package}: {dict(sorted(facts.items()))!r}")
            cli.session.groupPackageListAdd(name, group.id, package, force=force, **facts)
