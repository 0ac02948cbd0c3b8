"""Whom trust policies are about, looked up by name, is whom each statement reaches when everybody is asked."""

from __future__ import annotations

from itertools import product
from typing import Any

from iamsync.model import Address
from iamsync.planner.named import Named
from iamsync.policy.document import Document
from iamsync.policy.match import Reach, meant, principals
from iamsync.policy.request import Principal
from iamsync.policy.statement import compiled

HOME, AWAY = "111122223333", "444455556666"
PEOPLE = tuple(
    (Address.parse(text), Principal.of(f"arn:aws:iam::{HOME}:{path}", unique_id=unique_id))
    for text, path, unique_id in (
        ("role/app", "role/app", "AROAAPP1234567890ABCD"),
        ("role/deep", "role/team/deep", None),
        ("role/linked", "role/aws-service-role/x.amazonaws.com/linked", None),
        ("user/alice", "user/alice", "AIDAALICE1234567890AB"),
        ("user/bob", "user/people/bob", None),
    )
)
NAMES: tuple[Any, ...] = (
    *("*", {"AWS": "*"}, {"AWS": HOME}, {"AWS": f"arn:aws:iam::{HOME}:root"}, {"AWS": AWAY}),
    *({"AWS": who.arn} for _, who in PEOPLE),
    {"AWS": f"arn:aws:iam::{HOME}:role/deep"},  # without its path
    {"AWS": f"arn:aws:iam::{AWAY}:user/alice"},
    {"AWS": f"arn:aws:sts::{HOME}:assumed-role/app/session"},
    {"AWS": f"arn:aws:sts::{HOME}:assumed-role/other/session"},
    {"AWS": f"arn:aws:sts::{HOME}:federated-user/alice"},
    *({"AWS": "AIDAALICE1234567890AB"}, {"AWS": "AROANOBODY123456789AB"}, {"AWS": "nonsense"}),
    *({"Service": "ec2.amazonaws.com"}, {"Service": PEOPLE[0][1].arn}, {"Federated": "cognito-identity.amazonaws.com"}),
    *({"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}, {"Odd": "alice"}),
    {"AWS": [PEOPLE[0][1].arn, PEOPLE[3][1].arn, AWAY], "Service": "ec2.amazonaws.com"},
    {"AWS": ["nonsense", f"arn:aws:iam::{HOME}:root"]},
)


def trust(element: str, effect: str, name: Any) -> Document:
    statement = {"Effect": effect, element: name, "Action": "sts:AssumeRole"}
    return Document.of({"Version": "2012-10-17", "Statement": [statement]})


def test_looking_names_up_finds_whom_asking_everybody_finds() -> None:
    named = Named(PEOPLE)
    for element, effect, name in product(("Principal", "NotPrincipal"), ("Allow", "Deny"), NAMES):
        statements = compiled(trust(element, effect, name).text)
        expected = []
        for address, who in PEOPLE:
            (one,) = statements
            assert one.principals is not None
            reach, doubts = one.principals.reach(who, denies=not one.allows, bounded=True)
            if reach is not Reach.NONE or doubts:
                expected.append(address)
        assert [address for address, _ in named.about(statements)] == expected, (element, effect, name)


def test_several_statements_are_about_all_whom_any_is_about_once_and_in_order() -> None:
    alice, app = PEOPLE[3][1].arn, PEOPLE[0][1].arn
    statements = [
        *compiled(trust("Principal", "Allow", {"AWS": [alice, app]}).text),
        *compiled(trust("Principal", "Deny", {"AWS": alice}).text),
    ]
    assert [str(address) for address, _ in Named(PEOPLE).about(statements)] == ["role/app", "user/alice"]


def test_a_name_that_means_one_principal_reaches_nobody_else() -> None:
    for name in NAMES:
        for kind, text in principals(name, negated=False).names:
            arns = meant(kind, text)
            for _, who in PEOPLE if arns is not None else ():
                reach, doubts = principals({kind: text}, negated=False).reach(who, denies=False, bounded=True)
                assert (reach is not Reach.NONE, doubts) == (who.arn in (arns or ()), ()), (kind, text, who.arn)
