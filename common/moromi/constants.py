"""The numbers and names of Koji's protocol (hub-protocol.md 5).

Enumerations are `IntEnum`s, so a member goes on the wire and into the database
as its number and prints as its name. All are positional; no number may change.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Final


class TaskState(IntEnum):
    """TASK_STATES."""

    FREE = 0
    OPEN = 1
    CLOSED = 2
    CANCELED = 3
    ASSIGNED = 4
    FAILED = 5


#: Nothing more comes of a task in one of these.
FINISHED_TASKS: Final = (TaskState.CLOSED, TaskState.CANCELED, TaskState.FAILED)
#: A host has the task.
HELD_TASKS: Final = (TaskState.OPEN, TaskState.ASSIGNED)
UNFINISHED_TASKS: Final = (TaskState.FREE, *HELD_TASKS)


class BuildState(IntEnum):
    """BUILD_STATES."""

    BUILDING = 0
    COMPLETE = 1
    DELETED = 2
    FAILED = 3
    CANCELED = 4


class RepoState(IntEnum):
    """REPO_STATES."""

    INIT = 0
    READY = 1
    EXPIRED = 2
    DELETED = 3
    PROBLEM = 4


#: Builds may use a repository in one of these.
USABLE_REPOS: Final = (RepoState.READY, RepoState.EXPIRED)


class BuildrootState(IntEnum):
    """BR_STATES."""

    INIT = 0
    WAITING = 1
    BUILDING = 2
    EXPIRED = 3


class BuildrootType(IntEnum):
    """BR_TYPES."""

    STANDARD = 0
    EXTERNAL = 1


class UserType(IntEnum):
    """USERTYPES."""

    NORMAL = 0
    HOST = 1
    GROUP = 2


class UserStatus(IntEnum):
    """USER_STATUS."""

    NORMAL = 0
    BLOCKED = 1


class AuthType(IntEnum):
    """AUTHTYPES. NORMAL is a password; KERBEROS is historic."""

    NORMAL = 0
    KERBEROS = 1
    SSL = 2
    GSSAPI = 3


class TagUpdateType(IntEnum):
    """TAG_UPDATE_TYPES."""

    VOLUME_CHANGE = 0
    IMPORT = 1
    MANUAL = 2
    DRAFT_PROMOTION = 3


class ChecksumType(IntEnum):
    """CHECKSUM_TYPES; the wire spells the names in lower case (`wire_name`)."""

    MD5 = 0
    SHA1 = 1
    SHA256 = 2

    @property
    def wire_name(self) -> str:
        """The name as clients write it: `md5`, `sha1` or `sha256`."""
        return self.name.lower()

    @classmethod
    def named(cls, name: object) -> ChecksumType | None:
        """The type that clients write so, None for another."""
        return next((kind for kind in cls if kind.wire_name == name), None)


class DepType(IntEnum):
    """Kinds of rpm dependencies (DEP_REQUIRE … DEP_RECOMMEND)."""

    REQUIRE = 0
    PROVIDE = 1
    OBSOLETE = 2
    CONFLICT = 3
    SUGGEST = 4
    ENHANCE = 5
    SUPPLEMENT = 6
    RECOMMEND = 7


class DepSense(IntFlag):
    """The comparison bits of rpm dependency flags (RPMSENSE_*)."""

    LESS = 2
    GREATER = 4
    EQUAL = 8


API_VERSION: Final = 1

PRIO_DEFAULT: Final = 20
PRIO_TAG: Final = 10
PRIO_REPO: Final = 15

DEFAULT_TOPDIR: Final = "/mnt/koji"
#: Seconds.
DEFAULT_REQUEST_TIMEOUT: Final = 43200
DEFAULT_AUTH_TIMEOUT: Final = 60

DRAFT_RELEASE_DELIMITER: Final = ","
DRAFT_RELEASE_FORMAT: Final = "{target_release},draft_{build_id}"

DEFAULT_VOLUME: Final = "DEFAULT"
DEFAULT_VOLUME_ID: Final = 0
INTERNAL_REPO_ID: Final = 0

REPO_MERGE_MODES: Final = ("koji", "simple", "bare")
#: Types of builds that have a table of their own.
LEGACY_BTYPES: Final = ("maven", "win", "image")
UPLOAD_DIGESTS: Final = ("md5", "adler32", "sha256")


#: Marks a struct of named arguments (hub-protocol.md 1.3).
NAMED_ARGUMENTS_MARK: Final = "__starstar"
#: Marks a task request whose parameters are all named.
NEW_STYLE_TASK_MARK: Final = "__method__"
