"""Options that several commands share, and what they mean."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import click

from moromi_cli.output import asctime, in_background, say
from moromi_cli.session import Cli

F = TypeVar("F", bound=Callable[..., Any])

quiet = click.option("--quiet", is_flag=True, help="no headers, no task information")
verbose = click.option("-v", "--verbose", is_flag=True, help="be verbose")
force = click.option("--force", is_flag=True, help="override checks, if allowed to")
noprogress = click.option("--noprogress", is_flag=True, help="no progress bar")
background = click.option("--background", is_flag=True, help="run at a lower priority")
wait = click.option("--wait/--nowait", default=None, help="watch to the end (default: if somebody looks)")

BACKGROUND_PRIORITY = 5


def event(function: F) -> F:
    """`--event`, `--ts`, `--repo`: which past state of the hub to show."""
    function = click.option("--repo", type=int, metavar="ID", help="state at the event of this repo")(
        function
    )
    function = click.option("--ts", type=int, metavar="TIMESTAMP", help="state before this time")(function)
    return click.option("--event", type=int, metavar="ID", help="state at this event")(function)


def find_event(cli: Cli, event: int | None, ts: int | None, repo: int | None) -> dict[str, Any] | None:
    """The event that the options name (the first that is given), with its `id` and `ts`."""
    if event is not None:
        found = cli.session.getEvent(event)
    elif ts is not None:
        found = cli.session.getLastEvent(before=ts)
    elif repo is not None:
        info = cli.session.repoInfo(repo, strict=True)
        found = {"id": info["create_event"], "ts": info["create_ts"]}
    else:
        return None
    return dict(found)


def event_arguments(
    cli: Cli, event: int | None, ts: int | None, repo: int | None, silent: bool = False
) -> dict[str, int]:
    """`{'event': id}` for calls, or nothing; says which event it is, unless `silent` or for JSON."""
    found = find_event(cli, event, ts, repo)
    if found is None:
        return {}
    if not (silent or cli.json):
        say(f"Querying at event {found['id']} ({asctime(found['ts'])})")
    return {"event": found["id"]}


class TimeType(click.ParamType[float]):
    """A Unix time, or a date in local time."""

    name = "time"
    FORMATS = (
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%d",
        "%d %b %Y",
        "%b %d %Y",
        "%a %b %d %H:%M:%S %Y",
    )

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return float(value)
        except ValueError:
            value = str(value)
        for form in self.FORMATS:
            try:
                return time.mktime(time.strptime(value, form))
            except ValueError:
                continue
        option = param.opts[0] if param is not None else ""
        raise click.UsageError(f"option {option}: invalid time specification: {value!r}", ctx)


TIME = TimeType()


def should_wait(wait: bool | None) -> bool:
    """Whether to watch: as told, else when somebody is there to see it."""
    return not in_background() if wait is None else wait
