"""Projects for everyone: what anyone may create, build in and share (copr.md).

The services are one module for each subject (`projects`, `chroots`, `permissions`, `packages`,
`builds`, `progress`, `publishing`), over the SQL in `*_queries`; `entities` says what they are
made of on the hub. The faces on top are `api_3` and, with words of its own (`legacy`, `uploaded`), `api_0`,
Koji's own for builds (`koji_builds`), and `pages`; `functions` is what builders do for them.
"""

from __future__ import annotations

from .api_0 import BLUEPRINT as API_0
from .api_3 import BLUEPRINT as API_3
from .calls import (
    async_build,
    begin,
    chroot_options,
    create_copr,
    edit_chroot,
    give_up,
    list_chroots,
    move_to_copr,
    no_source,
    publish,
    remove_repos,
    start,
    take_source,
)
from .hooks import BLUEPRINT as HOOKS
from .jobs import BATCHES, PRUNE, PUBLISH, UPKEEP
from .koji_builds import build, chain_build
from .pages import BLUEPRINT as PAGES
from .policy import BESIDE, FROM_SRPM, RPM, CoprCanBuildTest, CoprTaskTest
from .settings import CONFIG
from .tables import SCHEMA

__all__ = [
    "API_0",
    "API_3",
    "BATCHES",
    "BESIDE",
    "CONFIG",
    "FROM_SRPM",
    "HOOKS",
    "PAGES",
    "PRUNE",
    "PUBLISH",
    "RPM",
    "SCHEMA",
    "UPKEEP",
    "CoprCanBuildTest",
    "CoprTaskTest",
    "async_build",
    "begin",
    "build",
    "chain_build",
    "chroot_options",
    "create_copr",
    "edit_chroot",
    "give_up",
    "list_chroots",
    "move_to_copr",
    "no_source",
    "publish",
    "remove_repos",
    "start",
    "take_source",
]
