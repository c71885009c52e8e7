"""The options of `moromi-repod`: those of kojira, in its file and as arguments (spec: builder, 6.6)."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from moromi.config import Section
from moromi.errors import ConfigurationError
from moromi_upkeep.connection import login_options
from moromi_upkeep.options import Kind, Option, Values, read_sections, resolve

DEFAULT_CONFIG = Path("/etc/kojira/kojira.conf")
SECTION = "kojira"
WEEK = 7 * 86400
OBSOLETE = frozenset(
    (
        *("delete_batch_size", "debuginfo_tags", "ignore_tags", "max_repo_tasks", "max_repo_tasks_maven"),
        *("no_repo_effective_age", "queue_file", "recent_tasks_lifetime", "repo_tasks_limit", "source_tags"),
        *("separate_source_tags", "with_src"),
    )
)


def _file_only(name: str, kind: Kind, default: object, text: str) -> Option:
    return Option(name, kind, default, text, None)


OPTIONS = (
    Option("topdir", Kind.PATH, "/mnt/koji", "the hub's file tree"),
    Option("logfile", Kind.PATH, "/var/log/kojira.log", "where to log; empty or `none`: nowhere"),
    Option("sleeptime", Kind.NUMBER, 15, "seconds between rounds", metavar="SECONDS"),
    Option("foreground", Kind.FLAG, False, "stay in the foreground, log to stderr too", ("-f", "--fg")),
    Option("debug", Kind.FLAG, False, "log everything", ("-d", "--debug")),
    Option("quiet", Kind.FLAG, False, "log errors only", ("-q", "--quiet")),
    Option("verbose", Kind.FLAG, False, "log what happens", ("-v", "--verbose")),
    Option("force_lock", Kind.FLAG, False, "take over from another daemon of this user"),
    Option("skip_main", Kind.FLAG, False, "log in, and do nothing"),
    Option("show_config", Kind.FLAG, False, "show the configuration and end"),
    *login_options("/etc/kojira", "/var/tmp/kojira.ccache", "/etc/kojira/kojira.keytab"),
    _file_only("retry_interval", Kind.NUMBER, 60, "seconds between tries to reach the hub"),
    _file_only("max_retries", Kind.NUMBER, 120, "how often to try"),
    _file_only("offline_retry", Kind.FLAG, True, "go on trying while the hub says that it is offline"),
    _file_only("offline_retry_interval", Kind.NUMBER, 120, "seconds between such tries"),
    _file_only("repo_lifetime", Kind.NUMBER, WEEK, "seconds that an old repository stays READY"),
    _file_only("dist_repo_lifetime", Kind.NUMBER, WEEK, "the same of dist repositories"),
    _file_only("expired_repo_lifetime", Kind.NUMBER, WEEK, "seconds that it then stays on disk"),
    _file_only("deleted_repo_lifetime", Kind.NUMBER, None, "the same, of old"),
    _file_only("init_timeout", Kind.NUMBER, 7200, "seconds after which an unfinished one is a PROBLEM"),
    _file_only("recheck_period", Kind.NUMBER, 3600, "seconds between looks at one that is still needed"),
    _file_only("reference_recheck_period", Kind.NUMBER, None, "the same of one that buildroots use"),
    _file_only("max_delete_processes", Kind.NUMBER, 4, "directories to remove at a time"),
    _file_only("ignore_stray_repos", Kind.FLAG, False, "leave directories alone that the hub does not know"),
    _file_only("ignore_other_volumes", Kind.FLAG, False, "leave directories on other volumes alone"),
    _file_only("check_external_repos", Kind.FLAG, True, "tell the hub when external repositories change"),
)


def parser() -> argparse.ArgumentParser:
    """Declare the command line."""
    made = argparse.ArgumentParser(
        prog="moromi-repod",
        description="Expire and remove repositories that nobody needs any more, watch external ones, and "
        "remind the hub of what is due.",
        epilog="A hub of Moromi with its worker does most of this by itself; both may run. The configuration "
        f"has the same options in its section [{SECTION}], with underscores, and in addition: "
        + ", ".join(option.name for option in OPTIONS if option.flags is None)
        + ".",
    )
    made.add_argument("-c", "--config", type=Path, metavar="FILE", help=f"(default: {DEFAULT_CONFIG})")
    for option in OPTIONS:
        option.add_to(made)
    return made


def read(argv: Sequence[str] | None) -> tuple[Values, list[str]]:
    """Read command line and file: the options, and the file's keys that have no meaning any more.

    ConfigurationError, also for what is unknown in the file.
    """
    given = parser().parse_args(argv)
    sections = read_sections(given.config, DEFAULT_CONFIG)
    for name in sections:
        if name != SECTION:
            raise ConfigurationError(f"invalid section found in config file: {name}")
    section = sections.get(SECTION, Section(SECTION))
    names = {option.name for option in OPTIONS}
    for key in section:
        if key not in names | OBSOLETE:
            raise ConfigurationError(f"unknown config option: {key}")
    values = dict(resolve(OPTIONS, section, given).table)
    if values["deleted_repo_lifetime"] is not None:
        values["expired_repo_lifetime"] = values["deleted_repo_lifetime"]
    if values["reference_recheck_period"] is None:
        values["reference_recheck_period"] = values["recheck_period"]
    if str(values["logfile"]).lower() in ("", "none"):
        values["logfile"] = None
    return Values(values), sorted(set(section) & OBSOLETE)
