"""Which act waits for which: the edges of a plan's graph, and its steps in order.

Three sources of edges. Existence: a resource is created before it is used and freed before it is
deleted. Continuity (`continuity`): what gives comes before what takes, principal by principal.
Quotas: where everything does not fit at once, just enough is taken off first. A ring of roles that
trust each other is broken by a placeholder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Final

from iamsync import arn
from iamsync.kinds.fields import REPLACED
from iamsync.kinds.kind import Act, Context, Phase
from iamsync.model import Address, Call, Finding, Step
from iamsync.planner.compare import Difference
from iamsync.planner.concern import Concern
from iamsync.planner.continuity import keep
from iamsync.planner.graph import Graph
from iamsync.planner.links import swaps
from iamsync.planner.room import make_room
from iamsync.policy.ending import NOBODY

TRUSTED: Final = frozenset({"user", "role", "oidc_provider", "saml_provider"})


def order(
    differences: Iterable[Difference],
    concern: Concern,
    cx: Context,
    *,
    settle: int = 0,
    quotas: Mapping[str, int] | None = None,
    opened: frozenset[Address] = frozenset(),
) -> tuple[tuple[Step, ...], tuple[Finding, ...]]:
    """The steps of these differences, numbered in an order that is always right to follow.

    With findings for what no order of these calls can keep up while they are made.
    `opened` are roles that are created with a placeholder, since what they trust is made in another account later.
    `settle` is the pause in seconds between a principal's grants and its revocations. InputError
    where resources need each other in a ring that nothing can break.
    """
    graph = Graph()
    found: list[Finding] = []
    for difference in differences:
        _life(graph, difference, concern)
    for address in sorted(opened & graph.created.keys()):
        _open(graph, address)
    _rings(graph, cx)
    _existence(graph, cx)
    for difference in differences:
        _succession(graph, difference, cx)
        found += make_room(graph, difference, quotas or {})
        swaps(graph, difference)
    found += keep(graph, concern, settle)
    return graph.numbered(), tuple(found)


def target(item: str, act: Act, cx: Context) -> Address | None:
    """The resource of this account that an act needs or frees under this name; None for anybody else's."""
    parsed = arn.parse(item)
    if parsed is not None:
        return parsed.address if parsed.account == cx.account_id else None
    return Address("group", item) if act.field == "groups" else None


def named(act: Act, cx: Context) -> Iterable[Address]:
    """The users, roles and identity providers of this account that an act's trust policy names."""
    for name in act.names:
        parsed = arn.parse(name)
        if parsed is not None and parsed.account == cx.account_id and parsed.kind in TRUSTED:
            yield parsed.address


def _life(graph: Graph, difference: Difference, concern: Concern) -> None:
    """One resource's own acts: rename, teardown, delete, create, all the rest."""
    address = difference.address
    start: list[int] = []
    if difference.rename is not None:
        graph.renamed[address] = graph.add(difference.rename)
        start = [graph.renamed[address]]
    teardown = [graph.add(concern.refined(act)) for act in difference.before]
    for first, second in pairwise(teardown):
        if graph.acts[second].call.operation == "DeleteVirtualMFADevice":
            graph.waits[second].add(first)  # it must be nobody's first
    if difference.action == "replace":
        graph.replaced.add(address)
        graph.forced.update(teardown)
    if difference.delete is not None:
        graph.deleted[address] = graph.add(difference.delete, *teardown)
        start = [graph.deleted[address]]
    if difference.create is not None:
        graph.created[address] = graph.add(difference.create, *start)
        start = [graph.created[address]]
    previous: dict[str, int] = {}
    for act in difference.after:
        number = graph.add(concern.refined(act), *start)
        if act.field == "path":
            graph.moved[address] = number
        if act.item.endswith(REPLACED):
            graph.forced.add(number)
        # A stored version makes room for the new one, a tag taken off for the next.
        # A profile holds one role: the old one leaves before the new one joins.
        chain = "versions" if act.field == "document" else act.field
        if chain in ("versions", "tags", "role"):
            if chain in previous:
                graph.waits[number].add(previous[chain])
            previous[chain] = number


def _rings(graph: Graph, cx: Context) -> None:
    """Roles that are created trusting each other: the smallest of each ring starts with a placeholder."""
    edges = {
        address: sorted({name for name in named(graph.acts[number], cx) if name in graph.created})
        for address, number in graph.created.items()
    }
    done: set[Address] = set()
    for root in sorted(edges):
        while root not in done and (ring := _ring(root, edges, done)):
            address = min(ring)
            edges[address] = []
            _open(graph, address)


def _open(graph: Graph, address: Address) -> None:
    """A role that is created trusting nobody, and a second step that gives it its trust policy."""
    number = graph.created[address]
    act = graph.acts[number]
    params = dict(act.call.params)
    document = params["AssumeRolePolicyDocument"]
    params["AssumeRolePolicyDocument"] = NOBODY
    graph.acts[number] = replace(act, call=Call(act.call.operation, params), names=())
    call = Call("UpdateAssumeRolePolicy", {"RoleName": address.name, "PolicyDocument": document})
    graph.add(Act(address, Phase.DENY_OFF, "grant", "trust_policy", "", call, names=act.names), number)


def _ring(root: Address, edges: Mapping[Address, list[Address]], done: set[Address]) -> list[Address]:
    """The addresses of one ring that is reached from here, or nothing; what leads to none joins `done`."""
    path: list[Address] = []
    on_path: set[Address] = set()
    stack: list[tuple[Address, int]] = [(root, 0)]
    while stack:
        address, at = stack.pop()
        if at == 0:
            if address in done:
                continue
            path.append(address)
            on_path.add(address)
        if at < len(edges[address]):
            stack.append((address, at + 1))
            following = edges[address][at]
            if following in on_path:
                return path[path.index(following) :]
            stack.append((following, 0))
        else:
            path.pop()
            on_path.discard(address)
            done.add(address)
    return []


def _existence(graph: Graph, cx: Context) -> None:
    """Who uses waits for who is created; who is deleted waits until everyone has let go."""
    for number, act in enumerate(graph.acts):
        before: set[int | None] = set()
        for item in act.needs:
            if (used := target(item, act, cx)) is not None:
                before |= {graph.created.get(used), graph.renamed.get(used)}
        for used in named(act, cx):  # an ARN holds name and path
            before |= {graph.created.get(used), graph.renamed.get(used), graph.moved.get(used)}
        for item in act.frees:
            freed = target(item, act, cx)
            if freed is None:
                continue
            if freed.kind == "group":
                before.add(graph.renamed.get(freed))  # the call says the new name
            deletion = graph.deleted.get(freed)
            if deletion is None or deletion == number:
                continue
            if freed in graph.replaced:
                # A trust policy that stops naming a principal is saved before the principal goes: afterwards
                # AWS would show its bare id there. A replaced principal comes back, and is waited for instead.
                # A boundary cannot be let go of before the new one exists: that plan is refused (boundary-replace).
                bounds = act.field == "permissions_boundary" or act.phase is Phase.DELETE
                if (freed.kind in ("user", "role") and act.field != "role") or bounds:
                    continue
                graph.forced.add(number)  # whoever holds it lets go at once, or nothing could be put back
            graph.waits[deletion].add(number)
        graph.waits[number].update(n for n in before if n is not None and n != number)


def _succession(graph: Graph, difference: Difference, cx: Context) -> None:
    """What was moved to a new name goes when all of the new one is there: if that fails, the old one stays."""
    if difference.successor is None:
        return
    ahead = graph.of.get(difference.successor, [])
    mine = graph.of[difference.address]
    # A replaced policy cannot come back before everyone let go of it, and the successor may need it back.
    hasty = {n for n in mine if any(target(item, graph.acts[n], cx) in graph.replaced for item in graph.acts[n].frees)}
    for number in mine:
        if number not in hasty:
            graph.waits[number].update(ahead)
