"""Who gets mail about which builds: subscriptions, and blocks that win over them."""

from collections.abc import Iterator
from typing import Any

import click

from moromi_cli.lazy import command, listing
from moromi_cli.output import Failure, Shown, say, yes_no
from moromi_cli.session import Cli

NOTICE = "{:>6} {:<25s} {:<25s} {:<20s} {:<12s}"
BLOCK = "{:>6} {:<25s} {:<25s}"
ANY = "*"


def subscriber(cli: Cli, name: str | None) -> int:
    """The user whose mail it is: oneself, or for an administrator anybody."""
    if name is None:
        return int(cli.session.getLoggedInUser()["id"])
    if not cli.session.hasPerm("admin"):
        raise cli.usage_error("--user requires admin permission")
    user = cli.session.getUser(name)
    if not user:
        raise Failure(f"No such user: {name}")
    return int(user["id"])


def package_id(cli: Cli, name: str | None) -> int | None:
    """The package's id; None for none."""
    if name is None:
        return None
    found = cli.session.getPackageID(name)
    if not found:
        raise cli.usage_error(f"No such package: {name}")
    return int(found)


def tag_id(cli: Cli, name: str | None) -> int | None:
    """The tag's id; None for none."""
    if name is None:
        return None
    found = cli.session.getTagID(name)
    if not found:
        raise cli.usage_error(f"No such tag: {name}")
    return int(found)


@command("add-notification", "[options]")
@click.option("--user", help="for this user (admin)")
@click.option("--package", help="only this package")
@click.option("--tag", help="only this tag")
@click.option("--success-only", is_flag=True, help="only builds that worked")
def add_notification(
    cli: Cli, user: str | None, package: str | None, tag: str | None, success_only: bool
) -> None:
    """Subscribe to mail about builds."""
    if not (package or tag):
        raise cli.usage_error("One of --tag and --package is needed")
    user_id = subscriber(cli, user)
    cli.session.createNotification(user_id, package_id(cli, package), tag_id(cli, tag), success_only)


@command("block-notification", "[options]")
@click.option("--user", help="for this user (admin)")
@click.option("--package", help="only this package")
@click.option("--tag", help="only this tag")
@click.option("--all", is_flag=True, help="everything")
def block_notification(cli: Cli, user: str | None, package: str | None, tag: str | None, all: bool) -> None:
    """Get no mail about some builds, or any."""
    if not (package or tag or all):
        raise cli.usage_error("One of --tag, --package and --all is needed")
    wanted = {
        "user_id": subscriber(cli, user),
        "package_id": package_id(cli, package),
        "tag_id": tag_id(cli, tag),
    }
    for block in cli.session.getBuildNotificationBlocks(wanted["user_id"]):
        if all_equal(block, wanted):
            raise cli.usage_error("Notification already exists.")
    cli.session.createNotificationBlock(*wanted.values())


def all_equal(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether the keys of `wanted` have the same values in `found`."""
    return all(found[key] == value for key, value in wanted.items())


@command("edit-notification", "[options] <notification_id>")
@click.option("--package", help="this package, * for all")
@click.option("--tag", help="this tag, * for all")
@click.option("--success-only/--no-success-only", default=None, help="only builds that worked, or all")
@click.argument("number", metavar="ID", type=int)
def edit_notification(
    cli: Cli, number: int, package: str | None, tag: str | None, success_only: bool | None
) -> None:
    """Change a subscription."""
    if package is None and tag is None and success_only is None:
        raise cli.usage_error("At least one option is needed")
    old = cli.session.getBuildNotification(number)
    if not old:
        raise Failure(f"No such notification: {number}")
    packages = old["package_id"] if package is None else package_id(cli, None if package == ANY else package)
    tags = old["tag_id"] if tag is None else tag_id(cli, None if tag == ANY else tag)
    only = old["success_only"] if success_only is None else success_only
    cli.session.updateNotification(number, packages, tags, only)


@listing("list-notifications", "[options]")
@click.option("--mine", is_flag=True, help="own ones")
@click.option("--user", help="those of this user")
def list_notifications(cli: Cli, mine: bool, user: str | None) -> Shown:
    """Subscriptions to mail, and blocks."""
    if not (mine or user):
        raise cli.usage_error("Use --user or --mine.")
    user_id = None
    if user:
        info = cli.session.getUser(user)
        if not info:
            raise Failure(f"No such user: {user}")
        user_id = info["id"]
    notices = named(cli, cli.session.getBuildNotifications(user_id))
    blocks = named(cli, cli.session.getBuildNotificationBlocks(user_id))
    data = {"notifications": notices, "blocks": blocks}
    return Shown(data, notice_lines(notices, blocks))


def named(cli: Cli, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with the names of their tags and packages, `*` for all."""
    with cli.session.multicall(strict=True) as calls:
        tags = {row["tag_id"]: calls.getTag(row["tag_id"]) for row in rows if row["tag_id"]}
        packages = {
            row["package_id"]: calls.getPackage(row["package_id"]) for row in rows if row["package_id"]
        }
    return [
        {
            **row,
            "tag": tags[row["tag_id"]].result["name"] if row["tag_id"] else ANY,
            "package": packages[row["package_id"]].result["name"] if row["package_id"] else ANY,
        }
        for row in rows
    ]


def notice_lines(notices: list[dict[str, Any]], blocks: list[dict[str, Any]]) -> Iterator[str]:
    """Two tables."""
    if notices:
        yield "Notifications"
        yield (head := NOTICE.format("ID", "Tag", "Package", "E-mail", "Success-only"))
        yield "-" * len(head)
        for row in notices:
            only = yes_no(row["success_only"])
            yield NOTICE.format(row["id"], row["tag"], row["package"], row["email"], only)
    else:
        yield "No notifications"
    yield ""
    if blocks:
        yield "Notification blocks"
        yield (head := BLOCK.format("ID", "Tag", "Package"))
        yield "-" * len(head)
        for row in blocks:
            yield BLOCK.format(row["id"], row["tag"], row["package"])
    else:
        yield "No notification blocks"


@command("remove-notification", "<notification_id> [<notification_id> ...]")
@click.argument("numbers", metavar="ID", nargs=-1, type=int, required=True)
def remove_notification(cli: Cli, numbers: tuple[int, ...]) -> None:
    """Remove subscriptions."""
    for number in numbers:
        cli.session.deleteNotification(number)
        if not cli.quiet:
            say(f"Notification {number} successfully removed.")


@command("unblock-notification", "<notification_id> [<notification_id> ...]")
@click.argument("numbers", metavar="ID", nargs=-1, type=int, required=True)
def unblock_notification(cli: Cli, numbers: tuple[int, ...]) -> None:
    """Remove blocks of mail."""
    for number in numbers:
        cli.session.deleteNotificationBlock(number)
        if not cli.quiet:
            say(f"Notification block {number} successfully removed.")
