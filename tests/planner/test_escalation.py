"""Every rule of escalation as a pair: the policies that make it work, and what a denial, limit or condition stops."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from iamsync.kinds.group import Group
from iamsync.kinds.policy import Policy
from iamsync.kinds.role import Role
from iamsync.kinds.user import User
from iamsync.kinds.wire import dump_state
from iamsync.model import Address, Resource, State
from iamsync.planner.means import Means
from iamsync.planner.paths import Paths
from iamsync.planner.permissions import Permissions
from iamsync.planner.ways import ways
from iamsync.policy.administrator import CONDITIONAL, EVERYTHING, SURE, UNKNOWN
from iamsync.policy.document import Document
from iamsync.policy.escalation import ACTIONS, RULES
from iamsync.policy.evaluate import Source
from iamsync.policy.organization import Organization
from tests.planner.casefile import ACCOUNT, state

CASES = Path(__file__).parent / "escalation"
DUMP = Path(__file__).resolve().parents[3] / "shared" / "data" / "account-dump-large.json"
MINE = f"arn:aws:iam::{ACCOUNT}:policy/mine"


def cases() -> Iterator[Any]:
    for path in sorted(CASES.glob("*.yaml")):
        held = yaml.safe_load(path.read_text(encoding="utf-8"))
        for case in held.get("rules", ()):
            yield pytest.param(held, case, id=f"{case['rule']}-{case['by']}")


def statement(text: str, effect: str, on: str | None, condition: Any) -> dict[str, Any]:
    action, _, resource = text.partition(" on ")
    made: dict[str, Any] = {"Effect": effect, "Action": action, "Resource": on or resource or "*"}
    return {**made, "Condition": condition} if condition else made


def path_of(paths: Paths, who: Address) -> Any:
    """The path of one, after a look from each principal alone that must come to the same."""
    alone = {one: paths.leads(one) for one in paths.permissions.principals()}
    assert alone == {one: paths.of(one) is not None for one in alone}
    return paths.of(who)


def account(held: dict[str, Any], case: dict[str, Any], *, blocked: bool) -> Permissions:
    """The account with somebody in it who tries."""
    stop = case["blocked"] if blocked else {}
    statements = [statement(text, "Allow", stop.get("only"), stop.get("if")) for text in case["allow"]]
    # Apart from the policy that a new version of it would free from them.
    denials = [statement(text, "Deny", None, None) for text in case.get("deny", ())]
    denials += [statement(stop["deny"], "Deny", None, None)] if "deny" in stop else []
    inline = stopping(denials)
    sections = {**held["account"], **case.get("account", {})}
    resources = list(trusting(state(sections, {}, held.get("facts", {})), let_in=not stop.get("untrusted")))
    policy = Document.of({"Version": "2012-10-17", "Statement": statements})
    older = held.get("facts", {}).get("policy/mine", {}).get("versions", [])
    versions = tuple((f"v{n}", Document.of(anything(text)), False) for n, text in enumerate(older, start=1))
    resources.append(Resource(Address("policy", "mine"), Policy(policy), facts={"versions": versions}))
    limit = f"arn:aws:iam::{ACCOUNT}:policy/{case['bound']}" if "bound" in case else None
    if "boundary" in stop:
        limit = f"arn:aws:iam::{ACCOUNT}:policy/limit"
        allowed = {"Effect": "Allow", "Action": stop["boundary"], "Resource": "*"}
        bound = Document.of({"Version": "2012-10-17", "Statement": allowed})
        resources.append(Resource(Address("policy", "limit"), Policy(bound)))
    attached = (MINE, *(f"arn:aws:iam::{ACCOUNT}:policy/{name}" for name in case.get("attached", ())))
    fields: dict[str, Any] = {
        "managed_policies": attached,
        "inline_policies": inline,
        "permissions_boundary": limit,
    }
    if case["by"] == "user":
        staff = ("staff",) if "staff" in sections.get("groups", {}) else ()
        resources.append(Resource(WHO["user"], User(groups=staff, **fields)))
    else:
        resources.append(Resource(WHO["role"], Role(SERVED, **fields)))
    return Permissions(State.of(ACCOUNT, resources), documents_of_aws(held.get("aws", {})))


def document(statements: Any) -> Document:
    return Document.of({"Version": "2012-10-17", "Statement": statements})


def stopping(denials: list[dict[str, Any]]) -> tuple[tuple[str, Document], ...]:
    return (("stop", document(denials)),) if denials else ()


SERVED = document({"Effect": "Allow", "Principal": {"Service": "batch.amazonaws.com"}, "Action": "sts:AssumeRole"})


def documents_of_aws(given: dict[str, list[str]]) -> dict[str, tuple[str, Document]]:
    """Documents of AWS's own policies by their ARNs, from the actions that they allow."""
    return {
        f"arn:aws:iam::aws:policy/{name}": ("v1", document({"Effect": "Allow", "Action": actions, "Resource": "*"}))
        for name, actions in given.items()
    }


WHO = {"user": Address("user", "attacker"), "role": Address("role", "attacker")}


def anything(text: str) -> dict[str, Any]:
    effect, action = text.split(" ")
    return {"Version": "2012-10-17", "Statement": {"Effect": effect.title(), "Action": action, "Resource": "*"}}


def trusting(given: State, *, let_in: bool) -> Iterator[Resource]:
    """The resources, with identity providers in trust policies written in full; not `let_in`: no role trusts anyone."""
    for resource in given:
        if resource.address.kind == "role":
            value = resource.spec.trust_policy.value
            for one in value["Statement"]:
                names = one["Principal"].get("AWS", [])
                federated = [name for name in names if name.startswith(("saml:", "oidc:"))]
                if federated:
                    kinds = {"saml": "saml-provider", "oidc": "oidc-provider"}
                    arns = [f"arn:aws:iam::{ACCOUNT}:{kinds[n[:4]]}/{n[5:]}" for n in federated]
                    one["Principal"] = {"Federated": arns}
                    one["Action"] = ["sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"]
                if not let_in:
                    one["Effect"] = "Deny"
            resource = replace(resource, spec=replace(resource.spec, trust_policy=Document.of(value)))
        yield resource


PAIRS = tuple(cases())


@pytest.mark.parametrize(("held", "case"), PAIRS)
def test_a_rule_holds_where_its_permissions_are_effective(held: dict[str, Any], case: dict[str, Any]) -> None:
    found = path_of(Paths(account(held, case, blocked=False)), WHO[case["by"]])
    assert found is not None
    assert case["rule"] in [step.rule.id for step in found.steps], found.lines()
    assert found.certainty == (UNKNOWN if case.get("unsure") else SURE), found.lines()


@pytest.mark.parametrize(("held", "case"), PAIRS)
def test_a_rule_does_not_hold_where_something_stops_it(held: dict[str, Any], case: dict[str, Any]) -> None:
    found = path_of(Paths(account(held, case, blocked=True)), WHO[case["by"]])
    # The code that runs with a role already may still be changed: that is a way of its own, and nobody knows of it.
    assert found is None or (found.certainty == UNKNOWN and not case.get("unsure")), found.lines()
    assert found is None or case["rule"] not in [step.rule.id for step in found.steps]


CHAINS = yaml.safe_load((CASES / "chains.yaml").read_text(encoding="utf-8"))
UPS = [pytest.param(case, id=case["title"]) for case in CHAINS["chains"]]
STOPS = [
    pytest.param(case, stop, id=f"{case['title']} - {next(iter(stop))} {at}")
    for case in CHAINS["chains"]
    for at, stop in enumerate(case["blocked"])
]


def chained(case: dict[str, Any], stop: dict[str, Any]) -> Paths:
    """The paths of an account with somebody in it who tries, and what stops it."""
    statements: list[dict[str, Any]] = []
    for text, condition in ((one, None) if isinstance(one, str) else next(iter(one.items())) for one in case["allow"]):
        action = text.partition(" on ")[0]
        changed = action == stop.get("of")
        on, given = (stop.get("only"), stop.get("if", condition)) if changed else (None, condition)
        statements.append(statement(text, "Allow", on, given))
    denials = [statement(stop["deny"], "Deny", None, stop.get("where"))] if "deny" in stop else []
    sections = {name: {**one, **case.get("account", {}).get(name, {})} for name, one in CHAINS["account"].items()}
    resources = list(trusting(state(sections, {}, {}), let_in=True))
    resources.append(Resource(Address("policy", "mine"), Policy(document(statements))))
    limit = "limit" if "boundary" in stop else case.get("bound")
    if "boundary" in stop:
        bound = document({"Effect": "Allow", "Action": stop["boundary"], "Resource": "*"})
        resources.append(Resource(Address("policy", "limit"), Policy(bound)))
    fields: dict[str, Any] = {
        "managed_policies": (MINE,),
        "inline_policies": stopping(denials),
        "permissions_boundary": f"arn:aws:iam::{ACCOUNT}:policy/{limit}" if limit else None,
    }
    made = User(groups=("staff",), **fields) if case["by"] == "user" else Role(SERVED, **fields)
    resources.append(Resource(WHO[case["by"]], made))
    scp = [Source("the organization", Document.of(anything(text))) for text in stop.get("scps", ())]
    organization = Organization(scps=((Source("FullAWSAccess", EVERYTHING.document), *scp),) if scp else ())
    aws = documents_of_aws({name: one for name, one in CHAINS["aws"].items() if name not in case.get("unread", ())})
    return Paths(Permissions(State.of(ACCOUNT, resources), aws, organization=organization))


@pytest.mark.parametrize("case", UPS)
def test_a_chain_is_followed_to_its_end(case: dict[str, Any]) -> None:
    path = chained(case, {}).of(WHO[case["by"]])
    assert path is not None
    told = [" ".join(filter(None, (step.rule.id, step.at, step.by))) for step in path.steps]
    assert told == case["path"], path.lines()
    assert path.certainty == {None: SURE, "unsure": UNKNOWN}[case.get("held")], path.lines()


@pytest.mark.parametrize(("case", "stop"), STOPS)
def test_a_chain_breaks_where_one_link_is_stopped(case: dict[str, Any], stop: dict[str, Any]) -> None:
    path = chained(case, stop).of(WHO[case["by"]])
    assert path is None, path.lines()


@pytest.mark.parametrize("by", ["user", "role"])
def test_an_inline_policy_is_put_over_the_one_that_denies(by: str) -> None:
    noun = by.title()
    allow = document({"Effect": "Allow", "Action": f"iam:Put{noun}Policy", "Resource": "*"})
    deny = document({"Effect": "Deny", "Action": "s3:*", "Resource": "*"})
    for inline, attached, steps in ((deny, allow, 1), (allow, deny, 2)):
        fields: dict[str, Any] = {"managed_policies": (MINE,), "inline_policies": (("own", inline),)}
        made = User(**fields) if by == "user" else Role(SERVED, **fields)
        resources = (Resource(WHO[by], made), Resource(Address("policy", "mine"), Policy(attached)))
        path = Paths(Permissions(State.of(ACCOUNT, resources))).of(WHO[by])
        assert path is not None
        assert len(path.steps) == steps  # what is attached goes on denying, but for a new user or role


def test_every_rule_has_a_pair() -> None:
    told = {case.values[1]["rule"] for case in PAIRS}
    assert told == {rule.id for rule in RULES}
    assert len({rule.id for rule in RULES}) == len(RULES) >= 45


def test_every_action_of_a_rule_is_known() -> None:
    catalog = Permissions(State.of(ACCOUNT, ())).catalog
    assert not [action for action in ACTIONS if catalog.action(action) is None]


def paths_of(sections: dict[str, Any]) -> Paths:
    return Paths(Permissions(state(sections, {}, {})))


def test_a_path_goes_through_assumed_and_passed_roles_step_by_step() -> None:
    passing = {"ci": {"trust_policy": "role/hop", "managed_policies": ["run"]}}
    hop = {"hop": {"trust_policy": "user/dev"}}
    deep = {"deep": {"trust_policy": "lambda.amazonaws.com", "inline_policies": {"all": "allow *"}}}
    run = {"run": {"document": ["allow iam:PassRole", "allow lambda:CreateFunction", "allow lambda:InvokeFunction"]}}
    found = paths_of({"users": {"dev": {}, "other": {}}, "roles": {**passing, **hop, **deep}, "policies": run})
    path = found.of(Address("user", "dev"))
    assert path is not None
    assert [step.rule.id for step in path.steps] == ["IAM-E020", "IAM-E020", "IAM-E052"]
    assert [step.at for step in path.steps] == ["role/hop", "role/ci", "role/deep"]
    assert path.certainty == SURE
    assert path.lines()[0] == (
        "1. assume the role (role/hop): sts:AssumeRole, by role/hop trust policy, statement 1 [IAM-E020]"
    )
    assert path.lines()[-1] == "role/deep is administrator by role/deep inline all, statement 1"
    assert found.of(Address("user", "other")) is None
    assert found.of(Address("role", "ci")) is not None


def test_roles_that_trust_each_other_in_a_ring_lead_nowhere() -> None:
    ring = {"a": {"trust_policy": "role/b"}, "b": {"trust_policy": "role/a"}}
    assert not paths_of({"roles": ring}).all()


def test_a_boundary_is_taken_off_first_where_that_is_allowed() -> None:
    mine = ["allow iam:DeleteUserPermissionsBoundary", "allow iam:PutUserPolicy"]
    policies = {"mine": {"document": mine}, "fence": {"document": mine}}
    user = {"dev": {"managed_policies": ["mine"], "permissions_boundary": "fence"}}
    path = paths_of({"users": user, "policies": policies}).of(Address("user", "dev"))
    assert path is not None
    assert [step.rule.id for step in path.steps] == ["IAM-E010", "IAM-E006"]


def test_of_many_first_steps_each_is_looked_at_and_the_rest_is_bounded() -> None:
    groups = {f"g{n:03}": {"inline_policies": {"p": ["allow sts:AssumeRole", f"allow s3:Get{n}"]}} for n in range(210)}
    user = {"dev": {"inline_policies": JOINS}}
    found = paths_of({"users": user, "groups": groups})
    assert not found.all()
    assert found.cut == {WHO_JOINS}
    path = paths_of({"users": user, "groups": {**groups, "z": {"inline_policies": {"p": "allow *"}}}}).of(WHO_JOINS)
    assert path is not None
    assert [step.at for step in path.steps] == ["group/z"]


@pytest.mark.parametrize(("rungs", "found"), [(2, True), (3, True), (4, False)])
def test_what_is_further_than_is_followed_is_said_to_be(rungs: int, found: bool) -> None:
    def grants(action: str, on: str) -> tuple[tuple[str, Document], ...]:
        one = {"Effect": "Allow", "Action": action, "Resource": on}
        return (("p", Document.of({"Version": "2012-10-17", "Statement": one})),)

    climbs = [grants("iam:AddUserToGroup", f"arn:aws:iam::{ACCOUNT}:group/g{n}") for n in range(1, rungs + 1)]
    held = [Resource(Address("user", "dev"), User(inline_policies=climbs[0]))]
    for n, inline in enumerate((*climbs[1:], grants("*", "*")), start=1):
        held.append(Resource(Address("group", f"g{n}"), Group(inline_policies=inline)))
    paths = Paths(Permissions(State.of(ACCOUNT, held)))
    path = paths.of(Address("user", "dev"))
    assert (path is not None and len(path.steps) == rungs) is found
    assert paths.cut == (frozenset() if found else {Address("user", "dev")})


def test_what_many_first_steps_open_is_looked_at_for_each_of_them() -> None:
    groups = {f"g{n:03}": {"inline_policies": {"p": ["allow sts:AssumeRole", f"allow s3:Get{n}"]}} for n in range(60)}
    users = {"dev": {"inline_policies": JOINS}}
    opening = {"z": {"inline_policies": {"p": "allow iam:PutUserPolicy"}}}
    path = paths_of({"users": users, "groups": {**groups, **opening}}).of(WHO_JOINS)
    assert path is not None
    assert [step.rule.id for step in path.steps] == ["IAM-E009", "IAM-E006"]
    assert path.steps[0].at == "group/z"


def test_users_who_hold_the_same_are_put_into_a_group_once() -> None:
    """A help desk that may put anybody into some groups, and set passwords: each user would be a way of its own."""
    groups = {f"g{n}": {"inline_policies": {"p": "allow ssm:StartSession"}} for n in range(4)}
    desk = ["allow iam:AddUserToGroup", "allow iam:CreateLoginProfile"]
    users = {f"u{n:03}": {"groups": ["staff"]} for n in range(60)} | {"desk": {"inline_policies": {"p": desk}}}
    permissions = Permissions(state({"users": users, "groups": {**groups, "staff": {}}}, {}, {}))
    desk_address = Address("user", "desk")
    found = [*ways(Means(permissions, ("makes",)), desk_address, permissions.principals())]
    assert sorted({way.by for way in found}) == [f"group/g{n}" for n in range(4)]
    assert len(found) == 4
    assert {way.actor for way in found} == {Address("user", "u000")}


WHO_JOINS = Address("user", "dev")
JOINS = {"join": "allow iam:AddUserToGroup"}


@pytest.mark.parametrize(
    ("sections", "rules"),
    [
        # IAMFullAccess and PowerUserAccess in one group: together everything.
        (
            {
                "users": {"dev": {"inline_policies": JOINS}},
                "groups": {
                    "ops": {
                        "inline_policies": {
                            "iam": "allow iam:*",
                            "rest": [
                                *("allow s3:*", "allow ec2:*", "allow lambda:*"),
                                *("allow secretsmanager:*", "allow dynamodb:*"),
                            ],
                        }
                    }
                },
            },
            ["IAM-E009"],
        ),
        (
            {
                "users": {"dev": {"inline_policies": JOINS}},
                "groups": {"iam": {"inline_policies": {"iam": "allow iam:PutUserPolicy"}}},
            },
            ["IAM-E009", "IAM-E006"],
        ),
        (
            {
                "users": {"dev": {"inline_policies": JOINS}},
                "groups": {"deployers": {"inline_policies": {"in": "allow sts:AssumeRole"}}},
                "roles": {"admin": {"trust_policy": "user/dev", "inline_policies": {"all": "allow *"}}},
            },
            ["IAM-E009", "IAM-E020"],
        ),
        (
            {
                "users": {"dev": {"managed_policies": ["mine"], "permissions_boundary": "fence"}},
                "policies": {
                    "mine": {"document": ["allow iam:DeleteUserPermissionsBoundary", "allow sts:AssumeRole"]},
                    "fence": {"document": ["allow iam:DeleteUserPermissionsBoundary"]},
                },
                "roles": {"admin": {"trust_policy": "user/dev", "inline_policies": {"all": "allow *"}}},
            },
            ["IAM-E010", "IAM-E020"],
        ),
    ],
)
def test_a_first_step_counts_for_all_that_it_opens(sections: dict[str, Any], rules: list[str]) -> None:
    root = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    trust = Document.of({"Version": "2012-10-17", "Statement": root})
    given = [
        replace(one, spec=replace(one.spec, trust_policy=trust)) if one.address.kind == "role" else one
        for one in state(sections, {}, {})
    ]
    path = Paths(Permissions(State.of(ACCOUNT, given))).of(Address("user", "dev"))
    assert path is not None
    assert [step.rule.id for step in path.steps] == rules
    assert path.certainty == SURE


def test_an_older_version_that_gives_iam_is_a_way_up_and_a_group_of_readers_is_none() -> None:
    mine = {"mine": {"document": "allow iam:SetDefaultPolicyVersion"}}
    user = {"dev": {"managed_policies": ["mine"]}}
    for older, rules in (("allow iam:PutUserPolicy", ["IAM-E002", "IAM-E006"]), ("allow s3:Get*", None)):
        given = []
        for one in state({"users": user, "policies": mine}, {}, {}):
            if one.address.kind == "policy":
                one = replace(one, facts={"versions": (("v1", Document.of(anything(older)), False),)})
            given.append(one)
        path = Paths(Permissions(State.of(ACCOUNT, given))).of(Address("user", "dev"))
        assert (None if path is None else [step.rule.id for step in path.steps]) == rules
    readers = {"readers": {"inline_policies": {"look": "allow s3:Get*"}}}
    assert not paths_of({"users": {"dev": {"inline_policies": JOINS}}, "groups": readers}).all()


@pytest.mark.parametrize(
    ("statements", "certainty"),
    [
        (["allow *"], SURE),
        (["allow *", "deny organizations:LeaveOrganization"], SURE),
        (["allow iam:*", "allow s3:*"], None),
        (["allow *", "deny iam:*"], None),
    ],
)
def test_an_administrator_is_one_by_effect(statements: list[str], certainty: int | None) -> None:
    user = {"a": {"managed_policies": ["p"]}}
    found = paths_of({"users": user, "policies": {"p": {"document": statements}}}).administrator(Address("user", "a"))
    assert (None if found is None else found.certainty) == certainty


def test_whoever_has_all_of_iam_is_one_step_away() -> None:
    path = paths_of({"users": {"a": {"inline_policies": {"p": "allow iam:*"}}}}).of(Address("user", "a"))
    assert path is not None
    assert len(path.steps) == 1


def test_a_condition_on_what_a_request_carries_makes_a_path_conditional() -> None:
    case = {"rule": "IAM-E020", "by": "user", "allow": ["*"], "blocked": {}}
    held: dict[str, Any] = {"account": {}}
    case["blocked"] = {"if": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}
    path = Paths(account(held, case, blocked=True)).of(WHO["user"])
    assert path is not None
    assert path.certainty == CONDITIONAL
    assert path.doubts == ("context key aws:SourceIp is not given",)
    case["blocked"] = {"if": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
    path = Paths(account(held, case, blocked=True)).of(WHO["user"])
    assert path is not None
    assert path.certainty == SURE


def test_an_unknown_document_leaves_it_undecided_but_for_a_boundary_that_rules_it_out() -> None:
    open_user = {"a": {"managed_policies": ["aws/Unknown"]}}
    bound = {"b": {"managed_policies": ["aws/Unknown"], "permissions_boundary": "fence"}}
    found = paths_of({"users": {**open_user, **bound}, "policies": {"fence": {"document": "allow s3:*"}}})
    path = found.of(Address("user", "a"))
    assert path is not None
    assert path.certainty == UNKNOWN
    assert path.doubts == ("the document of aws/Unknown is not known",)
    assert found.of(Address("user", "b")) is None


@pytest.mark.skipif(not DUMP.exists(), reason=f"{DUMP.name} is not beside the project")
def test_a_large_account_is_told_in_a_moment() -> None:
    """An account made to be broken: its ways up are known, and so are those that something stops."""
    given, _ = dump_state(json.loads(DUMP.read_text(encoding="utf-8")))
    permissions = Permissions(given)
    began = time.process_time()
    found = Paths(permissions).all()
    assert time.process_time() - began < 5
    sure = {address.name for address, path in found.items() if path.certainty == SURE}
    assert {"fn1-privesc3-partial-user", "privesc16-PassRoleToNewLambdaThenTriggerWithNewDynamo-user"} <= sure
    assert {"privesc9-AttachRolePolicy-role", "privesc-AssumeRole-starting-role"} <= sure
    assert not [name for name in sure if name.startswith("fp")]
