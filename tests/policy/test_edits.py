"""What an edit of a document does: grants, revokes, puts denials on, takes them off."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from iamsync.policy.document import Document
from iamsync.policy.edits import Moves, limiting, meet, moved, moves
from tests.laws.law import law
from tests.strategies import documents

A = "arn:aws:s3:::a/*"


def allow(action: Any = "s3:Get*", on: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": on, **more}


def deny(action: Any = "s3:Get*", on: Any = "*", **more: Any) -> dict[str, Any]:
    return {**allow(action, on, **more), "Effect": "Deny"}


def tags(*values: str) -> dict[str, Any]:
    return {"StringEquals": {"aws:PrincipalTag/team": list(values)}}


def trust(*names: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"AWS": list(names)}, "Action": "sts:AssumeRole"}


def of(*statements: dict[str, Any]) -> Document:
    return Document.of({"Version": "2012-10-17", "Statement": list(statements)})


def without_action(*actions: str) -> dict[str, Any]:
    return {"Effect": "Deny", "NotAction": list(actions), "Resource": "*"}


WIDER = [
    (of(allow("s3:GetObject")), of(allow("s3:Get*"))),
    (of(allow("s3:getobject", A)), of(allow("S3:GetObject", "*"))),
    (of(allow()), of(allow(), allow("sqs:*"))),
    (of(allow(["s3:Get*", "s3:Put*"])), of(allow("s3:Put*"), allow("s3:Get*"), allow("ec2:*"))),
    (of(allow(Condition=tags("a"))), of(allow(Condition=tags("a", "b")))),
    (of(allow(Condition=tags("a"))), of(allow())),
    (of(allow("s3:*", "arn:aws:s3:::${aws:username}/x")), of(allow("s3:*", "arn:aws:s3:::${aws:username}/*"))),
    (of(trust("111122223333")), of(trust("111122223333", "444455556666"))),
    (of(trust("111122223333")), of(trust("*"))),
]


@pytest.mark.parametrize(("narrow", "wide"), WIDER)
def test_an_edit_that_only_widens_grants_and_back_it_revokes(narrow: Document, wide: Document) -> None:
    assert moves(narrow, wide) is Moves.GRANTS
    assert moves(wide, narrow) is Moves.REVOKES
    assert limiting(narrow, wide) is Moves.ALLOWS_AGAIN
    assert limiting(wide, narrow) is Moves.DENIES


@pytest.mark.parametrize(
    ("less", "more"),
    [
        (of(allow()), of(allow(), deny("s3:GetObject"))),
        (of(deny("s3:GetObject", A)), of(deny("s3:*", A))),
        (of(without_action("iam:*", "sts:*")), of(without_action("sts:*"))),
        (of(deny(Condition=tags("a"))), of(deny())),
    ],
)
def test_an_edit_that_only_denies_more_puts_denials_on_and_back_takes_them_off(less: Document, more: Document) -> None:
    assert moves(less, more) is Moves.DENIES
    assert moves(more, less) is Moves.ALLOWS_AGAIN
    assert limiting(less, more) is Moves.DENIES


@pytest.mark.parametrize(
    ("before", "after", "does"),
    [
        (of(allow("s3:Get*")), of(allow("s3:Put*")), Moves.GRANTS | Moves.REVOKES),
        (of(allow("s3:Get*")), of(deny("s3:Get*")), Moves.REVOKES | Moves.DENIES),
        (of(allow(Condition=tags("a", "b"))), of(allow(Condition=tags("b", "c"))), Moves.GRANTS | Moves.REVOKES),
        (of(allow("s3:*", A)), of(allow("s3:Get*")), Moves.GRANTS | Moves.REVOKES),
        # Only a user has a name: what one pattern covers for it, it does not for a role.
        (of(allow("s3:*", "arn:aws:s3:::${aws:username}/*")), of(allow("s3:*", A)), Moves.GRANTS | Moves.REVOKES),
        (of(allow(["s3:Get*", "s3:GetObject"])), of(allow("s3:Get*")), Moves.NOTHING),
        (of(allow(Sid="One")), of(allow(Sid="Two")), Moves.NOTHING),
        (None, of(allow(), deny()), Moves.GRANTS | Moves.DENIES),
        (of(deny()), None, Moves.ALLOWS_AGAIN),
        (None, None, Moves.NOTHING),
    ],
)
def test_what_other_edits_do(before: Document | None, after: Document | None, does: Moves) -> None:
    assert moves(before, after) is does


def test_no_limit_beside_one() -> None:
    assert limiting(None, of(allow())) is Moves.DENIES
    assert limiting(of(allow()), None) is Moves.ALLOWS_AGAIN


def test_parts_meet_where_a_request_may_be_about_both() -> None:
    reads, writes, here = of(allow("s3:Get*")), of(allow("s3:Put*")), of(allow("s3:*", A))
    there = of(allow("s3:*", "arn:aws:s3:::b/*"))

    def parts(held: Document) -> Any:
        return moved(None, held, Moves.GRANTS)

    assert not meet(parts(reads), parts(writes))
    assert meet(parts(reads), parts(here))
    assert not meet(parts(here), parts(there))
    assert moved(reads, reads, Moves.EVERYTHING) == ()


_MIRROR = {
    Moves.GRANTS: Moves.REVOKES,
    Moves.REVOKES: Moves.GRANTS,
    Moves.DENIES: Moves.ALLOWS_AGAIN,
    Moves.ALLOWS_AGAIN: Moves.DENIES,
}


@law(60)
@given(documents().map(Document.of), documents().map(Document.of))
def test_an_edit_undone_does_the_opposite(before: Document, after: Document) -> None:
    back = moves(after, before)
    assert moves(before, after) == Moves(sum(_MIRROR[one].value for one in back))
    assert moves(before, before) is Moves.NOTHING
