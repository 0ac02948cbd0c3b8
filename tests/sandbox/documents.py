"""Policy documents for the tests."""

from __future__ import annotations

import json
from typing import Any


def trust(principal: Any, **more: Any) -> str:
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}],
        }
    )


def policy(action: Any = "s3:GetObject", **more: Any) -> str:
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*", **more}]}
    )


def sized(characters: int) -> str:
    """A policy of so many characters, white space not counted."""
    empty = policy("s3:")
    filled = policy("s3:" + "x" * (characters - len(empty.replace(" ", ""))))
    assert len(filled.replace(" ", "")) == characters
    return filled


EC2 = trust({"Service": "ec2.amazonaws.com"})
