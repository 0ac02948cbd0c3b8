"""A live account becomes a State, whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from iamsync.aws import read as module
from iamsync.aws.calls import pages
from iamsync.aws.read import confirm, read, read_one
from iamsync.aws.session import Connection
from iamsync.errors import AccessDenied, AwsError, IncompleteRead
from iamsync.kinds.credentials import Credential
from iamsync.kinds.policy import Policy
from iamsync.manifest.configsettings import no_settings
from iamsync.model import Address, Question, Removal, State
from iamsync.planner.confirming import questions
from iamsync.policy.document import Document

from .conftest import ACCOUNT, TRUST, Answer, Wire, document, refusal

Ask = Callable[..., dict[str, Any]]
DEPLOY = f"arn:aws:iam::{ACCOUNT}:policy/ci/deploy"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
STREAMS = ["GetAccountAuthorizationDetails", "GetAccountSummary", "GetResources", "ListAccountAliases", "ListRoles"]


@pytest.fixture
def account(ask: Ask) -> Ask:
    """An account with one of everything; the function makes more."""
    tags = [{"Key": "Team", "Value": "data"}]
    ask("CreatePolicy", PolicyName="deploy", Path="/ci/", PolicyDocument=document(), Tags=tags, Description="ships")
    ask("CreatePolicyVersion", PolicyArn=DEPLOY, PolicyDocument=document("s3:*"), SetAsDefault=True)
    ask("CreatePolicy", PolicyName="base", PolicyDocument=document("ec2:*"))
    ask("CreateGroup", GroupName="dev", Path="/people/")
    ask("PutGroupPolicy", GroupName="dev", PolicyName="own", PolicyDocument=document())
    ask("AttachGroupPolicy", GroupName="dev", PolicyArn=DEPLOY)
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/base"
    ask("CreateUser", UserName="alice", Path="/people/", Tags=tags, PermissionsBoundary=boundary)
    ask("AddUserToGroup", UserName="alice", GroupName="dev")
    ask("AttachUserPolicy", UserName="alice", PolicyArn=READ_ONLY)
    ask("PutUserPolicy", UserName="alice", PolicyName="own", PolicyDocument=document())
    role = {"RoleName": "app", "AssumeRolePolicyDocument": TRUST, "Tags": tags}
    ask("CreateRole", **role, Description="runs", MaxSessionDuration=7200, PermissionsBoundary=boundary)
    ask("PutRolePolicy", RoleName="app", PolicyName="own", PolicyDocument=document())
    ask("AttachRolePolicy", RoleName="app", PolicyArn=DEPLOY)
    ask("CreateInstanceProfile", InstanceProfileName="web")
    ask("AddRoleToInstanceProfile", InstanceProfileName="web", RoleName="app")
    ask("CreateAccountAlias", AccountAlias="acme")
    return ask


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("parallel", [True, False])
def test_a_read_takes_five_calls_and_tells_everything(connection: Connection, wire: Wire, parallel: bool) -> None:
    state = read(connection, parallel=parallel)
    assert sorted(wire.calls) == STREAMS
    assert [str(address) for address in state.resources] == [
        "group/dev", "policy/base", "policy/deploy", "role/app", "user/alice",
    ]  # fmt: skip
    assert (state.account_id, state.partition, state.alias) == (ACCOUNT, "aws", "acme")
    assert state.complete == {"user", "group", "role", "policy"}
    assert state.unread == {("policy", "description")}
    assert state.quotas["UsersQuota"] == 5000
    role = state.resources[Address("role", "app")]
    assert (role.spec.description, role.spec.max_session_duration) == ("runs", 7200)
    assert role.facts["instance_profiles"] == ("web",)
    policy = state.resources[Address("policy", "deploy")]
    assert (policy.spec.tags, policy.facts["tags"]) == ((("Team", "data"),), "bulk")
    assert policy.spec.description is None
    assert [(version, default) for version, _, default in policy.facts["versions"]] == [("v1", False), ("v2", True)]
    assert state.resources[Address("policy", "base")].facts["tags"] == "bulk"


@pytest.mark.usefixtures("account")
def test_short_pages_are_read_to_the_last(connection: Connection, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read(connection)
    wire.calls.clear()
    monkeypatch.setattr(module, "_PAGE", 1)
    assert read(connection) == whole
    assert wire.calls.count("GetAccountAuthorizationDetails") == 5


@pytest.mark.usefixtures("account")
def test_one_resource_alone_is_what_the_bulk_read_tells(connection: Connection) -> None:
    questions = [Question("policy-description", f"policy/{name}") for name in ("base", "deploy")]
    for resource in confirm(connection, read(connection), questions):
        alone = read_one(connection, resource.address, resource.spec.path)
        assert alone == resource
        told = {name: value for name, value in resource.facts.items() if name != "tags"}
        assert {name: alone.facts[name] for name in told} == told


@pytest.mark.parametrize("address", ["user/x", "group/x", "role/x", "policy/x"])
def test_what_does_not_exist_is_none_but_what_may_not_be_seen_is_an_error(
    connection: Connection, wire: Wire, address: str
) -> None:
    assert read_one(connection, Address.parse(address)) is None
    wire.faults[wire.calls[-1]] = [refusal("AccessDenied", 403)]
    with pytest.raises(AccessDenied):
        read_one(connection, Address.parse(address))


def fewer(name: str) -> Callable[[Answer], Answer]:
    """An answer of GetAccountSummary that counts one more than there is."""

    def change(answer: Answer) -> Answer:
        found = re.compile(rf"(<key>{name}</key>\s*<value>)(\d+)".encode())
        status, headers, body = answer
        changed = found.sub(lambda match: match[1] + str(int(match[2]) + 1).encode(), body)
        assert changed != body
        return status, headers, changed

    return change


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("name", ["Users", "Groups", "Roles", "Policies"])
def test_a_count_that_differs_is_read_again_and_then_an_error(connection: Connection, wire: Wire, name: str) -> None:
    pauses: list[float] = []
    wire.faults["GetAccountSummary"] = [fewer(name)]
    assert len(read(connection, sleep=pauses.append)) == 5
    assert wire.calls.count("GetAccountAuthorizationDetails") == 2
    wire.faults["GetAccountSummary"] = [fewer(name)] * 4
    with pytest.raises(IncompleteRead, match=rf"counts \d+ {name.lower()}, but \d+ were read"):
        read(connection, sleep=pauses.append)
    assert pauses == [1, 1, 2, 4]


@pytest.mark.usefixtures("account")
def test_lists_of_roles_that_differ_are_read_again_and_then_an_error(connection: Connection, wire: Wire) -> None:
    def without(answer: Answer) -> Answer:
        return answer[0], answer[1], answer[2].replace(b"<RoleName>app<", b"<RoleName>old<")

    pauses: list[float] = []
    wire.faults["ListRoles"] = [without] * 3  # one list may be some seconds older than the other
    assert len(read(connection, sleep=pauses.append)) == 5
    assert pauses == [1, 2, 4]
    wire.faults["ListRoles"] = [without] * 4
    with pytest.raises(IncompleteRead, match="app, old"):
        read(connection, sleep=pauses.append)


@pytest.mark.usefixtures("account")
def test_a_count_that_the_endpoint_does_not_have_is_not_missed(connection: Connection, wire: Wire) -> None:
    def nothing(answer: Answer) -> Answer:
        return answer[0], answer[1], re.sub(rb"<entry>.*</entry>", b"", answer[2], flags=re.DOTALL)

    wire.faults["GetAccountSummary"] = [nothing]
    state = read(connection)
    assert len(state) == 5
    assert dict(state.quotas) == {}


def test_an_empty_account_that_nobody_counts_is_not_believed(connection: Connection, wire: Wire) -> None:
    assert len(read(connection)) == 0
    empty = "<GetAccountSummaryResponse><GetAccountSummaryResult/></GetAccountSummaryResponse>"
    wire.faults["GetAccountSummary"] = [(200, {}, empty.encode())]
    with pytest.raises(IncompleteRead, match="does not say that it is empty"):
        read(connection)


def page(more: bool, marker: str | None) -> Answer:
    text = f"<Marker>{marker}</Marker>" if marker else ""
    body = f"<a><ListRolesResult><Roles/><IsTruncated>{str(more).lower()}</IsTruncated>{text}</ListRolesResult></a>"
    return 200, {}, body.encode()


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([page(True, None)], "missing"),
        ([page(True, "m"), page(True, "m")], "same as before"),
        ([page(True, "m"), page(True, "n"), page(True, "m")], "same as before"),
    ],
)
def test_pages_that_lead_nowhere_are_an_error(
    connection: Connection, wire: Wire, answers: list[Answer], said: str
) -> None:
    wire.faults["ListRoles"] = list(answers)
    with pytest.raises(IncompleteRead, match=said):
        list(pages(connection.iam, "ListRoles", {}))


def test_an_empty_page_is_not_the_last_one(connection: Connection, wire: Wire) -> None:
    wire.faults["ListRoles"] = [page(True, "1"), page(True, "2"), page(False, None)]
    assert len(list(pages(connection.iam, "ListRoles", {}))) == 3


@pytest.mark.parametrize("operation", ["GetAccountAuthorizationDetails", "GetAccountSummary", "ListRoles"])
def test_a_denied_read_is_never_an_empty_account(connection: Connection, wire: Wire, operation: str) -> None:
    wire.faults[operation] = [refusal("AccessDenied", 403)]
    with pytest.raises(AccessDenied, match=operation) as caught:
        read(connection)
    assert f"iam:{operation}" in caught.value.hint


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("code", ["AccessDeniedException", "UnknownOperationException"])
def test_policy_tags_that_the_bulk_call_does_not_tell_are_marked_so(
    connection: Connection, wire: Wire, code: str
) -> None:
    wire.faults["GetResources"] = [(400, {}, f'{{"__type":"{code}","message":"no"}}'.encode())]
    state = read(connection)
    policy = state.resources[Address("policy", "deploy")]
    assert (policy.spec.tags, policy.facts["tags"]) == ((), "none")
    policy = confirm(connection, state, [Question("policy-tags", "policy/deploy")]).resources[policy.address]
    assert (policy.spec.tags, policy.facts["tags"]) == ((("Team", "data"),), "confirmed")


def test_many_pages_of_policy_tags_are_joined_and_a_ring_of_them_is_an_error(
    account: Ask, connection: Connection, wire: Wire
) -> None:
    def answer(token: str, arn: str) -> Answer:
        return (
            200,
            {},
            (
                f'{{"PaginationToken":"{token}","ResourceTagMappingList":'
                f'[{{"ResourceARN":"{arn}","Tags":[{{"Key":"a","Value":"b"}}]}}]}}'
            ).encode(),
        )

    base = f"arn:aws:iam::{ACCOUNT}:policy/base"
    wire.faults["GetResources"] = [answer("next", DEPLOY), answer("", base)]
    state = read(connection)
    assert {r.address.name: r.spec.tags for r in state if r.address.kind == "policy"} == {
        "base": (("a", "b"),), "deploy": (("a", "b"),),
    }  # fmt: skip
    wire.faults["GetResources"] = [answer("next", DEPLOY)] * 2
    with pytest.raises(IncompleteRead):
        read(connection)


@pytest.mark.usefixtures("account")
def test_a_description_that_the_bulk_call_tells_is_not_unread(connection: Connection, wire: Wire) -> None:
    def telling(answer: Answer) -> Answer:
        name = b"<PolicyName>deploy</PolicyName>"
        assert name in answer[2]
        return 200, answer[1], answer[2].replace(name, name + b"<Description>ships</Description>")

    wire.faults["GetAccountAuthorizationDetails"] = [telling]
    state = read(connection)
    assert state.resources[Address("policy", "deploy")].spec.description == "ships"
    assert state.unread == frozenset()


def test_a_document_that_cannot_be_decoded_stops_the_read(account: Ask, connection: Connection, wire: Wire) -> None:
    wire.faults["GetAccountAuthorizationDetails"] = [
        lambda answer: (200, {}, answer[2].replace(b"s3%3AGetObject%22", b"s3%3AGetObject"))
    ]
    with pytest.raises(IncompleteRead, match="cannot be decoded"):
        read(connection)


def test_questions_are_answered_by_one_look_each(account: Ask, connection: Connection, wire: Wire) -> None:
    state = read(connection)
    wire.calls.clear()
    answered = confirm(
        connection,
        state,
        [
            Question("policy-description", "policy/deploy"),
            Question("policy-description", "policy/base"),
            Question("policy-tags", "policy/deploy"),
            Question("policy-tags", "policy/deploy"),
            Question("aws-policy", READ_ONLY),
            Question("aws-policy", "arn:aws:iam::aws:policy/Nothing"),
        ],
    )
    assert sorted(wire.calls) == ["GetPolicy"] * 4 + ["GetPolicyVersion", "ListPolicyTags"]
    version, held = answered.aws_policies[READ_ONLY]
    assert version.startswith("v")
    assert "Statement" in held.value
    assert answered.resources[Address("policy", "deploy")].spec == Policy(
        Document.parse(document("s3:*")), "/ci/", "ships", (("Team", "data"),)
    )
    assert answered.resources[Address("policy", "base")].spec.description == ""
    assert answered.missing == {"arn:aws:iam::aws:policy/Nothing"}
    assert confirm(connection, state, []) is state


def test_a_users_credentials_are_told_without_any_secret(account: Ask, connection: Connection, wire: Wire) -> None:
    key = account("CreateAccessKey", UserName="alice")["AccessKey"]
    account("CreateLoginProfile", UserName="alice", Password="Not-a-word-7-of-it")
    device = account("CreateVirtualMFADevice", VirtualMFADeviceName="phone")["VirtualMFADevice"]["SerialNumber"]
    codes = {"AuthenticationCode1": "123456", "AuthenticationCode2": "234567"}
    account("EnableMFADevice", UserName="alice", SerialNumber=device, **codes)
    seen: list[str] = []
    wire.before = seen.append
    user = Address("user", "alice")
    state = confirm(connection, read(connection), [Question("user-credentials", "user/alice")])
    held = state.resources[user].facts["credentials"]
    assert held == (
        Credential("access-key", key["AccessKeyId"], "Active"),
        Credential("login-profile"),
        Credential("virtual-mfa", device),
    )
    assert [str(one) for one in held] == [
        f"access key ...{key['AccessKeyId'][-4:]} (Active)", "login profile", "virtual MFA device phone",
    ]  # fmt: skip
    assert state.resources[user].facts["last_used"] == ""
    assert key["SecretAccessKey"] not in repr(state.resources[user].facts)
    assert {"ListSSHPublicKeys", "ListSigningCertificates", "ListServiceSpecificCredentials"} <= set(seen)


def test_a_user_without_credentials_has_none(account: Ask, connection: Connection) -> None:
    state = confirm(connection, read(connection), [Question("user-credentials", "user/alice")])
    assert state.resources[Address("user", "alice")].facts["credentials"] == ()


def test_a_credential_that_may_not_be_seen_is_an_error_and_one_not_offered_is_left_out(
    account: Ask, connection: Connection, wire: Wire
) -> None:
    state, question = read(connection), [Question("user-credentials", "user/alice")]
    wire.faults["ListMFADevices"] = [refusal("NotImplemented", 501)]
    assert confirm(connection, state, question).resources[Address("user", "alice")].facts["credentials"] == ()
    wire.faults["ListMFADevices"] = [refusal("AccessDenied", 403)]
    with pytest.raises(AccessDenied):
        confirm(connection, state, question)


def test_whether_a_user_can_sign_in_takes_two_calls_at_most_and_is_not_known_where_one_is_denied(
    account: Ask, connection: Connection, wire: Wire
) -> None:
    state, question = read(connection), [Question("sign-in", "user/alice")]
    seen: list[str] = []
    wire.before = seen.append

    def asked() -> bool | None:
        seen.clear()
        return confirm(connection, state, question).sign_ins["alice"]

    assert asked() is False
    assert seen == ["GetLoginProfile", "ListAccessKeys"]
    for code, status in (("AccessDenied", 403), ("NotImplemented", 501)):
        wire.faults["ListAccessKeys"] = [refusal(code, status)]
        assert asked() is None
    key = account("CreateAccessKey", UserName="alice")["AccessKey"]["AccessKeyId"]
    wire.faults["GetLoginProfile"] = [refusal("AccessDenied", 403)]
    assert asked() is True
    account("UpdateAccessKey", UserName="alice", AccessKeyId=key, Status="Inactive")
    assert asked() is False
    account("CreateLoginProfile", UserName="alice", Password="Not-a-word-7-of-it")
    assert asked() is True
    assert seen == ["GetLoginProfile"]
    account("CreateUser", UserName="gone")
    state, question = read(connection), [Question("sign-in", "user/gone")]
    account("DeleteUser", UserName="gone")
    with pytest.raises(IncompleteRead, match="user/gone has gone"):
        confirm(connection, state, question)


def test_whether_a_user_has_a_password_is_asked_without_a_look_at_its_keys(
    account: Ask, connection: Connection, wire: Wire
) -> None:
    state, question = read(connection), [Question("password", "user/alice")]
    account("CreateAccessKey", UserName="alice")
    seen: list[str] = []
    wire.before = seen.append
    assert confirm(connection, state, question).sign_ins == {"alice": False}
    assert seen == ["GetLoginProfile"]
    wire.faults["GetLoginProfile"] = [refusal("AccessDenied", 403)]
    assert confirm(connection, state, question).sign_ins == {"alice": None}
    account("CreateLoginProfile", UserName="alice", Password="Not-a-word-7-of-it")
    assert confirm(connection, state, question).sign_ins == {"alice": True}


def test_what_went_away_in_between_is_told(account: Ask, connection: Connection) -> None:
    state = read(connection)
    account("DeletePolicyVersion", PolicyArn=DEPLOY, VersionId="v1")
    account("DetachGroupPolicy", GroupName="dev", PolicyArn=DEPLOY)
    account("DetachRolePolicy", RoleName="app", PolicyArn=DEPLOY)
    account("DeletePolicy", PolicyArn=DEPLOY)
    with pytest.raises(IncompleteRead, match="policy/deploy has gone"):
        confirm(connection, state, [Question("policy-tags", "policy/deploy")])


def test_a_question_about_nothing_known_is_a_mistake(connection: Connection) -> None:
    with pytest.raises(ValueError, match="does not hold"):
        confirm(connection, read(connection), [Question("policy-tags", "policy/none")])


def test_an_error_of_a_question_comes_through(account: Ask, connection: Connection, wire: Wire) -> None:
    state = read(connection)
    wire.faults["GetPolicy"] = [refusal("SomethingElse")]
    with pytest.raises(AwsError, match="SomethingElse"):
        confirm(connection, state, [Question("aws-policy", READ_ONLY)])


def test_the_last_use_of_a_role_is_asked_for_where_the_bulk_does_not_tell_it(
    account: Ask, connection: Connection, wire: Wire
) -> None:
    app, desired = Address("role", "app"), State.of(ACCOUNT, (), removed=(Removal(Address("role", "app")),))
    state = read(connection)
    assert state.resources[app].facts["last_used"] == ""
    assert Question("last-used", "role/app") not in questions(desired, state, no_settings())
    facts = {name: held for name, held in state.resources[app].facts.items() if name != "last_used"}
    silent = State.of(ACCOUNT, (replace(r, facts=facts) if r.address == app else r for r in state))
    assert Question("last-used", "role/app") in questions(desired, silent, no_settings())
    wire.calls.clear()
    answered = confirm(connection, silent, [Question("last-used", "role/app")])
    assert answered.resources[app].facts["last_used"] == ""
    assert wire.calls == ["GetRole"]
