"""How long a permission difference takes for a principal with ten AWS managed policies: under 50 ms is wanted.

    .venv/bin/python benchmarks/access.py

The documents are those that moto bundles. The catalogue and the patterns of the policies are warm, as they
are from a plan's second principal on; the first comparison is told as well.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator

from moto.iam.aws_managed_policies import aws_managed_policies_data

from iamsync.policy import actionset
from iamsync.policy.access import Access, difference
from iamsync.policy.document import Document
from iamsync.policy.evaluate import Source
from iamsync.policy.holdings import Holdings
from iamsync.policy.request import Principal

ACCOUNT = "111122223333"
ALICE = Principal.of(f"arn:aws:iam::{ACCOUNT}:user/alice")
TEN = (
    *("AmazonS3FullAccess", "AmazonEC2FullAccess", "AmazonDynamoDBFullAccess", "AWSLambda_FullAccess"),
    *("CloudWatchFullAccess", "AmazonSQSFullAccess", "AmazonRDSFullAccess", "IAMReadOnlyAccess"),
    *("AmazonECS_FullAccess", "AmazonSSMFullAccess"),
)
ROUNDS = 15


def main(arguments: list[str]) -> int:
    held = {name: entry["Document"] for name, entry in json.loads(aws_managed_policies_data).items()}
    sources = {name: Source(f"policy aws/{name}", Document.of(document)) for name, document in held.items()}
    ten = tuple(sources[name] for name in TEN)
    started = time.process_time()
    actions = actionset.known("*").bit_count()
    print(f"catalogue: {actions} actions in {time.process_time() - started:.2f} s", file=sys.stderr)
    own = Source("policy own", Document.of(_DEPLOY))
    limit = Source("policy limit", Document.of(_LIMIT))
    cases: dict[str, tuple[Holdings, Holdings]] = {
        "one of the ten attached": (Holdings(ten[:-1]), Holdings(ten)),
        "one of the ten put in place of another": (Holdings(ten[1:]), Holdings(ten[:-1])),
        "all ten detached": (Holdings(ten), Holdings()),
        "a policy of one's own beside them": (Holdings(ten), Holdings((*ten, own))),
        "a statement that denies": (Holdings(ten), Holdings((*ten, Source("policy deny", Document.of(_DENY))))),
        "a permissions boundary for the ten": (Holdings(ten), Holdings(ten, limit)),
        "nothing": (Holdings(ten), Holdings(ten[::-1])),
    }
    told: dict[str, float] = {}
    for name, (before, after) in cases.items():
        times = list(_timed(lambda before=before, after=after: _compared(before, after)))  # type: ignore[misc]
        found = _compared(before, after)
        told[name] = round(min(times[1:]) * 1e3, 1)
        regions = len(found.gained) + len(found.lost)
        print(f"{name}: {told[name]} ms of CPU (first {times[0] * 1e3:.0f} ms), {regions} regions", file=sys.stderr)
    if "--json" in arguments:
        print(json.dumps({"milliseconds": told}))
    return 0


def _compared(before: Holdings, after: Holdings) -> Access:
    return difference(before, after, principal=ALICE, account_id=ACCOUNT)


def _timed(work: Callable[[], object]) -> Iterator[float]:
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        yield time.process_time() - started


_DEPLOY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:*", "kms:Decrypt"], "Resource": "arn:aws:s3:::site/*"},
        {"Effect": "Allow", "Action": "iam:PassRole", "Resource": f"arn:aws:iam::{ACCOUNT}:role/app-*"},
    ],
}
_DENY = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Deny", "Action": ["s3:Delete*", "ec2:TerminateInstances"], "Resource": "*"},
}
_LIMIT = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": ["s3:*", "ec2:*", "dynamodb:*", "logs:*"], "Resource": "*"},
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
