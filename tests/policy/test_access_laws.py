"""What holds of every permission difference: nothing is told that is not so, and nothing is left out."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from iamsync.policy import catalog
from iamsync.policy.access import Access, Region, difference, lines
from iamsync.policy.evaluate import Source, evaluate
from iamsync.policy.holdings import Holdings, Unknown
from iamsync.policy.match import actions, resources
from iamsync.policy.request import Context, Principal, Request
from iamsync.policy.vocabulary import uncounted
from tests.policy.policysets import ACCOUNT, ALICE, ROLE, changes, holdings, requests, source, statements

FULL = os.environ.get("IAMSYNC_LAWS") == "full"
EXAMPLES = 1000 if FULL else 25
# Shrinking one of these takes minutes.
law = settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=list(Phase) if FULL else [Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def compared(before: Holdings, after: Holdings, principal: Principal = ALICE) -> Access:
    return difference(before, after, principal=principal, account_id=ACCOUNT)


def allowed(request: Request, held: Holdings) -> bool:
    return evaluate(request, held.layers(ACCOUNT), explain=False).allowed


def lies_in(region: Region, request: Request) -> bool:
    """Whether the words of a region mean the request, its conditions apart."""

    def does(names: tuple[str, ...]) -> bool:
        return actions(tuple(map(uncounted, names)), False).cover(request.action)

    def on(texts: tuple[str, ...]) -> bool:
        context = Context(request)
        return any(
            all(
                resources((one,), False, True).cover(request.resource, context) is True
                for one in text.split(" that match ")
            )
            for text in texts
        )

    left_out = any(
        (not one.actions or does(one.actions)) and (not one.resources or on(one.resources)) for one in region.excepted
    )
    return does(region.actions) and on(region.resources) and not left_out


@pytest.mark.parametrize("principal", [ALICE, ROLE], ids=["user", "role"])
@law
@given(sides=changes(), data=st.data())
def test_each_gain_and_loss_has_a_request_that_shows_it_and_no_change_lies_outside(
    principal: Principal, sides: tuple[Holdings, Holdings], data: st.DataObject
) -> None:
    before, after = sides
    found = compared(before, after, principal)
    for region in found.gained:
        assert allowed(region.witness, after), region
        assert not allowed(region.witness, before), region
        assert lies_in(region, region.witness), region
        assert catalog.load().applies(region.witness.action, region.witness.resource) is not False
    for region in found.lost:
        assert allowed(region.witness, before), region
        assert not allowed(region.witness, after), region
        assert lies_in(region, region.witness), region
    for request in data.draw(st.lists(requests(principal), min_size=10, max_size=30)):
        was, now = allowed(request, before), allowed(request, after)
        if was != now and not found.undecided:
            regions = found.gained if now else found.lost
            assert any(lies_in(region, request) for region in regions), (request, lines(found))


@law
@given(held=holdings())
def test_nothing_differs_from_itself(held: Holdings) -> None:
    assert lines(compared(held, held)) == ("nothing",)
    assert lines(compared(held, replace(held, identity=held.identity[::-1]))) == ("nothing",)


@law
@given(members=st.lists(statements(), min_size=1, max_size=5), data=st.data())
def test_statements_in_another_order_split_or_moved_between_policies_change_nothing(
    members: list[dict[str, Any]], data: st.DataObject
) -> None:
    def split(held: dict[str, Any]) -> list[dict[str, Any]]:
        """A statement for each member; complements are kept whole, since they are no unions of theirs."""
        apart = [held]
        for element in ("Action", "Resource"):
            if element in held:
                apart = [{**one, element: member} for one in apart for member in one[element]]
        return apart

    pieces = data.draw(st.permutations([piece for held in members for piece in split(held)]))
    cut = data.draw(st.integers(0, len(pieces)))
    before = Holdings((source("whole", members),))
    after = Holdings(
        tuple(source(label, held) for label, held in (("one", pieces[:cut]), ("two", pieces[cut:])) if held)
    )
    assert lines(compared(before, after)) == ("nothing",)
    assert lines(compared(after, before)) == ("nothing",)


@law
@given(held=holdings(), extra=statements())
def test_a_statement_that_is_held_already_changes_nothing(held: Holdings, extra: dict[str, Any]) -> None:
    extra = {**extra, "Effect": "Allow"}
    narrow = {name: value[:1] if name in ("Action", "Resource") else value for name, value in extra.items()}
    narrow["Condition"] = {**extra.get("Condition", {}), "StringEquals": {"aws:RequestedRegion": "eu-west-1"}}
    if any(name in extra for name in ("NotAction", "NotResource")) or "StringEquals" in extra.get("Condition", {}):
        narrow = extra
    wide = replace(held, identity=(*held.identity, source("wide", [extra])))
    both = replace(held, identity=(*held.identity, source("wide", [extra]), source("narrow", [narrow])))
    assert lines(compared(wide, both)) == ("nothing",)


@law
@given(sides=changes())
def test_back_again_what_was_gained_is_lost(sides: tuple[Holdings, Holdings]) -> None:
    before, after = sides
    there, back = compared(before, after), compared(after, before)

    def of(regions: tuple[Region, ...]) -> set[tuple[Any, ...]]:
        return {(one.actions, one.resources, one.excepted, frozenset((one.was, one.now)), one.count) for one in regions}

    assert of(there.gained) == of(back.lost)
    assert of(there.lost) == of(back.gained)


@law
@given(sides=changes(), data=st.data())
def test_with_a_document_that_is_not_known_no_change_is_certain_that_is_none_with_some_document(
    sides: tuple[Holdings, Holdings], data: st.DataObject
) -> None:
    before, after = sides
    hidden = data.draw(st.lists(statements(), min_size=1, max_size=2))
    unknown, known = Unknown("policy aws/Hidden"), source("policy aws/Hidden", hidden)

    def beside(held: Holdings, more: Unknown | Source) -> Holdings:
        return replace(held, identity=(*held.identity, more))

    told = compared(beside(before, unknown), beside(after, unknown))
    request = data.draw(requests())
    was, now = (allowed(request, beside(held, known)) for held in (before, after))
    if was != now:
        regions = told.gained if now else told.lost
        assert told.undecided or any(lies_in(region, request) for region in regions)
    for gains, regions in ((True, told.gained), (False, told.lost)):
        for region in regions:
            assert allowed(region.witness, beside(after, known)) is gains
            assert allowed(region.witness, beside(before, known)) is not gains
