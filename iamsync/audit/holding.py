"""Who holds which policy, and what the documents in use do, by the evaluator and the rules of lint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from iamsync import arn
from iamsync.audit.evidence import HOLDERS, Evidence
from iamsync.model import Address, Resource
from iamsync.policy.administrator import CONTEXT, Standing, administrator
from iamsync.policy.catalog import load
from iamsync.policy.document import Document, statements
from iamsync.policy.evaluate import Layers, Source, evaluate
from iamsync.policy.holdings import Holdings
from iamsync.policy.lint import Lint, lint
from iamsync.policy.request import Principal, Request
from iamsync.policy.statement import compiled

_NAME: Final = "it"
# Of a document that allows every action but what it denies, these are asked about; of the rest nobody asks by name.
_TELLING: Final = ("iam", "organizations", "kms", "s3", "secretsmanager", "ssm", "ec2", "lambda", "dynamodb", "rds")


@dataclass(frozen=True, slots=True)
class Held:
    """One document that somebody holds: `address` is the policy's, or the holder's of an inline or AWS's policy.

    `ours` says that it can be rewritten: AWS's own policies cannot.
    """

    address: Address
    label: str
    document: Document
    holders: tuple[Resource, ...]
    ours: bool = True


def held_documents(evidence: Evidence) -> Iterator[Held]:
    """Every document that grants somebody something; boundaries grant nothing, and are left out."""
    holders: dict[str, list[Resource]] = {}
    for resource in evidence.of(*HOLDERS):
        for name, document in resource.spec.inline_policies:
            yield Held(resource.address, f"{resource.address} inline {name}", document, (resource,))
        for attached in resource.spec.managed_policies:
            holders.setdefault(attached, []).append(resource)
    for attached, found in sorted(holders.items()):
        document = evidence.document(attached)
        if document is None:
            continue
        parsed = arn.parse(attached)
        label = arn.short(attached, evidence.state.account_id)
        if parsed is not None and parsed.account == evidence.state.account_id:
            yield Held(parsed.address, str(parsed.address), document, tuple(found))
        else:
            for holder in found:
                yield Held(holder.address, label, document, (holder,), ours=False)


def allows_everything(document: Document, evidence: Evidence) -> Standing | None:
    """Whether whoever holds this document alone is an administrator, and by which of its statements."""
    return _everything(document, evidence.state.account_id, evidence.state.partition)


@lru_cache(maxsize=8192)
def _everything(document: Document, account: str, partition: str) -> Standing | None:
    sample = Principal.of(f"arn:{partition}:iam::{account}:user/iamsync-sample")
    return administrator(sample, Holdings((Source(_NAME, document),)), account, partition)


def statements_of(standing: Standing) -> str:
    """The statements behind an answer about one document."""
    return "; ".join(text.removeprefix(f"{_NAME}, ") for text in standing.via)


@lru_cache(maxsize=8192)
def whole_services(document: Document, account: str, partition: str) -> tuple[str, ...]:
    """The services of which a document allows every action on every resource, with no condition."""
    asked: dict[str, None] = {}
    for statement in compiled(document.text):
        on = statement.resources
        if not statement.allows or statement.clauses or on is None or on.negated or not on.everything:
            continue
        for service in _claimed(document, statement.position):
            asked[service] = None
    return tuple(sorted(service for service in asked if _all_of(service, document, account, partition)))


def _claimed(document: Document, position: int) -> Iterator[str]:
    """The services that a statement names whole, by `s3:*`; those of `_TELLING` where it names all there is."""
    for at, held in enumerate(statements(document.value), start=1):
        actions = held.get("Action") if at == position else None
        listed = actions if isinstance(actions, list) else [actions]
        for text in (one for one in listed if isinstance(one, str)):
            service, colon, name = text.lower().partition(":")
            if not text.strip("*"):
                yield from _TELLING
            elif colon and name and not name.strip("*") and "*" not in service and "?" not in service:
                yield service


def _all_of(service: str, document: Document, account: str, partition: str) -> bool:
    who = Principal.of(f"arn:{partition}:iam::{account}:user/iamsync-sample")
    layers = Layers(identity=(Source(_NAME, document),))
    found = load().actions_of(service)
    return bool(found) and all(
        evaluate(Request(who, str(action), "*", context=CONTEXT), layers, explain=False).allowed
        for action in found.values()
    )


@lru_cache(maxsize=8192)
def remarks(document: Document, use: str, account: str, partition: str, ours: frozenset[str]) -> tuple[Lint, ...]:
    """What lint finds in a document; `ours` are the project's accounts."""
    word = "trust" if use == "trust" else "identity"
    return lint(document.value, word, account_id=account, partition=partition, catalog=load(), ours=ours)  # type: ignore[arg-type]


def where(item: Lint) -> str:
    """The statement that a remark is about, for a person."""
    if item.path[:1] != ("Statement",):
        return "the document"
    at = item.path[1] if len(item.path) > 1 else 0
    return f"statement {at + 1 if isinstance(at, int) else 1}"
