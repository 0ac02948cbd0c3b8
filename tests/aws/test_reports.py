"""AWS's reports: the credential report and service last accessed, asked for, waited for, and read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.session import Session
from botocore.stub import Stubber

from iamsync.aws.accountwide import certificates, root_devices
from iamsync.aws.credentialreport import read_report
from iamsync.aws.lastaccessed import last_accessed
from iamsync.errors import AccessDenied, IncompleteRead
from iamsync.kinds.reports import ServiceUse, credential_report
from tests.sandbox.conftest import client as sandbox_client

HEADER = (
    "user,arn,user_creation_time,password_enabled,password_last_used,mfa_active,access_key_1_active,"
    "access_key_1_last_rotated,access_key_1_last_used_date,access_key_2_active,access_key_2_last_rotated,brand_new"
)
ALICE = (
    "alice,arn:aws:iam::111122223333:user/alice,2024-01-01T00:00:00+00:00,TRUE,no_information,false,true,"
    "2025-01-01T01:00:00+01:00,2026-01-01T00:00:00+00:00,false,N/A,x"
)
CSV = f"{HEADER}\n{ALICE}".encode()
ROLE, USER = "arn:aws:iam::111122223333:role/app", "arn:aws:iam::111122223333:user/alice"
JOB = "12345678-1234-1234-1234-123456789012"
TIMES = {"JobCreationDate": datetime(2026, 1, 1, tzinfo=UTC), "JobCompletionDate": datetime(2026, 1, 1, tzinfo=UTC)}


@contextmanager
def stubbed() -> Iterator[tuple[Stubber, Any, list[float]]]:
    session = Session()
    session.set_credentials("AKIAIOSFODNN7EXAMPLE", "none")
    iam = session.create_client("iam", region_name="us-east-1")
    with Stubber(iam) as stub:
        yield stub, iam, []
        stub.assert_no_pending_responses()


def test_a_report_is_waited_for_and_read() -> None:
    with stubbed() as (stub, iam, slept):
        for state in ("STARTED", "INPROGRESS", "COMPLETE"):
            stub.add_response("generate_credential_report", {"State": state})
        stub.add_response(
            "get_credential_report",
            {"Content": CSV, "ReportFormat": "text/csv", "GeneratedTime": datetime(2026, 11, 26, tzinfo=UTC)},
        )
        report = read_report(iam, sleep=slept.append)
        assert slept == [0.5, 1.0]
        assert report.generated == "2026-11-26T00:00:00Z"
        alice = report.rows["alice"]
        assert (alice.password, alice.password_used, alice.mfa) == (True, "", False)
        assert [(key.active, key.rotated, key.used) for key in alice.keys] == [
            (True, "2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
            (False, "", ""),
        ]


def test_a_report_that_runs_out_between_the_calls_is_asked_for_again() -> None:
    with stubbed() as (stub, iam, slept):
        stub.add_response("generate_credential_report", {"State": "COMPLETE"})
        stub.add_client_error("get_credential_report", "ReportExpired", http_status_code=410)
        stub.add_response("generate_credential_report", {"State": "COMPLETE"})
        stub.add_response("get_credential_report", {"Content": CSV, "ReportFormat": "text/csv"})
        assert read_report(iam, sleep=slept.append).rows.keys() == {"alice"}


def test_a_report_that_never_comes_has_an_end_and_a_refusal_is_one() -> None:
    with stubbed() as (stub, iam, slept):
        for _ in range(3):
            stub.add_response("generate_credential_report", {"State": "INPROGRESS"})
        with pytest.raises(IncompleteRead, match="not ready after 2 seconds"):
            read_report(iam, sleep=slept.append, patience=2)
        stub.add_client_error("generate_credential_report", "AccessDenied", http_status_code=403)
        with pytest.raises(AccessDenied):
            read_report(iam)
        stub.add_response("generate_credential_report", {"State": "COMPLETE"})
        stub.add_response("get_credential_report", {"Content": b"<html>", "ReportFormat": "text/csv"})
        with pytest.raises(IncompleteRead, match="no credential report: it has no column user"):
            read_report(iam)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it has no column user"),
        (f"{HEADER}\nalice,x", "line 2 is shorter than its header"),
        (f"{HEADER}\n{ALICE}\n{ALICE}", "user alice stands twice"),
        (f"{HEADER}\n{ALICE.replace('2024-01-01T', 'soon')}", "soon"),
    ],
)
def test_what_is_no_report_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        credential_report(text)


def test_a_report_may_begin_with_a_mark_of_its_encoding() -> None:
    assert credential_report("\ufeff" + CSV.decode()).rows.keys() == {"alice"}


def test_the_sandbox_makes_one_with_the_root_user_in_it(iam: Any) -> None:
    iam.create_user(UserName="alice")
    iam.create_login_profile(UserName="alice", Password="Secret-12345678")
    iam.create_access_key(UserName="alice")
    report = read_report(iam, sleep=lambda _: None)
    assert report.root is not None
    assert report.root.mfa
    alice = report.rows["alice"]
    assert (alice.password, alice.mfa, [key.active for key in alice.keys]) == (True, False, [True, False])
    assert alice.created
    assert alice.keys[0].rotated


@pytest.fixture
def iam() -> Iterator[Any]:
    from iamsync.sandbox import Server

    with Server(account_id="111122223333") as server:
        yield sandbox_client(server)


def service(name: str, used: datetime | None = None) -> dict[str, Any]:
    held: dict[str, Any] = {"ServiceName": name.upper(), "ServiceNamespace": name}
    return {**held, "LastAuthenticated": used} if used else held


def begun(stub: Stubber, arn: str, job: str = JOB) -> None:
    params = {"Arn": arn, "Granularity": "ACTION_LEVEL"}
    stub.add_response("generate_service_last_accessed_details", {"JobId": job}, params)


def test_what_was_used_is_a_job_that_is_waited_for_and_read_page_by_page() -> None:
    with stubbed() as (stub, iam, slept):
        begun(stub, ROLE)
        running = {"JobStatus": "IN_PROGRESS", "ServicesLastAccessed": [], **TIMES}
        stub.add_response("get_service_last_accessed_details", running, {"JobId": JOB})
        used = datetime(2026, 11, 1, tzinfo=UTC)
        tracked = [{"ActionName": "PutBucketPolicy"}, {"ActionName": "CreateBucket", "LastAccessedTime": used}]
        s3 = {**service("s3", used), "TrackedActionsLastAccessed": tracked}
        first = {"JobStatus": "COMPLETED", "ServicesLastAccessed": [s3], **TIMES}
        stub.add_response("get_service_last_accessed_details", {**first, "IsTruncated": True, "Marker": "m"})
        second = {"JobStatus": "COMPLETED", "ServicesLastAccessed": [service("ec2")], **TIMES}
        stub.add_response("get_service_last_accessed_details", second, {"JobId": JOB, "Marker": "m"})
        told, at = last_accessed(iam, [ROLE, ROLE], sleep=slept.append), "2026-11-01T00:00:00Z"
        actions = (("CreateBucket", at), ("PutBucketPolicy", ""))
        assert told.uses == {ROLE: (ServiceUse("ec2"), ServiceUse("s3", at, actions))}
        assert slept == [0.5]


def test_a_job_that_fails_or_does_not_end_is_told_and_the_others_count() -> None:
    with stubbed() as (stub, iam, slept):
        begun(stub, ROLE)
        stub.add_response(
            "get_service_last_accessed_details",
            {"JobStatus": "FAILED", "ServicesLastAccessed": [], "Error": {"Message": "no", "Code": "X"}, **TIMES},
        )
        begun(stub, USER)
        for _ in range(2):
            running = {"JobStatus": "IN_PROGRESS", "ServicesLastAccessed": [], **TIMES}
            stub.add_response("get_service_last_accessed_details", running)
        told = last_accessed(iam, [ROLE, USER], workers=1, sleep=slept.append, patience=1)
        assert told.uses == {}
        assert told.failed.keys() == {ROLE, USER}
        assert told.failed[ROLE].endswith("app: no")
        assert told.failed[USER].endswith("not done after 0 seconds")


def test_whoever_may_not_ask_is_told_after_one_question() -> None:
    with stubbed() as (stub, iam, _):
        stub.add_client_error("generate_service_last_accessed_details", "AccessDenied", http_status_code=403)
        with pytest.raises(AccessDenied):
            last_accessed(iam, [ROLE, USER])
        assert last_accessed(iam, []).uses == {}


def test_the_root_users_devices_and_certificates_are_listed() -> None:
    with stubbed() as (stub, iam, _):
        mine = {
            "SerialNumber": "arn:aws:iam::111122223333:mfa/phone",
            "User": {
                "Path": "/",
                "UserName": "111122223333",
                "UserId": "1111222233331111",
                "Arn": "arn:aws:iam::111122223333:root",
                "CreateDate": datetime(2020, 1, 1, tzinfo=UTC),
            },
        }
        other = {"SerialNumber": "arn:aws:iam::111122223333:mfa/alice"}
        stub.add_response("list_virtual_mfa_devices", {"VirtualMFADevices": [mine, other], "IsTruncated": False})
        assert root_devices(iam) == ("arn:aws:iam::111122223333:mfa/phone",)
        held = {
            "ServerCertificateName": "old",
            "ServerCertificateId": "ASCAEXAMPLEEXAMPLE",
            "Path": "/",
            "Arn": "arn:aws:iam::111122223333:server-certificate/old",
            "Expiration": datetime(2020, 1, 1, tzinfo=UTC),
        }
        stub.add_response("list_server_certificates", {"ServerCertificateMetadataList": [held], "IsTruncated": False})
        assert certificates(iam) == (("old", "2020-01-01T00:00:00Z"),)
