"""Which differences can move a permission or a trust, and which documents of AWS's own it then takes to tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from iamsync import arn
from iamsync.kinds.fields import REPLACED
from iamsync.model import State
from iamsync.planner.choices import ALL_OF_IAM
from iamsync.planner.compare import Difference
from iamsync.planner.projected import made
from iamsync.policy.document import Document
from iamsync.policy.statement import compiled

_MOVING: Final = frozenset(
    ("document", "groups", "inline_policies", "managed_policies", "permissions_boundary", "trust_policy")
)
# Tags count where a document of the account names tags: those of whoever asks, or of what is asked about.
_TAG: Final = "tag/"
# These say which managed policies may be attached, and which boundaries put on.
_CHOICES: Final = ("iam:policyarn", "iam:permissionsboundary")
_KINDS: Final = frozenset(("user", "group", "role", "policy"))


def moves(differences: Iterable[Difference], live: State) -> bool:
    """Whether any of these can change who may do what, or who may be whom, in this account."""
    tagged = False
    for d in differences:
        fields = {change.field for change in d.fields}
        if d.address.kind in _KINDS and (d.action != "update" or fields & _MOVING or d.renamed_from is not None):
            return True
        tagged = tagged or "tags" in fields
    return tagged and any(_TAG in document.text.lower() for resource in live for document in _documents(resource.spec))


def _documents(spec: Any) -> Iterator[Document]:
    for name in ("document", "trust_policy"):
        if isinstance(held := getattr(spec, name, None), Document):
            yield held
    yield from (document for _, document in getattr(spec, "inline_policies", ()))


def documents_of_all(live: State, differences: Iterable[Difference]) -> tuple[str, ...]:
    """The ARNs of AWS's own policies that anybody holds before or after, or may choose, where anything moves at all.

    Who is administrator, and who can become it, is a question about everybody. Roles of services' own are left out:
    nobody enters them.
    """
    differences = tuple(differences)
    if not moves(differences, live):
        return ()
    return documents_within((live, made(live, differences)), live)


def documents_within(states: Iterable[State], live: State) -> tuple[str, ...]:
    """The ARNs of AWS's own policies that anybody holds in these states, or may choose."""
    needed: set[str] = set()
    for state in states:
        needed.update(choosable((document for resource in state for document in _documents(resource.spec)), live))
        for resource in state:
            spec = resource.spec
            if getattr(spec, "path", "/").startswith("/aws-service-role/"):
                continue
            needed.update(getattr(spec, "managed_policies", ()))
            if (boundary := getattr(spec, "permissions_boundary", None)) is not None:
                needed.add(boundary)
    return tuple(sorted(item for item in (held.removesuffix(REPLACED) for held in needed) if arn.is_aws_managed(item)))


def choosable(documents: Iterable[Document], state: State) -> Iterator[str]:
    """AWS's own policies that somebody may attach, or be bounded by, as conditions say; and the one for all of IAM."""
    for document in documents:
        if any(key in document.text.lower() for key in _CHOICES):
            yield ALL_OF_IAM.format(state.partition)
            for statement in compiled(document.text):
                for clause in statement.clauses:
                    if clause.key in _CHOICES:
                        yield from (text for text in clause.texts if not set(text) & set("*?$"))
