"""AWS's simulator as asked: what is sent, in which batches, over which pages, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from iamsync.aws.session import Connection
from iamsync.aws.simulate import Answer, Entry, Policies, Request, context_keys, simulate, unaskable
from iamsync.errors import AccessDenied, IncompleteRead, Unsupported
from tests.aws.answering import Answering, Refused
from tests.aws.conftest import document

ONE = Policies((document(),))


def result(action: str, resource: str, verdict: str = "allowed", **more: Any) -> dict[str, Any]:
    return {"EvalActionName": action, "EvalResourceName": resource, "EvalDecision": verdict, **more}


def everything(params: Mapping[str, Any]) -> dict[str, Any]:
    pairs = [(a, r) for a in params["ActionNames"] for r in params["ResourceArns"]]
    return {"EvaluationResults": [result(a, r) for a, r in pairs], "IsTruncated": False}


def test_the_desired_policies_go_out_with_boundary_and_organization(connection: Connection) -> None:
    sent = Answering(connection.iam, "SimulateCustomPolicy", everything)
    policies = Policies(("{}", "[]"), document("s3:*"), ((document("*"),), (document("*"), document("iam:*"))))
    asked = Request("s3:GetObject", "arn:aws:s3:::b/x", (Entry("aws:sourceip", "ip", ("203.0.113.7",)),))
    assert simulate(connection, policies, [asked]) == {asked: Answer("allowed")}
    (params,) = sent.calls
    assert params == {
        "PolicyInputList": ["{}", "[]"],
        "PermissionsBoundaryPolicyInputList": [document("s3:*")],
        "OrderedOrganizationPolicyInputList": [
            {"ServiceControlPolicyInputList": [document("*")]},
            {"ServiceControlPolicyInputList": [document("*"), document("iam:*")]},
        ],
        "ActionNames": ["s3:GetObject"],
        "ResourceArns": ["arn:aws:s3:::b/x"],
        "MaxItems": 1000,
        "ContextEntries": [
            {"ContextKeyName": "aws:sourceip", "ContextKeyValues": ["203.0.113.7"], "ContextKeyType": "ip"}
        ],
    }


def test_a_live_principal_is_asked_about_by_its_arn(connection: Connection) -> None:
    sent = Answering(connection.iam, "SimulatePrincipalPolicy", everything)
    arn = "arn:aws:iam::111122223333:user/alice"
    assert simulate(connection, arn, [Request("iam:GetUser", "*")])[Request("iam:GetUser", "*")].verdict == "allowed"
    assert sent.calls[0]["PolicySourceArn"] == arn
    assert "PolicyInputList" not in sent.calls[0]


def test_actions_on_the_same_resources_share_calls_and_nothing_else_is_asked(connection: Connection) -> None:
    sent = Answering(connection.iam, "SimulateCustomPolicy", everything)
    many = [Request(f"s3:Action{n}", f"arn:aws:s3:::b{m}") for n in range(60) for m in range(25)]
    found = simulate(connection, ONE, [*many, Request("iam:GetUser", "*"), *many[:5]])
    assert len(found) == 60 * 25 + 1
    assert len(sent.calls) == 2 * 2 + 1
    assert sum(len(p["ActionNames"]) * len(p["ResourceArns"]) for p in sent.calls) == len(found)


def test_every_page_is_read(connection: Connection) -> None:
    def pages(params: Mapping[str, Any]) -> dict[str, Any]:
        first = "Marker" not in params
        held = result("s3:A", "*", "allowed") if first else result("s3:B", "*", "explicitDeny")
        return {"EvaluationResults": [held], "IsTruncated": first, **({"Marker": "m"} if first else {})}

    sent = Answering(connection.iam, "SimulateCustomPolicy", pages)
    found = simulate(connection, ONE, [Request("s3:A", "*"), Request("s3:B", "*")])
    assert [answer.verdict for answer in found.values()] == ["allowed", "explicit_deny"]
    assert [params.get("Marker") for params in sent.calls] == [None, "m"]


def test_results_of_single_resources_count_before_that_of_all(connection: Connection) -> None:
    def answer(params: Mapping[str, Any]) -> dict[str, Any]:
        specific = [
            {"EvalResourceName": "arn:aws:s3:::a", "EvalResourceDecision": "allowed"},
            {
                "EvalResourceName": "arn:aws:s3:::b",
                "EvalResourceDecision": "implicitDeny",
                "MissingContextValues": ["aws:SourceIp"],
                "PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": False},
            },
        ]
        whole = result("S3:getobject", "*", "implicitDeny", ResourceSpecificResults=specific)
        return {"EvaluationResults": [{**whole, "OrganizationsDecisionDetail": {"AllowedByOrganizations": False}}]}

    Answering(connection.iam, "SimulateCustomPolicy", answer)
    a, b = (Request("s3:GetObject", f"arn:aws:s3:::{name}") for name in "ab")
    found = simulate(connection, ONE, [a, b])
    assert found[a] == Answer("allowed", (), ("the organization's policies",))
    assert found[b] == Answer(
        "implicit_deny", ("aws:sourceip",), ("the organization's policies", "the permissions boundary")
    )


def test_an_answer_that_lacks_what_was_asked_is_no_answer(connection: Connection) -> None:
    Answering(connection.iam, "SimulateCustomPolicy", lambda _: {"EvaluationResults": []})
    with pytest.raises(IncompleteRead, match="s3:GetObject"):
        simulate(connection, ONE, [Request("s3:GetObject", "*")])


def test_a_principal_without_policies_is_asked_about_with_one_that_gives_nothing(connection: Connection) -> None:
    sent = Answering(connection.iam, "SimulateCustomPolicy", everything)
    simulate(connection, Policies(()), [Request("s3:GetObject", "*")])
    assert "sts:GetCallerIdentity" in sent.calls[0]["PolicyInputList"][0]
    assert context_keys(connection, Policies(())) == frozenset()


def test_context_keys_are_those_of_all_policies(connection: Connection) -> None:
    sent = Answering(
        connection.iam, "GetContextKeysForCustomPolicy", lambda _: {"ContextKeyNames": ["aws:SourceIp", "s3:prefix"]}
    )
    policies = Policies(("{}",), "[]", (("{ }",),))
    assert context_keys(connection, policies) == {"aws:sourceip", "s3:prefix"}
    assert sent.calls == [{"PolicyInputList": ["{}", "[]", "{ }"]}]


def test_what_the_simulator_does_not_take_is_known_before_it_is_asked(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert unaskable(connection, Policies((document(),), document(), ((document(),),))) is None
    assert "Latin-1" in str(unaskable(connection, Policies((document("s3:\u4e00"),))))
    assert "131072" in str(unaskable(connection, Policies((), "x" * 131_073)))
    monkeypatch.setattr("iamsync.aws.simulate._members", lambda *_: {})
    assert unaskable(connection, ONE) is None
    assert "newer" in str(unaskable(connection, Policies((), None, (("{}",),))))


def test_a_refusal_is_told_as_one(connection: Connection) -> None:
    def deny(params: Mapping[str, Any]) -> dict[str, Any]:
        raise Refused("AccessDenied", 403, "User is not authorized to perform: iam:SimulateCustomPolicy")

    Answering(connection.iam, "SimulateCustomPolicy", deny)
    with pytest.raises(AccessDenied, match="SimulateCustomPolicy"):
        simulate(connection, ONE, [Request("s3:GetObject", "*")])


def test_the_sandbox_has_no_simulator(connection: Connection) -> None:
    with pytest.raises(Unsupported):
        simulate(connection, ONE, [Request("s3:GetObject", "*")])
