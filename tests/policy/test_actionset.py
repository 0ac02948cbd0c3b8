"""Sets of actions as integers say what the catalogue and the patterns say one by one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import product

from iamsync.policy import actionset, catalog
from iamsync.policy.actionset import element
from iamsync.policy.match import actions

PATTERNS = (
    *("s3:*", "s3:get*", "s3:getobject", "s3:getobjec?", "s3:unheard", "s3:unheard*", "*:get*", "s*", "s3", "s?"),
    *("nobody:*", "nobody:act", "iam:passrole", "iam:*role*", "sqs:send*"),
)


def test_a_pattern_means_what_the_catalogue_expands_it_to() -> None:
    for pattern in PATTERNS:
        expected = sorted(f"{one.service}:{one.name.lower()}" for one in catalog.load().expand(pattern))
        assert list(actionset.names(actionset.known(pattern))) == expected
    assert actionset.names(actionset.known("s3:get*") & actionset.known("s3:getobjec?")) == ("s3:getobject",)
    assert not actionset.unheard(actionset.known("s3:*"))


def test_names_that_nobody_knows_are_kept_apart_from_those_of_the_catalogue() -> None:
    held = actionset.some(("s3:getobject", "s3:unheard", "nobody:act"))
    assert actionset.names(held) == ("nobody:act", "s3:getobject", "s3:unheard")
    assert actionset.names(actionset.unheard(held)) == ("nobody:act", "s3:unheard")
    assert actionset.levels(held) == (("Read", 1),)


def test_specimens_that_a_pattern_covers_are_those_that_it_covers_one_by_one() -> None:
    groups = [*((pattern,) for pattern in PATTERNS), PATTERNS, PATTERNS[:5], PATTERNS[7:]]
    for some, others in product(groups, groups):
        held, other = element(some), element(others)
        expected = sorted(name for name in other.specimens if actions(some, False).cover(name))
        assert list(actionset.names(actionset.taken(held, other))) == expected, (some, others)


def test_actions_come_by_what_they_are_about_those_of_no_resource_apart() -> None:
    held = actionset.some(("s3:getobject", "s3:putobject", "s3:listallmybuckets", "s3:listbucket", "s3:unheard"))
    alone, kinds = actionset.kinds(held)
    assert alone == ("s3:listallmybuckets",)
    assert sorted(name for kind in kinds for name in kind.actions) == [
        name for name in actionset.names(held) if name not in alone
    ]
    assert all(actionset.templates(name) == kind.templates for kind in kinds for name in kind.actions)
    assert kinds[-1].actions == ("s3:unheard",)  # an example that the catalogue has is the better one


def test_threads_that_number_actions_side_by_side_give_no_number_twice() -> None:
    names = [[f"crowd:{number}at{thread % 2}" for number in range(200)] for thread in range(8)]
    with ThreadPoolExecutor(max_workers=8) as pool:
        sets = list(pool.map(actionset.of, names))
    assert [actionset.names(held) for held in sets] == [tuple(sorted(held)) for held in names]


def test_a_pattern_without_a_service_covers_nothing_whoever_is_asked() -> None:
    # IAM refuses such a policy; a wildcard that took the colon would make one answer differ from the other.
    for pattern in ("s3*", "*get*", "s3", "?3*"):
        assert not actions((pattern,), False).cover("s3:GetObject")
        assert not catalog.load().expand(pattern)
        assert element((pattern.lower(),)).known == 0
        assert not element((pattern.lower(),)).specimens
    for pattern in ("*", "**", "*:get*", "s3:*"):
        assert actions((pattern,), False).cover("s3:GetObject")
        assert "s3:GetObject" in map(str, catalog.load().expand(pattern))
