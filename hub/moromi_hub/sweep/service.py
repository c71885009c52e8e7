"""What is swept, and how old it must be."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from moromi_hub.call import Call
from moromi_hub.settings import Settings
from moromi_hub.sweep import queries, uploads


@dataclass(frozen=True)
class Ages:
    """Ages in days from which things go; 0 is never."""

    sessions: float
    reservations: float
    scheduler_logs: float
    uploads: float
    sessions_absolute: float = 0

    @classmethod
    def of(cls, settings: Settings) -> Ages:
        """What the configuration says."""
        return cls(
            sessions=settings.SessionsAge,
            reservations=settings.ReservationsAge,
            scheduler_logs=settings.SchedulerLogsAge,
            uploads=settings.UploadsAge,
        )

    def replace(self, **changes: float | None) -> Ages:
        """A copy with other ages; None keeps one."""
        given = {key: value for key, value in changes.items() if value is not None}
        return dataclasses.replace(self, **given)


def run(call: Call) -> None:
    """Sweep what the configuration says: the worker's job."""
    ages = Ages.of(call.settings)
    found = sweep_rows(call, ages)
    if ages.uploads:
        found["uploads"] = uploads.sweep(call.settings.topdir, ages.uploads)
    for what, count in found.items():
        if count:
            call.hub.log.info("swept %s: %s", what, count)


def sweep_rows(call: Call, ages: Ages) -> dict[str, int]:
    """Delete old rows: how many of what."""
    found = {}
    if ages.sessions:
        found["sessions"] = queries.sessions(call.tx, ages.sessions, ages.sessions_absolute or None)
    if ages.reservations:
        found["reservations"] = queries.reservations(call.tx, ages.reservations)
    if ages.scheduler_logs:
        found["scheduler log messages"] = queries.scheduler_logs(call.tx, ages.scheduler_logs)
    return found
