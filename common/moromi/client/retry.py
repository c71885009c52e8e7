"""When a failed call is sent again (client-session spec, section 4).

Kept free of sockets and clocks so that each rule can be tested by itself: `RetryPolicy.delay` says whether
and after what pause another attempt is due.
"""

from typing import NamedTuple


class RetryPolicy(NamedTuple):
    """How patient a session is. `interval` is in seconds; `max_retries` 0 means one attempt; `patience`, if
    set, is the longest time in seconds that the hub may stay away before the last attempt.
    """

    max_retries: int = 30
    interval: float = 20.0
    anonymous: bool = False
    patience: float | None = None

    def delay(self, failures: int, logged_in: bool, away: float = 0.0) -> float | None:
        """Seconds to wait after the `failures`-th failed attempt (1 is the first), or None to give up.

        `away`: for how many seconds the hub has been away.
        """
        if failures > self.max_retries or not (logged_in or self.anonymous):
            return None
        pause = 0.0 if failures == 1 else self.interval
        if self.patience is None:
            return pause
        left = self.patience - away
        return min(pause, left) if left > 0 else None
