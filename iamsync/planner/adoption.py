"""What of a comparison can be adopted: the values that a live account has where a declaration has others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from iamsync import arn
from iamsync.kinds import KINDS
from iamsync.kinds.fields import REPLACED
from iamsync.kinds.kind import Context, Field
from iamsync.model import Address, FieldChange, State
from iamsync.planner.compare import Difference
from iamsync.planner.settle import LIVE


@dataclass(frozen=True, slots=True)
class Wish:
    """A field of a declaration that is to say `new` instead of `old`, as a desired `State` has both.

    Without a field, the declaration is to go.
    """

    address: Address
    field: Field | None
    old: Any
    new: Any

    def members(self, account_id: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What comes and what goes, for a field that is a set or a table, in the manifests' words."""
        if self.field is None:
            return (), ()
        if self.field.form in ("references", "names"):
            have, want = set(self.old or ()), set(self.new or ())
            return _named(want - have, account_id), _named(have - want, account_id)
        if self.field.form in ("tags", "documents"):
            old, new = dict(self.old), dict(self.new)
            came = [(key, new[key]) for key in sorted(new) if old.get(key) != new[key]]
            went = [(key, old[key]) for key in sorted(old) if old[key] != new.get(key)]
            if self.field.form == "tags":
                return tuple(f"{key}={value}" for key, value in came), tuple(f"{key}={value}" for key, value in went)
            return tuple(key for key, _ in came), tuple(key for key, _ in went)
        return (), ()


def _named(items: Iterable[str], account_id: str) -> tuple[str, ...]:
    return tuple(sorted(arn.short(item, account_id) for item in items))


def wishes(
    differences: Iterable[Difference], desired: State, live: State, *, only_drift: bool
) -> tuple[list[Wish], list[Address]]:
    """What the declarations would have to say for nothing to differ, and what is declared and does not exist.

    Deletions are not looked at: what they are about is not declared. What has expired stays expired. `only_drift`
    leaves out what the manifests changed themselves.
    """
    wanted: list[Wish] = []
    missing: list[Address] = []
    folded = desired.folded()
    for difference in differences:
        held = folded.get(difference.address.folded)
        if held is None or difference.action == "delete" or difference.renamed_from is not None:
            continue
        if difference.have is None:
            if not only_drift or difference.cause == "drift":
                missing.append(held.address)
            continue
        for change in difference.fields:
            if change.cause == "expired" or (only_drift and change.cause != "drift"):
                continue
            field = KINDS[held.address.kind].field(change.field)
            old = getattr(held.spec, field.name)
            new = _intended(field, old, difference, change, (desired, live))
            if new != old:
                wanted.append(Wish(held.address, field, old, new))
    return wanted, missing


def _resolved(item: str, field: Field, live: State) -> str:
    """A member of a declaration as it was compared: `live/NAME` as the ARN that the account gives the name."""
    if not item.startswith(LIVE):
        return item
    found = live.folded().get(Address(getattr(field, "target", "policy"), item.removeprefix(LIVE)).folded)
    cx = Context(live.account_id, live.partition)
    return item if found is None else cx.arn(found.address, found.spec.path)


def _declared(item: str, field: Field, live: State, desired: State) -> str:
    """The inverse: how a declared `State` has a reference that is to be written."""
    parsed = arn.parse(item)
    if field.name == "groups" or parsed is None or parsed.account != live.account_id:
        return item
    held = desired.get(parsed.address)
    cx = Context(live.account_id, live.partition)
    return item if held is not None and KINDS[parsed.kind].arn(held, cx) == item else f"{LIVE}{parsed.name}"


def _intended(field: Field, old: Any, difference: Difference, change: FieldChange, states: tuple[State, State]) -> Any:
    """What the declaration is to say: the live value, but for what it leaves to others or spells in its own way."""
    desired, live = states
    assert difference.have is not None
    assert difference.want is not None
    have, want = getattr(difference.have.spec, field.name), getattr(difference.want.spec, field.name)
    if field.form in ("references", "names") and old is not None:
        came = {item.removesuffix(REPLACED) for item in have} - set(want) - set(change.expired)
        went = set(want) - {item.removesuffix(REPLACED) for item in have}
        kept = {item for item in old if _resolved(item, field, live) not in went}
        if field.form == "names":
            return tuple(sorted(kept | came))
        return tuple(sorted(kept | {_declared(item, field, live, desired) for item in came}))
    if field.form in ("tags", "documents"):
        folds = bool(getattr(field, "folds", False))

        def fold(key: str) -> str:
            return key.lower() if folds else key

        is_, was = ({fold(key): (key, value) for key, value in side} for side in (have, want))
        new = {fold(key): (key, value) for key, value in old}
        for key in is_.keys() | was.keys():
            if key not in is_:
                new.pop(key, None)
            elif is_[key] != was.get(key) and is_[key][0] not in change.expired:
                new[key] = is_[key]
        return tuple(sorted(new.values(), key=lambda pair: pair[0]))
    return _declared(have, field, live, desired) if field.form == "reference" and have else have
