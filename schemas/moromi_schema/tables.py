"""Every table under its own name: `from moromi_schema import tables as t; t.tag_listing.c.build_id`."""

from . import additions as additions
from .additions import moromi_rpm_metadata, moromi_scheduler_reasons
from .archives import (
    archive_components,
    archive_rpm_components,
    archiveinfo,
    archivetypes,
    image_archives,
    maven_archives,
    win_archives,
)
from .base import metadata
from .buildroots import (
    buildroot,
    buildroot_archives,
    buildroot_listing,
    buildroot_tools_info,
    standard_buildroot,
)
from .builds import (
    LEGACY_BUILDS,
    btype,
    build,
    build_reservations,
    build_types,
    cg_users,
    content_generator,
    image_builds,
    maven_builds,
    package,
    volume,
    win_builds,
)
from .events import event_labels, events
from .external_repos import external_repo, external_repo_config, external_repo_data, tag_external_repos
from .groups import group_config, group_package_listing, group_req_listing, groups
from .hosts import channels, host, host_channels, host_config
from .messages import proton_queue
from .notifications import build_notifications, build_notifications_block
from .repos import repo, repo_queue
from .rpms import rpm_checksum, rpminfo, rpmsigs
from .scheduler import (
    locks,
    scheduler_host_data,
    scheduler_log_messages,
    scheduler_sys_data,
    scheduler_task_refusals,
    scheduler_task_runs,
)
from .tags import (
    tag,
    tag_config,
    tag_extra,
    tag_inheritance,
    tag_listing,
    tag_package_owners,
    tag_packages,
    tag_updates,
)
from .targets import build_target, build_target_config
from .tasks import task
from .users import permissions, sessions, user_groups, user_krb_principals, user_perms, users

__all__ = [
    "LEGACY_BUILDS",
    "archive_components",
    "archive_rpm_components",
    "archiveinfo",
    "archivetypes",
    "btype",
    "build",
    "build_notifications",
    "build_notifications_block",
    "build_reservations",
    "build_target",
    "build_target_config",
    "build_types",
    "buildroot",
    "buildroot_archives",
    "buildroot_listing",
    "buildroot_tools_info",
    "cg_users",
    "channels",
    "content_generator",
    "event_labels",
    "events",
    "external_repo",
    "external_repo_config",
    "external_repo_data",
    "group_config",
    "group_package_listing",
    "group_req_listing",
    "groups",
    "host",
    "host_channels",
    "host_config",
    "image_archives",
    "image_builds",
    "locks",
    "maven_archives",
    "maven_builds",
    "metadata",
    "moromi_rpm_metadata",
    "moromi_scheduler_reasons",
    "package",
    "permissions",
    "proton_queue",
    "repo",
    "repo_queue",
    "rpm_checksum",
    "rpminfo",
    "rpmsigs",
    "scheduler_host_data",
    "scheduler_log_messages",
    "scheduler_sys_data",
    "scheduler_task_refusals",
    "scheduler_task_runs",
    "sessions",
    "standard_buildroot",
    "tag",
    "tag_config",
    "tag_external_repos",
    "tag_extra",
    "tag_inheritance",
    "tag_listing",
    "tag_package_owners",
    "tag_packages",
    "tag_updates",
    "task",
    "user_groups",
    "user_krb_principals",
    "user_perms",
    "users",
    "volume",
    "win_archives",
    "win_builds",
]
