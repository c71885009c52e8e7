"""What the background process does for projects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moromi.constants import FINISHED_TASKS
from moromi_hub.plugin_api import Job

from . import builds, pruning, publishing, upkeep


def _build_ended(message: Mapping[str, Any]) -> bool:
    return bool(
        message["type"] == "task"
        and message["method"] == builds.METHOD
        and message["state"] in FINISHED_TASKS
    )


def _published(message: Mapping[str, Any]) -> bool:
    """Something has come into a repository, or a build has ended without."""
    return bool(message["type"] == publishing.MESSAGE) or _build_ended(message)


def _minute(settings: object) -> float:
    return 60.0


def _hour(settings: object) -> float:
    return 3600.0


def _never(message: Mapping[str, Any]) -> bool:
    return False


UPKEEP = Job("copr-upkeep", upkeep.run, _never, _hour)
PUBLISH = Job("copr-publish", publishing.run, lambda message: message["type"] == publishing.MESSAGE, _minute)
PRUNE = Job("copr-prune", pruning.run, _published, _minute, 1.0)
BATCHES = Job("copr-batches", builds.start_ready, _build_ended, _minute, 0.1)
