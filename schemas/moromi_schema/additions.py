"""What we add to a Koji database: indexes (and side tables) that never change what Koji reads.

Every name begins with `moromi_`, so that a site that goes back can drop them all by name. Each entry says
which call needs it. A new one goes here and into a new revision below `upgrades/versions`; `check` reports
one that a database lacks.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    func,
    text,
)

from .base import Timestamp, metadata, serial_id
from .buildroots import standard_buildroot
from .builds import build
from .events import events
from .groups import group_config, group_package_listing, group_req_listing
from .hosts import host
from .repos import repo, repo_queue
from .rpms import rpminfo
from .scheduler import scheduler_log_messages, scheduler_task_refusals, scheduler_task_runs
from .tags import tag_listing, tag_package_owners, tag_packages
from .tasks import task

LIVE = text("active")

# listTagged, repo_init: the live builds of a tag, without touching the dead rows (most of the table).
Index("moromi_tag_listing_live", tag_listing.c.tag_id, tag_listing.c.build_id, postgresql_where=LIVE)

# tagLastChangeEvent, repo.request: the newest event of a tag, from the two largest tables it looks at.
Index("moromi_tag_listing_created", tag_listing.c.tag_id, tag_listing.c.create_event)
Index("moromi_tag_listing_revoked", tag_listing.c.tag_id, tag_listing.c.revoke_event)
Index("moromi_tag_packages_created", tag_packages.c.tag_id, tag_packages.c.create_event)
Index("moromi_tag_packages_revoked", tag_packages.c.tag_id, tag_packages.c.revoke_event)

# listPackages: the owners of a tag's packages.
Index(
    "moromi_tag_package_owners_live",
    tag_package_owners.c.tag_id,
    tag_package_owners.c.package_id,
    postgresql_where=LIVE,
)

# getTagGroups, repo_init: the groups of a tag (Koji's unique indexes begin with the group).
Index("moromi_group_config_live", group_config.c.tag_id, postgresql_where=LIVE)
Index("moromi_group_package_listing_live", group_package_listing.c.tag_id, postgresql_where=LIVE)
Index("moromi_group_req_listing_live", group_req_listing.c.tag_id, postgresql_where=LIVE)

# The scheduler: free tasks in the order in which they are handed out.
Index(
    "moromi_task_free",
    task.c.priority,
    task.c.create_time,
    task.c.id,
    postgresql_where=text("state = 0"),
)
# host.getHostTasks, host.getLoadData: what is assigned to or open on a host.
Index("moromi_task_held", task.c.host_id, task.c.state, postgresql_where=text("state IN (1, 4)"))
# listTasks(owner=…), list-tasks --mine.
Index("moromi_task_by_owner", task.c.owner, task.c.id)
# listTasks(completeAfter=…), the pages of finished tasks.
Index("moromi_task_by_completion", task.c.completion_time)

# getTaskInfo's build, listBuilds(taskID=…), and every deletion of a task.
Index("moromi_build_by_task", build.c.task_id)
# listBuilds(userID=…).
Index("moromi_build_by_owner", build.c.owner, build.c.completion_time)

# listRPMs(buildrootID=…).
Index(
    "moromi_rpminfo_by_buildroot", rpminfo.c.buildroot_id, postgresql_where=text("buildroot_id IS NOT NULL")
)

# listBuildroots(hostID=…, state=…): each builder asks for its own at start-up and while it runs.
Index("moromi_standard_buildroot_live", standard_buildroot.c.host_id, postgresql_where=text("state <> 3"))
# listBuildroots(taskID=…).
Index("moromi_standard_buildroot_by_task", standard_buildroot.c.task_id)
# Expiry of a repository: is a buildroot still on it?
Index("moromi_standard_buildroot_by_repo", standard_buildroot.c.repo_id)

# getRepo, repo.get: the newest repository of a tag.
Index("moromi_repo_by_tag", repo.c.tag_id, repo.c.create_event)
# getActiveRepos and the sweeper: repositories that are not deleted.
Index("moromi_repo_live", repo.c.state, postgresql_where=text("state <> 3"))
# repo.request, the request queue.
Index("moromi_repo_queue_live", repo_queue.c.tag_id, postgresql_where=LIVE)

# Every host.* call: the host of the session's user.
Index("moromi_host_by_user", host.c.user_id)

# getLastEvent(before=…), and history asked for by time.
Index("moromi_events_by_time", events.c.time)

# The scheduler's reasons, shown per task and per host.
Index("moromi_scheduler_task_refusals_by_host", scheduler_task_refusals.c.host_id)
Index("moromi_scheduler_log_by_task", scheduler_log_messages.c.task_id)
Index("moromi_scheduler_log_by_host", scheduler_log_messages.c.host_id)

# The scheduler: who has which task now, among all that ever had one.
Index("moromi_scheduler_task_runs_live", scheduler_task_runs.c.task_id, postgresql_where=LIVE)

# Why a free task is not assigned, or a host is given none: one row each, rewritten when the reason changes.
moromi_scheduler_reasons = Table(
    "moromi_scheduler_reasons",
    metadata,
    serial_id(),
    Column("task_id", Integer, ForeignKey("task.id", ondelete="CASCADE"), unique=True),
    Column("host_id", Integer, ForeignKey("host.id", ondelete="CASCADE"), unique=True),
    Column("msg", Text, nullable=False),
    Column("since", Timestamp, nullable=False, server_default=func.now()),
    CheckConstraint("(task_id IS NULL) <> (host_id IS NULL)", name="moromi_scheduler_reasons_one"),
)

# What repositories say of a file of an rpm: the imported one (its sigkey is empty), or a signed copy.
# The text that no signature changes is kept beside the build, as `fragment` of `data/repodata/<pack>`.
moromi_rpm_metadata = Table(
    "moromi_rpm_metadata",
    metadata,
    Column("rpm_id", Integer, ForeignKey("rpminfo.id", ondelete="CASCADE"), primary_key=True),
    Column("sigkey", Text, primary_key=True),
    Column("sourcerpm", Text, nullable=False),
    Column("fragment", LargeBinary, nullable=False),
    Column("pack", Text, nullable=False),
    Column("pkgid", LargeBinary, nullable=False),
    Column("file_time", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("header_start", BigInteger, nullable=False),
    Column("header_end", BigInteger, nullable=False),
)
