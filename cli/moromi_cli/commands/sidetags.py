"""Side tags: tags of one's own below a base tag, to build in."""

from typing import Any

import click

from moromi.errors import ActionNotAllowed
from moromi_cli.commands.repowait import RepoWait, repo_found
from moromi_cli.lazy import command, listing
from moromi_cli.output import Shown, say
from moromi_cli.session import Cli

WAIT_MINUTES = 120


@command("add-sidetag", "[options] <basetag>")
@click.option("-q", "--quiet", is_flag=True, help="do not print the name")
@click.option("-w", "--wait", is_flag=True, help="wait for its repository")
@click.option("--debuginfo", is_flag=True, help="its repositories contain debuginfo")
@click.option("--suffix", metavar="SUFFIX", help="of the name (must be allowed on the hub)")
@click.argument("basetag")
def add_sidetag(cli: Cli, basetag: str, quiet: bool, wait: bool, debuginfo: bool, suffix: str | None) -> None:
    """Make a side tag and print its name."""
    extra = {} if suffix is None else {"suffix": suffix}
    try:
        tag = cli.session.createSideTag(basetag, debuginfo=debuginfo, **extra)
    except ActionNotAllowed as err:
        raise cli.usage_error("Policy violation") from err
    quiet = cli.is_quiet(quiet)
    if not quiet:
        say(tag["name"])
    if wait:
        check = cli.session.repo.request(tag["id"], min_event=cli.session.tagLastChangeEvent(tag["id"]))
        waiter = RepoWait(cli, tag, WAIT_MINUTES, verbose=False, quiet=quiet)
        repo_found(cli, check["repo"] or waiter.request(check["request"]), quiet).print(as_json=False)


@command("edit-sidetag", "[options] <sidetag>")
@click.option("--debuginfo/--no-debuginfo", default=None, help="whether its repositories contain debuginfo")
@click.option("--rpm-macro", "macros", multiple=True, metavar="KEY=VALUE", help="set an RPM macro")
@click.option("--remove-rpm-macro", "removed", multiple=True, metavar="KEY", help="remove an RPM macro")
@click.argument("sidetag")
def edit_sidetag(
    cli: Cli, sidetag: str, debuginfo: bool | None, macros: tuple[str, ...], removed: tuple[str, ...]
) -> None:
    """Change a side tag."""
    changes: dict[str, Any] = {}
    if debuginfo is not None:
        changes["debuginfo"] = debuginfo
    if macros:
        changes["rpm_macros"] = dict(split_macro(cli, text) for text in macros)
    if removed:
        changes["remove_rpm_macros"] = list(removed)
    if not changes:
        raise cli.usage_error("At least one option needs to be specified")
    cli.session.editSideTag(sidetag, **changes)


def split_macro(cli: Cli, text: str) -> tuple[str, str]:
    """`KEY=VALUE`."""
    key, equals, value = text.partition("=")
    if not equals:
        raise cli.usage_error(f"Missing value in {text!r}: use KEY=VALUE")
    return key, value


@listing("list-sidetags", "[options]", anonymous=False)
@click.option("--basetag", metavar="BASETAG", help="of this base tag")
@click.option("--user", metavar="USER", help="of this user")
@click.option("--mine", is_flag=True, help="own ones")
def list_sidetags(cli: Cli, basetag: str | None, user: str | None, mine: bool) -> Shown:
    """Names of side tags."""
    if mine and user:
        raise cli.usage_error("Specify only one of --user and --mine")
    if mine:
        user = cli.session.getLoggedInUser()["name"]
    found = cli.session.listSideTags(basetag=basetag, user=user)
    return Shown(found, sorted(tag["name"] for tag in found))


@command("remove-sidetag", "<sidetag> ...")
@click.argument("sidetags", nargs=-1, required=True)
def remove_sidetag(cli: Cli, sidetags: tuple[str, ...]) -> None:
    """Remove side tags."""
    with cli.session.multicall(strict=True) as calls:
        for sidetag in sidetags:
            calls.removeSideTag(sidetag)
