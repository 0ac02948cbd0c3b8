"""`tests:` of manifests as values: what each account is to be held to."""

from __future__ import annotations

from pathlib import Path

from iamsync.expectations import PermissionTest
from iamsync.manifest.config import load_config
from iamsync.manifest.files import read_manifests
from iamsync.manifest.testsection import resolve_tests
from iamsync.model import Address

GOOD = Path(__file__).parent / "good" / "tests"


def held(account: str) -> dict[str, PermissionTest]:
    config = load_config(None, GOOD)
    manifests = read_manifests(config.root, config.manifests)
    (chosen,) = (item for item in config.accounts if item.name == account)
    found = resolve_tests(manifests, chosen, account_id=chosen.id or "", config=config)
    return {test.name: test for test in found}


def test_each_account_has_its_own_tests() -> None:
    both = ["deploy can publish and nothing else", "nobody but break-glass administers IAM"]
    assert list(held("prod")) == [*both, "only here"]
    assert list(held("dev")) == [*both, "only there"]


def test_an_entry_is_an_action_a_list_or_actions_on_resources() -> None:
    test = held("prod")["deploy can publish and nothing else"]
    assert [(entry.expected, entry.actions, entry.resources) for entry in test.entries] == [
        ("allow", ("s3:PutObject", "s3:GetObject"), ("arn:aws:s3:::prod-site/index.html",)),
        ("deny", ("iam:*",), ()),
        ("deny", ("s3:DeleteObject", "s3:DeleteBucket"), ()),
        ("deny", ("s3:*",), ("arn:aws:s3:::site", "arn:aws:s3:::site/*")),
    ]
    assert [entry.place.line for entry in test.entries] == [8, 10, 11, 12]
    assert (test.place.file, test.place.line) == ("iam/site.yaml", 6)


def test_a_context_is_texts_and_an_empty_list_is_known_to_be_absent() -> None:
    assert dict(held("dev")["deploy can publish and nothing else"].context) == {
        "aws:SourceIp": ("203.0.113.7",),
        "aws:MultiFactorAuthPresent": ("true",),
        "aws:PrincipalTag/team": ("a", "b"),
        "aws:Referer": (),
    }


def test_principals_are_selected_as_everywhere_and_exceptions_end() -> None:
    test = held("prod")["nobody but break-glass administers IAM"]
    assert test.principals(Address("user", "alice"), "/")
    assert test.principals(Address("role", "deploy"), "/ci/")
    assert not test.principals(Address("user", "bob"), "/break-glass/")
    assert not test.principals(Address("role", "deploy"), "/ci/", {"admin": "yes"})
    assert test.allow_uncertain
    until, for_good = test.exemptions
    assert until.principals(Address("user", "alice"))
    assert until.holds("2027-01-30T23:59:59Z")
    assert not until.holds("2027-01-31T00:00:00Z")
    assert (for_good.until, for_good.holds("2999-01-01T00:00:00Z"), for_good.reason) == (None, True, "old")
