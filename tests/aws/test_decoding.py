"""Documents in answers: freed of their URL encoding at once, and the answer comes out as botocore makes it."""

from __future__ import annotations

import copy
import gc
import json
import weakref
from functools import cache
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iamsync.aws.calls import call
from iamsync.aws.decoding import decoded, undo
from iamsync.aws.session import Connection
from iamsync.errors import IncompleteRead
from iamsync.kinds import wire
from iamsync.kinds.kind import Context
from tests.aws.conftest import ACCOUNT, TRUST, document
from tests.laws.law import law


@cache
def model(operation: str) -> Any:
    from botocore.session import Session

    return Session().get_service_model("iam").operation_model(operation)


def answers(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Answers that hold this document in every place that documents have."""
    role = {"RoleName": "r", "AssumeRolePolicyDocument": text, "Tags": [{"Key": "%7B", "Value": "%22"}]}
    inline = {"PolicyName": "%2F", "PolicyDocument": text}
    details = {
        "RoleDetailList": [{**role, "RolePolicyList": [inline], "InstanceProfileList": [{"Roles": [dict(role)]}]}],
        "UserDetailList": [{"UserName": "u", "UserPolicyList": [dict(inline)]}],
        "Policies": [{"PolicyName": "p", "PolicyVersionList": [{"Document": text}, {"VersionId": "v1"}]}],
    }
    return [
        ("GetAccountAuthorizationDetails", details),
        ("ListRoles", {"Roles": [dict(role)]}),
        ("GetRolePolicy", dict(inline)),
        ("GetPolicyVersion", {"PolicyVersion": {"Document": text}}),
        ("GetUser", {"User": {"UserName": "%7B"}}),
    ]


@given(st.text('%27BbDC2F{}:, "a\né€'))
@law(200)
def test_what_is_left_to_undo_gives_the_same_text(text: str) -> None:
    assert unquote(decoded(text)) == unquote(text)
    assert decoded(quote(text, safe="")) in (text, quote(text, safe=""))


def test_a_document_of_iam_is_undone_whole() -> None:
    for safe in ("", "/"):
        assert decoded(quote(TRUST, safe=safe)) == TRUST


@pytest.mark.parametrize(
    "value", [json.loads(TRUST), {"Condition": {"StringLike": {"a": "100%25 ü 'x' & more\\"}}}, ["%7B"], "%7B%22"]
)
def test_an_answer_is_what_botocore_makes_of_it(value: Any) -> None:
    from botocore.handlers import json_decode_policies

    for operation, answer in answers(quote(json.dumps(value), safe="")):
        plain, ours = copy.deepcopy(answer), copy.deepcopy(answer)
        json_decode_policies(plain, model(operation))
        undo(ours, model(operation))
        json_decode_policies(ours, model(operation))
        assert ours == plain


def test_the_model_of_a_client_is_not_kept() -> None:
    from botocore.session import Session

    operation = Session().get_service_model("iam").operation_model("ListRoles")
    undo({}, operation)
    kept = weakref.ref(operation.output_shape)
    del operation
    gc.collect()
    assert kept() is None


@pytest.mark.parametrize("text", ['{"Version": "2012-10-17", "Statement": [}', "none", '"{', ""])
def test_what_is_no_json_is_told_as_before(text: str) -> None:
    told = []
    for hook in (lambda parsed, model: None, undo):
        answer = answers(quote(text, safe=""))[0][1]
        answer["RoleDetailList"][0] |= {"Path": "/", "Arn": f"arn:aws:iam::{ACCOUNT}:role/r", "RoleId": "AROA"}
        hook(answer, model=model("GetAccountAuthorizationDetails"))
        with pytest.raises(IncompleteRead) as caught:
            wire.details([answer], Context(ACCOUNT, "aws"), {})
        told.append(str(caught.value))
    assert told[0] == told[1]


def test_botocore_finds_nothing_left_to_undo(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    call(connection.iam, "CreateRole", {"RoleName": "r", "AssumeRolePolicyDocument": TRUST})
    inline = {"RoleName": "r", "PolicyName": "p", "PolicyDocument": document()}
    call(connection.iam, "PutRolePolicy", inline)
    given: list[str] = []
    monkeypatch.setattr("botocore.handlers.unquote", lambda text: given.append(text) or unquote(text))
    answer = call(connection.iam, "GetRolePolicy", {"RoleName": "r", "PolicyName": "p"})
    assert answer["PolicyDocument"] == json.loads(document())
    assert given == [document()]
