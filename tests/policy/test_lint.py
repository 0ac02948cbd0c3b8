"""What the rules find: wrong documents with the place of each finding marked in them, right ones, AWS's own policies.

In `lint/*.yaml` a comment below a line marks a finding of it: `# ^ ID` in the caret's column, `# <- ID` at the
line's first key. To add a case, write a document and its marks; what is not marked must not be found.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto.iam.aws_managed_policies import aws_managed_policies_data

from iamsync.manifest.documents import document_value
from iamsync.manifest.linting import lint_place
from iamsync.manifest.nodes import Node, Scalar, Table
from iamsync.manifest.source import read
from iamsync.policy.catalog import Catalog, load
from iamsync.policy.grammar import problems
from iamsync.policy.lint import RULES, RULES_BY_ID, SEVERITIES, Lint, Use, at_least, lint
from iamsync.policy.lint.statements import covers
from iamsync.selector import glob_matches

HERE = Path(__file__).parent / "lint"
ACCOUNT = "111122223333"
OURS = ("444455556666",)
FULL = os.environ.get("IAMSYNC_LAWS") == "full"
_MARK = re.compile(r"^(?P<before>\s*#\s*)(?P<mark>\^|<-) (?P<id>IAM-P\d{3})$")


def cases() -> Iterator[tuple[str, Table]]:
    for path in sorted(HERE.glob("*.yaml")):
        for node in read(path, path.name):
            assert isinstance(node, Table)
            name = node.get("case")
            assert isinstance(name, Scalar)
            yield f"{path.stem}: {name.text}", node


CASES = dict(cases())


def marks() -> Iterator[tuple[str, int, int | None, str]]:
    """File, line, column (None: the first key of the line) and id of every mark."""
    for path in sorted(HERE.glob("*.yaml")):
        lines = path.read_text(encoding="utf-8").split("\n")
        for number, line in enumerate(lines):
            match = _MARK.match(line)
            if match is None:
                continue
            above = number - 1
            while _MARK.match(lines[above]):
                above -= 1
            column = len(match["before"]) + 1 if match["mark"] == "^" else None
            if column is None:
                text = lines[above]
                column = len(text) - len(text.lstrip(" -")) + 1
            yield path.name, above + 1, column, match["id"]


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_found_where_it_stands_and_nothing_else_is(name: str) -> None:
    node = CASES[name]
    document = node.get("document")
    assert document is not None
    found = {(place.line, place.column, item.id) for item, place in linted(document, use_of(node))}
    first, last = node.source.place(node.start).line, node.source.place(node.end).line
    wanted = {
        (line, at, rule) for file, line, at, rule in marks() if file == node.source.file and first <= line <= last
    }
    assert wanted
    assert found == wanted


def test_every_rule_about_documents_has_a_case() -> None:
    assert {rule for _, _, _, rule in marks()} == {rule.id for rule in RULES if rule.check or rule.whole}
    assert len(CASES) >= 60


def linted(document: Node, use: Use) -> Iterator[tuple[Lint, Any]]:
    value = document_value(document)
    assert not list(problems(value, "trust" if use == "trust" else "identity"))
    for item in lint(value, use, account_id=ACCOUNT, catalog=load(), ours=OURS):
        yield item, lint_place(document, item)


def use_of(node: Table) -> Use:
    held = node.get("use")
    return held.text if isinstance(held, Scalar) else "identity"  # type: ignore[return-value]


RIGHT: dict[str, tuple[Use, Any]] = {
    "reads a site": (
        "identity",
        [
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::site/*"},
            {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::site"},
        ],
    ),
    "everything": ("identity", [{"Effect": "Allow", "Action": "*", "Resource": "*"}]),
    "one's own home": (
        "identity",
        {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::home/${aws:username, 'nobody'}/*"},
    ),
    "a tag with a space in its name": (
        "identity",
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/${aws:PrincipalTag/cost center}/*"},
    ),
    "an event of a region": (
        "identity",
        {
            "Effect": "Allow",
            "Action": "health:DescribeEventDetails",
            "Resource": "arn:aws:health:us-east-1::event/EC2/x/y",
        },
    ),
    "roles of an account of one's own, by name": (
        "trust",
        {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "sts:AssumeRole",
            "Condition": {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{OURS[0]}:role/ci-*"}},
        },
    ),
    "tags, guarded": (
        "identity",
        {
            "Effect": "Allow",
            "Action": "ec2:CreateTags",
            "Resource": "*",
            "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}, "Null": {"aws:TagKeys": "false"}},
        },
    ),
    "a boundary may leave out and say everything": (
        "boundary",
        [
            {"Effect": "Allow", "NotAction": "organizations:*", "Resource": "*"},
            {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"},
        ],
    ),
    "this account and one of the project": (
        "trust",
        {"Effect": "Allow", "Principal": {"AWS": [ACCOUNT, OURS[0]]}, "Action": "sts:AssumeRole"},
    ),
    "a third party with an external id": (
        "trust",
        {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::777788889999:root"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": "8f2c"}},
        },
    ),
    "the organization": (
        "trust",
        {
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}},
        },
    ),
    "a branch of a repository": (
        "trust",
        {
            "Effect": "Allow",
            "Principal": {
                "Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com",
            },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {
                    "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                    "token.actions.githubusercontent.com:sub": "repo:acme/site:ref:refs/heads/main",
                }
            },
        },
    ),
    "a service that sends no source": (
        "trust",
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ),
    "nobody": ("trust", {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}),
}


@pytest.mark.parametrize("name", RIGHT)
def test_nothing_is_found_in_what_is_right(name: str) -> None:
    use, statement = RIGHT[name]
    value = {"Version": "2012-10-17", "Statement": statement}
    assert lint(value, use, account_id=ACCOUNT, catalog=load(), ours=OURS) == ()


AWS_POLICIES = json.loads(aws_managed_policies_data)


@pytest.mark.parametrize("part", range(8) if FULL else (0,))
def test_the_policies_of_aws_have_no_error(part: int) -> None:
    for name in sorted(AWS_POLICIES)[part::8]:
        document = AWS_POLICIES[name]["Document"]
        assert not list(problems(document, "identity")), name
        found = lint(document, "identity", account_id=ACCOUNT, catalog=load())
        assert [item for item in found if at_least(item.severity, "high")] == [], name


def test_without_a_catalogue_the_other_rules_still_speak() -> None:
    value = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "dynamdb:GetItem", "Resource": "arn:aws:s3:::x"},
            {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*", "Condition": {"Bool": {"x:y": "true"}}},
        ],
    }
    found = lint(value, "identity", account_id=ACCOUNT, catalog=Catalog(None))
    assert [item.id for item in found] == ["IAM-P034"]


def test_unknown_names_come_with_the_one_that_was_meant() -> None:
    def remedies(action: str, key: str) -> list[str]:
        statement = {"Effect": "Deny", "Action": action, "Resource": "*", "Condition": {"StringEquals": {key: "x"}}}
        value = {"Version": "2012-10-17", "Statement": statement}
        return [item.remedy for item in lint(value, "identity", account_id=ACCOUNT, catalog=load())]

    assert remedies("s3:GetObjct", "aws:PrincipleOrgID") == [
        "did you mean s3:GetObject?",
        "did you mean aws:PrincipalOrgID?",
    ]
    assert remedies("dynamdb:GetItem", "aws:username") == ["did you mean dynamodb:GetItem?"]
    assert "it covers nothing" in remedies("s3*", "aws:username")[0]
    assert remedies("s3:Xyzzy", "s3:ExistingObjectTag/team") == ["an action newer than the action catalogue is fine"]


def test_a_resource_that_does_not_go_with_its_action_comes_with_one_that_does() -> None:
    statement = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws-cn:s3:::site/*"}
    value = {"Version": "2012-10-17", "Statement": statement}
    found = lint(value, "identity", account_id=ACCOUNT, partition="aws-cn", catalog=load())
    assert [(item.id, item.remedy) for item in found] == [("IAM-P053", "write arn:aws-cn:s3:::BucketName")]


def test_every_rule_tells_what_it_is_about() -> None:
    assert list(RULES_BY_ID) == sorted(RULES_BY_ID)
    assert len(RULES_BY_ID) == len(RULES)
    for rule in RULES:
        assert rule.severity in SEVERITIES
        assert len(rule.text) > 60, rule.id
        assert rule.text.endswith("."), rule.id


def test_severities_are_ordered() -> None:
    assert at_least("high", "medium")
    assert at_least("low", "low")
    assert not at_least("info", "low")


_TEXT = st.text(alphabet="ab*?", max_size=6)


@settings(max_examples=2000 if FULL else 200, deadline=None)
@given(_TEXT, _TEXT, st.text(alphabet="abc", max_size=6))
def test_what_covers_a_pattern_matches_whatever_it_matches(wide: str, narrow: str, text: str) -> None:
    if covers(wide, narrow) and glob_matches(narrow, text):
        assert glob_matches(wide, text)


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["*", "s3:GetObject", "Allow", "arn:", "${", "", "a:b"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Statement", "Action", "Resource", "NotAction", "Principal", "AWS", "Condition", "Bool", "x:y"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=2000 if FULL else 200, deadline=None)
@given(_JSON, st.sampled_from(["identity", "trust", "boundary"]))
def test_whatever_a_document_holds_linting_it_ends_in_findings_alone(value: Any, use: Use) -> None:
    for document in (value, {"Statement": value}, {"Statement": {"Effect": "Allow", "Condition": value}}):
        lint(document, use, account_id=ACCOUNT, catalog=load())
