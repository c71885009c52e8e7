"""Builders and channels."""

from collections.abc import Iterator
from typing import Any

import click

from moromi.constants import BuildrootState
from moromi_cli import options
from moromi_cli.lazy import listing
from moromi_cli.output import Shown, long_time, truncate, warn, yes_no
from moromi_cli.session import Cli

ENABLED = click.option("--enabled/--not-enabled", default=None, help="only enabled, or only disabled, ones")


def disabled_alias(function: options.F) -> options.F:
    """`--disabled`, another name of `--not-enabled`."""
    return click.option("--disabled", is_flag=True, help="same as --not-enabled")(function)


def host_query(cli: Cli, given: dict[str, Any]) -> dict[str, Any]:
    """Arguments of listHosts."""
    query: dict[str, Any] = {}
    if given["arch"]:
        query["arches"] = list(given["arch"])
    if given["channel"]:
        channel = cli.session.getChannel(given["channel"])
        if not channel:
            raise cli.usage_error(f"No such channel: {given['channel']}")
        query["channelID"] = channel["id"]
    if given["ready"] is not None:
        query["ready"] = given["ready"]
    if given["disabled"] or given["enabled"] is not None:
        query["enabled"] = bool(given["enabled"]) and not given["disabled"]
    return query


@listing("list-hosts", "[options]")
@click.option("--arch", multiple=True, help="only builders of this architecture")
@click.option("--channel", help="only builders of this channel")
@click.option("--ready/--not-ready", default=None, help="only ready ones, or only others")
@ENABLED
@disabled_alias
@options.quiet
@click.option("--show-channels", is_flag=True, help="add the channels")
@click.option("--comment", is_flag=True, help="add the comment")
@click.option("--description", is_flag=True, help="add the description")
def list_hosts(cli: Cli, quiet: bool, **given: Any) -> Shown:
    """Builders."""
    hosts = sorted(cli.session.listHosts(**host_query(cli, given)), key=lambda host: str(host["name"]))
    channels = host_channels(cli, hosts) if given["show_channels"] and hosts else {}
    if channels:
        hosts = [{**host, "channels": channels[host["id"]]} for host in hosts]
    if not (hosts or cli.json):
        warn("No hosts found.")
    return Shown(hosts, host_rows(hosts, given, cli.is_quiet(quiet)) if hosts else [])


def host_rows(hosts: list[dict[str, Any]], given: dict[str, Any], quiet: bool) -> Iterator[str]:
    """Header and rows of `list-hosts`."""
    width = max(len("Hostname"), *(len(host["name"]) for host in hosts))
    texts = [key for key in ("description", "comment") if given[key]]
    if not quiet:
        head = f"{'Hostname':<{width}s} Enb Rdy Load/Cap  {'Arches':<16s} {'Last Update':<35s} "
        head += "".join(f"{key.capitalize():<51s}" for key in texts)
        head += "Channels" if given["show_channels"] else ""
        yield head
        yield "-" * len(head)
    for host in hosts:
        line = host_line(host, width) + "".join(f" {truncate(host[key]):<50s}" for key in texts)
        yield line + (f" {host['channels']}" if given["show_channels"] else "")


def host_channels(cli: Cli, hosts: list[dict[str, Any]]) -> dict[int, str]:
    """Host id -> its channels, comma-joined; `*` before disabled ones."""
    with cli.session.multicall(strict=True) as calls:
        lists = {host["id"]: calls.listChannels(host["id"]) for host in hosts}
    return {
        host_id: ",".join(sorted(f"{'' if item['enabled'] else '*'}{item['name']}" for item in call.result))
        for host_id, call in lists.items()
    }


def host_line(host: dict[str, Any], width: int) -> str:
    """One row."""
    enabled, ready = ("Y" if host[key] else "N" for key in ("enabled", "ready"))
    arches = ",".join((host["arches"] or "").split())
    update = long_time(host.get("update_ts")) or "-"
    load = f"{host['task_load']:4.1f}/{host['capacity']:<4.1f}"
    return f"{host['name']:<{width}s} {enabled:<3s} {ready:<3s} {load} {arches:<16s} {update:<35s}"


@listing("hostinfo", "[options] <hostname> [<hostname> ...]")
@click.argument("names", nargs=-1, required=True)
def hostinfo(cli: Cli, names: tuple[str, ...]) -> Shown:
    """Show builders."""
    data = []
    for name in names:
        host = cli.session.getHost(int(name) if name.isdigit() else name)
        if not host:
            warn(f"No such host: {name}\n")
            continue
        with cli.session.multicall(strict=True) as calls:
            channels = calls.listChannels(hostID=host["id"])
            roots = [calls.listBuildroots(hostID=host["id"], state=state) for state in (0, 1, 2)]
        host["channels"] = [channel["name"] for channel in channels.result]
        host["buildroots"] = [root for call in roots for root in call.result]
        data.append(host)
    lines = (line for host in data for line in host_lines(host))
    return Shown(data, lines, 0 if len(data) == len(names) else 1)


def host_lines(host: dict[str, Any]) -> list[str]:
    """The block of one builder."""
    lines = [
        f"Name: {host['name']}",
        f"ID: {host['id']}",
        f"Arches: {host['arches']}",
        f"Capacity: {host['capacity']}",
        f"Task Load: {host['task_load']:.2f}",
        _long_text("Description", host.get("description")),
        _long_text("Comment", host.get("comment")),
        f"Enabled: {yes_no(host['enabled'])}",
        f"Ready: {yes_no(host['ready'])}",
        f"Last Update: {long_time(host.get('update_ts')) or 'never'}",
        f"Channels: {' '.join(host['channels'])}",
    ]
    if not host["buildroots"]:
        return [*lines, "Active Buildroots:", "None"]
    form = "{:<50s} {:<10s} {:<20s}"
    lines += ["Active Buildroots:", form.format("NAME", "STATE", "CREATION TIME")]
    for root in host["buildroots"]:
        name = f"{root['tag_name']}-{root['id']}-{root['repo_id']}"
        created = (root["create_event_time"] or "").partition(".")[0]
        lines.append(form.format(name, BuildrootState(root["state"]).name, created))
    return lines


def _long_text(label: str, text: str | None) -> str:
    if not text:
        return f"{label}:"
    joined = ("\n" + " " * (len(label) + 2)).join(text.split("\n"))
    return f"{label}: {joined}"


@listing("list-channels", "[options]")
@click.option("--simple", is_flag=True, help="names only")
@options.quiet
@click.option("--comment", is_flag=True, help="add the comment")
@click.option("--description", is_flag=True, help="add the description")
@ENABLED
@disabled_alias
@click.option("--arch", help="count only builders of this architecture")
def list_channels(cli: Cli, quiet: bool, simple: bool, **given: Any) -> Shown:
    """Channels with their load."""
    query: dict[str, Any] = {}
    if given["disabled"] or given["enabled"] is not None:
        query["enabled"] = bool(given["enabled"]) and not given["disabled"]
    channels = sorted(cli.session.listChannels(**query), key=lambda channel: str(channel["name"]))
    quiet = cli.is_quiet(quiet)
    if simple:
        names = [shown_name(channel) for channel in channels]
        return Shown(channels, names if quiet else ["Channel", "-" * 7, *names])
    arches = {"arches": given["arch"]} if given["arch"] else {}
    with cli.session.multicall(strict=True) as calls:
        hosts = [calls.listHosts(channelID=channel["id"], **arches) for channel in channels]
    for channel, call in zip(channels, hosts, strict=True):
        channel.update(channel_load(call.result))
    texts = [key for key in ("description", "comment") if given[key]]
    return Shown(channels, channel_table(channels, texts, quiet))


def shown_name(channel: dict[str, Any]) -> str:
    """The channel's name, marked if it is disabled."""
    return f"{channel['name']}{'' if channel['enabled'] else ' [disabled]'}"


def channel_load(hosts: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts of a channel's builders, and how loaded they are."""
    enabled = [host for host in hosts if host["enabled"]]
    load = sum(host["task_load"] for host in hosts)
    capacity = sum(host["capacity"] for host in hosts)
    return {
        "enabled_hosts": len(enabled),
        "ready_hosts": sum(1 for host in enabled if host["ready"]),
        "disabled_hosts": len(hosts) - len(enabled),
        "load": load,
        "capacity": capacity,
        "percent": load * 100 / capacity if capacity else 0,
    }


def channel_table(channels: list[dict[str, Any]], texts: list[str], quiet: bool) -> list[str]:
    """Header and rows."""
    names = [shown_name(channel) for channel in channels]
    width = max([len(name) for name in names] + [len("Channel")])
    lines = []
    if not quiet:
        columns = ("Enabled", "Ready", "Disbld", "Load", "Cap", "Perc")
        head = f"{'Channel':<{width}s}{columns[0]:>7s}"
        head += "".join(f" {column:>6s}" for column in columns[1:]) + "    "
        head += "".join(f"{key.capitalize():<53s}" for key in texts)
        lines += [head, "-" * len(head)]
    for name, channel in zip(names, channels, strict=True):
        numbers = ("enabled_hosts", "ready_hosts", "disabled_hosts", "load", "capacity")
        line = f"{name:<{width}s}" + "".join(f" {int(channel[key]):6d}" for key in numbers)
        line += f" {int(channel['percent']):6d}%"
        lines.append(line + "".join(f"   {truncate(channel[key]):<50s}" for key in texts))
    return lines
