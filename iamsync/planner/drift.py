"""A plan seen from reality's side: what somebody did by hand, a member of a field at a time, and how grave it is.

Made from the plan alone. What a plan would take away is what reality has too much of, what it would
give is what reality lacks. Where the plan was made against an older revision of the manifests, what only
the manifests changed is told apart as pending; what has expired and is still there is due.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from iamsync import arn
from iamsync.kinds import KINDS
from iamsync.kinds.account import DEFAULTS, RULES
from iamsync.kinds.kind import Field
from iamsync.kinds.metadata import Metadata
from iamsync.model import Address, Change, FieldChange, Origin, Plan, State
from iamsync.planner.alone import Ends
from iamsync.planner.excess import Excess, Found, What, worth
from iamsync.planner.severity import GRADES, Grade, of_access, worst
from iamsync.policy.access import Access
from iamsync.policy.document import Document

Standing = Literal["drift", "pending", "due"]

# What is still to be done about each, where nobody did it by hand.
_STILL: Final[dict[What, str]] = {
    "attached": "not detached yet",
    "detached": "not attached yet",
    "joined": "not taken out of group yet",
    "left": "not put into group yet",
    "added": "not removed yet",
    "changed": "not changed yet",
    "removed": "not added yet",
    "set": "not taken off yet",
    "taken off": "not set yet",
    "deleted": "not created yet",
    "created": "not deleted yet",
    "recreated": "not deleted yet",
    "renamed": "not renamed yet",
}
# What is declared and not there, where nothing tells whether it ever was.
UNSURE: Final = "in the manifests, not in the account: deleted there, or never applied"
_MEMBERS: Final[dict[str, tuple[What, What]]] = {
    "managed_policies": ("detached", "attached"),
    "groups": ("left", "joined"),
}


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing that is otherwise than declared.

    `field` is empty where the resource as a whole is meant; `item` is the member of the field: an ARN, a
    group, the name of an inline policy, a tag's key, a rule. `expected` and `actual` are JSON values as
    manifests spell them, None for nothing. `details` tells a document apart, statement by statement, from
    the declared one to the one that is there. `access` is who has too much (`gained`) and too little (`lost`).
    """

    address: Address
    field: str
    item: str
    what: What
    standing: Standing
    text: str
    severity: Grade
    expected: Any = None
    actual: Any = None
    details: tuple[str, ...] = ()
    access: tuple[tuple[str, Access], ...] = ()
    origin: Origin | None = None

    def __str__(self) -> str:
        return f"{self.address}: {self.text}"


@dataclass(frozen=True, slots=True)
class AwsDrift:
    """A policy of AWS that AWS changed since it was reviewed, and who has more or less by it."""

    policy: str
    reviewed: str
    current: str
    severity: Grade
    affected: tuple[tuple[Address, Access], ...]


def drift(
    plan: Plan, base: State | None = None, ends: Ends | None = None, recorded: Collection[Address] = ()
) -> tuple[Drift, ...]:
    """Everything that is otherwise than declared, the gravest first; `base` is what the plan was made against.

    `ends` are what the plan leads from and to: with them several things that give the same are told apart.
    `recorded` are resources that a record shows were there: only of these, and of what the base declares, it is
    known that somebody deleted them.
    """
    ends = worth(plan, ends)
    found = [one for change in plan.changes for one in _Seen(plan, change, base, ends, recorded).entries()]
    return tuple(sorted(found, key=lambda one: (GRADES.index(one.severity), one.address, one.field, one.item)))


def aws_drift(plan: Plan) -> tuple[AwsDrift, ...]:
    """The policies that AWS changed, each as grave as what its holders gained by it."""
    return tuple(
        AwsDrift(
            *(one.policy, one.reviewed, one.current),
            worst(of_access(access) for _, access in one.affected),
            one.affected,
        )
        for one in plan.aws_policies
    )


class _Seen:
    """One change of a plan, from reality's side."""

    def __init__(
        self, plan: Plan, change: Change, base: State | None, ends: Ends | None, recorded: Collection[Address]
    ) -> None:
        self.plan, self.change, self.base, self.ends = plan, change, base, ends
        self.was_there = base is not None or change.address in recorded
        self.kind = KINDS[change.address.kind]

    def entries(self) -> Iterator[Drift]:
        found = list(self._found())
        excess = Excess(self.plan, self.change, found, self.ends)
        for one in found:
            standing = self._standing(one)
            yield Drift(
                *(self.change.address, one.field, one.item, one.what, standing, self._words(one, standing)),
                *(excess.grade(one), one.expected, one.actual, one.details, excess.of(one), self.change.origin),
            )

    # -- What differs ------------------------------------------------------------------------------

    def _found(self) -> Iterator[Found]:
        change = self.change
        if change.action == "create":
            yield Found("", "", "deleted", "", expected={item.field: item.after for item in change.fields})
            return
        if change.action == "delete":
            what: What = "recreated" if change.cause == "removed" else "created"
            yield Found("", "", what, "", actual={item.field: item.before for item in change.fields})
            return
        if change.renamed_from:
            name = change.address.name
            yield Found("name", "", "renamed", change.renamed_from, expected=name, actual=change.renamed_from)
        for item in change.fields:
            yield from self._field(item)

    def _field(self, item: FieldChange) -> Iterator[Found]:
        field = self.kind.field(item.field)
        if field.form in ("references", "names") and item.before is not None and item.after is not None:
            yield from self._members(field, item)
        elif field.form in ("tags", "documents"):
            yield from self._table(field, item)
        elif field.form == "settings":
            yield from _settings(field, item)
        elif field.name == "permissions_boundary":
            yield self._boundary(item)
        else:
            yield self._value(field, item)

    def _members(self, field: Field, item: FieldChange) -> Iterator[Found]:
        gone, come = _MEMBERS.get(field.name, ("removed", "added"))
        word = getattr(field, "item", "") or ""
        again = {*item.added} & {*item.removed}  # of a policy that is replaced: nobody touched the attachment
        for what, members in ((come, item.removed), (gone, item.added)):
            for member in members:
                if member in again:
                    continue
                there = what == come
                shown = f"{word} {self._short(member)}".lstrip()
                sides = {"actual": member} if there else {"expected": member}
                yield Found(field.name, member, what, shown, **sides)

    def _table(self, field: Field, item: FieldChange) -> Iterator[Found]:
        noun = "tag" if field.form == "tags" else "inline policy"
        have, want = item.before or {}, item.after or {}
        for key in sorted({*item.added, *item.removed}):
            actual, expected = have.get(key), want.get(key)
            what: What = "added" if key not in want else "removed" if key not in have else "changed"
            subject = f"{noun} {key}"
            details: tuple[str, ...] = ()
            if field.form == "documents":
                details = self._apart(expected, actual)
            elif what == "changed":
                subject += f"\n{actual} instead of {expected}"
            elif what == "added":
                subject += f"\n{actual}"
            yield Found(field.name, key, what, subject, expected, actual, details)

    def _boundary(self, item: FieldChange) -> Found:
        what: What = "set" if item.after is None else "taken off" if item.before is None else "changed"
        told = [self._short(side) for side in (item.before, item.after) if side is not None]
        return Found(item.field, "", what, f"boundary\n{' instead of '.join(told)}", item.after, item.before)

    def _value(self, field: Field, item: FieldChange) -> Found:
        if field.form == "document":
            subject = "trust" if field.name == "trust_policy" else "document"
            details = self._apart(item.after, item.before)
            return Found(field.name, "", "changed", subject, item.after, item.before, details)
        name = field.name.replace("_", " ")
        told = f"{self._shown(field, item.before)} instead of {self._shown(field, item.after)}"
        what: What = "recreated" if field.immutable else "changed"
        return Found(field.name, "", what, f"{name}\n{told}", item.after, item.before)

    def _shown(self, field: Field, value: Any) -> str:
        if value is None:
            return "none"
        if field.form == "metadata":
            return str(Metadata.of(value))
        if field.form == "seconds":
            return f"{value // 3600}h" if value and value % 3600 == 0 else f"{value}s"
        if isinstance(value, str):
            return self._short(value) if value else '""'
        return json.dumps(value, ensure_ascii=False)

    def _short(self, text: str) -> str:
        parsed = arn.parse(text)
        if parsed is not None and parsed.kind == "role" and parsed.account == self.plan.account_id:
            return parsed.name
        return arn.short(text, self.plan.account_id)

    def _apart(self, expected: Any, actual: Any) -> tuple[str, ...]:
        from iamsync.policy.explain import lines  # it brings deepdiff, which takes long to load

        nothing = {"Version": "2012-10-17", "Statement": []}
        want, have = (
            Document.of(nothing if side is None else side, self.plan.partition) for side in (expected, actual)
        )
        return lines(want, have, self.plan.partition)

    def _words(self, one: Found, standing: Standing) -> str:
        if one.what == "deleted" and standing == "drift" and not self.was_there:
            return UNSURE
        return _words(one, standing)

    # -- Whose doing -------------------------------------------------------------------------------

    def _standing(self, one: Found) -> Standing:
        """Whether somebody did it by hand, the manifests are ahead, or its time is over."""
        change = self.change
        if change.cause == "expired":
            return "due"
        if one.what == "renamed":
            return "pending"  # a rename is declared, never found
        item = next((item for item in change.fields if item.field == one.field), None)
        if item is not None and (item.cause == "expired" or one.item in item.expired):
            return "due"
        if self.base is None or change.cause in ("drift", "unmanaged"):
            return "drift"
        if change.cause == "removed":
            known = any(removal.address.folded == change.address.folded for removal in self.base.removed)
            return "drift" if known else "pending"
        if item is None:
            return "pending"
        return "drift" if item.cause == "drift" or one.item in item.drifted else "pending"


def _settings(field: Field, item: FieldChange) -> Iterator[Found]:
    """Each rule that differs; the whole where one side has none."""
    if item.before is None or item.after is None:
        what: What = "removed" if item.before is None else "added"
        yield Found(field.name, "", what, field.name.replace("_", " "), item.after, item.before)
        return
    for rule in (rule for rule in (*RULES, *sorted({*item.before} - {*RULES}))):
        have, want = (side.get(rule, DEFAULTS.get(rule)) for side in (item.before, item.after))
        if have != want:
            told = f"{json.dumps(have)} instead of {json.dumps(want)}"
            yield Found(field.name, rule, "changed", f"{rule}\n{told}", want, have)


def _words(one: Found, standing: Standing) -> str:
    """`attached by hand: aws/AdministratorAccess`, `tag team changed by hand: ops instead of web`."""
    subject, _, more = one.subject.partition("\n")
    after = f": {more}" if more else ""
    if standing != "drift":
        still = _STILL[one.what]
        if one.what in ("attached", "detached", "joined", "left"):
            text = f"{still}: {subject}"
        elif one.what == "renamed":
            text = f"{still}: still called {subject}"
        else:
            text = f"{subject} {still}{after}".lstrip()
        return f"expired, {text}" if standing == "due" else text
    if one.what in ("attached", "detached"):
        return f"{one.what} by hand: {subject}"
    if one.what in ("joined", "left"):
        return f"{one.what} group by hand: {subject}"
    if not one.field:
        return {
            "deleted": "deleted by hand",
            "created": "created by hand, nobody declares it",
            "recreated": "recreated by hand, though it is listed under removed:",
        }[one.what]
    if one.what == "recreated":
        return f"recreated by hand with another {subject}{after}"
    return f"{subject} {one.what} by hand{after}"


def counted(found: Iterable[Drift | AwsDrift]) -> dict[Grade, int]:
    """How many there are of each severity, all severities named."""
    counts = dict.fromkeys(GRADES, 0)
    for one in found:
        counts[one.severity] += 1
    return counts
