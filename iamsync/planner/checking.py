"""What an outside judge of access is asked about a plan, and what its answers are worth beside our own.

The judge (AWS's Access Analyzer) sees one document on each side: a principal's own and its groups' policies put
together, or a trust policy. It sees no boundary, no policies of the organization and no tags.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from iamsync.kinds.kind import Context
from iamsync.model import Address, Finding, Origin, Plan, Severity, State
from iamsync.planner.compare import Difference
from iamsync.planner.contrast import Compared
from iamsync.planner.effects import Affected, touched
from iamsync.planner.permissions import Permissions, Places
from iamsync.planner.projected import made
from iamsync.planner.trust import retrusted
from iamsync.policy.access import Access, lines
from iamsync.policy.combined import Combined, combined
from iamsync.policy.document import Document
from iamsync.policy.evaluate import Source
from iamsync.policy.holdings import Holdings, Unknown

_LIMITS: Final = "it sees no permissions boundary and no policies of the organization"
_FEWEST: Final = 3
_UNTOLD: Final = "gains and losses were not computed for so many principals"
# What iamsync says of a principal's gains.
Opinion = Literal["gain", "none", "undecided"]


@dataclass(frozen=True, slots=True)
class Pair:
    """A principal's policies, or a role's trust policy, before and after; `before` is None for what is created.

    `ours` is what iamsync says is gained, `evidence` in words. `comparable`: nothing that the judge does not see
    has a say, so that it cannot differ without one of the two being wrong. `unknown` names policies whose documents
    nobody knows; then nothing is asked.
    """

    address: Address
    trust: bool
    before: Combined | None
    after: Combined
    ours: Opinion
    evidence: str
    comparable: bool
    origin: Origin | None = None
    unknown: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether the document gives something, and is not what it was: else nobody need be asked."""
        if not self.after.grants:
            return False
        return self.before is None or _meaning(self.before) != _meaning(self.after)

    @property
    def subject(self) -> str:
        """What is judged, in words."""
        return f"the trust policy of {self.address}" if self.trust else str(self.address)


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason of the judge's: its words, and the position from 0 of the statement that it names."""

    text: str
    statement: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a check passed, and why not; `refused` is why the judge does not take the document."""

    passed: bool
    reasons: tuple[Reason, ...] = ()
    refused: str = ""


def pairs(found: Compared, live: State, plan: Plan, places: Places) -> tuple[Pair, ...]:
    """Everything that the plan of a comparison changes for a judge to look at, sorted."""
    cx = Context(live.account_id, live.partition)
    changes = {change.address: change for change in plan.changes}
    differences = [d for d in found.differences if d.address in changes]
    left = made(found.settled.live, differences)
    before, after = (
        Permissions(found.settled.live, live.aws_policies),
        Permissions(left, live.aws_policies, places=places),
    )
    untold = any(finding.id == "access-untold" for finding in plan.findings)
    out = []
    for address, through in touched(before.state, after.state, differences, cx).items():
        if after.resource(address) is None:
            continue
        own = changes.get(address) or changes.get(through)
        access = [one.access for one in _affected(plan) if one.principal == address and one.through == through]
        pair = _identity(address, before, after, access, own.origin if own else None, _more_moves(differences))
        out.append(replace(pair, ours="undecided", evidence=_UNTOLD) if untold and not access else pair)
    for d in retrusted(differences):
        if d.want is None:
            continue
        outside = [one.access for one in changes[d.address].outside]
        inside = [one.access for one in changes[d.address].affected if one.principal != d.address]
        out.append(_trust(d.address, d.have is not None, before, after, outside, inside, d.origin))
    return tuple(sorted(out, key=lambda pair: (pair.address, pair.trust)))


def _affected(plan: Plan) -> Iterator[Affected]:
    for change in plan.changes:
        yield from change.affected


def _meaning(one: Combined) -> str:
    return Document.parse(one.text).permissions_key


def _more_moves(differences: Iterable[Difference]) -> bool:
    """Whether tags or paths change, which our comparison takes into account."""
    return any(change.field in ("tags", "path") for d in differences for change in d.fields)


def _identity(
    address: Address,
    before: Permissions,
    after: Permissions,
    access: Sequence[Access],
    origin: Origin | None,
    tags: bool,
) -> Pair:
    there = before.resource(address) is not None
    old = before.holdings(address) if there else Holdings()
    new = after.holdings(address)
    bounded = old.boundary is not None or new.boundary is not None
    return Pair(
        address,
        False,
        combined(_known(old)) if there else None,
        combined(_known(new)),
        *_ours(access),
        comparable=not bounded and not tags,
        origin=origin,
        unknown=tuple(sorted({one.label for one in (*old.identity, *new.identity) if isinstance(one, Unknown)})),
    )


def _trust(
    role: Address,
    there: bool,
    before: Permissions,
    after: Permissions,
    outside: Sequence[Access],
    inside: Sequence[Access],
    origin: Origin | None,
) -> Pair:
    ours = _ours((*outside, *inside))
    # Who of the account comes in by a trust policy hangs on their own policies and on whether they exist.
    own = after.state.account_id
    names = after.trusts(role)
    alone = not any(own in name or name == "*" for name in names) and not any(access.gained for access in inside)
    old = combined([before.trust(role)], trust=True) if there and before.resource(role) is not None else None
    return Pair(role, True, old, combined([after.trust(role)], trust=True), *ours, comparable=alone, origin=origin)


def _known(holdings: Holdings) -> list[Source]:
    return [one for one in holdings.identity if isinstance(one, Source)]


def _ours(found: Sequence[Access]) -> tuple[Opinion, str]:
    gained = Access(gained=tuple(region for access in found for region in access.gained))
    if gained:
        return "gain", "; ".join(lines(gained))
    undecided = Access(undecided=tuple(one for access in found for one in access.undecided))
    return ("undecided", "; ".join(lines(undecided))) if undecided else ("none", "")


def new_access(pair: Pair, answer: Answer, organization: bool) -> Iterator[Finding]:
    """What CheckNoNewAccess says of a pair, and whether that contradicts our own comparison.

    `organization`: policies of the organization have a say in ours.
    """
    if answer.refused:
        yield _refused(pair, answer.refused)
        return
    comparable = pair.comparable and not organization
    contradicted = (pair.ours == "none" and not answer.passed) or (pair.ours == "gain" and answer.passed)
    if contradicted and comparable:
        aws = "no new access" if answer.passed else f"new access: {_why(pair, answer)}"
        ours = f"a gain: {pair.evidence}" if pair.ours == "gain" else "no gain"
        yield Finding(
            "analyzer-contradicts",
            "high",
            f"AWS's Access Analyzer and iamsync say opposite things of {pair.subject}",
            pair.address,
            evidence=f"AWS says {aws}; iamsync says {ours}",
            remedy="neither is believed: look at both documents before this is applied, and report it",
            origin=pair.origin,
        )
        return
    if answer.passed:
        return
    ours = {
        "gain": "iamsync says so too",
        "undecided": f"iamsync cannot decide it: {pair.evidence}",
        "none": "iamsync sees no gain: "
        + (
            "it also looks at who of this account exists and may assume it"
            if pair.trust
            else "it also looks at the boundary, the organization's policies and tags, which AWS does not see here"
        ),
    }[pair.ours]
    yield Finding(
        "AA-new-access",
        "medium",
        f"AWS's Access Analyzer finds new access by {pair.subject}",
        pair.address,
        evidence=f"{_why(pair, answer)}; {ours}",
        remedy="see whether that is what the change is for",
        origin=pair.origin,
    )


def granted(pair: Pair, actions: Sequence[str], now: Answer, then: Answer | None) -> Iterator[Finding]:
    """What CheckAccessNotGranted says of the policies after the plan, and of those before where that was asked."""
    if now.refused:
        yield _refused(pair, now.refused)
        return
    if now.passed:
        return
    named = ", ".join(actions) if len(actions) <= _FEWEST else f"one of {len(actions)} actions of --fail-on-gain"
    severity: Severity = "high"
    if then is not None and then.refused:
        told = f"what was before cannot be asked: {then.refused}"
    elif then is not None and not then.passed:
        told, severity = "one of them was granted before as well", "info"
    else:
        told = "nothing of it was granted before"
    yield Finding(
        "AA-access-granted",
        severity,
        f"AWS's Access Analyzer says that {pair.address} would be granted {named}",
        pair.address,
        evidence=f"{_why(pair, now)}; {told}; {_LIMITS}",
        remedy="take the action out of the statement, or accept it",
        origin=pair.origin,
    )


def unasked(pair: Pair) -> Finding:
    """That a principal was not asked about, since some of its documents are not known."""
    return _refused(pair, f"the document of {', '.join(pair.unknown)} is not known")


def _refused(pair: Pair, why: str) -> Finding:
    return Finding(
        "AA-not-checked",
        "medium",
        f"AWS's Access Analyzer was not asked about {pair.subject}, or did not answer",
        pair.address,
        evidence=why,
        remedy="what iamsync says of it stands alone",
        origin=pair.origin,
    )


def _why(pair: Pair, answer: Answer) -> str:
    return "; ".join(dict.fromkeys(_reason(pair, reason) for reason in answer.reasons)) or "it gives no reason"


def _reason(pair: Pair, reason: Reason) -> str:
    text = reason.text.rstrip(".") or "new access"
    if reason.statement is None or not 0 <= reason.statement < len(pair.after.origins):
        return text
    return f"{text}: {pair.after.origins[reason.statement]}"
