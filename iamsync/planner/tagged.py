"""Tags as permissions: what a changed tag moves where policies ask for it, and tags that are left to others.

A tag that a policy asks for grants like a policy. Both sides of a comparison know such a tag by a name of
its own, so that each side is weighed with its own value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from iamsync.model import EMPTY, Address, Finding, Resource, State
from iamsync.planner.compare import Difference
from iamsync.planner.permissions import Permissions
from iamsync.planner.settle import ignored
from iamsync.policy.abac import principal_tag_keys, renamed, resource_tag_keys
from iamsync.policy.document import Document
from iamsync.policy.evaluate import Source
from iamsync.policy.holdings import Held, Holdings
from iamsync.policy.request import Principal

_PRINCIPAL: Final = "aws:PrincipalTag/"
_RESOURCE: Final = ("aws:resourcetag/", "iam:resourcetag/")
_SIDES: Final = ("before", "after")
_MOST_NAMES: Final = 6
_USER_NAME: Final = "aws:username"
# What a policy may ask of who a principal is; a role has no user's name.
_NAMES: Final[Mapping[str, Callable[[Principal], str]]] = {
    _USER_NAME: lambda who: who.name if who.kind == "user" else "",
    "aws:principalarn": lambda who: who.arn,
}


def retagged(differences: Iterable[Difference]) -> Iterator[Difference]:
    """The differences that give something that stays other tags."""
    for d in differences:
        if d.have is not None and d.want is not None and any(change.field == "tags" for change in d.fields):
            yield d


def changed_tags(d: Difference) -> frozenset[str]:
    """The keys, in lower case, whose value differs."""
    old, new = (_tags(side) if side is not None else {} for side in (d.have, d.want))
    return frozenset(key for key in {*old, *new} if old.get(key) != new.get(key))


def told_apart(
    before: Holdings, after: Holdings, old: Principal, new: Principal
) -> tuple[Holdings, Holdings, Principal]:
    """Both sides and one principal for them, in which what policies ask of it and what changed has two names.

    That is each tag with another value, and the ARN and name of a user or role that is called otherwise.
    """
    if old.tags is None or new.tags is None or (old.tags == new.tags and old.arn == new.arn):
        return before, after, new
    was, now = (
        {key.lower(): value for key, value in side.tags.items()} for side in (old, new) if side.tags is not None
    )
    changed = {key for key in principal_tag_keys(_documents((before, after))) if was.get(key) != now.get(key)}
    called = [(key, name(old)) for key, name in _NAMES.items() if name(old) != name(new)]
    if not changed and not called:
        return before, after, new
    tags = {key: value for key, value in now.items() if key not in changed}
    sides = []
    for held, values, word, who in zip((before, after), (was, now), _SIDES, (old, new), strict=True):
        names = {f"{_PRINCIPAL}{key}".lower(): f"{_PRINCIPAL}{key} ({word})" for key in sorted(changed)}
        tags |= {f"{key} ({word})": values[key] for key in sorted(changed) if key in values}
        if word == _SIDES[0]:
            names |= {key: f"{_PRINCIPAL}{key} ({word})" for key, _ in called}
            tags |= {f"{key} ({word})": text for key, text in called}
        # A user's name holds nothing that means more in a pattern, and is what a person looks for.
        filled = {_USER_NAME: who.name} if called and who.kind == "user" else EMPTY
        sides.append(_renamed(held, names, filled))
    return sides[0], sides[1], replace(new, tags=tags)


def on_resource(
    before: Holdings, after: Holdings, who: Principal, resource: str, d: Difference
) -> tuple[Holdings, Holdings, Principal] | None:
    """Both sides narrowed to one resource whose tags change, each with the tags it has there; None if nobody asks."""
    asked = resource_tag_keys(_documents((before, after))) & changed_tags(d)
    if not asked or who.tags is None or who.service_linked:
        return None
    tags = dict(who.tags)
    alone = Source(
        f"{resource} alone",
        Document.of({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": resource}]}),
    )
    sides = []
    for held, side, word in zip((before, after), (d.have, d.want), _SIDES, strict=True):
        values = _tags(side) if side is not None else {}
        names = {f"{prefix}{key}": f"{_PRINCIPAL}{key} (of it {word})" for prefix in _RESOURCE for key in asked}
        tags |= {f"{key} (of it {word})": values[key] for key in asked if key in values}
        narrow = _renamed(held, names)
        sides.append(replace(narrow, scps=(*narrow.scps, (alone,))))
    return sides[0], sides[1], replace(who, tags=tags)


def left_to_others(desired: State, live: State, ignore: Sequence[str], account_id: str) -> Iterator[Finding]:
    """A finding for each tag that policies ask for and that a declaration leaves to others (`ignore_changes`)."""
    if not any(text.startswith("tags") for r in desired for text in (*ignore, *r.ignore)):
        return
    documents = [document for resource in desired for document in _own(resource)]
    relied = (
        ("aws:PrincipalTag", principal_tag_keys(documents), ("user", "role")),
        ("aws:ResourceTag", resource_tag_keys(documents), ("user", "role", "policy")),
    )
    for key_name, keys, kinds in relied:
        for key in sorted(keys):
            held: dict[Address, str] = {}
            for resource in desired:
                if resource.address.kind not in kinds:
                    continue
                there = live.get(resource.address)
                spelled = _spelled(key, resource, there)
                if ignored(resource, "tags", spelled, ignore, account_id):
                    held[resource.address] = _tags(there).get(key, "") if there is not None else ""
            if held:
                yield _ignored_finding(key_name, key, held)


def _ignored_finding(key_name: str, key: str, held: Mapping[Address, str]) -> Finding:
    names = sorted(held)
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    values = [f"{name} now has {key}={held[name]}" for name in names[:_MOST_NAMES] if held[name]]
    return Finding(
        "abac-tag-ignored",
        "medium",
        f"tag {key} of {', '.join(map(str, names[:_MOST_NAMES]))}{more} is left to others, and policies ask for "
        f"{key_name}/{key}: whoever sets it decides what they allow",
        names[0] if len(names) == 1 else None,
        evidence="; ".join(values) or "nobody has set it yet",
        remedy="declare the tag and take it out of ignore_changes, or see to it who may tag",
    )


def _own(resource: Resource) -> Iterator[Document]:
    spec = resource.spec
    for _, document in getattr(spec, "inline_policies", ()):
        yield document
    for name in ("document", "trust_policy"):
        if isinstance(document := getattr(spec, name, None), Document):
            yield document


def _spelled(key: str, *resources: Resource | None) -> str:
    """A tag's key as one of the resources writes it."""
    written = (name for one in resources if one is not None for name, _ in getattr(one.spec, "tags", ()))
    return next((name for name in written if name.lower() == key), key)


def _tags(resource: Resource) -> dict[str, str]:
    return {key.lower(): value for key, value in getattr(resource.spec, "tags", ())}


def _documents(sides: Iterable[Holdings]) -> Iterator[Document]:
    for held in sides:
        limits = (one for level in (*held.scps, *held.rcps) for one in level)
        yield from (one.document for one in (*held.identity, held.boundary, *limits) if isinstance(one, Source))


def _renamed(held: Holdings, keys: Mapping[str, str], values: Mapping[str, str] = EMPTY) -> Holdings:
    def one(source: Held) -> Held:
        return limit(source) if isinstance(source, Source) else source

    def limit(source: Source) -> Source:
        return replace(source, document=renamed(source.document, keys, values))

    return Holdings(
        tuple(map(one, held.identity)),
        None if held.boundary is None else one(held.boundary),
        tuple(tuple(map(one, level)) for level in held.scps),
        tuple(tuple(map(limit, level)) for level in held.rcps),
    )


def askers(before: Permissions, after: Permissions) -> dict[Address, frozenset[str]]:
    """The principals that are there before and after and whose policies ask for tags of resources, with the keys."""
    found = {}
    for address in before.principals():
        if address in after.state.resources:
            keys = resource_tag_keys(_documents((before.holdings(address), after.holdings(address))))
            if keys:
                found[address] = keys
    return found
