"""Making the changes of a plan: all or nothing where the hub can, else as one multicall."""

from collections.abc import Callable
from typing import Any

from moromi.client import ClientSession
from moromi.errors import Fault, GenericError
from moromi.wire.named import join_named
from moromi_cli.declare.plan import Call, Change
from moromi_cli.hints import brief
from moromi_cli.output import Failure


def atomic(session: ClientSession) -> bool:
    """Whether the hub can undo all of a multicall: Moromi's, not Koji's."""
    try:
        session.call("multiCallAtomic", [])
    except GenericError as err:
        if "Invalid method" not in str(err):
            raise
        return False
    return True


def apply_all(session: ClientSession, changes: list[Change]) -> None:
    """All changes, or none. Failure names the change that the hub refused."""
    made = [(change, item) for change in changes for item in change.calls]
    elements = [{"methodName": name, "params": join_named(args, words)} for _, (name, args, words) in made]
    try:
        session.call("multiCallAtomic", elements)
    except (GenericError, Fault) as err:
        raise Failure(f"Nothing was changed. The hub refused: {brief(err)}{_place(str(err), made)}") from err


def _place(text: str, made: list[tuple[Change, Call]]) -> str:
    """The line of the plan that `call 3 (createTag): …` belongs to."""
    word, _, rest = text.partition(" ")
    number = rest.partition(" ")[0]
    if word != "call" or not number.isdigit():
        return ""
    return f"\n  at: {made[int(number) - 1][0]}"


def apply_some(session: ClientSession, changes: list[Change], tell: Callable[[str], None]) -> int:
    """On a Koji hub: make what can be made, tell what was refused; how many that were.

    Links to parents need the parents' ids there, so they go after the tags are made.
    """
    refused = 0
    links = [change for change in changes if change.calls[0][0] == "setInheritanceData"]
    place = changes.index(links[0]) if links else len(changes)
    for part in (changes[:place], changes[place:]):
        ids = _tag_ids(session, part)
        with session.multicall(batch=100) as multi:
            answers = [
                (change, multi.call(name, *_with_ids(name, args, ids), **words))
                for change in part
                for name, args, words in change.calls
            ]
        for change, answer in answers:
            try:
                _ = answer.result
            except (GenericError, Fault) as err:
                tell(f"refused: {change}: {err}")
                refused += 1
    return refused


def _tag_ids(session: ClientSession, changes: list[Change]) -> dict[str, int]:
    """Ids of all parents that links name."""
    calls = [item for change in changes for item in change.calls if item[0] == "setInheritanceData"]
    names = sorted({link["parent_id"] for _, (_, data), _ in calls for link in data})
    with session.multicall(strict=True, batch=100) as multi:
        found = {name: multi.getTagID(name) for name in names}
    return {name: answer.result for name, answer in found.items()}


def _with_ids(name: str, args: tuple[Any, ...], ids: dict[str, int]) -> tuple[Any, ...]:
    if name != "setInheritanceData":
        return args
    tag, links = args
    return tag, [{**link, "parent_id": ids.get(link["parent_id"])} for link in links]
