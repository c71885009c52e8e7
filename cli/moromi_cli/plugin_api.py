"""What plugins of the command line import (docs/plugins.md).

`command` and `listing` declare commands as the program's own are: a function of a `Cli` and of what
`argument` and `option` (click's) declare. A `listing` returns `Shown`, and has `--json`. `Failure` ends a
command with a text and an exit code. The first line of the doc string is the help; `[info] …` names a
category.

`export_cli` and `activate_session` are there for functions in the form of Koji's client.
"""

from click import argument, option

from moromi.plugins import export_cli
from moromi_cli.exported import activate_session
from moromi_cli.lazy import command, listing
from moromi_cli.output import Failure, Shown, say, warn
from moromi_cli.session import Cli
from moromi_cli.watch import submitted, watch_tasks

__all__ = [
    "Cli",
    "Failure",
    "Shown",
    "activate_session",
    "argument",
    "command",
    "export_cli",
    "listing",
    "option",
    "say",
    "submitted",
    "warn",
    "watch_tasks",
]
