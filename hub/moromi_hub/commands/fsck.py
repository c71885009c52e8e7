"""`moromi-hub fsck`: whether every file that the rows promise is there, and no other."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from moromi_hub import settings as configuration
from moromi_hub.commands.options import config_option


@click.command()
@config_option
@click.option("--checksums", is_flag=True, help="Read every file and compare its digest too.")
@click.option("--repair", is_flag=True, help="Remove orphans, and put links right.")
@click.option(
    "--min-age",
    type=click.FloatRange(min=0),
    default=3600,
    show_default=True,
    help="Leave orphans alone that have changed within so many seconds.",
)
def fsck(config: Path, checksums: bool, repair: bool, min_age: float) -> None:
    """Compare the directories of builds with the database.

    Prints a line for each file that is missing, differs or is promised by no row, and each
    link that leads nowhere. Exit status 1 if something is wrong and stays so.
    """
    from moromi_hub.fsck import service
    from moromi_hub.hub import Hub

    hub = Hub(configuration.load(config))
    left = 0
    try:
        with hub.call("fsck") as call:
            for problem in list(service.check(call, checksums=checksums)):
                done = service.repair(problem, min_age) if repair else None
                left += done is None
                click.echo(f"{problem.path}: {problem.text}{f' - {done}' if done else ''}")
    finally:
        hub.close()
    if left:
        sys.exit(1)
    click.echo("Every file that is promised is there, and no other.")
