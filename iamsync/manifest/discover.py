"""`discover:` of the project file: which accounts of the organization are meant, and what holds for them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from iamsync.manifest import values
from iamsync.manifest.hops import Hop, read_chain
from iamsync.manifest.nodes import Listing, Node, Table, made
from iamsync.manifest.problems import Problems
from iamsync.manifest.templates import merged
from iamsync.members import Member, MemberPattern, member_pattern, selected

KEY: Final = "discover"
WAYS: Final = ("assume_role", "profile", "region", "partition")
KEYS: Final = (*WAYS, "through", "include", "exclude", "rules")
RULE: Final = ("match", "labels", "variables", "manifests", "wave", "safety", "default_tags", *WAYS)
# Values of several places that add up; of any other the last one holds.
_TOGETHER: Final = frozenset({"labels", "variables", "safety", "default_tags"})
_ODD: Final = re.compile(r"[^\w.@-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rule:
    """What holds for the accounts that its patterns mean."""

    match: tuple[MemberPattern, ...]
    fields: Table


@dataclass(frozen=True, slots=True)
class Left:
    """An account of the organization that a run is not about, and why."""

    name: str
    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Discover:
    """How accounts are found: `through` are the roles to assume before the organization is asked, `table` the rest."""

    table: Table
    through: tuple[Hop, ...]
    profile: str | None
    region: str | None
    partition: str | None
    include: tuple[MemberPattern, ...]
    rules: tuple[Rule, ...]

    def _asks(self, about: str) -> bool:
        held = (*self.include, *(pattern for rule in self.rules for pattern in rule.match))
        return any(pattern.about == about for pattern in held)

    @property
    def units(self) -> bool:
        """Whether a pattern needs the organizational units."""
        return self._asks("ou")

    @property
    def tags(self) -> bool:
        """Whether a pattern needs the accounts' tags."""
        return self._asks("tag")

    def reason(self, member: Member) -> str:
        """Why an account is left out; empty where it is not."""
        if member.state != "ACTIVE":
            return member.state.lower().replace("_", " ")
        if not selected(self.include, member):
            return "excluded"
        if self.rules and not any(selected(rule.match, member) for rule in self.rules):
            return "no rule matches"
        return ""

    def body(self, member: Member, own: Node | None) -> Table:
        """What the project file says of an account, `own` what stands below `accounts:` where it is named there."""
        table = Table(
            tuple((key, value) for key, value in self.table if key.text in WAYS),
            self.table.source,
            self.table.start,
            self.table.end,
        )
        for rule in self.rules:
            if selected(rule.match, member):
                table = over(table, rule.fields)
        table = over(table, made({"id": member.id}, self.table))
        return over(table, own) if isinstance(own, Table) else table


def read_discover(node: Node | None, problems: Problems) -> Discover | None:
    """The section, each mistake at its place; None where there is none."""
    table = None if node is None else values.table(node, KEY, problems)
    if table is None:
        return None
    values.known_keys(table, KEYS, KEY, problems)
    exclude = tuple(_negated(pattern) for pattern in _patterns(table.get("exclude"), "exclude", problems))
    return Discover(
        table,
        read_chain(table.get("through"), problems),
        _text(table, "profile", problems),
        _text(table, "region", problems),
        _text(table, "partition", problems),
        (*_patterns(table.get("include"), "include", problems), *exclude),
        tuple(_rules(table.get("rules"), problems)),
    )


def _rules(node: Node | None, problems: Problems) -> Iterator[Rule]:
    for item in (values.listing(node, "rules", problems) if node is not None else None) or ():
        table = values.table(item, "a rule", problems)
        if table is None:
            continue
        values.known_keys(table, RULE, "a rule", problems)
        match = tuple(_patterns(table.get("match"), "match", problems))
        if not match:
            problems.add("missing-field", "this rule matches nothing", item, 'write match: ["ou:prod/**"]')
        fields = tuple((key, value) for key, value in table if key.text != "match")
        yield Rule(match, Table(fields, table.source, table.start, table.end))


def _patterns(node: Node | None, what: str, problems: Problems) -> Iterator[MemberPattern]:
    for text, at in values.texts(node, what, problems) if node is not None else ():
        try:
            yield member_pattern(text)
        except ValueError as error:
            problems.add("bad-selector", str(error), at)


def _negated(pattern: MemberPattern) -> MemberPattern:
    return MemberPattern(not pattern.exclude, pattern.about, pattern.glob, pattern.key)


def _text(table: Table, name: str, problems: Problems) -> str | None:
    node = table.get(name)
    return None if node is None else values.text(node, name, problems)


def over(under: Table, upper: Node) -> Table:
    """Two accounts' fields as one: labels, variables and the like add up, manifests are read one after the other."""
    assert isinstance(upper, Table)
    entries = {key.text: (key, value) for key, value in under}
    for key, value in upper:
        held = entries[key.text][1] if key.text in entries else None
        if key.text in _TOGETHER and isinstance(held, Table) and isinstance(value, Table):
            value = merged(held, value)
        elif key.text == "manifests" and isinstance(held, Listing) and isinstance(value, Listing):
            value = Listing((*held.items, *value.items), value.source, value.start, value.end)
        entries[key.text] = (key, value)
    return Table(tuple(entries.values()), under.source, under.start, under.end)


def names(members: Sequence[Member], taken: Sequence[str]) -> dict[str, str]:
    """Id -> the name that an account has in this project: its own as far as names go, with its id where two are one."""
    spelled = {member.id: _ODD.sub("-", member.name).strip("-.@") or member.id for member in members}
    many = [name.casefold() for name in (*spelled.values(), *taken)]
    return {key: name if many.count(name.casefold()) == 1 else f"{name}-{key}" for key, name in spelled.items()}
