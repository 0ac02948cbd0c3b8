"""What holds of every decision, whatever the policies: no second evaluator is needed to see it."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from iamsync.model import Origin
from iamsync.policy.document import Document
from iamsync.policy.evaluate import Layers, Source, evaluate
from iamsync.policy.explanation import Decision
from iamsync.policy.match import actions, resources
from iamsync.policy.pattern import pattern
from iamsync.policy.request import Context, Principal, Request
from iamsync.policy.statement import beside, compiled, concerning
from tests.laws.law import law
from tests.oracle.cases import ADDRESSES, ARNS, BYTES, DATES, NUMBERS, SEVERAL, TEXTS, TRUTHS, Draw, Json
from tests.oracle.divergences import documents, statements
from tests.oracle.ours import decided

EXAMPLES = 50
POOLS = (TEXTS, NUMBERS, DATES, TRUTHS, ADDRESSES, ARNS, BYTES, SEVERAL)


def cases() -> st.SearchStrategy[Json]:
    """The cases that the independent evaluator is asked about, each by a seed."""
    return st.integers(0, 10**6).map(lambda seed: Draw(seed).case(seed))


def changed(case: Json, change: Callable[[Json], None]) -> Json:
    made = copy.deepcopy(case)
    for document in documents(made):
        change(document)
    return made


def held(document: Json) -> list[Json]:
    found = document["Statement"]
    return found if isinstance(found, list) else [found]


def same(left: Decision, right: Decision) -> bool:
    return (left.verdict, left.certain) == (right.verdict, right.certain)


@given(cases())
@law(EXAMPLES)
def test_the_canonical_form_of_a_document_decides_the_same(case: Json) -> None:
    def canonical(document: Json) -> None:
        key = json.loads(Document.of(document).key)
        document.clear()
        document.update(key)

    made = changed(case, canonical)
    # The form of two operators of one meaning on one key is for comparing only, and no policy.
    assume("all of" not in json.dumps(made))
    assert same(decided(made), decided(case))
    assert changed(made, canonical) == made


@given(cases(), st.randoms(use_true_random=False))
@law(EXAMPLES)
def test_the_order_of_statements_and_of_lists_means_nothing(case: Json, order: random.Random) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shuffled(item) for key, item in order.sample(list(value.items()), len(value))}
        return [shuffled(item) for item in order.sample(value, len(value))] if isinstance(value, list) else value

    def shuffle(document: Json) -> None:
        made = shuffled(document)
        document.clear()
        document.update(made)

    assert same(decided(changed(case, shuffle)), decided(case))


@given(cases())
@law(EXAMPLES)
def test_a_list_of_actions_or_resources_is_a_statement_for_each(case: Json) -> None:
    def split(document: Json) -> None:
        made = held(document)
        for element in ("Action", "Resource"):
            made = [
                {**statement, element: one}
                for statement in made
                for one in (
                    statement[element] if isinstance(statement.get(element), list) else [statement.get(element)]
                )
            ]
        document["Statement"] = [{key: one for key, one in statement.items() if one is not None} for statement in made]

    assert decided(changed(case, split)).verdict == decided(case).verdict


@given(cases(), cases())
@law(EXAMPLES)
def test_one_more_allow_takes_nothing_away(case: Json, other: Json) -> None:
    more = copy.deepcopy(case)
    more["identity"] = [*case["identity"], *(only(document, "Allow") for document in other["identity"])]
    if case.get("boundary"):
        more["boundary"]["Statement"] = [*held(case["boundary"]), *held(only(case["boundary"], "Allow"))]
    if decided(case).allowed:
        assert decided(more).allowed


@given(cases(), cases(), st.sampled_from(["deny", "boundary", "session", "scps", "rcps"]))
@law(EXAMPLES)
def test_one_more_limit_grants_nothing(case: Json, other: Json, kind: str) -> None:
    less = copy.deepcopy(case)
    if kind == "deny":
        less["identity"] = [*case["identity"], *(only(document, "Deny") for document in other["identity"])]
    elif kind in ("scps", "rcps"):
        less[kind] = [*case.get(kind, ()), *other.get(kind, ())]
    else:
        assume(case.get(kind) is None)
        less[kind] = other["identity"][0] if other["identity"] else {"Version": "2012-10-17", "Statement": []}
    if not decided(case).allowed:
        assert not decided(less).allowed


def only(document: Json, effect: str) -> Json:
    return {**document, "Statement": [one for one in held(document) if one["Effect"] == effect]}


@given(cases())
@law(EXAMPLES)
def test_not_action_and_not_resource_cover_what_the_plain_elements_do_not(case: Json) -> None:
    for statement in statements(case):
        for element in ("Action", "NotAction"):
            if element in statement:
                texts = tuple(texts_of(statement[element]))
                asked = case["action"].lower()
                assert actions(texts, False).cover(asked) is not actions(texts, True).cover(asked)
        for element in ("Resource", "NotResource"):
            if element in statement:
                texts = tuple(texts_of(statement[element]))
                assume(not any(pattern(text, True).variables for text in texts))
                context = Context(Request(Principal.of("*"), "s3:GetObject", case["resource"]))
                plain = resources(texts, False, True).cover(case["resource"], context)
                assert plain is not resources(texts, True, True).cover(case["resource"], context)


def texts_of(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


@given(cases(), st.data())
@law(EXAMPLES * 2)
def test_a_certain_decision_stands_whatever_else_becomes_known(case: Json, data: st.DataObject) -> None:
    decision = decided(case)
    assume(decision.certain)
    more = copy.deepcopy(case)
    for pool in POOLS:
        for key, values in pool.items():
            if key not in case["context"] and key not in ("aws:username", "aws:PrincipalArn", "aws:PrincipalAccount"):
                one: st.SearchStrategy[Any] = st.sampled_from(values)
                if key in SEVERAL:
                    one = st.lists(one, min_size=1, max_size=3, unique=True)
                known: Any = data.draw(st.one_of(st.none(), st.just([]), one), label=key)
                if known is not None:
                    more["context"][key] = known
    assert decided(more).allowed is decision.allowed


@given(cases())
@law(EXAMPLES)
def test_a_decision_explains_itself(case: Json) -> None:
    decision = decided(case)
    assert bool(decision.reasons) is not decision.certain
    assert bool(decision.blocked_by) is (decision.verdict != "allowed")
    if decision.verdict != "implicit_deny":
        assert not decision.near
        free = case["action"] == "sts:GetCallerIdentity"
        assert free or decision.deciding
        assert all(match.allows is decision.allowed for match in decision.deciding)
    else:
        assert not decision.deciding
        assert all(miss.match.allows and miss.failed and miss.told for miss in decision.near)


def test_places_of_statements_are_where_they_are_written() -> None:
    document = Document.of(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"},
                {"Sid": "Reads", "Effect": "Allow", "Action": "s3:Get*", "Resource": "*"},
            ],
        }
    )
    places = (Origin("a.yaml", 3), Origin("a.yaml", 7))
    asked = Request(Principal.of("arn:aws:iam::111122223333:user/ann"), "s3:GetObject", "arn:aws:s3:::logs/a")
    found = evaluate(asked, Layers(identity=(Source("user/ann inline x", document, Origin("a.yaml", 1), places),)))
    assert [str(match) for match in found.deciding] == ["user/ann inline x, statement 2 (Reads) at a.yaml:7"]
    found = evaluate(asked, Layers(identity=(Source("user/ann inline x", document, Origin("a.yaml", 1)),)))
    assert found.deciding[0].origin == Origin("a.yaml", 1)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Action", "NotAction"]),
            st.lists(
                st.sampled_from(
                    ["*", "s3:*", "S3:Get*", "s3:getobject", "s*:Get*", "?qs:*", "*:List*", "sqs", "s3", "iam:Get?ser"]
                ),
                min_size=1,
                max_size=3,
            ),
        ),
        max_size=4,
    ),
    st.sampled_from(["s3:getobject", "s3:listbucket", "sqs:getqueueurl", "iam:getuser", "ec2:listsnapshots"]),
)
@law(EXAMPLES)
def test_a_document_is_looked_through_by_service_and_no_statement_is_missed(
    written: list[tuple[str, list[str]]], action: str
) -> None:
    made = [{"Effect": "Allow", element: texts, "Resource": "*"} for element, texts in written]
    text = json.dumps({"Version": "2012-10-17", "Statement": made})
    covering = [one for one in compiled(text) if one.actions.cover(action)]
    assert list(concerning(text, action)) == covering
    spoken_of = [one for one in compiled(text) if action.partition(":")[0] in one.actions.services]
    assert list(beside(text, action)) == [one for one in spoken_of if one not in covering]
