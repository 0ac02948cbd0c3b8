"""Guards over who is let in from outside: anyone, accounts that nobody knows, principals that are gone.

`planner.trust` tells what a changed trust policy gives whom; these refuse what nobody should do unasked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from iamsync import arn
from iamsync.model import Finding, Resource
from iamsync.planner.compare import Difference
from iamsync.planner.situation import Situation, names_of
from iamsync.policy.catalog import load
from iamsync.policy.document import Document, principals, statements
from iamsync.policy.lint import lint
from iamsync.policy.trustees import ENTITY, accounts_let_in

# Rules of lint that say: whoever likes may come in. Each is about one statement of a trust policy.
_ANYONE: Final = frozenset(("IAM-P060", "IAM-P061", "IAM-P063", "IAM-P064", "IAM-P065", "IAM-P067"))
_ANYONE_BUT: Final = "IAM-P072"


def trust_anyone(situation: Situation) -> Iterator[Finding]:
    """Roles that a plan opens to whoever likes: a `*` that nothing narrows, a provider without subject or audience."""
    for difference in _retrusted(situation):
        assert difference.want is not None
        new = _open(difference.want.spec.trust_policy, situation)
        old = _open(difference.have.spec.trust_policy, situation) if difference.have is not None else {}
        for message, remedy in sorted(item for item in new.items() if item[0] not in old):
            yield Finding(
                "trust-anyone",
                "refuse",
                f"{difference.address} would let in whoever likes: {message}",
                difference.address,
                remedy=remedy,
                origin=difference.origin,
            )


def _open(document: Document, situation: Situation) -> dict[str, str]:
    """What of a trust policy lets in whoever likes, with the way to narrow it."""
    cx = situation.cx
    found = lint(document.value, "trust", account_id=cx.account_id, partition=cx.partition, catalog=load())
    return {
        one.message: one.remedy
        for one in found
        if one.id in _ANYONE or (one.id == _ANYONE_BUT and "trusts everyone" in one.message)
    }


def trust_unknown_account(situation: Situation) -> Iterator[Finding]:
    """Roles that come to trust an account which is neither this one nor one of the project's."""
    known = {situation.cx.account_id, *situation.settings.accounts}
    for difference in _retrusted(situation):
        assert difference.want is not None
        new = accounts_let_in(difference.want.spec.trust_policy)
        old = accounts_let_in(difference.have.spec.trust_policy) if difference.have is not None else {}
        for account in sorted(new.keys() - old.keys() - known):
            yield Finding(
                "trust-unknown-account",
                "refuse",
                f"{difference.address} would trust account {account}, which is none of this project's",
                difference.address,
                evidence=f"named as {', '.join(new[account])}",
                remedy="be sure whose it is; accounts of your own are listed under accounts: in iamsync.yaml",
                origin=difference.origin,
            )


def orphan_principal(situation: Situation) -> Iterator[Finding]:
    """Documents that name a user or role which the plan ends, or which there is none of.

    What a declared trust policy names as its principal and nobody knows is told by `unknown-principal`.
    """
    if situation.before is None or situation.after is None:
        return
    after = situation.after
    yield from _left_behind(situation)
    known = {after.arn(r).casefold() for r in after.state if r.address.kind in ("user", "role")}
    for difference in situation.differences:
        if difference.want is None:
            continue
        old = set(_named(difference.have)) if difference.have is not None and difference.action == "update" else set()
        missing = [
            name
            for name in sorted(set(_named(difference.want)) - old)
            if (match := ENTITY.fullmatch(name)) is not None
            and match[1] == situation.cx.account_id
            and name.casefold() not in known
        ]
        if missing:
            yield Finding(
                "orphan-principal",
                "warn",
                f"{difference.address} would name {_listed(missing)}, which there is none of in this account",
                difference.address,
                evidence="whoever creates one of that name gets what is written here for it",
                remedy="correct the name, declare who is meant, or take it out",
                origin=difference.origin,
            )


def _left_behind(situation: Situation) -> Iterator[Finding]:
    """Trust policies that nobody declares and that go on naming a principal which the plan deletes."""
    assert situation.after is not None
    left = [
        r for r in situation.after.state if r.address.kind == "role" and r.address not in situation.desired.resources
    ]
    for difference in situation.differences:
        if difference.action != "delete" or difference.have is None or difference.address.kind not in ("user", "role"):
            continue
        names = {situation.cx.arn(difference.address, difference.have.spec.path), difference.have.facts.get("id")}
        held = [role.address for role in left if names & set(principals(role.spec.trust_policy))]
        if held:
            yield Finding(
                "orphan-principal",
                "warn",
                f"{names_of(held)} would be left trusting {difference.address}, which the plan deletes",
                difference.address,
                evidence="AWS keeps its id in their trust policies; a new one of the same name is not trusted",
                remedy="take it out of their trust policies too",
                origin=difference.origin,
            )


def _named(resource: Resource) -> Iterator[str]:
    """The ARNs of users and roles in a resource's policies: what they are about, and in their conditions."""
    spec = resource.spec
    documents = [document for _, document in getattr(spec, "inline_policies", ())]
    documents += [held] if isinstance(held := getattr(spec, "document", None), Document) else []
    for document in documents:
        for statement in statements(document.value):
            yield from _texts(statement.get("Resource"))
            yield from _texts(statement.get("Condition"))
    if isinstance(trust := getattr(spec, "trust_policy", None), Document):
        for statement in statements(trust.value):
            yield from _texts(statement.get("Condition"))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)


def _listed(names: list[str]) -> str:
    parsed = [arn.parse(name) for name in names]
    return names_of([one.address for one in parsed if one is not None])


def _retrusted(situation: Situation) -> Iterator[Difference]:
    for difference in situation.differences:
        if difference.address.kind != "role" or difference.want is None:
            continue
        if difference.action != "update" or any(change.field == "trust_policy" for change in difference.fields):
            yield difference
