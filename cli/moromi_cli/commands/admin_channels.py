"""Changing channels, and switching them on and off."""

import click

from moromi.errors import ActionNotAllowed, Fault, GenericError
from moromi_cli.lazy import command
from moromi_cli.output import Failure, say, warn
from moromi_cli.session import Cli

comment_option = click.option("--comment", help="note why")


@command("edit-channel", "[options] <old-name>")
@click.option("--name", "new_name", metavar="NAME", help="new name")
@click.option("--description", help="new description")
@click.option("--comment", help="new comment")
@click.argument("name", metavar="OLD-NAME")
def edit_channel(
    cli: Cli, name: str, new_name: str | None, description: str | None, comment: str | None
) -> None:
    """Change a channel."""
    if not cli.session.getChannel(name):
        raise Failure(f"No such channel: {name}")
    given = {"name": new_name, "description": description, "comment": comment}
    try:
        changed = cli.session.editChannel(
            name, **{key: value for key, value in given.items() if value is not None}
        )
    except (GenericError, Fault) as err:
        warn(str(err))
        changed = False
    if not changed:
        raise Failure("No changes made, please correct the command line")


def switch(cli: Cli, call: str, names: tuple[str, ...], comment: str | None) -> None:
    """Enable or disable channels, all known ones. What is so already is told and is no failure."""
    with cli.session.multicall(strict=True) as calls:
        channels = {name: calls.getChannel(name, strict=False) for name in names}
    unknown = [name for name, found in channels.items() if not found.result]
    for name in unknown:
        say(f"No such channel: {name}")
    if unknown:
        raise Failure("No changes made. Please correct the command line.")
    with cli.session.multicall() as calls:
        done = [getattr(calls, call)(name, comment=comment) for name in names]
    for answer in done:
        try:
            _ = answer.result
        except ActionNotAllowed:
            raise
        except (GenericError, Fault) as err:
            warn(str(err))


@command("enable-channel", "[options] <channelname> [<channelname> ...]")
@comment_option
@click.argument("names", nargs=-1, required=True)
def enable_channel(cli: Cli, names: tuple[str, ...], comment: str | None) -> None:
    """Enable channels."""
    switch(cli, "enableChannel", names, comment)


@command("disable-channel", "[options] <channelname> [<channelname> ...]")
@comment_option
@click.argument("names", nargs=-1, required=True)
def disable_channel(cli: Cli, names: tuple[str, ...], comment: str | None) -> None:
    """Disable channels."""
    switch(cli, "disableChannel", names, comment)
