"""A changed document in words: which statement, which element, which members."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings

from iamsync.policy.document import Document
from iamsync.policy.explain import ElementChange, StatementChange, lines, statements_diff
from tests.policy.test_document import DIFFERENT, EQUAL, ODD
from tests.strategies import documents

SUB = "token.actions.githubusercontent.com:sub"


def statement(**elements: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", **elements}


def policy(*held: dict[str, Any], **top: Any) -> Document:
    return Document.of({"Version": "2012-10-17", "Statement": list(held), **top})


def trust(*principals: Any, **more: Any) -> Document:
    return policy(*({"Effect": "Allow", "Principal": one, "Action": "sts:AssumeRole", **more} for one in principals))


def when(**condition: Any) -> Document:
    return policy(statement(Sid="github", Condition=condition))


TOLD: dict[str, tuple[Document, Document, tuple[str, ...]]] = {
    "nothing": (policy(statement()), policy(statement()), ()),
    "layout": (
        policy(statement()),
        policy(statement(Action=["S3:GetObject"])),
        ("only the layout differs; no permission changes",),
    ),
    "a Sid": (
        policy(statement(Sid="a")),
        policy(statement(Sid="b")),
        ("only Sid differs; no permission changes",),
    ),
    "Sid and Id": (
        policy(statement(), Id="x"),
        policy(statement(Sid="b")),
        ("only Sid and Id differ; no permission changes",),
    ),
    "an Id": (policy(statement(), Id="x"), policy(statement(), Id="y"), ("only Id differs; no permission changes",)),
    "Sids that change places": (
        policy(statement(Sid="a"), statement(Sid="b", Effect="Deny")),
        policy(statement(Sid="b"), statement(Sid="a", Effect="Deny")),
        ("only Sid differs; no permission changes",),
    ),
    "a condition, its long key by its end": (
        when(StringEquals={SUB: "repo:acme/*"}),
        when(StringEquals={SUB: "repo:acme/site:ref:refs/heads/main"}),
        ("Statement github: Condition StringEquals ...:sub   - repo:acme/*   + repo:acme/site:ref:refs/heads/main",),
    ),
    "long keys in full where their ends are alike": (
        when(StringEquals={SUB: "a"}),
        when(StringEquals={SUB: "b", "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE:sub": "c"}),
        (
            "Statement github: Condition StringEquals oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE:sub   + c",
            f"Statement github: Condition StringEquals {SUB}   - a   + b",
        ),
    ),
    "another operator": (
        when(StringEquals={"aws:x": "a"}),
        when(StringLike={"aws:x": "a*"}),
        (
            "Statement github: Condition StringEquals aws:x   - a",
            "Statement github: Condition StringLike aws:x   + a*",
        ),
    ),
    "a condition that is gone": (
        when(Bool={"aws:MultiFactorAuthPresent": True}),
        policy(statement(Sid="github")),
        ("Statement github: Condition Bool aws:MultiFactorAuthPresent   - true",),
    ),
    "a condition that nothing meets": (
        policy(statement(Sid="github")),
        when(StringEquals={"aws:x": []}),
        ("Statement github: Condition StringEquals aws:x   + (none)",),
    ),
    "actions, in the writer's spelling and only those that differ": (
        policy(statement(Action=["s3:GetObject", "s3:PutObject"])),
        policy(statement(Action=["S3:getobject", "S3:DeleteObject"])),
        ("Statement 1, Allow: Action   - s3:PutObject   + S3:DeleteObject",),
    ),
    "Action turned into NotAction": (
        policy(statement()),
        policy({"Effect": "Allow", "NotAction": "s3:GetObject", "Resource": "*"}),
        ("Statement 1, Allow: Action   - s3:GetObject", "Statement 1, Allow: NotAction   + s3:GetObject"),
    ),
    "an effect": (
        policy(statement(Sid="x")),
        policy(statement(Sid="x", Effect="Deny")),
        ("Statement x: Effect   - Allow   + Deny",),
    ),
    "principals, by kind": (
        trust({"AWS": ["111122223333", "444455556666"], "Service": "ec2.amazonaws.com"}),
        trust({"AWS": ["arn:aws:iam::111122223333:root"], "Service": "lambda.amazonaws.com"}),
        (
            "Statement 1, Allow: Principal.AWS   - 444455556666",
            "Statement 1, Allow: Principal.Service   - ec2.amazonaws.com   + lambda.amazonaws.com",
        ),
    ),
    "everyone": (
        trust({"AWS": "*"}),
        trust("*"),
        ("Statement 1, Allow: Principal   + *", "Statement 1, Allow: Principal.AWS   - *"),
    ),
    "a statement more": (
        policy(statement()),
        policy(
            statement(Effect="Deny", Action=["iam:*", "sts:*"], Condition={"Bool": {"aws:SecureTransport": False}}),
            statement(),
        ),
        ("Statement 1, Deny: added   Action iam:*, sts:*   Resource *   Condition Bool aws:SecureTransport false",),
    ),
    "a statement less, its effect told beside its Sid": (
        policy(statement(Sid="old", Action="sqs:*"), statement()),
        policy(statement()),
        ("Statement old: removed   Allow   Action sqs:*   Resource *",),
    ),
    "one statement for another": (
        policy(statement(Action="s3:*")),
        policy(statement(Action="ec2:*")),
        (
            "Statement 1, Allow: removed   Action s3:*   Resource *",
            "Statement 1, Allow: added   Action ec2:*   Resource *",
        ),
    ),
    "a narrower action of the same service": (
        policy(statement(Action="s3:*")),
        policy(statement(Action="s3:Get*")),
        ("Statement 1, Allow: Action   - s3:*   + s3:Get*",),
    ),
    "a version that gives variables a meaning": (
        policy(statement(Resource="arn:aws:s3:::${aws:username}"), Version="2008-10-17"),
        policy(statement(Resource="arn:aws:s3:::${aws:username}")),
        ("Document: Version   - 2008-10-17   + 2012-10-17",),
    ),
    "a version that was not written": (
        Document.of({"Statement": statement(Resource="arn:aws:s3:::${aws:username}")}),
        policy(statement(Resource="arn:aws:s3:::${aws:username}")),
        ("Document: Version   - 2008-10-17   + 2012-10-17",),
    ),
    "what no policy has, by its path": (
        policy(statement(Sid="x", Colour={"a": [1, 2], "b": True})),
        policy(statement(Sid="x", Colour={"a": [1, 3], "b": 1})),
        ("Statement x: Colour.a.1   - 2   + 3", "Statement x: Colour.b   - true   + 1"),
    ),
    "a document in place of none": (
        Document.of(None),
        policy(statement()),
        (
            'Document: value   - null   + {"Version":"2012-10-17","Statement":[{"Effect":"Allow",'
            '"Action":"s3:GetObject","Resource":"*"}]}',
            "Statement 1, Allow: added   Action s3:GetObject   Resource *",
        ),
    ),
}


@pytest.mark.parametrize("case", TOLD)
def test_it_tells_of(case: str) -> None:
    before, after, told = TOLD[case]
    assert lines(before, after) == told


def test_statements_are_matched_by_sid_before_anything_else() -> None:
    before = policy(statement(Sid="a", Action="s3:GetObject"), statement(Sid="b", Action="s3:PutObject"))
    after = policy(statement(Sid="b", Action="s3:GetObject"), statement(Sid="a", Action="s3:PutObject"))
    changes = statements_diff(before, after)
    assert [change.label for change in changes] == ["Statement b", "Statement a"]
    assert changes[0].elements == (ElementChange("Action", ("s3:PutObject",), ("s3:GetObject",)),)


def test_a_sid_that_stands_twice_matches_nothing_by_itself() -> None:
    before = policy(statement(Sid="a", Action="s3:GetObject"), statement(Sid="a", Action="sqs:*"))
    after = policy(statement(Sid="a", Action="sqs:*"), statement(Sid="a", Action="s3:PutObject"))
    assert statements_diff(before, after) == (
        StatementChange("Statement a", "changed", (ElementChange("Action", ("s3:GetObject",), ("s3:PutObject",)),)),
    )


def test_equal_statements_are_matched_before_similar_ones() -> None:
    before = policy(statement(Action=["s3:GetObject", "s3:PutObject"]), statement(Action="s3:PutObject"))
    after = policy(statement(Action="s3:PutObject"), statement(Action=["s3:GetObject", "s3:ListBucket"]))
    assert lines(before, after) == ("Statement 2, Allow: Action   - s3:PutObject   + s3:ListBucket",)


def test_similar_statements_are_matched_by_greatest_overlap() -> None:
    before = policy(
        statement(Action=["s3:GetObject", "s3:PutObject"], Resource="arn:aws:s3:::a/*"),
        statement(Action=["s3:GetObject", "s3:PutObject"], Resource="arn:aws:s3:::b/*"),
    )
    after = policy(
        statement(Action=["s3:GetObject"], Resource="arn:aws:s3:::b/*"),
        statement(Action=["s3:PutObject"], Resource="arn:aws:s3:::a/*"),
    )
    assert lines(before, after) == (
        "Statement 1, Allow: Action   - s3:PutObject",
        "Statement 2, Allow: Action   - s3:GetObject",
    )


def test_a_principal_that_is_exchanged_is_a_changed_statement_not_two() -> None:
    arn = "arn:aws:iam::111122223333:role/{}"
    before = trust({"AWS": arn.format("a")}, {"AWS": arn.format("b")})
    after = trust({"AWS": arn.format("b")}, {"AWS": arn.format("c")})
    assert lines(before, after) == (f"Statement 2, Allow: Principal.AWS   - {arn.format('a')}   + {arn.format('c')}",)


def test_an_account_is_its_root_in_its_own_partition() -> None:
    def document(root: str) -> Document:
        return Document.of({"Statement": trust({"AWS": root}).value["Statement"][0]}, "aws-cn")

    root = "arn:aws-cn:iam::111122223333:root"
    assert lines(document("111122223333"), document(root), "aws-cn") == (
        "only the layout differs; no permission changes",
    )
    both = trust({"AWS": [root, "444455556666"]})
    assert lines(document("111122223333"), Document.of(both.value, "aws-cn"), "aws-cn") == (
        "Statement 1, Allow: Principal.AWS   + 444455556666",
    )


@pytest.mark.parametrize("case", EQUAL)
def test_equal_documents_have_no_differences(case: str) -> None:
    one, other = map(Document.of, EQUAL[case])
    assert statements_diff(one, other) == ()
    assert lines(one, other) in ((), ("only the layout differs; no permission changes",))


@pytest.mark.parametrize("case", DIFFERENT)
def test_documents_that_differ_are_told_to_differ(case: str) -> None:
    one, other = map(Document.of, DIFFERENT[case])
    for before, after in ((one, other), (other, one)):
        assert all(change.elements for change in statements_diff(before, after))
        told = lines(before, after)
        assert told
        assert ("no permission changes" in told[0]) is (one.permissions_key == other.permissions_key)


@settings(deadline=None, max_examples=100)
@given(documents(), documents())
def test_what_one_direction_adds_the_other_removes(one: dict[str, Any], other: dict[str, Any]) -> None:
    before, after = Document.of(one), Document.of(other)

    def members(changes: tuple[StatementChange, ...], added: bool) -> list[str]:
        return sorted(
            item for change in changes for part in change.elements for item in (part.added if added else part.removed)
        )

    there, back = statements_diff(before, after), statements_diff(after, before)
    assert bool(there) == (before != after)
    assert members(there, True) == members(back, False)
    assert members(there, False) == members(back, True)


@settings(deadline=None, max_examples=100)
@given(ODD, ODD)
def test_no_difference_is_passed_over_in_documents_of_any_shape(one: Any, other: Any) -> None:
    before, after = Document.of(one), Document.of(other)
    changes = statements_diff(before, after)
    assert bool(changes) == (before != after)
    assert all(change.elements or change.kind != "changed" for change in changes)
    assert bool(lines(before, after)) == (before.text != after.text)


def test_nothing_slow_is_imported_for_ordinary_policies() -> None:
    one, other = DIFFERENT["another effect"]
    code = (
        "import sys\nfrom iamsync.policy.document import Document\nfrom iamsync.policy.explain import lines\n"
        f"assert lines(Document.of({one!r}), Document.of({other!r}))\nassert 'deepdiff' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
