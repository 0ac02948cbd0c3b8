"""Guards over who is administrator after a plan: who comes to be one, who must stay one, whether anybody is left.

Asked of the evaluator, on both sides of the plan (`planner.paths`). What cannot be decided is said to be so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from iamsync.model import Address, Finding, Origin
from iamsync.planner.entrances import Entrances
from iamsync.planner.moving import moves
from iamsync.planner.paths import BY_HAND, DEEPEST, MOST, Path, Paths
from iamsync.planner.permissions import Permissions
from iamsync.planner.situation import Situation, names_of
from iamsync.policy.administrator import CONDITIONAL, SURE, UNKNOWN

# More findings of one kind would hide the others.
_MOST: Final = 20
_SURE: Final = {SURE: "", CONDITIONAL: " (on conditions)", UNKNOWN: " (not certain)"}


def administrators(situation: Situation) -> Iterator[Finding]:
    """Guards about administrators; nothing where no difference moves a permission or a trust."""
    before, after = situation.before, situation.after
    if before is None or after is None or not moves(situation.differences, before.state):
        return
    both = _Both(situation, before, after)
    yield from _break_glass(both)
    yield from _last_admin(both)
    yield from _escalation(both)


class Withdrawal:
    """What a plan that takes keys and passwords and changes nobody's permissions leaves of the administrators.

    `bereft` are the users whose last key or password may go, by name: False where nothing is left to them, None where
    it is not known whether they have a password.
    """

    def __init__(self, permissions: Permissions, bereft: Mapping[str, bool | None]) -> None:
        self._permissions = permissions
        self._bereft = bereft
        self._paths = Paths(permissions, BY_HAND)

    def touches(self) -> bool:
        """Whether any of these users is administrator or can become it, for all that is known."""
        return any(self._paths.leads(Address("user", name)) for name in self._bereft)

    def findings(self, sign_ins: Mapping[str, bool | None]) -> Iterator[Finding]:
        """`last-admin`, asking what would decide it; `sign_ins` as in `State`."""
        if not self.touches():
            return
        had = dict.fromkeys(self._bereft, True)
        gone = {name: False for name, left in self._bereft.items() if left is False}
        keyless = self._bereft.keys() - gone.keys()
        before = Entrances(self._permissions, sign_ins, {}, had)
        after = Entrances(self._permissions, sign_ins, {}, gone, keyless)
        yield from _left(_Side(self._paths, self._permissions, before), _Side(self._paths, self._permissions, after))


@dataclass
class _Both:
    """Both sides of a plan, with their paths to administrator as far as anybody asks."""

    situation: Situation
    before: Permissions
    after: Permissions

    @cached_property
    def was(self) -> Paths:
        return Paths(self.before)

    @cached_property
    def will(self) -> Paths:
        return Paths(self.after)

    @cached_property
    def was_by_hand(self) -> Paths:
        return Paths(self.before, BY_HAND)

    @cached_property
    def will_by_hand(self) -> Paths:
        return Paths(self.after, BY_HAND)

    @cached_property
    def entrances(self) -> Entrances:
        return Entrances(self.before, self.situation.sign_ins, self.old_names)

    @cached_property
    def origins(self) -> Mapping[Address, Origin | None]:
        return {difference.address: difference.origin for difference in self.situation.differences}

    @cached_property
    def old_names(self) -> Mapping[Address, str]:
        """The names under which renamed users are known to whoever wrote a selector."""
        renamed = (d for d in self.situation.differences if d.renamed_from is not None and d.action == "update")
        return {d.address: d.renamed_from for d in renamed if d.renamed_from is not None}


# -- escalation --------------------------------------------------------------------------------------------------------


def _escalation(both: _Both) -> Iterator[Finding]:
    """Principals that come to have a path to administrator, or a surer one than before.

    Whoever lives today and gains one is refused. Those that the plan itself makes are told together: all
    that they may do is in the plan, and a new account needs its administrators.
    """
    made: dict[Address, Path] = {}
    told: list[Finding] = []
    for who, path in both.will.all().items():
        if both.before.resource(who) is None:
            if path.certainty > UNKNOWN:
                made[who] = path
            continue
        old = both.was.of(who)
        if old is None or old.certainty < path.certainty:
            told.append(_risen(who, old, path, both))
    told.sort(key=lambda finding: (finding.severity != "refuse", str(finding.address)))
    yield from told[:_MOST]
    if len(told) > _MOST:
        rest = [finding.address for finding in told[_MOST:] if finding.address is not None]
        grave = any(finding.severity == "refuse" for finding in told[_MOST:])
        yield Finding(
            "escalation",
            "refuse" if grave else "warn",
            f"{len(rest)} more principals would gain a path to administrator",
            evidence=names_of(rest),
            remedy="plan in parts with --target to see each path",
        )
    if made:
        yield Finding(
            "escalation",
            "warn",
            f"{len(made)} of the principals that this plan creates "
            f"{'is' if len(made) == 1 else 'are'} administrator or can become it: {names_of(list(made))}",
            evidence=" | ".join(f"{who}: {'; '.join(path.lines())}" for who, path in sorted(made.items())[:5]),
            remedy="be sure that each of them is meant to be",
        )
    if both.will.cut:
        yield Finding(
            "escalation-untold",
            "medium",
            f"not every path to administrator was followed of {names_of(list(both.will.cut))}",
            evidence=f"what they may change themselves goes on after {DEEPEST} changes, or comes to more than {MOST} "
            "states of the account",
            remedy="let them change less, or fewer of the groups and policies there are; look at the rest by hand",
        )


def _risen(who: Address, old: Path | None, path: Path, both: _Both) -> Finding:
    if not path.steps:
        what = "would become administrator"
    else:
        what = f"would gain a path to administrator in {len(path.steps)} step{'s' if len(path.steps) > 1 else ''}"
    if old is not None:
        what += ", which until now is " + ("not certain" if old.certainty == UNKNOWN else "on conditions")
    undecided = path.certainty == UNKNOWN
    return Finding(
        "escalation",
        "warn" if undecided else "refuse",
        f"{who} {'perhaps ' if undecided else ''}{what}{_SURE[path.certainty] if not undecided else ''}",
        who,
        evidence="; ".join(path.lines()),
        remedy="take out what makes the path, or consent to it",
        origin=_origin(who, path, both),
    )


def _origin(who: Address, path: Path, both: _Both) -> Origin | None:
    """Where the change is written that is closest to the path."""
    for name in (str(who), *(step.at for step in path.steps), path.end):
        for address, origin in both.origins.items():
            if str(address) == name:
                return origin
    return None


# -- break-glass -------------------------------------------------------------------------------------------------------


def _break_glass(both: _Both) -> Iterator[Finding]:
    """The principals that are kept for emergencies must be administrators after the plan as before."""
    selector = both.situation.settings.safety.break_glass
    if not selector:
        return
    found = False
    for who in sorted({*both.before.principals(), *both.after.principals()}):
        if not _selected(who, both):
            continue
        found = True
        yield from _kept(who, both)
    if not found:
        texts = ", ".join(pattern.text for one in (selector, *selector.either) for pattern in one.patterns)
        yield Finding(
            "break-glass",
            "warn",
            f"safety.break_glass selects no user and no role of this account: {texts}",
            remedy="correct the selector, or declare who is meant",
        )


def _selected(who: Address, both: _Both) -> bool:
    selector = both.situation.settings.safety.break_glass
    names = [who]
    if who in both.old_names:
        names.append(Address(who.kind, both.old_names[who]))
    sides = [side for side in (both.before.resource(who), both.after.resource(who)) if side is not None]
    return any(selector(name, side.spec.path, dict(side.spec.tags)) for name in names for side in sides)


def _kept(who: Address, both: _Both) -> Iterator[Finding]:
    old, new = both.was_by_hand.of(who), both.will_by_hand.of(who)
    remedy = "leave it what it has: it is there for when nothing else works"
    origin = both.origins.get(who)
    if both.after.resource(who) is None:
        title = f"{who} is kept for emergencies, and the plan would delete it"
        yield Finding("break-glass", "refuse", title, who, remedy=remedy, origin=origin)
    elif new is None and (old is not None or both.before.resource(who) is None):
        verb = "would no longer be" if old is not None else "would be created without a way to become"
        title = f"{who} is kept for emergencies, and {verb} administrator"
        evidence = f"until now: {'; '.join(old.lines())}" if old is not None else ""
        yield Finding("break-glass", "refuse", title, who, evidence=evidence, remedy=remedy, origin=origin)
    elif new is None:
        title = f"{who} is kept for emergencies, but is no administrator and cannot become it"
        yield Finding("break-glass", "warn", title, who, remedy="give it what it needs, or correct safety.break_glass")
    elif old is not None and new.certainty < old.certainty:
        what = "cannot be decided" if new.certainty == UNKNOWN else "would hang on conditions"
        title = f"{who} is kept for emergencies, and whether it stays administrator {what}"
        yield Finding(
            "break-glass", "refuse", title, who, evidence="; ".join(new.lines()), remedy=remedy, origin=origin
        )


# -- last-admin --------------------------------------------------------------------------------------------------------


@dataclass
class _Side:
    """Who is administrator on one side of a plan, as far as people can act, and whom people can enter there."""

    paths: Paths
    permissions: Permissions
    entrances: Entrances

    @cached_property
    def entered(self) -> dict[Address, tuple[Path, bool | None]]:
        """Everybody with a path whom a person can be, may be, or (False, of users alone) cannot be."""
        found = {who: (path, self.entrances.of(who, self.permissions)) for who, path in self.paths.all().items()}
        return {who: one for who, one in found.items() if who.kind == "user" or one[1]}

    @cached_property
    def sure(self) -> dict[Address, bool | None]:
        """The same of those whose path is certain enough to count."""
        return {who: enters for who, (path, enters) in self.entered.items() if path.certainty > UNKNOWN}


def _last_admin(both: _Both) -> Iterator[Finding]:
    """Some administrator must be left that a person can enter, if one is there and the plan takes from anybody."""
    after = _Side(both.will_by_hand, both.after, both.entrances)
    if not any(after.sure.values()) and _perhaps_lost(both, after.sure):
        yield from _left(_Side(both.was_by_hand, both.before, both.entrances), after)


def _left(before: _Side, after: _Side) -> Iterator[Finding]:
    """`last-admin`, where the first side has an administrator that a person can enter and the second has none.

    A user of whom it is not known whether it can sign in keeps nobody in; what would tell is asked for.
    """
    left, sure = after.entered, after.sure
    if any(sure.values()):
        return
    lost = {
        who: enters
        for who, enters in before.sure.items()
        if enters is not False and (who not in sure or sure[who] != enters)
    }
    if not lost:
        return
    nearest = sorted(sure, key=lambda who: (-left[who][0].certainty, len(left[who][0].steps), who))
    asks = after.entrances.asks(who for who in nearest if sure[who] is None)
    if not asks and not any(lost.values()):
        asks = before.entrances.asks(sorted(lost))
    title = "no administrator would be left that a person can enter"
    perhaps = {who: one for who, one in left.items() if one[1] is not False}
    if perhaps:
        title = "whether an administrator would be left that a person can enter cannot be decided"
    yield Finding(
        "last-admin",
        "refuse",
        title,
        evidence="; ".join(_told_of_last(after, perhaps, [who for who in sure if sure[who] is False], lost)),
        remedy="keep one: a user that can sign in, or a role that a provider or another account may assume",
        asks=asks,
    )


def _perhaps_lost(both: _Both, kept: Collection[Address]) -> bool:
    """Whether anybody may lose what these keep: told by all rules, whose paths are at hand, before fewer are asked."""
    return bool(both.was.cut) or any(
        path.certainty > UNKNOWN and who not in kept and both.entrances.of(who, both.before) is not False
        for who, path in both.was.all().items()
    )


def _told_of_last(
    after: _Side,
    perhaps: Mapping[Address, tuple[Path, bool | None]],
    shut: Sequence[Address],
    lost: Mapping[Address, bool | None],
) -> Iterator[str]:
    """Who was administrator, who may still be and what that hangs on, and who is but cannot sign in."""
    yield f"until now: {names_of(list(lost))}"
    if perhaps:
        yield f"perhaps still: {names_of(list(perhaps))}"
        hanging = [path for path, _ in perhaps.values() if path.certainty == UNKNOWN]
        if hanging:
            yield hanging[0].lines()[-1]
    untold = [who for who, (_, enters) in perhaps.items() if enters is None]
    untold += [] if any(lost.values()) else [who for who in lost if who not in perhaps]
    if untold:
        has = "has" if len(untold) == 1 else "have"
        why = after.entrances.untold(untold)
        yield f"whether {names_of(untold)} {has} a password or an access key that is on is not known: {why}"
    neither = "neither a password nor an access key that is on"
    if taken := [who for who in shut if who in lost]:
        yield f"{names_of(taken)} would have {neither}"
    if shut := [who for who in shut if who not in lost]:
        is_one = len(shut) == 1
        yield f"{names_of(shut)} {'is' if is_one else 'are'} administrator and {'has' if is_one else 'have'} {neither}"
