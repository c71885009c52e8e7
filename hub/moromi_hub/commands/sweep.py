"""`moromi-hub sweep`: what the worker clears up, done now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from moromi_hub import settings as configuration
from moromi_hub.commands.options import config_option

if TYPE_CHECKING:
    from moromi_hub.hub import Hub
    from moromi_hub.sweep.service import Ages

_age = click.FloatRange(min=0)


@click.command()
@config_option
@click.option("--sessions-age", type=_age, help="Delete sessions idle for so many days.")
@click.option("--sessions-absolute-age", type=_age, help="Delete sessions begun so many days ago.")
@click.option("--reservations-age", type=_age, help="Delete reservations of builds of so many days.")
@click.option("--logs-age", type=_age, help="Delete the scheduler's messages of so many days.")
@click.option("--uploads-age", type=_age, help="Remove uploads untouched for so many days.")
@click.option("--repos/--no-repos", default=True, help="Expire and remove repositories too.")
@click.option("-t", "--test", is_flag=True, help="Change nothing, say what would be done.")
def sweep(
    config: Path,
    sessions_age: float | None,
    sessions_absolute_age: float | None,
    reservations_age: float | None,
    logs_age: float | None,
    uploads_age: float | None,
    repos: bool,
    test: bool,
) -> None:
    """Delete old sessions, reservations, messages, uploads and repositories.

    Ages are in days, 0 is never; the configuration says those that are not given.
    """
    from moromi_hub.hub import Hub
    from moromi_hub.sweep.service import Ages

    settings = configuration.load(config)
    ages = Ages.of(settings).replace(
        sessions=sessions_age,
        sessions_absolute=sessions_absolute_age,
        reservations=reservations_age,
        scheduler_logs=logs_age,
        uploads=uploads_age,
    )
    hub = Hub(settings)
    try:
        for what, count in _sweep(hub, ages, repos, test).items():
            click.echo(f"{'would delete' if test else 'deleted'} {what}: {count}")
    finally:
        hub.close()


def _sweep(hub: Hub, ages: Ages, repos: bool, test: bool) -> dict[str, int]:
    from moromi_hub.repos import prune, upkeep
    from moromi_hub.sweep import service, uploads

    with hub.call("sweep") as call:
        found = service.sweep_rows(call, ages)
        if repos:
            found["repositories"] = upkeep.run(call)
        if test:
            call.tx.rollback()
    if repos and not test:
        with hub.call("sweep") as call:
            found["stray directories"] = prune.run(call)
    if ages.uploads:
        found["uploads"] = uploads.sweep(hub.settings.topdir, ages.uploads, test=test)
    return found
