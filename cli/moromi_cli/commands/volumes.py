"""Storage volumes, and which builds are on them."""

import click

from moromi_cli.lazy import command, listing
from moromi_cli.output import Failure, Shown, say
from moromi_cli.session import Cli


@listing("list-volumes", "[options]")
@click.argument("ignored", nargs=-1, metavar="")
def list_volumes(cli: Cli, ignored: tuple[str, ...]) -> Shown:
    """Storage volumes."""
    volumes = sorted(cli.session.listVolumes(), key=lambda volume: int(volume["id"]))
    return Shown(volumes, (volume["name"] for volume in volumes))


@command("add-volume", "<volume-name>")
@click.argument("name")
def add_volume(cli: Cli, name: str) -> None:
    """Register a storage volume, whose directory must be there."""
    if cli.session.getVolume(name):
        raise Failure(f"Volume {name} already exists")
    made = cli.session.addVolume(name)
    say(f"Added volume {made['name']} with id {made['id']}")


@command("set-build-volume", "[options] <volume> <n-v-r> [<n-v-r> ...]")
@click.option("-v", "--verbose", is_flag=True, help="print each move")
@click.argument("volume")
@click.argument("names", nargs=-1, required=True)
def set_build_volume(cli: Cli, volume: str, names: tuple[str, ...], verbose: bool) -> None:
    """Move builds to another volume."""
    target = cli.session.getVolume(volume)
    if not target:
        raise Failure(f"No such volume: {volume}")
    builds = []
    for name in names:
        build = cli.session.getBuild(name)
        if not build:
            say(f"No such build: {name}")
        elif build["volume_id"] == target["id"]:
            say(f"Build {name} already on volume {target['name']}")
        else:
            builds.append(build)
    if not builds:
        raise Failure("No builds to move")
    for build in builds:
        cli.session.changeBuildVolume(build["id"], target["id"])
        if verbose:
            say(f"{build['nvr']}: {build['volume_name']} -> {target['name']}")
