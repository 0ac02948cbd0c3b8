"""Tags that policies ask for: what setting or removing one gives to its bearer, and to those who reach for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from iamsync.kinds.kind import Act
from iamsync.model import Address
from iamsync.policy.abac import principal_tag_keys, resource_tag_keys
from iamsync.policy.document import Document, statements
from iamsync.policy.doubt import every
from iamsync.policy.edits import Moves
from iamsync.policy.match import Principals, Reach
from iamsync.policy.request import Context, Principal, Request
from iamsync.policy.statement import Statement, compiled

_KEY: Final = "aws:principaltag/"
_ITS: Final = ("aws:resourcetag/", "iam:resourcetag/")


@dataclass(frozen=True, slots=True)
class Retagged:
    """The tags of a resource before and after one call, and the keys that it touches, in lower case."""

    before: Mapping[str, str]
    after: Mapping[str, str]
    keys: frozenset[str]


def retagged(act: Act, old: Mapping[str, str], new: Mapping[str, str]) -> Retagged:
    """What one call does to tags that go from `old` to `new`: removals come first."""
    left = {key: value for key, value in old.items() if key.lower() in {held.lower() for held in new}}
    before, after = (left, new) if "Tags" in act.call.params else (old, left)
    named = act.call.params.get("TagKeys") or [tag["Key"] for tag in act.call.params["Tags"]]
    return Retagged(before, after, frozenset(key.lower() for key in named))


def of_bearer(change: Retagged, arn: str, old: Iterable[Document], new: Iterable[Document]) -> Moves:
    """What a principal gains and loses with its own tags, under policies that it holds before and after.

    A tag counts together with the statement that asks for it: one that goes while the statement comes
    must go first, as a denial goes on before a grant, and the other way round. Everything where a
    policy names a resource by the tag, or where its conditions cannot be told.
    """
    sides = [Context(Request(Principal.of(arn, tags=tags), "iam:GetUser")) for tags in (change.before, change.after)]
    before, after = (_asking(held, principal_tag_keys, change.keys) for held in (old, new))
    return _of_statements(before, after, change.keys, (_KEY,), sides)


def _of_statements(
    before: frozenset[str], after: frozenset[str], keys: Iterable[str], kinds: tuple[str, ...], sides: Sequence[Context]
) -> Moves:
    """What tags do by statements, held before and after, that ask for them by condition keys of these kinds."""
    names = {f"{kind}{key}" for kind in kinds for key in keys}
    found = Moves.NOTHING
    if any('"all of"' in text for text in before | after):  # as a key writes two operators of one meaning
        return Moves.EVERYTHING
    for text in sorted(before | after):
        for statement in compiled(text):
            clauses = [one for one in statement.clauses if one.key in names]
            by_name = any(kind in value.lower() for kind in kinds for one in statement.clauses for value in one.texts)
            was, will = (every(one.answer(side) for one in clauses) for side in sides)
            certain = isinstance(was, bool) and isinstance(will, bool)
            if by_name or not certain or (statement.resources is not None and statement.resources.variable):
                return Moves.EVERYTHING
            if was is not will:
                found |= _means(statement.allows, bool(will), text in before, text in after)
    return found


def _asking(
    documents: Iterable[Document], asked: Callable[[Iterable[Document]], frozenset[str]], keys: frozenset[str]
) -> frozenset[str]:
    """The statements of some documents, each as a document of its own, of those that ask for a tag."""
    found = set()
    for document in documents:
        if asked((document,)) & keys:
            value = json.loads(document.key)
            for held in statements(value):
                bare = {name: one for name, one in held.items() if name != "Sid"}
                found.add(json.dumps({"Version": value["Version"], "Statement": [bare]}, sort_keys=True))
    return frozenset(text for text in found if "tag/" in text.lower())


def _means(allows: bool, holds: bool, before: bool, after: bool) -> Moves:
    """What it means that a statement's conditions hold from now on, or no longer; and when it is in force itself."""
    if (before and after) or (after if holds else before):
        grants, denies = (Moves.GRANTS, Moves.DENIES) if holds else (Moves.REVOKES, Moves.ALLOWS_AGAIN)
        return grants if allows else denies
    if not allows:
        return Moves.EVERYTHING
    return Moves.ALLOWS_AGAIN if holds else Moves.DENIES


def of_guest(change: Retagged, who: Principal, old: Document | None, new: Document | None) -> tuple[Moves, Moves]:
    """What somebody gains and loses with their own tags at a role whose trust policy goes from `old` to `new`.

    First beside what they hold themselves: what lets in their account is a limit to that, what names them a grant,
    and both are told. Then inside the trust policy.
    """
    known = [document for document in (old, new) if document is not None]
    statements = [one for document in known for one in compiled(document.text) if one.principals is not None]
    if not principal_tag_keys(known) & change.keys or not any(_reached(one.principals, who) for one in statements):
        return Moves.NOTHING, Moves.NOTHING
    does = of_bearer(change, who.arn, known[:1] if old is not None else (), known[-1:] if new is not None else ())
    return _at_door(does, who, statements)


def of_door(
    change: Retagged, people: Mapping[Address, Principal], role: str, old: Document, new: Document
) -> dict[Address, tuple[Moves, Moves]]:
    """The same of a role's own tags, where its own trust policy asks for them: it is the resource then.

    Only those of the people are told for whom they do anything.
    """
    statements = [one for document in (old, new) for one in compiled(document.text) if one.principals is not None]
    if not resource_tag_keys((old, new)) & change.keys:
        return {}
    before, after = (_asking((held,), resource_tag_keys, change.keys) for held in (old, new))
    personal = any("${" in text for text in before | after)  # otherwise it is the same for everybody
    does: Moves | None = None
    found = {}
    for address, who in people.items():
        if not any(_reached(one.principals, who) for one in statements):
            continue
        if does is None or personal:
            asked = (Request(who, "sts:AssumeRole", role, resource_tags=held) for held in (change.before, change.after))
            does = _of_statements(before, after, change.keys, _ITS, list(map(Context, asked)))
        if any(told := _at_door(does, who, statements)):
            found[address] = told
    return found


def _at_door(does: Moves, who: Principal, statements: Iterable[Statement]) -> tuple[Moves, Moves]:
    by_name = any(_reached(one.principals, who, Reach.ACCOUNT) for one in statements)
    beside = does if by_name else does & (Moves.DENIES | Moves.ALLOWS_AGAIN)
    beside |= Moves.DENIES if does & Moves.REVOKES else Moves.NOTHING
    return beside | (Moves.ALLOWS_AGAIN if does & Moves.GRANTS else Moves.NOTHING), does


def _reached(principals: Principals | None, who: Principal, beyond: Reach = Reach.NONE) -> bool:
    reach, doubts = (Reach.NONE, ()) if principals is None else principals.reach(who, denies=True, bounded=True)
    return reach > beyond or bool(doubts)


def asks(documents: Iterable[Document], keys: frozenset[str]) -> bool:
    """Whether any of these documents asks for one of these tags of a resource."""
    return bool(resource_tag_keys(documents) & keys)
