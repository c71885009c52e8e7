"""`search`: names that match."""

import click

from moromi_cli import options
from moromi_cli.lazy import command
from moromi_cli.output import say_all, say_json
from moromi_cli.session import Cli

TYPES = ("package", "build", "tag", "target", "user", "host", "rpm", "maven", "win")


@command("search", "[options] <search_type> <pattern>", anonymous=True)
@click.option("-r", "--regex", is_flag=True, help="the pattern is a regular expression")
@click.option("--exact", is_flag=True, help="exact match")
@options.as_json
@click.argument("kind")
@click.argument("pattern")
def search(cli: Cli, kind: str, pattern: str, regex: bool, exact: bool, as_json: bool) -> None:
    """Names that match a pattern."""
    if kind not in TYPES:
        raise cli.usage_error(f"No such search type: {kind}")
    how = "regexp" if regex else "exact" if exact else "glob"
    found = cli.session.search(pattern, kind, how)
    if as_json:
        say_json(found)
    else:
        say_all(item["name"] for item in found)
