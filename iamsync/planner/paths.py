"""Paths to administrator: who is one, and who becomes one in how many steps, by which permissions.

The rules of `policy.escalation` are decided over effective permissions and joined, from the
administrators backwards. A path that hangs on a condition, or on what IAM does not tell, is told as such.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from iamsync.model import Address
from iamsync.planner.means import SELF, Means
from iamsync.planner.permissions import Permissions
from iamsync.policy.administrator import (
    CONDITIONAL,
    EVERYTHING,
    SURE,
    UNKNOWN,
    Standing,
    administrator,
)
from iamsync.policy.escalation import RULES, Effect, Rule

# By these a person who is there to help gets in; running code as a passed role is no way in.
BY_HAND: Final[frozenset[Effect]] = frozenset(
    ("granted", "reverted", "joined", "unbound", "becomes", "makes", "creates")
)
_ALL: Final[frozenset[Effect]] = frozenset(rule.effect for rule in RULES)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path: by which rule, at whom, by which statements, and how surely."""

    rule: Rule
    at: str
    held: Standing

    def __str__(self) -> str:
        actions = ", ".join(need.action for need in self.rule.needs)
        via = f", by {'; '.join(self.held.via)}" if self.held.via else ""
        at = f" ({self.at})" if self.at else ""
        return f"{self.rule.title}{at}: {actions}{via} [{self.rule.id}]"


@dataclass(frozen=True, slots=True)
class Path:
    """How a principal comes to be administrator; `end` is who is one in the end, `by` why."""

    steps: tuple[Step, ...]
    end: str
    by: Standing

    @property
    def certainty(self) -> int:
        return min((self.by.certainty, *(step.held.certainty for step in self.steps)))

    @property
    def doubts(self) -> tuple[str, ...]:
        """Everything that the path hangs on."""
        return tuple(dict.fromkeys(d for one in (*(s.held for s in self.steps), self.by) for d in one.doubts))

    def lines(self) -> tuple[str, ...]:
        """The path for a person, a line a step, and what it hangs on."""
        out = [f"{number}. {step}" for number, step in enumerate(self.steps, start=1)]
        via = f" by {'; '.join(self.by.via)}" if self.by.via else ""
        out.append(f"{self.end} is administrator{via}")
        out += [f"only if: {doubt}" for doubt in self.doubts[:3]]
        return tuple(out)


class Paths:
    """Every principal's shortest surest path to administrator in one state, by the rules of these effects."""

    def __init__(self, permissions: Permissions, effects: Collection[Effect] = _ALL) -> None:
        self.permissions = permissions
        state = permissions.state
        self.account, self.partition = state.account_id, state.partition
        self._effects = effects
        self._means = Means(permissions, effects)
        self._who = tuple(a for a in permissions.principals() if not permissions.principal(a).service_linked)
        self._edges: dict[tuple[Address, Address], tuple[Step, ...]] = {}
        self._next: dict[Address, tuple[tuple[Step, Means], ...]] = {}
        self._admins: dict[Address, Standing | None] = {}
        self._own: dict[Address, tuple[Path, ...]] = {}
        self._found: dict[Address, Path] | None = None

    def of(self, who: Address) -> Path | None:
        """The path of a principal, None where it has none or does not exist."""
        return self.all().get(who)

    def administrator(self, who: Address) -> Standing | None:
        """Whether this principal is an administrator without a step."""
        if who not in self._admins:
            held = self.permissions.holdings(who)
            self._admins[who] = administrator(self.permissions.principal(who), held, self.account, self.partition)
        return self._admins[who]

    def all(self) -> Mapping[Address, Path]:
        """The paths of all who have one: surer ones first, and among them those of fewer steps."""
        if self._found is None:
            self._found = {}
            for tier in (SURE, CONDITIONAL, UNKNOWN):
                self._close(self._found, tier)
        return self._found

    def _close(self, found: dict[Address, Path], tier: int) -> None:
        """Find whoever gets there by steps that are at least this sure."""
        for who in self._who:
            if who not in found and (held := self.administrator(who)) is not None and held.certainty >= tier:
                found[who] = Path((), str(who), held)
        queue = sorted(found, key=lambda who: (len(found[who].steps), who))
        queue += self._selves(found, tier)
        for target in queue:
            for who in self._who:
                if who == target or who in found:
                    continue
                steps = self._edge(who, target)
                if steps and min(step.held.certainty for step in steps) >= tier:
                    onward = found[target]
                    found[who] = replace(onward, steps=(*steps, *onward.steps))
                    queue.append(who)

    def _selves(self, found: dict[Address, Path], tier: int) -> Iterator[Address]:
        for who in self._who:
            if who not in found:
                path = next((path for path in self._alone(who) if path.certainty >= tier), None)
                if path is not None:
                    found[who] = path
                    yield who

    # -- without another principal that has a path ---------------------------------------------------------------

    def _alone(self, who: Address) -> tuple[Path, ...]:
        """The paths that need nobody who is administrator already, the surest first."""
        if who not in self._own:
            found: list[Path] = []
            for path in self._by_itself(who):
                found.append(path)
                if path.certainty == SURE:
                    break  # the rest could only be as good
            self._own[who] = tuple(sorted(found, key=lambda path: (-path.certainty, len(path.steps))))
        return self._own[who]

    def _by_itself(self, who: Address) -> Iterator[Path]:
        holdings = self.permissions.holdings(who)
        unbound = replace(holdings, boundary=None)
        steps = [
            (rule, Step(rule, way.at, way.held), way)
            for rule in self._means.own_rules
            for way in self._means.steps(who, rule)
        ]
        freeing = [step for rule, step, _ in steps if rule.effect == "unbound"]
        for step in freeing[:1]:
            if (end := self._means.ends(who, unbound)) is not None:
                yield Path((step,), str(who), end)
        for rule, step, way in steps:
            if rule.effect == "creates":
                yield Path((step,), f"the new {rule.target}", step.held)
            elif rule.effect in SELF:
                if (end := self._means.ends(who, holdings, *way.more)) is not None:
                    yield Path((step,), str(who), end)
                elif freeing and (end := self._means.ends(who, unbound, *way.more)) is not None:
                    yield Path((freeing[0], step), str(who), end)
        yield from self._makes(who, self._means)
        for first, means in self._beyond(who):
            yield from (replace(path, steps=(first, *path.steps)) for path in self._after(who, means))

    def _beyond(self, who: Address) -> tuple[tuple[Step, Means], ...]:
        """The first steps that change what a principal holds, each with what it has the means for then."""
        if who not in self._next:
            self._next[who] = tuple(
                (Step(rule, way.at, way.held), Means(self.permissions.changed(way.changed), self._effects))
                for rule in self._means.own_rules
                for way in self._means.steps(who, rule)
                if way.changed is not None and (way.more or rule.effect == "unbound")
            )
        return self._next[who]

    def _after(self, who: Address, means: Means) -> Iterator[Path]:
        """The paths of one more step, by what a first one gave."""
        for rule in means.own_rules:
            for way in means.steps(who, rule) if rule.effect in ("granted", "creates") else ():
                step = Step(rule, way.at, way.held)
                if rule.effect == "creates":
                    yield Path((step,), f"the new {rule.target}", step.held)
                elif (end := means.ends(who, means.permissions.holdings(who), EVERYTHING)) is not None:
                    yield Path((step,), str(who), end)
        yield from self._makes(who, means)

    # -- through another principal -------------------------------------------------------------------------------

    def _edge(self, who: Address, target: Address) -> tuple[Step, ...]:
        """The surest step by which one principal comes to act as another, or two of them; none where there is none."""
        key = (who, target)
        if key not in self._edges:
            best = self._acting(who, target, self._means)
            for first, means in self._beyond(who) if not best else ():
                if further := self._acting(who, target, means):
                    best = (first, *further)
                    break
            self._edges[key] = best
        return self._edges[key]

    def _acting(self, who: Address, target: Address, means: Means) -> tuple[Step, ...]:
        best: Step | None = None
        for rule in means.open_to(who, target.kind, makes=False):
            held = means.holds(who, rule, target)
            if held is not None and (best is None or held.certainty > best.held.certainty):
                best = Step(rule, str(target), held)
        return () if best is None else (best,)

    def _makes(self, who: Address, means: Means) -> Iterator[Path]:
        """The paths on which a principal first gives another any permission, and then acts as it."""
        open_to = {kind: means.open_to(who, kind, makes=True) for kind in ("user", "role")}
        for target in self._who if any(open_to.values()) else ():
            for rule in open_to[target.kind] if target != who else ():
                if (held := means.holds(who, rule, target)) is None:
                    continue
                end = means.ends(target, self.permissions.holdings(target), EVERYTHING)
                if end is not None:
                    yield Path((Step(rule, str(target), held),), str(target), end)
