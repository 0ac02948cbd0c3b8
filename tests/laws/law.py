"""How many examples a law is tried on: few in CI, many with IAMSYNC_LAWS=full (`make laws`)."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

FULL = os.environ.get("IAMSYNC_LAWS") == "full"
# Without shrinking a failure is reported within the test's own time; the full run makes it small.
PHASES = tuple(phase for phase in Phase if FULL or phase not in (Phase.shrink, Phase.explain))


def law(examples: int) -> settings:
    """Settings for a law that CI tries on this many examples."""
    return settings(
        max_examples=examples * 20 if FULL else examples,
        deadline=None,
        phases=PHASES,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )


LAW = law(40)
