"""`help`: the commands by category."""

import click

from moromi_cli.lazy import command, epilog, list_text
from moromi_cli.output import Failure, say
from moromi_cli.plugins import everything
from moromi_cli.session import Cli
from moromi_cli.table import CATEGORIES


@command("help", "[options] <category> ...", anonymous=True)
@click.option("--admin", is_flag=True, hidden=True)
@click.argument("categories", nargs=-1)
def help_(cli: Cli, categories: tuple[str, ...], admin: bool) -> None:
    """List commands, all or of the named categories."""
    wanted = {*categories, *(["admin"] if admin else [])}
    if not wanted or "all" in wanted:
        wanted = set(CATEGORIES)
    unknown = sorted(wanted - CATEGORIES.keys())
    for name in unknown:
        say(f"No such help category: {name}")
    if unknown:
        raise Failure()
    say(list_text(sorted(wanted), everything(cli.settings)))
    say(epilog(cli.prog))
