"""`clone-tag`: a copy of a tag, which the hub makes."""

from typing import Any

import click

from moromi.errors import GenericError
from moromi_cli import options
from moromi_cli.commands.admin_tags import need_permission
from moromi_cli.lazy import command
from moromi_cli.output import asctime, say
from moromi_cli.session import Cli

PARTS = ("config", "groups", "pkgs", "builds")


@command("clone-tag", "[options] <src-tag> <dst-tag>")
@click.option("--config", is_flag=True, help="copy the settings")
@click.option("--groups", is_flag=True, help="copy the package groups")
@click.option("--pkgs", is_flag=True, help="copy the package list")
@click.option("--builds", is_flag=True, help="copy the tagged builds (with --pkgs)")
@click.option("--all", is_flag=True, help="copy all four")
@click.option("--latest-only", is_flag=True, help="only the latest build of each package")
@click.option("--inherit-builds", is_flag=True, help="inherited builds too")
@options.event
@click.option(
    "--no-delete", "delete", is_flag=True, flag_value=False, default=True, help="keep what is there"
)
@click.option("-v", "--verbose", is_flag=True, hidden=True)
@click.option("--notify", is_flag=True, hidden=True)
@click.option("-f", "--force", is_flag=True, help="ignore locks")
@click.option("-n", "--test", is_flag=True, hidden=True)
@click.option("--batch", type=int, default=100, hidden=True)
@click.argument("source")
@click.argument("target")
def clone_tag(cli: Cli, source: str, target: str, **given: Any) -> None:
    """Copy a tag into a new or an existing one."""
    check(cli, source, target, given)
    at = options.find_event(cli, given["event"], given["ts"], given["repo"])
    event: dict[str, Any] = {}
    if at is not None:
        event = {"event": at["id"]}
        say(f"Cloning at event {at['id']} ({asctime(at['ts'])})")
    try:
        origin = cli.session.getBuildConfig(source, **event)
    except GenericError as err:
        raise cli.usage_error(f"No such src-tag: {source}") from err
    there = cli.session.getTag(target)
    if not given["force"] and (origin["locked"] or (there and there["locked"])):
        raise cli.usage_error(
            "Error: You are attempting to clone from or to a tag which is locked.\n"
            "Please use --force if this is what you really want to do."
        )
    wanted = {part: given[part] or given["all"] for part in PARTS}
    wanted |= {key: given[key] for key in ("latest_only", "inherit_builds", "force")}
    wanted["event"] = event.get("event")
    if there:
        cli.session.snapshotTagModify(origin["id"], target, remove=given["delete"], **wanted)
    else:
        cli.session.snapshotTag(origin["id"], target, **wanted)


def check(cli: Cli, source: str, target: str, given: dict[str, Any]) -> None:
    """What cannot be; and whether the user may."""
    if given["test"]:
        raise cli.usage_error("--test: the hub does the work, and has no such mode")
    if given["batch"] < 0:
        raise cli.usage_error("batch size must be bigger than zero")
    need_permission(cli, "tag")
    if source == target:
        raise cli.usage_error("Source and destination tags must be different.")
    if given["builds"] and not (given["pkgs"] or given["all"]):
        raise cli.usage_error("--builds can't be used without also specifying --pkgs")
