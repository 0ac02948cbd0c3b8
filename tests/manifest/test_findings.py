"""Findings of manifests: each at its place, once for a template, suppressed where somebody said why."""

from __future__ import annotations

from pathlib import Path

import pytest

from iamsync.errors import InputError, InputErrors
from iamsync.manifest.config import load_config
from iamsync.manifest.linting import Finding, Findings, findings, unused
from iamsync.manifest.load import Beside, read_manifests, resolve
from iamsync.policy.catalog import load

ACCOUNT = "111122223333"
NOW = "2027-01-01T00:00:00Z"
EVERYTHING_BUT = """\
policies:
  power:
    document:
      Version: 2012-10-17
      Statement:
        - Effect: Allow
          NotAction: iam:*
          Resource: "*"
"""
TEMPLATE = """\
templates:
  job:
    kind: role
    params: {name: null, ending: "*"}
    fields:
      trust_policy: {$file: trust.json}
      inline_policies:
        files:
          Version: 2012-10-17
          Statement:
            - Effect: Allow
              Action: s3:GetObjcet
              Resource: "arn:aws:s3:::$(param.name)/*"
              Condition: {StringLike: {s3:ExistingObjectTag/team: "$(param.name)$(param.ending)"}}
roles:
  one: {use: job, with: {name: one}}
  two: {use: job, with: {name: two, ending: ""}}
"""
TRUST = """\
{"Version": "2012-10-17",
 "Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}}
"""


def looked_at(root: Path, text: str, **files: str) -> tuple[Findings, Beside]:
    (root / "iam").mkdir(exist_ok=True)
    (root / "iam" / "site.yaml").write_text(text, encoding="utf-8")
    for name, held in files.items():
        (root / "iam" / f"{name}.json").write_text(held, encoding="utf-8")
    config = load_config(None, root)
    beside = Beside()
    state = resolve(read_manifests(root, ["iam"]), config.accounts[0], account_id=ACCOUNT, config=config, beside=beside)
    return findings(state, beside, account_id=ACCOUNT, ours=(), catalog=load(), now=NOW), beside


def told(found: Findings) -> list[tuple[str, str, str]]:
    return [(str(item.place), item.id, " ".join(map(str, item.addresses))) for item in found.found]


def suppress(*lines: str) -> str:
    return EVERYTHING_BUT + "suppress:\n" + "".join(f"  - {line}\n" for line in lines)


def test_a_finding_stands_where_the_text_is(tmp_path: Path) -> None:
    found, _ = looked_at(tmp_path, EVERYTHING_BUT)
    assert told(found) == [("iam/site.yaml:7:11", "IAM-P034", "policy/power")]


def test_what_a_template_says_is_found_once_for_all_its_uses(tmp_path: Path) -> None:
    found, _ = looked_at(tmp_path, TEMPLATE, trust=TRUST)
    assert told(found) == [
        ("iam/site.yaml:12:23", "IAM-P051", "role/one role/two"),
        ("iam/trust.json:2:56", "IAM-P060", "role/one role/two"),
    ]
    assert [item.remedy for item in found.found] == [
        "did you mean s3:GetObject? (used by role/one at iam/site.yaml:16)",
        "name the accounts or roles that are meant (used by role/one at iam/site.yaml:16)",
    ]


def test_a_policy_that_is_a_boundary_alone_may_be_wide(tmp_path: Path) -> None:
    bounded, _ = looked_at(tmp_path, EVERYTHING_BUT + "users: {alice: {permissions_boundary: power}}\n")
    assert told(bounded) == []
    both = "users: {alice: {permissions_boundary: power, managed_policies: [power]}}\n"
    attached, _ = looked_at(tmp_path, EVERYTHING_BUT + both)
    assert [rule for _, rule, _ in told(attached)] == ["IAM-P034"]


def test_a_suppression_takes_a_finding_away(tmp_path: Path) -> None:
    text = suppress("{finding: IAM-P034, address: policy/pow*, reason: administrators only, until: 2027-06-30}")
    found, beside = looked_at(tmp_path, text)
    assert told(found) == []
    assert found.suppressed == 1
    assert unused(beside.suppressions, found.used, NOW) == ()


def test_an_expired_suppression_is_a_finding_beside_the_one_it_was_for(tmp_path: Path) -> None:
    text = suppress("{finding: IAM-P034, address: policy/power, reason: for now, until: 2026-12-31}")
    found, beside = looked_at(tmp_path, text)
    assert told(found) == [
        ("iam/site.yaml:7:11", "IAM-P034", "policy/power"),
        ("iam/site.yaml:10:5", "IAM-P090", ""),
    ]
    assert "2026-12-31T00:00:00Z" in found.found[1].message
    assert unused(beside.suppressions, found.used, NOW) == ()


def test_a_suppression_of_nothing_is_a_finding(tmp_path: Path) -> None:
    text = suppress(
        "{finding: IAM-P034, address: policy/power, reason: right}",
        "{finding: IAM-P035, address: policy/power, reason: mended since}",
        '{finding: IAM-P034, address: "role:/ci/**", reason: nobody there}',
    )
    found, beside = looked_at(tmp_path, text)
    left = unused(beside.suppressions, found.used, NOW)
    assert [(item.place.line, item.id) for item in left] == [(11, "IAM-P091"), (12, "IAM-P091")]
    assert all(isinstance(item, Finding) for item in left)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("{finding: IAM-P034, address: policy/power}", "missing-field"),
        ("{finding: IAM-P034, reason: x}", "missing-field"),
        ("{finding: IAM-P34, address: policy/power, reason: x}", "unknown-finding"),
        ("{finding: IAM-P034, address: power, reason: x}", "bad-selector"),
        ('{finding: IAM-P034, address: "!policy/power", reason: x}', "bad-selector"),
        ("{finding: IAM-P034, address: policy/power, reason: x, until: soon}", "bad-time"),
        ("{finding: IAM-P034, address: policy/power, reason: x, untl: 2027-01-01}", "unknown-field"),
        ('{finding: IAM-P034, address: "policy/$(var.x)", reason: x}', "unknown-variable"),
        ("IAM-P034", "wrong-type"),
        ("", "wrong-type"),
    ],
)
def test_a_wrong_suppression_is_an_error_at_its_line(tmp_path: Path, line: str, code: str) -> None:
    with pytest.raises((InputError, InputErrors)) as caught:
        looked_at(tmp_path, suppress(line))
    assert (caught.value.code, caught.value.place and caught.value.place.line) == (code, 10)
