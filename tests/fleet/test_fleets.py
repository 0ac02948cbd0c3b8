"""Many accounts in one run: who fails is told and the rest is complete; waves, shards, one report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.loaders import create_loader

from iamsync.aws.session import Sessions
from tests.fleet.accounts import Fleet, fleet, number, project
from tests.journeys.cli import Folder

LOADER = create_loader()
WHO = 'Principal: {Service: ec2.amazonaws.com}, Action: "sts:AssumeRole"'
TRUST = f'{{Version: "2012-10-17", Statement: {{Effect: Allow, {WHO}}}}}'
BASE = f"roles: {{base: {{trust_policy: {TRUST}, tags: {{Home: $(account.id)}}}}}}\n"


@pytest.fixture
def many() -> Iterator[Fleet]:
    with fleet() as held:
        yield held


@pytest.fixture
def folder(tmp_path: Path, many: Fleet, monkeypatch: pytest.MonkeyPatch) -> Folder:
    for module in ("iamsync.engine.reach", "iamsync.aws.session"):
        monkeypatch.setattr(f"{module}.Sessions", lambda: Sessions(_loader=LOADER))
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    monkeypatch.setattr("botocore.retries.bucket.TokenBucket.acquire", lambda *given, **more: True)
    made = Folder(tmp_path, many.environment, inside=True)
    made.write("iam/all.yaml", BASE)
    return made


def roles(many: Fleet, at: int) -> set[str]:
    """The names of the roles that an account has."""
    return {role.name for role in many.server._accounts[number(at)]["aws"].roles.values()}


@pytest.mark.parametrize("size", [8, pytest.param(30, marks=pytest.mark.slow)])
def test_accounts_of_which_two_deny_and_one_throttles(folder: Folder, many: Fleet, size: int) -> None:
    folder.write("iamsync.yaml", project(size))
    lost = (3, 5, 7)
    many.denied = {number(3), number(7)}
    many.throttled = {number(5)}
    formats = {"json": "plan.json", "junit": "plan.xml", "sarif": "p.sarif", "markdown": "plan.md", "html": "plan.html"}
    reports = [word for form, file in formats.items() for word in ("--report", f"{form}={file}")]
    planned = folder("plan", *reports, "--out", "saved.json", code=1)
    assert f"same in {size - 3} accounts: a00, a01" in planned.out
    assert planned.out.count("+ create role/base") == 1
    which = "a03 (assume-role-denied), a05 (throttling), a07 (assume-role-denied)"
    assert f"3 of {size} accounts failed: {which}" in planned.err
    made = json.loads((folder.root / "plan.json").read_text())
    assert [plan["account"]["name"] for plan in made["plans"]] == [f"a{at:02d}" for at in range(size) if at not in lost]
    assert [(row["account"]["name"], row["error"]["code"]) for row in made["failed"]] == [
        ("a03", "assume-role-denied"),
        ("a05", "throttling"),
        ("a07", "assume-role-denied"),
    ]
    for name in ("plan.xml", "p.sarif", "plan.md", "plan.html"):
        text = (folder.root / name).read_text()
        assert all(account in text for account in ("a03", "a05", "a07")), name

    said = folder("apply", "saved.json")
    assert [at for at in range(size) if "base" in roles(many, at)] == [at for at in range(size) if at not in lost]

    drifted = folder("drift", "--format", "json", code=1)
    assert len(json.loads(drifted.out)["accounts"]) == size - 3
    assert f"3 of {size}" in drifted.err
    many.denied, many.throttled = set(), set()
    applied = json.loads(folder("apply", "--auto-approve", "--all-accounts", "--format", "json").out)
    assert [row["account"] for row in applied["applied"]] == ["a03", "a05", "a07"]
    assert f"No changes in {size} accounts" in folder("plan").out
    texts = [planned.out, planned.err, said.out, said.err, drifted.out]
    texts += [path.read_text() for path in folder.root.rglob("*") if path.is_file()]
    assert many.secrets
    assert not [secret for secret in {*many.secrets, "secret-of-the-hub"} for text in texts if secret in text]


def test_a_wave_that_fails_stops_the_later_ones_but_not_its_own(folder: Folder, many: Fleet) -> None:
    folder.write("iamsync.yaml", project(6, waves=3))
    many.broken = {(number(1), "CreateRole")}  # of wave 2, beside a04
    said = folder("apply", "--auto-approve", "--all-accounts", "--format", "json", code=5)
    told = json.loads(said.out)
    assert [row["account"] for row in told["applied"]] == ["a00", "a03", "a01", "a04"]
    assert [(row["account"], row["reason"]) for row in told["not_begun"]] == [
        ("a02", "wave 3 was not begun: 1 account failed in the waves before it"),
        ("a05", "wave 3 was not begun: 1 account failed in the waves before it"),
    ]
    assert "accounts not begun: a02, a05" in said.err
    assert [at for at in range(6) if "base" in roles(many, at)] == [0, 3, 4]
    folder("apply", "--auto-approve", "--all-accounts", "--max-failed", "1", code=5)
    assert [at for at in range(6) if "base" in roles(many, at)] == [0, 2, 3, 4, 5]


def test_an_account_that_is_not_reached_stops_the_later_waves_too(folder: Folder, many: Fleet) -> None:
    folder.write("iamsync.yaml", project(4, waves=2))
    many.denied = {number(0)}
    said = folder("apply", "--auto-approve", "--all-accounts", code=1)
    assert "a01" in said.out
    assert "not begun" in said.out
    assert [at for at in range(4) if "base" in roles(many, at)] == [2]


def test_a_saved_plan_changes_no_account_but_those_whose_ids_it_says(folder: Folder, many: Fleet) -> None:
    folder.write("iamsync.yaml", project(3))
    folder("plan", "--out", "saved.json")
    made = json.loads((folder.root / "saved.json").read_text())
    made["plans"][0]["account"]["id"], made["plans"][1]["account"]["id"] = number(1), number(0)
    folder.write("swapped.json", json.dumps(made))
    assert folder("apply", "swapped.json", code=(1, 4)).err
    assert not any("base" in roles(many, at) for at in range(3))
    folder("apply", "saved.json", "-a", "a00", code=4)
    folder("apply", "saved.json")
    assert all("base" in roles(many, at) for at in range(3))


def test_each_account_that_changes_needs_its_own_approval(folder: Folder, many: Fleet) -> None:
    folder.write("iamsync.yaml", project(3))
    told = json.loads(folder("plan", "--format", "json").out)["plans"]
    digests = [plan["digests"]["approval"] for plan in told]
    given = [word for digest in digests for word in ("--approved", digest)]
    folder("apply", "--all-accounts", *given[:4], code=4)
    assert "of account a02 is" not in folder("apply", "--all-accounts", *given[2:], code=4).err
    other = f"sha256:{'0' * 64}"
    assert "no account's plan" in folder("apply", "--all-accounts", *given, "--approved", other, code=4).err
    assert not any("base" in roles(many, at) for at in range(3))
    many.broken = {(number(1), "CreateRole")}
    folder("apply", "--all-accounts", *given, code=5)
    assert [at for at in range(3) if "base" in roles(many, at)] == [0, 2]
    many.broken = set()
    # What is done already has its record, and the rest is what was approved.
    folder.environment["IAMSYNC_APPROVED"] = " ".join(digests)
    folder("apply", "--all-accounts")
    assert all("base" in roles(many, at) for at in range(3))


def test_shards_part_the_accounts_and_stay_as_they_are_when_others_come(folder: Folder) -> None:
    def shards(count: int) -> list[list[str]]:
        folder.write("iamsync.yaml", project(count))
        return [
            [
                plan["account"]["name"]
                for plan in json.loads(folder("plan", "--shard", f"{n}/2", "--format", "json").out)["plans"]
            ]
            for n in (1, 2)
        ]

    few, more = shards(6), shards(8)
    assert sorted(few[0] + few[1]) == [f"a{at:02d}" for at in range(6)]
    assert all(set(one) <= set(other) for one, other in zip(few, more, strict=True))
    assert "error[bad-option]" in folder("plan", "--shard", "3/2", code=1).err


def test_the_same_run_twice_is_the_same_bytes(folder: Folder, many: Fleet) -> None:
    folder.write("iamsync.yaml", project(6))
    many.denied = {number(2)}
    one, two = (
        json.loads(folder("plan", "--format", "json", "--now", "2026-11-24T00:00:00Z", code=1).out) for _ in "ab"
    )
    assert one.pop("created_at")
    assert two.pop("created_at")
    assert json.dumps(one) == json.dumps(two)


def test_an_import_of_several_accounts_writes_what_is_equal_once_and_plans_to_nothing(
    folder: Folder, many: Fleet
) -> None:
    folder.write("iamsync.yaml", project(4))
    folder.write(
        "iam/more.yaml",
        f"roles: {{two: {{trust_policy: {TRUST}, only_accounts: [a00, a01]}}, odd: {{trust_policy: {TRUST}, "
        "description: $(account.name), managed_policies: [aws/ReadOnlyAccess]}}\n",
    )
    folder("apply", "--auto-approve", "--all-accounts")
    for path in (folder.root / "iam").iterdir():
        path.unlink()
    many.denied = {number(3)}
    said = folder("import", code=1)
    assert "1 of 4 accounts failed: a03 (assume-role-denied)" in said.err
    files = folder.files()
    assert set(files) == {"roles.yaml", "shared-1/roles.yaml", *(f"a0{at}/roles.yaml" for at in range(3))}
    # The fourth account was not seen: nothing of this is said of it.
    assert "only_accounts: [a00, a01, a02]" in files["roles.yaml"]
    assert "$(account.id)" in files["roles.yaml"]
    assert "only_accounts: [a00, a01]" in files["shared-1/roles.yaml"]
    assert "No changes" in folder("plan", "-a", "a00", "-a", "a01", "-a", "a02", "--detailed-exitcode").out
    assert "wrote 0 resources" in folder("import", "-a", "a00").out


@pytest.mark.parametrize("partition", ["aws-cn", "aws-us-gov"])
def test_other_partitions_have_their_own_arns_from_manifest_to_account(tmp_path: Path, partition: str) -> None:
    folder = Folder(tmp_path, inside=True)
    account = f'{{id: "{number(1)}", backend: sandbox, partition: {partition}}}'
    folder.write("iamsync.yaml", f"version: 1\naccounts: {{a: {account}}}\n")
    root = '{AWS: "arn:$(partition):iam::$(account.id):root"}'
    folder.write(
        "iam/all.yaml",
        "roles: {r: {managed_policies: [aws/ReadOnlyAccess, own], trust_policy: {Version: 2012-10-17, Statement: "
        f'{{Effect: Allow, Principal: {root}, Action: "sts:AssumeRole"}}}}}}}}\n'
        'policies: {own: {document: {Version: 2012-10-17, Statement: {Effect: Allow, Action: "s3:GetObject", '
        'Resource: "arn:$(partition):s3:::b/*"}}}}\n',
    )
    (plan,) = json.loads(folder("plan", "--format", "json").out)["plans"]
    assert plan["account"]["partition"] == partition
    text = json.dumps(plan["steps"])
    assert f"arn:{partition}:iam::aws:policy/ReadOnlyAccess" in text
    assert "arn:aws:" not in text
    folder("apply", "--auto-approve")
    assert "No changes." in folder("plan", "--detailed-exitcode").out
    held = folder("snapshot").out
    assert f"arn:{partition}:iam::{number(1)}:root" in held
    assert "arn:aws:" not in held


def test_a_chain_of_three_roles_whose_sessions_end_in_the_middle_of_the_run_completes(
    folder: Folder, many: Fleet
) -> None:
    chain = [
        {"arn": f"arn:aws:iam::{number(1)}:role/one", "session_tags": {"team": "iam"}, "transitive_tags": ["team"]},
        {"arn": f"arn:aws:iam::{number(2)}:role/two", "external_id": "external-7", "source_identity": "ann"},
        f"arn:aws:iam::{number(3)}:role/three",
    ]
    accounts = {"deep": {"id": number(3), "assume_role": chain}}
    folder.write("iamsync.yaml", json.dumps({"version": 1, "safety": {"settle": 0}, "accounts": accounts}))
    many.seconds = 4
    said = folder("apply", "--auto-approve", "--verbose")
    assert "base" in roles(many, 3)
    renewed = [action for _, action in many.calls].count("AssumeRole")
    assert renewed > 2 * len(chain)
    texts = [said.out, said.err, *(path.read_text() for path in folder.root.rglob("*") if path.is_file())]
    assert len(many.secrets) >= 2 * renewed
    assert not [secret for secret in many.secrets for text in texts if secret in text]
