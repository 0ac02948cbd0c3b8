from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest
from botocore.config import Config

from iamsync.errors import IamsyncError
from iamsync.sandbox import Server, serve

from .conftest import ACCOUNT, client
from .documents import EC2, policy

OTHER = "444455556666"
Refused = Callable[..., str]


def test_unknown_keys_go_to_the_default_account_and_twelve_digits_to_their_own(server: Server) -> None:
    for key, account in [("AKIAWHATEVER", ACCOUNT), (OTHER, OTHER), ("ASIAXXXXXXXXXXXXXXXX", ACCOUNT)]:
        caller = client(server, "sts", key=key).get_caller_identity()
        assert caller["Account"] == account
        assert caller["Arn"] == f"arn:aws:iam::{account}:user/sandbox"
        client(server, key=key).create_group(GroupName=key)
    assert len(client(server).list_groups()["Groups"]) == 2
    assert len(client(server, key=OTHER).list_groups()["Groups"]) == 1


def test_an_assumed_role_works_in_its_own_account(server: Server, iam: Any) -> None:
    client(server, key=OTHER).create_role(RoleName="deployer", AssumeRolePolicyDocument=EC2)
    sts = client(server, "sts")
    arn = f"arn:aws:iam::{OTHER}:role/deployer"
    credentials = sts.assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"]
    key = credentials["AccessKeyId"]
    caller = client(server, "sts", key=key).get_caller_identity()
    assert caller["Arn"] == f"arn:aws:sts::{OTHER}:assumed-role/deployer/me"
    client(server, key=key).create_user(UserName="ann")
    assert iam.list_users()["Users"] == []
    role = client(server, key=OTHER).get_role(RoleName="deployer")["Role"]
    assert "LastUsedDate" in role["RoleLastUsed"]
    token = client(server, "sts", key=OTHER).get_session_token()["Credentials"]
    assert client(server, "sts", key=token["AccessKeyId"]).get_caller_identity()["Account"] == OTHER


def test_the_session_name_is_checked(server: Server, refused: Refused) -> None:
    sts = client(server, "sts")
    arn = f"arn:aws:iam::{OTHER}:role/deployer"
    assert refused(sts.assume_role, RoleArn=arn, RoleSessionName="with space") == "ValidationError"


def test_a_web_identity_needs_no_signature(server: Server) -> None:
    from botocore import UNSIGNED

    sts = client(server, "sts")
    sts.meta.config.signature_version = UNSIGNED
    role = f"arn:aws:iam::{OTHER}:role/ci"
    answer = sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="ci", WebIdentityToken="x" * 20)
    key = answer["Credentials"]["AccessKeyId"]
    assert client(server, "sts", key=key).get_caller_identity()["Account"] == OTHER


def test_servers_of_one_process_do_not_see_each_other(iam: Any) -> None:
    iam.create_user(UserName="ann")
    with Server(account_id=ACCOUNT) as second:
        assert client(second).list_users()["Users"] == []


def test_moto_itself_is_left_as_it_was(iam: Any) -> None:
    from moto.iam.models import iam_backends

    iam.create_user(UserName="ann")
    assert ACCOUNT not in iam_backends


NOT_OFFERED = [
    ("iam", "simulate_custom_policy", {"PolicyInputList": [policy()], "ActionNames": ["s3:Get"]}),
    ("iam", "get_mfa_device", {"SerialNumber": "GAHT12345678"}),
    ("iam", "generate_service_last_accessed_details", {"Arn": f"arn:aws:iam::{ACCOUNT}:user/ann"}),
    ("resourcegroupstaggingapi", "get_tag_keys", {}),
    ("sts", "decode_authorization_message", {"EncodedMessage": "x"}),
    ("accessanalyzer", "list_analyzers", {}),
    ("cloudtrail", "lookup_events", {}),
]


@pytest.mark.parametrize(("service", "call", "parameters"), NOT_OFFERED, ids=[each[1] for each in NOT_OFFERED])
def test_what_is_not_offered_is_said_so(
    server: Server, refused: Refused, service: str, call: str, parameters: dict[str, Any]
) -> None:
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError) as caught:
        getattr(client(server, service), call)(**parameters)
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert response["Error"]["Code"] in {"NotImplemented", "501"}


def test_an_oidc_provider_has_client_ids_tags_and_a_thumbprint(iam: Any, refused: Refused) -> None:
    url = "https://token.actions.githubusercontent.com"
    arn = iam.create_open_id_connect_provider(Url=url, ClientIDList=["a"])["OpenIDConnectProviderArn"]
    assert arn == f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
    assert refused(iam.create_open_id_connect_provider, Url=url) == "EntityAlreadyExists"
    assert refused(iam.create_open_id_connect_provider, Url="http://insecure.example.com") == "ValidationError"
    for _ in range(2):
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="b")
        iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="a")
    iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=[{"Key": "K", "Value": "v"}])
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=["a" * 40])
    shown = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert (shown["Url"], shown["ClientIDList"], shown["ThumbprintList"]) == (url[8:], ["b"], ["a" * 40])
    assert iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn)["Tags"] == shown["Tags"]
    iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=arn, TagKeys=["K"])
    for _ in range(2):
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert refused(iam.get_open_id_connect_provider, OpenIDConnectProviderArn=arn) == "NoSuchEntity"


def test_a_saml_provider_has_tags_and_a_name_of_its_own(iam: Any, refused: Refused) -> None:
    metadata = "<EntityDescriptor>" + "x" * 1000 + "</EntityDescriptor>"
    create = {"Name": "corp", "SAMLMetadataDocument": metadata}
    arn = iam.create_saml_provider(Tags=[{"Key": "a", "Value": "b"}], **create)["SAMLProviderArn"]
    assert refused(iam.create_saml_provider, **create) == "EntityAlreadyExists"
    iam.tag_saml_provider(SAMLProviderArn=arn, Tags=[{"Key": "c", "Value": "d"}])
    iam.untag_saml_provider(SAMLProviderArn=arn, TagKeys=["a"])
    shown = iam.get_saml_provider(SAMLProviderArn=arn)
    assert (shown["SAMLMetadataDocument"], shown["Tags"]) == (metadata, [{"Key": "c", "Value": "d"}])
    assert iam.list_saml_provider_tags(SAMLProviderArn=arn)["Tags"] == shown["Tags"]
    assert iam.list_saml_providers()["SAMLProviderList"][0]["Arn"] == arn
    iam.update_saml_provider(SAMLProviderArn=arn, SAMLMetadataDocument=metadata + " ")
    iam.delete_saml_provider(SAMLProviderArn=arn)
    assert refused(iam.delete_saml_provider, SAMLProviderArn=arn) == "NoSuchEntity"


def test_an_alias_belongs_to_one_account(server: Server, iam: Any, refused: Refused) -> None:
    iam.create_account_alias(AccountAlias="corp")
    other = client(server, key=OTHER)
    assert refused(other.create_account_alias, AccountAlias="corp") == "EntityAlreadyExists"
    assert refused(other.delete_account_alias, AccountAlias="corp") == "NoSuchEntity"
    iam.delete_account_alias(AccountAlias="corp")
    assert iam.list_account_aliases()["AccountAliases"] == []


def test_a_password_policy_replaces_the_one_before_it(iam: Any, refused: Refused) -> None:
    assert refused(iam.get_account_password_policy) == "NoSuchEntity"
    iam.update_account_password_policy(MinimumPasswordLength=14, RequireSymbols=True)
    iam.update_account_password_policy(MaxPasswordAge=90)
    shown = iam.get_account_password_policy()["PasswordPolicy"]
    assert (shown["MinimumPasswordLength"], shown["RequireSymbols"], shown["MaxPasswordAge"]) == (6, False, 90)
    iam.delete_account_password_policy()
    assert refused(iam.delete_account_password_policy) == "NoSuchEntity"


def test_a_credential_report_lists_the_users(iam: Any) -> None:
    iam.create_user(UserName="ann")
    iam.generate_credential_report()
    assert b"ann,arn:aws:iam" in iam.get_credential_report()["Content"]


def test_it_can_be_reached_over_http(server: Server) -> None:
    url, stop = serve(server)
    try:
        assert url.startswith("http://127.0.0.1:")
        config = Config(retries={"total_max_attempts": 1})
        session = boto3.Session("AKIAX", "x", region_name="us-east-1")
        iam = session.client("iam", endpoint_url=url, config=config)

        def create(number: int) -> str:
            return str(iam.create_user(UserName=f"u{number}")["User"]["UserName"])

        with ThreadPoolExecutor(4) as pool:
            assert len(set(pool.map(create, range(12)))) == 12
        assert session.client("sts", endpoint_url=url, config=config).get_caller_identity()["Account"] == ACCOUNT
        assert len(client(server).list_users()["Users"]) == 12
        with pytest.raises(IamsyncError) as caught:
            serve(server, int(url.rpartition(":")[2]))
        assert caught.value.code == "sandbox-port"
    finally:
        stop()
    with pytest.raises(OSError):  # noqa: PT011 - each system words it its own way
        urlopen(Request(url), timeout=2)


def test_a_role_is_written_once_to_the_wire_however_odd_its_document(iam: Any) -> None:
    document = policy("s3:Get%2B+ü&<>")
    iam.create_policy(PolicyName="odd", PolicyDocument=document)
    shown = iam.get_policy_version(PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/odd", VersionId="v1")
    assert shown["PolicyVersion"]["Document"]["Statement"][0]["Action"] == "s3:Get%2B+ü&<>"


def test_opening_it_does_not_parse_the_policies_of_aws() -> None:
    code = (
        "from iamsync.sandbox import Server, aws_policies; Server().handle('POST', 'https://iam.amazonaws.com/',"
        " {'Content-Type': 'application/x-www-form-urlencoded'}, b'Action=ListRoles&Version=2010-05-08');"
        " print(aws_policies._catalogue.cache_info().currsize)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "0"
