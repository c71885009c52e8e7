"""The program `moromi-sidetag-cleanup`: forgotten side tags are removed (spec: builder, section 7.2).

Three passes over all side tags: those that are empty, old, or not used any more. A tag that one pass removes
the next does not see.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moromi.client import ClientSession, TransportError
from moromi.config import Section
from moromi.errors import ConfigurationError, Fault, GenericError
from moromi_upkeep.connection import LoginFailed, login_options, open_session
from moromi_upkeep.durations import describe_age
from moromi_upkeep.gc.settings import DEFAULT_CONFIG
from moromi_upkeep.options import read_sections, resolve

OPTIONS = login_options("/etc/koji-gc", "/var/tmp/koji-gc.ccache", None)
DAY = 86400.0
PASSES = (
    ("empty", 1, "without any build, made more than DAYS ago"),
    ("old", 30, "made more than DAYS ago"),
    ("inactive", 10, "where nothing was tagged for DAYS"),
)


def parser() -> argparse.ArgumentParser:
    """Declare the command line."""
    made = argparse.ArgumentParser(
        prog="moromi-sidetag-cleanup",
        description="Remove side tags that are empty, old or not used any more.",
        epilog="How to log in is read from the section [main] of the configuration of moromi-gc.",
    )
    made.add_argument("-c", "--config-file", type=Path, metavar="FILE", help=f"default: {DEFAULT_CONFIG}")
    made.add_argument("-t", "--test", action="store_true", help="only say what would be removed")
    made.add_argument("-d", "--debug", action="store_true", help="say more")
    made.add_argument("--ignore-tags", metavar="TAGS", help=argparse.SUPPRESS)
    for name, days, what in PASSES:
        made.add_argument(f"--no-{name}", action="store_true", help=f"leave side tags alone {what}")
        made.add_argument(
            f"--{name}-delay", type=float, default=days, metavar="DAYS", help="(default: %(default)s)"
        )
    for option in OPTIONS:
        option.add_to(made)
    return made


@dataclass(frozen=True)
class SideTag:
    """A side tag: when it was made (seconds since the epoch), whether builds are in it, its last tagging."""

    name: str
    created: float
    tagged: bool
    last_tagging: float | None


def read_tags(session: ClientSession) -> list[SideTag]:
    """Read all side tags with what happened in them."""
    names = [tag["name"] for tag in session.listSideTags()]
    with session.multicall(strict=True, batch=50) as calls:
        histories = {
            name: calls.queryHistory(tables=["tag_config", "tag_listing"], tag=name) for name in names
        }
    found = []
    for name, history in histories.items():
        listing, config = history.result["tag_listing"], history.result["tag_config"]
        found.append(
            SideTag(
                name,
                min(row["create_ts"] for row in config),
                any(row["revoke_event"] is None for row in listing),
                max((row["create_ts"] for row in listing), default=None),
            )
        )
    return found


def doomed(
    tags: Sequence[SideTag], given: argparse.Namespace, now: float
) -> Iterator[tuple[str, SideTag, float]]:
    """Give what is to go: the pass, the tag, its age in seconds."""
    left = list(tags)
    for name, _, _ in PASSES:
        if getattr(given, f"no_{name}"):
            continue
        limit = now - getattr(given, f"{name}_delay") * DAY
        for tag in list(left):
            since = _since(name, tag)
            if since is not None and since < limit:
                left.remove(tag)
                yield name, tag, now - since


def _since(name: str, tag: SideTag) -> float | None:
    """Give the moment from which a pass counts; None if it leaves the tag alone."""
    if name == "inactive":
        return tag.last_tagging
    return None if name == "empty" and tag.tagged else tag.created


def clean_up(session: ClientSession, given: argparse.Namespace) -> None:
    """Remove what is to go."""
    for name, tag, age in doomed(read_tags(session), given, time.time()):
        print(f"[{name}] {tag.name} ({describe_age(age)})", flush=True)
        if given.test:
            continue
        try:
            session.removeSideTag(tag.name)
        except (GenericError, Fault) as error:
            print(f"  failed: {error}", flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program."""
    given = parser().parse_args(argv)
    try:
        sections: dict[str, Any] = dict(read_sections(given.config_file, DEFAULT_CONFIG))
        values = resolve(OPTIONS, sections.get("main", Section("main")), given)
        with open_session(values) as session:
            clean_up(session, given)
    except (ConfigurationError, LoginFailed) as error:
        print(error, file=sys.stderr)
        return 1
    except (GenericError, Fault, TransportError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
