"""`search`: names that match."""

import click

from moromi_cli.lazy import listing
from moromi_cli.output import Shown
from moromi_cli.session import Cli

TYPES = ("package", "build", "tag", "target", "user", "host", "rpm", "maven", "win")


@listing("search", "[options] <search_type> <pattern>")
@click.option("-r", "--regex", is_flag=True, help="the pattern is a regular expression")
@click.option("--exact", is_flag=True, help="exact match")
@click.argument("kind")
@click.argument("pattern")
def search(cli: Cli, kind: str, pattern: str, regex: bool, exact: bool) -> Shown:
    """Names that match a pattern."""
    if kind not in TYPES:
        raise cli.usage_error(f"No such search type: {kind}")
    how = "regexp" if regex else "exact" if exact else "glob"
    found = cli.session.search(pattern, kind, how)
    return Shown(found, (item["name"] for item in found))
