"""The environment variables of iamsync by name: a slip in one would pass for one that is not set."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

PREFIX: Final = "IAMSYNC_"
# Those of the options; a test holds that it is all of them.
_OPTIONS: Final = """
    ACCESS_ANALYZER ACCOUNT ACCOUNT_ID ACKNOWLEDGE ACTIONS ALL_ACCOUNTS APPROVED ASSUME_ROLE ATTRIBUTE AUTO_APPROVE
    BASE BASELINE CHECK CI COLOR CONFIG CREDENTIAL_REPORT DELETED DELIVER_TO ENDPOINT_URL EXECUTOR EXPIRED EXPIRING
    FAIL_ON FAIL_ON_GAIN FORCE FORMAT FROM GUARDRAILS LAST_ACCESSED LAYOUT LIVE LOCK_TIMEOUT MAX_FAILED METRICS
    MFA_TOKEN NOTIFY NOW NO_PAGER ONLY OUT PARALLELISM PLAN_ONLY PROFILE QUIET REGION REPORT RESTRICT SANDBOX SHARD
    SINCE_LAST TAKE_OVER TARGET TIMEOUT USER VAR VARIABLES_FROM VERBOSE
"""
# Those that no option has: of notices, workers, pipelines.
_OTHERS: Final = """
    CI_APPROVED CI_BASE CI_COMMAND CI_COMMENT CI_COMMIT CI_PULL CI_TOKEN DELIVERY IN_AUTOMATION JOB PAGER
    SLACK_WEBHOOK TRACEBACK WEBHOOK_SECRET WEBHOOK_URL WORKER_PROJECT
"""
OPTIONS: Final = frozenset(PREFIX + name for name in _OPTIONS.split())
KNOWN: Final = OPTIONS | {PREFIX + name for name in _OTHERS.split()}


def slips() -> Iterator[tuple[str, str]]:
    """The variables that are set and mean nothing but are close to one that does: each with that one."""
    unknown = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in KNOWN)
    if not unknown:
        return
    from difflib import get_close_matches

    for name in unknown:
        if near := get_close_matches(name, KNOWN, 1, 0.9):
            yield name, near[0]
