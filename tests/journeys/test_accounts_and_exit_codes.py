"""Which manifests and which accounts a command means, and every exit code, as a person meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .cli import Folder

A, B = "111122223333", "444455556666"
READ = '{Version: "2012-10-17", Statement: {Effect: Allow, Action: "s3:Get*", Resource: "*"}}'
ONE = f'version: 1\naccounts:\n  one: {{id: "{A}", backend: sandbox}}\n'
TWO = f"""\
version: 1
manifests: [iam/common]
variables: {{env: none, owner: everybody}}
accounts:
  prod:
    {{id: "{A}", backend: sandbox, manifests: [iam/common, iam/prod], variables: {{env: prod}}, labels: {{tier: high}}}}
  test: {{id: "{B}", backend: sandbox, variables: {{env: test}}}}
"""


def people(*names: str, **tags: str) -> str:
    held = json.dumps(tags)
    return "users:\n" + "".join(f"  {name}: {{tags: {held}}}\n" for name in names)


def planned(folder: Folder, *arguments: str, code: int = 0) -> dict[str, dict[str, str]]:
    """What a plan would do: account name to address to action."""
    said = json.loads(folder("plan", "--format", "json", *arguments, code=code).out)
    return {
        each["account"]["name"]: {change["address"]: change["action"] for change in each["changes"]}
        for each in said["plans"]
    }


@pytest.fixture
def two(inside: Folder) -> Folder:
    inside.write("iamsync.yaml", TWO)
    inside.write("iam/common/people.yaml", people("alice", env="$(var.env)", owner="$(var.owner)"))
    inside.write("iam/prod/people.yaml", people("operator"))
    return inside


class TestWithoutAProjectFile:
    HERE = ("--sandbox", "--account-id", A)

    @pytest.fixture(autouse=True)
    def manifests(self, inside: Folder) -> None:
        inside.write("iam/all.yaml", people("alice"))
        inside.write("more/all.yaml", people("bob"))
        inside.write("more/deep/er.yaml", "groups: {g: {}}\n")

    def test_the_set_is_the_folder_iam(self, inside: Folder) -> None:
        assert planned(inside, *self.HERE) == {"default": {"user/alice": "create"}}

    def test_a_path_is_the_set_instead(self, inside: Folder) -> None:
        assert planned(inside, "more", *self.HERE) == {"default": {"group/g": "create", "user/bob": "create"}}
        assert planned(inside, "more/deep/er.yaml", *self.HERE) == {"default": {"group/g": "create"}}
        assert set(planned(inside, "iam", "more", *self.HERE)["default"]) == {"group/g", "user/alice", "user/bob"}

    def test_what_another_set_declared_is_only_undeclared_not_deleted(self, inside: Folder) -> None:
        inside("apply", "--auto-approve", *self.HERE)
        assert planned(inside, "more", *self.HERE) == {"default": {"group/g": "create", "user/bob": "create"}}

    def test_a_path_that_is_not_there_and_an_empty_one_are_errors(self, inside: Folder) -> None:
        (inside.root / "empty").mkdir()
        assert "error[" in inside("plan", "nowhere", *self.HERE, code=1).err
        assert "error[empty-manifests]" in inside("plan", "empty", *self.HERE, code=1).err
        assert "error[empty-manifests]" in inside("validate", "empty", code=1).err

    def test_an_apply_that_nobody_watches_needs_the_account_id(self, inside: Folder) -> None:
        assert "error[needs-account-id]" in inside("apply", "--auto-approve", code=1).err
        assert "error[needs-approval]" in inside("apply", "--sandbox", code=1).err


class TestWithOneAccount:
    @pytest.fixture(autouse=True)
    def project(self, inside: Folder) -> None:
        inside.write("iamsync.yaml", ONE)
        inside.write("iam/a.yaml", people("alice"))
        inside.write("iam/b.yaml", people("bob") + f"policies: {{p: {{document: {READ}}}}}\n")

    def test_a_path_only_narrows_what_is_looked_at(self, inside: Folder) -> None:
        assert planned(inside, "iam/a.yaml") == {"one": {"user/alice": "create"}}
        inside("apply", "--auto-approve", "iam/a.yaml")
        assert planned(inside) == {"one": {"policy/p": "create", "user/bob": "create"}}
        assert planned(inside, "iam/a.yaml") == {"one": {}}

    def test_a_target_narrows_too_and_says_so(self, inside: Folder) -> None:
        said = inside("plan", "--target", "user/*", "--target", "!user/bob")
        assert "+ create user/alice" in said.out
        assert "bob" not in said.out
        assert "partial" in said.err

    def test_a_part_without_changes_claims_nothing_of_the_rest(self, inside: Folder) -> None:
        inside("apply", "--auto-approve")
        inside.write("iam/b.yaml", people("bob"))
        for part in (("--target", "user/alice"), ("--target", "user/nobody-*"), ("iam/a.yaml",)):
            for command in ("plan", "drift"):
                for form in ("text", "markdown", "html"):
                    said = inside(command, *part, "--format", form).out
                    assert "in what was looked at" in said, (command, part, form)
                    assert "Live IAM" not in said
        assert "in what was looked at" not in inside("plan").out

    def test_another_account_id_is_refused(self, inside: Folder) -> None:
        assert "error[wrong-account]" in inside("plan", "--account-id", B, code=1).err

    def test_the_project_is_found_from_outside(self, inside: Folder) -> None:
        outside = Folder(inside.root.parent, inside=True)
        assert planned(outside, "--config", str(inside.root / "iamsync.yaml")) == planned(inside)
        assert planned(outside, inside.root.name) == planned(inside)

    def test_two_runs_of_the_same_plan_are_the_same_bytes(self, inside: Folder) -> None:
        inside("plan", "--out", "one.json", "--now", "2026-11-24T00:00:00Z")
        inside("plan", "--out", "two.json", "--now", "2026-11-24T00:00:00Z")
        one, two = (json.loads((inside.root / f"{name}.json").read_text()) for name in ("one", "two"))
        assert one.pop("created_at")
        assert two.pop("created_at")
        assert one == two
        assert (inside.root / "one.json").stat().st_mode & 0o777 == 0o600

    def test_a_saved_plan_goes_on_where_a_part_of_it_is_live_already(self, inside: Folder) -> None:
        inside.write("iam/b.yaml", people("bob"))
        said = inside("plan", "--out", "plan.json")
        approval = said.out.rpartition("approval: ")[2].strip()
        inside("apply", "--target", "user/bob", "--auto-approve")
        assert "1 of 1 call" in inside("apply", "plan.json").out
        assert "No changes." in inside("plan").out
        inside("apply", "plan.json")
        inside("apply", "--approved", approval, code=4)


class TestWithTwoAccounts:
    def test_readers_take_both_and_each_has_its_own_manifests(self, two: Folder) -> None:
        assert planned(two) == {
            "prod": {"user/alice": "create", "user/operator": "create"},
            "test": {"user/alice": "create"},
        }
        assert [row["id"] for row in json.loads(two("validate", "--format", "json").out)["accounts"]] == [A, B]

    def test_a_writer_must_be_told_which(self, two: Folder) -> None:
        said = two("apply", "--auto-approve", code=1)
        assert "error[which-account]" in said.err
        assert "prod, test" in said.err
        assert not (two.root / ".iamsync" / "runs").exists()

    @pytest.mark.parametrize("chosen", ["prod", "pr*", "label:tier=high"])
    def test_an_account_is_chosen_by_name_glob_or_label(self, two: Folder, chosen: str) -> None:
        assert list(planned(two, "--account", chosen)) == ["prod"]

    def test_an_account_that_is_not_configured_is_an_error(self, two: Folder) -> None:
        said = two("plan", "-a", "staging", code=1)
        assert "error[unknown-account]" in said.err
        assert "prod, test" in said.err

    def test_a_target_must_be_somebody_in_one_of_them(self, two: Folder) -> None:
        assert planned(two, "--target", "user/operator") == {"prod": {"user/operator": "create"}, "test": {}}
        said = two("plan", "--target", "user/operater", code=1)
        assert "error[unknown-target]" in said.err
        assert 'did you mean "user/operator"?' in said.err
        assert "error[unknown-target]" in two("drift", "-a", "test", "--target", "user/operator", code=1).err

    def test_writing_to_one_leaves_the_other_and_all_accounts_does_the_rest(self, two: Folder) -> None:
        two("apply", "--auto-approve", "-a", "test")
        assert planned(two) == {"prod": {"user/alice": "create", "user/operator": "create"}, "test": {}}
        two("apply", "--auto-approve", "--all-accounts", "--var", "owner=me")
        assert planned(two, "--var", "owner=me") == {"prod": {}, "test": {}}
        assert planned(two) == {"prod": {"user/alice": "update"}, "test": {"user/alice": "update"}}
        rows = json.loads(two("runs", "list", "--format", "json").out)
        assert [row["account"] for row in rows] == ["test", "prod", "test"]  # one second, and yet in order

    def test_variables_come_from_the_project_the_account_a_file_and_the_command_line(self, two: Folder) -> None:
        two.write("values.json", '{"owner": "file", "env": "file"}')

        def tags(*arguments: str) -> list[dict[str, str]]:
            said = json.loads(two("validate", "--expand", "--format", "json", *arguments).out)
            return [each["resources"]["user/alice"]["tags"] for each in said]

        assert tags() == [{"env": "prod", "owner": "everybody"}, {"env": "test", "owner": "everybody"}]
        assert tags("--variables-from", "values.json", "--var", "owner=me", "-a", "test") == [
            {"env": "file", "owner": "me"}
        ]
        assert "error[bad-option]" in two("validate", "--var", "owner", code=1).err

    def test_an_import_of_several_accounts_takes_nothing_that_is_declared(self, two: Folder) -> None:
        two("apply", "--auto-approve", "--all-accounts")
        said = two("import", "--out", "new").out
        assert "account prod" in said
        assert "account test" in said
        assert "imported now" not in said
        assert not (two.root / "new").exists()

    def test_the_worst_exit_code_of_both_wins(self, two: Folder) -> None:
        two("apply", "--auto-approve", "--all-accounts")
        project = TWO.replace("variables: {env: test}", "variables: {env: test}, safety: {protected: [user/*]}")
        two.write("iamsync.yaml", project)
        assert planned(two, "--var", "owner=me", code=3) == {
            "prod": {"user/alice": "update"},
            "test": {"user/alice": "update"},
        }
        two("plan", "--var", "owner=me", "-a", "prod", "--detailed-exitcode", code=2)
        before = two.sandbox
        two("apply", "--auto-approve", "--all-accounts", "--var", "owner=me", code=3)
        assert two.sandbox == before  # nobody is changed where anybody is refused


class TestExitCodes:
    @pytest.fixture(autouse=True)
    def project(self, folder: Folder) -> None:
        folder.write("iamsync.yaml", ONE)
        folder.write("iam/all.yaml", people("alice", "bob"))

    def test_0_where_all_is_well_though_something_would_change(self, folder: Folder) -> None:
        folder("validate", code=0)
        folder("plan", code=0)
        folder("apply", "--auto-approve", code=0)
        folder("plan", "--detailed-exitcode", code=0)
        folder("version", code=0)
        folder("--help", code=0)

    @pytest.mark.parametrize(
        "arguments",
        [
            ("plan", "--no-such-option"),
            ("no-such-command",),
            ("plan", "--format", "pdf"),
            ("apply",),
            ("show", "missing.json"),
            ("plan", "--target", "tag:"),
            ("plan", "--live", "missing.json"),
            ("apply", "--auto-approve", "--parallelism", "0"),
        ],
    )
    def test_1_where_the_command_cannot_be_carried_out(self, folder: Folder, arguments: tuple[str, ...]) -> None:
        said = folder(*arguments, code=1)
        assert said.out == ""
        assert said.err

    def test_1_with_every_mistake_of_every_file(self, folder: Folder) -> None:
        folder.write("iam/all.yaml", "users: {alice: {grups: [x]}}\n")
        folder.write("iam/more.yaml", "roles: {r: {}}\n")
        said = folder("plan", code=1)
        assert "iam/all.yaml:1:17" in said.err
        assert "iam/more.yaml:1" in said.err
        assert "2 errors" in said.err

    def test_2_where_something_is_found(self, folder: Folder) -> None:
        folder("plan", "--detailed-exitcode", code=2)
        folder("snapshot", "--out", "empty.json")
        folder("apply", "--auto-approve")
        said = folder("diff", "snapshot:empty.json", "live", code=2)
        assert "user/alice" in said.out
        folder("diff", "iam", "live", code=0)

    def test_3_where_a_guard_refuses_and_0_with_consent(self, folder: Folder) -> None:
        folder("apply", "--auto-approve")
        folder.write("iamsync.yaml", ONE + "safety: {max_deletes: 1}\n")
        folder.write("iam/all.yaml", "removed: [user/alice, user/bob]\n")
        before = folder.sandbox
        said = folder("plan", "--report", "markdown=plan.md", code=3)
        assert "guard max-deletes" in said.out
        assert "--acknowledge max-deletes" in said.out
        assert "max-deletes" in (folder.root / "plan.md").read_text()
        folder("apply", "--auto-approve", code=3)
        assert folder.sandbox == before
        folder("apply", "--auto-approve", "--acknowledge", "max-deletes")
        assert "No changes." in folder("plan").out

    def test_4_where_reality_or_the_manifests_moved_since_the_plan(self, folder: Folder) -> None:
        said = folder("plan", "--out", "plan.json")
        approval = said.out.rpartition("approval: ")[2].strip()
        folder.write("iam/more.yaml", people("carol"))
        assert "carol" in folder("apply", "--approved", approval, code=4).err
        (folder.root / "iam" / "more.yaml").unlink()
        folder.write("iam/all.yaml", people("alice", "bob", team="x"))
        assert '"UserName":"alice"' in folder("apply", "plan.json", code=4).err
        folder("apply", "--auto-approve", "--target", "user/bob")
        folder.write("iam/all.yaml", people("alice", "bob"))
        said = folder("apply", "plan.json", code=4)
        assert '"UserName":"bob"' in said.err

    def test_5_where_a_part_failed_and_the_same_command_goes_on(self, folder: Folder) -> None:
        trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{A}:user/carol"}, "Action": "sts:AssumeRole"}
        role = {"app": {"trust_policy": {"Version": "2012-10-17", "Statement": trust}}}
        folder.write("iam/role.yaml", json.dumps({"roles": role}))
        said = folder("apply", "--auto-approve", "--acknowledge", "unknown-principal", code=5)
        assert "2 of 3 calls done, 1 failed" in said.out
        assert "MalformedPolicyDocument" in said.out
        assert "run the same command again" in said.out
        folder.write("iam/all.yaml", people("alice", "bob", "carol"))
        assert "2 of 2 calls done" in folder("apply", "--auto-approve").out
        outcomes = [run["outcome"] for run in json.loads(folder("runs", "list", "--format", "json").out)]
        assert outcomes == ["in part", "complete"]


def test_help_of_every_command_shows_an_example(inside: Folder) -> None:
    for command in ("validate", "plan", "show", "apply", "import", "snapshot", "diff", "schema", "version"):
        assert f"Example: iamsync {command}" in inside(command, "--help").out


def test_a_command_started_elsewhere_leaves_nothing_there(inside: Folder) -> None:
    project = inside.root / "project"
    inside.write("project/iamsync.yaml", ONE)
    inside.write("project/iam/all.yaml", people("alice"))
    inside("apply", "--auto-approve", "--config", "project/iamsync.yaml")
    assert sorted(path.name for path in inside.root.iterdir()) == ["project"]
    assert (project / ".iamsync" / "runs").is_dir()
    assert Path(project / ".iamsync" / "sandbox.json").is_file()
