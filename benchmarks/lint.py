"""How long it takes to look for findings in five thousand policy documents: two CPU seconds at most are wanted."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from iamsync.policy.catalog import load
from iamsync.policy.lint import lint

ACCOUNT = "111122223333"
DOCUMENTS = 5000
RUNS = 3  # the least of them: the machine may be busy with something else


def document(number: int) -> dict[str, Any]:
    """A sound policy of three statements."""
    table = f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/orders-{number}"
    role = f"arn:aws:iam::{ACCOUNT}:role/app/run-{number}"
    passed = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    bucket = f"arn:aws:s3:::b-{number}/*"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": bucket},
            {"Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:Query"], "Resource": [table]},
            {"Effect": "Allow", "Action": "iam:PassRole", "Resource": role, "Condition": passed},
        ],
    }


def main(arguments: list[str]) -> int:
    documents = [document(number) for number in range(DOCUMENTS)]
    catalog = load()
    lint(documents[0], "identity", account_id=ACCOUNT, catalog=catalog)  # the catalogue is read
    took = []
    for _ in range(RUNS):
        started = time.process_time()
        found = sum(len(lint(each, "identity", account_id=ACCOUNT, catalog=catalog)) for each in documents)
        took.append(time.process_time() - started)
    print(f"{DOCUMENTS} documents: {min(took):.2f} s of CPU, {found} findings", file=sys.stderr)
    if "--json" in arguments:
        print(json.dumps({"documents": DOCUMENTS, "seconds": round(min(took), 2)}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
