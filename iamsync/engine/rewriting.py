"""Values put into the manifests of a project: written, read again in memory, and only then believed.

Nothing is taken on trust: the edited files are read for every account of the project, and must give the intended states
and nothing else; then all of them are written, or none. What is to be written is for others to say (`adopting`,
`suggesting`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from iamsync.engine.project import NO_ACCOUNT, Project
from iamsync.engine.unified import unified_files
from iamsync.engine.variables import given
from iamsync.errors import InputError, InputErrors, Place
from iamsync.kinds.codec import value_to_json
from iamsync.manifest.adopt import FileEdit, Writing
from iamsync.manifest.config import Account
from iamsync.manifest.documents import file_name
from iamsync.manifest.edit import rewritten
from iamsync.manifest.load import outline
from iamsync.model import Address, Resource, State
from iamsync.planner.adoption import Wish

WRONG: Final = (InputError, InputErrors)
ALL: Final = "all of the resource"


@dataclass(frozen=True, slots=True)
class Taken:
    """One value that is adopted: of which account and resource, which field, and where it is written.

    `before` and `after` are as JSON; `added` and `removed` name members in the manifests' words.
    """

    account: str
    address: Address
    field: str
    before: Any
    after: Any
    added: tuple[str, ...]
    removed: tuple[str, ...]
    place: Place
    note: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """One value that is not adopted, and why."""

    account: str
    address: Address
    field: str
    error: InputError


@dataclass(frozen=True, slots=True)
class Adoption:
    """What would be adopted: values, refusals, and the texts of the files before and after."""

    accounts: tuple[tuple[str, str], ...]
    taken: tuple[Taken, ...]
    refused: tuple[Refused, ...]
    before: Mapping[Path, str]
    after: Mapping[Path, str]
    root: Path
    absent: tuple[tuple[str, Address], ...] = ()  # declared, and not there; adopted only where asked for

    def diff(self) -> str:
        """The unified diff of the files, names relative to the project."""
        return unified_files(self.before, self.after, self.root)


@dataclass(frozen=True, slots=True)
class _Unit:
    """What stands or falls together: one value of one resource, or the same edit for several accounts."""

    wishes: tuple[tuple[Account, Wish], ...]
    edits: tuple[FileEdit, ...]
    note: str = ""


@dataclass(slots=True)
class Side:
    """One account of the project, what it wants now, and how that is written."""

    account: Account
    desired: State
    writing: Writing | None = None
    wishes: list[Wish] = field(default_factory=list)


def side(project: Project, account: Account, desired: State, wishes: Sequence[Wish]) -> Side:
    """One account with what its manifests are to say; `desired` is what they say now."""
    manifests = project.manifests(account)
    where = desired.account_id, desired.partition
    held = outline(manifests, account, *where, project.config, given(project.options))
    writing = Writing(held, manifests, project.config, desired, given(project.options))
    return Side(replace(account, id=where[0], partition=where[1]), desired, writing, list(wishes))


def untouched(project: Project, sides: Sequence[Side]) -> list[Side]:
    """The other accounts of the project, which are to say what they say now."""
    held = {side.account.name for side in sides}
    others = []
    for account in project.config.accounts:
        if account.name not in held:
            where = account.id or NO_ACCOUNT, account.partition or "aws"
            others.append(Side(account, project.desired(account, *where)))
    return others


def adopted(project: Project, sides: Sequence[Side], absent: tuple[tuple[str, Address], ...]) -> Adoption:
    refused: list[Refused] = []
    units: list[_Unit] = []
    for side in sides:
        for wish in side.wishes:
            try:
                units.append(_unit(side, wish))
            except WRONG as error:
                refused.append(_refusal(side.account, wish, error))
    units, clashing = _joined(units)
    refused += clashing
    before: dict[Path, str] = {}
    after, wrong = _tried(project, sides, units, before)
    if wrong:
        kept = []
        for unit in units:
            _, alone = _tried(project, sides, [unit], before)
            if alone:
                refused += [_refusal(account, wish, alone[0]) for account, wish in unit.wishes]
            else:
                kept.append(unit)
        units = kept
        after, wrong = _tried(project, sides, units, before)
        if wrong:
            refused += [_refusal(account, wish, wrong[0]) for unit in units for account, wish in unit.wishes]
            units, after = [], {}
    taken = [
        _taken(account, wish, _place(sides, account, wish), unit.note)
        for unit in units
        for account, wish in unit.wishes
    ]
    after = {path: text for path, text in after.items() if text != before[path]}
    return Adoption(
        tuple((side.account.name, side.desired.account_id) for side in sides if side.writing is not None),
        tuple(sorted(taken, key=lambda item: (item.account, item.address, item.field))),
        tuple(sorted(refused, key=lambda item: (item.account, item.address, item.field))),
        {path: before[path] for path in after},
        after,
        project.root,
        absent,
    )


def _taken(account: Account, wish: Wish, place: Place, note: str) -> Taken:
    shape = wish.field
    added, removed = wish.members(account.id or "")
    if shape is None:
        return Taken(account.name, wish.address, "", None, None, (), (), place, note)
    before, after = (None if held is None else value_to_json(shape, held) for held in (wish.old, wish.new))
    return Taken(account.name, wish.address, shape.name, before, after, added, removed, place, note)


def _unit(side: Side, wish: Wish) -> _Unit:
    assert side.writing is not None
    if wish.field is None:
        written = side.writing.gone(wish.address)
    else:
        written = side.writing.written(wish.address, wish.field, wish.old, wish.new)
    return _Unit(((side.account, wish),), written.edits, written.note)


def _refusal(account: Account, wish: Wish, error: InputError | InputErrors) -> Refused:
    first = error.errors[0] if isinstance(error, InputErrors) else error
    return Refused(account.name, wish.address, wish.field.name if wish.field else ALL, first)


def _joined(units: list[_Unit]) -> tuple[list[_Unit], list[Refused]]:
    """The units, those of several accounts at one place as one; where these differ, refused."""
    by_place: dict[Any, list[_Unit]] = {}
    for unit in units:
        by_place.setdefault(_where(unit), []).append(unit)
    out: list[_Unit] = []
    refused: list[Refused] = []
    for group in by_place.values():
        if all(unit.edits == group[0].edits for unit in group):
            out.append(replace(group[0], wishes=tuple(pair for unit in group for pair in unit.wishes)))
            continue
        names = ", ".join(dict.fromkeys(account.name for unit in group for account, _ in unit.wishes))
        for unit in group:
            for account, wish in unit.wishes:
                error = InputError(
                    f"accounts {names} share this declaration and have different values",
                    code="shared-declaration",
                    hint="declare it for each of them, with only_accounts",
                )
                refused.append(_refusal(account, wish, error))
    return out, refused


def _where(unit: _Unit) -> Any:
    return tuple((edit.file, edit.edit.path if edit.edit is not None else ()) for edit in unit.edits)


def _tried(
    project: Project, sides: Sequence[Side], units: Sequence[_Unit], before: dict[Path, str]
) -> tuple[dict[Path, str], list[InputError]]:
    """The texts with these units in them, and what is wrong with that."""
    try:
        texts = _texts(project, units, before)
        fresh = project.with_texts(texts)
        wrong: list[InputError] = []
        for side in sides:
            where = side.desired.account_id, side.desired.partition
            account = next(held for held in fresh.config.accounts if held.name == side.account.name)
            state = fresh.desired_of(replace(account, manifests=side.account.manifests), *where)
            if fresh.config is not project.config:
                wrong += _settings_astray(project, fresh, side)
            wrong += _astray(side, state, [w for unit in units for a, w in unit.wishes if a is side.account])
    except WRONG as error:
        return {}, [error.errors[0] if isinstance(error, InputErrors) else error]
    return texts, wrong


def _texts(project: Project, units: Sequence[_Unit], before: dict[Path, str]) -> dict[Path, str]:
    by_file: dict[Path, dict[Any, FileEdit]] = {}
    for unit in units:
        for edit in unit.edits:
            key = (edit.edit.path, str(edit.edit.value)) if edit.edit is not None else edit.text
            by_file.setdefault(edit.file, {})[key] = edit
    texts: dict[Path, str] = {}
    for path, edits in by_file.items():
        if path not in before:
            before[path] = _read(path)
        whole = [edit for edit in edits.values() if edit.edit is None]
        if whole:
            if len(whole) > 1:
                raise InputError(
                    f"{file_name(path, project.root)} is used twice, with different live values", code="shared-value"
                )
            texts[path] = whole[0].text
            continue
        name = file_name(path, project.root)
        texts[path] = rewritten(before[path], name, [edit.edit for edit in edits.values() if edit.edit is not None])
    return texts


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}", code="unreadable-file", place=Place(str(path))) from None


def _astray(side: Side, state: State, wanted: Sequence[Wish]) -> list[InputError]:
    """Where the state that the edited files give is not the intended one."""
    intended = dict(side.desired.resources)
    for wish in wanted:
        if wish.field is None:
            intended.pop(wish.address, None)
        elif (held := intended.get(wish.address)) is not None:
            intended[wish.address] = replace(held, spec=replace(held.spec, **{wish.field.name: wish.new}))
    wrong = []
    hint = ""
    shared = "no account but this one is to change: declare it for each, with only_accounts"
    for address in sorted(intended.keys() | state.resources.keys()):
        if _plain(intended.get(address)) == _plain(state.get(address)):
            continue
        ours = any(wish.address == address for wish in wanted)
        where = f"account {side.account.name}: " if side.writing is None or not wanted else ""
        message = f"{where}{address} would not be what it is to be" if ours else f"{where}{address} would change too"
        hint = shared if where else "it stands where others take it from; write the value at the resource by hand"
        wrong.append(InputError(message, code="shared-declaration", hint=hint))
    about = {wish.address for wish in wanted}
    if not wrong and _ends(state, about) != _ends(side.desired, about):
        wrong.append(InputError("what is removed or expires would change too", code="shared-declaration", hint=hint))
    return wrong


def _ends(state: State, about: set[Address]) -> Any:
    """What is to go, and when, but for these addresses."""
    lines = [held for ends in (state.removed, state.expiries, state.lapsed) for held in ends]
    return [held for held in lines if held.address not in about]


def _settings_astray(project: Project, fresh: Project, side: Side) -> list[InputError]:
    """Whether an edited project file says something else than another value of a variable."""
    old, new = (_settings(held, side) for held in (project, fresh))
    if old == new:
        return []
    message = f"the settings or tests of account {side.account.name} would change too"
    return [InputError(message, code="shared-declaration", hint="change the variable by hand, and look at both")]


def _settings(project: Project, side: Side) -> Any:
    held = next(account for account in project.config.accounts if account.name == side.account.name)
    tests = project.tests(
        replace(held, manifests=side.account.manifests), side.desired.account_id, held.partition or "aws"
    )
    return (
        *(held.settings, held.id, held.manifests, held.labels, held.profile, held.region, held.partition, held.backend),
        *(held.read, held.write, held.organization, project.config.lock, project.config.journal, tests),
    )


def _plain(resource: Resource | None) -> Any:
    """What of a declaration counts: everything but where it stands."""
    return None if resource is None else (resource.spec, resource.ignore, resource.renamed_from)


def _place(sides: Sequence[Side], account: Account, wish: Wish) -> Place:
    side = next(held for held in sides if held.account is account)
    assert side.writing is not None
    item = side.writing.item(wish.address)
    node = item.layers[0].fields.get(wish.field.name) if wish.field is not None else None
    return (node or item.key).place
