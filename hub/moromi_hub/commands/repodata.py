"""`moromi-hub repodata`: the kept metadata of rpms."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import click

from moromi_hub import settings as configuration
from moromi_hub.commands.options import config_option

if TYPE_CHECKING:
    from moromi_hub.hub import Hub


@click.group()
def repodata() -> None:
    """Look after the metadata that repositories are put together from."""


@repodata.command()
@config_option
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Builds at once.")
def backfill(config: Path, jobs: int) -> None:
    """Keep the metadata of all rpms that were imported before it was kept at import.

    Nothing breaks without: what a repository lacks is rendered when it is made, which then takes
    long. May be interrupted, and goes on where it was. Exit status 1 if there are rpms that
    cannot be read; the log says which.
    """
    from moromi_hub.hub import Hub
    from moromi_hub.repodata import service

    hub = Hub(configuration.load(config))
    try:
        with hub.call("repodata.count") as call:
            lacking = service.count_lacking(call)
        done = 0
        with click.progressbar(length=lacking, label="Rendering") as bar, ThreadPoolExecutor(jobs) as pool:
            for count in pool.map(lambda build_id: _complete(hub, build_id), _incomplete(hub)):
                done += count
                bar.update(count)
    finally:
        hub.close()
    click.echo(f"kept the metadata of {done} rpms")
    if done < lacking:
        click.echo(f"{lacking - done} rpms cannot be read", err=True)
        sys.exit(1)


def _incomplete(hub: Hub) -> Iterator[int]:
    """The ids of the builds that lack something, once each."""
    from moromi_hub.repodata import service

    after = 0
    while True:
        with hub.call("repodata.find") as call:
            found = service.incomplete_builds(call, after)
        if not found:
            return
        yield from found
        after = found[-1]


def _complete(hub: Hub, build_id: int) -> int:
    from moromi_hub.repodata import service

    with hub.call("repodata.complete") as call:
        return service.complete(call, [build_id])
