"""Answers that lack what every answer of AWS has: an error that says so, neither a defect nor nothing found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.session import get_session

from iamsync.aws import accesskeys, accountwide, analyzer, details, lastaccessed, notify, secretstores, straykeys
from iamsync.aws.execute import Executor
from iamsync.aws.objects import Objects
from iamsync.aws.session import Access, Sessions
from iamsync.buckets import Bucket
from iamsync.errors import IncompleteRead
from iamsync.model import Address, Call, Step
from iamsync.notification import Message, Target
from tests.aws.answering import Answering

ITEMS: tuple[tuple[str, Mapping[str, Any], Callable[[Any], object]], ...] = (
    ("ListAccessKeys", {"AccessKeyMetadata": [{"Status": "Active"}]}, lambda iam: accesskeys.keys_of(iam, "a")),
    ("ListAccessKeys", {}, lambda iam: straykeys.seen(iam, "a")),
    (
        "ListAccessKeys",
        {"AccessKeyMetadata": [{"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "Status": "Active"}]},
        lambda iam: straykeys.seen(iam, "a"),
    ),
    ("ListVirtualMFADevices", {"VirtualMFADevices": [{}]}, accountwide.root_devices),
    ("ListVirtualMFADevices", {"VirtualMFADevices": [{}]}, lambda iam: details.credentials(iam, "a")),
    ("ListServerCertificates", {"ServerCertificateMetadataList": [{}]}, accountwide.certificates),
    ("ListPolicyVersions", {"Versions": [{}]}, lambda iam: details.versions(iam, "arn:aws:iam::111122223333:policy/p")),
    ("ListSSHPublicKeys", {"SSHPublicKeys": [{}]}, lambda iam: accesskeys.others_of(iam, "a", "SSH public keys")),
    ("GetRole", {}, lambda iam: details.role_used(iam, "r")),
    (
        "GetServiceLastAccessedDetails",
        {"JobStatus": "COMPLETED", "ServicesLastAccessed": [{}]},
        lambda iam: lastaccessed._pages(iam, "arn", "0" * 36, {"ServicesLastAccessed": [{}]}),
    ),
)


def client(service: str) -> Any:
    session = get_session()
    session.set_credentials("testing", "testing")
    return session.create_client(service, region_name="us-east-1")


@pytest.fixture(scope="module")
def iam() -> Any:
    return client("iam")


@pytest.mark.parametrize(("operation", "answer", "asked"), ITEMS, ids=range(len(ITEMS)))
def test_an_item_without_its_name_is_told_as_an_answer_that_is_not_whole(
    iam: Any, operation: str, answer: Mapping[str, Any], asked: Callable[[Any], object]
) -> None:
    lacking = dict(answer)
    iam.meta.events.register_first(f"before-call.iam.{operation}", lambda **_: (_Ok(), dict(lacking)), "lacking")
    try:
        with pytest.raises(IncompleteRead, match=operation):
            asked(iam)
    finally:
        iam.meta.events.unregister(f"before-call.iam.{operation}", unique_id="lacking")


class _Ok:
    status_code = 200


def test_a_finding_without_its_code_and_pages_that_lead_in_a_ring_are_told() -> None:
    finding = {"findingType": "ERROR", "findingDetails": "x", "learnMoreLink": "https://example.com"}
    checks = client("accessanalyzer")
    checks.meta.events.register_first(
        "before-call.accessanalyzer.ValidatePolicy", lambda **_: (_Ok(), {"findings": [finding]})
    )
    with pytest.raises(IncompleteRead, match="ValidatePolicy"):
        list(analyzer._remarks(checks, analyzer.Document("{}", False)))
    ssm = client("ssm")
    asked = Answering(ssm, "DescribeParameters", lambda params: {"Parameters": [], "NextToken": "again"})
    with pytest.raises(IncompleteRead, match="DescribeParameters"):
        secretstores.Parameter(ssm, "key").holds()
    assert len(asked.calls) == 2


@pytest.mark.parametrize("more", [{}, {"NextContinuationToken": "again"}])
def test_a_listing_of_a_bucket_ends_or_fails(more: Mapping[str, Any]) -> None:
    s3 = client("s3")
    asked = Answering(s3, "ListObjectsV2", lambda params: {"IsTruncated": True, **more})
    with pytest.raises(IncompleteRead, match="ListObjectsV2"):
        Objects(s3, Bucket.parse("s3://acme-iamsync/runs/")).names()
    assert len(asked.calls) == 1 + len(more)


def test_a_version_without_its_document_is_not_taken_for_another_one(iam: Any) -> None:
    policy = "arn:aws:iam::111122223333:policy/p"
    answers = {
        "ListPolicyVersions": {"Versions": [{"VersionId": "v1"}]},
        "GetPolicyVersion": {"PolicyVersion": {"VersionId": "v1"}},
    }

    def answered(model: Any, **_: Any) -> Any:
        return _Ok(), dict(answers[model.name])

    for operation in answers:
        iam.meta.events.register_first(f"before-call.iam.{operation}", answered, f"lacking-{operation}")
    connection = SimpleNamespace(iam=iam, partition="aws")
    document = '{"Version": "2012-10-17", "Statement": []}'
    made = Call("CreatePolicyVersion", {"PolicyArn": policy, "PolicyDocument": document})
    try:
        with pytest.raises(IncompleteRead, match="GetPolicyVersion"):
            Executor(cast(Any, connection))._version_is_default(Step("s1", Address("policy", "p"), made, "neutral"))
    finally:
        for operation in answers:
            iam.meta.events.unregister(f"before-call.iam.{operation}", unique_id=f"lacking-{operation}")


def test_a_topic_that_does_not_say_that_it_took_a_message_was_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    sns = client("sns")
    Answering(sns, "Publish", lambda params: {})
    monkeypatch.setattr(notify, "service_client", lambda *_: sns)
    target = Target.sns("arn:aws:sns:eu-west-1:111122223333:iam")
    with pytest.raises(IncompleteRead, match="Publish"):
        notify.publish(target, Message("subject", "text", "{}", "{}"), Access(account_id="111122223333"), Sessions())
