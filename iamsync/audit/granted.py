"""What policies in use grant: everything, a whole service, all but what they list, every role; and to users alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from iamsync import arn
from iamsync.audit.evidence import HOLDERS, Evidence, Observed, observed
from iamsync.audit.holding import Held, allows_everything, held_documents, remarks, statements_of, where, whole_services
from iamsync.controls import Grade
from iamsync.model import Address, Resource
from iamsync.policy.administrator import SURE

SUPPORT: Final = Address("account", "support")
_GIVING: Final = ("iam", "organizations")
_MOST: Final = 8
_ALL_BUT: Final = ("IAM-P034", "IAM-P035")
_EVERY_ROLE: Final = "IAM-P047"
_SUPPORT_POLICY: Final = "AWSSupportAccess"
CLOUDSHELL: Final = "AWSCloudShellFullAccess"


def granted(evidence: Evidence) -> Iterator[Observed]:
    """Findings about the documents that users, groups and roles hold."""
    for held in held_documents(evidence):
        yield from _document(held, evidence)
    for user in evidence.of("user"):
        own = [f"inline {name}" for name, _ in user.spec.inline_policies]
        own += [arn.short(attached, evidence.state.account_id) for attached in user.spec.managed_policies]
        if own:
            yield observed(
                *("IAM-A015", user.address, f"{user.address} has permissions of its own"),
                listed(own),
                "give them to a group, and put the user in it",
            )
    yield from _by_name(evidence)


def _document(held: Held, evidence: Evidence) -> Iterator[Observed]:
    others = [holder for holder in held.holders if not evidence.is_kept(holder)]
    if not others:
        return
    account, partition = evidence.state.account_id, evidence.state.partition
    who = listed([str(holder.address) for holder in others])
    everything = allows_everything(held.document, evidence)
    if everything is not None:
        sure = everything.certainty == SURE
        verb = f"{held.address} holds {held.label}, which allows" if not held.ours else f"{held.label} allows"
        doubt = f"; only if: {'; '.join(everything.doubts[:3])}" if not sure else ""
        held_back = (
            "" if _lets_through(others, evidence) else "; denials or boundaries hold back whoever holds it today"
        )
        severity: Grade | None = "low" if held_back else None if sure else "medium"
        yield observed(
            *("IAM-A016", held.address, f"{verb} everything{'' if sure else ' (on conditions)'}"),
            f"held by {who}, by {statements_of(everything)}{doubt}{held_back}",
            "write what is needed; for emergencies name the holder in safety.break_glass",
            mark=held.label,
            severity="info" if all(evidence.is_aws(holder) for holder in others) else severity,
        )
    if not held.ours:
        return
    whole = () if everything is not None else whole_services(held.document, account, partition)
    if whole:
        yield observed(
            *("IAM-A030", held.address, f"{held.label} allows all of {', '.join(whole)} on every resource"),
            f"held by {who}",
            "list the actions and the resources that are needed; audit --suggest knows which services are used",
            mark=held.label,
            severity="high" if any(service in _GIVING for service in whole) else None,
        )
    found = remarks(held.document, "identity", account, partition, evidence.accounts)
    all_but = [item for item in found if item.id in _ALL_BUT]
    if all_but:
        yield observed(
            *("IAM-A031", held.address, f"{held.label} allows all but what it lists"),
            "; ".join(f"{where(item)}: {item.message} [{item.id}]" for item in all_but) + f"; held by {who}",
            all_but[0].remedy,
            mark=held.label,
        )
    passes = [item for item in found if item.id == _EVERY_ROLE]
    if passes and everything is None and "iam" not in whole:
        yield observed(
            *("IAM-A032", held.address, f"{held.label} may pass every role"),
            "; ".join(f"{where(item)}: {item.message} [{item.id}]" for item in passes) + f"; held by {who}",
            passes[0].remedy,
            mark=held.label,
        )


def _lets_through(holders: list[Resource], evidence: Evidence) -> bool:
    """Whether one of these is administrator, or a member of one of these groups; a group without members waits."""
    names = {holder.address.name for holder in holders if holder.address.kind == "group"}
    members = [user for user in evidence.of("user") if names.intersection(user.spec.groups)]
    principals = [*members, *(holder for holder in holders if holder.address.kind != "group")]
    return not principals or any(
        (route := evidence.reach.of(one.address)) is not None and not route.stages for one in principals
    )


def _by_name(evidence: Evidence) -> Iterator[Observed]:
    """Findings about two of AWS's own policies that the benchmark names."""
    holders = list(evidence.of(*HOLDERS))
    if evidence.whole(*HOLDERS) and not any(holds(_SUPPORT_POLICY, holder) for holder in holders):
        yield observed(
            *("IAM-A017", SUPPORT, "nobody may manage support cases"),
            f"no user, group or role holds {_SUPPORT_POLICY}",
            f"attach aws/{_SUPPORT_POLICY} to the role of those who talk to AWS",
        )
    for holder in holders:
        if holds(CLOUDSHELL, holder) and not evidence.is_aws(holder):
            yield observed(
                *("IAM-A019", holder.address, f"{holder.address} holds {CLOUDSHELL}"),
                remedy="detach it, or attach a policy that denies file transfer",
            )


def holds(name: str, holder: Resource) -> bool:
    """Whether a holder has AWS's own policy of this name attached to itself."""
    return any(arn.is_aws_managed(text) and text.endswith(f"/{name}") for text in holder.spec.managed_policies)


def listed(names: Sequence[str]) -> str:
    """Names in a row, the first ones of many."""
    shown = ", ".join(names[:_MOST])
    return f"{shown} and {len(names) - _MOST} more" if len(names) > _MOST else shown
