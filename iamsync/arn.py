"""IAM ARNs: built from and taken apart into account, kind, path and name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from iamsync.model import Address

# The resource word of an ARN for each kind iamsync names: `arn:P:iam::ACCT:` + word + PATH + NAME
# (IAM User Guide, IAM identifiers).
WORDS: Final = {
    "user": "user",
    "group": "group",
    "role": "role",
    "policy": "policy",
    "instance_profile": "instance-profile",
    "oidc_provider": "oidc-provider",
    "saml_provider": "saml-provider",
}
_KINDS: Final = {word: kind for kind, word in WORDS.items()}
_PATHLESS: Final = frozenset({"oidc_provider", "saml_provider"})
_ARN: Final = re.compile(r"arn:([a-z0-9-]+):iam::(\d{12}|aws):([a-z-]+)(/.*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Arn:
    """An IAM entity's ARN in its parts; `account` is `aws` for AWS's own policies."""

    partition: str
    account: str
    kind: str
    path: str
    name: str

    @property
    def address(self) -> Address:
        return Address(self.kind, self.name)

    def __str__(self) -> str:
        return f"arn:{self.partition}:iam::{self.account}:{WORDS[self.kind]}{self.path}{self.name}"


def build(partition: str, account: str, address: Address, path: str = "/") -> str:
    """The ARN of a resource; every one is computable before the resource exists."""
    return f"arn:{partition}:iam::{account}:{WORDS[address.kind]}{path}{address.name}"


def parse(text: str) -> Arn | None:
    """The parts of an IAM entity's ARN, or None for any other text."""
    match = _ARN.fullmatch(text)
    if match is None or match[3] not in _KINDS:
        return None
    kind = _KINDS[match[3]]
    if kind in _PATHLESS:
        path, name = "", match[4][1:]
    else:
        path, _, name = match[4].rpartition("/")
    return Arn(match[1], match[2], kind, f"{path}/", name) if name else None


def is_provider(text: str) -> bool:
    """Whether this is the ARN of an OIDC or SAML provider."""
    parsed = parse(text)
    return parsed is not None and parsed.kind in _PATHLESS


def is_aws_managed(text: str) -> bool:
    """Whether this is the ARN of a policy that AWS owns."""
    parsed = parse(text)
    return parsed is not None and parsed.account == "aws" and parsed.kind == "policy"


def short(text: str, account: str) -> str:
    """A policy ARN as a person writes it: `name` of this account, `aws/PATH/NAME`, else the ARN."""
    arn = parse(text)
    if arn is None or arn.kind != "policy":
        return text
    if arn.account == "aws":
        return f"aws{arn.path}{arn.name}"
    return arn.name if arn.account == account else text
