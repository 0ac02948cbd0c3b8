"""Desired against live, resource by resource: what differs, and the acts that would mend it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from iamsync.kinds import KINDS
from iamsync.kinds.codec import value_to_json
from iamsync.kinds.fields import REPLACED
from iamsync.kinds.kind import Act, Context, Field, Kind, Phase
from iamsync.model import Action, Address, Cause, FieldChange, Origin, Resource, State
from iamsync.planner.settle import ignored

_NOT_WRITTEN: Final[tuple[set[Cause], ...]] = ({"drift"}, {"drift", "expired"})


@dataclass(frozen=True, slots=True)
class Difference:
    """One resource that must change, with its acts in their parts.

    A creation has `create` and `after`; a deletion `before` and `delete`; a replacement all four in
    that order of time; an update `rename` and `after`. `successor` is what a deleted resource was
    moved to: the old one goes only when all of the new one is there.
    """

    address: Address
    action: Action
    cause: Cause
    have: Resource | None
    want: Resource | None
    fields: tuple[FieldChange, ...] = ()
    rename: Act | None = None
    before: tuple[Act, ...] = ()
    delete: Act | None = None
    create: Act | None = None
    after: tuple[Act, ...] = ()
    origin: Origin | None = None
    renamed_from: str | None = None
    note: str = ""
    successor: Address | None = None

    @property
    def acts(self) -> tuple[Act, ...]:
        """Every act, in the order of the resource's own life."""
        one = [act for act in (self.rename,) if act]
        two = [act for act in (self.delete, self.create) if act]
        return (*one, *self.before, *two, *self.after)

    @property
    def tag_only(self) -> bool:
        """Whether nothing but tags changes."""
        tags = bool(self.fields) and all(change.field == "tags" for change in self.fields)
        return self.action == "update" and self.rename is None and tags


def create(want: Resource, cx: Context, cause: Cause = "declared") -> Difference:
    """The difference between nothing and a declared resource."""
    kind = KINDS[want.address.kind]
    after = [act for field in kind.fields for act in field.fill(want, cx)]
    if kind.after_replace is not None:
        after += kind.after_replace(want, want, cx)  # only what is created again knows facts of before
    fields = tuple(_field_changes(kind, None, want, lambda _: cause))
    act = kind.creation(want, cx)
    return Difference(
        want.address, "create", cause, None, want, fields, create=act, after=tuple(after), origin=want.origin
    )


def delete(
    have: Resource,
    cx: Context,
    cause: Cause,
    origin: Origin | None,
    note: str = "",
    successor: Address | None = None,
) -> Difference:
    """The difference between a live resource and nothing, teardown and all."""
    kind = KINDS[have.address.kind]
    fields = tuple(_field_changes(kind, have, None, lambda _: cause))
    return Difference(
        have.address,
        "delete",
        cause,
        have,
        None,
        fields,
        before=_teardown(kind, have, cx),
        delete=kind.deletion(have, cx),
        origin=origin,
        note=note,
        successor=successor,
    )


def update(
    have: Resource,
    want: Resource,
    cx: Context,
    base: Resource | None,
    renamed_from: str | None,
    ended: Resource | None = None,
) -> Difference | None:
    """The difference between two versions of one resource; None where they are equal.

    `base` is what was declared before this change of the manifests: a field declared alike then and
    now has drifted, any other was declared anew. `ended` is `have` without what has expired: a field
    that differs in nothing else has expired.
    """
    if renamed_from is None and have.spec == want.spec:
        return None
    kind = KINDS[want.address.kind]

    def cause(field: Field) -> Cause:
        if ended is not None and getattr(ended.spec, field.name) == getattr(want.spec, field.name):
            return "expired"
        if base is None or getattr(base.spec, field.name) != getattr(want.spec, field.name):
            return "declared"
        # A policy that is replaced comes off and goes on again: that is no drift of its holder.
        again = field.form == "references" and _unmarked(field, have) == getattr(want.spec, field.name)
        return "declared" if again else "drift"

    fields = tuple(_field_changes(kind, have, want, cause, ended, base))
    if not fields and renamed_from is None:
        return None
    causes = {change.cause for change in fields}
    overall: Cause = "expired" if causes == {"expired"} else "drift" if causes in _NOT_WRITTEN else "declared"
    fixed = [field for field in kind.fields if field.immutable and _differs(field, have, want)]
    if fixed:
        note = f"{' and '.join(field.name for field in fixed)} cannot be changed in place"
        return _replace(kind, have, want, cx, fields, overall, note)
    rename = None
    if renamed_from is not None and kind.rename is not None:
        call = kind.rename(renamed_from, want, cx)
        rename = Act(want.address, Phase.NEUTRAL, "neutral", "name", renamed_from, call)
    after = _once(act for field in kind.fields for act in field.change(have, want, cx))
    return Difference(
        want.address,
        "update",
        overall if renamed_from is None else "declared",
        have,
        want,
        fields,
        rename=rename,
        after=after,
        origin=want.origin,
        renamed_from=renamed_from,
    )


def _unmarked(field: Field, have: Resource) -> tuple[str, ...]:
    return tuple(sorted({item.removesuffix(REPLACED) for item in getattr(have.spec, field.name)}))


def _replace(
    kind: Kind,
    have: Resource,
    want: Resource,
    cx: Context,
    fields: tuple[FieldChange, ...],
    cause: Cause,
    note: str,
) -> Difference:
    after = [act for field in kind.fields for act in field.fill(want, cx)]
    if kind.after_replace is not None:
        after += kind.after_replace(have, want, cx)
    return Difference(
        want.address,
        "replace",
        cause,
        have,
        want,
        fields,
        before=_teardown(kind, have, cx),
        delete=kind.deletion(have, cx),
        create=kind.creation(_without_aws_tags(want), cx),
        after=tuple(after),
        origin=want.origin,
        note=note,
    )


def _without_aws_tags(want: Resource) -> Resource:
    """The resource as it can be created: AWS sets its own tags itself and refuses them from anybody else."""
    tags = getattr(want.spec, "tags", ())
    kept = tuple((key, value) for key, value in tags if not key.casefold().startswith("aws:"))
    return want if kept == tags else replace(want, spec=replace(want.spec, tags=kept))


def _teardown(kind: Kind, have: Resource, cx: Context) -> tuple[Act, ...]:
    first = list(kind.before_delete(have, cx)) if kind.before_delete is not None else []
    return (*first, *(act for field in kind.fields for act in field.teardown(have, cx)))


def _once(acts: Iterable[Act]) -> tuple[Act, ...]:
    """Equal calls of two fields are one call (UpdateRole carries two)."""
    out: list[Act] = []
    for act in acts:
        if not any(act.call == known.call for known in out):
            out.append(act)
    return tuple(out)


def _differs(field: Field, have: Resource, want: Resource) -> bool:
    return bool(getattr(have.spec, field.name) != getattr(want.spec, field.name))


def _field_changes(
    kind: Kind,
    have: Resource | None,
    want: Resource | None,
    cause: Any,
    ended: Resource | None = None,
    base: Resource | None = None,
) -> Iterable[FieldChange]:
    for field in kind.fields:
        before = getattr(have.spec, field.name) if have else field.default
        after = getattr(want.spec, field.name) if want else field.default
        if before == after or (want is None and before == field.default):
            continue
        known_before = have is not None and before is not None
        known_after = want is not None and after is not None
        added, removed = _members(field, before if have else field.default, after if want else field.default)
        over = _members(field, before, getattr(ended.spec, field.name))[1] if ended is not None else ()
        yield FieldChange(
            field.name,
            cause(field),
            _shown(field, before) if known_before else None,
            _shown(field, after) if known_after else None,
            added,
            removed,
            tuple(item for item in removed if item in over),
            _as_before(field, base, after, (*added, *removed)),
        )


def _as_before(field: Field, base: Resource | None, after: Any, items: Iterable[Any]) -> tuple[Any, ...]:
    """The members of which an older revision said what is declared now, so that it was somebody else who moved them."""
    if base is None:
        return ()
    declared = _members(field, getattr(base.spec, field.name), after)
    return tuple(item for item in items if item not in declared[0] and item not in declared[1])


def _shown(field: Field, value: Any) -> Any:
    if field.form == "references":
        return sorted({item.removesuffix(REPLACED) for item in value})
    return value_to_json(field, value)


def _members(field: Field, before: Any, after: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """What joins and what leaves a field that is a set or a table."""
    if field.form in ("references", "names"):
        have, want = set(before or ()), set(after or ())
        gone = sorted(item.removesuffix(REPLACED) for item in have - want)
        return tuple(sorted(want - have)), tuple(gone)
    if field.form in ("tags", "documents"):
        old, new = dict(before or ()), dict(after or ())
        added = sorted(key for key in new if old.get(key) != new[key])
        return tuple(added), tuple(sorted(old.keys() - new.keys()))
    return (), ()


def mark_replaced(live: State, replaced: Mapping[str, Address], everywhere: tuple[str, ...], desired: State) -> State:
    """The live side with attachments of policies that will be replaced told apart from the new ones.

    Replacing a policy means taking it off every holder and putting the new one back, even where the
    ARN stays the same. A holder whose declaration ignores the attachment is left as it is; the
    guards name it.
    """
    if not replaced:
        return live
    made = {}
    for resource in live:
        want = desired.get(resource.address)
        held = getattr(resource.spec, "managed_policies", ())
        if want is not None and any(item in replaced for item in held):
            changed = tuple(
                f"{item}{REPLACED}"
                if item in replaced and not ignored(want, "managed_policies", item, everywhere, live.account_id)
                else item
                for item in held
            )
            resource = replace(resource, spec=replace(resource.spec, managed_policies=tuple(sorted(changed))))
        made[resource.address] = resource
    return replace(live, resources=made)
