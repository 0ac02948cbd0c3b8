"""The picture of who may become whom: a layered layout of its own, and the same as lists for those who do not look.

Columns from left to right: whoever comes from outside, users, groups, roles, policies. A picture of more than
`MOST` nodes would be a cloud; then what the plan changes is drawn with its neighbours, or nothing, and the page's
search draws the neighbourhood of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from iamsync import arn
from iamsync.render.inert import safe
from iamsync.render.page import Link, Links, Row, Tone
from iamsync.render.words import cells, count

Json = Mapping[str, Any]
Anchors = Mapping[tuple[str, str], str]

MOST: Final = 240
MOST_EDGES: Final = 1_500
COLUMNS: Final = ("Outside", "Users", "Groups", "Roles", "Policies")
_COLUMN: Final = {"user": 1, "group": 2, "role": 3, "policy": 4}
_SWEEPS: Final = 6
_ROW, _TOP, _GAP, _CELL, _PAD = 28, 34, 84, 7.3, 10
_LONGEST: Final = 36
_MOST_LINKS: Final = 12
_TONES: Final[dict[str, Tone]] = {"added": "create", "removed": "delete", "changed": "update", "found": "warn"}
_STATES: Final = {"added": "created", "removed": "deleted", "changed": "changed", "found": "found"}
_ACTIONS: Final = {"added": "create", "removed": "delete", "changed": "update"}
# How an edge reads from its source, and from its target.
_WORDS: Final = {
    "member": ("Member of", "Members"),
    "assume": ("May assume", "May be assumed by"),
    "holds": ("Holds", "Held by"),
    "boundary": ("Limited by", "Limits"),
}


@dataclass(frozen=True, slots=True)
class Marks:
    """What a picture marks, in the words of its page.

    `touched` is the state of a node that the page has a row of, `drawn` what is drawn of a picture that is too large,
    `row` what the way to the row is called; `legend` tells what is on one side alone, empty where there is one side.
    `acts` says that the filter of actions knows the states.
    """

    touched: str
    drawn: str
    row: str
    legend: tuple[str, ...] = ()
    acts: bool = False


OF_PLAN: Final = Marks("changed", "what this plan changes", "Change", ("new by this plan", "gone by this plan"), True)


@dataclass(frozen=True, slots=True)
class Spot:
    """A node where it is drawn: its middle left, its width, and what it is called there."""

    number: int
    x: int
    y: int
    width: int
    text: str
    told: str
    tone: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Curve:
    """An edge as the path that draws it."""

    path: str
    kind: str
    mark: str
    certain: bool
    source: int
    target: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """Nodes and edges at their places, in units of a pixel; `heads` are the columns' names and where they begin."""

    width: int
    height: int
    heads: tuple[tuple[int, str], ...]
    spots: tuple[Spot, ...]
    curves: tuple[Curve, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """The graph's rows as the page needs them; `drawing` is None where only the search draws."""

    nodes: tuple[Json, ...]
    edges: tuple[tuple[int, int, Json], ...]
    labels: tuple[str, ...]
    states: tuple[str, ...]
    drawing: Drawing | None
    words: str
    marks: Marks

    @classmethod
    def of(cls, graph: Json, anchors: Anchors, marks: Marks = OF_PLAN) -> Picture:
        """The picture of a graph document, with what `anchors` says that the page has a row of."""
        nodes = tuple(sorted(graph["nodes"], key=lambda node: (_COLUMN.get(node["kind"], 9), node["name"], node["id"])))
        number = {node["id"]: at for at, node in enumerate(nodes)}
        edges = tuple((number[edge["source"]], number[edge["target"]], edge) for edge in graph["edges"])
        names = {account["id"]: account["account"] for account in graph["accounts"]}
        labels = tuple(_label(node, names) for node in nodes)
        states = tuple(_state(node, anchors, marks) for node in nodes)
        chosen, words = _chosen(nodes, edges, states, marks)
        drawing = _drawing(chosen, nodes, edges, labels, states) if chosen else None
        return cls(nodes, edges, labels, states, drawing, words, marks)

    @property
    def data(self) -> Any:
        """What the page's script draws neighbourhoods from: rows, with texts made harmless."""
        return {
            "nodes": [
                [_COLUMN.get(node["kind"], 0), safe(node["kind"]), safe(label), state]
                for node, label, state in zip(self.nodes, self.labels, self.states, strict=True)
            ],
            "edges": [
                [source, target, edge["kind"], int(edge["certain"]), edge["mark"], safe(edge["note"] or "")]
                for source, target, edge in self.edges
            ],
            "words": {kind: words[0].lower() for kind, words in _WORDS.items()},
        }


def inventory(picture: Picture, anchors: Anchors) -> tuple[Row, ...]:
    """Every node as a row that leads to those it is connected with."""
    out: list[dict[str, list[int]]] = [{} for _ in picture.nodes]
    for source, target, edge in picture.edges:
        there, back = _WORDS[edge["kind"]]
        if edge["mark"] == "removed":
            there, back = f"{there} (no longer)", f"{back} (no longer)"
        elif not edge["certain"]:
            there, back = f"{there} (under conditions)", f"{back} (under conditions)"
        out[source].setdefault(there, []).append(target)
        out[target].setdefault(back, []).append(source)
    return tuple(_row(picture, at, held, anchors) for at, held in enumerate(out))


def _row(picture: Picture, at: int, held: Mapping[str, Sequence[int]], anchors: Anchors) -> Row:
    node, state = picture.nodes[at], picture.states[at]
    change = anchors.get((node["account"] or "", node["address"] or ""), "")
    links = [Links(picture.marks.row, (Link(node["address"], change),))] if change else []
    for label, numbers in held.items():
        shown = tuple(Link(picture.labels[other], f"i{other}") for other in numbers[:_MOST_LINKS])
        links.append(Links(label, shown, max(0, len(numbers) - _MOST_LINKS)))
    facets = {"kind": (node["kind"],), "account": (node["account_name"],) if node["account_name"] else ()}
    if picture.marks.acts and state in _ACTIONS:
        facets["action"] = (_ACTIONS[state],)
    inline = node.get("inline") or 0
    about = [f"{inline} inline {'policy' if inline == 1 else 'policies'}"] if inline else []
    return Row(
        f"i{at}",
        _TONES.get(state, "plain"),
        _STATES.get(state, state or "unchanged"),
        node["address"] or f"{node['kind']} {picture.labels[at]}",
        ", ".join([*about, *([] if node["address"] else [node["id"]] if node["id"] != picture.labels[at] else [])]),
        facets=facets,
        links=tuple(links),
    )


def _label(node: Json, accounts: Mapping[str, str]) -> str:
    """A node's name as it is drawn; the account with it where several are in the picture."""
    name = str(node["name"])
    if name.startswith("arn:"):
        name = arn.short(name, node["account"] or "")
        name = name.rpartition(":")[2] if name.startswith("arn:") else name
        name = name.removeprefix("oidc-provider/").removeprefix("saml-provider/")
    if node["account"] in accounts and len(accounts) > 1:
        name = f"{name} ({accounts[node['account']]})"
    return name


def _state(node: Json, anchors: Anchors, marks: Marks) -> str:
    if node["mark"]:
        return str(node["mark"])
    if node["address"] and (node["account"], node["address"]) in anchors:
        return marks.touched
    return "outside" if node["declared"] is None else "" if node["declared"] else "not declared"


def _chosen(
    nodes: Sequence[Json], edges: Sequence[tuple[int, int, Json]], states: Sequence[str], marks: Marks
) -> tuple[list[int], str]:
    """The nodes to draw, and what is to be said about those that are not."""
    touched = {end for source, target, _ in edges for end in (source, target)}
    if not touched:
        return [], "Nobody here is in a group, holds a policy or may assume a role."
    if len(touched) <= MOST and len(edges) <= MOST_EDGES:
        alone = len(nodes) - len(touched)
        left = f" {count(alone, 'resource')} with no connection: in the inventory alone." if alone else ""
        return sorted(touched), f"{count(len(touched), 'node')}, {count(len(edges), 'connection')}.{left}"
    size = f"Too large to draw whole: {len(nodes):,} nodes and {len(edges):,} connections."
    search = "Search for one to see its neighbourhood."
    changed = {at for at, state in enumerate(states) if state in _STATES}
    near = {
        end
        for source, target, edge in edges
        if edge["mark"] or source in changed or target in changed
        for end in (source, target)
    }
    inside = [1 for source, target, _ in edges if source in near and target in near]
    if near and len(near) <= MOST and len(inside) <= MOST_EDGES:
        return sorted(near), f"{size} Drawn is {marks.drawn}, with its neighbours. {search}"
    return [], f"{size} {search}"


def _drawing(
    chosen: Sequence[int],
    nodes: Sequence[Json],
    edges: Sequence[tuple[int, int, Json]],
    labels: Sequence[str],
    states: Sequence[str],
) -> Drawing:
    columns = [[at for at in chosen if _COLUMN.get(nodes[at]["kind"], 0) == column] for column in range(len(COLUMNS))]
    held = set(chosen)
    drawn = [edge for edge in edges if edge[0] in held and edge[1] in held]
    columns = _ordered(columns, [(source, target) for source, target, _ in drawn])
    high = max(len(column) for column in columns) * _ROW
    texts = {at: _cut(safe(labels[at])) for at in chosen}
    place: dict[int, tuple[int, int, int]] = {}
    heads = []
    x = _PAD
    for column, name in zip(columns, COLUMNS, strict=True):
        if not column:
            continue
        width = round(max(cells(texts[at]) for at in column) * _CELL) + 2 * _PAD
        heads.append((x, name))
        step = min(2.2 * _ROW, high / len(column))
        first = _TOP + (high - step * len(column)) / 2 + step / 2
        for slot, at in enumerate(column):
            place[at] = x, round(first + slot * step), width
        x += width + _GAP
    spots = tuple(
        Spot(
            at, *place[at], texts[at], f"{nodes[at]['kind']} {safe(labels[at])}", states[at].replace(" ", "-"), f"i{at}"
        )
        for column in columns
        for at in column
    )
    curves = tuple(
        Curve(_path(place[source], place[target]), edge["kind"], edge["mark"], edge["certain"], source, target)
        for source, target, edge in drawn
    )
    return Drawing(x - _GAP + 5 * _PAD, high + _TOP + _PAD, tuple(heads), spots, curves)


def _ordered(columns: Sequence[Sequence[int]], edges: Iterable[tuple[int, int]]) -> list[list[int]]:
    """The columns, each by the mean place of its neighbours, a few times over: fewer lines cross."""
    near: dict[int, list[int]] = {}
    column_of = {at: number for number, column in enumerate(columns) for at in column}
    for source, target in edges:
        if column_of[source] != column_of[target]:
            near.setdefault(source, []).append(target)
            near.setdefault(target, []).append(source)
    ordered = [list(column) for column in columns]
    share = _shares(ordered)
    for sweep in range(_SWEEPS):
        for column in ordered if sweep % 2 == 0 else reversed(ordered):
            mean = {at: sum(share[n] for n in near[at]) / len(near[at]) if at in near else share[at] for at in column}
            column.sort(key=lambda at: (mean[at], at))
            share.update(_shares([column]))
    return ordered


def _shares(columns: Iterable[Sequence[int]]) -> dict[int, float]:
    """How far down in its column each node stands, from 0 to 1."""
    return {at: (slot + 0.5) / len(column) for column in columns for slot, at in enumerate(column)}


def _path(source: tuple[int, int, int], target: tuple[int, int, int]) -> str:
    """From the right side of one to the left side of the other; within a column round its right side."""
    x1, y1, x2, y2 = source[0] + source[2], source[1], target[0], target[1]
    if source[0] == target[0]:
        x2 = target[0] + target[2]
        bend = min(90, 24 + abs(y2 - y1) // 4)
        return f"M{x1} {y1}C{x1 + bend} {y1} {x2 + bend} {y2} {x2 + 4} {y2}"
    bend = max(40, (x2 - x1) // 2)
    return f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2 - 4} {y2}"


def _cut(text: str) -> str:
    """A name short enough to be drawn, without its middle where it is too long."""
    if cells(text) <= _LONGEST:
        return text
    half = _LONGEST // 2
    return f"{text[: half - 1]}…{text[-half:]}"
