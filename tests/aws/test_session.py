"""Reaching an account: credentials, roles, endpoints, and what is said when that fails."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.session import get_session

from iamsync.aws.calls import call
from iamsync.aws.regions import IAM_REGIONS, partition_of
from iamsync.aws.roles import Hop
from iamsync.aws.session import Access, Connection, Sessions, connect
from iamsync.engine.options import Options
from iamsync.engine.project import Project
from iamsync.engine.reach import Ways
from iamsync.errors import AwsError, CredentialsError, InputError, Unsupported
from iamsync.events import Called, Slowed
from iamsync.sandbox import Server, serve

from .conftest import ACCOUNT, Answer, Wire, refusal

OTHER = "444455556666"


def identity(arn: str, account: str = ACCOUNT) -> Answer:
    body = (
        f"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{arn}</Arn><UserId>x</UserId>"
        f"<Account>{account}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
    )
    return 200, {}, body.encode()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any AWS configuration; the file that would hold it."""
    import os

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return tmp_path / "config"


@pytest.fixture
def endpoint() -> Iterator[str]:
    with Server(account_id=ACCOUNT) as server:
        url, stop = serve(server)
        yield url
        stop()


@pytest.mark.parametrize(
    ("arn", "partition", "caller"),
    [
        (f"arn:aws:iam::{ACCOUNT}:user/ops/alice", "aws", f"arn:aws:iam::{ACCOUNT}:user/ops/alice"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/run-12", "aws", f"arn:aws:sts::{ACCOUNT}:assumed-role/ci"),
        (f"arn:aws-cn:sts::{ACCOUNT}:assumed-role/ci/a@b", "aws-cn", f"arn:aws-cn:sts::{ACCOUNT}:assumed-role/ci"),
        (f"arn:aws-us-gov:iam::{ACCOUNT}:root", "aws-us-gov", f"arn:aws-us-gov:iam::{ACCOUNT}:root"),
    ],
)
def test_the_caller_is_told_without_session_and_tells_the_partition(
    wire: Wire, arn: str, partition: str, caller: str
) -> None:
    wire.faults["GetCallerIdentity"] = [identity(arn)]
    connection = connect(Access(), transport=wire)
    assert (connection.partition, connection.caller, connection.account_id) == (partition, caller, ACCOUNT)
    region = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}[partition]
    assert connection.tagging.meta.region_name == region


def test_credentials_of_another_account_are_refused_by_both_ids(wire: Wire) -> None:
    wire.faults["GetCallerIdentity"] = [identity(f"arn:aws:iam::{OTHER}:user/eve", OTHER)]
    with pytest.raises(CredentialsError, match=f"{OTHER}.*{ACCOUNT}") as caught:
        connect(Access(account_id=ACCOUNT), transport=wire)
    assert caught.value.code == "wrong-account"
    assert ACCOUNT in caught.value.hint
    assert wire.calls == ["GetCallerIdentity"]


def test_an_answer_that_names_nobody_is_an_error(wire: Wire) -> None:
    wire.faults["GetCallerIdentity"] = [(200, {}, b"<a><GetCallerIdentityResult/></a>")]
    with pytest.raises(AwsError) as caught:
        connect(Access(), transport=wire)
    assert caught.value.code == "bad-identity"


def test_a_transport_leads_to_the_account_that_is_expected(wire: Wire) -> None:
    assert connect(Access(account_id=OTHER), transport=wire).account_id == OTHER
    assert connect(Access(), transport=wire).account_id == ACCOUNT


def test_with_a_transport_the_machines_configuration_counts_for_nothing(
    machine: Path, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.write_text("[broken")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "cn-north-1")
    assert connect(Access(profile="none"), transport=wire).partition == "aws"


def test_a_tap_hears_each_operation_once(wire: Wire) -> None:
    heard: list[str] = []
    connection = connect(Access(), transport=wire, tap=heard.append)
    wire.faults["ListRoles"] = ["reset", "reset"]
    call(connection.iam, "ListRoles")
    call(connection.iam_once, "ListUsers")
    call(connection.tagging, "GetResources")
    assert heard == ["GetCallerIdentity", "ListRoles", "ListUsers", "GetResources"]
    assert wire.calls.count("ListRoles") == 3


def test_whoever_watches_hears_of_each_call_and_of_each_that_aws_slows_down(wire: Wire) -> None:
    heard: list[object] = []
    sessions = Sessions()
    sessions.watch = heard.append
    connection = connect(Access(), transport=wire, sessions=sessions)
    wire.faults["ListRoles"] = [refusal("Throttling"), refusal("Throttling"), "reset"]
    call(connection.iam, "ListRoles")
    assert heard == [Called("GetCallerIdentity"), Called("ListRoles"), *[Slowed("ListRoles")] * 2]


def test_one_client_repeats_what_got_no_answer_and_the_other_never_does(connection: Connection, wire: Wire) -> None:
    wire.faults["ListRoles"] = ["reset"] * 9
    call(connection.iam, "ListRoles")
    wire.faults["ListRoles"] = ["reset"]
    with pytest.raises(AwsError) as caught:
        call(connection.iam_once, "ListRoles")
    assert (caught.value.code, caught.value.doubtful) == ("no-answer", True)
    assert len(wire.calls) == 11


def test_dates_stay_as_they_were_told(connection: Connection) -> None:
    assert isinstance(call(connection.iam, "CreateGroup", {"GroupName": "g"})["Group"]["CreateDate"], str)


def test_a_chain_of_roles_is_assumed_hop_by_hop(wire: Wire) -> None:
    first = connect(Access(account_id=ACCOUNT), transport=wire)
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    for account in (ACCOUNT, OTHER):
        iam = connect(Access(account_id=account), transport=wire).iam
        text = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        call(iam, "CreateRole", {"RoleName": "hop", "AssumeRolePolicyDocument": text})
    seen: list[dict[str, str]] = []

    def watched(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if b"Action=AssumeRole" in body:
            seen.append(dict(pair.split("=") for pair in body.decode().split("&")))
        return wire(method, url, headers, body)

    hops = (
        Hop(f"arn:aws:iam::{ACCOUNT}:role/hop", session_name="one"),
        Hop(f"arn:aws:iam::{OTHER}:role/hop", external_id="secret-7", session_name="two", duration=1800),
    )
    sessions = Sessions()
    access = Access(account_id=OTHER, hops=hops)
    with pytest.raises(CredentialsError, match="lead to account"):
        connect(Access(account_id=ACCOUNT, hops=hops), transport=watched, sessions=sessions)
    seen.clear()
    connection = connect(access, transport=watched, sessions=sessions)
    assert connection.account_id == OTHER
    assert connection.caller == f"arn:aws:sts::{OTHER}:assumed-role/hop"
    assert [hop["RoleSessionName"] for hop in seen] == ["one", "two"]
    assert (seen[1]["ExternalId"], seen[1]["DurationSeconds"]) == ("secret-7", "1800")
    assert "DurationSeconds" not in seen[0]
    assert first.account_id == ACCOUNT


@pytest.mark.parametrize(("given", "told"), [("ci-run-7", "ci-run-7"), ("", "iamsync")])
def test_a_hop_without_a_session_name_takes_the_jobs_which_cloudtrail_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, told: str
) -> None:
    seen: list[Access] = []

    def reached(access: Access, **_: Any) -> Connection:
        seen.append(access)
        raise CredentialsError("far enough", code="x")

    monkeypatch.setattr("iamsync.engine.reach.connect", reached)
    monkeypatch.setenv("AWS_ROLE_SESSION_NAME", given)
    arn = f"arn:aws:iam::{ACCOUNT}:role"
    hops = f"[{{arn: '{arn}/a', session_name: own}}, {{arn: '{arn}/b'}}]"
    (tmp_path / "iamsync.yaml").write_text(f"accounts: {{prod: {{id: '{ACCOUNT}', assume_role: {hops}}}}}\n")
    for more in ({}, {"assume_role": f"{arn}/c"}):
        project = Project.open(Options(cwd=tmp_path, **more))
        with Ways(project) as ways, pytest.raises(CredentialsError):
            ways.reach(project.config.accounts[0])
    assert [hop.session_name for access in seen for hop in access.hops] == ["own", told, told]


def test_a_role_that_may_not_be_assumed_lists_the_reasons(wire: Wire) -> None:
    wire.faults["AssumeRole"] = [refusal("AccessDenied", 403, "not authorized to perform: sts:AssumeRole")]
    with pytest.raises(CredentialsError) as caught:
        connect(Access(hops=(Hop(f"arn:aws:iam::{OTHER}:role/none"),)), transport=wire)
    assert (caught.value.code, caught.value.operation) == ("assume-role-denied", "AssumeRole")
    assert "external id" in caught.value.hint


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("hops", [(), (Hop(f"arn:aws:iam::{OTHER}:role/x"),)])
def test_no_credentials_says_how_to_give_some(hops: tuple[Hop, ...]) -> None:
    with pytest.raises(CredentialsError) as caught:
        connect(Access(endpoint_url="http://127.0.0.1:1", hops=hops))
    assert caught.value.code == "no-credentials"
    assert "--profile" in caught.value.hint


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ("", "unknown-profile"),
        ("[profile", "bad-aws-config"),
        (
            "[profile work]\nsso_session=s\nsso_account_id=111122223333\nsso_role_name=r\n"
            "[sso-session s]\nsso_region=us-east-1\nsso_start_url=https://example.com/start\n",
            "sso-expired",
        ),
        ("[profile work]\ncredential_process = false\n", "no-credentials"),
    ],
)
def test_a_profile_that_does_not_work_says_why(machine: Path, config: str, code: str) -> None:
    machine.write_text(config)
    with pytest.raises(CredentialsError) as caught:
        connect(Access(profile="work", endpoint_url="http://127.0.0.1:1"))
    assert caught.value.code == code


def test_an_endpoint_takes_every_service(machine: Path, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAANYKEYATALLABCDE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    connection = connect(Access(endpoint_url=endpoint, account_id=ACCOUNT))
    call(connection.iam, "CreateUser", {"UserName": "alice"})
    assert call(connection.tagging, "GetResources")["ResourceTagMappingList"] == []
    assert connection.alias() is None
    machine.write_text("[profile work]\naws_access_key_id=AKIAANYKEYATALLABCDE\naws_secret_access_key=x\n")
    assert call(connect(Access(profile="work", endpoint_url=endpoint)).iam, "ListUsers")["Users"]


@pytest.mark.usefixtures("machine")
def test_an_endpoint_that_does_not_answer_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAANYKEYATALLABCDE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with pytest.raises(AwsError) as caught:
        connect(Access(endpoint_url="http://127.0.0.1:1"))
    assert caught.value.code == "no-answer"


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("through", ["flag", "environment"])
def test_an_endpoint_that_is_none_is_a_mistake_in_input(monkeypatch: pytest.MonkeyPatch, through: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nonsense")
    with pytest.raises(InputError, match="nonsense") as caught:
        connect(Access(endpoint_url="nonsense" if through == "flag" else None))
    assert caught.value.code == "bad-endpoint"


def test_the_alias_is_asked_for_when_it_is_wanted(connection: Connection, wire: Wire) -> None:
    assert (connection.alias(), wire.calls) == (None, ["ListAccountAliases"])
    call(connection.iam, "CreateAccountAlias", {"AccountAlias": "acme-prod"})
    assert connection.alias() == "acme-prod"
    wire.faults["ListAccountAliases"] = [refusal("AccessDenied", 403), refusal("NotImplemented", 501)]
    assert (connection.alias(), connection.alias()) == (None, None)


def test_an_emulator_that_breaks_down_in_this_process_is_no_crash(connection: Connection, wire: Wire) -> None:
    def missing(answer: Any) -> Any:
        raise NotImplementedError("the action has not been implemented")

    wire.faults["ListRoles"] = [missing]
    with pytest.raises(Unsupported):
        call(connection.iam, "ListRoles")


# -- Second factors, sessions that end, partitions ---------------------------------------------------

FACTOR = "arn:aws:iam::111122223333:mfa/alice"
KEYS = "[base]\naws_access_key_id = AKIAANYKEYATALLABCDE\naws_secret_access_key = x\n"


def asked(wire: Wire, operations: tuple[str, ...] = ("AssumeRole", "GetSessionToken")) -> list[dict[str, str]]:
    """The parameters of the STS calls that the wire is going to carry."""
    from urllib.parse import parse_qsl

    found: list[dict[str, str]] = []
    handle = wire.server.handle

    def watched(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        told = dict(parse_qsl(body.decode()))
        if told.get("Action") in operations:
            found.append(told)
        return handle(method, url, headers, body)

    wire.server.handle = watched  # type: ignore[method-assign]
    return found


def test_everything_that_a_hop_says_of_its_session_is_asked_of_sts(wire: Wire) -> None:
    seen = asked(wire)
    hop = Hop(
        f"arn:aws:iam::{OTHER}:role/hop",
        tags=(("team", "data"), ("stage", "prod")),
        transitive=("team",),
        source_identity="alice",
    )
    connect(Access(account_id=OTHER, hops=(hop,)), transport=wire)
    (call_,) = seen
    assert (call_["Tags.member.1.Key"], call_["Tags.member.2.Value"]) == ("team", "prod")
    assert (call_["TransitiveTagKeys.member.1"], call_["SourceIdentity"]) == ("team", "alice")


def test_one_code_of_a_device_serves_every_account_of_a_run(wire: Wire) -> None:
    seen, codes = asked(wire), []
    sessions = Sessions(code=lambda serial: codes.append(serial) or "123456")
    held = sessions.of(None, ACCOUNT, ambient=False)
    for account in (OTHER, "555566667777"):
        hops = (Hop(f"arn:aws:iam::{account}:role/hop", mfa_serial=FACTOR),)
        sessions._held[None, account] = held
        found = connect(Access(account_id=account, hops=hops), transport=wire, sessions=sessions)
        assert found.account_id == account
    assert codes == [FACTOR]
    assert [call_["Action"] for call_ in seen] == ["GetSessionToken", "AssumeRole", "AssumeRole"]
    assert (seen[0]["SerialNumber"], seen[0]["TokenCode"]) == (FACTOR, "123456")


def test_where_nobody_can_give_a_code_the_error_says_how(wire: Wire) -> None:
    access = Access(hops=(Hop(f"arn:aws:iam::{OTHER}:role/hop", mfa_serial=FACTOR),))
    with pytest.raises(CredentialsError, match="mfa/alice") as caught:
        connect(access, transport=wire)
    assert (caught.value.code, "--mfa-token" in caught.value.hint) == ("mfa-needed", True)
    wire.faults["GetSessionToken"] = [refusal("AccessDenied", 403, "MultiFactorAuthentication failed")]
    with pytest.raises(CredentialsError) as caught:
        connect(access, transport=wire, sessions=Sessions(code=lambda _: "000000"))
    assert caught.value.code == "mfa-refused"
    assert "000000" not in str(caught.value) + caught.value.hint


def test_profiles_that_want_a_factor_are_taken_apart_so_that_it_is_asked_for_once(machine: Path, endpoint: str) -> None:
    roles = "".join(
        f"[profile {name}]\nrole_arn = arn:aws:iam::{account}:role/hop\nsource_profile = base\nmfa_serial = {FACTOR}\n"
        "external_id = x-7\nrole_session_name = ann\n"
        for name, account in (("one", OTHER), ("two", "555566667777"))
    )
    machine.write_text(f"{roles}[profile deep]\nrole_arn = arn:aws:iam::{ACCOUNT}:role/deep\nsource_profile = one\n")
    (machine.parent / "credentials").write_text(KEYS)
    codes: list[str] = []
    sessions = Sessions(code=lambda serial: codes.append(serial) or "123456")
    told = [connect(Access(profile=name, endpoint_url=endpoint), sessions=sessions) for name in ("one", "two", "deep")]
    assert [held.account_id for held in told] == [OTHER, "555566667777", ACCOUNT]
    assert told[2].caller.endswith("assumed-role/deep")
    assert codes == [FACTOR]


@pytest.mark.parametrize("way", ["credential_process", "web identity", "role"])
def test_what_the_sdk_itself_knows_of_credentials_passes_through(machine: Path, endpoint: str, way: str) -> None:
    process = machine.parent / "keys.json"
    process.write_text('{"Version": 1, "AccessKeyId": "AKIAANYKEYATALLABCDE", "SecretAccessKey": "x"}')
    token = machine.parent / "token"
    token.write_text("a.b.c")
    (machine.parent / "credentials").write_text(KEYS)
    role = f"role_arn = arn:aws:iam::{ACCOUNT}:role/hop\n"
    ways = {
        "credential_process": f"credential_process = cat {process}\n",
        "web identity": f"{role}web_identity_token_file = {token}\nendpoint_url = {endpoint}\n",
        "role": f"{role}source_profile = base\nendpoint_url = {endpoint}\n",
    }
    machine.write_text(f"[profile work]\n{ways[way]}region = us-east-1\n")
    found = connect(Access(profile="work", endpoint_url=endpoint))
    assert found.account_id == ACCOUNT
    assert ("assumed-role/hop" in found.caller) == (way != "credential_process")


def short_lived(seconds: int) -> Any:
    """An answer of AssumeRole whose credentials live so long."""
    import re
    from datetime import UTC, datetime, timedelta

    def changed(answer: Answer) -> Answer:
        end = (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = re.sub(rb"<Expiration>[^<]*", f"<Expiration>{end}".encode(), answer[2])
        return answer[0], answer[1], body

    return changed


def test_a_chain_whose_credentials_live_seconds_goes_on_since_each_hop_is_renewed(wire: Wire) -> None:
    seen = asked(wire)
    wire.faults["AssumeRole"] = [short_lived(5)] * 30
    hops = tuple(Hop(f"arn:aws:iam::{account}:role/hop") for account in (ACCOUNT, "555566667777", OTHER))
    connection = connect(Access(account_id=OTHER, hops=hops), transport=wire)
    before = len(seen)
    for name in ("a", "b"):
        call(connection.iam, "CreateGroup", {"GroupName": name})
    assert len(seen) >= before + 2 * len(hops)
    assert {told["RoleArn"] for told in seen[before:]} == {hop.arn for hop in hops}
    assert len(call(connection.iam, "ListGroups")["Groups"]) == 2


def test_a_session_that_is_too_long_for_a_chain_is_an_hour_and_that_is_said(wire: Wire) -> None:
    seen, told = asked(wire), []
    long = refusal("ValidationError", 400, "The requested DurationSeconds exceeds the 1 hour session limit")
    wire.faults["AssumeRole"] = [long]
    hop = Hop(f"arn:aws:iam::{OTHER}:role/hop", duration=7200)
    connect(Access(account_id=OTHER, hops=(hop,)), transport=wire, sessions=Sessions(tell=told.append))
    assert [call_["DurationSeconds"] for call_ in seen] == ["3600"]
    assert "one hour at most" in told[0]
    wire.faults["AssumeRole"] = [refusal("ValidationError", 400, "something else")] * 2
    with pytest.raises(CredentialsError):
        connect(Access(account_id=OTHER, hops=(hop,)), transport=wire)


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("given", "told", "host"),
    [
        (Access(region="eu-west-1"), "eu-west-1", "sts.eu-west-1.amazonaws.com"),
        (Access(partition="aws-cn"), "cn-north-1", "sts.cn-north-1.amazonaws.com.cn"),
        (Access(partition="aws-us-gov"), "us-gov-west-1", "sts.us-gov-west-1.amazonaws.com"),
        (Access(partition="aws-us-gov", region="us-gov-east-1"), "us-gov-east-1", "sts.us-gov-east-1.amazonaws.com"),
    ],
)
def test_sts_is_asked_in_a_region_of_the_accounts_partition(
    monkeypatch: pytest.MonkeyPatch, given: Access, told: str, host: str
) -> None:
    from iamsync.aws.session import _Maker

    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    sts = _Maker(Sessions(), given, None, None).client("sts")
    assert (sts.meta.region_name, sts.meta.endpoint_url) == (told, f"https://{host}")


def test_every_region_that_botocore_knows_is_of_its_partition() -> None:
    known = get_session().get_component("data_loader").load_data("partitions")["partitions"]
    for partition, regions in ((one["id"], one["regions"]) for one in known):
        assert {partition_of(region) for region in regions if not region.endswith("-global")} == {partition}
        assert IAM_REGIONS[partition] in regions


def test_credentials_of_another_partition_are_refused(wire: Wire) -> None:
    wire.faults["GetCallerIdentity"] = [identity(f"arn:aws:iam::{ACCOUNT}:user/x")]
    with pytest.raises(CredentialsError, match="aws-cn is expected"):
        connect(Access(partition="aws-cn"), transport=wire)


def test_nothing_secret_shows_in_what_a_program_prints_of_a_connection(wire: Wire) -> None:
    hops = (Hop(f"arn:aws:iam::{OTHER}:role/hop"),)
    connection = connect(Access(account_id=OTHER, hops=hops), transport=wire)
    frozen = connection.credentials.get_frozen_credentials()
    for secret in (frozen.secret_key, frozen.token):
        assert secret not in repr(connection)


def test_accounts_share_their_connections(machine: Path, endpoint: str) -> None:
    (machine.parent / "credentials").write_text(KEYS)
    sessions = Sessions()
    one, two = (
        connect(
            Access(profile="base", endpoint_url=endpoint, hops=(Hop(f"arn:aws:iam::{account}:role/x"),)),
            sessions=sessions,
        )
        for account in (OTHER, "555566667777")
    )
    assert one.account_id != two.account_id
    pools = {id(held._endpoint.http_session) for held in (one.iam, two.iam, one.tagging, two.client("sts"))}
    assert len(pools) == 1
