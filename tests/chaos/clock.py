"""Seconds that pass when somebody waits or calls, and never otherwise: backoff costs no time, and takes its time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Final

CALL: Final = 0.05  # seconds that a call takes
_STEP: Final = 0.001  # the least that passes: less could be lost among the digits, and waited for without end


class Clock:
    """A time of its own; may be shared between threads."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._lock = threading.Lock()

    def sleep(self, seconds: float) -> None:
        """Let so many seconds pass."""
        with self._lock:
            self.now += max(_STEP, seconds)

    def current_time(self) -> float:
        """The time, under the name that botocore's rate limiter asks for it by."""
        return self.now


class Remembering:
    """botocore's memory of how its calls went: budgets of attempts and limits of rates, of every client made here."""

    def __init__(self) -> None:
        self.held: list[Callable[[], None]] = []

    def forget(self) -> None:
        """Be as a new process is."""
        for again in self.held:
            again()


@contextmanager
def ruling(clock: Clock) -> Iterator[Remembering]:
    """botocore waits by this clock, between its attempts and where it limits its own rate, until the block ends."""
    from botocore import endpoint
    from botocore.retries import adaptive, bucket, quota, throttling

    memory = Remembering()

    def remembered(kind: Any, after: Callable[[Any], None] = lambda made: None) -> Any:
        initialize = kind.__init__

        def made(self: Any, *given: Any, **more: Any) -> None:
            def begin() -> None:
                if "start_time" in more:
                    more["start_time"] = clock.now
                initialize(self, *given, **more)
                after(self)

            begin()
            memory.held.append(begin)

        return made

    def by_clock(made: Any) -> None:
        made._new_fill_rate_condition.wait = clock.sleep

    changed = [
        (endpoint, "time", SimpleNamespace(sleep=clock.sleep)),
        (bucket, "Clock", lambda: clock),
        (bucket.TokenBucket, "__init__", remembered(bucket.TokenBucket, by_clock)),
        *(
            (kind, "__init__", remembered(kind))
            for kind in (adaptive.ClientRateLimiter, adaptive.RateClocker, throttling.CubicCalculator, quota.RetryQuota)
        ),
    ]
    before = [(where, name, getattr(where, name)) for where, name, _ in changed]
    for where, name, value in changed:
        setattr(where, name, value)
    try:
        yield memory
    finally:
        for where, name, value in before:
            setattr(where, name, value)
