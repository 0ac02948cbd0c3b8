"""Who may become whom and who holds what, before a plan and after it, as one graph: what a report draws."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from iamsync import arn
from iamsync.engine.permitted import documents
from iamsync.engine.planning import Planned
from iamsync.engine.project import Project
from iamsync.model import Address, State
from iamsync.planner import questions
from iamsync.planner.permissions import Permissions
from iamsync.planner.projected import made

Node = dict[str, Any]
Edge = dict[str, Any]
_Graph = tuple[dict[str, Node], dict[tuple[str, str, str], Edge]]


def picture(project: Project, planned: Sequence[Planned], *, reality: bool = False) -> dict[str, Any]:
    """The graph of all accounts of a run, as JSON values.

    A node or edge is marked `added` or `removed` where it is on one side of the plan alone: by the plan, or as drift
    sees it (`reality`), where what is there and not declared was added. `declared` is None for whoever is not of these
    accounts. Asks for the documents of AWS's policies in use, which decide who may assume what.
    """
    before, after, desired = [], [], {}
    for item in planned:
        found = item.compared
        chosen = {change.address for change in item.plan.changes}
        live = found.settled.live
        will = made(live, [difference for difference in found.differences if difference.address in chosen])
        known = documents(project, item.reached, live) | documents(project, item.reached, will)
        organization = item.reached.account.organization
        before.append(Permissions(live, known, organization=organization))
        after.append(Permissions(will, known, organization=organization))
        desired[item.live.account_id] = item.desired
    names = {item.plan.account_id: item.plan.account_name for item in planned}
    old, new = _graph(before, desired, names), _graph(after, desired, names)
    return _document(names, *((new, old) if reality else (old, new)))


def _document(names: Mapping[str, str], old: _Graph, new: _Graph) -> dict[str, Any]:
    return {
        "accounts": [{"account": name, "id": account_id} for account_id, name in names.items()],
        "nodes": list(_marked(old[0], new[0])),
        "edges": list(_marked(old[1], new[1])),
    }


def standing(
    held: Sequence[Permissions], names: Mapping[str, str], declared: Mapping[str, State] | None = None
) -> dict[str, Any]:
    """The graph of some accounts as they are, as JSON values; `names` are what they are called, by id.

    Nothing in it is marked. `declared` are the states of their manifests, where there are any.
    """
    known = {one.state.account_id: State(one.state.account_id) for one in held} | dict(declared or {})
    seen = _graph(held, known, names)
    return _document(names, seen, seen)


def _marked(old: Mapping[Any, dict[str, Any]], new: Mapping[Any, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for key in sorted({*old, *new}):
        mark = "" if key in old and key in new else "added" if key in new else "removed"
        yield {**(new.get(key) or old[key]), "mark": mark}


def _graph(held: Sequence[Permissions], desired: Mapping[str, State], names: Mapping[str, str]) -> _Graph:
    nodes: dict[str, Node] = {}
    edges: dict[tuple[str, str, str], Edge] = {}
    who = questions.graph(held)
    owners = {permissions.state.account_id: permissions for permissions in held}
    for node in who.nodes:
        permissions = owners.get(node.account) if node.kind in ("user", "group", "role") else None
        if permissions is None:
            nodes[node.id] = _node(node.id, node.kind, node.name, node.account, names)
        else:
            nodes[node.id] = _own(permissions, Address(node.kind, node.name), desired, names)
    for edge in who.edges:
        edges[edge.source, edge.target, edge.kind] = _edge(edge.source, edge.target, edge.kind, edge.certain, edge.note)
    for permissions in held:
        for policy, told in _policies(permissions, desired, names):
            nodes.setdefault(policy, told)
        for resource in permissions.state:
            if resource.address.kind in ("user", "group", "role"):
                source = permissions.arn(resource)
                for kind, targets in _attached(resource.spec):
                    edges.update({(source, target, kind): _edge(source, target, kind) for target in targets})
    return nodes, edges


def _attached(spec: Any) -> Iterable[tuple[str, tuple[str, ...]]]:
    yield "holds", tuple(spec.managed_policies)
    boundary = getattr(spec, "permissions_boundary", None)
    yield "boundary", (boundary,) if boundary else ()


def _policies(
    permissions: Permissions, desired: Mapping[str, State], names: Mapping[str, str]
) -> Iterator[tuple[str, Node]]:
    """The account's own policies, and those of others that somebody holds."""
    account = permissions.state.account_id
    for resource in permissions.state:
        if resource.address.kind == "policy":
            yield permissions.arn(resource), _own(permissions, resource.address, desired, names)
    for resource in permissions.state:
        if resource.address.kind in ("user", "group", "role"):
            for _, targets in _attached(resource.spec):
                for target in targets:
                    yield target, _node(target, "policy", arn.short(target, account), "", names)


def _own(permissions: Permissions, address: Address, desired: Mapping[str, State], names: Mapping[str, str]) -> Node:
    account = permissions.state.account_id
    resource = permissions.state.resources[address]
    node = _node(permissions.arn(resource), address.kind, address.name, account, names)
    inline = len(getattr(resource.spec, "inline_policies", ()))
    return {**node, "address": str(address), "declared": desired[account].get(address) is not None, "inline": inline}


def _node(node_id: str, kind: str, name: str, account: str, names: Mapping[str, str]) -> Node:
    known = {"id": node_id, "kind": kind, "name": name, "account": account or None}
    return {**known, "account_name": names.get(account), "address": None, "declared": None, "inline": 0}


def _edge(source: str, target: str, kind: str, certain: bool = True, note: str = "") -> Edge:
    return {"source": source, "target": target, "kind": kind, "certain": certain, "note": note or None}
