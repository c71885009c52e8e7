"""The options of `moromi-gc`: those of koji-gc, in its file and on the command line (spec: builder, 7.1)."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from moromi.config import Section
from moromi.errors import ConfigurationError
from moromi_upkeep.connection import login_options
from moromi_upkeep.options import Kind, Option, Values, read_sections, resolve

DEFAULT_CONFIG = Path("/etc/koji-gc/koji-gc.conf")
DEFAULT_TEMPLATE = "/etc/koji-gc/email.tpl"
ACTIONS = ("prune", "trash", "delete", "salvage")
DEFAULT_ACTIONS = ("delete", "prune", "trash")


def _lock_file() -> str:
    """Give the default lock: the user's own place, or that of system services where there is none."""
    own = f"/run/user/{os.getuid()}"
    return f"{own if os.path.isdir(own) else '/run/lock'}/koji-gc.lock"


OPTIONS = (
    Option("action", Kind.WORDS, DEFAULT_ACTIONS, "what to do, in this order: prune, trash, delete, salvage"),
    Option("delay", Kind.DURATION, "5 days", "how long a build is in no tag before it is trashed"),
    Option("grace_period", Kind.DURATION, "4 weeks", "how long a build is in the trashcan", metavar="TIME"),
    Option("trashcan_tag", Kind.TEXT, "trashcan", "the tag that is the trashcan"),
    Option(
        "unprotected_keys",
        Kind.WORDS,
        (),
        "patterns of keys (ids or aliases) whose signatures do not protect a build",
        ("--unprotected-keys", "--unprotected-key"),
        "KEYS",
    ),
    Option("key_aliases", Kind.TEXT, "", "lines of a key's id and its alias", None),
    Option("tag_filter", Kind.WORDS, (), "patterns of the tags to prune", ("--tag", "--tag-filter"), "TAGS"),
    Option("ignore_tags", Kind.WORDS, (), "patterns of tags that are never pruned"),
    Option(
        "pkg_filter",
        Kind.WORDS,
        (),
        "patterns of the packages to look at",
        ("--pkg", "--package", "--pkg-filter"),
        "NAMES",
    ),
    Option("bypass_locks", Kind.WORDS, (), "patterns of locked tags to prune all the same", metavar="TAGS"),
    Option("purge", Kind.FLAG, False, "delete builds as soon as they are pruned out of their last tag"),
    Option("test", Kind.FLAG, False, "only say what would be done", ("-n", "--test")),
    Option("debug", Kind.FLAG, False, "say more", ("-d", "--debug")),
    Option("mail", Kind.FLAG, True, "tell owners about their trashed builds", ("--mail", "--send-mail")),
    Option("smtp_host", Kind.TEXT, "localhost", "mail server, HOST or HOST:PORT"),
    Option("smtp_user", Kind.TEXT, None, "account on the mail server"),
    Option("smtp_pass", Kind.TEXT, None, "its password"),
    Option("email_domain", Kind.TEXT, "fedoraproject.org", "where owners get their mail"),
    Option("from_addr", Kind.TEXT, "Koji Build System <buildsys@example.com>", "sender of mail"),
    Option("cc_addr", Kind.WORDS, (), "who gets copies of mail"),
    Option("bcc_addr", Kind.WORDS, (), "who gets copies of mail unseen"),
    Option("email_template", Kind.PATH, None, "text of the mail", metavar="FILE"),
    Option("weburl", Kind.TEXT, "http://localhost/koji", "address of the web pages, for mail", metavar="URL"),
    Option("lock_file", Kind.PATH, _lock_file(), "keeps a second run out"),
    Option("exit_on_lock", Kind.FLAG, False, "end at once if another run goes on; otherwise wait"),
    Option("timeout", Kind.NUMBER, None, "seconds to wait for an answer of the hub"),
    Option("skip_main", Kind.FLAG, False, "log in, and do nothing"),
    *login_options("/etc/koji-gc", "/var/tmp/koji-gc.ccache", None),
)
EPILOG = """\
The configuration has the same options in its section [main], with underscores, and the rules for pruning:

  [prune]
  policy =
      sig fedora-* :: keep
      tag *-testing *-candidate :: {
          order < 2 :: keep
          age > 26 weeks :: untag
      }
      order > 5 :: untag

Tests: tag, package, volume, sig and hastag with PATTERN…, order OP N, age OP TIME.
Actions: keep, untag, skip.
Times are like `4 weeks` or `1 day 12 hours`.
"""


def parser() -> argparse.ArgumentParser:
    """Declare the command line."""
    made = argparse.ArgumentParser(
        prog="moromi-gc",
        description="Remove builds that nobody needs: from tags by rules, to the trashcan, off the disk.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "-c", "--config-file", type=Path, metavar="FILE", help=f"configuration (default: {DEFAULT_CONFIG})"
    )
    for option in OPTIONS:
        option.add_to(made)
    return made


def read(argv: Sequence[str] | None) -> tuple[Values, str, list[str]]:
    """Read command line and file: the options, the prune policy's text, the file's unknown keys.

    ConfigurationError.
    """
    given = parser().parse_args(argv)
    sections = read_sections(given.config_file, DEFAULT_CONFIG)
    main = sections.get("main", Section("main"))
    values = resolve(OPTIONS, main, given)
    unknown = [action for action in values.action if action not in ACTIONS]
    if unknown:
        raise ConfigurationError(f"Unrecognized action: {unknown[0]}")
    names = {option.name for option in OPTIONS}
    policy = sections.get("prune", Section("prune")).get("policy", "")
    return values, policy, sorted(key for key in main if key not in names)


def aliases(text: str) -> dict[str, str]:
    """Read the key aliases: alias by key id, in lower case. ConfigurationError."""
    found = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) not in (0, 2):
            raise ConfigurationError(f"Invalid line in key_aliases: {line}")
        if words:
            found[words[0].lower()] = words[1]
    return found
