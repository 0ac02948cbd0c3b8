"""The way back from a run: what it changed, as it was before, as a desired state for the ordinary planner.

A run records what it found (`found`); `past` reads that back, and `back` says what the account must be
again, what somebody else changed since, and what nothing can bring back. Fields that the run did not
change stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from iamsync.errors import InputError
from iamsync.kinds import KINDS, codec
from iamsync.kinds.codec import from_json, value_from_json
from iamsync.kinds.fields import version_number
from iamsync.kinds.keyrules import CREDENTIALS
from iamsync.kinds.kind import Context
from iamsync.model import EMPTY, Action, Address, Finding, Plan, Removal, Resource, State
from iamsync.planner.settle import settle
from iamsync.planner.strayed import lost_ours, strayed
from iamsync.policy.document import Document, principals
from iamsync.policy.ending import without_principals
from iamsync.strictjson import misfit

_ANEW: Final = ("delete", "replace")
_IDENTITIES: Final = ("user", "role")


def found(plan: Plan, live: State) -> dict[str, Any]:
    """What the journal keeps of everything a plan is about to change, as the account has it now.

    `resources` are whole (None: not there), `facts` what only the live account tells (unique id, policy
    versions, instance profiles, credentials in words), `trusting` the roles that trust somebody who goes.
    """
    cx = Context(live.account_id, live.partition)
    addresses = {change.address for change in plan.changes}
    addresses |= {Address(change.address.kind, change.renamed_from) for change in plan.changes if change.renamed_from}
    ending = {change.address for change in plan.changes if change.action in _ANEW}
    gone = {
        cx.arn(address, held.spec.path)
        for address in ending
        if address.kind in _IDENTITIES and (held := live.get(address)) is not None
    }
    trusting = {
        role.address
        for role in (live if gone else ())
        if role.address.kind == "role" and role.address not in ending and gone & principals(role.spec.trust_policy)
    }
    kept = {address: live.get(address) for address in sorted(addresses | trusting)}
    facts = {str(address): told for address, held in kept.items() if held is not None and (told := _facts(held))}
    return {
        "resources": {str(address): codec.to_json(held) if held else None for address, held in kept.items()},
        "facts": facts,
        "trusting": [str(address) for address in sorted(trusting)],
    }


def _facts(resource: Resource) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if held := resource.facts.get("id"):
        told["id"] = held
    if held := resource.facts.get("versions"):
        told["versions"] = [[version, document.value, default] for version, document, default in held]
    if held := resource.facts.get("instance_profiles"):
        told["instance_profiles"] = list(held)
    if held := resource.facts.get("credentials"):
        told["credentials"] = [str(item) for item in held]  # in words, ids masked: never a secret
    return told


@dataclass(frozen=True, slots=True)
class Done:
    """What a run's plan was to do to one resource: `after` holds the fields it changed, as they were to be."""

    action: Action
    after: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    renamed_from: str | None = None


@dataclass(frozen=True, slots=True)
class Past:
    """A recorded run, as far as the way back needs it; `pruned` are policy versions it deleted to make room."""

    run: str
    account_id: str
    partition: str
    changes: Mapping[Address, Done]
    found: Mapping[Address, Resource | None]
    trusting: frozenset[Address]
    pruned: Mapping[Address, tuple[str, ...]]
    credentials: frozenset[Address] = frozenset()


@dataclass(frozen=True, slots=True)
class Undo:
    """The desired state of a rollback, and what a person must know before agreeing to it."""

    desired: State
    findings: tuple[Finding, ...]


def past(run: str, header: Mapping[str, Any], outcomes: Mapping[str, str]) -> Past:
    """What a run's record says; InputError where it does not tell what the run found."""
    if "found" not in header:
        raise InputError(
            f"run {run} does not say what it found",
            code="no-way-back",
            hint="it was cut off at its first line, or an older iamsync recorded it; declare what you want and apply",
        )
    try:
        return _past(run, header, outcomes)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(run, misfit(error)) from error


def _damaged(run: str, why: str) -> InputError:
    hint = "declare what you want and apply"
    return InputError(f"the record of run {run} is damaged: {why}", code="no-way-back", hint=hint)


def _past(run: str, header: Mapping[str, Any], outcomes: Mapping[str, str]) -> Past:
    account, partition = str(header["account_id"]), str(header["partition"])
    kept = header["found"]

    def resource(name: str, value: Mapping[str, Any] | None) -> Resource | None:
        if value is None:
            return None
        told = dict(kept["facts"].get(name, {}))
        told["versions"] = tuple(
            (version, Document.of(document, partition), default)
            for version, document, default in told.get("versions", ())
        )
        return replace(from_json(Address.parse(name), value, partition), facts=MappingProxyType(told))

    plan = header["plan"]
    pruned: dict[Address, list[str]] = {}
    for step in plan["steps"]:
        if step["operation"] == "DeletePolicyVersion" and outcomes.get(step["id"]) in ("done", "already", "started"):
            pruned.setdefault(Address.parse(step["address"]), []).append(step["params"]["VersionId"])
    changes = {Address.parse(change["address"]): _done(change, partition) for change in plan["changes"]}
    return Past(
        run,
        account,
        partition,
        changes,
        {Address.parse(name): resource(name, value) for name, value in kept["resources"].items()},
        frozenset(Address.parse(name) for name in kept["trusting"]),
        {address: tuple(versions) for address, versions in pruned.items()},
        frozenset(
            Address.parse(change["address"])
            for change in plan["changes"]
            if any(item["field"] in CREDENTIALS for item in change["fields"])
        ),
    )


def _done(change: Mapping[str, Any], partition: str) -> Done:
    kind = KINDS[Address.parse(change["address"]).kind]
    after = {}
    for item in change["fields"]:
        if item["field"] in CREDENTIALS:
            continue  # nothing brings a key back, and whether one is on is for a person to say
        shape = kind.field(item["field"])
        value = item["after"]
        after[shape.name] = value_from_json(shape, value, partition) if value is not None else shape.default
    return Done(change["action"], after, change["renamed_from"])


def back(past: Past, live: State) -> Undo:
    """What must be desired so that everything the run changed is again as it found it."""
    before: dict[Address, Resource] = {}
    fields: dict[Address, tuple[str, ...]] = {}
    removed: list[Removal] = []
    for address, done in past.changes.items():
        old = Address(address.kind, done.renamed_from) if done.renamed_from else address
        held = past.found.get(old)
        if held is not None:
            before[old] = replace(held, renamed_from=address.name if done.renamed_from else None)
            fields[old] = tuple(done.after)
        elif done.action == "create":
            removed.append(Removal(address, f"run {past.run} created it"))
    for address in past.trusting:
        held = past.found.get(address)
        if held is None:
            raise _damaged(past.run, f"{address} is missing")
        old = next((old for old, one in before.items() if one.renamed_from == address.name), address)
        before.setdefault(old, held)
        fields[old] = tuple({*fields.get(old, ()), "trust_policy"})
    goal = State.of(live.account_id, before.values(), partition=past.partition)
    # Everything under the names of then, or a rename would pass for a change of all who hold the renamed.
    now = settle(goal, live).live
    try:
        then = _left(past, live)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(past.run, misfit(error)) from error
    left = settle(goal, then).live
    look = _Look(past, live, now, left, fields)
    desired = [look.wanted(resource) for resource in goal]
    findings = [*look.changed_since(goal), *look.lost(goal)]
    made = State.of(live.account_id, desired, partition=live.partition, removed=tuple(removed))
    return Undo(made, tuple(findings))


def _left(past: Past, live: State) -> State:
    """What the run was to leave of the resources it changed."""
    resources = []
    for address, done in past.changes.items():
        if done.action == "delete":
            continue
        kind = KINDS[address.kind]
        held = past.found.get(Address(address.kind, done.renamed_from) if done.renamed_from else address)
        spec = kind.spec(**done.after) if held is None else replace(held.spec, **done.after)
        resources.append(Resource(address, spec))
    return State.of(live.account_id, resources, partition=past.partition)


@dataclass(frozen=True, slots=True)
class _Look:
    """One run's past beside the account as it is: `now` and `left` are under the names of before the run."""

    past: Past
    live: State
    now: State
    left: State
    fields: Mapping[Address, tuple[str, ...]]

    def wanted(self, before: Resource) -> Resource:
        """What the resource is to be again: all of it where the run deleted it, else the fields it changed."""
        done, have = self._done(before), self.now.get(before.address)
        if have is None:
            facts = {name: held for name, held in before.facts.items() if name == "instance_profiles"}
            return replace(self._takeable(before), facts=facts)
        if done.action in _ANEW:
            return replace(self._takeable(before), facts={})
        again = {name: getattr(before.spec, name) for name in self.fields[before.address]}
        trust = again.get("trust_policy")
        if trust is not None and _dead(trust):
            if lost_ours(trust.key, have.spec.trust_policy.key, self._ours, self.past.account_id):
                del again["trust_policy"]  # whom it named goes again, which AWS shows by itself
            else:
                again["trust_policy"] = self._of_the_living(trust)
        return replace(before, spec=replace(have.spec, **again), facts={})

    def _takeable(self, before: Resource) -> Resource:
        """The resource as AWS takes it when it is made anew."""
        made, trust = _left_to_aws(before), getattr(before.spec, "trust_policy", None)
        if trust is None or not _dead(trust):
            return made
        return replace(made, spec=replace(made.spec, trust_policy=self._of_the_living(trust)))

    def _of_the_living(self, trust: Document) -> Document:
        return without_principals(trust, _is_dead, self.live.partition)

    def changed_since(self, goal: State) -> Iterator[Finding]:
        """What is neither as the run found it, nor as it left it, nor between the two."""
        for before in goal:
            done, have = self._done(before), self.now.get(before.address)
            if have is None:
                if done.action == "update":
                    yield _finding(before.address, "is gone since", "a rollback would create it anew")
                continue
            if done.action == "update" and _other(before, have):
                yield _finding(before.address, "was deleted and created again since", "it is another one of this name")
            left, names = self.left.get(before.address), self._compared(before, done)
            if odd := [name for name in names if self._strays(before, left, have, name, done)]:
                yield _finding(before.address, f"was changed since by others: {', '.join(odd)}", "")
        for address, done in self.past.changes.items():
            have = self.now.get(address)
            if done.action != "create" or self.past.found.get(address) is not None or have is None:
                continue
            made = self.left.get(address)
            assert made is not None
            names = [shape.name for shape in KINDS[address.kind].fields]
            if odd := [name for name in names if self._strays(None, made, have, name, done)]:
                yield _finding(address, f"was changed since by others: {', '.join(odd)}", "a rollback would delete it")

    def _compared(self, before: Resource, done: Done) -> Iterable[str]:
        if done.action not in _ANEW:
            return self.fields[before.address]
        return [shape.name for shape in KINDS[before.address.kind].fields]

    def _strays(self, before: Resource | None, left: Resource | None, have: Resource, name: str, done: Done) -> bool:
        if name == "trust_policy":
            sides = [side.spec.trust_policy.key for side in (before, left) if side is not None]
            if any(lost_ours(side, have.spec.trust_policy.key, self._ours, self.past.account_id) for side in sides):
                return False  # AWS itself changed it, when the run or a rollback took away whom it names
        return strayed(have, name, before, left, again=self._again, in_part=done.action in _ANEW)

    @property
    def _ours(self) -> frozenset[Address]:
        """Whom the run made, made anew or took away."""
        return frozenset(address for address, done in self.past.changes.items() if done.action != "update")

    @property
    def _again(self) -> frozenset[Address]:
        """What the run or its rollback takes off and puts on again while it is replaced."""
        return frozenset(address for address, done in self.past.changes.items() if done.action == "replace")

    def _done(self, before: Resource) -> Done:
        name = before.renamed_from or before.address.name
        return self.past.changes.get(Address(before.address.kind, name), Done("update"))

    def lost(self, goal: State) -> Iterator[Finding]:
        """What no call can bring back."""
        for before in goal:
            have = self.now.get(before.address)
            if self._done(before).action in _ANEW and (have is None or _other(before, have)):
                for what, why in _losses(before):
                    yield Finding("not-restored", "warn", f"{before.address}: {what}", before.address, remedy=why)
            wanted, trust = self.wanted(before), getattr(before.spec, "trust_policy", None)
            lost = _dead(trust) - _dead(wanted.spec.trust_policy) if trust is not None else set()
            if lost and (have is None or "trust_policy" in self._compared(before, self._done(before))):
                yield Finding(
                    "not-restored",
                    "warn",
                    f"{before.address}: its trust in {', '.join(sorted(lost))}, who is gone",
                    before.address,
                    remedy="AWS takes no id of somebody who is gone; name whoever came in their place",
                )
        for address in sorted(self.past.credentials):
            why = "a key that is gone is gone; one that is off is switched on by hand, where nobody misuses it"
            title = f"{address}: its access keys and passwords"
            yield Finding("not-restored", "warn", title, address, remedy=why)
        for address, versions in sorted(self.past.pruned.items()):
            if self.past.changes[address].action == "update":
                which = ", ".join(sorted(versions, key=version_number))
                yield Finding(
                    "not-restored",
                    "warn",
                    f"{address}: version {which}, deleted to make room",
                    address,
                    remedy=f"its document stands in the record: iamsync runs show {self.past.run} --format json",
                )


def _losses(before: Resource) -> Iterator[tuple[str, str]]:
    """What of a deleted resource stays lost when it is created again, and what to do about each."""
    kind, facts = before.address.kind, before.facts
    if kind in _IDENTITIES and facts.get("id"):
        yield (
            f"its unique id {facts['id']}",
            "policies of other accounts and of resources that name it must be saved again: AWS knows it by this id",
        )
    for held in facts.get("credentials", ()):
        yield held, "give it a new one: what AWS told once, or what a person holds, cannot be set again"
    versions = [version for version, _, default in facts.get("versions", ()) if not default]
    if versions:
        yield f"the stored versions {', '.join(versions)}", "the policy begins again with v1; they stand in the record"
    reserved = [key for key, _ in getattr(before.spec, "tags", ()) if key.casefold().startswith("aws:")]
    if reserved:
        yield f"the tags {', '.join(reserved)}", "AWS sets tags of its own itself"


def _dead(trust: Document) -> set[str]:
    """The principals that stand there by their bare ids: AWS shows those who are gone so, and takes no such id."""
    return {name for name in principals(trust) if _is_dead(name)}


def _is_dead(name: str) -> bool:
    return name.startswith(("AIDA", "AROA"))


def _other(before: Resource, have: Resource) -> bool:
    """Whether the live resource is another one of the same name."""
    then, now = before.facts.get("id"), have.facts.get("id")
    return bool(then and now and then != now)


def _left_to_aws(resource: Resource) -> Resource:
    """The resource as it can be made anew: tags of AWS's own and thumbprints that AWS finds itself are left out."""
    tags = getattr(resource.spec, "tags", ())
    kept = tuple(pair for pair in tags if not pair[0].casefold().startswith("aws:"))
    spec = resource.spec if kept == tags else replace(resource.spec, tags=kept)
    if getattr(spec, "thumbprints", None) == ():
        spec = replace(spec, thumbprints=None)
    return replace(resource, spec=spec)


def _finding(address: Address, what: str, evidence: str) -> Finding:
    return Finding(
        "changed-since",
        "refuse",
        f"{address} {what}",
        address,
        evidence=evidence,
        remedy="look at it; to go back to what the run found all the same, acknowledge it",
    )
