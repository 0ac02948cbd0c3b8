"""Instance profiles, identity providers, settings of the account: what is odd about each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from iamsync.errors import AccessDenied
from iamsync.kinds import FURTHER, KINDS
from iamsync.kinds.account import Account, PasswordPolicy
from iamsync.kinds.codec import from_json
from iamsync.kinds.metadata import Metadata
from iamsync.model import Address, Plan, Removal, Resource, State
from iamsync.planner.scope import looked_at
from iamsync.planner.strayed import strayed
from tests.strategies import metadata
from tests.world import ACCOUNT, World, scope, settings

ISSUER = "id.example.com/tenant"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"
EC2 = {"Service": "ec2.amazonaws.com"}


def role(name: str, principal: dict[str, str] | None = None, path: str = "/") -> Resource:
    held = principal or EC2
    action = "sts:AssumeRoleWithWebIdentity" if "Federated" in held else "sts:AssumeRole"
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": held, "Action": action}}
    return from_json(Address("role", name), {"path": path, "trust_policy": trust})


def profile(name: str, of: str | None = None, path: str = "/") -> Resource:
    arn = None if of is None else f"arn:aws:iam::{ACCOUNT}:role{path}{of}"
    return from_json(Address("instance_profile", name), {"role": arn})


def provider(**fields: Any) -> Resource:
    return from_json(Address("oidc_provider", ISSUER), fields)


def setting(**fields: Any) -> Resource:
    (name,) = fields
    return Resource(Address("account", name), Account(**fields))


def state(*resources: Resource, removed: tuple[str, ...] = ()) -> State:
    gone = tuple(Removal(Address.parse(name)) for name in removed)
    return State.of(ACCOUNT, resources, complete=frozenset(KINDS), removed=gone)


def calls(made: Plan) -> list[str]:
    return [f"{step.operation} {step.params.get('RoleName', '')}".strip() for step in made.steps]


def test_a_profile_lets_its_role_go_only_when_the_next_one_is_there() -> None:
    world = World().holds(state(role("old"), profile("web", "old")))
    made = world.plan(state(role("new"), profile("web", "new"), removed=("role/old",)))
    assert calls(made) == [
        "CreateRole new",
        "RemoveRoleFromInstanceProfile old",
        "AddRoleToInstanceProfile new",
        "DeleteRole old",
    ]
    assert [finding.id for finding in made.findings] == ["access-gap"]
    assert not world.apply(made).failed


@pytest.mark.parametrize("declared", [True, False])
def test_a_deleted_role_leaves_each_profile_once_and_the_profile_stays(declared: bool) -> None:
    world = World().holds(state(role("app"), profile("web", "app")))
    desired = state(*([profile("web")] if declared else []), removed=("role/app",))
    made = world.plan(desired)
    assert calls(made) == ["RemoveRoleFromInstanceProfile app", "DeleteRole app"]
    assert not world.apply(made).failed
    assert str(world.read().resources[Address("instance_profile", "web")].spec.role) == "None"


def test_a_role_that_is_replaced_comes_back_into_a_profile_that_names_its_new_arn() -> None:
    world = World().holds(state(role("app"), profile("web", "app")))
    made = world.plan(state(role("app", path="/ci/"), profile("web", "app", "/ci/")))
    assert calls(made) == [
        "RemoveRoleFromInstanceProfile app",
        "DeleteRole app",
        "CreateRole app",
        "AddRoleToInstanceProfile app",
    ]
    assert not world.apply(made).failed


def test_a_role_that_a_profile_still_names_is_not_deleted_unnoticed() -> None:
    world = World().holds(state(role("app"), profile("web", "app")))
    made = world.plan(state(profile("web", "app"), removed=("role/app",)))
    assert calls(made)[-1] == "DeleteRole app"  # what is declared of the profile no longer holds ...
    world.apply(made)
    again = world.plan(state(profile("web", "app")))
    assert [guard.id for guard in again.refusals] == ["unknown-reference"]  # ... and the next plan says so


def test_a_provider_comes_before_the_role_that_trusts_it_and_goes_after_it() -> None:
    trusting = role("ci", {"Federated": PROVIDER})
    world = World()
    made = world.plan(state(trusting, provider(client_ids=["a"])))
    assert calls(made) == ["CreateOpenIDConnectProvider", "CreateRole ci"]
    assert made.steps[1].after == (made.steps[0].id,)
    world.apply(made)
    for desired, last in (
        (state(removed=("role/ci", f"oidc_provider/{ISSUER}")), "DeleteRole ci"),
        (state(role("ci"), removed=(f"oidc_provider/{ISSUER}",)), "UpdateAssumeRolePolicy ci"),
    ):
        gone = world.plan(desired)
        assert calls(gone) == [last, "DeleteOpenIDConnectProvider"]
        assert gone.steps[1].after == (gone.steps[0].id,)


def test_a_trusted_provider_that_nobody_knows_is_told_where_providers_are_read() -> None:
    trusting = role("ci", {"Federated": PROVIDER})
    other = from_json(Address("oidc_provider", "other.example.com"), {})
    told = World().plan(state(trusting, other))
    assert [f.id for f in told.findings if "oidc-provider" in f.title and f.id == "unknown-principal"]
    untold = World().plan(state(trusting))
    assert "unknown-principal" not in {finding.id for finding in (*untold.findings, *untold.guards)}


def test_thumbprints_that_are_left_out_are_not_compared() -> None:
    world = World()
    world.apply(world.plan(state(provider(client_ids=["a"]))))
    assert world.read().resources[Address("oidc_provider", ISSUER)].spec.thumbprints
    assert not world.plan(state(provider(client_ids=["a"]))).changes


def test_issuers_that_differ_in_case_alone_are_two() -> None:
    world = World().holds(state(provider()))
    other = from_json(Address("oidc_provider", ISSUER.upper()), {})
    assert calls(world.plan(state(provider(), other))) == ["CreateOpenIDConnectProvider"]


def test_metadata_is_compared_by_meaning_and_sent_as_written() -> None:
    one, two = Metadata.of(metadata("urn:x")), Metadata.of(metadata("urn:x", spaced=True))
    assert one == two
    assert one.text != two.text
    assert Metadata.of(metadata("urn:y")) != one
    assert (one.entity, str(one)) == ("urn:x", f"urn:x, {len(one.text):,} characters")
    assert Metadata.of("no XML") == Metadata.of("no XML")


def test_a_password_policy_is_sent_whole_and_never_with_a_zero() -> None:
    world = World().holds(state(setting(password_policy=PasswordPolicy(14, True, max_password_age=90))))
    made = world.plan(state(setting(password_policy=PasswordPolicy(require_numbers=True))))
    (step,) = made.steps
    assert step.operation == "UpdateAccountPasswordPolicy"
    assert step.params["MinimumPasswordLength"] == 6
    assert step.params["RequireNumbers"]
    assert "MaxPasswordAge" not in step.params
    world.apply(made)
    assert world.read().resources[Address("account", "password_policy")].spec.password_policy == PasswordPolicy(
        require_numbers=True
    )


def test_a_shorter_life_of_passwords_names_those_that_would_end_by_the_credential_report(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """World's moment is 2026-11-24: 90 days before it is 2026-08-26."""
    users = {"ann": "2026-01-02", "bob": "2026-08-27", "carl": None, "dora": "2026-08-25"}
    seeded: list[dict[str, Any]] = [{"UserName": name} for name in users]
    for user, day in zip(seeded, users.values(), strict=True):
        login = {"CreateDate": f"{day}T00:00:00Z", "PasswordResetRequired": False}
        user |= {"LoginProfile": login} if day else {}
    world = World()
    world.server.seed(ACCOUNT, {"UserDetailList": seeded})
    bare = settings(acknowledge=())

    def told(days: int) -> list[tuple[str, str]]:
        made = world.plan(state(setting(password_policy=PasswordPolicy(max_password_age=days))), bare)
        return [(guard.title, guard.evidence) for guard in made.refusals if guard.id == "password-policy"]

    assert told(90) == [
        (
            "the passwords of 2 users set before 2026-08-26 would expire at once",
            "max_password_age: none -> 90; ann, dora",
        )
    ]
    assert told(700) == []
    world.calls.clear()
    world.plan(state(setting(password_policy=PasswordPolicy(14))), bare)
    assert "GenerateCredentialReport" not in world.calls

    def denied(*_: Any, **__: Any) -> Any:
        raise AccessDenied("iam:GetCredentialReport is denied", code="access-denied")

    monkeypatch.setattr("iamsync.aws.read.read_report", denied)
    assert told(700)[0][0] == "every password set before 2024-12-24 would expire at once"


def test_settings_of_the_account_that_are_left_out_stay_whatever_is_said_of_the_unmanaged() -> None:
    held = state(setting(alias="acme"), setting(password_policy=PasswordPolicy(14)))
    world = World().holds(held)
    made = world.plan(state(setting(alias="acme")), settings(unmanaged="delete"))
    assert not made.changes
    assert [str(item.address) for item in made.reported] == ["account/password_policy"]
    gone = world.plan(state(removed=("account/alias", "account/password_policy")))
    assert calls(gone) == ["DeleteAccountAlias", "DeleteAccountPasswordPolicy"]
    assert not world.apply(gone).failed
    assert not len(world.read())


def test_what_nobody_declares_anything_of_is_not_read_and_so_neither_reported_nor_deleted() -> None:
    world = World().holds(state(role("app"), profile("web", "app"), provider(), setting(alias="acme")))
    for unmanaged in ("report", "delete"):
        made = world.plan(state(role("app")), settings(unmanaged=unmanaged))
        assert not made.changes
        assert not made.reported
    assert not {"ListInstanceProfiles", "ListOpenIDConnectProviders", "ListSAMLProviders"} & set(world.calls)


def test_what_makes_a_kind_be_read() -> None:
    everything = scope()
    assert looked_at([state(role("app"))], everything) == frozenset()
    assert looked_at([state(profile("web"))], everything) == {"instance_profile"}
    assert looked_at([state(), state(removed=("saml_provider/okta",))], everything) == {"saml_provider"}
    assert looked_at([state()], scope(["*", "oidc_provider/*", "!account/*"])) == {"oidc_provider"}


def test_of_a_kind_that_the_source_does_not_tell_nothing_is_created() -> None:
    world = World()
    blind = replace(state(role("app")), complete=frozenset(KINDS) - FURTHER)
    made = world.plan_against(state(role("app"), profile("web", "app")), blind)
    assert not made.changes
    assert [guard.id for guard in made.guards] == ["not-compared"]


def test_identity_centers_own_provider_is_out_of_reach() -> None:
    theirs = Resource(
        Address("saml_provider", "AWSSSO_1_DO_NOT_DELETE"),
        KINDS["saml_provider"].spec(Metadata.of(metadata("urn:aws"))),
    )
    world = World().holds(state(theirs))
    made = world.plan(state(removed=(str(theirs.address),)))
    assert [guard.id for guard in made.refusals] == ["out-of-reach"]


def test_a_profile_that_is_between_two_roles_was_not_changed_by_others() -> None:
    none, old, new = profile("web"), profile("web", "old"), profile("web", "new")
    comes_back = frozenset({Address("role", "old")})
    assert not strayed(none, "role", old, new)  # one leaves before the next one joins
    assert not strayed(none, "role", old, None)
    assert not strayed(none, "role", old, old, again=comes_back)
    assert strayed(none, "role", old, old)
    assert strayed(new, "role", old, None)
