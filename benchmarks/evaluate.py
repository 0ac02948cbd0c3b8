"""How many requests the offline evaluator decides in a second, on one core.

The policies are those that AWS itself writes, as moto ships them: ten of them on one user, with a
boundary and two levels of service control policies, asked about actions drawn from the catalogue.
Each request is a different one, so that what is remembered of documents helps and of answers does not.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from moto.iam.aws_managed_policies import aws_managed_policies_data

from iamsync.policy.catalog import load
from iamsync.policy.document import Document
from iamsync.policy.evaluate import Layers, Source, evaluate
from iamsync.policy.request import Principal, Request

ACCOUNT = "111122223333"
USER = Principal.of(f"arn:aws:iam::{ACCOUNT}:user/ann")
REQUESTS = 20_000
PRINCIPALS = 20
ATTACHED = 10
KNOWN = {"aws:MultiFactorAuthPresent": "true", "aws:RequestedRegion": "eu-west-1", "aws:SecureTransport": "true"}


def principals(draw: random.Random) -> list[Layers]:
    """The policies of each of the principals."""
    held = json.loads(aws_managed_policies_data)
    sources = {name: Source(name, Document.of(data["Document"])) for name, data in sorted(held.items())}
    full = Document.of({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
    level = (Source("FullAWSAccess", full),)
    return [
        Layers(
            identity=tuple(sources[name] for name in draw.sample(sorted(sources), ATTACHED)),
            boundary=sources["PowerUserAccess"],
            scps=(level, level),
        )
        for _ in range(PRINCIPALS)
    ]


def requests(draw: random.Random) -> list[Request]:
    """Requests of any action of the catalogue, most on a resource of its kind."""
    catalog = load()
    made: list[Request] = []
    for number, action in enumerate(draw.choices(catalog.expand("*"), k=REQUESTS)):
        types = catalog.types(action)
        resource = "*"
        if types:
            template = draw.choice(types).arn.replace("${Partition}", "aws").replace("${Account}", ACCOUNT)
            resource = "".join(f"n{number}" if at % 2 else part for at, part in enumerate(_split(template)))
        made.append(Request(USER, str(action), resource, context=KNOWN))
    return made


def _split(template: str) -> list[str]:
    return template.replace("}", "${").split("${")


def main(arguments: list[str]) -> int:
    draw = random.Random(1)
    everyone, asked = principals(draw), requests(draw)
    told: dict[str, float] = {}
    for name, explain in (("with documents unread", True), ("with the nearest misses", True), ("verdict alone", False)):
        verdicts: Counter[str] = Counter()
        started = time.process_time()
        for number, request in enumerate(asked):
            decision = evaluate(request, everyone[number % PRINCIPALS], explain=explain)
            verdicts[decision.verdict] += 1
        told[name] = REQUESTS / (time.process_time() - started)
        print(f"{name}: {told[name]:,.0f} a second, {verdicts['allowed'] / REQUESTS:.0%} allowed", file=sys.stderr)
    if "--json" in arguments:
        print(json.dumps({"per_second": {name: round(number) for name, number in told.items()}}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
