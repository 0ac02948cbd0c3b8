"""ARNs: built, taken apart, and told from other texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iamsync import arn
from iamsync.arn import Arn
from iamsync.model import Address

ACCOUNT = "111122223333"

PARTS = {
    f"arn:aws:iam::{ACCOUNT}:user/alice": Arn("aws", ACCOUNT, "user", "/", "alice"),
    f"arn:aws:iam::{ACCOUNT}:user/people/eu/alice": Arn("aws", ACCOUNT, "user", "/people/eu/", "alice"),
    f"arn:aws-cn:iam::{ACCOUNT}:group/a+b=c,d.e@f_g-h": Arn("aws-cn", ACCOUNT, "group", "/", "a+b=c,d.e@f_g-h"),
    f"arn:aws-us-gov:iam::{ACCOUNT}:role/ci/x": Arn("aws-us-gov", ACCOUNT, "role", "/ci/", "x"),
    f"arn:aws:iam::{ACCOUNT}:user/odd:$(x)!/x": Arn("aws", ACCOUNT, "user", "/odd:$(x)!/", "x"),
    "arn:aws:iam::aws:policy/ReadOnlyAccess": Arn("aws", "aws", "policy", "/", "ReadOnlyAccess"),
    "arn:aws:iam::aws:policy/job-function/Billing": Arn("aws", "aws", "policy", "/job-function/", "Billing"),
    f"arn:aws:iam::{ACCOUNT}:instance-profile/web": Arn("aws", ACCOUNT, "instance_profile", "/", "web"),
    f"arn:aws:iam::{ACCOUNT}:oidc-provider/host.example/id/X": Arn(
        "aws", ACCOUNT, "oidc_provider", "/", "host.example/id/X"
    ),
    f"arn:aws:iam::{ACCOUNT}:saml-provider/okta": Arn("aws", ACCOUNT, "saml_provider", "/", "okta"),
}


@pytest.mark.parametrize("text", PARTS)
def test_an_arn_is_taken_apart_and_put_together(text: str) -> None:
    parsed = arn.parse(text)
    assert parsed == PARTS[text]
    assert parsed is not None
    assert str(parsed) == text
    assert arn.build(parsed.partition, parsed.account, parsed.address, parsed.path) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        ACCOUNT,
        f"arn:aws:iam::{ACCOUNT}:root",
        f"arn:aws:iam::{ACCOUNT}:role/",
        f"arn:aws:iam::{ACCOUNT}:role/ci/",
        f"arn:aws:iam::{ACCOUNT}:role",
        f"arn:aws:iam::{ACCOUNT}:oidc-provider/",
        f"arn:aws:iam::{ACCOUNT}:robot/x",
        f"arn:aws:iam::{ACCOUNT}9:role/x",
        "arn:aws:iam::*:role/x",
        "arn:aws:iam:::role/x",
        f"arn:aws:iam:eu-west-1:{ACCOUNT}:role/x",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/x/session",
        f" arn:aws:iam::{ACCOUNT}:role/x",
        f"arn:aws:iam::{ACCOUNT}:role/x\n",
        "arn:aws:iam::\u0661\u0661\u0661\u0661\u0662\u0662\u0662\u0662\u0663\u0663\u0663\u0663:role/x",
    ],
)
def test_other_texts_are_no_arn_of_an_entity(text: str) -> None:
    assert arn.parse(text) is None


_NAMES = st.text("abcXYZ019+=,.@_-", min_size=1, max_size=8)
_PATHS = st.lists(st.text("abcXYZ019!$:().-", min_size=1, max_size=5), max_size=3).map(
    lambda parts: "/".join(["", *parts, ""])
)


@given(st.sampled_from(("user", "group", "role", "policy", "instance_profile")), _PATHS, _NAMES)
def test_what_is_built_is_taken_apart_again(kind: str, path: str, name: str) -> None:
    address = Address(kind, name)
    parsed = arn.parse(arn.build("aws", ACCOUNT, address, path))
    assert parsed == Arn("aws", ACCOUNT, kind, path, name)
    assert parsed is not None
    assert parsed.address == address


@pytest.mark.parametrize(
    ("text", "aws"),
    [
        ("arn:aws:iam::aws:policy/ReadOnlyAccess", True),
        ("arn:aws-cn:iam::aws:policy/service-role/X", True),
        (f"arn:aws:iam::{ACCOUNT}:policy/ReadOnlyAccess", False),
        ("arn:aws:iam::aws:user/x", False),
        ("x:y:iam::aws:policy/x", False),
        ("", False),
    ],
)
def test_policies_of_aws_are_told_from_others(text: str, aws: bool) -> None:
    assert arn.is_aws_managed(text) is aws


@pytest.mark.parametrize(
    ("text", "short"),
    [
        (f"arn:aws:iam::{ACCOUNT}:policy/ci/deploy", "deploy"),
        ("arn:aws:iam::aws:policy/ReadOnlyAccess", "aws/ReadOnlyAccess"),
        ("arn:aws:iam::aws:policy/job-function/Billing", "aws/job-function/Billing"),
        ("arn:aws:iam::444455556666:policy/deploy", "arn:aws:iam::444455556666:policy/deploy"),
        (f"arn:aws:iam::{ACCOUNT}:role/deploy", f"arn:aws:iam::{ACCOUNT}:role/deploy"),
        ("anything", "anything"),
    ],
)
def test_a_policy_is_named_as_a_person_would(text: str, short: str) -> None:
    assert arn.short(text, ACCOUNT) == short
