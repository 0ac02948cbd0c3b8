"""Steps back from a saved plan, which is never trusted by itself.

`saved` only takes it apart, `verify` compares it with a plan made afresh from the manifests at hand and the
account as it is now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from iamsync.errors import InputError, Place, StalePlan
from iamsync.kinds import KINDS, codec
from iamsync.kinds.codec import canonical_value, value_from_json
from iamsync.kinds.keyrules import CREDENTIALS
from iamsync.kinds.operations import OF_CREDENTIALS, OPERATIONS, WAIT
from iamsync.model import Address, Plan, State, Step
from iamsync.planner.planfile import FORMAT_VERSION
from iamsync.planner.settle import Settled, settle
from iamsync.planner.strayed import astray, lost_ours
from iamsync.strictjson import misfit, read_object

_SHOWN: Final = ("Add", "Attach", "Create", "Put", "Set", "Update")


@dataclass(frozen=True, slots=True)
class Saved:
    """What a saved plan says of one account: enough to tell whether it is still the plan."""

    account_id: str
    account_name: str
    approval: str
    steps: tuple[tuple[str, str], ...]  # operation and canonical parameters; no waits
    addresses: frozenset[Address]
    prior: Mapping[Address, Any]
    goals: Mapping[Address, Mapping[str, Any] | None]  # the fields it changes, as they are to be; None: deleted
    replaced: frozenset[Address] = frozenset()
    valid_until: str | None = None


class Edited(ValueError):
    """A plan that does not go with itself; its text begins with the part that is of another plan."""


def saved(text: str, file: str, *, shown: bool = False) -> tuple[Saved, ...]:
    """The plans in a plan file; InputError where it is none, or of a format this version cannot read.

    With `shown` it is only looked at, and may be one of `keys` or `respond`, which are never applied from a file.
    """
    hint = "make one with: iamsync plan --out plan.json"
    value = read_object(text, file, "plan file", code="bad-plan-file", hint=hint)
    major = str(value.get("format_version", "")).partition(".")[0]
    if major != FORMAT_VERSION.partition(".")[0]:
        raise InputError(
            f"this plan file is of format {value.get('format_version')!r}; this iamsync reads {FORMAT_VERSION}",
            code="bad-plan-file",
            place=Place(file),
            hint="make a new plan with this version",
        )
    try:
        if not shown and any(_of_credentials(item) for item in value["plans"]):
            raise InputError(
                "this plan is about keys and passwords, which apply never touches",
                code="bad-plan-file",
                place=Place(file),
                hint="run the command that made it; after a review: iamsync keys rotate --approved sha256:...",
            )
        return tuple(read_saved(item, shown=shown) for item in value["plans"])
    except Edited as error:
        raise _edited(f"its {error}", Place(file)) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"this plan file is damaged: {misfit(error)}",
            code="bad-plan-file",
            place=Place(file),
            hint="make a new plan; a plan file is not meant to be edited",
        ) from error


def read_saved(item: Mapping[str, Any], *, shown: bool = False) -> Saved:
    """One account's part of a plan document; KeyError, TypeError or ValueError where it is damaged."""
    about_keys = shown and _of_credentials(item)
    known = OPERATIONS | {WAIT} | (OF_CREDENTIALS if about_keys else frozenset())
    strange = sorted({str(step["operation"]) for step in item["steps"]} - known)
    if strange:
        raise Edited(f"steps hold {strange[0][:60]}, an operation that no change needs")
    listed = sorted(str(step) for change in item["changes"] for step in change["steps"])
    if listed != sorted(str(step["id"]) for step in item["steps"] if step["operation"] != WAIT):
        raise Edited("steps are not those of its changes")
    digests = item["digests"]["approval"], item["digests"]["read_set"]
    # What the digest of a plan about keys is made of the plan does not hold whole: it is never applied from here.
    if not about_keys and digests != (approval_of(item), codec.digest(item["prior"])):
        raise Edited("digests are not those of its changes, steps and prior")
    return Saved(
        account_id=str(item["account"]["id"]),
        account_name=str(item["account"]["name"]),
        approval=str(item["digests"]["approval"]),
        steps=tuple(
            (str(step["operation"]), _params(step["params"])) for step in item["steps"] if step["operation"] != WAIT
        ),
        addresses=frozenset(Address.parse(change["address"]) for change in item["changes"]),
        prior={Address.parse(name): _seen(Address.parse(name), spec) for name, spec in item["prior"].items()},
        goals={Address.parse(change["address"]): _goal(change) for change in item["changes"]},
        replaced=frozenset(
            Address.parse(change["address"]) for change in item["changes"] if change["action"] == "replace"
        ),
        valid_until=_moment(item.get("valid_until")),
    )


def approval_of(item: Mapping[str, Any]) -> str:
    """The digest that a reviewer of exactly these changes and steps approved, made anew (`plan.approval`)."""
    partition = str(item["account"]["partition"])
    changes = []
    for change in item["changes"]:
        kind = KINDS[Address.parse(change["address"]).kind]
        sides: dict[str, dict[str, Any] | None] = {}
        for name, absent in (("before", "create"), ("after", "delete")):
            told = [(kind.field(held["field"]), held[name]) for held in change["fields"]]
            sides[name] = None
            if change["action"] != absent:
                sides[name] = {
                    field.name: canonical_value(field, value_from_json(field, value, partition))
                    for field, value in told
                }
        changes.append({"address": change["address"], "action": change["action"], **sides})
    steps = [[step["operation"], step["params"]] for step in item["steps"]]
    return codec.digest({"account": item["account"]["id"], "changes": changes, "steps": steps})


def _of_credentials(item: Mapping[str, Any]) -> bool:
    """Whether a plan does what only `keys` and `respond` do."""
    return any(field["field"] in CREDENTIALS for change in item["changes"] for field in change["fields"])


def _goal(change: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if change["action"] == "delete":
        return None
    kind = KINDS[Address.parse(change["address"]).kind]
    fields = (item for item in change["fields"] if item["field"] not in CREDENTIALS)
    return {kind.field(item["field"]).name: item["after"] for item in fields}


def _seen(address: Address, spec: Any) -> Any:
    """What a resource was, canonically; Edited where that is no resource of its kind."""
    held = isinstance(spec, Mapping) and address.kind in KINDS and _fields(address) <= spec.keys()
    if spec is not None and not held:
        raise Edited(f"prior has no {address} as iamsync reads one")
    return spec


def _fields(address: Address) -> set[str]:
    return {field.name for field in KINDS[address.kind].fields}


def _moment(text: Any) -> str | None:
    if text is not None and not isinstance(text, str):
        raise TypeError("valid_until")
    return text


def _params(params: Mapping[str, Any]) -> str:
    if not isinstance(params, Mapping):
        raise TypeError("params")
    return codec.canonical_bytes(dict(params)).decode()


def _key(step: Step) -> tuple[str, str]:
    return step.operation, _params(step.params)


def verify(old: Saved, fresh: Plan, live: State, desired: State, ignore: Iterable[str] = ()) -> Plan:
    """The part of the fresh plan that the saved one covers, if that is still what was reviewed.

    The fresh plan may lack steps whose effect is live by now. Everything else must be as it was: no
    step that the saved plan does not hold, the same goal, and nothing in its read set changed by
    others. `ignore` is what the settings leave to others. StalePlan lists what differs; InputError
    where the saved plan's own digest is of other steps.
    """
    if old.valid_until is not None and fresh.now >= old.valid_until:
        raise StalePlan(
            f"the plan was valid until {old.valid_until}, when something it is about was over",
            hint="make a new plan, have it reviewed, apply that",
            difference=(f"now: {fresh.now}",),
        )
    known = set(old.steps)
    mine, loose = _restricted(fresh, old.addresses)
    calls = [step for step in mine.steps if step.operation != WAIT]
    difference = [f"+ {step.operation} {_params(step.params)}" for step in calls if _key(step) not in known]
    difference += loose
    foreseen = fresh.approval == old.approval
    if foreseen and sorted(old.steps) != sorted(_key(step) for step in fresh.steps if step.operation != WAIT):
        raise _edited("its steps are not those that its digest was made of")
    # Compared as the plan compared: under new names, with what follows a rename, ignored fields taken over.
    settled = settle(desired, live, ignore)
    if not foreseen and not difference:
        difference += _other_goals(old, fresh, settled)
    if not difference:
        moved = False
        for address, before in old.prior.items():
            ours = address in old.addresses
            if foreseen and ours:
                continue  # the digest says so
            have, want = settled.live.get(address), settled.desired.get(address)
            found = live.get(address)
            current = codec.canonical(have) if have is not None else None
            goal = codec.canonical(want) if want is not None else None
            moved = moved or (codec.canonical(found) if found is not None else None) != before
            try:
                difference += [f"~ {address} {name}".rstrip() for name in _strayed(before, current, goal, address, old)]
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise _edited(f"its prior has no {address} as iamsync reads one") from error
        done = known - {_key(step) for step in calls}
        other = not done and len(mine.steps) == len(fresh.steps)
        if not (foreseen or moved) and (other or any(_shows(*step) for step in done)):
            raise _edited("its steps do not lead from what it saw to what it wants")
    if difference:
        raise StalePlan(
            "the plan is no longer what would be done now",
            hint="make a new plan, have it reviewed, apply that",
            difference=tuple(sorted(difference)),
        )
    return mine


def _shows(operation: str, params: str) -> bool:
    """Whether the read set shows that a call was made: what gives is compared; some of what takes away is not."""
    return operation.startswith(_SHOWN) and '"New' not in params  # a renamed resource is looked up by its new name


def _edited(why: str, place: Place | None = None) -> InputError:
    hint = "make a new plan; a plan file is not meant to be edited"
    return InputError(f"this plan was edited: {why}", code="bad-plan-file", place=place, hint=hint)


def _other_goals(old: Saved, fresh: Plan, settled: Settled) -> Iterable[str]:
    """What the manifests no longer want as it was reviewed: a step may be missing only because it was done."""
    deleted = {change.address for change in fresh.changes if change.action == "delete"}
    for address, goal in old.goals.items():
        want = settled.desired.get(address)
        if goal is None:
            if address not in deleted and settled.live.get(address) is not None:
                yield f"- delete {address}"
            continue
        if want is None:
            yield f"- {address} is no longer declared"
            continue
        for name, value in goal.items():
            field = KINDS[address.kind].field(name)
            now = getattr(want.spec, name)
            then = value_from_json(field, value, fresh.partition) if value is not None else None
            if now != then:
                yield f"~ {address} {name} is declared otherwise now"


def _restricted(plan: Plan, addresses: frozenset[Address]) -> tuple[Plan, list[str]]:
    """The plan's changes at these addresses alone, and in words the steps that would wait for others."""
    keep = {step.id for step in plan.steps if step.address in addresses}
    waits = {s.id: s for s in plan.steps if s.address is None}
    needed = {before for s in plan.steps if s.id in keep for before in s.after if before in waits}
    keep |= {wait for wait in needed if any(before in keep for before in waits[wait].after)}
    # A pause of no length stands for those that it waits for.
    instead = {wait: step.after for wait, step in waits.items() if not step.params["seconds"]}
    awaited = {far for s in plan.steps if s.id in keep for before in s.after for far in instead.get(before, (before,))}
    awaited -= keep
    loose = sorted({f"+ {s.address} would have to change first" for s in plan.steps if s.id in awaited and s.address})
    steps = tuple(
        replace(step, after=tuple(before for before in step.after if before in keep))
        for step in plan.steps
        if step.id in keep
    )
    changes = tuple(change for change in plan.changes if change.address in addresses)
    # What a guard says of another resource is no business of this plan.
    guards = tuple(found for found in plan.guards if found.address is None or found.address in addresses)
    return replace(plan, steps=steps, changes=changes, guards=guards), loose


def _strayed(before: Any, current: Any, goal: Any, address: Address, old: Saved) -> Iterable[str]:
    """The fields whose live value is neither what the plan saw nor, where it is ours, on the way to its goal."""
    if current == before:
        return
    if address not in old.addresses:
        yield "was changed since the plan was made"
        return
    if current is None:
        return  # taken away by the plan's own deletion, or not there yet
    sides = [side for side in (before, goal) if side is not None]
    for name, value in current.items():
        trusting = name == "trust_policy" and before is not None
        if trusting and lost_ours(before[name], value, old.addresses, old.account_id):
            continue
        field, known = KINDS[address.kind].field(name), [side[name] for side in sides]
        if astray(field, value, known, again=old.replaced, in_part=address in old.replaced):
            yield name
