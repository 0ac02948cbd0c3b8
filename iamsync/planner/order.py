"""Which act waits for which: the graph of a plan, and its steps in order.

Three sources of edges. Existence: a resource is created before it is used and freed before it is
deleted. Continuity: for each principal, denials go on first, then grants, then edits that do both,
then revocations, and denials come off last. Quotas: where everything does not fit at once, just
enough is taken off first. A ring of roles that trust each other is broken by a placeholder.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from iamsync import arn
from iamsync.errors import InputError
from iamsync.kinds import KINDS
from iamsync.kinds.fields import REPLACED, Documents, Members
from iamsync.kinds.kind import Act, Context, Phase
from iamsync.model import Address, Call, Step
from iamsync.planner.compare import Difference
from iamsync.planner.concern import Concern
from iamsync.policy.document import compact

# Trust nobody for a moment: what a role of a ring is created with before its partners exist.
PLACEHOLDER: Final = compact(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
)
_RANKS: Final = {Phase.DENY_ON: 0, Phase.GRANT: 1, Phase.MIXED: 2, Phase.REVOKE: 3, Phase.DENY_OFF: 4}
_LAST_GRANT: Final = 1
_KIND_ORDER: Final = {"policy": 0, "group": 1, "user": 2, "role": 3}


@dataclass(slots=True)
class _Graph:
    """Acts by number and what each waits for; a wait step is an act without a call of AWS."""

    acts: list[Act] = field(default_factory=list)
    waits: list[set[int]] = field(default_factory=list)
    forced: set[int] = field(default_factory=set)
    created: dict[Address, int] = field(default_factory=dict)
    deleted: dict[Address, int] = field(default_factory=dict)
    ready: dict[Address, list[int]] = field(default_factory=lambda: defaultdict(list))
    replaced: set[Address] = field(default_factory=set)

    def add(self, act: Act, *after: int) -> int:
        self.acts.append(act)
        self.waits.append(set(after))
        return len(self.acts) - 1


def order(
    differences: Iterable[Difference],
    concern: Concern,
    cx: Context,
    *,
    settle: int = 0,
    quotas: Mapping[str, int] | None = None,
) -> tuple[Step, ...]:
    """The steps of these differences, numbered in an order that is always right to follow.

    `settle` is the pause in seconds between a principal's grants and its revocations. InputError
    where resources need each other in a ring that nothing can break.
    """
    graph = _Graph()
    for difference in differences:
        _life(graph, difference, concern)
    _rings(graph, cx)
    _existence(graph, cx)
    for difference in differences:
        _room(graph, difference, quotas or {})
    _continuity(graph, concern, settle)
    return _numbered(graph)


def _life(graph: _Graph, difference: Difference, concern: Concern) -> None:
    """One resource's own acts: rename, teardown, delete, create, all the rest."""
    replacing = difference.action == "replace"
    start: list[int] = []
    if difference.rename is not None:
        number = graph.add(difference.rename)
        graph.ready[difference.address].append(number)
        start = [number]
    teardown = []
    for act in difference.before:
        number = graph.add(concern.refined(act))
        teardown.append(number)
        if replacing:
            graph.forced.add(number)
    if difference.delete is not None:
        number = graph.add(difference.delete, *teardown)
        graph.deleted[difference.address] = number
        start = [number]
        if replacing:
            graph.replaced.add(difference.address)
    if difference.create is not None:
        number = graph.add(difference.create, *start)
        graph.created[difference.address] = number
        graph.ready[difference.address].append(number)
        start = [number]
    versions: list[int] = []
    for act in difference.after:
        number = graph.add(concern.refined(act), *start)
        if act.field == "path":
            graph.ready[difference.address].append(number)
        if act.item.endswith(REPLACED):
            graph.forced.add(number)
        if act.field in ("versions", "tags"):
            graph.waits[number].update(versions)
            versions.append(number)
        elif act.field == "document":
            graph.waits[number].update(versions)


def _rings(graph: _Graph, cx: Context) -> None:
    """Roles that are created trusting each other: the smallest of each ring starts with a placeholder."""
    while ring := _ring(graph, cx):
        address = min(ring)
        number = graph.created[address]
        act = graph.acts[number]
        params = dict(act.call.params)
        document = params["AssumeRolePolicyDocument"]
        params["AssumeRolePolicyDocument"] = PLACEHOLDER
        graph.acts[number] = replace(act, call=Call(act.call.operation, params), names=())
        call = Call("UpdateAssumeRolePolicy", {"RoleName": address.name, "PolicyDocument": document})
        late = Act(address, Phase.GRANT, "grant", "trust_policy", "", call, names=act.names)
        graph.add(late, number)


def _ring(graph: _Graph, cx: Context) -> list[Address]:
    """The addresses of one ring among creations, or nothing; depth first, in sorted order."""
    edges = {
        address: sorted(
            {named for named in _named(graph.acts[number].names, cx) if named in graph.created},
        )
        for address, number in graph.created.items()
    }
    done: set[Address] = set()
    for root in sorted(edges):
        if root in done:
            continue
        path: list[Address] = []
        on_path: set[Address] = set()
        stack: list[tuple[Address, int]] = [(root, 0)]
        while stack:
            address, at = stack.pop()
            if at == 0:
                path.append(address)
                on_path.add(address)
            if at < len(edges[address]):
                stack.append((address, at + 1))
                following = edges[address][at]
                if following in on_path:
                    return path[path.index(following) :]
                if following not in done:
                    stack.append((following, 0))
            else:
                path.pop()
                on_path.discard(address)
                done.add(address)
    return []


def _named(names: Iterable[str], cx: Context) -> Iterable[Address]:
    for name in names:
        parsed = arn.parse(name)
        if parsed is not None and parsed.account == cx.account_id and parsed.kind in ("user", "role"):
            yield parsed.address


def _existence(graph: _Graph, cx: Context) -> None:
    """Who uses waits for who is created; who is deleted waits until everyone has let go."""
    for number, act in enumerate(graph.acts):
        for item in act.needs:
            for ready in graph.ready.get(_target(item, act), ()):
                if ready != number:
                    graph.waits[number].add(ready)
        for address in _named(act.names, cx):
            graph.waits[number].update(ready for ready in graph.ready.get(address, ()) if ready != number)
        for item in act.frees:
            target = _target(item, act)
            deletion = graph.deleted.get(target)
            if deletion is None or deletion == number:
                continue
            # A trust policy that stops naming a principal is saved before the principal goes: afterwards
            # AWS would show its bare id there. A replaced principal comes back, and is waited for instead.
            # A boundary cannot be let go of before the new one exists: that plan is refused (boundary-replace).
            if target in graph.replaced and (target.kind in ("user", "role") or act.field == "permissions_boundary"):
                continue
            graph.waits[deletion].add(number)


def _target(item: str, act: Act) -> Address:
    parsed = arn.parse(item)
    if parsed is not None:
        return parsed.address if parsed.account != "aws" else Address("aws", item)
    return Address("group" if act.field == "groups" else "instance_profile", item)


def _room(graph: _Graph, difference: Difference, quotas: Mapping[str, int]) -> None:
    """At a quota, just enough is taken off first: one off, one on, as often as needed."""
    if difference.action != "update" or difference.have is None or difference.want is None:
        return
    numbers = [n for n, act in enumerate(graph.acts) if act.address == difference.address]
    for shape in KINDS[difference.address.kind].fields:
        quota = quotas.get(getattr(shape, "quota", "") if isinstance(shape, (Members, Documents)) else "")
        if quota is None:
            continue
        mine = [n for n in numbers if graph.acts[n].field == shape.name]
        if isinstance(shape, Members):
            _interleave(graph, mine, len(getattr(difference.have.spec, shape.name)), quota)
        elif isinstance(shape, Documents):
            _shrink_first(graph, mine, difference, quota)


def _interleave(graph: _Graph, numbers: list[int], held: int, quota: int) -> None:
    forced_off = [n for n in numbers if n in graph.forced]
    on = sorted(
        (n for n in numbers if graph.acts[n].call.operation.startswith(("Attach", "Add"))),
        key=lambda n: (graph.acts[n].phase, n),
    )
    off = sorted((n for n in numbers if n not in on and n not in forced_off), key=lambda n: (graph.acts[n].phase, n))
    room = quota - held + len(forced_off)
    early = min(max(len(on) - room, 0), len(off))
    late = on[len(on) - early :]
    previous = on[: len(on) - early]
    for removal, addition in zip(off, late, strict=False):
        graph.forced.add(removal)
        graph.waits[removal].update(previous)
        graph.waits[addition].add(removal)
        previous = [addition]
    if len(on) > quota - held:
        for addition in on:
            graph.waits[addition].update(forced_off)


def _shrink_first(graph: _Graph, numbers: list[int], difference: Difference, quota: int) -> None:
    """Inline documents share one quota: when old and new do not fit together, the smaller state comes first."""
    assert difference.have is not None
    assert difference.want is not None
    have, want = dict(difference.have.spec.inline_policies), dict(difference.want.spec.inline_policies)
    peak = sum(
        max(have[name].size if name in have else 0, want[name].size if name in want else 0) for name in have | want
    )
    if peak <= quota:
        return

    def growth(number: int) -> tuple[int, int]:
        name = graph.acts[number].item
        before = have[name].size if name in have else 0
        return (want[name].size if name in want else 0) - before, number

    previous: int | None = None
    for number in sorted(numbers, key=growth):
        graph.forced.add(number)
        if previous is not None:
            graph.waits[number].add(previous)
        previous = number


def _continuity(graph: _Graph, concern: Concern, settle: int) -> None:
    """For each principal: what gives before what takes, with a pause in between where both happen."""
    layers: dict[Address, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    concerned: dict[int, frozenset[Address]] = {}
    for number, act in enumerate(graph.acts):
        rank = _RANKS.get(act.phase)
        if rank is None or number in graph.forced:
            continue
        concerned[number] = concern.of(act)
        for principal in concerned[number]:
            layers[principal][rank].append(number)
    pauses: dict[frozenset[int], int] = {}
    for number in sorted(concerned):
        rank = _RANKS[graph.acts[number].phase]
        gives: set[int] = set()
        for principal in concerned[number]:
            lower = [at for at in layers[principal] if at < rank]
            if not lower:
                continue
            if settle and rank > _LAST_GRANT:
                gives.update(n for at in lower if at <= _LAST_GRANT for n in layers[principal][at])
                takes = [at for at in lower if at > _LAST_GRANT]
                if takes:
                    graph.waits[number].update(layers[principal][max(takes)])
            else:
                graph.waits[number].update(layers[principal][max(lower)])
        if gives:
            key = frozenset(gives)
            if key not in pauses:
                call = Call("wait", {"seconds": settle})
                address = min(graph.acts[n].address for n in key)
                pauses[key] = graph.add(Act(address, Phase.MIXED, "neutral", "", "", call), *key)
            graph.waits[number].add(pauses[key])


def _numbered(graph: _Graph) -> tuple[Step, ...]:
    """Steps in topological order, ties broken by phase and address, so that equal plans are equal bytes."""
    following: dict[int, list[int]] = defaultdict(list)
    open_waits = [len(waits) for waits in graph.waits]
    for number, waits in enumerate(graph.waits):
        for before in waits:
            following[before].append(number)

    def key(number: int) -> tuple[int, int, Address, str, str, str, int]:
        act = graph.acts[number]
        kind = _KIND_ORDER.get(act.address.kind, 9)
        # Deletions run the other way round: who uses goes before what is used.
        kind = -kind if act.phase is Phase.DELETE else kind
        return (act.phase, kind, act.address, act.field, act.item, act.call.operation, number)

    heap = [key(number) for number, count in enumerate(open_waits) if not count]
    heapq.heapify(heap)
    ids: dict[int, str] = {}
    sequence: list[int] = []
    while heap:
        number = heapq.heappop(heap)[-1]
        ids[number] = f"s{len(ids) + 1}"
        sequence.append(number)
        for after in following[number]:
            open_waits[after] -= 1
            if not open_waits[after]:
                heapq.heappush(heap, key(after))
    if len(sequence) != len(graph.acts):
        stuck = sorted({str(graph.acts[n].address) for n, count in enumerate(open_waits) if count})
        raise InputError(
            f"these resources wait for each other in a ring: {' -> '.join([*stuck, stuck[0]])}",
            code="dependency-ring",
            hint="take one of them out of the manifests, apply, and put it back",
        )
    return tuple(_step(graph, number, ids) for number in sequence)


def _step(graph: _Graph, number: int, ids: Mapping[int, str]) -> Step:
    act = graph.acts[number]
    after = sorted((ids[n] for n in graph.waits[number]), key=lambda step: int(step[1:]))
    if act.call.operation == "wait":
        return Step(ids[number], None, act.call, act.effect, tuple(after))
    touches = {act.address}
    if act.field == "groups":
        touches.add(Address("group", act.item))
    return Step(ids[number], act.address, act.call, act.effect, tuple(after), tuple(sorted(touches)))
