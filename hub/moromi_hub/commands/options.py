"""Options that several commands of `moromi-hub` have."""

from __future__ import annotations

from pathlib import Path

import click

from moromi_hub import settings as configuration

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar=configuration.CONFIG_VARIABLE,
    default=configuration.DEFAULT_FILE,
    show_default=True,
    help="The hub's configuration file.",
)
