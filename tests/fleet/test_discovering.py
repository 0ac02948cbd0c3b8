"""Accounts that Organizations tells of: which are meant, what holds for them, and who is left out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from iamsync.aws.organizations import members
from iamsync.aws.session import Access, Sessions
from iamsync.errors import InputError, InputErrors
from iamsync.manifest.config import Config, load_config
from iamsync.members import Member, member_pattern, selected
from tests.fleet.test_fleets import BASE
from tests.journeys.cli import Folder

PROJECT = """\
version: 1
manifests: [iam]
safety: {settle: 0}
accounts:
  payments: {id: "111122223333", variables: {env: special}}
discover:
  assume_role: {read: "arn:aws:iam::$(account.id):role/read", write: "arn:aws:iam::$(account.id):role/write"}
  exclude: ["account/old-*"]
  rules:
    - {match: ["ou:prod/**"], labels: {tier: prod}, variables: {env: prod, zone: a}, wave: 2}
    - {match: ["ou:*", "!ou:prod", "!ou:lab"], labels: {tier: test}}
"""
FOUND = (
    Member("111122223333", "Payments", unit="prod/eu"),
    Member("222233334444", "old-shop", unit="prod"),
    Member("333344445555", "Data Lake!", unit="prod"),
    Member("444455556666", "data lake", unit="test"),
    Member("555566667777", "gone", "SUSPENDED", unit="prod"),
    Member("666677778888", "play", unit="lab"),
)


def config(tmp_path: Path, text: str = PROJECT) -> Config:
    (tmp_path / "iamsync.yaml").write_text(text, encoding="utf-8")
    return load_config(None, tmp_path)


@pytest.mark.parametrize(
    ("pattern", "means"),
    [
        ("*", True),
        ("account/Pay*", True),
        ("account/111122223333", True),
        ("account/pay", False),
        ("ou:prod", False),
        ("ou:prod/**", True),
        ("ou:prod/*", True),
        ("ou:**/eu", True),
        ("ou:pro/**", False),
        ("tag:team=da*", True),
        ("tag:team", True),
        ("tag:owner", False),
    ],
)
def test_a_pattern_means_accounts_by_name_unit_or_tag(pattern: str, means: bool) -> None:
    member = Member("111122223333", "Payments", unit="prod/eu", tags={"team": "data"})
    assert selected([member_pattern(pattern)], member) == means
    assert selected([member_pattern("*"), member_pattern(f"!{pattern}")], member) != means


def test_rules_add_up_and_what_the_project_file_says_of_an_account_goes_over_them(tmp_path: Path) -> None:
    found, left = config(tmp_path).with_members(FOUND)
    told = {account.name: account for account in found.accounts}
    assert list(told) == ["payments", "Data-Lake-333344445555", "data-lake-444455556666"]
    payments, lake, test = found.accounts
    assert dict(payments.variables) == {"env": "special", "zone": "a"}
    assert dict(lake.variables) == {"env": "prod", "zone": "a"}
    assert (payments.wave, lake.wave, test.wave) == (2, 2, 1)
    assert (dict(lake.labels), dict(test.labels)) == ({"tier": "prod"}, {"tier": "test"})
    assert lake.read[0].arn == "arn:aws:iam::333344445555:role/read"
    assert lake.write[0].arn == "arn:aws:iam::333344445555:role/write"
    assert [(one.id, one.reason) for one in left] == [
        ("222233334444", "excluded"),
        ("555566667777", "suspended"),
        ("666677778888", "no rule matches"),
    ]


@pytest.mark.parametrize(
    ("section", "code"),
    [
        ("{rule: []}", "unknown-field"),
        ("{include: [prod]}", "bad-selector"),
        ("{include: ['ou:']}", "bad-selector"),
        ("{rules: [{labels: {a: b}}]}", "missing-field"),
        ("{rules: [{match: ['*'], id: '111122223333'}]}", "unknown-field"),
        ("{through: arn:aws:iam::1:user/x}", "bad-reference"),
    ],
)
def test_a_mistake_in_discover_is_told_by_its_word(tmp_path: Path, section: str, code: str) -> None:
    with pytest.raises((InputError, InputErrors)) as caught:
        config(tmp_path, f"version: 1\ndiscover: {section}\n")
    assert caught.value.code == code


@pytest.fixture
def organization(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Name to id of the accounts of an organization."""
    for name, value in {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with mock_aws():
        client: Any = boto3.client("organizations", "us-east-1")
        client.create_organization(FeatureSet="ALL")
        root = client.list_roots()["Roots"][0]["Id"]
        prod = client.create_organizational_unit(ParentId=root, Name="prod")["OrganizationalUnit"]["Id"]
        below = client.create_organizational_unit(ParentId=prod, Name="eu")["OrganizationalUnit"]["Id"]
        ids = {}
        for name, unit in (("shop", below), ("data", prod), ("gone", prod)):
            made = client.create_account(Email="@".join((name, "example.com")), AccountName=name)["CreateAccountStatus"]
            ids[name] = made["AccountId"]
            client.move_account(AccountId=ids[name], SourceParentId=root, DestinationParentId=unit)
        client.tag_resource(ResourceId=ids["data"], Tags=[{"Key": "team", "Value": "data"}])
        client.close_account(AccountId=ids["gone"])
        yield ids


def test_accounts_come_with_their_units_and_tags(organization: dict[str, str]) -> None:
    found = {member.name: member for member in members(Access(), Sessions(), units=True, tags=True)}
    assert {found[name].id for name in organization} == set(organization.values())
    assert (found["shop"].unit, found["data"].unit) == ("prod/eu", "prod")
    assert dict(found["data"].tags) == {"team": "data"}
    assert found["gone"].state != "ACTIVE"
    plain = {member.name: member for member in members(Access(), Sessions(), units=False, tags=False)}
    assert (plain["shop"].unit, dict(plain["data"].tags)) == ("", {})


def test_a_plan_is_about_the_accounts_that_are_found(
    organization: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import contextlib

    monkeypatch.setattr("tests.journeys.cli._BARE", {})
    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": "us-east-1"}
    folder = Folder(tmp_path, {**keys, "PATH": "/usr/bin", "HOME": str(tmp_path)}, inside=True)
    folder.write("iam/all.yaml", BASE)
    folder.write(
        "iamsync.yaml",
        'version: 1\ndiscover:\n  assume_role: "arn:aws:iam::$(account.id):role/x"\n  include: ["ou:prod/**"]\n',
    )
    with contextlib.suppress(KeyError):
        monkeypatch.delenv("AWS_CONFIG_FILE")
    said = folder("plan", "--format", "json", "-a", "shop", "-a", "data")
    assert [plan["account"]["id"] for plan in json.loads(said.out)["plans"]] == sorted(
        organization[name] for name in ("shop", "data")
    )
    assert "left out" in said.err
    assert f"gone ({organization['gone']}, " in said.err
    rows = json.loads(folder("accounts", "list", "--format", "json").out)
    assert {row["account"] for row in rows} >= {"shop", "data", "gone"}
    assert next(row for row in rows if row["account"] == "gone")["left_out"]

    found = json.loads(folder("who-can", "iam:GetUser", "--live", "-a", "shop", "-a", "data", "--format", "json").out)
    assert [account["id"] for account in found["accounts"]] == sorted(organization[name] for name in ("shop", "data"))
    said = folder("accounts", "check", "-a", "shop", "-a", "!gone", "-a", "dta", code=1)
    assert "no account matches --account dta\n" in said.err
    assert 'did you mean "data"?' in said.err
    told = folder("required-policy")
    (asked,) = [one for one in json.loads(told.out)["Statement"] if one.get("Sid") == "Discover"]
    assert "organizations:ListAccountsForParent" in asked["Action"]
    assert "Discover is for whom discover: asks as" in told.err
