"""What makes a document no policy: each problem by its path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from iamsync.kinds.policy import Policy
from iamsync.kinds.role import Role
from iamsync.kinds.wire import dump_state
from iamsync.policy.grammar import Use, problems
from tests.policy.test_document import ODD
from tests.strategies import documents, states

LARGE = Path(__file__).resolve().parents[3] / "shared" / "data" / "account-dump-large.json"
ROOT = "arn:aws:iam::111122223333:root"


def policy(**elements: Any) -> dict[str, Any]:
    held = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", **elements}
    return {"Version": "2012-10-17", "Statement": {key: value for key, value in held.items() if value is not ...}}


def trust(**elements: Any) -> dict[str, Any]:
    held = {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:AssumeRole", **elements}
    return {"Statement": [{key: value for key, value in held.items() if value is not ...}]}


def found(value: Any, use: Use = "identity") -> list[tuple[str, str]]:
    return [(".".join(map(str, problem.path)), problem.message) for problem in problems(value, use)]


GOOD: dict[str, tuple[Any, Use]] = {
    "the plainest": (policy(), "identity"),
    "no version": ({"Statement": policy()["Statement"]}, "identity"),
    "the old version and an Id": ({**policy(), "Version": "2008-10-17", "Id": "x"}, "identity"),
    "NotAction and NotResource": (
        policy(Action=..., NotAction=["iam:*"], Resource=..., NotResource="arn:aws:s3:::a"),
        "identity",
    ),
    "odd actions": (policy(Action=["*", "*:*", "s3:*", "S3:Get?bject*", "execute-api:Invoke"]), "identity"),
    "odd resources": (
        policy(Resource=["arn:aws:s3:::a b/${aws:username}", "arn:*:*:*:*:*", "${x}", "arn:aws:s3:*", "arn:aws:x::*:"]),
        "identity",
    ),
    "every form of condition": (
        policy(
            Condition={
                "StringEquals": {"aws:PrincipalTag/Team A": "x", "a:b": ["x", 1, True, 1.5]},
                "ForAllValues:StringLikeIfExists": {"a:b": "x"},
                "Null": {"a:b": "true"},
                "ForAnyValue:Null": {"a:b": False},
            }
        ),
        "identity",
    ),
    "no condition in it": (policy(Condition={}), "identity"),
    "an empty Sid twice": (
        {"Statement": [{**policy()["Statement"], "Sid": ""}, {**policy()["Statement"], "Sid": ""}]},
        "identity",
    ),
    "Latin-1": (policy(Resource="arn:aws:s3:::caf\xe9\t\n\r\x7f\xff"), "identity"),
    "a trust": (trust(), "trust"),
    "trust in everyone": (trust(Principal="*"), "trust"),
    "trust in all kinds": (
        trust(Principal={"AWS": ["111122223333", "*"], "Service": "a.b", "Federated": ["x"], "CanonicalUser": "y"}),
        "trust",
    ),
    "trust in all but one": (trust(Principal=..., NotPrincipal={"AWS": ROOT}, Effect="Deny"), "trust"),
}

BAD: dict[str, tuple[Any, Use, str, str]] = {
    "no mapping": ([], "identity", "", "a policy document is a mapping"),
    "no statement": ({"Version": "2012-10-17"}, "identity", "", "needs Statement"),
    "an empty list": ({"Statement": []}, "identity", "Statement", "Statement is empty"),
    "a statement of text": ({"Statement": ["x"]}, "identity", "Statement.0", "a statement is a mapping"),
    "no statement but null": ({"Statement": None}, "identity", "Statement", "a statement is a mapping"),
    "an unknown element": ({**policy(), "statement": 1}, "identity", "statement", "unknown element 'statement'"),
    "an unknown element in it": (policy(action="x"), "identity", "Statement.action", "unknown element 'action'"),
    "an unknown version": ({**policy(), "Version": "2012-10-18"}, "identity", "Version", "2012-10-17 and 2008-10-17"),
    "a version of nothing": ({**policy(), "Version": None}, "identity", "Version", "Version is None"),
    "an effect in lower case": (policy(Effect="allow"), "identity", "Statement.Effect", "unknown value 'allow'"),
    "no effect": (policy(Effect=...), "identity", "Statement", "has no Effect"),
    "a Sid with a blank": (policy(Sid="a b"), "identity", "Statement.Sid", "letters and digits only"),
    "a Sid that is a number": (policy(Sid=1), "identity", "Statement.Sid", "letters and digits only"),
    "a Sid twice": (
        {"Statement": [{**policy()["Statement"], "Sid": "a"}, {**policy()["Statement"], "Sid": "a"}]},
        "identity",
        "Statement.1.Sid",
        "stands twice",
    ),
    "no action": (policy(Action=...), "identity", "Statement", "has no Action"),
    "both actions": (policy(NotAction="a:b"), "identity", "Statement.NotAction", "Action or NotAction, not both"),
    "an empty list of actions": (policy(Action=[]), "identity", "Statement.Action", "Action is empty"),
    "an action without service": (policy(Action=["a:b", "Get"]), "identity", "Statement.Action.1", "is no action"),
    "a service without a colon": (policy(Action="s3*"), "identity", "Statement.Action", "it names no service"),
    "an action of two colons": (policy(Action="a:b:c"), "identity", "Statement.Action", "is no action"),
    "a service with a star in it": (policy(Action="s*:Get"), "identity", "Statement.Action", "is no action"),
    "a number for an action": (policy(Action=[1]), "identity", "Statement.Action.0", "not a number"),
    "no resource": (policy(Resource=...), "identity", "Statement", "has no Resource"),
    "both resources": (policy(NotResource="*"), "identity", "Statement.NotResource", "not both"),
    "a resource that is none": (policy(Resource="bucket"), "identity", "Statement.Resource", "neither an ARN nor"),
    "an ARN cut short": (policy(Resource="arn:aws"), "identity", "Statement.Resource", "neither an ARN nor"),
    "an ARN cut short in the wrong place": (
        policy(Resource="arn:aws::x"),
        "identity",
        "Statement.Resource",
        "neither an ARN nor",
    ),
    "null for a resource": (policy(Resource=[None]), "identity", "Statement.Resource.0", "not nothing"),
    "a principal": (policy(Principal="*"), "identity", "Statement.Principal", "trust and resource policies only"),
    "a resource in a trust": (trust(Resource="*"), "trust", "Statement.0.Resource", "not allowed in a trust policy"),
    "trust in nobody": (trust(Principal=...), "trust", "Statement.0", "has no Principal"),
    "trust in an empty mapping": (trust(Principal={}), "trust", "Statement.0.Principal", 'a principal is "*" or'),
    "trust in an empty list": (trust(Principal={"AWS": []}), "trust", "Statement.0.Principal.AWS", "names nobody"),
    "trust in a bare text": (trust(Principal=ROOT), "trust", "Statement.0.Principal", 'a principal is "*" or'),
    "trust in an unknown kind": (
        trust(Principal={"aws": ROOT}),
        "trust",
        "Statement.0.Principal.aws",
        "unknown element 'aws' in Principal",
    ),
    "trust in a number": (
        trust(Principal={"AWS": [ROOT, 111122223333]}),
        "trust",
        "Statement.0.Principal.AWS.1",
        "a principal is a text, not a number",
    ),
    "trust in a wildcard": (
        trust(Principal={"AWS": "arn:aws:iam::111122223333:role/*"}),
        "trust",
        "Statement.0.Principal.AWS",
        "a wildcard stands alone",
    ),
    "both principals": (trust(NotPrincipal="*"), "trust", "Statement.0.NotPrincipal", "not both"),
    "a condition of text": (policy(Condition="x"), "identity", "Statement.Condition", "is a mapping of operators"),
    "an unknown operator": (
        policy(Condition={"StringEqual": {"a:b": "x"}}),
        "identity",
        "Statement.Condition.StringEqual",
        "unknown operator 'StringEqual'",
    ),
    "an unknown qualifier": (
        policy(Condition={"ForSome:Bool": {"a:b": "x"}}),
        "identity",
        "Statement.Condition.ForSome:Bool",
        "unknown operator",
    ),
    "NullIfExists": (
        policy(Condition={"NullIfExists": {"a:b": "true"}}),
        "identity",
        "Statement.Condition.NullIfExists",
        "Null takes no IfExists",
    ),
    "an operator without keys": (
        policy(Condition={"Bool": {}}),
        "identity",
        "Statement.Condition.Bool",
        "a mapping of condition keys",
    ),
    "a key without values": (
        policy(Condition={"Bool": {"a:b": []}}),
        "identity",
        "Statement.Condition.Bool.a:b",
        "needs a value",
    ),
    "a key of null": (
        policy(Condition={"Bool": {"a:b": [None]}}),
        "identity",
        "Statement.Condition.Bool.a:b",
        "needs a value",
    ),
    "a character that IAM cannot store": (
        policy(Resource=["*", "arn:aws:s3:::\u0142"]),
        "identity",
        "Statement.Resource.1",
        "U+0142",
    ),
    "such a character in a key": (
        policy(Condition={"Bool": {"a:\u0142": "x"}}),
        "identity",
        "Statement.Condition.Bool.a:\u0142",
        "U+0142",
    ),
}


@pytest.mark.parametrize("case", GOOD)
def test_it_has_nothing_against(case: str) -> None:
    assert found(*GOOD[case]) == []


@pytest.mark.parametrize("case", BAD)
def test_it_points_at(case: str) -> None:
    value, use, path, message = BAD[case]
    problem = found(value, use)
    assert len(problem) == 1
    assert problem[0][0] == path
    assert message in problem[0][1]


def test_a_misspelt_word_comes_with_those_it_could_be() -> None:
    (problem,) = problems(policy(Effect="Alow"), "identity")
    assert (problem.wrong, problem.candidates) == ("Alow", ("Allow", "Deny"))


def test_several_problems_are_all_told() -> None:
    value = {"Version": 1, "Statement": [{"Effect": "x"}, 5], "more": 1}
    assert [path for path, _ in found(value)] == [
        *("more", "Version", "Statement.0.Effect", "Statement.0", "Statement.0", "Statement.1")
    ]


@settings(deadline=None, max_examples=50)
@given(documents())
def test_generated_policies_are_policies(value: Any) -> None:
    assert found(value) == []


@settings(deadline=None, max_examples=50)
@given(ODD)
def test_nothing_that_json_can_hold_is_too_odd(value: Any) -> None:
    found(value, "identity")
    found(value, "trust")


@settings(deadline=None, max_examples=25)
@given(states())
def test_documents_of_generated_states_are_policies_within_their_quotas(state: Any) -> None:
    inline = {"user": 2048, "group": 5120, "role": 10240}
    for resource in state:
        spec = resource.spec
        held = getattr(spec, "inline_policies", ())
        assert sum(document.size for _, document in held) <= inline.get(resource.address.kind, 0)
        assert all(found(document.value) == [] for _, document in held)
        if isinstance(spec, Policy):
            assert found(spec.document.value) == []
            assert spec.document.size <= 6144
        if isinstance(spec, Role):
            assert found(spec.trust_policy.value, "trust") == []
            assert spec.trust_policy.size <= 2048


@pytest.mark.skipif(not LARGE.is_file(), reason="the real account dump is not beside the project")
def test_every_document_of_a_real_account_is_a_policy() -> None:
    state, _ = dump_state(json.loads(LARGE.read_text(encoding="utf-8")))
    count = 0
    for resource in state:
        spec = resource.spec
        held: list[tuple[Any, Use]] = [(document, "identity") for _, document in getattr(spec, "inline_policies", ())]
        if isinstance(spec, Policy):
            held.append((spec.document, "identity"))
        if isinstance(spec, Role):
            held.append((spec.trust_policy, "trust"))
        for document, use in held:
            assert found(document.value, use) == [], resource.address
            count += 1
    assert count > 100
