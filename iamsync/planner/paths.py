"""Paths to administrator: who is one, and who becomes one in how many steps, by which permissions.

The rules of `policy.escalation` are decided over effective permissions and joined: each principal's own changes
forwards, to a bounded depth, then from the administrators backwards through whoever comes to act as them. A path
that hangs on a condition, or on what IAM does not tell, is told as such.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from heapq import heappop, heappush
from itertools import count
from typing import Any, Final

from iamsync.model import Address
from iamsync.planner.means import Means
from iamsync.planner.permissions import Permissions
from iamsync.planner.ways import CHANGING, Way, ways
from iamsync.policy.administrator import CONDITIONAL, SURE, UNKNOWN, Standing, administrator
from iamsync.policy.escalation import RULES, Effect, Rule
from iamsync.policy.evaluate import Source

# By these a person who is there to help gets in; running code as a passed role is no way in.
BY_HAND: Final[frozenset[Effect]] = frozenset(
    ("granted", "reverted", "joined", "unbound", "freed", "becomes", "makes", "creates")
)
_ALL: Final[frozenset[Effect]] = frozenset(rule.effect for rule in RULES)
# How many changes in a row are followed, and how many states of the account are looked at for one principal beyond
# those that a single change makes.
DEEPEST: Final = 3
MOST: Final = 200
_SHARED: Final = ("group", "policy")
_FAR: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path: by which rule, at whom, by which statements, and how surely; `by` is a chosen policy."""

    rule: Rule
    at: str
    held: Standing
    by: str = ""

    def __str__(self) -> str:
        actions = ", ".join(need.action for need in self.rule.needs)
        via = f", by {'; '.join(self.held.via)}" if self.held.via else ""
        at = ", ".join(filter(None, (self.at, self.by)))
        return f"{self.rule.title}{f' ({at})' if at else ''}: {actions}{via} [{self.rule.id}]"


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


@dataclass(frozen=True, slots=True)
class _Turn:
    """Where a principal is after some changes: as whom it acts, what everybody may do then, what has changed.

    `end` says that it is administrator there.
    """

    steps: tuple[Step, ...]
    actor: Address
    means: Means
    changed: Mapping[Address, Any]
    end: Standing | None

    @property
    def certainty(self) -> int:
        return min((SURE, *(step.held.certainty for step in self.steps)))


@dataclass(slots=True)
class _Search:
    """The turns of one principal as far as anybody asked for them."""

    rest: Iterator[_Turn]
    found: list[_Turn] = field(default_factory=list)

    def __iter__(self) -> Iterator[_Turn]:
        at = 0
        while True:
            if at == len(self.found):
                if (turn := next(self.rest, None)) is None:
                    return
                self.found.append(turn)
            yield self.found[at]
            at += 1


class Paths:
    """Every principal's shortest surest path to administrator in one state, by the rules of these effects."""

    def __init__(self, permissions: Permissions, effects: Collection[Effect] = _ALL) -> None:
        self.permissions = permissions
        state = permissions.state
        self.account, self.partition = state.account_id, state.partition
        self._means = Means(permissions, effects)
        self._who = tuple(a for a in permissions.principals() if not permissions.principal(a).service_linked)
        self._edges: dict[tuple[Address, Address], tuple[tuple[Step, ...], ...]] = {}
        self._searches: dict[Address, _Search] = {}
        self._admins: dict[Address, Standing | None] = {}
        self._own: dict[Address, tuple[Path, ...]] = {}
        self._found: dict[Address, Path] | None = None
        self._cut: set[Address] = set()

    def of(self, who: Address) -> Path | None:
        """The path of a principal, None where it has none or does not exist."""
        return self.all().get(who)

    def leads(self, who: Address) -> bool:
        """Whether a principal has a path, however uncertain: what `of` tells, without looking at everybody."""
        seen, onward = {who}, [who] if who in self._who else []
        while onward:
            one = onward.pop()
            if self.administrator(one) is not None or self._alone(one):
                return True
            for target in self._who:
                if target not in seen and self._edge(one, target):
                    seen.add(target)
                    onward.append(target)
        return False

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

    @property
    def cut(self) -> frozenset[Address]:
        """Who may have a path, or a surer one, that was not looked for: more would follow than is looked at."""
        found = self.all()
        return frozenset(who for who in self._cut if who not in found or found[who].certainty < SURE)

    def _close(self, found: dict[Address, Path], tier: int) -> None:
        """Find whoever gets there by steps that are at least this sure, the nearest first."""
        heap: list[tuple[int, Address, int, Path]] = []
        order = count()
        shortest: dict[Address, int] = {}

        def reached(who: Address, path: Path) -> None:
            shortest[who] = min(len(path.steps), shortest.get(who, len(path.steps)))
            heappush(heap, (len(path.steps), who, next(order), path))

        for who, path in found.items():
            reached(who, path)
        for who in self._who:
            if who in found:
                continue
            if (held := self.administrator(who)) is not None and held.certainty >= tier:
                reached(who, Path((), str(who), held))
            elif (own := next((path for path in self._alone(who) if path.certainty >= tier), None)) is not None:
                reached(who, own)
        settled: set[Address] = set()
        while heap:
            _, target, _, onward = heappop(heap)
            if target in settled:
                continue
            settled.add(target)
            found.setdefault(target, onward)
            for who in self._who:
                # By way of somebody else it takes a step more: an administrator is not asked whom it can become.
                if who != target and who not in found and shortest.get(who, _FAR) > len(onward.steps) + 1:
                    for steps in self._edge(who, target):
                        if min(step.held.certainty for step in steps) >= tier:
                            reached(who, replace(onward, steps=(*steps, *onward.steps)))
                            break

    # -- without another principal that has a path ---------------------------------------------------------------

    def _alone(self, who: Address) -> tuple[Path, ...]:
        """The paths that need nobody who is administrator already, the surest first."""
        if who not in self._own:
            found: list[Path] = []
            for turn in self._turns(who):
                if turn.steps:
                    found += self._arrived(turn)
                if found and found[-1].certainty == SURE:
                    break  # the rest could only be as good
            self._own[who] = tuple(sorted(found, key=lambda path: (-path.certainty, len(path.steps))))
        return self._own[who]

    def _arrived(self, turn: _Turn) -> Iterator[Path]:
        """Whoever a turn makes administrator: its actor, or one that the same change is about and that lets it in."""
        known = self.permissions.resource(turn.actor) is not None
        if turn.end is not None:
            yield Path(turn.steps, str(turn.actor) if known else f"the new {turn.actor.kind}", turn.end)
            return
        shared = (address for address in turn.changed if known and address.kind in _SHARED)
        for target in sorted({holder for address in shared for holder in self._holders.get(address, ())}):
            end = turn.means.ends(target) if target != turn.actor else None
            if end is not None and (acting := self._acting(turn.actor, target, turn.means)):
                yield Path((*turn.steps, *acting), str(target), end)

    @cached_property
    def _holders(self) -> Mapping[Address, tuple[Address, ...]]:
        """Who holds each group and each policy of the account, or is bounded by it."""
        found: dict[Address, list[Address]] = defaultdict(list)
        for who in self._who:
            spec = self._means.spec(who)
            for name in getattr(spec, "groups", ()):
                found[Address("group", name)].append(who)
                group = self._means.spec(Address("group", name))
                for policy in self._policies(group.managed_policies if group is not None else ()):
                    found[policy].append(who)
            for policy in self._policies((*spec.managed_policies, spec.permissions_boundary)):
                found[policy].append(who)
        return {address: tuple(held) for address, held in found.items()}

    def _policies(self, attached: Iterable[str | None]) -> Iterator[Address]:
        found = (self.permissions.named(text) for text in attached if text is not None)
        return (resource.address for resource in found if resource is not None)

    def _turns(self, who: Address) -> _Search:
        if who not in self._searches:
            self._searches[who] = _Search(self._explored(who))
        return self._searches[who]

    def _explored(self, who: Address) -> Iterator[_Turn]:
        """The principal as it is, then after one change, after two: wherever its own means take it."""
        first = _Turn((), who, self._means, {}, self._means.ends(who))
        yield first
        best = UNKNOWN - 1 if first.end is None else first.end.certainty
        if best == SURE:
            return
        level, further = [first], 0
        deepest: list[_Turn] = []
        seen: set[Hashable] = set()
        while level:
            following: list[_Turn] = []
            for turn, way in self._in_turn(level):
                if min(turn.certainty, way.held.certainty) <= best:
                    continue  # it is there already, as surely and in no more steps
                after = _after(turn, way)
                if (sight := _sight(after)) in seen:
                    continue
                if turn.steps:
                    if further >= MOST:
                        self._cut.add(who)
                        return
                    further += 1
                seen.add(sight)
                yield after
                if after.end is not None:
                    best = max(best, min(after.certainty, after.end.certainty))
                else:
                    (following if len(after.steps) < DEEPEST else deepest).append(after)
            level = following
        if best < SURE and self._goes_on(deepest, seen, best):
            self._cut.add(who)

    def _goes_on(self, deepest: Iterable[_Turn], seen: Collection[Hashable], best: int) -> bool:
        """Whether one change more would come to an account that was not looked at, more surely than what is known."""
        return any(
            min(turn.certainty, way.held.certainty) > best and _sight(_after(turn, way)) not in seen
            for turn, way in self._in_turn(deepest)
        )

    def _in_turn(self, level: Iterable[_Turn]) -> Iterator[tuple[_Turn, Way]]:
        """The ways on from these turns, one of each after the other: none uses up what is looked at for all."""
        running = deque((turn, ways(turn.means, turn.actor, self._who)) for turn in level)
        while running:
            turn, rest = running.popleft()
            if (way := next(rest, None)) is not None:
                yield turn, way
                running.append((turn, rest))

    # -- through another principal -------------------------------------------------------------------------------

    def _edge(self, who: Address, target: Address) -> tuple[tuple[Step, ...], ...]:
        """The steps by which one principal comes to act as another: the fewest first, each surer than those before."""
        key = (who, target)
        if key not in self._edges:
            found: list[tuple[Step, ...]] = []
            best = UNKNOWN - 1
            enough = min((len(path.steps) for path in self._alone(who) if path.certainty == SURE), default=None)
            for turn in self._turns(who):
                if best == SURE or (enough is not None and len(turn.steps) + 1 >= enough):
                    break
                if turn.certainty > best and turn.actor != target:
                    acting = self._acting(turn.actor, target, turn.means)
                    certainty = min((step.held.certainty for step in acting), default=UNKNOWN - 1)
                    if min(certainty, turn.certainty) > best:
                        best = min(certainty, turn.certainty)
                        found.append((*turn.steps, *acting))
            self._edges[key] = tuple(found)
        return self._edges[key]

    def _acting(self, who: Address, target: Address, means: Means) -> tuple[Step, ...]:
        """The surest step by which one principal comes to act as another; none where there is none."""
        best: Step | None = None
        for rule in means.open_to(who, target.kind):
            held = means.holds(who, rule, target)
            if held is not None and (best is None or held.certainty > best.held.certainty):
                best = Step(rule, str(target), held)
        return () if best is None else (best,)


def _after(turn: _Turn, way: Way) -> _Turn:
    means = turn.means.changed(way.changed)
    steps = (*turn.steps, Step(way.rule, way.at, way.held, way.by))
    changed = {**turn.changed, way.changed.address: way.changed.spec}
    return _Turn(steps, way.actor, means, changed, means.ends(way.actor))


def _sight(turn: _Turn) -> Hashable:
    """What decides all that is further on from here: equal turns need no second look."""
    held = turn.means.permissions.holdings(turn.actor)
    documents = frozenset(one.document if isinstance(one, Source) else one for one in held.identity)
    limit = held.boundary.document if isinstance(held.boundary, Source) else held.boundary
    # Which groups and policies it holds only matters to whoever may change those.
    changing = turn.means.may_any(turn.actor, CHANGING)
    return turn.actor, turn.certainty, documents, limit, changing and frozenset(turn.changed.items())
