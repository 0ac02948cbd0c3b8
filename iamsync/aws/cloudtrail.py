"""CloudTrail's LookupEvents: what was called about one resource in the last 90 days, newest first.

AWS answers two requests a second, in the region where IAM keeps its records (CloudTrail API Reference, LookupEvents).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from iamsync.aws.calls import call
from iamsync.aws.regions import IAM_REGIONS
from iamsync.aws.retrying import sort_of
from iamsync.aws.session import Connection
from iamsync.errors import AwsError
from iamsync.kinds.trail import Record, record

OPERATION: Final = "LookupEvents"
# Two a second are allowed, whoever else asks in this account and region.
PAUSE: Final = 0.5
# Fifty events each: past these what happened is too long ago, for a resource that changes all the time.
MOST_PAGES: Final = 20
_ATTEMPTS: Final = 6


@dataclass(slots=True)
class Trail:
    """LookupEvents of one account at its rate; `sleep` and `clock` (seconds) are the machine's but in tests."""

    client: Any
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _free_at: float = field(default=0.0)

    @classmethod
    def of(cls, connection: Connection) -> Trail:
        """The trail of an account, in the region of its partition that has IAM's records."""
        region = IAM_REGIONS.get(connection.partition)
        # Throttling is waited out here, at the pace that is allowed.
        return cls(connection.client("cloudtrail", region=region, attempts=2))

    def records(self, name: str) -> Iterator[Record]:
        """The calls about a resource of this name that succeeded, newest first, page by page as they are wanted.

        Raises AccessDenied where the caller may not look, Unsupported where there is no CloudTrail, AwsError where it
        keeps throttling.
        """
        params: dict[str, Any] = {
            "LookupAttributes": [{"AttributeKey": "ResourceName", "AttributeValue": name}],
            "MaxResults": 50,
        }
        for _ in range(MOST_PAGES):
            page = self._call(params)
            for event in page.get("Events") or ():
                if (found := record(event)) is not None:
                    yield found
            following = page.get("NextToken")
            if not following or following == params.get("NextToken"):
                return
            params = {**params, "NextToken": following}

    def _call(self, params: dict[str, Any]) -> dict[str, Any]:
        for attempt in range(_ATTEMPTS):
            self._pace()
            try:
                return call(self.client, OPERATION, params)
            except AwsError as error:
                if sort_of(error) != "throttled" or attempt == _ATTEMPTS - 1:
                    raise
                self._free_at += 2.0**attempt
        raise AssertionError("the last attempt returns or raises")

    def _pace(self) -> None:
        now = self.clock()
        if self._free_at > now:
            self.sleep(self._free_at - now)
            now = self._free_at
        self._free_at = now + PAUSE
