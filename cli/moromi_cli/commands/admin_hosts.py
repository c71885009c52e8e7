"""Builders and channels: registering, changing, switching on and off."""

from typing import Any

import click

from moromi.arches import parse_text
from moromi.errors import GenericError
from moromi_cli import options
from moromi_cli.lazy import command
from moromi_cli.output import Failure, say, warn
from moromi_cli.session import Cli

comment_option = click.option("--comment", help="note why")


def need_host(cli: Cli, name: str) -> dict[str, Any]:
    """The builder, or exit 1."""
    host: dict[str, Any] | None = cli.session.getHost(name)
    if not host:
        raise Failure(f"No such host: {name}")
    return host


@command("add-host", "[options] <hostname> <arch> [<arch> ...]")
@click.option("--krb-principal", help="Kerberos principal, if not the usual one")
@options.force
@click.argument("name")
@click.argument("arches", nargs=-1, required=True)
def add_host(cli: Cli, name: str, arches: tuple[str, ...], krb_principal: str | None, force: bool) -> None:
    """Register a builder."""
    if cli.session.getHost(name):
        raise Failure(f"{name} is already in the database")
    extra = {"krb_principal": krb_principal} if krb_principal else {}
    host_id = cli.session.addHost(name, list(arches), force=force, **extra)
    say(f"{name} added: id {host_id}")


@command("edit-host", "[options] <hostname> [<hostname> ...]")
@click.option("--arches", help="architectures")
@click.option("--capacity", type=float, help="capacity")
@click.option("--description", help="description")
@click.option("--comment", help="comment")
@click.argument("names", nargs=-1, required=True)
def edit_host(cli: Cli, names: tuple[str, ...], **given: Any) -> None:
    """Change builders."""
    changes = {key: value for key, value in given.items() if value is not None}
    if "arches" in changes:
        changes["arches"] = parse_text(changes["arches"])
    check_hosts(cli, names, warn, "No changes made, please correct the command line")
    with cli.session.multicall(strict=True) as calls:
        results = [calls.editHost(name, **changes) for name in names]
    for name, call in zip(names, results, strict=True):
        say(f"Edited {name}" if call.result else f"No changes made to {name}")


def check_hosts(cli: Cli, names: tuple[str, ...], tell: Any, end: str) -> None:
    """All of these builders are known; else they are named, exit 1."""
    with cli.session.multicall(strict=True) as calls:
        hosts = [calls.getHost(name) for name in names]
    missing = [name for name, call in zip(names, hosts, strict=True) if not call.result]
    for name in missing:
        tell(f"No such host: {name}")
    if missing:
        raise Failure(end)


def switch_hosts(cli: Cli, call: str, names: tuple[str, ...], comment: str | None) -> None:
    """`enableHost` or `disableHost`, with the comment."""
    check_hosts(cli, names, say, "No changes made. Please correct the command line.")
    with cli.session.multicall(strict=True) as calls:
        for name in names:
            calls.call(call, name)
            if comment is not None:
                calls.editHost(name, comment=comment)


@command("enable-host", "[options] <hostname> [<hostname> ...]")
@comment_option
@click.argument("names", nargs=-1, required=True)
def enable_host(cli: Cli, names: tuple[str, ...], comment: str | None) -> None:
    """Enable builders."""
    switch_hosts(cli, "enableHost", names, comment)


@command("disable-host", "[options] <hostname> [<hostname> ...]")
@comment_option
@click.argument("names", nargs=-1, required=True)
def disable_host(cli: Cli, names: tuple[str, ...], comment: str | None) -> None:
    """Disable builders."""
    switch_hosts(cli, "disableHost", names, comment)


@command("add-channel", "[options] <channel_name>")
@click.option("--description", help="description")
@click.argument("name")
def add_channel(cli: Cli, name: str, description: str | None) -> None:
    """Create a channel."""
    try:
        channel_id = cli.session.addChannel(name, description=description)
    except GenericError as err:
        if "already exists" in str(err):
            raise Failure(f"channel {name} already exists") from err
        raise Failure(str(err)) from err
    say(f"{name} added: id {channel_id}")


@command("add-host-to-channel", "[options] <hostname> <channel>")
@click.option("--list", "list_all", is_flag=True, hidden=True)
@click.option("--new", is_flag=True, help="create the channel")
@options.force
@click.argument("name", required=False)
@click.argument("channel", required=False)
def add_host_to_channel(
    cli: Cli, name: str | None, channel: str | None, list_all: bool, new: bool, force: bool
) -> None:
    """Put a builder in a channel."""
    if list_all:
        for item in cli.session.listChannels():
            say(item["name"])
        return
    if name is None or channel is None:
        raise cli.usage_error("Please specify a hostname and a channel")
    if not new and not cli.session.getChannel(channel):
        raise Failure(f"No such channel: {channel}")
    need_host(cli, name)
    extra = {key: True for key, on in (("create", new), ("force", force)) if on}
    cli.session.addHostToChannel(name, channel, **extra)


@command("remove-host-from-channel", "<hostname> <channel>")
@click.argument("name")
@click.argument("channel")
def remove_host_from_channel(cli: Cli, name: str, channel: str) -> None:
    """Take a builder out of a channel."""
    host = need_host(cli, name)
    if channel not in {item["name"] for item in cli.session.listChannels(host["id"])}:
        raise Failure(f"Host {name} is not a member of channel {channel}")
    cli.session.removeHostFromChannel(name, channel)
