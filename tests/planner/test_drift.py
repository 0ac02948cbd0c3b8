"""Drift is the plan from reality's side: each thing found, in words, with its grade and whose doing it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from iamsync.kinds import KINDS
from iamsync.model import Address, Plan
from iamsync.planner.alone import Ends
from iamsync.planner.contrast import contrast
from iamsync.planner.drift import UNSURE, Drift, aws_drift, drift
from iamsync.planner.driftfile import Seen, document, failing, kept, last_run, since
from iamsync.planner.driftschema import drift_schema
from iamsync.planner.permissions import Permissions
from iamsync.planner.planfile import to_text
from iamsync.planner.projected import projected
from iamsync.selector import select
from iamsync.settings import Scope, Settings
from tests.planner.casefile import plan_of, state

WORDS = """
desired:
  policies: {deploy: {document: allow s3:Get*}, edge: {document: allow s3:Get*}, gone: {document: allow s3:Get*}}
  groups: {dev: {}, ops: {}}
  users:
    alice:
      {groups: [dev], tags: {team: web, cost: "1"}, permissions_boundary: edge, inline_policies: {a: allow s3:Get*}}
    bob: {permissions_boundary: edge, inline_policies: {a: allow s3:Get*}}
  roles: {app: {managed_policies: [deploy], trust_policy: ec2.amazonaws.com, description: Old, path: /x/}}
live:
  policies: {deploy: {document: allow s3:Put*}, edge: {document: allow s3:Get*}}
  groups: {dev: {}, ops: {}}
  users:
    alice: {groups: [ops], tags: {team: ops, new: "2"}, inline_policies: {a: allow s3:Put*, b: allow s3:List*}}
    bob: {permissions_boundary: deploy}
  roles:
    app: {managed_policies: [aws/AdministratorAccess], trust_policy: lambda.amazonaws.com, description: New, path: /x/}
options: {access: true}
"""


def seen_of(text: str, base: Mapping[str, Any] | None = None) -> tuple[Plan, tuple[Drift, ...]]:
    plan = plan_of(text)
    return plan, drift(plan, None if base is None else state(base, {}, {}))


def test_every_difference_is_told_as_something_that_somebody_did() -> None:
    _, found = seen_of(WORDS)
    assert sorted(map(str, found)) == [
        "policy/deploy: document changed by hand",
        f"policy/gone: {UNSURE}",
        "role/app: attached by hand: aws/AdministratorAccess",
        "role/app: description changed by hand: New instead of Old",
        "role/app: detached by hand: deploy",
        "role/app: trust changed by hand",
        "user/alice: boundary taken off by hand: edge",
        "user/alice: inline policy a changed by hand",
        "user/alice: inline policy b added by hand",
        "user/alice: joined group by hand: ops",
        "user/alice: left group by hand: dev",
        "user/alice: tag cost removed by hand",
        "user/alice: tag new added by hand: 2",
        "user/alice: tag team changed by hand: ops instead of web",
        "user/bob: boundary changed by hand: deploy instead of edge",
        "user/bob: inline policy a removed by hand",
    ]
    told = {str(one): one for one in found}
    assert told["role/app: trust changed by hand"].details == (
        "Statement 1, Allow: Principal.Service   - ec2.amazonaws.com   + lambda.amazonaws.com",
    )
    changed = told["user/alice: tag team changed by hand: ops instead of web"]
    assert (changed.field, changed.item, changed.expected, changed.actual) == ("tags", "team", "web", "ops")
    assert told["user/alice: joined group by hand: ops"].actual == "ops"
    assert told["user/alice: left group by hand: dev"].expected == "dev"
    assert told[f"policy/gone: {UNSURE}"].actual is None


def test_what_is_missing_was_deleted_only_where_a_record_or_the_base_shows_that_it_was_there() -> None:
    missing = "desired: {users: {here: {}, gone: {}}}\nlive: {users: {here: {}}}\n"
    gone = Address("user", "gone")
    for known, told in (((), UNSURE), ((gone,), "deleted by hand"), ((Address("user", "here"),), UNSURE)):
        (one,) = drift(plan_of(missing), recorded=known)
        assert (one.text, one.severity, one.what) == (told, "medium", "deleted")
    based = f"base: {{users: {{here: {{}}, gone: {{}}}}}}\n{missing}"
    (one,) = drift(plan_of(based), state({"users": {}}, {}, {}))
    assert one.text == "deleted by hand"


GRADED = """
desired: {users: {alice: {inline_policies: {own: allow s3:Get*}}}}
live: {users: {alice: {inline_policies: {own: allow s3:Get*, more: FOUND}}}}
options: {access: true}
"""


@pytest.mark.parametrize(
    ("held", "grade"),
    [
        ("allow *", "critical"),
        ("allow iam:*", "critical"),
        ("allow iam:Put*", "critical"),
        ("allow iam:AttachUserPolicy", "critical"),
        ("allow iam:PassRole", "high"),
        ("allow sts:AssumeRole", "high"),
        ("allow s3:PutBucketPolicy", "high"),
        ("allow s3:PutObject", "medium"),
        ("allow s3:ListBucket", "low"),
        ("allow dynamodb:GetItem", "low"),
        ("allow s3:GetObject", "low"),
        ("allow nosuch:Thing", "medium"),
        ("deny s3:GetObject", "medium"),
    ],
)
def test_what_is_found_is_as_grave_as_what_it_grants_beyond_the_manifests(held: str, grade: str) -> None:
    _, found = seen_of(GRADED.replace("FOUND", held))
    assert [one.severity for one in found] == [grade]


@pytest.mark.parametrize(
    ("trusted", "grade"),
    [("arn:aws:iam::444455556666:root", "critical"), ("'*'", "critical"), ("user/alice", "high")],
)
def test_whoever_comes_into_a_role_by_hand_is_graver_than_what_the_role_may_do(trusted: str, grade: str) -> None:
    _, found = seen_of(
        f"""
desired: {{users: {{alice: {{inline_policies: {{a: allow sts:AssumeRole}}}}}}, roles: {{app: {{}}}}}}
live:
  users: {{alice: {{inline_policies: {{a: allow sts:AssumeRole}}}}}}
  roles: {{app: {{trust_policy: [ec2.amazonaws.com, {trusted}]}}}}
options: {{access: true}}
"""
    )
    assert [(one.text, one.severity) for one in found] == [("trust changed by hand", grade)]


TOGETHER = """
desired: {groups: {dev: {}}, users: {alice: {groups: [dev], inline_policies: {own: deny s3:Put*}}}}
live:
  groups: {dev: {inline_policies: {lists: allow s3:List*, rules: allow iam:PutUserPolicy}}}
  users: {alice: {groups: [dev], inline_policies: {reads: allow s3:Get*, all: allow iam:*, puts: allow s3:Put*}}}
options: {access: true}
"""


def ends_of(text: str) -> Ends:
    case, paths = yaml.safe_load(text), dict[str, str]()
    live, desired = (state(case[side], paths, {}) for side in ("live", "desired"))
    found = contrast(desired, live, Settings(Scope(select(["*"], KINDS), select([], KINDS))))
    return Ends(Permissions(found.settled.live), Permissions(projected(found)))


def test_of_several_that_give_together_each_is_as_grave_as_what_it_gives_by_itself() -> None:
    plan = plan_of(TOGETHER)
    graded = {str(one).partition(" ")[2]: one.severity for one in drift(plan, ends=ends_of(TOGETHER))}
    assert graded == {
        "inline policy all added by hand": "critical",
        "inline policy rules added by hand": "critical",
        "inline policy reads added by hand": "low",
        "inline policy lists added by hand": "low",
        # puts gives nothing while own denies it.
        "inline policy own removed by hand": "high",
        "inline policy puts added by hand": "high",
    }


def test_a_group_is_as_grave_as_what_it_gives_those_who_changed_themselves() -> None:
    told = {str(one): [who for who, _ in one.access] for one in drift(plan_of(TOGETHER), ends=ends_of(TOGETHER))}
    assert told["group/dev: inline policy rules added by hand"] == ["user/alice"]
    assert told["user/alice: inline policy reads added by hand"] == ["user/alice"]


TWICE = """
desired: {users: {alice: {}}, policies: {deploy: {document: allow s3:Get*}}}
live:
  users: {alice: {managed_policies: [deploy], inline_policies: {same: allow iam:PutUserPolicy, more: allow s3:Get*}}}
  policies: {deploy: {document: allow iam:PutUserPolicy}}
options: {access: true}
"""


def test_what_two_give_is_as_grave_at_both_and_at_neither_less() -> None:
    found = drift(plan_of(TWICE), ends=ends_of(TWICE))
    assert {str(one).partition(" ")[2]: one.severity for one in found} == {
        "attached by hand: deploy": "critical",  # as the policy is now
        "document changed by hand": "low",  # nobody is declared to hold it
        "inline policy more added by hand": "low",
        "inline policy same added by hand": "critical",
    }


def test_where_that_would_take_long_each_is_as_grave_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iamsync.planner.excess.MOST", 5)
    whole = [str(one) for one in drift(plan_of(TOGETHER))]
    assert [str(one) for one in drift(plan_of(TOGETHER), ends=ends_of(TOGETHER))] == whole


DOOR = """
desired: {users: {alice: {}}, groups: {dev: {}}, roles: {app: {trust_policy: ec2.amazonaws.com}}}
live:
  users: {alice: {groups: [dev]}}
  groups: {dev: {inline_policies: {enter: allow sts:AssumeRole}}}
  roles: {app: {trust_policy: user/alice, inline_policies: {x: allow s3:Get*, y: allow iam:*}}}
options: {access: true}
"""


def test_who_comes_into_a_role_stays_as_grave_as_the_door() -> None:
    graded = {str(one): one.severity for one in drift(plan_of(DOOR), ends=ends_of(DOOR))}
    assert graded["role/app: trust changed by hand"] == "high"
    assert graded["role/app: inline policy x added by hand"] == "low"
    assert graded["role/app: inline policy y added by hand"] == "critical"
    assert graded["group/dev: inline policy enter added by hand"] == "high"


def test_a_document_that_is_not_known_is_at_least_medium_and_says_so_from_realitys_side() -> None:
    _, (one,) = seen_of(
        """
desired: {roles: {app: {}}}
live: {roles: {app: {managed_policies: [aws/Unknown]}}}
options: {access: true}
"""
    )
    assert one.severity == "medium"
    ((who, access),) = one.access
    assert who == "role/app"
    assert [item.reason for item in access.undecided] == ["it comes to be held, and its document is not known"]


BASED = """
base:
  policies: {deploy: {document: allow s3:Get*}}
  users: {alice: {managed_policies: [deploy], tags: {team: web}}, old: {}}
desired:
  policies: {deploy: {document: allow s3:Get*}, new: {document: allow s3:Get*}}
  users: {alice: {managed_policies: [deploy, new], tags: {team: ops}}, old: {}}
live:
  policies: {deploy: {document: allow s3:Get*}}
  users: {alice: {managed_policies: [aws/AdministratorAccess], tags: {team: web, by: hand}}}
removed: [role/moved]
options: {access: true}
"""


def test_against_a_base_what_only_the_manifests_changed_is_pending_member_by_member() -> None:
    plan = plan_of(BASED)
    found = drift(plan, state({"users": {}}, {}, {}))
    told = {(one.standing, str(one)) for one in found}
    assert told == {
        ("drift", "user/alice: attached by hand: aws/AdministratorAccess"),
        ("drift", "user/alice: detached by hand: deploy"),
        ("pending", "user/alice: not attached yet: new"),
        ("drift", "user/alice: tag by added by hand: hand"),
        ("pending", "user/alice: tag team not changed yet: web instead of ops"),
        ("drift", "user/old: deleted by hand"),
        ("pending", "policy/new: not created yet"),
    }


def documented(text: str, fail_on: str | None = None) -> dict[str, Any]:
    plan, found = seen_of(text)
    return document([Seen(plan, found, aws_drift(plan))], version="1", created_at=plan.now, fail_on=fail_on)


def test_the_document_fits_its_schema_and_is_the_same_for_the_same_plan() -> None:
    made = documented(WORDS)
    Draft7Validator(drift_schema()).validate(made)
    assert made == json.loads(to_text(documented(WORDS)))
    assert made["accounts"][0]["summary"]["drift"]["medium"] > 0


def test_the_floor_decides_what_the_exit_code_is_about() -> None:
    tag = "desired: {users: {a: {tags: {x: '1'}}}}\nlive: {users: {a: {tags: {x: '2'}}}}\n"
    assert failing(documented(tag)) == 1
    assert failing(documented(tag, "info")) == 1
    assert failing(documented(tag, "low")) == 0


def test_since_the_last_run_entries_are_new_known_or_gone() -> None:
    def tagged(**tags: str) -> dict[str, Any]:
        return documented(f"desired: {{users: {{a: {{}}}}}}\nlive: {{users: {{a: {{tags: {json.dumps(tags)}}}}}}}\n")

    first = since(tagged(x="1", y="1"), None)
    assert [entry["status"] for entry in first["accounts"][0]["drift"]] == ["new", "new"]
    assert first["since"] is None
    held = last_run(to_text(kept(first, None)), "drift.json")
    second = since(tagged(x="1", y="2", z="1"), held)
    (account,) = second["accounts"]
    assert {entry["item"]: entry["status"] for entry in account["drift"]} == {"x": "known", "y": "new", "z": "new"}
    assert [(entry["item"], entry["actual"], entry["status"]) for entry in account["gone"]] == [("y", "1", "gone")]
    Draft7Validator(drift_schema()).validate(second)


def test_accounts_that_this_run_is_not_about_stay_remembered() -> None:
    made = documented(WORDS)
    other = json.loads(to_text(made).replace("111122223333", "444455556666"))
    names = [account["account"]["id"] for account in kept(made, other)["accounts"]]
    assert names == ["111122223333", "444455556666"]
    assert all(not account["gone"] for account in since(made, other)["accounts"])
