"""Who is an administrator, by effect and not by name: whoever may do anything on anything, all limits counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from iamsync.model import EMPTY
from iamsync.policy.document import Document
from iamsync.policy.evaluate import Source, evaluate
from iamsync.policy.explanation import Decision
from iamsync.policy.holdings import Held, Holdings, Unknown
from iamsync.policy.request import ABSENT, Principal, Request, Values
from iamsync.policy.statement import concerning

# How sure an answer is. UNKNOWN: it hangs on what nobody read, as a document or what runs in the account.
# CONDITIONAL: on what a request carries, as an address or a tag. SURE: on nothing.
UNKNOWN, CONDITIONAL, SURE = 0, 1, 2

# What can be had by trying: a second factor and an encrypted connection. A request comes from the principal itself.
CONTEXT: Final[Mapping[str, Values]] = {
    "aws:MultiFactorAuthPresent": "true",
    "aws:MultiFactorAuthAge": "60",
    "aws:SecureTransport": "true",
    "aws:ViaAWSService": "false",
    "aws:CalledVia": ABSENT,
    "aws:SourceVpce": ABSENT,
}
EVERYTHING: Final = Source(
    "any policy",
    Document.of({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}),
)
# An administrator may do each of these, on what no policy has reason to name. Whoever lacks some of IAM's and has
# others is told apart by the rules of escalation; denials beside these, of leaving the organization say, take
# nothing from being an administrator.
_SAMPLES: Final = (
    ("iam:PutUserPolicy", "arn:{p}:iam::{a}:user/iamsync-sample"),
    ("s3:GetObject", "arn:{p}:s3:::iamsync-sample/sample"),
    ("iam:CreateUser", "arn:{p}:iam::{a}:user/iamsync-sample"),
    ("iam:CreateRole", "arn:{p}:iam::{a}:role/iamsync-sample"),
    ("iam:PassRole", "arn:{p}:iam::{a}:role/iamsync-sample"),
    ("iam:AttachRolePolicy", "arn:{p}:iam::{a}:role/iamsync-sample"),
    ("iam:CreatePolicyVersion", "arn:{p}:iam::{a}:policy/iamsync-sample"),
    ("ec2:RunInstances", "arn:{p}:ec2:us-east-1:{a}:instance/*"),
    ("lambda:CreateFunction", "arn:{p}:lambda:us-east-1:{a}:function:iamsync-sample"),
    ("secretsmanager:GetSecretValue", "arn:{p}:secretsmanager:us-east-1:{a}:secret:iamsync-sample"),
    ("dynamodb:DeleteTable", "arn:{p}:dynamodb:us-east-1:{a}:table/iamsync-sample"),
)

# Who may do nothing in its own account that its own policies do not grant.
_BY_POLICY: Final = ("user", "role")


@dataclass(frozen=True, slots=True)
class Standing:
    """That something is so, how surely, by which statements, and what the doubts are."""

    certainty: int
    via: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def standing(decision: Decision) -> Standing | None:
    """An allowed or doubtful decision; None where it is denied whatever is left open."""
    if not decision.allowed and decision.certain:
        return None
    allowing = (match for match in decision.deciding if match.allows and not match.label.endswith(EVERYTHING.label))
    via = tuple(sorted({str(match) for match in allowing}))
    return Standing(SURE if decision.certain else CONDITIONAL, via, decision.reasons)


def administrator(
    principal: Principal, holdings: Holdings, account_id: str, partition: str, *more: Held
) -> Standing | None:
    """Whether a principal with these policies, and `more` identity policies, is an administrator.

    None where it is not, whatever conditions come out as. Where only an unknown document could make
    it one, it is UNKNOWN.
    """
    held = replace(holdings, identity=(*holdings.identity, *more)) if more else holdings
    doubts = tuple(f"the document of {one.label} is not known" for one in held.identity if isinstance(one, Unknown))
    found = _known(principal, held, account_id, partition)
    if found is None and doubts:
        most = tuple(EVERYTHING if isinstance(one, Unknown) else one for one in held.identity)
        if _known(principal, replace(held, identity=most), account_id, partition) is None:
            return None
        return Standing(UNKNOWN, (), doubts)
    if found is None:
        return None
    if isinstance(held.boundary, Unknown):
        return Standing(UNKNOWN, found.via, (f"the document of the boundary {held.boundary.label} is not known",))
    # An unknown document may hold a Deny: what the known ones say could still be taken back.
    return replace(found, doubts=(*found.doubts, *doubts))


def _known(principal: Principal, held: Holdings, account_id: str, partition: str) -> Standing | None:
    """The same, of what is known of these policies."""
    layers = held.layers(account_id, partition)
    # Of nearly everybody no statement allows the first: they need not be asked about.
    if principal.kind in _BY_POLICY and not any(_grants(one.document.text) for one in layers.identity):
        return None
    certainty, doubts, via = SURE, dict[str, None](), dict[str, None]()
    for action, resource in _SAMPLES:
        text = resource.format(p=partition, a=account_id)
        context = {**CONTEXT, "iam:PermissionsBoundary": ABSENT} if action.startswith("iam:") else CONTEXT
        asked = Request(principal, action, text, context=context, resource_tags=EMPTY)
        one = standing(evaluate(asked, layers, explain=False))
        if one is None:
            return None
        certainty = min(certainty, one.certainty)
        doubts.update(dict.fromkeys(one.doubts))
        via.update(dict.fromkeys(one.via))
    return Standing(certainty, tuple(via), tuple(doubts))


@lru_cache(maxsize=65536)
def _grants(text: str) -> bool:
    """Whether any statement of a document allows the first of what an administrator may do."""
    return any(statement.allows for statement in concerning(text, _SAMPLES[0][0].lower()))
