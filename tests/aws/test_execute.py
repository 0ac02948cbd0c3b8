"""A step becomes a call: what is repeated, what is checked, what is believed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from iamsync.aws.execute import Executor
from iamsync.aws.retrying import ONCE
from iamsync.aws.session import Connection
from iamsync.errors import AccessDenied, AwsError, CredentialsError, Unsupported
from iamsync.events import Result
from iamsync.kinds import KINDS
from iamsync.kinds.account import PasswordPolicy
from iamsync.kinds.credentials import ORDER, Credential
from iamsync.kinds.kind import Context, Kind
from iamsync.kinds.metadata import Metadata
from iamsync.kinds.operations import OPERATIONS, WAIT
from iamsync.model import Address, Call, Resource, Step
from iamsync.policy.document import Document

from .conftest import ACCOUNT, TRUST, Answer, Wire, document, refusal

Ask = Callable[..., dict[str, Any]]
APP, ALICE, DEPLOY = Address("role", "app"), Address("user", "alice"), Address("policy", "deploy")
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/app"
DEPLOY_ARN = f"arn:aws:iam::{ACCOUNT}:policy/deploy"
NOBODY: frozenset[Address] = frozenset()
BUSY = refusal("ConcurrentModification", 409)
MISSING = refusal("NoSuchEntity", 404)
DELETE_ROLE = Call("DeleteRole", {"RoleName": "app"})
CREATE_ROLE = Call("CreateRole", {
    "RoleName": "app", "Path": "/ci/", "AssumeRolePolicyDocument": TRUST, "Description": "d",
    "Tags": [{"Key": "b", "Value": "1"}, {"Key": "a", "Value": "2"}],
})  # fmt: skip
CREATE_POLICY = Call("CreatePolicy", {"PolicyName": "deploy", "PolicyDocument": document(), "Description": "d"})
NEW_VERSION = Call(
    "CreatePolicyVersion", {"PolicyArn": DEPLOY_ARN, "PolicyDocument": document("s3:*"), "SetAsDefault": True}
)
RENAME = Call("UpdateUser", {"UserName": "alice", "NewUserName": "alicia"})


class Time:
    """Seconds that pass without passing."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def execute(connection: Connection, time: Time) -> Executor:
    return Executor(connection, sleep=time, jitter=lambda: 1.0)


def step(call: Call, address: Address | None = APP, *after: str) -> Step:
    return Step("s9", address, call, "neutral", after)


def test_a_call_is_made_once_and_tells_its_request(execute: Executor, wire: Wire) -> None:
    result = execute(step(CREATE_ROLE), NOBODY)
    assert (result.outcome, result.attempts, wire.calls) == ("done", 1, ["CreateRole"])
    assert result.request_id


def test_a_pause_is_slept_and_calls_nothing(execute: Executor, wire: Wire, time: Time) -> None:
    assert execute(step(Call(WAIT, {"seconds": 10}), None), NOBODY) == Result("done")
    assert (time.slept, wire.calls) == ([10.0], [])


@pytest.mark.parametrize("operation", ["CreateAccessKey", "DeleteServiceLinkedRole", "ListRoles", "", "__class__"])
def test_an_operation_that_no_kind_emits_is_refused(execute: Executor, wire: Wire, operation: str) -> None:
    with pytest.raises(AwsError) as caught:
        execute(step(Call(operation, {})), NOBODY)
    assert (caught.value.code, wire.calls) == ("operation-refused", [])


@pytest.mark.parametrize("code", ["ConcurrentModification", "EntityTemporarilyUnmodifiable"])
def test_a_write_that_met_another_is_repeated_with_growing_pauses(
    execute: Executor, wire: Wire, time: Time, code: str
) -> None:
    wire.faults["CreateRole"] = [refusal(code, 409)] * 6
    assert execute(step(CREATE_ROLE), NOBODY).attempts == 7
    assert time.slept == [1, 2, 4, 8, 16, 20]


def test_repeating_ends_after_two_minutes(execute: Executor, wire: Wire, time: Time) -> None:
    wire.faults["CreateRole"] = [BUSY] * 99
    with pytest.raises(AwsError) as caught:
        execute(step(CREATE_ROLE), NOBODY)
    assert caught.value.aws_code == "ConcurrentModification"
    assert 90 < sum(time.slept) <= 120


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal("AccessDenied", 403), AccessDenied),
        (refusal("ExpiredToken", 403), CredentialsError),
        (refusal("LimitExceeded", 409), AwsError),
        (refusal("MalformedPolicyDocument", 400, "Syntax errors in policy."), AwsError),
        (refusal("NotImplemented", 501), Unsupported),
        (refusal("UnmodifiableEntity", 400), AwsError),
    ],
)
def test_what_repeating_cannot_mend_fails_at_once(
    execute: Executor, wire: Wire, time: Time, answer: Answer, kind: type[AwsError]
) -> None:
    wire.faults["CreateRole"] = [answer]
    with pytest.raises(kind):
        execute(step(CREATE_ROLE), frozenset({ALICE}))
    assert (time.slept, wire.calls) == ([], ["CreateRole"])


LATE = [MISSING, refusal("MalformedPolicyDocument", 400, 'Invalid principal in policy: "AWS":"..."')]


@pytest.mark.parametrize("answer", LATE)
def test_what_was_made_a_moment_ago_is_waited_for(execute: Executor, wire: Wire, time: Time, answer: Answer) -> None:
    wire.faults["CreateRole"] = [answer] * 3
    assert execute(step(CREATE_ROLE), frozenset({ALICE})).attempts == 4
    assert time.slept == [1, 2, 4]


@pytest.mark.parametrize("answer", LATE)
def test_what_was_not_made_in_this_run_is_not_waited_for(
    execute: Executor, wire: Wire, time: Time, answer: Answer
) -> None:
    wire.faults["CreateRole"] = [answer]
    with pytest.raises(AwsError):
        execute(step(CREATE_ROLE), NOBODY)
    assert time.slept == []


GONE = [
    Call("DeleteRole", {"RoleName": "app"}),
    Call("DetachRolePolicy", {"RoleName": "app", "PolicyArn": DEPLOY_ARN}),
    Call("DeleteRolePolicy", {"RoleName": "app", "PolicyName": "own"}),
    Call("RemoveUserFromGroup", {"UserName": "alice", "GroupName": "dev"}),
    Call("UntagUser", {"UserName": "alice", "TagKeys": ["a"]}),
    Call("DeletePolicyVersion", {"PolicyArn": DEPLOY_ARN, "VersionId": "v1"}),
    Call("DeleteUserPermissionsBoundary", {"UserName": "alice"}),
    Call("RemoveRoleFromInstanceProfile", {"InstanceProfileName": "web", "RoleName": "app"}),
]


@pytest.mark.parametrize("gone", GONE, ids=lambda call: call.operation)
def test_what_is_gone_need_not_be_taken_away(execute: Executor, time: Time, gone: Call) -> None:
    result = execute(step(gone), frozenset({DEPLOY}))
    assert (result.outcome, time.slept) == ("already", [])
    assert result.request_id


def test_what_hangs_on_something_made_in_this_run_is_not_taken_for_gone_too_soon(
    execute: Executor, wire: Wire, ask: Ask
) -> None:
    ask("CreateUser", UserName="alice")
    ask("TagUser", UserName="alice", Tags=[{"Key": "a", "Value": "b"}])
    wire.faults["UntagUser"] = [MISSING] * 2
    untag = Call("UntagUser", {"UserName": "alice", "TagKeys": ["a"]})
    assert execute(step(untag, ALICE), frozenset({ALICE})).outcome == "done"
    assert ask("ListUserTags", UserName="alice")["Tags"] == []
    wire.faults["UntagUser"] = [MISSING] * 99
    assert execute(step(untag, ALICE), frozenset({ALICE})).outcome == "already"


def test_a_deletion_waits_for_the_detachments_before_it_to_count(
    execute: Executor, wire: Wire, time: Time, ask: Ask
) -> None:
    ask("CreateRole", **CREATE_ROLE.params)
    conflict = refusal("DeleteConflict", 409)
    wire.faults["DeleteRole"] = [conflict] * 2
    assert execute(step(DELETE_ROLE, APP, "s1"), NOBODY).outcome == "done"
    assert time.slept == [1, 2]
    wire.faults["DeleteRole"] = [conflict]
    with pytest.raises(AwsError, match="DeleteConflict"):
        execute(step(DELETE_ROLE, APP), NOBODY)
    assert len(time.slept) == 2


@pytest.mark.parametrize("call", [CREATE_ROLE, CREATE_POLICY], ids=lambda call: call.operation)
@pytest.mark.parametrize("lost", [["lost"], ["reset"], ["reset", "lost"], ["lost"] * 9], ids=str)
def test_a_creation_whose_answer_was_lost_is_done(execute: Executor, wire: Wire, call: Call, lost: list[str]) -> None:
    wire.faults[call.operation] = list(lost)
    address = APP if call is CREATE_ROLE else DEPLOY
    result = execute(step(call, address), NOBODY)
    assert (result.outcome, result.attempts) == ("done", len(lost) + 1)


def test_a_creation_that_never_got_an_answer_is_looked_for(execute: Executor, wire: Wire) -> None:
    wire.faults["CreateRole"] = ["lost"] * 10
    assert execute(step(CREATE_ROLE), NOBODY).outcome == "done"


def test_a_creation_without_answer_or_effect_fails(execute: Executor, wire: Wire) -> None:
    wire.faults["CreateRole"] = ["reset"] * 10
    with pytest.raises(AwsError) as caught:
        execute(step(CREATE_ROLE), NOBODY)
    assert caught.value.code == "no-answer"


def test_a_name_that_was_taken_by_somebody_else_is_an_error(execute: Executor, ask: Ask, time: Time) -> None:
    ask("CreateRole", **CREATE_ROLE.params)
    with pytest.raises(AwsError) as caught:
        execute(step(CREATE_ROLE), NOBODY)
    assert (caught.value.aws_code, time.slept) == ("EntityAlreadyExists", [])


DIFFERENT: list[dict[str, Any]] = [
    {"Path": "/"},
    {"Description": "other"},
    {"AssumeRolePolicyDocument": TRUST.replace("ec2", "lambda")},
    {"MaxSessionDuration": 7200},
    {"Tags": []},
]


@pytest.mark.parametrize("different", DIFFERENT, ids=lambda params: next(iter(params)))
def test_after_a_lost_answer_what_stands_there_must_be_what_was_asked_for(
    execute: Executor, wire: Wire, ask: Ask, different: dict[str, Any]
) -> None:
    ask("CreateRole", **{**CREATE_ROLE.params, **different})
    wire.faults["CreateRole"] = ["reset"]
    with pytest.raises(AwsError) as caught:
        execute(step(CREATE_ROLE), NOBODY)
    assert caught.value.aws_code == "EntityAlreadyExists"


def test_after_a_lost_answer_what_stands_there_must_hold_nothing_more(execute: Executor, wire: Wire, ask: Ask) -> None:
    ask("CreateRole", **CREATE_ROLE.params)
    ask("PutRolePolicy", RoleName="app", PolicyName="door", PolicyDocument=document("*"))
    wire.faults["CreateRole"] = ["reset"]
    with pytest.raises(AwsError):
        execute(step(CREATE_ROLE), NOBODY)


def versions(ask: Ask) -> list[tuple[str, bool]]:
    found = ask("ListPolicyVersions", PolicyArn=DEPLOY_ARN)["Versions"]
    return sorted((version["VersionId"], version["IsDefaultVersion"]) for version in found)


FAILURE = refusal("ServiceFailure", 500)
THROTTLED = refusal("Throttling", 400)


@pytest.mark.parametrize(
    "faults",
    [
        ["lost"], ["reset"], ["reset", "lost"], [FAILURE], [THROTTLED, "lost"], [THROTTLED], ["lost"] * 9,
        [lambda answer: FAILURE], [lambda answer: (502, {}, b"<!doctype html>")],
    ],
    ids=lambda faults: str(faults)[:24],
)  # fmt: skip
def test_a_version_is_made_exactly_once_whatever_happens_to_its_answer(
    execute: Executor, wire: Wire, ask: Ask, faults: list[Any]
) -> None:
    ask("CreatePolicy", **CREATE_POLICY.params)
    wire.faults["CreatePolicyVersion"] = list(faults)
    assert execute(step(NEW_VERSION, DEPLOY), NOBODY).outcome == "done"
    assert versions(ask) == [("v1", False), ("v2", True)]


def unlisted(answer: Answer) -> Answer:
    """The versions without the newest one, which AWS does not show yet."""
    text = answer[2].decode()
    newest = next(part for part in text.split("<member>") if "<VersionId>v2<" in part)
    return answer[0], answer[1], text.replace(f"<member>{newest.partition('</member>')[0]}</member>", "").encode()


def test_a_version_that_was_made_and_is_not_listed_yet_is_not_made_again(
    execute: Executor, wire: Wire, ask: Ask, time: Time
) -> None:
    ask("CreatePolicy", **CREATE_POLICY.params)
    wire.faults |= {"CreatePolicyVersion": ["lost"], "ListPolicyVersions": [unlisted] * 3}
    assert execute(step(NEW_VERSION, DEPLOY), NOBODY).outcome == "done"
    assert versions(ask) == [("v1", False), ("v2", True)]
    assert time.slept == [1, 1, 2, 4]


def test_a_version_that_is_stored_but_idle_is_made_the_default(execute: Executor, wire: Wire, ask: Ask) -> None:
    ask("CreatePolicy", **CREATE_POLICY.params)
    ask("CreatePolicyVersion", PolicyArn=DEPLOY_ARN, PolicyDocument=document("s3:*"), SetAsDefault=False)
    wire.faults["CreatePolicyVersion"] = ["reset"]
    assert execute(step(NEW_VERSION, DEPLOY), NOBODY).outcome == "done"
    assert versions(ask) == [("v1", False), ("v2", True)]


def test_a_version_that_is_refused_again_and_again_ends_in_its_first_kind_of_error(
    execute: Executor, wire: Wire, ask: Ask, time: Time
) -> None:
    ask("CreatePolicy", **CREATE_POLICY.params)
    wire.faults["CreatePolicyVersion"] = [FAILURE] * 99
    with pytest.raises(AwsError) as caught:
        execute(step(NEW_VERSION, DEPLOY), NOBODY)
    assert caught.value.aws_code == "ServiceFailure"
    assert sum(time.slept) <= 120
    assert versions(ask) == [("v1", True)]


def test_where_looking_is_denied_too_the_first_failure_is_told(execute: Executor, wire: Wire, ask: Ask) -> None:
    ask("CreatePolicy", **CREATE_POLICY.params)
    wire.faults |= {"CreatePolicyVersion": [FAILURE], "ListPolicyVersions": [refusal("AccessDenied", 403)]}
    with pytest.raises(AwsError) as caught:
        execute(step(NEW_VERSION, DEPLOY), NOBODY)
    assert caught.value.aws_code == "ServiceFailure"
    assert isinstance(caught.value.__cause__, AccessDenied)


def test_a_policy_that_is_not_seen_yet_is_waited_for_after_a_doubt(execute: Executor, wire: Wire, ask: Ask) -> None:
    ask("CreatePolicy", **CREATE_POLICY.params)
    wire.faults |= {"CreatePolicyVersion": [FAILURE], "ListPolicyVersions": [MISSING]}
    assert execute(step(NEW_VERSION, DEPLOY), NOBODY).attempts == 2
    assert versions(ask) == [("v1", False), ("v2", True)]


def test_a_pause_that_is_cut_short_ends_the_repeating_soon(connection: Connection, wire: Wire) -> None:
    wire.faults["CreateRole"] = [BUSY] * 99
    with pytest.raises(AwsError):
        Executor(connection, sleep=lambda seconds: None)(step(CREATE_ROLE), NOBODY)
    assert len(wire.calls) < 16


def test_a_version_that_was_not_looked_for_long_enough_is_not_made_again(
    connection: Connection, wire: Wire, ask: Ask
) -> None:
    ask("CreatePolicy", **CREATE_POLICY.params)
    wire.faults |= {"CreatePolicyVersion": ["lost"], "ListPolicyVersions": [unlisted] * 5}
    with pytest.raises(AwsError):
        Executor(connection, sleep=lambda seconds: True)(step(NEW_VERSION, DEPLOY), NOBODY)
    assert versions(ask) == [("v1", False), ("v2", True)]


@pytest.mark.parametrize("fault", ["lost", "reset"])
def test_a_rename_whose_answer_was_lost_is_done(execute: Executor, wire: Wire, ask: Ask, fault: str) -> None:
    ask("CreateUser", UserName="alice")
    wire.faults["UpdateUser"] = [fault]
    assert execute(step(RENAME, Address("user", "alicia")), NOBODY).outcome == "done"
    assert [user["UserName"] for user in ask("ListUsers")["Users"]] == ["alicia"]


def test_a_rename_of_nobody_is_an_error(execute: Executor, wire: Wire) -> None:
    wire.faults["UpdateUser"] = ["reset"]
    with pytest.raises(AwsError, match="NoSuchEntity"):
        execute(step(RENAME, Address("user", "alicia")), NOBODY)


def test_a_profile_that_holds_the_role_already_is_left(execute: Executor, ask: Ask) -> None:
    ask("CreateRole", **CREATE_ROLE.params)
    ask("CreateRole", RoleName="other", AssumeRolePolicyDocument=TRUST)
    ask("CreateInstanceProfile", InstanceProfileName="web")
    add = Call("AddRoleToInstanceProfile", {"InstanceProfileName": "web", "RoleName": "app"})
    assert execute(step(add), NOBODY).outcome == "done"
    assert execute(step(add), NOBODY).outcome == "already"
    with pytest.raises(AwsError, match="LimitExceeded"):
        execute(step(Call(add.operation, {**add.params, "RoleName": "other"})), NOBODY)


def settings_of(kind: Kind) -> tuple[str, ...]:
    return tuple(field.name for field in kind.fields) if kind.setting else ("",)


def emitted() -> Iterator[Call]:
    """Every call that the kinds can emit, with all parameters they can have."""
    cx = Context(ACCOUNT)
    one, two, three = (Document.parse(text) for text in (document(), document("s3:*"), TRUST))
    arn, tags = DEPLOY_ARN, (("a", "b"),)
    held: dict[str, Any] = {
        "managed_policies": (arn,), "inline_policies": (("own", one),), "permissions_boundary": arn, "tags": tags,
        "groups": ("dev",), "path": "/ci/", "description": "d", "max_session_duration": 7200,
        "trust_policy": three, "document": one, "role": ROLE_ARN, "client_ids": ("a", "b"),
        "thumbprints": ("a" * 40,), "metadata": Metadata.of("<a/>" * 250), "alias": "acme",
        "password_policy": PasswordPolicy(max_password_age=90, password_reuse_prevention=24),
    }  # fmt: skip
    other: dict[str, Any] = {"inline_policies": (("own", two),), "trust_policy": two, "document": two}
    other |= {"metadata": Metadata.of("<b/>" * 250), "alias": "old", "password_policy": PasswordPolicy()}
    for kind, setting in ((one, name) for one in KINDS.values() for name in settings_of(one)):
        names = [field.name for field in kind.fields]
        if setting:
            full = Resource(Address(kind.name, setting), kind.spec(**{setting: held[setting]}))
            bare = Resource(Address(kind.name, setting), kind.spec(**{setting: other[setting]}))
            yield kind.creation(full, cx).call
            yield kind.deletion(full, cx).call
            yield from (act.call for act in kind.field(setting).change(bare, full, cx))
            continue
        needed = {name: other[name] for name in kind.required}
        credentials = tuple(Credential(what, "a-sample-that-is-long-enough") for what in ORDER)
        facts = {
            "instance_profiles": ("web",),
            "credentials": credentials,
            "versions": (("v1", one, False), ("v2", one, True)),
        }
        address = Address(kind.name, "sample")
        full = Resource(address, kind.spec(**{name: held[name] for name in names}), facts=facts)
        bare = Resource(address, kind.spec(**needed), facts=facts)
        idle = Resource(address, bare.spec, facts={"versions": tuple((f"v{n}", three, n == 5) for n in range(1, 6))})
        yield kind.creation(full, cx).call
        yield kind.deletion(full, cx).call
        if kind.rename:
            yield kind.rename("old", full, cx)
        for field in kind.fields:
            for acts in (
                field.change(full, bare, cx), field.change(bare, full, cx), field.change(idle, full, cx),
                field.fill(full, cx), field.teardown(full, cx),
            ):  # fmt: skip
                yield from (act.call for act in acts)
        if kind.before_delete:
            yield from (act.call for act in kind.before_delete(full, cx))
        if kind.after_replace:
            yield from (act.call for act in kind.after_replace(full, full, cx))


def test_every_call_of_every_kind_is_one_that_aws_takes(connection: Connection) -> None:
    from botocore.validate import ParamValidator

    model, validator = connection.iam.meta.service_model, ParamValidator()
    seen = set()
    for call in emitted():
        seen.add(call.operation)
        if (shape := model.operation_model(call.operation).input_shape) is None:
            assert call.params == {}
            continue
        report = validator.validate(dict(call.params), shape)
        assert not report.has_errors(), f"{call}: {report.generate_report()}"
    assert seen == OPERATIONS


def test_what_makes_another_thing_each_time_exists_in_aws(connection: Connection) -> None:
    assert set(connection.iam.meta.service_model.operation_names) >= ONCE
