"""What each thing found in an account gives beyond what is declared, and how grave that makes it.

A plan tells gains and losses by changed resource; here each part of them goes to the member of a field whose
statements bring it about.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from iamsync import arn
from iamsync.model import Address, Change, Plan
from iamsync.planner.alone import Ends
from iamsync.planner.severity import GRADES, Grade, of_access, worst
from iamsync.policy.access import Access, Region, Undecided
from iamsync.policy.gained import turned

What = Literal[
    "attached",
    "detached",
    "joined",
    "left",
    "added",
    "changed",
    "removed",
    "set",
    "taken off",
    "deleted",
    "created",
    "recreated",
    "renamed",
]

_PRINCIPALS: Final = ("user", "group", "role", "policy")
_TRUST: Final = "trust_policy"
# Fields that say what somebody may do; tags do too, where policies ask for them.
_GIVING: Final = frozenset({"groups", "managed_policies", "inline_policies", "permissions_boundary", "document"})
# By these reality grants less, or caps less: whoever declared them wanted them.
_LACKING: Final = ("detached", "left", "taken off", "deleted")
# What no permission tells: who else a provider lets in, what a session or a password may be.
_FIELDS: Final[dict[str, Grade]] = {
    "metadata": "critical",
    "client_ids": "high",
    "thumbprints": "high",
    "role": "high",
    "password_policy": "medium",
    "max_session_duration": "low",
    "description": "info",
    "path": "info",
    "tags": "info",
    "name": "info",
}
# What several may have something by.
_SHARED: Final = ("group", "policy")
# How often it is reckoned what one thing gives by itself, some ten milliseconds each.
MOST: Final = 500
# Not all gains and losses were reckoned.
_UNTOLD: Final = "access-untold"


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """One thing that is otherwise than declared, before it is weighed; see `drift.Drift`.

    `subject` is what it is about in words, and after a line break what it is now.
    """

    field: str
    item: str
    what: What
    subject: str
    expected: Any = None
    actual: Any = None
    details: tuple[str, ...] = ()


def worth(plan: Plan, ends: Ends | None) -> Ends | None:
    """The ends, unless telling what each thing gives by itself would keep a reader waiting."""
    people = {affected.principal for change in plan.changes for affected in change.affected}
    common = any(change.address.kind in _SHARED for change in plan.changes)
    asked = 0
    for change in plan.changes:
        giving = [field for field in change.fields if field.field in _GIVING]
        members = sum(max(1, len(field.added) + len(field.removed)) for field in giving)
        if common or members > 1:
            asked += members * (len(people) if change.address.kind in _SHARED else len(change.affected))
    return ends if asked <= MOST else None


class Excess:
    """The gains and losses of one change of a plan, from reality's side, by what was found there.

    With both `ends` of the plan each of several things that bring about a gain together is shown with what it gives
    by itself; without them, and where it takes all of them, with the whole.
    """

    def __init__(self, plan: Plan, change: Change, found: Sequence[Found], ends: Ends | None = None) -> None:
        self._change, self._account_id, self._ends = change, plan.account_id, ends
        self._untold = any(finding.id == _UNTOLD for finding in (*plan.findings, *plan.guards))
        self._outside = {one.name: one for one in change.outside}
        self._told: dict[Found, list[tuple[str, Access]]] = {one: [] for one in found}
        giving = [one for one in found if not one.field or one.field in _GIVING]
        doors = [one for one in found if not one.field or one.field == _TRUST]
        tags = [one for one in found if one.field == "tags"]
        self._others = frozenset(
            str(one.address)
            for one in plan.changes
            if one.address != change.address and one.address.kind in _SHARED and ends is not None
            if ends.tells(one.address)
        )
        for affected in change.affected:
            entering = change.address.kind == "role" and affected.principal != change.address
            among = (doors if entering else giving) or tags or found
            self._share(
                str(affected.principal), turned(affected.access), among, None if entering else affected.principal
            )
        if ends is not None and change.address.kind in _SHARED:
            self._by_holders(plan, ends, giving)
        for outsider in change.outside:
            self._share(outsider.name, turned(outsider.access), doors or found)

    def of(self, one: Found) -> tuple[tuple[str, Access], ...]:
        """Who has too much (`gained`) and too little (`lost`) by it."""
        return tuple(self._told[one])

    def grade(self, one: Found) -> Grade:
        """How grave it is: by what it gives too much, then by what is missing, then by what it is."""
        grades: list[Grade] = [of_access(part) for _, part in self._told[one]]
        if one.field in ("", _TRUST) and self._change.address.kind == "role":
            grades += [self._entering(name) for name, part in self._told[one] if part.gained]
        if one.what in _LACKING:
            grades.append("medium")
        elif not one.field:
            # Whom a provider or a profile lets in is no permission of a principal here.
            grades.append("low" if self._change.address.kind in _PRINCIPALS else "high")
        elif one.field in _GIVING or one.field == _TRUST:
            grades.append("medium" if self._untold else "low")
        else:
            grades.append(_FIELDS.get(one.field, "medium"))
        return worst(grades)

    def _entering(self, name: str) -> Grade:
        """Who may come into a role that is not let in: the grade of the door, whatever lies behind it."""
        if name == str(self._change.address):
            return "info"
        outsider = self._outside.get(name)
        return "critical" if outsider is not None and not outsider.is_service else "high"

    def _by_holders(self, plan: Plan, ends: Ends, giving: Sequence[Found]) -> None:
        """What a group or policy gives to those whose own change, too, tells of it."""
        mine = {affected.principal for affected in self._change.affected}
        elsewhere = {affected.principal for one in plan.changes for affected in one.affected} - mine
        for principal in sorted(elsewhere & ends.holders(self._change.address)):
            for one in giving:
                access = ends.alone(self._change.address, one.field, one.item, principal) if one.field else None
                if access is not None and access.gained:
                    self._told[one].append((str(principal), Access(gained=access.gained)))

    def _share(self, name: str, access: Access, among: Sequence[Found], principal: Address | None = None) -> None:
        """Each part of an access to what its statements come from; to all where none of them is named."""
        parts = {one: Access() for one in among}
        shared: dict[Found, None] = {}
        own: list[Region] = []
        for key in ("gained", "lost", "undecided"):
            for part in getattr(access, key):
                named = [one for one in among if self._is_of(part, one)]
                if key == "gained" and len(named) != 1:
                    shared.update(dict.fromkeys(named or among))
                    own += [part] if named or not self._of_others(part) else []
                for one in named or among:
                    parts[one] = replace(parts[one], **{key: (*getattr(parts[one], key), part)})
        if principal is not None and shared:
            parts |= self._apart(shared, parts, own, principal)
        for one, access_of_it in parts.items():
            if access_of_it:
                self._told[one].append((name, access_of_it))

    def _of_others(self, part: Region) -> bool:
        """Whether all that brings this about is in groups and policies with changes of their own."""
        return bool(part.via) and all(
            {_holder(label), label.split(",")[0].partition(" via ")[0]} & self._others for label in part.via
        )

    def _apart(
        self, shared: Collection[Found], parts: Mapping[Found, Access], own: Sequence[Region], principal: Address
    ) -> dict[Found, Access]:
        """What each of several gives by itself; nothing where that is less grave than what they give together."""
        if self._ends is None or any(one.field not in _GIVING for one in shared):
            return {}
        told: dict[Found, Access] = {}
        for one in shared:
            access = self._ends.alone(self._change.address, one.field, one.item, principal)
            if access is None:
                return {}
            told[one] = replace(parts[one], gained=access.gained)
        together, apart = of_access(Access(gained=tuple(own))), worst(map(of_access, told.values()))
        return told if GRADES.index(apart) <= GRADES.index(together) else {}

    def _is_of(self, part: Region | Undecided, one: Found) -> bool:
        """Whether a statement of what was found has to do with this part."""
        labels = part.via
        if isinstance(part, Undecided) and not labels:
            labels = (part.text.removeprefix("all that "),)
        if one.field == "groups":
            return any(_holder(label) == f"group/{one.item}" for label in labels)
        start = self._label(one)
        return bool(start) and any(label == start or label.startswith((f"{start},", f"{start} ")) for label in labels)

    def _label(self, one: Found) -> str:
        """How labels of statements begin that come from it; empty where none does."""
        if one.field == "managed_policies":
            parsed = arn.parse(one.item)
            if parsed is not None and parsed.account == self._account_id:
                return str(parsed.address)
            return arn.short(one.item, self._account_id)
        if one.field == "inline_policies":
            return f"{self._change.address} inline {one.item}"
        if one.field == "document":
            return str(self._change.address)
        return "permissions boundary" if one.field == "permissions_boundary" else ""


def _holder(label: str) -> str:
    """The group that a statement comes through, or that holds it itself."""
    source = label.split(",")[0]
    _, via, group = source.partition(" via ")
    return group if via else source.partition(" inline ")[0]
