"""Manifests -> the desired State of one account.

The files are read once (`read_manifests`); `resolve` fills in one account's variables, templates and
defaults, turns references into ARNs and checks everything that can be known without AWS. It makes no
calls and looks at no clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from iamsync.errors import InputError, Place
from iamsync.kinds import KINDS
from iamsync.kinds.owners import out_of_reach
from iamsync.manifest import credentials, limits
from iamsync.manifest.config import Account, Config
from iamsync.manifest.declare import Declarations, Item, Names, facts_of
from iamsync.manifest.documents import Documents, Written
from iamsync.manifest.expand import expand
from iamsync.manifest.fields import Reading
from iamsync.manifest.files import Manifests, read_manifests
from iamsync.manifest.nodes import Node, Scalar
from iamsync.manifest.problems import WRONG, Problems, did_you_mean, one_of
from iamsync.manifest.resources import renamed_from, resource
from iamsync.manifest.sections import Part, RemovedLine
from iamsync.manifest.suppress import Suppression, read_suppressions
from iamsync.manifest.templates import place_text
from iamsync.model import Address, Origin, Removal, Resource, State

__all__ = ["Manifests", "read_manifests", "resolve"]

BOUNDARY: Final = "permissions_boundary"


def resolve(
    manifests: Manifests,
    account: Account,
    *,
    account_id: str,
    partition: str = "aws",
    config: Config,
    variables: Mapping[str, str | Sequence[str]] | None = None,
    beside: Beside | None = None,
) -> State:
    """The desired state of one account.

    `variables` (the command line's) go before the account's own; `beside`, where given, is filled. Raises
    InputError, or InputErrors with everything that is wrong in the account's files.
    """
    held = outline(manifests, account, account_id, partition, config, variables or {})
    declarations, problems, reading = held.declarations, held.problems, held.declarations.reading
    resources = []
    for item in declarations.items.values():
        if problems.full:
            break
        made = resource(item, account, reading)
        if made is not None:
            _check_reach(made, item, account, problems)
            resources.append(made)
        if beside is not None:
            beside.documents += [(item.address, written) for written in reading.documents.take_written()]
    _check_renames(declarations)
    _check_boundaries(resources, declarations)
    credentials.twice(resources, problems, lambda address: declarations.items[address].key)
    lines = [line for part in held.here for line in part.suppressed]
    suppressions = read_suppressions(lines, declarations.names, problems)
    if beside is not None:
        beside.suppressions = suppressions
    removed = _removals([line for part in held.here for line in part.removed], declarations)
    problems.raise_if_any()
    return State.of(
        account_id,
        resources,
        partition=partition,
        complete=frozenset(KINDS),
        removed=removed,
        expiries=tuple(sorted(reading.expiries)),
    )


@dataclass(slots=True)
class Beside:
    """What else was read, for whoever looks for findings: documents where they stand, and suppressions."""

    documents: list[tuple[Address, Written]] = field(default_factory=list)
    suppressions: tuple[Suppression, ...] = ()


@dataclass(frozen=True, slots=True)
class Outline:
    """What one account declares, by name, before any value is read; `here` are the parts that hold for it."""

    declarations: Declarations
    here: tuple[Part, ...]
    problems: Problems


def outline(
    manifests: Manifests,
    account: Account,
    account_id: str,
    partition: str,
    config: Config,
    variables: Mapping[str, str | Sequence[str]],
) -> Outline:
    """The names that one account's files declare, and what is wrong with the files' shape.

    Raises InputError where they declare nothing at all.
    """
    files = manifests.under(account.manifests)
    problems = Problems()
    for file in files:
        for error in file.errors:
            problems.take(error)
    parts = [part for file in files for part in file.parts]
    if not any(part.declarations or part.removed for part in parts) and not len(problems):
        where = ", ".join(account.manifests)
        hint = "an empty set is never taken for a wish to delete everything"
        raise InputError(f'nothing is declared in "{where}"', code="empty-manifests", place=Place(where), hint=hint)
    known = tuple(held.name for held in config.accounts) if config.file else ()
    documents = Documents(manifests.root, {file.base for file in files}, manifests.documents)
    reading = Reading(account.name, account.labels, known, account_id, partition, documents, problems)
    reading.declared.partial = any(file.broken for file in files)
    names = Names(facts_of(account, account_id, partition, config, variables), reading)
    declarations = Declarations(account, names)
    return Outline(declarations, declarations.add(parts), problems)


def _check_renames(declarations: Declarations) -> None:
    reading, problems = declarations.reading, declarations.problems
    declared = reading.declared
    seen: dict[Address, Item] = {}
    for item in declarations.items.values():
        node = item.declaration.fields.get("renamed_from")
        name = renamed_from(item, reading) if node is not None else None
        if node is None or name is None:
            continue
        old = Address(item.kind.name, name).folded
        if old in declared.folded:
            other = declarations.items.get(declared.folded[old])
            itself = other is item
            message = f'"{name}" is declared itself' if not itself else f'"{name}" is the name it already has'
            where = f"it stands at {place_text(other.key.place)}" if other and not itself else ""
            problems.add("bad-rename", message, node, where or "remove renamed_from")
        elif old in seen:
            first = place_text(seen[old].key.place)
            message = f'"{name}" cannot become two resources; the other is {seen[old].address} at {first}'
            problems.add("bad-rename", message, node, "remove one of the two")
        else:
            seen[old] = item


def _check_boundaries(resources: list[Resource], declarations: Declarations) -> None:
    """A boundary may not end before what it caps: nothing would cap it then."""
    reading, problems = declarations.reading, declarations.problems
    ends = {expiry.address: expiry for expiry in reading.expiries if not expiry.member_of}
    by_arn = {reading.declared.arns.get(address): expiry for address, expiry in ends.items()}
    for held in resources:
        expiry = by_arn.get(getattr(held.spec, "permissions_boundary", None) or "")
        own = ends.get(held.address)
        if expiry is None or (own is not None and own.at <= expiry.at):
            continue
        item = declarations.items[held.address]
        node = next((layer.fields[BOUNDARY] for layer in item.layers if BOUNDARY in layer.fields), item.key)
        message = f"{expiry.address} is the boundary of {held.address} and expires first, at {expiry.at}"
        where = f"{expiry.origin}: " if expiry.origin else ""
        hint = f"{where}let the boundary stay, or give {held.address} the same end"
        problems.add("boundary-expires", message, node, hint)


def _check_reach(resource: Resource, item: Item, account: Account, problems: Problems) -> None:
    owner = out_of_reach(resource)
    if owner is not None:
        hint = "nobody else can change it; remove it from the manifests"
        problems.add("out-of-reach", f"{item.address} belongs to AWS: {owner.evidence}", item.key, hint)
    patterns = account.settings.scope.exclude.patterns
    path, tags = getattr(resource.spec, "path", "/"), dict(getattr(resource.spec, "tags", ()))
    hits = [held for held in patterns if not held.exclude and held.form in ("name", "path")]
    hit = next((held for held in hits if held.matches(item.address, path, {})), None)
    if hit is not None and not any(held.exclude and held.matches(item.address, path, tags) for held in patterns):
        message = f'{item.address} is declared, yet scope.exclude has "{hit.text}"'
        hint = "remove the declaration, or except it there: " + f'"!{item.address}"'
        problems.add("excluded-resource", message, item.key, hint)


def _removals(lines: list[RemovedLine], declarations: Declarations) -> tuple[Removal, ...]:
    reading, problems = declarations.reading, declarations.problems
    found: dict[Address, Removal] = {}
    for line in lines:
        if not reading.applies(line.only):
            continue
        try:
            held = expand(line.address, declarations.names)
            reason = expand(line.reason, declarations.names) if line.reason is not None else None
        except WRONG as wrong:
            problems.take(wrong)
            continue
        address = _removed_address(held, line, problems)
        if address is None:
            continue
        place = line.at.place
        if address.folded in reading.declared.folded:
            same = declarations.items[reading.declared.folded[address.folded]]
            message = f"{address} is both declared and removed; it is declared at {place_text(same.key.place)}"
            problems.add("removed-and-declared", message, line.address, "remove one of the two")
        elif address.folded in found:
            problems.add("duplicate-removal", f"{address} stands twice in removed:", line.address)
        else:
            why = reason.text if isinstance(reason, Scalar) else ""
            found[address.folded] = Removal(address, why, Origin(place.file, place.line, place.column))
    return tuple(sorted(found.values(), key=lambda removal: removal.address))


def _removed_address(node: Node, line: RemovedLine, problems: Problems) -> Address | None:
    text = node.text if isinstance(node, Scalar) else ""
    kind, _, name = text.partition("/")
    if kind not in KINDS:
        hint = did_you_mean(kind, KINDS, f"write KIND/NAME; kinds are {one_of(KINDS)}")
        problems.add("unknown-kind", f'"{text}" names no kind of resource', line.address, hint)
        return None
    longest = max(KINDS[kind].max_name, 128)  # names of resources that exist may be longer than new ones
    if wrong := limits.bad_name(name, KINDS[kind], longest):
        hint = (
            "write KIND/NAME, without the path"
            if any(f.name == "path" for f in KINDS[kind].fields)
            else KINDS[kind].name_hint
        )
        problems.add("bad-name", wrong, line.address, hint)
        return None
    return Address(kind, name)
