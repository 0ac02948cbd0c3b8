"""Which tags a policy relies on."""

from __future__ import annotations

from typing import Any

import pytest

from iamsync.policy.abac import principal_tag_keys, resource_tag_keys
from iamsync.policy.document import Document


def document(version: str = "2012-10-17", **more: Any) -> Document:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", **more}
    return Document.of({"Version": version, "Statement": [statement]})


@pytest.mark.parametrize(
    ("held", "principal", "resource"),
    [
        (document(), set(), set()),
        (document(Condition={"StringEquals": {"aws:PrincipalTag/Team": "web"}}), {"team"}, set()),
        (document(Condition={"Null": {"AWS:principaltag/Team": "false"}}), {"team"}, set()),
        (document(Condition={"Null": {"aws:ResourceTag/Owner": "${aws:PrincipalTag/team}"}}), {"team"}, {"owner"}),
        (document(Condition={"StringLike": {"iam:ResourceTag/Owner": ["a", "b"]}}), set(), {"owner"}),
        (document(Resource="arn:aws:s3:::site/${aws:PrincipalTag/team, 'none'}/*"), {"team"}, set()),
        (document(Resource=["arn:aws:s3:::a", "arn:aws:s3:::${aws:PrincipalTag/x}"]), {"x"}, set()),
        # In a document of 2008 ${...} is no variable; a tag of a request is nobody's yet.
        (document("2008-10-17", Resource="arn:aws:s3:::site/${aws:PrincipalTag/team}/*"), set(), set()),
        (document(Condition={"StringEquals": {"aws:RequestTag/Team": "web"}}), set(), set()),
        (document(Sid="aws:PrincipalTag/team"), set(), set()),
    ],
)  # fmt: skip
def test_the_tags_that_conditions_and_variables_name(held: Document, principal: set[str], resource: set[str]) -> None:
    assert principal_tag_keys([held]) == principal
    assert resource_tag_keys([held]) == resource


def test_the_tags_of_several_documents_are_all_of_theirs() -> None:
    one = document(Condition={"StringEquals": {"aws:PrincipalTag/a": "1"}})
    other = document(Condition={"StringEquals": {"aws:PrincipalTag/b": "1"}})
    assert principal_tag_keys([one, other]) == {"a", "b"}
    assert principal_tag_keys([]) == frozenset()
