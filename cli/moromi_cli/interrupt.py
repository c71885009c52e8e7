"""Ctrl-C of a person who watches tasks: cancel them, leave them to themselves, or watch on."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from moromi.client import TransportError
from moromi.errors import Fault, GenericError
from moromi_cli.output import say, warn

if TYPE_CHECKING:
    from moromi_cli.session import Cli


def choose() -> str:
    """`c`, `d` or `w`; another Ctrl-C and the end of input mean `d`."""
    while True:
        try:
            answer = input("\nCancel the tasks, detach (they go on), or watch on? [c/d/W] ").strip().lower()
        except (KeyboardInterrupt, EOFError):
            say()
            return "d"
        if answer[:1] in ("c", "d", "w", ""):
            return answer[:1] or "w"


def cancel_tasks(cli: "Cli", task_ids: Iterable[int]) -> None:
    """Cancel them, logging in first: whoever watches is logged out."""
    try:
        session = cli.login()
        for task_id in task_ids:
            session.cancelTask(task_id)
        cli.logout()
    except (GenericError, Fault, TransportError) as err:
        warn(f"Not cancelled: {err}")
