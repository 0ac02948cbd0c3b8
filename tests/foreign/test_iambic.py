"""From IAMbic: templates mean for each account what IAMbic makes of them, and what has no home is told."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iamsync.errors import InputError
from iamsync.kinds import KINDS
from iamsync.manifest.foreign import iambic
from iamsync.manifest.foreign.iambicparts import Member, applies
from iamsync.manifest.foreign.parts import Part
from iamsync.manifest.snapshot import to_text
from iamsync.model import Address, State
from tests.foreign.conftest import ACCOUNT, HERE, project, untouched, written
from tests.journeys.cli import Folder

TEMPLATES = HERE / "iambic"
NOW = "2026-11-24T00:00:00Z"
PROD = Member("prod", ACCOUNT, "prod", "o-abcdefghij", variables=(("team", "platform"),))
DEV = Member("dev", "444455556666", "Dev Account", "o-abcdefghij", variables=(("team", "sandpit"),))


def meaning(member: Member, now: str = NOW) -> State:
    return iambic.state(iambic.repository(TEMPLATES), member, now)[0]


def test_a_folder_becomes_a_project_that_validates(folder: Folder) -> None:
    said = folder("import", "--from", "iambic", str(TEMPLATES)).out
    assert "account prod (111122223333): 7 resources" in said
    assert "account Dev-Account (444455556666): 5 resources" in said
    folder("validate", "--fail-on", "high")
    folder("fmt", "--check")
    assert sorted(path.relative_to(folder.root).as_posix() for path in folder.root.rglob("*.yaml")) == [
        "iam/Dev-Account/roles.yaml", "iam/Dev-Account/users.yaml", "iam/groups.yaml", "iam/policies.yaml",
        "iam/prod/groups.yaml", "iam/prod/roles.yaml", "iam/prod/users.yaml", "iamsync.yaml",
    ]  # fmt: skip
    assert ACCOUNT not in written(folder)


def test_what_iambic_made_plans_to_no_change_but_the_ends_of_documents(folder: Folder) -> None:
    project(folder, f"{{prod: {{id: '{ACCOUNT}'}}, dev: {{id: '444455556666'}}}}")
    folder("import", "--from", "iambic", str(TEMPLATES), "--account", "prod")
    live = replace(meaning(PROD), complete=frozenset(KINDS), expiries=())
    folder.write("live.json", to_text(live, NOW))
    plan = json.loads(folder("plan", "-a", "prod", "--live", "live.json", "--format", "json").out)["plans"][0]
    assert plan["summary"]["unchanged"] == 6
    (change,) = plan["changes"]
    (field,) = change["fields"]
    assert (change["address"], field["field"]) == ("role/deploy", "inline_policies")
    assert field["added"] == ["until"]
    assert "aws:CurrentTime" in json.dumps(field["after"]["until"])


def test_each_part_holds_for_the_accounts_that_it_includes() -> None:
    prod, dev = meaning(PROD), meaning(DEV)
    role, other = prod.resources[Address("role", "deploy")].spec, dev.resources[Address("role", "deploy")].spec
    assert (role.description, other.description) == ("Deploys to production", "Deploys to Dev Account")
    assert (role.max_session_duration, other.max_session_duration) == (7200, 3600)
    assert [len(spec.trust_policy.value["Statement"]) for spec in (role, other)] == [1, 2]
    assert dict(role.tags) == {"team": "platform", "tier": "prod"}
    assert dict(other.tags) == {"team": "sandpit"}
    assert role.permissions_boundary == f"arn:aws:iam::{ACCOUNT}:policy/boundary"
    assert [name for name, _ in role.inline_policies] == ["own", "until"]
    assert [name for name, _ in other.inline_policies] == ["own"]
    assert other.managed_policies == (
        "arn:aws:iam::aws:policy/AdministratorAccess", "arn:aws:iam::aws:policy/ReadOnlyAccess",
    )  # fmt: skip
    assert Address("group", "admins") in prod.resources
    assert Address("group", "admins") not in dev.resources


def test_documents_of_both_spellings_become_awss() -> None:
    found = meaning(PROD).resources
    assert dict(found[Address("role", "deploy")].spec.inline_policies)["own"].value == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Own",
                "Effect": "Allow",
                "Action": ["iam:ChangePassword"],
                "Resource": "arn:aws:iam::*:user/${aws:username}",
                "Condition": {"StringEquals": {"aws:PrincipalTag/team": "platform"}},
            }
        ],
    }
    (statement,) = found[Address("role", "legacy")].spec.trust_policy.value["Statement"]
    assert statement["Condition"] == {"StringLike": {"token.actions.githubusercontent.com:sub": "repo:acme/*"}}
    (statement,) = found[Address("role", "deploy")].spec.trust_policy.value["Statement"]
    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}


def test_ends_stay_ends_and_what_is_over_is_over() -> None:
    def ends(now: str) -> list[tuple[str, str]]:
        return [(str(held), held.at) for held in meaning(PROD, now).expiries]

    assert ends(NOW) == [
        ("admins in groups of user/alice", "2026-12-24T11:00:00Z"),
        ("user/alice", "2027-03-31T00:00:00Z"),
        ("until in inline_policies of role/deploy", "2027-06-30T00:00:00Z"),
    ]
    later = meaning(PROD, "2027-04-01T00:00:00Z")
    assert Address("user", "alice") not in later.resources
    assert [str(held.address) for held in later.expiries] == ["role/deploy"]


def test_what_stays_behind_is_told_once_with_its_accounts(folder: Folder) -> None:
    said = folder("import", "--from", "iambic", str(TEMPLATES)).out
    told = said.partition("not carried over")[2]
    for line in (
        "1 x NOQ::AWS::IdentityCenter::PermissionSet", "1 x NOQ::Okta::Group",
        "role/gone (resources/aws/iam/role/gone.yaml), in prod, Dev-Account",
        "role/legacy (resources/aws/iam/role/camel.yaml), in prod",
        "role/AWSServiceRoleForAutoScaling (resources/aws/iam/role/scaling.yaml), in prod",
        "owner: of 1 template, in prod, Dev-Account", "credentials: of 1 template, in prod, Dev-Account",
        "notes: of 1 template, in prod, Dev-Account",
    ):  # fmt: skip
        assert f"  {line}\n" in told
    assert "access_rules:" in told
    assert "a statement expires at 2027-01-01T00:00:00Z" in told


@pytest.mark.parametrize(
    ("rules", "holds"),
    [
        ({}, True),
        ({"included_accounts": ["*"]}, True),
        ({"included_accounts": []}, True),
        ({"excluded_accounts": ["prod"]}, False),
        ({"included_accounts": ["dev"]}, False),
        ({"included_accounts": ["PROD"]}, True),
        ({"included_accounts": ["pro*"]}, True),
        ({"included_accounts": ["pro.*"]}, True),
        ({"included_accounts": [111122223333]}, True),
        ({"included_accounts": ["*"], "excluded_accounts": ["prod"]}, False),
        ({"included_accounts": ["prod"], "excluded_accounts": ["*"]}, True),
        ({"included_accounts": ["prod"], "excluded_accounts": ["prod"]}, False),
        ({"IncludedAccounts": "prod"}, True),
        ({"included_orgs": ["o-other"]}, False),
        ({"excluded_orgs": ["o-abcdefghij"]}, False),
        ({"included_orgs": ["o-abc*"]}, True),
    ],
)
def test_the_longest_rule_decides(rules: dict[str, Any], holds: bool) -> None:
    assert applies(Part(rules), PROD) is holds


ROLE = """\
template_type: NOQ::AWS::IAM::Role
properties:
  role_name: x
  assume_role_policy_document:
    statement:
      - {effect: Allow, action: sts:AssumeRole, principal: {service: ec2.amazonaws.com}}
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("role_name: x", "role_name: x y", 3, "is no name for a role"),
        ("role_name: x", "path: /", 2, '"role_name" is missing'),
        ("role_name: x", "role_name: '{{var.nobody}}'", 3, "'nobody' has no value"),
        ("role_name: x", "role_name: '{{ x | upper }}'", 3, "only variables are filled in"),
        ("role_name: x", "role_name: [x]", 3, "a text must stand here"),
        ("effect: Allow", "effect: Permit", 6, "the effect Allow or Deny"),
        ("effect: Allow", "effekt: Allow, effect: Allow", 6, "no element of a statement"),
        ("properties:", "expires_at: in two days\nproperties:", 2, "is no moment"),
        ("    statement:", "    included_accounts: [elsewhere]\n    statement:", 4, "there is no assume_role_policy"),
        ("  role_name: x", "  role_name: x\n  max_session_duration: 60", 3, "a session lasts"),
        ("  role_name: x", "  role_name: x\n  tags: [{key: a, value: 50%}]", 3, "is not allowed in a value"),
        ("  role_name: x", "  role_name: x\n  managed_policies: [{policy_arn: nope}]", 4, "no ARN of a policy"),
        ("  role_name: x", "  role_name: x\n  tags: [{key: a}]", 4, "a tag has a key and a value"),
        ("role_name: x", "role_name: 'x", 3, "never closed"),
    ],
)
def test_a_wrong_template_is_an_error_with_its_place(
    tmp_path: Path, old: str, new: str, line: int, message: str
) -> None:
    assert old in ROLE
    (tmp_path / "x.yaml").write_text(ROLE.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        iambic.state(iambic.repository(tmp_path), PROD, NOW)
    assert caught.value.place is not None
    assert (Path(caught.value.place.file).name, caught.value.place.line) == ("x.yaml", line)
    assert caught.value.place.source


def test_every_wrong_template_is_told_in_one_run(folder: Folder) -> None:
    for name in ("a", "b"):
        folder.write(f"templates/{name}.yaml", ROLE.replace("Allow", "Permit"))
    told = folder("import", "--from", "iambic", "templates", "--account-id", ACCOUNT, code=1).err
    assert re.findall(r"--> (\S+?):", told) == ["templates/a.yaml", "templates/b.yaml"]
    assert told.count("the effect Allow or Deny") == told.count("error[bad-source]") == 2
    assert untouched(folder)


def test_templates_of_other_accounts_are_named_and_an_account_may_be_found_by_its_name(folder: Folder) -> None:
    project(folder, "{dev: {}}")
    folder.write("templates/x.yaml", ROLE + "included_accounts: [prod]\n")
    folder.write("templates/y.yaml", ROLE.replace("role_name: x", "role_name: 'y-{{var.account_id}}'"))
    config = (TEMPLATES / "config" / "iambic_config.yaml").read_text().replace("Dev Account", "dev")
    folder.write("templates/config.yaml", config)
    said = folder("import", "--from", "iambic", "templates").out
    assert "account dev (444455556666): 1 resource" in said
    assert "  x.yaml\n    for none of these accounts\n" in said
    assert "y-$(account.id)" in written(folder)


def test_a_resource_that_two_templates_declare_is_refused(folder: Folder) -> None:
    folder.write("templates/a.yaml", ROLE)
    folder.write("templates/b.yaml", ROLE)
    told = folder("import", "--from", "iambic", "templates", "--account-id", ACCOUNT, code=1).err
    assert "role/x is declared for account default twice" in told


def test_a_folder_without_templates_and_one_without_accounts_are_told(folder: Folder) -> None:
    folder.write("empty/x.yaml", "a: 1\n")
    assert "no IAMbic template" in folder("import", "--from", "iambic", "empty", code=1).err
    folder.write("templates/a.yaml", ROLE)
    assert "which-account" in folder("import", "--from", "iambic", "templates", code=1).err


def test_files_of_others_are_not_looked_at_and_old_variables_are_known(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("a: &a {b: 1}\nc: {<<: *a}\n\t!x", encoding="utf-8")
    (tmp_path / "x.yml").write_text(ROLE.replace("role_name: x", "role_name: '{{account_name}}_x'"), encoding="utf-8")
    state, behind = iambic.state(iambic.repository(tmp_path), PROD, NOW)
    assert ([str(address) for address in state.resources], behind) == (["role/prod_x"], ())


def test_templates_that_are_no_tables_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("- template_type: NOQ::AWS::IAM::Role\n")
    with pytest.raises(InputError, match="no IAMbic template"):
        iambic.repository(tmp_path)
