"""What a name in a manifest refers to: `deploy`, `aws/ReadOnlyAccess`, `live/audit`, a full ARN."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from iamsync import arn
from iamsync.errors import Place
from iamsync.kinds import KINDS
from iamsync.kinds.kind import NAME
from iamsync.manifest.nodes import Node
from iamsync.manifest.problems import Problems
from iamsync.model import Address
from iamsync.nearness import closest

LIVE: Final = "live/"
AWS: Final = "aws/"
_AWS_POLICY: Final = re.compile(r"([A-Za-z0-9.,+@=_-]+/)*[\w+=,.@-]+", re.ASCII)


@dataclass(slots=True)
class Declared:
    """What the manifests declare for one account: ARNs by address.

    `elsewhere` is declared for other accounts only. `partial`: a file could not be read, so a name
    that is missing here may well be declared in it.
    """

    arns: dict[Address, str] = field(default_factory=dict)
    folded: dict[Address, Address] = field(default_factory=dict)
    elsewhere: dict[Address, Place] = field(default_factory=dict)
    partial: bool = False

    def names(self, kind: str) -> list[str]:
        return [address.name for address in self.arns if address.kind == kind]


def policy(text: str, at: Node, declared: Declared, partition: str, problems: Problems) -> str | None:
    """The ARN of a policy reference; `live/NAME` stays as it is, for whoever knows the live account."""
    if text.startswith("arn:"):
        return _arn("policy", text, at, problems)
    if text.startswith(AWS):
        if not _AWS_POLICY.fullmatch(text[len(AWS) :]):
            hint = "write aws/ReadOnlyAccess or aws/service-role/AWSLambdaBasicExecutionRole"
            problems.add("bad-reference", f'"{text}" names no AWS managed policy', at, hint)
            return None
        return f"arn:{partition}:iam::aws:policy/{text[len(AWS) :]}"
    if text.startswith(LIVE):
        return text if _live("policy", text, at, declared, problems) else None
    return _declared("policy", text, at, declared, problems)


def role(text: str, at: Node, declared: Declared, problems: Problems) -> str | None:
    """The ARN of a role reference; `live/NAME` stays as it is, for whoever knows the live account."""
    if text.startswith("arn:"):
        return _arn("role", text, at, problems)
    if text.startswith(LIVE):
        return text if _live("role", text, at, declared, problems) else None
    return _declared("role", text, at, declared, problems)


def group(text: str, at: Node, declared: Declared, problems: Problems) -> str | None:
    """The name of a group reference."""
    if text.startswith(LIVE):
        return text[len(LIVE) :] if _live("group", text, at, declared, problems) else None
    return text if _declared("group", text, at, declared, problems) else None


def _declared(kind: str, text: str, at: Node, declared: Declared, problems: Problems) -> str | None:
    address = Address(kind, text)
    if address in declared.arns:
        return declared.arns[address]
    if declared.partial:
        return None
    same = declared.folded.get(address.folded)
    if same is not None:
        problems.add("unknown-reference", f'{kind} "{text}" is declared as "{same.name}"', at, f"write {same.name}")
    elif address in declared.elsewhere:
        where = declared.elsewhere[address]
        problems.add(
            "unknown-reference",
            f'{kind} "{text}" is not declared for this account',
            at,
            f"it is declared at {where}, but only_accounts leaves this account out",
        )
    else:
        problems.add("unknown-reference", f'{kind} "{text}" is not declared', at, _unknown(kind, text, declared))
    return None


def _unknown(kind: str, text: str, declared: Declared) -> str:
    bare = text.removeprefix(f"{kind}/")
    if Address(kind, bare) in declared.arns:
        return f"write {bare}"
    found = closest(text, declared.names(kind))
    start = f'did you mean "{found}"? ' if found else ""
    outside = f"{LIVE}{text} is one that lives in the account and is not declared here"
    if kind == "policy":
        outside += f", {AWS}{text} one of AWS's own"
    return start + outside


def _live(kind: str, text: str, at: Node, declared: Declared, problems: Problems) -> bool:
    name = text[len(LIVE) :]
    if not NAME.fullmatch(name):
        problems.add("bad-reference", f'"{text}" names no {kind}', at, f"write {LIVE}NAME, without a path")
        return False
    same = declared.folded.get(Address(kind, name).folded)
    if same is not None:
        problems.add("bad-reference", f'{kind} "{same.name}" is declared in these manifests', at, f"write {same.name}")
        return False
    return True


def _arn(kind: str, text: str, at: Node, problems: Problems) -> str | None:
    parsed = arn.parse(text)
    if parsed is None or not parsed.account:
        hint = f"write arn:aws:iam::111122223333:{kind}/NAME, or the {kind}'s name"
        problems.add("bad-reference", f'"{text}" is no ARN of a {kind}', at, hint)
        return None
    if parsed.kind != kind:
        hint = f"only {'managed policies' if kind == 'policy' else 'roles'} are referred to by ARN here"
        problems.add("bad-reference", f'"{text}" is the ARN of a {parsed.kind}, not of a {kind}', at, hint)
        return None
    return text


def arn_of(name: str, declared: Declared, account_id: str, partition: str) -> str:
    """The ARN of `KIND/NAME`, a declared resource; KeyError where it is none."""
    kind, _, bare = name.partition("/")
    address = Address(kind, bare)
    if address not in declared.arns and declared.partial and kind in KINDS and bare:
        return arn.build(partition, account_id, address)  # it may be declared in the file that cannot be read
    return declared.arns[address]
