"""From Terraform and to it: states of a real Terraform become manifests that plan to no change, and back."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from iamsync.errors import InputError
from iamsync.manifest.foreign import terraform
from iamsync.manifest.foreign.hcl import Encoded, Expression, block, name_of, quoted
from iamsync.manifest.foreign.terraformleft import LEFT
from iamsync.model import Address
from tests.foreign.conftest import ACCOUNT, HERE, project, untouched, written
from tests.journeys.cli import Folder
from tests.journeys.servers import running

# What a Terraform made in an account, as it tells it itself, and as the account was read by iamsync afterwards.
MADE = HERE / "terraform"
STATES = ("terraform.tfstate", "state.json", "plan.json")
LIVE = str(MADE / "account.json")
SECRET = "kept/out+of+everything"


def state(name: str = STATES[0]) -> Any:
    return json.loads((MADE / name).read_text(encoding="utf-8"))


def carried(value: Any) -> terraform.Carried:
    return terraform.carried(json.dumps(value), "x.tfstate", ACCOUNT)


@pytest.mark.parametrize("layout", ["file-per-kind", "file-per-resource"])
@pytest.mark.parametrize("name", STATES)
def test_a_state_becomes_manifests_that_plan_to_no_change(folder: Folder, name: str, layout: str) -> None:
    project(folder)
    said = folder("import", "--from", "terraform", str(MADE / name), "--layout", layout).out
    assert f"account prod ({ACCOUNT}): 21 resources carried over" in said
    folder("validate", "--fail-on", "high")
    folder("fmt", "--check", "iam")
    told = folder("plan", "--live", LIVE, "--detailed-exitcode").out
    assert "No changes" in told
    assert "21 managed" in told
    assert SECRET not in said + written(folder) + (folder.root / "removed.tf").read_text()
    assert ACCOUNT not in written(folder)


def test_without_a_project_the_account_is_the_one_that_the_state_names(folder: Folder) -> None:
    said = folder("import", "--from", "terraform", str(MADE / STATES[0])).out
    assert said.startswith(f"account default ({ACCOUNT}): 21 resources")
    assert "No changes" in folder("plan", "iam", "--live", LIVE, "--detailed-exitcode").out


def test_what_stays_behind_is_told_with_its_address_and_what_to_do(folder: Folder) -> None:
    said = folder("import", "--from", "terraform", str(MADE / STATES[0])).out
    told = said.partition("not carried over")[2]
    for address in (
        "aws_iam_access_key.robot", "aws_iam_user_login_profile.alice", "aws_iam_user_ssh_key.alice",
        "aws_iam_service_linked_role.scaling",
    ):  # fmt: skip
        assert f"  {address}\n" in told
    assert told.count("    -> ") == 4
    assert f'iamsync plan --account-id {ACCOUNT} must say "No changes"' in " ".join(told.split())
    project(folder)
    said = folder("import", "--from", "terraform", str(MADE / STATES[0]), "--out", "more").out
    assert 'iamsync plan                      must say "No changes"' in said


def test_the_blocks_let_go_of_everything_that_was_carried_over_and_of_nothing_else(folder: Folder) -> None:
    folder("import", "--from", "terraform", str(MADE / STATES[0]))
    text = (folder.root / "removed.tf").read_text()
    gone = {line.split("= ")[1] for line in text.splitlines() if "from = " in line}
    managed = {
        f"{held['module'].partition('[')[0] + '.' if 'module' in held else ''}{held['type']}.{held['name']}"
        for held in state()["resources"]
        if held["mode"] == "managed"
    }
    kept = {address for address in managed if address.rpartition(".")[0].rpartition(".")[2] in LEFT}
    assert len(kept) == 4
    assert gone == managed - kept
    assert text.count("destroy = false") == len(gone)


def test_what_is_declared_already_or_not_targeted_is_left_alone(folder: Folder) -> None:
    project(folder).write("iam/mine.yaml", "groups: {admins: {}}\n")
    said = folder("import", "--from", "terraform", str(MADE / STATES[0]), "--target", "group/*").out
    assert "1 resource carried over" in said
    assert "1 declared already; 19 not targeted" in said
    assert "developers:" in written(folder)
    assert written(folder).count("admins") == 1


def test_of_several_accounts_the_state_picks_its_own(folder: Folder) -> None:
    project(folder, f"{{dev: {{id: '444455556666'}}, prod: {{id: '{ACCOUNT}'}}}}")
    folder("import", "--from", "terraform", str(MADE / STATES[0]))
    assert "only_accounts: [prod]" in (folder.root / "iam" / "roles.yaml").read_text()
    assert "No changes" in folder("plan", "-a", "prod", "--live", LIVE, "--detailed-exitcode").out


def test_a_state_of_another_account_is_refused(folder: Folder) -> None:
    project(folder, "{dev: {id: '444455556666'}}")
    told = folder("import", "--from", "terraform", str(MADE / STATES[0]), code=1).err
    assert "wrong-account" in told
    assert untouched(folder)


def resource(kind: str, label: str, /, **attributes: Any) -> dict[str, Any]:
    return {"mode": "managed", "type": kind, "name": label, "instances": [{"attributes": attributes}]}


def of(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"version": 4, "resources": list(resources)}


POLICY = f"arn:aws:iam::{ACCOUNT}:policy/p"
OTHERWISE = resource("aws_iam_user", "a", name="../b", arn=f"arn:aws:iam::{ACCOUNT}:user/b", path="/")
ALICE = resource("aws_iam_user", "a", name="alice", arn=f"arn:aws:iam::{ACCOUNT}:user/alice", path="/")


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (resource("aws_iam_role_policy_attachment", "x", role="r", policy_arn=POLICY), "role/r, to which it gives"),
        (resource("aws_iam_policy_attachment", "x", users=["alice", "bob"], policy_arn=POLICY), "user/bob, to which"),
        (resource("aws_iam_group_membership", "x", users=["bob"], group="g"), "user/bob, to which it gives group g"),
        (resource("aws_iam_user", "x", name="z", arn="arn:aws:iam::444455556666:user/z"), "it is of account 4444"),
        (resource("aws_iam_user", "b", name="Alice", arn=f"arn:aws:iam::{ACCOUNT}:user/Alice"), "user/Alice is aws"),
        (resource("aws_iam_user_policies_exclusive", "x", user_name="alice", policy_names="q"), "inline policy q says"),
        (resource("aws_iam_virtual_mfa_device", "x"), "an MFA device"),
        (resource("aws_iam_something_new", "x"), "iamsync does not manage this type"),
        (resource("aws_ssoadmin_permission_set", "x"), "Identity Center is not IAM"),
        ({**ALICE, "instances": [{**ALICE["instances"][0], "deposed": "abc"}]}, "a replacement left behind"),
    ],
)  # fmt: skip
def test_what_has_no_place_is_left_with_its_reason(one: dict[str, Any], why: str) -> None:
    found = carried(of(ALICE, one))
    assert [why in item.why for item in found.behind] == [True]
    assert Address("user", "alice") in found.state.resources


def test_resources_of_other_services_are_no_news() -> None:
    assert carried(of(ALICE, resource("aws_s3_bucket", "site", bucket="x"))).behind == ()


def test_a_plan_with_changes_says_that_it_is_not_applied() -> None:
    value = state("plan.json")
    value["resource_changes"][0]["change"]["actions"] = ["update"]
    told = [item.why for item in carried(value).behind]
    assert "the plan would change 1 resources" in told


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 0),
        ("[]", 1),
        ('{"version": 3}', 1),
        ('{"version": 4,\n "version": 4,\n "resources": 1}', 2),
        ('{"version": 4,\n "resources": [\n  {"mode": "managed"}]}', 3),
        ('{"version": 4, "resources": [{"mode": "managed", "type": "aws_iam_role",\n "name": "", "instances": 7}]}', 2),
        ('{"version": 4, "encrypted_data": "x"}', 1),
        (json.dumps(of(resource("aws_iam_role", "x", name="x", assume_role_policy="{")), indent=1), 12),
        (json.dumps(of(resource("aws_iam_role", "x", name="x", assume_role_policy="[]")), indent=1), 12),
        (json.dumps(of(resource("aws_iam_role", "x", name="x y", assume_role_policy="{}")), indent=1), 10),
        (json.dumps(of(resource("aws_iam_user", "x", name="x", tags={"a": 1})), indent=1), 13),
        (json.dumps(of(OTHERWISE), indent=1), 11),
        (json.dumps(of(ALICE, resource("aws_iam_user_policy_attachment", "x", user="alice", policy_arn="p"))), 1),
        (json.dumps(of(resource("aws_iam_account_password_policy", "x", max_password_age="x")), indent=1), 11),
        ("\ud83d", 1),
    ],
)  # fmt: skip
def test_a_wrong_state_is_one_error_with_its_place(text: str, line: int) -> None:
    with pytest.raises(InputError) as caught:
        terraform.carried(text, "x.tfstate", ACCOUNT)
    assert caught.value.code == "bad-terraform-state"
    assert caught.value.place is not None
    assert (caught.value.place.file, caught.value.place.line) == ("x.tfstate", line)


@pytest.mark.parametrize(
    "content", [b"{}", b"\xff\xfe{", b'{"version": 4, "resources": []}', b'{"version": 4, "x": NaN}']
)
def test_what_is_no_state_is_told_and_nothing_is_written(folder: Folder, content: bytes) -> None:
    (folder.root / "x.tfstate").write_bytes(content)
    told = folder("import", "--from", "terraform", "x.tfstate", code=1).err
    assert told.count("error[") == 1
    assert "x.tfstate" in told
    assert untouched(folder)


def test_no_line_of_a_state_is_shown_since_it_may_hold_a_secret(folder: Folder) -> None:
    value = of(resource("aws_iam_access_key", "x", secret=SECRET), resource("aws_iam_role", "x", name=7))
    folder.write("x.tfstate", json.dumps(value))
    told = folder("import", "--from", "terraform", "x.tfstate", code=1)
    assert SECRET not in told.err + told.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("--from", "terraform"), ("x.tfstate",), ("--from", "pulumi", "x"), ("--from", "iambic", "nowhere"),
        ("--from", "iamy", "x.tfstate"), ("--from", "terraform", "x", "--live", "x"),
        ("--from", "terraform", "nowhere"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_said(folder: Folder, arguments: tuple[str, ...]) -> None:
    folder.write("x.tfstate", "{}")
    told = folder("import", *arguments, code=1).err
    assert told.startswith("error[")
    assert untouched(folder)


# ---- and back


def test_everything_is_imported_and_described_once(folder: Folder) -> None:
    text = folder("show", f"snapshot:{LIVE}", "--format", "terraform").out
    imported = [line.split("= ")[1] for line in text.splitlines() if line.startswith("  to = ")]
    described = [".".join(line.split('"')[1:4:2]) for line in text.splitlines() if line.startswith("resource ")]
    assert imported == described
    assert len(set(imported)) == len(imported) == 39
    assert "AWSServiceRole" not in text
    assert '"$${aws:username}' in text.replace("user/$", '"$')


def test_manifests_are_shown_as_well_and_alike(folder: Folder) -> None:
    project(folder)
    folder("import", "--from", "terraform", str(MADE / STATES[0]))
    mine = folder("show", "--format", "terraform").out
    live = folder("show", f"snapshot:{LIVE}", "--format", "terraform").out
    assert sorted(line for line in mine.splitlines() if "  id = " in line) == sorted(
        line for line in live.splitlines() if "  id = " in line
    )
    one = folder("show", "iam", "--format", "terraform", "--target", "user/robot").out
    assert [line for line in one.splitlines() if line.startswith("resource ")] == [
        'resource "aws_iam_user" "robot" {',
        'resource "aws_iam_user_policy" "robot_read" {',
        'resource "aws_iam_user_policy_attachment" "robot_shard-0" {',
    ]
    assert 'policy_arn = "arn:aws:iam::' in one  # the policy is not there to be referred to


def test_a_path_is_enough_without_a_project(folder: Folder) -> None:
    folder.write("there/a.yaml", "users: {a: {}}\n")
    assert 'resource "aws_iam_user" "a"' in folder("show", "there", "--format", "terraform").out
    assert "no differences" in folder("diff", "there", "there").out


@pytest.mark.parametrize(
    "arguments",
    [("--format", "terraform", "nowhere"), (), ("--format", "terraform", "--report", "json=x"), ("--target", "x", "y")],
)
def test_show_says_what_it_wants(folder: Folder, arguments: tuple[str, ...]) -> None:
    project(folder).write("iam/x.yaml", "users: {a: {}}\n")
    assert folder("show", *arguments, code=1).err.startswith("error[")


@pytest.mark.parametrize(
    ("text", "written_as"),
    [
        ("plain", '"plain"'),
        ('a "b" \\', '"a \\"b\\" \\\\"'),
        ("${aws:username}", '"$${aws:username}"'),
        ("%{ if x }", '"%%{ if x }"'),
        ("$${x} $ { %", '"$$${x} $ { %"'),
        ("a\nb\t\x07", '"a\\nb\\t\\u0007"'),
        ("é\U0001f600\u202e", '"é\U0001f600\\u202e"'),
    ],
)
def test_texts_stay_what_they_are(text: str, written_as: str) -> None:
    assert quoted(text) == written_as


def test_names_are_valid_and_unique() -> None:
    taken: set[str] = set()
    names = [name_of(text, taken) for text in ("a.b", "a@b", "a_b", "1x", "+", "Ü")]
    assert names == ["a_b", "a_b_2", "a_b_3", "_1x", "resource", "resource_2"]


def test_attributes_of_one_line_are_aligned() -> None:
    made = block("x", {"a": 1, "long": True, "doc": Encoded({"b:c": [1, "x"], "for": None}), "r": Expression("y.z")})
    assert made == (
        "x {\n  a    = 1\n  long = true\n  doc = jsonencode({\n"
        '    "b:c" = [1, "x"]\n    "for" = null\n  })\n  r = y.z\n}'
    )


PROVIDER = """
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "KEY"
  secret_key                  = "KEY"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  endpoints {
    iam = "URL"
    sts = "URL"
  }
}
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")
def test_terraform_imports_everything_and_changes_nothing(folder: Folder, tmp_path: Path) -> None:
    there = tmp_path / "out"
    there.mkdir()

    def terraform(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["terraform", *arguments], cwd=there, capture_output=True, text=True, timeout=300)

    with running("sandbox") as server:
        folder.environment.update(server.environment)
        folder("import", "--from", "terraform", str(MADE / STATES[0]))
        folder("apply", "--auto-approve", "--quiet", "--account-id", ACCOUNT)
        (there / "iam.tf").write_text(folder("show", "live", "--format", "terraform").out, encoding="utf-8")
        assert terraform("fmt", "-check", "-diff").stdout == ""
        (there / "provider.tf").write_text(PROVIDER.replace("URL", server.url).replace("KEY", server.key))
        begun = terraform("init", "-no-color")
        if begun.returncode:
            pytest.skip(f"Terraform's AWS provider cannot be had here: {begun.stderr.strip().splitlines()[-1]}")
        assert "The configuration is valid" in terraform("validate", "-no-color").stdout
        said = terraform("plan", "-no-color")
    assert "Plan: 39 to import, 0 to add, 0 to change, 0 to destroy." in said.stdout, said.stderr
