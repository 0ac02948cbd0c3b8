"""Before the comparison: both sides brought to one spelling, so that only real changes differ.

Here `live/NAME` becomes an ARN, renamed users and groups carry their new name on the live side too,
names that differ in case only are matched, and what a declaration leaves to others (ignored
fields, what a source cannot tell, tags nobody may touch) takes over the live value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import is_
from typing import Any, Final

from iamsync import arn
from iamsync.kinds import KINDS
from iamsync.kinds.fields import Tags
from iamsync.kinds.keyrules import NOTE
from iamsync.kinds.kind import Context
from iamsync.model import Address, Finding, Resource, State
from iamsync.planner.expiry import Lapsed, lapse
from iamsync.policy.document import with_principals
from iamsync.selector import glob_matches

LIVE: Final = "live/"
# The console keeps an access key's description as a user tag whose key is the key's id.
_KEY_DESCRIPTION: Final = re.compile(r"A[KS]IA[A-Z0-9]{12,}")
RENAMABLE: Final = tuple(name for name, kind in KINDS.items() if kind.rename is not None)


@dataclass(frozen=True, slots=True)
class Settled:
    """Both sides under one set of names; `renames` maps a new address to the live one it comes from."""

    desired: State
    live: State
    renames: Mapping[Address, Address]
    moved: Mapping[Address, Address]
    findings: tuple[Finding, ...]


def settle(desired: State, live: State, ignore: Iterable[str] = ()) -> Settled:
    """Both states with one spelling; resources still differ exactly where something must be done."""
    findings: list[Finding] = []
    cx = Context(live.account_id, live.partition)
    desired = _match_case(desired, live, cx, findings)
    desired = _resolve_live(desired, live, cx, findings)
    renames, moved = _renames(desired, live, findings)
    live = _renamed(live, renames)
    live = _followed(desired, live, renames, cx)
    everywhere = tuple(ignore)
    unread = live.unread | desired.unread
    settled = [_left_to_others(item, live.get(item.address), everywhere, unread, live.account_id) for item in desired]
    # What has ended goes, also out of a field that is otherwise left to others.
    lapsed = Lapsed.of(desired)
    desired = _with(desired, [lapse(item, lapsed) for item in settled])
    live_known = [_unknown_description(item, desired.get(item.address)) for item in live]
    return Settled(desired, _with(live, live_known), renames, moved, tuple(findings))


def item_text(item: str, account_id: str) -> str:
    """A member of a set field as `ignore_changes` spells it."""
    return arn.short(item, account_id)


def ignored(resource: Resource, field: str, item: str | None, everywhere: Iterable[str], account_id: str) -> bool:
    """Whether the declaration leaves this field (or this member of it) to others."""
    text = None if item is None else f"{field}/{item_text(item, account_id)}"
    return any(
        pattern == field or (text is not None and glob_matches(pattern, text))
        for pattern in (*resource.ignore, *everywhere)
    )


def untouchable(address: Address, key: str) -> bool:
    """Whether a tag is no part of a declaration: AWS's own, and notes on access keys, the console's and iamsync's."""
    if key.casefold().startswith("aws:"):
        return True
    return address.kind == "user" and (key.startswith(NOTE) or _KEY_DESCRIPTION.fullmatch(key) is not None)


def _with(state: State, resources: Sequence[Resource]) -> State:
    """The state with these resources; the state itself where they are what it holds."""
    if len(resources) == len(state) and all(map(is_, resources, state)):
        return state
    table = {resource.address: resource for resource in resources}
    return replace(state, resources={address: table[address] for address in sorted(table)})


def _match_case(desired: State, live: State, cx: Context, findings: list[Finding]) -> State:
    """Declared names spelled as AWS has them: names are unique ignoring case, and cannot change in it."""
    folded = live.folded()
    respelled: dict[Address, Address] = {}
    for address in desired.resources:
        match = folded.get(address.folded)
        if match is not None and match.address != address:
            respelled[address] = match.address
            findings.append(
                Finding(
                    "name-case",
                    "info",
                    f"{address} is {match.address} in the account; the two differ in case only",
                    address,
                    remedy="write the name as the account has it",
                )
            )
    if not respelled:
        return desired
    arns, groups = {}, {}
    for wrong, right in respelled.items():
        path = getattr(desired.resources[wrong].spec, "path", "/")
        arns[cx.arn(wrong, path)] = cx.arn(right, path)
        if wrong.kind == "group":
            groups[wrong.name] = right.name
    made = [
        _rewritten(replace(item, address=respelled.get(item.address, item.address)), arns, groups, cx.partition)
        for item in desired
    ]
    return _with(desired, made)


def _resolve_live(desired: State, live: State, cx: Context, findings: list[Finding]) -> State:
    """`live/NAME` as the ARN that the account gives this name."""
    folded = live.folded()

    def resolve(item: str, kind: str, owner: Resource) -> str:
        if not item.startswith(LIVE):
            return item
        name = item.removeprefix(LIVE)
        found = folded.get(Address(kind, name).folded)
        if found is not None:
            return cx.arn(found.address, found.spec.path)
        findings.append(
            Finding(
                "unknown-reference",
                "refuse",
                f"{owner.address} refers to {item}, and the account has no {kind} {name!r}",
                owner.address,
                remedy=f"create the {kind}, declare it, or take {item} out",
                origin=owner.origin,
            )
        )
        return cx.arn(Address(kind, name), "/")

    made = []
    for resource in desired:
        spec = resource.spec
        for field in KINDS[resource.address.kind].fields:
            value, kind = getattr(spec, field.name), getattr(field, "target", "policy")
            if field.form == "references" and any(item.startswith(LIVE) for item in value):
                changed = tuple(sorted({resolve(item, kind, resource) for item in value}))
                spec = replace(spec, **{field.name: changed})
            elif field.form == "reference" and value and value.startswith(LIVE):
                spec = replace(spec, **{field.name: resolve(value, kind, resource)})
        made.append(resource if spec is resource.spec else replace(resource, spec=spec))
    return _with(desired, made)


def _renames(
    desired: State, live: State, findings: list[Finding]
) -> tuple[dict[Address, Address], dict[Address, Address]]:
    """What is renamed in place (new address to live one), and what is created anew under a new name."""
    folded = live.folded()
    renames: dict[Address, Address] = {}
    moved: dict[Address, Address] = {}
    for resource in desired:
        if not resource.renamed_from:
            continue
        old = folded.get(Address(resource.address.kind, resource.renamed_from).folded)
        if old is None:
            continue  # done before, or never was: then there is nothing to rename
        exists = resource.address.folded in folded
        if old.address in desired.resources and old.address != resource.address:
            findings.append(
                Finding(
                    "rename-conflict",
                    "refuse",
                    f"{resource.address} is to be renamed from {old.address}, and both are declared",
                    resource.address,
                    remedy="drop renamed_from, or the declaration of the old name",
                    origin=resource.origin,
                )
            )
        elif resource.address.kind not in RENAMABLE:
            moved[resource.address] = old.address
        elif exists and old.address.folded != resource.address.folded:
            findings.append(
                Finding(
                    "rename-conflict",
                    "refuse",
                    f"{resource.address} is to be renamed from {old.address}, and both exist",
                    resource.address,
                    remedy=f"remove one of them, or declare {old.address} too and drop renamed_from",
                    origin=resource.origin,
                )
            )
        elif not exists:
            renames[resource.address] = old.address
    return renames, moved


def _renamed(live: State, renames: Mapping[Address, Address]) -> State:
    if not renames:
        return live
    new = {old: address for address, old in renames.items()}
    groups = {old.name: address.name for old, address in new.items() if old.kind == "group"}
    made = [
        _rewritten(replace(item, address=new.get(item.address, item.address)), {}, groups, live.partition)
        for item in live
    ]
    return _with(live, made)


def _followed(desired: State, live: State, renames: Mapping[Address, Address], cx: Context) -> State:
    """Trust policies follow a user's new name or path by themselves; so do we."""
    arns: dict[str, str] = {}
    for resource in desired:
        held = live.get(resource.address)
        if resource.address.kind != "user" or held is None:
            continue
        old = cx.arn(renames.get(resource.address, resource.address), held.spec.path)
        new = cx.arn(resource.address, resource.spec.path)
        if old != new:
            arns[old] = new
    return _with(live, [_rewritten(item, arns, {}, cx.partition, only_trust=True) for item in live]) if arns else live


def _rewritten(
    resource: Resource,
    arns: Mapping[str, str],
    groups: Mapping[str, str],
    partition: str,
    only_trust: bool = False,
) -> Resource:
    """A resource whose references follow respelled ARNs and group names."""
    spec = resource.spec
    for field in KINDS[resource.address.kind].fields:
        value = getattr(spec, field.name)
        changed: Any = value
        if field.form == "document" and field.name == "trust_policy":
            changed = with_principals(value, arns, partition)
        elif not only_trust and field.form == "references":
            table = groups if field.name == "groups" else arns
            changed = tuple(sorted({table.get(item, item) for item in value}))
        elif not only_trust and field.form == "reference" and value:
            changed = arns.get(value, value)
        if changed is not value and changed != value:
            spec = replace(spec, **{field.name: changed})
    return resource if spec is resource.spec else replace(resource, spec=spec)


def _left_to_others(
    want: Resource,
    have: Resource | None,
    everywhere: tuple[str, ...],
    unread: frozenset[tuple[str, str]],
    account: str,
) -> Resource:
    """The declaration with the live values of what it does not claim; an absent resource has none."""
    if have is None:
        return want
    spec = want.spec
    if spec == have.spec:
        return want
    kind = KINDS[want.address.kind]
    for field in kind.fields:
        mine, theirs = getattr(spec, field.name), getattr(have.spec, field.name)
        if mine == theirs:
            continue
        if (
            ((kind.name, field.name) in unread and not _known(have, field.name))
            or (mine is None and getattr(field, "optional", False))
            or ignored(want, field.name, None, everywhere, account)
        ):
            spec = replace(spec, **{field.name: theirs})
        elif field.form == "tags":
            assert isinstance(field, Tags)
            spec = replace(spec, tags=_merged_tags(want, have, everywhere, field.folds))
        elif field.form in ("references", "names"):
            keep = _keep(want, field.name, everywhere, account)
            changed = {item for item in mine if not keep(item)} | {item for item in theirs or () if keep(item)}
            spec = replace(spec, **{field.name: tuple(sorted(changed))})
        elif field.form == "documents":
            keep = _keep(want, field.name, everywhere, account)
            documents = {name: held for name, held in mine if not keep(name)}
            documents |= {name: held for name, held in theirs if keep(name)}
            spec = replace(spec, **{field.name: tuple(sorted(documents.items(), key=lambda pair: pair[0]))})
    return want if spec is want.spec else replace(want, spec=spec)


def _known(have: Resource, field: str) -> bool:
    """Whether a field its source does not tell in bulk was asked for one by one."""
    if field == "tags":
        return have.facts.get("tags") in ("bulk", "confirmed")
    return field == "description" and have.address.kind == "policy" and have.spec.description is not None


def _keep(want: Resource, field: str, everywhere: tuple[str, ...], account: str) -> Callable[[str], bool]:
    return lambda item: ignored(want, field, item, everywhere, account)


def _merged_tags(
    want: Resource, have: Resource, everywhere: tuple[str, ...], folds: bool
) -> tuple[tuple[str, str], ...]:
    def fold(key: str) -> str:
        return key.lower() if folds else key

    def kept(key: str) -> bool:
        return untouchable(want.address, key) or ignored(want, "tags", key, everywhere, "")

    theirs = {fold(key): (key, value) for key, value in have.spec.tags}
    merged = {fold(key): (key, value) for key, value in want.spec.tags if not kept(key)}
    merged |= {key: pair for key, pair in theirs.items() if kept(pair[0])}
    return tuple(sorted(merged.values()))


def _unknown_description(have: Resource, want: Resource | None) -> Resource:
    """A policy whose description the source did not tell is not said to differ in it."""
    if want is None or have.address.kind != "policy" or have.spec.description is not None:
        return have
    if want.spec.description is None:
        return have
    return replace(have, spec=replace(have.spec, description=want.spec.description))
