"""What tasks leave behind, and what a daemon that died left: processes, mounts, chroots, scratch
directories.
"""

from __future__ import annotations

import logging
from pathlib import Path

from moromi.paths import task_relpath
from moromi_builder import roots
from moromi_builder.mounts import remove_tree
from moromi_builder.process import ProcessId, end_now, marked_processes
from moromi_builder.running import records_dir
from moromi_builder.settings import Settings

logger = logging.getLogger(__name__)


def end_previous(settings: Settings, roots_dir: Path) -> None:
    """Before serving: end everything that an earlier daemon with this work directory left running or
    mounted.
    """
    processes = []
    for record in records_dir(settings).glob("*"):
        pid, start = record.read_text(encoding="ascii").split()
        processes.append(ProcessId(int(pid), int(start)))
        record.unlink()
    processes += marked_processes(settings.workdir)
    if not end_now(processes):
        logger.error("processes of an earlier daemon cannot be ended: %s", processes)
    for root in roots.find(settings, roots_dir):
        if not root.failed:
            logger.info("removing chroot %s of an earlier daemon", root.directory)
            roots.remove(root)
    remove_tree(str(Path(settings.workdir) / "tasks"))


def dispose(settings: Settings, roots_dir: Path, task_id: int, *, failed: bool) -> None:
    """At the end of a task: keep its chroots if it failed, else remove them unless a delay is configured."""
    for root in roots.find(settings, roots_dir):
        if root.task_id != task_id:
            continue
        if failed and settings.failed_buildroot_lifetime > 0:
            roots.mark_failed(root)
        elif not settings.buildroot_final_cleanup_delay:
            roots.remove(root)


def remove_task(settings: Settings, roots_dir: Path, task_id: int) -> None:
    """After a task was killed: nothing of it stays."""
    for root in roots.find(settings, roots_dir):
        if root.task_id == task_id:
            roots.remove(root)
    remove_tree(str(Path(settings.workdir) / task_relpath(task_id)))
