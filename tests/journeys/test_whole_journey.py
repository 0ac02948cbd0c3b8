"""The main job from an empty account to an empty account, each command a process of its own, on each server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.strategies import metadata

from .capabilities import LACKS
from .cli import Folder
from .servers import Absent, Server, running

PROJECT = Path(__file__).with_name("project")
# Fields of the project that need a capability which not every server has.
NEEDS = {
    "boundary of a new user": ("users", "alice", "permissions_boundary"),
    "boundary of a new role": ("roles", "deploy-site", "permissions_boundary"),
    "TagSAMLProvider": ("saml_providers", "okta", "tags"),
}
READS = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:Describe*","Resource":"*"}]}'
REMOVED = ("user/alice", "group/developers", "role/deploy-site", "policy/deploy", "policy/ceiling")
REMOVED += ("instance_profile/site", "oidc_provider/token.actions.githubusercontent.com", "saml_provider/okta")
REMOVED += ("account/alias", "account/password_policy")


@pytest.fixture(params=LACKS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    try:
        with running(request.param) as server:
            yield server
    except Absent as reason:
        pytest.skip(str(reason))


def manifest(server: Server) -> str:
    """The project's manifest, as far as this server goes."""
    held = yaml.safe_load((PROJECT / "all.yaml").read_text(encoding="utf-8"))
    for use, (section, name, field) in NEEDS.items():
        if use in LACKS[server.name]:
            del held[section][name][field]
    return yaml.safe_dump(held, allow_unicode=True)


def test_from_an_empty_account_and_back(server: Server, folder: Folder) -> None:
    iam, account = server.client(), server.account_id
    folder.environment |= server.environment
    shutil.copytree(PROJECT, folder.root / "iam")
    folder.write("iam/all.yaml", manifest(server))
    project = f'version: 1\nsafety: {{settle: 0s, max_change_percent: 100}}\naccounts: {{there: {{id: "{account}"}}}}\n'
    folder.write("iamsync.yaml", project)

    planned = folder("plan", "--detailed-exitcode", "--out", "plan.json", code=2)
    assert "10 to create" in planned.out
    applied = folder("apply", "plan.json")
    assert "18 of 18 calls done" in applied.out
    assert iam.get_role(RoleName="deploy-site")["Role"]["MaxSessionDuration"] == 7200
    assert "No changes." in folder("plan", "--detailed-exitcode").out

    _somebody_else(iam, account)
    if "SetDefaultPolicyVersion" in LACKS[server.name]:  # then there must be nothing to go back to
        iam.delete_policy_version(PolicyArn=f"arn:aws:iam::{account}:policy/ci/deploy", VersionId="v1")
    # What was attached by hand denies something; that might have been somebody's emergency brake.
    consent = "--acknowledge=deny-removed:user/alice"
    assert consent.partition("=")[2] in folder("plan", code=3).out
    drifted = folder("plan", consent, "--detailed-exitcode", "--format", "json", code=2)
    changes = json.loads(drifted.out)["plans"][0]["changes"]
    assert {change["address"]: sorted(field["field"] for field in change["fields"]) for change in changes} == {
        "account/alias": ["alias"],
        "account/password_policy": ["password_policy"],
        "group/developers": ["inline_policies", "managed_policies"],
        "instance_profile/site": ["role"],
        "policy/deploy": ["document", "tags"],
        "saml_provider/okta": ["metadata"],
        "role/deploy-site": ["description", "max_session_duration", "trust_policy"],
        "user/alice": ["groups", "inline_policies", "managed_policies", "tags"],
    }
    folder("apply", "--auto-approve", code=3)
    folder("apply", "--auto-approve", consent)
    assert "No changes." in folder("plan", "--detailed-exitcode").out
    assert iam.list_user_policies(UserName="alice")["PolicyNames"] == ["notes"]
    assert iam.get_role(RoleName="deploy-site")["Role"]["Description"] == "Publishes the site, nightly"
    assert [run["outcome"] for run in json.loads(folder("runs", "list", "--format", "json").out)] == ["complete"] * 2

    shutil.move(folder.root / "iam", folder.root / "first")
    folder("import")
    assert "No changes." in folder("plan", "--detailed-exitcode").out
    assert folder("diff", "first", "iam").out.strip()

    shutil.rmtree(folder.root / "iam")
    folder.write("iam/gone.yaml", yaml.safe_dump({"removed": list(REMOVED)}))
    assert "10 to delete" in folder("apply", "--auto-approve", "--acknowledge", "deny-removed").out
    assert "No changes." in folder("plan", "--detailed-exitcode").out
    counts = iam.get_account_summary()["SummaryMap"]
    assert [counts[kind] for kind in ("Users", "Groups", "Roles", "Policies")] == [0, 0, 0, 0]
    assert not iam.list_instance_profiles()["InstanceProfiles"]
    assert not iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert not iam.list_saml_providers()["SAMLProviderList"]
    assert not iam.list_account_aliases()["AccountAliases"]


def _somebody_else(iam: Any, account: str) -> None:
    """Changes by hand to every kind."""
    deploy, ceiling = (f"arn:aws:iam::{account}:policy/{name}" for name in ("ci/deploy", "ceiling"))
    iam.put_user_policy(UserName="alice", PolicyName="mine", PolicyDocument=READS)
    iam.attach_user_policy(UserName="alice", PolicyArn=ceiling)
    iam.tag_user(UserName="alice", Tags=[{"Key": "team", "Value": "web"}, {"Key": "extra", "Value": "x"}])
    iam.remove_user_from_group(UserName="alice", GroupName="developers")
    iam.detach_group_policy(GroupName="developers", PolicyArn=deploy)
    iam.put_group_policy(GroupName="developers", PolicyName="own-keys", PolicyDocument=READS)
    iam.update_role(RoleName="deploy-site", Description="by hand", MaxSessionDuration=3600)
    trust = READS.replace('"Resource":"*"', '"Principal":{"Service":"ec2.amazonaws.com"}')
    trust = trust.replace("ec2:Describe*", "sts:AssumeRole")
    iam.update_assume_role_policy(RoleName="deploy-site", PolicyDocument=trust)
    iam.create_policy_version(PolicyArn=deploy, PolicyDocument=READS, SetAsDefault=True)
    iam.untag_policy(PolicyArn=deploy, TagKeys=["team"])
    iam.remove_role_from_instance_profile(InstanceProfileName="site", RoleName="deploy-site")
    okta = f"arn:aws:iam::{account}:saml-provider/okta"
    iam.update_saml_provider(SAMLProviderArn=okta, SAMLMetadataDocument=metadata("https://elsewhere.example.com"))
    iam.create_account_alias(AccountAlias="by-hand")
    iam.update_account_password_policy(MinimumPasswordLength=8, RequireSymbols=True)
